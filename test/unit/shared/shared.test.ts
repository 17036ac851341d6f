import { beforeEach, describe, expect, test } from 'vitest';
import type { Packet } from '../../../src/codec/packet';
import {
  ConnectionError,
  connect,
  type Message,
  memoryStore,
  RefusedError,
  UsageError,
} from '../../../src/index';
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

const texts = (messages: readonly Message[]) => messages.map((message) => message.text());

describe('tabs that share a connection', () => {
  test('make one between them', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    expect(server.links).toHaveLength(1);
    expect(one.client.status).toMatchObject({ type: 'connected' });
    expect(two.client.status).toEqual(one.client.status);
    expect(two.client.clientId).toBe(server.link.connect.clientId);
    expect(two.client.server).toEqual(one.client.server);
    expect(two.client.protocolVersion).toBe(5);
  });

  test('publish over it, and get each its own result', async () => {
    server.script.publish = ({ topic, packetId }) =>
      packetId === undefined
        ? undefined
        : { type: 'puback', packetId, reasonCode: topic === 'nobody' ? 0x10 : 0x87 };
    const [one, two] = [await tabs.open(), await tabs.open()];
    await expect(one.client.publish('nobody', 'a', { qos: 1 })).resolves.toEqual({ reasonCode: 0x10 });
    const refused = await two.client.publish('secret', 'b', { qos: 1 }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RefusedError);
    expect(refused).toMatchObject({ code: 'not-authorized', reasonCode: 0x87 });
    await expect(two.client.publish('bad/+', 'c')).rejects.toBeInstanceOf(UsageError);
    await expect(two.client.publish('a', (() => {}) as never)).rejects.toBeInstanceOf(UsageError);
    expect(await two.client.publish('zero', 'd')).toEqual({ reasonCode: 0 });
    expect(server.link.packets('publish').map(({ topic }) => topic)).toEqual(['nobody', 'secret', 'zero']);
  });

  test('get the messages that they subscribed to, with params of their own', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    const rooms: unknown[] = [];
    const all: string[] = [];
    await one.client.subscribe('room/+room/light', ({ params }) => rooms.push(params));
    await two.client.subscribe('room/#rest', ({ params }) => all.push(params.rest));
    server.link.publish('room/kitchen/light', 'on');
    server.link.publish('room/hall/door', 'open');
    await waitFor(() => all.length === 2);
    expect(all).toEqual(['kitchen/light', 'hall/door']);
    expect(rooms).toEqual([{ room: 'kitchen' }]);
  });

  test('hold a filter together, and give it back with the last one', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    const first = await one.client.subscribe('a/+x', () => {});
    const second = await two.client.subscribe('a/+y', () => {});
    await first.unsubscribe();
    expect(server.link.types).not.toContain('unsubscribe');
    await second.unsubscribe();
    expect(server.link.first('unsubscribe').filters).toEqual(['a/+']);
  });

  test('unsubscribe from their own Subscriptions only', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    const seen: string[] = [];
    await one.client.subscribe(['a', 'b'], ({ topic }) => seen.push(`one ${topic}`));
    await two.client.subscribe('a', ({ topic }) => seen.push(`two ${topic}`));
    await one.client.unsubscribe('a');
    server.link.publish('a');
    server.link.publish('b');
    await waitFor(() => seen.length === 2);
    expect(seen.sort()).toEqual(['one b', 'two a']);
    await two.client.unsubscribe('a');
    expect(server.link.last('unsubscribe').filters).toEqual(['a']);
  });

  test('hear of refused filters as errors of the right class', async () => {
    server.script.subscribe = ({ packetId, subscriptions }) => ({
      type: 'suback',
      packetId,
      reasonCodes: subscriptions.map(({ filter }) => (filter === 'secret' ? 0x87 : 1)),
    });
    await tabs.open();
    const { client } = await tabs.open();
    await expect(client.subscribe('secret')).rejects.toBeInstanceOf(RefusedError);
    const subscription = await client.subscribe(['secret', 'open'], { qos: 1 });
    expect(subscription.grants).toMatchObject([
      { filter: 'secret', error: { code: 'not-authorized' } },
      { filter: 'open', qos: 1 },
    ]);
    expect(subscription.grants[0]?.error).toBeInstanceOf(RefusedError);
  });

  test('acknowledge a message when all that took it have settled', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    const ends: (() => void)[] = [];
    const slow = () => new Promise<void>((resolve) => ends.push(resolve));
    await one.client.subscribe('a', { qos: 1 }, slow);
    await two.client.subscribe('#', { qos: 2 }, slow);
    server.link.publish('a', 'x', { qos: 1 });
    await waitFor(() => ends.length === 2);
    ends[0]?.();
    await turn();
    expect(server.link.types).not.toContain('puback');
    ends[1]?.();
    await waitFor(() => server.link.types.includes('puback'));
    expect(server.link.first('puback').reasonCode).toBe(0);
  });

  test('say in PUBACK that a handler failed, and report it where it happened', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    const errors: unknown[] = [];
    two.client.on('error', (error) => errors.push(error));
    one.client.on('error', (error) => errors.push(`not here: ${error.message}`));
    await two.client.subscribe('a', { qos: 1 }, () => {
      throw new Error('broken');
    });
    server.link.publish('a', 'x', { qos: 1 });
    await waitFor(() => server.link.types.includes('puback'));
    expect(server.link.first('puback').reasonCode).toBe(0x83);
    expect(errors).toMatchObject([{ message: 'broken' }]);
  });

  test('read with iterators: a message is done with when the next one is asked for', async () => {
    await tabs.open();
    const { client } = await tabs.open();
    const loop = (await client.subscribe('a', { qos: 1 }))[Symbol.asyncIterator]();
    server.link.publish('a', '1', { qos: 1 });
    server.link.publish('a', '2', { qos: 1 });
    const first = await loop.next();
    expect(first.value?.text()).toBe('1');
    expect(server.link.types).not.toContain('puback');
    await expect(loop.next()).resolves.toMatchObject({ done: false });
    await waitFor(() => server.link.packets('puback').length === 1);
    await loop.return?.();
    await waitFor(() => server.link.types.includes('unsubscribe'));
    await expect(loop.next()).resolves.toMatchObject({ done: true });
  });

  test("show 'message' listeners what their own tab subscribed to", async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    const seen: Message[] = [];
    const others: Message[] = [];
    one.client.on('message', (message) => others.push(message));
    two.client.on('message', (message) => seen.push(message));
    await two.client.subscribe('a');
    server.link.publish('a', 'for two');
    await waitFor(() => seen.length === 1);
    expect(texts(seen)).toEqual(['for two']);
    expect(others).toEqual([]);
  });

  test('acknowledge by hand', async () => {
    tabs = new SharedTabs(url, { transport: server, ack: 'manual' });
    await tabs.open();
    const { client } = await tabs.open();
    const messages: Message[] = [];
    await client.subscribe('a', { qos: 1 }, (message) => messages.push(message));
    server.link.publish('a', 'x', { qos: 1 });
    await waitFor(() => messages.length === 1);
    expect(() => messages[0]?.ack(1)).toThrow(UsageError);
    expect(server.link.types).not.toContain('puback');
    messages[0]?.ack(0x97);
    await waitFor(() => server.link.types.includes('puback'));
    expect(server.link.first('puback').reasonCode).toBe(0x97);
  });

  test('see retained messages once for each time that they subscribe', async () => {
    server.script.subscribe = (packet, link) => [
      server.sensible(packet, link) as never,
      link.message('a/1', 'kept', { retain: true }),
      link.message('a/2', 'kept too', { retain: true }),
    ];
    const [one, two] = [await tabs.open(), await tabs.open()];
    const seen: string[] = [];
    await one.client.subscribe('a/+', ({ topic }) => seen.push(`one ${topic}`));
    await waitFor(() => seen.length === 2);
    await two.client.subscribe('a/+', ({ topic }) => seen.push(`two ${topic}`));
    await waitFor(() => seen.length === 4);
    server.link.publish('a/1', 'new');
    await waitFor(() => seen.length === 6);
    expect(seen).toEqual(['one a/1', 'one a/2', 'two a/1', 'two a/2', 'one a/1', 'two a/1']);
  });

  test('ask for retained messages of a new subscription when it is new to the tab', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    for (const { client } of [one, one, two, two])
      await client.subscribe('a', { retainHandling: 1 }, () => {});
    const asked = server.link.packets('subscribe').map(({ subscriptions: [first] }) => first?.retainHandling);
    expect(asked).toEqual([1, 1, 0, 1]);
  });

  test('are refused Retain Handling before MQTT 5.0, whoever has the filter already', async () => {
    tabs = new SharedTabs(url, { transport: server, protocolVersion: 4 });
    const [one, two] = [await tabs.open(), await tabs.open()];
    await one.client.subscribe('a', () => {});
    await expect(two.client.subscribe('a', { retainHandling: 1 })).rejects.toMatchObject({
      code: 'needs-mqtt-5',
    });
  });

  test('see what is retained now when the server has lost the session', async () => {
    tabs = new SharedTabs(url, { transport: server, reconnect: { minDelay: 1, maxDelay: 1 } });
    const [one, two] = [await tabs.open(), await tabs.open()];
    let now = 'old';
    server.script.subscribe = (packet, link) => {
      const answer = server.sensible(packet, link) as Packet;
      return [answer, link.message('a', now, { retain: true })];
    };
    const seen: string[] = [];
    await two.client.subscribe('a', (message) => seen.push(`two ${message.text()}`));
    await one.client.subscribe('a', (message) => seen.push(`one ${message.text()}`));
    await waitFor(() => seen.length === 2);
    now = 'new';
    server.sessions.clear();
    server.link.drop();
    await waitFor(() => seen.length === 4);
    expect(seen.sort()).toEqual(['one new', 'one old', 'two new', 'two old']);
  });

  test('hear of messages of an earlier page, though they end before anyone can listen', async () => {
    const kept = { transport: server, clean: false, clientId: 'tabs', store: memoryStore() };
    server.script.publish = () => undefined;
    const earlier = await connect(url, kept);
    await earlier.publish('a', 'x', { qos: 1, key: 'x', until: 'stored' });
    await earlier.close({ force: true });
    server.script = {};
    tabs = new SharedTabs(url, kept);
    const { client } = await tabs.open();
    await waitFor(() => client.stats.inFlight === 0 && server.link.types.includes('publish'));
    await turn();
    const keys: unknown[] = [];
    client.on('settled', ({ key }) => keys.push(key));
    await waitFor(() => keys.length === 1);
    expect(keys).toEqual(['x']);
  });

  test('hear all of an error that ends the connection for good', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    const closed: unknown[] = [];
    for (const { client } of [one, two]) client.on('close', ({ error }) => closed.push(error));
    const loop = (await two.client.subscribe('a'))[Symbol.asyncIterator]();
    const read = loop.next().catch((error: unknown) => error);
    server.link.send({ type: 'disconnect', reasonCode: 0x8e });
    await waitFor(() => closed.length === 2);
    expect(closed[1]).toBeInstanceOf(RefusedError);
    expect(await read).toMatchObject({ code: 'session-taken-over' });
    expect(two.client.status).toMatchObject({ type: 'closed', error: { code: 'session-taken-over' } });
    await expect(two.client.publish('a', 'b')).rejects.toMatchObject({ code: 'closed' });
    await two.client.connect();
    expect(one.client.status.type).toBe('connected');
  });

  test('hear all that the first connection failed', async () => {
    server.unreachable = new ConnectionError('unreachable', 'No way');
    const failures = await Promise.allSettled([tabs.open(), tabs.open()]);
    expect(failures).toMatchObject([
      { status: 'rejected', reason: { code: 'unreachable' } },
      { status: 'rejected', reason: { code: 'unreachable' } },
    ]);
    server.unreachable = undefined;
    await tabs.open();
    expect(server.links).toHaveLength(1);
  });

  test('show packets to the tab that asks', async () => {
    await tabs.open();
    const { client } = await tabs.open();
    const types: string[] = [];
    client.on('packet', ({ direction, packet }) => types.push(`${direction} ${packet.type}`));
    await client.publish('a', 'b', { qos: 1 });
    await waitFor(() => types.length === 2);
    expect(types).toEqual(['out publish', 'in puback']);
  });
});

