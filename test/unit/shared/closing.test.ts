import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Client } from '../../../src/index';
import { watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';
import { closeTabsAfterEach, SharedTabs, url } from '../../support/shared-tabs';
import { waitFor } from '../../support/wait-for';

let server: FakeServer;
let tabs: SharedTabs;

beforeEach(() => {
  server = new FakeServer();
  tabs = new SharedTabs(url, { transport: server });
});

closeTabsAfterEach(() => tabs);

const places = ['the tab with the connection', 'another tab'] as const;

/** A client there; nobody else needs the connection when it has that. */
async function openIn(place: (typeof places)[number]): Promise<Client> {
  const { client } = await tabs.open();
  return place === 'another tab' ? (await tabs.open()).client : client;
}

/** What a client tells of its connection from now on. */
function told(client: Client): string[] {
  const events: string[] = [];
  client.on('status', ({ type }) => events.push(type));
  for (const name of ['connect', 'disconnect', 'close'] as const) client.on(name, () => events.push(name));
  return events;
}

/** Tabs with `ack: 'received'`, one of which holds a message that nobody takes. */
async function openWithMessage(): Promise<Client> {
  tabs = new SharedTabs(url, { transport: server, ack: 'received' });
  const { client } = await tabs.open();
  await client.subscribe('a', { qos: 1 });
  await new Promise((resolve) => setTimeout(resolve));
  server.link.publish('a', '1', { qos: 1 });
  await waitFor(() => server.link.types.includes('puback'));
  await turn();
  return client;
}

const codeOf = (error: { code?: string }) => error.code;

describe.each(places)('close() in %s', (place) => {
  test.each([
    { reasonCode: 999 },
    { properties: { sessionExpiryInterval: 5 } },
    { properties: { unknown: 1 } },
  ])('refuses %j, and the client stays open', async (options) => {
    tabs = new SharedTabs(url, { transport: server, sessionExpiryInterval: 0 });
    const client = await openIn(place);
    await expect(client.close(options)).rejects.toMatchObject({ code: 'invalid-argument' });
    await client.publish('a', 'b', { qos: 1 });
    expect(server.link.last('publish').topic).toBe('a');
  });

  test('refuses properties before MQTT 5.0, and the client stays open', async () => {
    tabs = new SharedTabs(url, { transport: server, protocolVersion: 4 });
    const client = await openIn(place);
    const properties = { reasonString: 'enough' };
    await expect(client.close({ properties })).rejects.toMatchObject({ code: 'needs-mqtt-5' });
    await client.publish('a', 'b', { qos: 1 });
  });

  test('takes no longer than it may', async () => {
    const client = await openIn(place);
    server.script.publish = () => undefined;
    const published = client.publish('a', 'b', { qos: 1 }).catch(codeOf);
    await turn();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const closed = vi.fn();
    const closing = client.close({ timeout: 1_000 }).then(closed);
    await turn();
    expect(closed).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1_000);
    await turn();
    expect(closed).toHaveBeenCalled();
    await closing;
    expect(await published).toBe('closed');
  });

  test.each(['at once', 'later'])('waits no more once close({ force: true }) comes, %s', async (when) => {
    const client = await openIn(place);
    server.script.publish = () => undefined;
    client.publish('a', 'b', { qos: 1 }).catch(() => {});
    await client.subscribe('a', () => {});
    const closing = client.close({ timeout: Infinity });
    if (when === 'later') await turn();
    await client.close({ force: true });
    await closing;
    expect(client.status.type).toBe('closed');
  });

  test('waits for what a handler has yet to take', async () => {
    const client = await openIn(place);
    const seen: string[] = [];
    await client.subscribe('a', { qos: 1 }, async (message) => {
      await turn();
      seen.push(message.text());
    });
    for (const text of ['1', '2', '3']) server.link.publish('a', text, { qos: 1 });
    await turn();
    await client.close();
    expect(seen).toEqual(['1', '2', '3']);
    expect(server.link.packets('puback')).toHaveLength(3);
  });

  test('waits for nothing with force, and waits again once it is open again', async () => {
    const client = await openIn(place);
    server.script.publish = () => undefined;
    client.publish('a', 'b', { qos: 1 }).catch(() => {});
    await client.close({ force: true, timeout: Infinity });
    expect(client.status.type).toBe('closed');
    await client.connect();
    const { link } = server;
    const published = client.publish('a', 'c', { qos: 1 });
    await waitFor(() => link.packets('publish').length > 0);
    const closing = watch(client.close({ timeout: Infinity }));
    for (let turns = 0; turns < 10; turns += 1) await turn();
    expect([closing.state, client.status.type]).toEqual(['pending', 'connected']);
    for (const { packetId = 0 } of link.packets('publish'))
      link.send({ type: 'puback', packetId, reasonCode: 0 });
    await published;
    await waitFor(() => closing.state === 'resolved');
  });

  test('waits for what a loop has yet to take', async () => {
    const client = await openIn(place);
    const subscription = await client.subscribe('a', { qos: 1 });
    const loop = subscription[Symbol.asyncIterator]();
    for (const text of ['1', '2', '3']) server.link.publish('a', text, { qos: 1 });
    await loop.next();
    const closing = client.close();
    await turn();
    const seen: string[] = [];
    for await (const message of { [Symbol.asyncIterator]: () => loop }) {
      seen.push(message.text());
      await turn();
    }
    await closing;
    expect(seen).toEqual(['2', '3']);
    expect(server.link.packets('puback')).toHaveLength(3);
  });

  test('does not wait for a loop whose Subscription has ended', async () => {
    const client = await openIn(place);
    const subscription = await client.subscribe('a', { qos: 1 });
    const loop = subscription[Symbol.asyncIterator]();
    server.link.publish('a', '1', { qos: 1 });
    await loop.next();
    await subscription.unsubscribe();
    await client.close({ timeout: Infinity });
    expect(client.status.type).toBe('closed');
  });

  test('tells of the end of the connection', async () => {
    const client = await openIn(place);
    const events = told(client);
    await client.close();
    expect(events).toEqual(['closed', 'disconnect', 'close']);
  });

  test('tells nothing when the connection has failed before', async () => {
    const client = await openIn(place);
    server.link.send({ type: 'disconnect', reasonCode: 0x8e });
    await waitFor(() => client.status.type === 'closed');
    await turn();
    const events = told(client);
    await client.close();
    expect(events).toEqual([]);
    expect(client.status).toMatchObject({ error: { code: 'session-taken-over' } });
  });

  test('is followed by what a connect() right after it waits for', async () => {
    const client = await openIn(place);
    const closed = client.close();
    const opened = client.connect();
    const subscribed = client.subscribe('a', () => {});
    const published = client.publish('a', 'b', { qos: 1 });
    const unsubscribed = client.unsubscribe('a');
    await Promise.all([closed, opened, subscribed, published, unsubscribed]);
    expect(client.status.type).toBe('connected');
    expect(server.link.types).toContain('publish');
  });

  test('calls off a connect() that waits for an earlier one', async () => {
    const client = await openIn(place);
    const closed = client.close();
    const opened = client.connect().catch(codeOf);
    const published = client.publish('a', 'b').catch(codeOf);
    await client.close();
    await closed;
    expect(await opened).toBe('closed');
    expect(await published).toBe('closed');
    expect(client.status.type).toBe('closed');
    expect(server.links.filter(({ isOpen }) => isOpen)).toHaveLength(place === 'another tab' ? 1 : 0);
  });
});

