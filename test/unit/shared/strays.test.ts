/** Messages that tabs had not read when the server lost its session. */

import { beforeEach, describe, expect, test } from 'vitest';
import type { Client, Message } from '../../../src/index';
import { FakeServer, turn } from '../../support/fake-server';
import { closeTabsAfterEach, SharedTabs, url } from '../../support/shared-tabs';
import { waitFor } from '../../support/wait-for';

let server: FakeServer;
let tabs: SharedTabs;

beforeEach(() => {
  server = new FakeServer();
  tabs = new SharedTabs(url, {
    transport: server,
    reconnect: { minDelay: 0, maxDelay: 0 },
    properties: { receiveMaximum: 2 },
    queue: { maxUnread: 3 },
  });
});

closeTabsAfterEach(() => tabs);

/** Tabs of which the second has this client. */
async function second(): Promise<Client> {
  await tabs.open();
  return (await tabs.open()).client;
}

/** Sends what a server may, then loses the session, or keeps it and forgets what it has sent. */
async function session(name: string, isKept = false, qos: 1 | 2 = 1): Promise<void> {
  const count = server.links.length;
  for (const packetId of [1, 2]) server.link.publish('a', `${name}.${packetId}`, { qos, packetId });
  await turn();
  await turn();
  if (!isKept) server.sessions.clear();
  server.link.drop();
  await waitFor(() => server.links.length > count && server.link.types.includes('connect'));
  await turn();
  await turn();
}

async function sessions(count: number, isKept = false): Promise<void> {
  for (let index = 0; index < count; index += 1) await session(String(index), isKept);
}

describe.each([false, true])('unread messages of earlier links, whose session is kept: %s', (isKept) => {
  test('are bounded for a loop: the oldest are dropped, and counted', async () => {
    const client = await second();
    const loop = (await client.subscribe('a', { qos: 1 }))[Symbol.asyncIterator]();
    await sessions(10, isKept);
    const kept = isKept ? 5 : 3;
    expect(client.stats.unreadDropped).toBe(20 - kept);
    server.link.publish('a', 'last', { qos: 1, packetId: isKept ? 1 : 7 });
    await turn();
    const seen: string[] = [];
    while (seen.at(-1) !== 'last') seen.push(((await loop.next()).value as Message).text());
    expect(seen).toEqual(
      isKept ? ['7.2', '8.1', '8.2', '9.1', '9.2', 'last'] : ['8.2', '9.1', '9.2', 'last'],
    );
    loop.next();
    await waitFor(() => server.link.types.includes('puback'));
    expect(server.link.packets('puback')).toHaveLength(1);
  });
});

test('a message of a new session is not taken for one of a lost session that looks the same', async () => {
  const client = await second();
  const seen: string[] = [];
  const ends: (() => void)[] = [];
  await client.subscribe('a', { qos: 2 }, (message) => {
    seen.push(message.text());
    return new Promise<void>((resolve) => ends.push(resolve));
  });
  await session('x', false, 2);
  // Its first sending was lost with a link.
  server.link.publish('a', 'x.1', { qos: 2, packetId: 1, dup: true });
  await turn();
  for (let count = 0; count < 3; count += 1) {
    ends.shift()?.();
    await turn();
  }
  expect(seen).toEqual(['x.1', 'x.2', 'x.1']);
});