describe('what tabs do together', () => {
  test('ends a Subscription that the server refuses in a new session, in its tab', async () => {
    tabs = new SharedTabs(url, { transport: server, reconnect: { minDelay: 1, maxDelay: 1 } });
    const [one, two] = [await tabs.open(), await tabs.open()];
    const errors: string[] = [];
    one.client.on('error', () => errors.push('one'));
    two.client.on('error', (error) => errors.push(`two ${error.constructor.name}`));
    await one.client.subscribe('open', () => {});
    const loop = (await two.client.subscribe('secret'))[Symbol.asyncIterator]();
    const read = loop.next().catch((error: unknown) => error);
    server.script.subscribe = ({ packetId, subscriptions }) => ({
      type: 'suback',
      packetId,
      reasonCodes: subscriptions.map(({ filter }) => (filter === 'secret' ? 0x87 : 0)),
    });
    server.sessions.clear();
    server.link.drop();
    expect(await read).toBeInstanceOf(RefusedError);
    await waitFor(() => errors.length > 0);
    expect(errors).toEqual(['two RefusedError']);
  });

  test('asks again what the last holder of the connection had not answered, but QoS 0', async () => {
    server.script.publish = () => undefined;
    const [one, two] = [await tabs.open(), await tabs.open()];
    const waiting = two.client.publish('a', 'one', { qos: 1 });
    const alsoWaiting = two.client.publish('a', 'two', { qos: 2, until: 'stored' });
    await waitFor(() => server.link.packets('publish').length === 2);
    await alsoWaiting;
    server.script = {};
    one.tab.crash();
    const lost = two.client.publish('a', 'zero').catch((error: unknown) => error);
    await expect(waiting).resolves.toEqual({ reasonCode: 0 });
    expect(await lost).toMatchObject({ code: 'dropped' });
    // `until: 'stored'` was the memory of the tab that is gone.
    expect(server.link.packets('publish').map(({ qos }) => qos)).toEqual([1]);
  });

  test("acknowledges on receipt with ack: 'received'", async () => {
    tabs = new SharedTabs(url, { transport: server, ack: 'received' });
    await tabs.open();
    const { client } = await tabs.open();
    const seen: string[] = [];
    await client.subscribe('a', { qos: 1 }, async (message) => {
      seen.push(message.text());
      await new Promise(() => {});
    });
    server.link.publish('a', '1', { qos: 1 });
    await waitFor(() => seen.length === 1);
    expect(server.link.types).toContain('puback');
  });

  test('holds a message that nobody takes, and reports it in the end', async () => {
    tabs = new SharedTabs(url, { transport: server, unclaimedTimeout: 5 });
    await tabs.open();
    const { client } = await tabs.open();
    const unclaimed: string[] = [];
    client.on('unclaimed', (message) => unclaimed.push(message.text()));
    await client.subscribe('a', { qos: 1 });
    await turn();
    server.link.publish('a', 'for nobody', { qos: 1 });
    await waitFor(() => unclaimed.length === 1);
    await waitFor(() => server.link.types.includes('puback'));
    expect(unclaimed).toEqual(['for nobody']);
  });

  test.each([0, 1])('drops nothing of a burst of QoS 0 for a handler, in tab %d', async (index) => {
    tabs = new SharedTabs(url, { transport: server, queue: { maxUnread: 2 } });
    const { client } = [await tabs.open(), await tabs.open()][index] ?? (await tabs.open());
    const messages: Message[] = [];
    await client.subscribe('a', (message) => messages.push(message));
    const sent = Array.from({ length: 50 }, (_, count) => String(count));
    server.link.send(...sent.map((text) => server.link.message('a', text)));
    await turn();
    expect(texts(messages)).toEqual(sent);
  });

  test('drops QoS 0 for a tab that hangs once 16 MiB are on their way, and no more when it goes again', async () => {
    tabs = new SharedTabs(url, { transport: server, keepAlive: 0 });
    const one = await tabs.open();
    const { client, tab } = await tabs.open();
    const messages: Message[] = [];
    await client.subscribe('a', (message) => messages.push(message));
    tab.hide();
    tab.freeze();
    const payload = new Uint8Array(1_024 * 1_024);
    for (let count = 0; count < 20; count += 1) server.link.publish('a', payload);
    await waitFor(() => one.client.stats.unreadDropped === 4);
    tab.thaw();
    await waitFor(() => messages.length === 16);
    await turn();
    server.link.publish('a', payload);
    await waitFor(() => messages.length === 17);
  });

  test('drops the oldest unread QoS 0 messages of a loop', async () => {
    tabs = new SharedTabs(url, { transport: server, queue: { maxUnread: 2 } });
    await tabs.open();
    const { client } = await tabs.open();
    const loop = (await client.subscribe('a'))[Symbol.asyncIterator]();
    for (const text of ['1', '2', '3']) {
      server.link.publish('a', text);
      await turn();
    }
    await waitFor(() => client.stats.unreadDropped === 1);
    const first = await loop.next();
    expect(first.value?.text()).toBe('2');
  });
});

