/** Messages that were not read when the server lost its session. */

import { describe, expect, test, vi } from 'vitest';
import type { Client, ClientOptions, Message, SubscribeOptions } from '../../../src/index';
import { connected } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';
import { unownedStore } from '../../support/unowned-store';

const quick = { reconnect: { minDelay: 0, maxDelay: 0 }, properties: { receiveMaximum: 4 } } as const;

/** The link drops, and the next one comes up. */
async function again(server: FakeServer, client: Client, keepsSession = false): Promise<void> {
  if (!keepsSession) server.sessions.clear();
  const { length } = server.links;
  server.link.drop();
  await vi.waitFor(() => expect(server.links).toHaveLength(length + 1));
  await client.connect();
  await turn();
}

/** A client with a Subscription to `#`, whose handler works until it is told. */
async function slow(options: ClientOptions = {}, subscribe: SubscribeOptions = {}) {
  const server = new FakeServer();
  const { client } = await connected({ ...quick, queue: { maxUnread: 3 }, ...options }, server);
  const texts: string[] = [];
  const open: (() => void)[] = [];
  await client.subscribe('#', { qos: 2, ...subscribe }, (message) => {
    texts.push(message.text());
    return new Promise<void>((resolve) => open.push(resolve));
  });
  const work = async () => {
    for (let end = open.shift(); end; end = open.shift()) {
      end();
      await turn();
    }
  };
  return { client, server, texts, open, work };
}

/** Sends messages with the identifiers from 1 on. */
function send(server: FakeServer, qos: 1 | 2, texts: string[], details: { retain?: boolean } = {}): void {
  for (const [index, text] of texts.entries()) {
    server.link.publish('a', text, { qos, packetId: index + 1, ...details });
  }
}