describe('a connect() that is aborted', () => {
  test('leaves nothing behind', async () => {
    const client = await openIn('the tab with the connection');
    await client.close();
    server.script.connect = () => undefined;
    const abort = new AbortController();
    const connecting = client.connect({ signal: abort.signal });
    await waitFor(() => server.links.length === 2);
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(connecting).rejects.toBe(reason);
    await waitFor(() => tabs.origin.left.length === 0);
    expect(server.link.isOpen).toBe(false);
    expect(client.status.type).toBe('closed');
  });

  test('is called off while it waits for close()', async () => {
    const client = await openIn('the tab with the connection');
    const closed = client.close();
    const abort = new AbortController();
    const connecting = client.connect({ signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(connecting).rejects.toThrow('enough');
    await closed;
    await turn();
    expect(server.links).toHaveLength(1);
    expect(tabs.origin.left).toEqual([]);
  });

  test('leaves others the connection', async () => {
    const client = await openIn('the tab with the connection');
    await client.close();
    let accept = () => {};
    server.script.connect = (packet, link) => {
      accept = () => link.send(server.sensible(packet, link) as never);
      return undefined;
    };
    const abort = new AbortController();
    const aborted = client.connect({ signal: abort.signal }).catch((error: Error) => error.message);
    const other = client.connect();
    await waitFor(() => server.links.length === 2 && server.link.received.length > 0);
    abort.abort(new Error('enough'));
    expect(await aborted).toBe('enough');
    accept();
    await other;
    expect(client.status.type).toBe('connected');
  });
});

describe('a tab that was away', () => {
  test('hears nothing of a connection that goes on', async () => {
    await tabs.open();
    const { tab, client } = await tabs.open();
    const events = told(client);
    tab.leave();
    await turn();
    tab.restore();
    await client.publish('a', 'b', { qos: 1 });
    expect(events).toEqual([]);
  });

  test('hears of the connection that was made meanwhile', async () => {
    tabs = new SharedTabs(url, { transport: server, reconnect: { minDelay: 1, maxDelay: 1 } });
    const one = await tabs.open();
    const { tab, client } = await tabs.open();
    tab.leave();
    const events = told(client);
    const later = Date.now() + 1_000;
    vi.spyOn(Date, 'now').mockReturnValue(later);
    server.link.drop();
    await waitFor(() => server.links.length === 2 && one.client.status.type === 'connected');
    vi.restoreAllMocks();
    await turn();
    tab.restore();
    await waitFor(() => events.length === 3);
    expect(events).toEqual(['connected', 'disconnect', 'connect']);
  });
});

test('close({ force: true }) ends the wait for what a tab that is gone has published', async () => {
  const client = await openIn('the tab with the connection');
  server.script.publish = () => undefined;
  const other = await tabs.open();
  other.client.publish('b', 'x', { qos: 1 }).catch(() => {});
  await waitFor(() => server.link.types.includes('publish'));
  other.tab.crash();
  const closing = client.close({ timeout: Infinity });
  await turn();
  await client.close({ force: true });
  await closing;
  expect(server.link.types).toContain('disconnect');
});

describe("close() with ack: 'received'", () => {
  test('does not wait for what nobody takes', async () => {
    const client = await openWithMessage();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const closed = vi.fn();
    const closing = client.close().then(closed);
    await turn();
    await vi.advanceTimersByTimeAsync(100);
    await turn();
    expect(closed).toHaveBeenCalled();
    await closing;
  });

  test('waits, meanwhile, for messages that were published', async () => {
    const client = await openWithMessage();
    server.script.publish = () => undefined;
    const other = await tabs.open();
    other.client.publish('b', 'x', { qos: 1 }).catch(() => {});
    await waitFor(() => server.link.types.includes('publish'));
    other.tab.crash();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const closed = vi.fn();
    const closing = client.close({ timeout: 1_000 }).then(closed);
    await turn();
    await vi.advanceTimersByTimeAsync(900);
    await turn();
    expect(closed).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(100);
    await closing;
  });
});