describe('a tab that leaves', () => {
  test('ends its own share only', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    await two.client.subscribe('a', () => {});
    await two.client.close();
    expect(two.client.status).toEqual({ type: 'closed' });
    await expect(two.client.publish('a', 'b')).rejects.toMatchObject({ code: 'closed' });
    await waitFor(() => server.link.types.includes('unsubscribe'));
    expect(one.client.status.type).toBe('connected');
    expect(server.links).toHaveLength(1);
  });

  test('leaves the tab the client identifier of its connection', async () => {
    const { client } = await tabs.open();
    const { clientId } = client;
    expect(clientId).toBe(server.link.connect.clientId);
    await client.close();
    expect(client.clientId).toBe(clientId);
  });

  test('is told of by connect when the tab comes back, also to a connection that is open', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    for (const { client } of [two, one]) {
      const results: unknown[] = [];
      client.on('connect', (result) => results.push(result));
      await client.close();
      expect(results).toEqual([]);
      const result = await client.connect();
      expect(results).toEqual([result]);
      await client.connect();
      expect(results).toHaveLength(1);
    }
  });

  test('ends the connection when it is the last', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    await two.client.close();
    await one.client.close();
    expect(server.link.last('disconnect').reasonCode).toBe(0);
    expect(server.links).toHaveLength(1);
    await waitFor(() => tabs.origin.left.length === 0);
    await one.client.connect();
    expect(server.links).toHaveLength(2);
  });

  test('hands the connection over when it held it', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    const events: string[] = [];
    two.client.on('disconnect', ({ willReconnect }) => events.push(`disconnect ${willReconnect}`));
    two.client.on('connect', () => events.push('connect'));
    const seen: string[] = [];
    await two.client.subscribe('a', { qos: 1 }, (message) => seen.push(message.text()));
    await one.client.close();
    await waitFor(() => events.length === 2);
    expect(events).toEqual(['disconnect true', 'connect']);
    expect(server.links).toHaveLength(2);
    expect(server.link.connect.clientId).toBe(server.links[0]?.connect.clientId);
    await waitFor(() => server.link.types.includes('suback') || server.link.types.includes('subscribe'));
    server.link.publish('a', 'here', { qos: 1 });
    await waitFor(() => seen.length === 1);
  });

  test('no longer counts for what it took when it crashes', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    let calls = 0;
    await one.client.subscribe('a', { qos: 1 }, () => {
      calls += 1;
    });
    await two.client.subscribe('a', { qos: 1 }, () => {
      calls += 1;
      return new Promise(() => {});
    });
    server.link.publish('a', 'x', { qos: 1 });
    await waitFor(() => calls === 2);
    expect(server.link.types).not.toContain('puback');
    two.tab.crash();
    await waitFor(() => server.link.types.includes('puback'));
  });

  test('finds what came for it meanwhile when it is reloaded', async () => {
    await tabs.open();
    const { tab, client } = await tabs.open();
    const pattern = 'a/+id';
    await client.subscribe(pattern, { qos: 1 }, () => new Promise(() => {}));
    server.link.publish('a/1', 'in its hands', { qos: 1 });
    await waitFor(() => tabs.origin.said.some((said) => JSON.stringify(said).includes('"a/1"')));
    tab.crash();
    server.link.publish('a/2', 'after its end', { qos: 1 });
    await turn();
    expect(server.link.types).not.toContain('puback');
    const seen: string[] = [];
    const reloaded = await tabs.open();
    await reloaded.client.subscribe(pattern, { qos: 1 }, ({ params }) => seen.push(params.id));
    await waitFor(() => server.link.packets('puback').length === 2);
    expect(seen).toEqual(['1', '2']);
  });
});