describe('unread QoS 1 and 2 of a lost session', () => {
  test.each([1, 2] as const)(
    'are handed out all the same, before what the new one sends (QoS %i)',
    async (qos) => {
      const { client, server, texts, work } = await slow();
      send(server, qos, ['1', '2', '3']);
      await again(server, client);
      send(server, qos, ['4', '5']);
      await work();
      expect(texts).toEqual(['1', '2', '3', '4', '5']);
      expect(server.link.packets(qos === 1 ? 'puback' : 'pubrec').map(({ packetId }) => packetId)).toEqual([
        1, 2,
      ]);
      expect(client.stats.unreadDropped).toBe(0);
    },
  );

  test('are bounded, however many sessions there were: the oldest are dropped, and counted', async () => {
    const { client, server, texts, work } = await slow();
    for (let session = 0; session < 20; session += 1) {
      send(server, 1, [`${session}.1`, `${session}.2`]);
      await again(server, client);
    }
    send(server, 1, ['last']);
    expect(client.stats.unreadDropped).toBe(35);
    await work();
    expect(texts).toEqual(['0.1', '18.1', '18.2', '19.1', '19.2', 'last']);
    expect(server.link.packets('puback')).toHaveLength(1);
  });

  test('are bounded, too, when the server gives their identifiers to others in a session that it kept', async () => {
    const { client, server, texts, work } = await slow();
    for (let link = 0; link < 20; link += 1) {
      send(server, 1, [`${link}.1`, `${link}.2`, `${link}.3`, `${link}.4`]);
      await again(server, client, true);
    }
    send(server, 1, ['last']);
    await work();
    expect(texts.slice(0, 1)).toEqual(['0.1']);
    expect(texts.at(-1)).toBe('last');
    // The first, four that the server cannot send again, three that it still could, and the last.
    expect(texts).toHaveLength(9);
    expect(client.stats.unreadDropped).toBe(72);
  });

  test('are not dropped while the server may send them again', async () => {
    const { client, server, texts, work } = await slow({}, { qos: 1 });
    send(server, 1, ['1', '2', '3', '4']);
    for (let link = 0; link < 3; link += 1) await again(server, client, true);
    for (const packetId of [1, 2, 3, 4])
      server.link.publish('a', `${packetId}`, { qos: 1, packetId, dup: true });
    await work();
    expect(texts).toEqual(['1', '2', '3', '4']);
    expect(server.link.packets('puback')).toHaveLength(4);
    expect(client.stats.unreadDropped).toBe(0);
  });

  test('are bounded where nobody takes them: the oldest are given up early', async () => {
    const server = new FakeServer();
    const { client } = await connected({ ...quick, queue: { maxUnread: 3 } }, server);
    const unclaimed: string[] = [];
    client.on('unclaimed', (message) => void unclaimed.push(message.text()));
    for (let session = 0; session < 4; session += 1) {
      send(server, 1, [`${session}.1`, `${session}.2`]);
      await again(server, client);
    }
    expect(unclaimed).toEqual(['0.1', '0.2', '1.1', '1.2']);
    const seen: string[] = [];
    client.on('message', (message: Message) => void seen.push(message.text()));
    expect(seen).toEqual(['2.1', '2.2', '3.1', '3.2']);
  });

  test('are given up, and who hears of it may close the client', async () => {
    const server = new FakeServer();
    const { client } = await connected({ ...quick, queue: { maxUnread: 1 } }, server);
    client.on('unclaimed', () => client.close({ force: true }));
    send(server, 1, ['1', '2', '3', '4']);
    await again(server, client);
    send(server, 1, ['5']);
    server.sessions.clear();
    server.link.drop();
    await vi.waitFor(() => expect(client.status.type).toBe('closed'));
    await turn();
    expect(client.status.type).toBe('closed');
    await expect(client.publish('a', '', { qos: 1 })).rejects.toMatchObject({ code: 'closed' });
  });

  test('give way, where they are retained, to what the new session sends of the same topics', async () => {
    const { client, server, texts, work } = await slow();
    send(server, 1, ['old 1', 'old 2'], { retain: true });
    await again(server, client);
    send(server, 1, ['new 1', 'new 2'], { retain: true });
    await work();
    expect(texts).toEqual(['old 1', 'new 1', 'new 2']);
    expect(client.stats.unreadDropped).toBe(1);
  });

  test('do not where the flag is the publisher’s own', async () => {
    const { client, server, texts, work } = await slow({}, { retainAsPublished: true });
    send(server, 1, ['1', '2'], { retain: true });
    await again(server, client);
    await work();
    expect(texts).toEqual(['1', '2']);
  });

  test('do not in a loop whose Subscription has ended', async () => {
    const { client, server } = await slow();
    const subscription = await client.subscribe('+', { qos: 1 });
    const iterator = subscription[Symbol.asyncIterator]();
    send(server, 1, ['1', '2'], { retain: true });
    await iterator.next();
    await subscription.unsubscribe();
    await again(server, client);
    expect((await iterator.next()).value?.text()).toBe('2');
  });
});

describe("with ack: 'received'", () => {
  test('what was acknowledged is kept, whatever becomes of the session', async () => {
    const store = unownedStore();
    const { client, server, texts, open, work } = await slow({
      ack: 'received',
      store,
      clean: false,
      clientId: 'c',
    });
    send(server, 1, ['1', '2', '3', 'saved without a link']);
    await turn();
    expect(server.link.packets('puback')).toHaveLength(3);
    client.on('disconnect', () => open.shift()?.(), { once: true });
    for (let session = 0; session < 20; session += 1) {
      await again(server, client);
      send(server, 1, [`${session}`]);
    }
    expect((await store.load('c')).filter(({ kind }) => kind === 'inbox')).toHaveLength(3);
    await work();
    expect(texts).toEqual(['1', '2', '3', 'saved without a link', '15', '16', '17', '18', '19']);
    expect((await store.load('c')).filter(({ kind }) => kind === 'inbox')).toEqual([]);
  });
});