describe('options', () => {
  test('have to be the same in all tabs', async () => {
    await tabs.open({ keepAlive: 30, password: 'one', username: 'user' });
    const error = await tabs.open({ keepAlive: 31, password: 'other', username: 'user' }).catch((e) => e);
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toContain('options: keepAlive.');
    await tabs.open({ keepAlive: 30, password: 'other', username: 'user' });
    await expect(tabs.open({ keepAlive: 30, username: 'user' })).rejects.toThrow('options: password.');
  });

  test('with another name are another connection', async () => {
    await tabs.open();
    await tabs.open({ name: 'second', keepAlive: 31 });
    expect(server.links).toHaveLength(2);
    await expect(tabs.open({ name: '' })).rejects.toBeInstanceOf(UsageError);
  });

  test('are checked in each tab', async () => {
    await tabs.open();
    await expect(tabs.open({ keepAlive: -1 })).rejects.toBeInstanceOf(UsageError);
  });

  test('never send a secret to other tabs', async () => {
    const secret = { username: 'token-in-user', password: 'secret-password' };
    tabs = new SharedTabs('wss://u1:p1-secret@broker.example/mqtt?token=query-secret', {
      transport: server,
      ...secret,
    });
    const [one, two] = [await tabs.open(), await tabs.open()];
    await one.client.publish('a', 'b', { qos: 1 });
    await two.client.publish('a', 'b', { qos: 1 });
    two.client.on('packet', () => {});
    const said = JSON.stringify(tabs.origin.said) + [...tabs.origin.channels.keys()].join();
    expect(said).toContain('hello');
    expect(said).not.toMatch(/secret|token-in-user/);
  });
});

test('a publish that its caller gives up is withdrawn where that is possible', async () => {
  server.script.publish = () => undefined;
  await tabs.open({ maxInflight: 1 });
  const { client } = await tabs.open({ maxInflight: 1 });
  const abort = new AbortController();
  const stuck = client.publish('a', '1', { qos: 1, timeout: 5 }).catch((error: unknown) => error);
  const waiting = client.publish('a', '2', { qos: 1, signal: abort.signal }).catch((error: unknown) => error);
  expect(await stuck).toMatchObject({ code: 'still-stored', cause: { code: 'timeout' } });
  const reason = new Error('enough');
  abort.abort(reason);
  expect(await waiting).toBe(reason);
});

test('wrong arguments of listeners throw at once', async () => {
  const { client } = await tabs.open();
  expect(() => client.on('nothing' as never, () => {})).toThrow(UsageError);
  expect(() => client.on('close', 1 as never)).toThrow(UsageError);
});
