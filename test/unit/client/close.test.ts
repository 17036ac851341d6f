import { describe, expect, test, vi } from 'vitest';
import { encode } from '../../../src/codec/encode';
import type { Client, Message } from '../../../src/index';
import { ConnectionError, createClient } from '../../../src/index';
import { memoryStore } from '../../../src/store/memory';
import type { SessionStore } from '../../../src/store/store';
import type { Transport } from '../../../src/transport/transport';
import { connected, fakeTime, idle, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';

const never = () => new Promise<never>(() => undefined);

/** The events of a client, with the state that a listener sees. */
function record(client: Client): string[] {
  const log: string[] = [];
  for (const name of ['status', 'connect', 'disconnect', 'reconnecting', 'close'] as const) {
    client.on(name, () => log.push(`${name} (${client.status.type})`));
  }
  return log;
}

describe('close of a connection', () => {
  test('sends DISCONNECT, closes the transport, and tells it in order', async () => {
    const { client, server } = await connected();
    const log = record(client);
    const events: unknown[] = [];
    client.on('disconnect', (event) => events.push(event));
    client.on('close', (event) => events.push(event));
    await client.close();
    expect(server.link.types).toEqual(['connect', 'disconnect']);
    expect(server.link.last('disconnect')).toMatchObject({ reasonCode: 0 });
    expect(server.link.connection.endedBy).toBe('close');
    expect(log).toEqual(['status (closed)', 'disconnect (closed)', 'close (closed)']);
    expect(events).toEqual([
      { error: undefined, reasonCode: undefined, willReconnect: false },
      { error: undefined },
    ]);
    expect(client.status).toEqual({ type: 'closed' });
    expect([client.server, client.protocolVersion]).toEqual([undefined, undefined]);
  });

  test('waits until its last bytes have left, but neither for ever nor by force', async () => {
    fakeTime();
    const { client, server } = await connected();
    let leave: () => void = () => undefined;
    server.link.connection.left = new Promise((resolve) => {
      leave = resolve;
    });
    const first = watch(client.close());
    await turn();
    expect([client.status.type, first.state]).toEqual(['closed', 'pending']);
    leave();
    await turn();
    expect(first.state).toBe('resolved');

    await client.connect();
    server.link.connection.left = never();
    const second = watch(client.close({ timeout: 2_000 }));
    await vi.advanceTimersByTimeAsync(1_999);
    expect(second.state).toBe('pending');
    await vi.advanceTimersByTimeAsync(1);
    expect(second.state).toBe('resolved');

    await client.connect();
    server.link.connection.left = never();
    const third = watch(client.close({ force: true }));
    await turn();
    expect(third.state).toBe('resolved');
  });

  test('sends nothing after DISCONNECT [v5 MQTT-3.14.4-1, v3 MQTT-3.14.4-2] and closes itself [v5 MQTT-3.14.4-2, v3 MQTT-3.14.4-1]', async () => {
    for (const protocolVersion of [5, 4] as const) {
      const { client, server } = await connected({ protocolVersion, maxInflight: 1 });
      server.script = { publish: () => undefined };
      await client.subscribe('a', never);
      server.link.publish('a', 'x', { qos: 1 });
      const waiting = [1, 2, 3].map((qos) => watch(client.publish('b', '', { qos: qos > 1 ? 2 : 1 })));
      await client.close({ timeout: 10 });
      await turn();
      expect(server.link.types.at(-1)).toBe('disconnect');
      expect(server.link.connection.endedBy).toBe('close');
      expect(waiting.map(({ error }) => (error as ConnectionError).code)).toEqual([
        'closed',
        'closed',
        'closed',
      ]);
    }
  });

  test('ends a clean session at the server, and keeps one that is not', async () => {
    const clean = await connected();
    await clean.client.close();
    expect(clean.server.link.last('disconnect').properties).toEqual({ sessionExpiryInterval: 0 });
    const kept = await connected({ clean: false, clientId: 'kept' });
    await kept.client.close();
    expect(kept.server.link.last('disconnect').properties).toBeUndefined();
  });

  test('ends it whatever else it says', async () => {
    const { client, server } = await connected();
    await client.close({ properties: { sessionExpiryInterval: undefined, reasonString: 'bye' } });
    expect(server.link.last('disconnect').properties).toEqual({
      sessionExpiryInterval: 0,
      reasonString: 'bye',
    });
  });

  test('says what it is told', async () => {
    const { client, server } = await connected();
    const userProperties = [['a', 'b']] as const;
    await client.close({
      reasonCode: 4,
      properties: { sessionExpiryInterval: 60, reasonString: 'lunch', userProperties },
    });
    expect(server.link.last('disconnect')).toMatchObject({
      reasonCode: 4,
      properties: { sessionExpiryInterval: 60, reasonString: 'lunch', userProperties },
    });
  });

  test('with a reason says nothing before MQTT 5.0: a close without DISCONNECT has the will published', async () => {
    const { client, server } = await connected({ protocolVersion: 4 });
    await client.close({ reasonCode: 4 });
    expect(server.link.types).toEqual(['connect']);
    expect(server.link.isOpen).toBe(false);
  });

  test('leaves out words that are too many for the server [v5 MQTT-3.14.2-3, v5 MQTT-3.14.2-4]', async () => {
    const server = new FakeServer();
    server.connack = { maximumPacketSize: 30 };
    const { client } = await connected({}, server);
    const userProperties = [['a', 'x'.repeat(30)]] as const;
    await client.close({
      properties: { sessionExpiryInterval: 7, reasonString: 'x'.repeat(30), userProperties },
    });
    expect(server.link.last('disconnect').properties).toEqual({ sessionExpiryInterval: 7 });
  });

  test('frees a transport that never ends', async () => {
    fakeTime();
    const { client, server } = await connected();
    const { connection } = server.link;
    const destroy = vi.spyOn(connection, 'destroy');
    vi.spyOn(connection, 'close').mockImplementation(() => undefined);
    await client.close();
    expect(destroy).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(destroy).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('lets a transport send everything, for as long as the server reads', async () => {
    fakeTime();
    const { client, server } = await connected();
    const { connection } = server.link;
    const destroy = vi.spyOn(connection, 'destroy');
    vi.spyOn(connection, 'close').mockImplementation(() => undefined);
    server.link.buffer(1_000);
    await client.close();
    for (let left = 900; left >= 0; left -= 100) {
      server.link.buffer(left);
      await vi.advanceTimersByTimeAsync(2_000);
    }
    expect(destroy).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(destroy).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('has done with a transport that ends, although the server sent more until then', async () => {
    fakeTime();
    const { client, server } = await connected();
    const { connection } = server.link;
    vi.spyOn(connection, 'close').mockImplementation(() => undefined);
    await client.close();
    expect(vi.getTimerCount()).toBe(1);
    connection.feed(encode({ type: 'pingresp' }, 5));
    connection.end();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('close waits', () => {
  test.each([1, 2] as const)('for the acknowledgement of QoS %i', async (qos) => {
    const { client, server } = await connected();
    const script: FakeServer['script'] = { publish: () => undefined };
    server.script = script;
    const publish = watch(client.publish('a', 'b', { qos }));
    const closing = watch(client.close());
    await turn();
    expect([closing.state, client.status.type, server.link.types]).toEqual([
      'pending',
      'connected',
      ['connect', 'publish'],
    ]);
    const { packetId = 0 } = server.link.first('publish');
    server.link.send({ type: qos === 1 ? 'puback' : 'pubrec', packetId, reasonCode: 0 });
    await turn();
    expect([closing.state, publish.state]).toEqual(['resolved', 'resolved']);
    expect(server.link.types.at(-1)).toBe('disconnect');
  });

  test('for messages that wait for their turn', async () => {
    const { client, server } = await connected({ maxInflight: 1 });
    const publishes = [1, 2, 3].map((number) => watch(client.publish('a', `${number}`, { qos: 1 })));
    await client.close();
    expect(publishes.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved']);
    expect(server.link.packets('publish')).toHaveLength(3);
  });

  test('for handlers that run, and for what they acknowledge', async () => {
    const { client, server } = await connected();
    let done: (() => void) | undefined;
    await client.subscribe('a', { qos: 1 }, () => new Promise<void>((resolve) => (done = resolve)));
    server.link.publish('a', '1', { qos: 1 });
    server.link.publish('a', '2', { qos: 1 });
    const closing = watch(client.close());
    await turn();
    done?.();
    await turn();
    // The second one has its turn, too.
    expect(closing.state).toBe('pending');
    done?.();
    await turn();
    expect(closing.state).toBe('resolved');
    expect(server.link.types.slice(-3)).toEqual(['puback', 'puback', 'disconnect']);
  });

  test("for a 'message' listener and for the item that an iterator works on", async () => {
    const { client, server } = await connected();
    let done: (() => void) | undefined;
    client.on('message', () => new Promise<void>((resolve) => (done = resolve)));
    server.link.publish('a', '1');
    const closing = watch(client.close());
    await turn();
    expect(closing.state).toBe('pending');
    done?.();
    await turn();
    expect(closing.state).toBe('resolved');
  });

  test('not for what an iterator has in hand whose Subscription is over: nobody has to read on', async () => {
    const { client, server } = await connected();
    const subscription = await client.subscribe('a', { qos: 1 });
    const iterator = subscription[Symbol.asyncIterator]();
    for (const text of ['1', '2']) server.link.publish('a', text, { qos: 1 });
    await iterator.next();
    await subscription.unsubscribe();
    const closing = watch(client.close());
    await turn();
    expect(closing.state).toBe('resolved');
  });

  test('for a loop that reads on after the end of its Subscription', async () => {
    const { client, server } = await connected();
    const subscription = await client.subscribe('a', { qos: 1 });
    const iterator = subscription[Symbol.asyncIterator]();
    for (const text of ['1', '2']) server.link.publish('a', text, { qos: 1 });
    await iterator.next();
    await subscription.unsubscribe();
    await iterator.next();
    const closing = watch(client.close());
    await turn();
    expect(closing.state).toBe('pending');
    await iterator.next();
    await turn();
    expect(closing.state).toBe('resolved');
    expect(server.link.packets('puback')).toHaveLength(2);
  });

  test('not for what an earlier close did not wait for', async () => {
    const { client, server } = await connected();
    await client.subscribe('a', never);
    const ended = await client.subscribe('b');
    const iterator = ended[Symbol.asyncIterator]();
    for (const topic of ['a', 'b', 'b']) server.link.publish(topic);
    await iterator.next();
    await ended.unsubscribe();
    await iterator.next();
    await client.close({ force: true });
    await client.connect();
    const closing = watch(client.close());
    await turn();
    expect(closing.state).toBe('resolved');
    // What ends now has no part in what the next close waits for.
    await client.connect();
    await iterator.next();
    await client.subscribe('a', never);
    server.link.publish('a');
    const waiting = watch(client.close());
    await turn();
    expect(waiting.state).toBe('pending');
  });

  test('no longer than timeout, 5 seconds by default', async () => {
    fakeTime();
    for (const [options, time] of [
      [undefined, 5_000],
      [{ timeout: 100 }, 100],
    ] as const) {
      const { client, server } = await connected();
      server.script = { publish: () => undefined };
      const publish = watch(client.publish('a', 'b', { qos: 1 }));
      const closing = watch(client.close(options));
      await vi.advanceTimersByTimeAsync(time - 1);
      expect(closing.state).toBe('pending');
      await vi.advanceTimersByTimeAsync(1);
      expect([closing.state, publish.state]).toEqual(['resolved', 'rejected']);
      expect(publish.error).toMatchObject({ name: 'ConnectionError', code: 'closed' });
      expect(server.link.types).toEqual(['connect', 'publish', 'disconnect']);
    }
  });

  test('not at all with force, also when a close waits already', async () => {
    const { client, server } = await connected();
    server.script = { publish: () => undefined };
    watch(client.publish('a', 'b', { qos: 1 }));
    await client.close({ force: true });
    expect(server.link.types).toEqual(['connect', 'publish', 'disconnect']);

    await client.connect();
    watch(client.publish('a', 'b', { qos: 1 }));
    const patient = watch(client.close());
    await turn();
    expect(patient.state).toBe('pending');
    await client.close({ force: true });
    await turn();
    expect(patient.state).toBe('resolved');
    expect(server.link.packets('disconnect')).toHaveLength(1);
  });

  test('as long as it was told to, whatever a second close says without force', async () => {
    const { client, server } = await connected();
    server.script = { publish: () => undefined };
    watch(client.publish('a', 'b', { qos: 1 }));
    const closing = [watch(client.close()), watch(client.close({ timeout: 0 }))];
    await turn();
    expect(closing.map(({ state }) => state)).toEqual(['pending', 'pending']);
    await client.close({ force: true });
  });

  test('not at all with force, twice', async () => {
    const { client } = await connected();
    await Promise.all([client.close({ force: true }), client.close({ force: true })]);
    expect(client.status.type).toBe('closed');
  });

  test('not for a timeout of 0', async () => {
    const { client, server } = await connected();
    server.script = { publish: () => undefined };
    watch(client.publish('a', 'b', { qos: 1 }));
    await client.close({ timeout: 0 });
    expect(client.status.type).toBe('closed');
  });

  test('not when the connection is lost meanwhile, nor for the next', async () => {
    const { client, server } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } });
    server.script = { publish: () => undefined };
    const publish = watch(client.publish('a', 'b', { qos: 1 }));
    const closing = watch(client.close());
    await turn();
    server.link.drop();
    await turn();
    expect([closing.state, publish.state, client.status.type]).toEqual(['resolved', 'rejected', 'closed']);
    expect(server.links).toHaveLength(1);
  });

  test('while nothing new is taken', async () => {
    const { client, server } = await connected();
    server.script = { publish: () => undefined };
    watch(client.publish('a', 'b', { qos: 1 }));
    const closing = client.close({ timeout: 20 });
    await expect(client.publish('a', 'c')).rejects.toMatchObject({ name: 'ConnectionError', code: 'closed' });
    await expect(client.publish('a', 'c', { qos: 1 })).rejects.toMatchObject({ code: 'closed' });
    await expect(client.subscribe('a')).rejects.toMatchObject({ code: 'closed' });
    await expect(client.unsubscribe('a')).rejects.toMatchObject({ code: 'closed' });
    await closing;
  });

  test('for the very handler that calls it and goes on', async () => {
    const { client, server } = await connected();
    let closing: Promise<void> | undefined;
    await client.subscribe('a', { qos: 1 }, async () => {
      closing = client.close();
      await turn();
    });
    server.link.publish('a', '1', { qos: 1 });
    await closing;
    expect(server.link.types.slice(-2)).toEqual(['puback', 'disconnect']);
  });

  test('from within a handler, for at most timeout', async () => {
    const { client, server } = await connected();
    const closed = new Promise<void>((resolve) => {
      void client.subscribe('a', async (_: Message) => {
        await client.close({ timeout: 50 });
        resolve();
      });
    });
    await turn();
    server.link.publish('a');
    await closed;
    expect(client.status.type).toBe('closed');
  });
});

describe('close without a connection', () => {
  test('before connect lets go of what waits', async () => {
    const { client, server } = idle();
    const log = record(client);
    const publish = watch(client.publish('a', 'b', { qos: 1 }));
    const subscribe = watch(client.subscribe('a'));
    await client.close();
    await turn();
    await client.close();
    expect(client.status).toEqual({ type: 'closed' });
    expect(log).toEqual(['status (closed)', 'close (closed)']);
    expect([publish.error, subscribe.error]).toMatchObject([{ code: 'closed' }, { code: 'closed' }]);
    expect(server.attempts).toEqual([]);
  });

  test.each(['credentials', 'the transport', 'CONNACK', 'the store'])(
    'while it waits for %s',
    async (what) => {
      const server = new FakeServer({ connect: () => undefined });
      const store: SessionStore = { ...memoryStore(), load: never };
      const { client } = idle(
        {
          ...(what === 'credentials' && { credentials: never }),
          ...(what === 'the transport' && { transport: { connect: never } }),
          ...(what === 'the store' && { store }),
        },
        server,
      );
      const connecting = watch(client.connect());
      await turn();
      expect(client.status.type).toBe('connecting');
      const log = record(client);
      await client.close();
      await turn();
      expect(connecting.error).toMatchObject({ name: 'ConnectionError', code: 'closed' });
      expect(log).toEqual(['status (closed)', 'close (closed)']);
      expect(server.links.every(({ isOpen }) => !isOpen)).toBe(true);
      // Whatever the server makes of the CONNECT: it knows that all is well.
      if (what === 'CONNACK') expect(server.link.types).toEqual(['connect', 'disconnect']);
    },
  );

  test('during the wait for a reconnect ends that', async () => {
    fakeTime();
    const { client, server } = await connected();
    server.link.drop();
    await turn();
    const publish = watch(client.publish('a', 'b', { qos: 1 }));
    const log = record(client);
    await client.close();
    await turn();
    expect(log).toEqual(['status (closed)', 'close (closed)']);
    expect(publish.error).toMatchObject({ code: 'closed' });
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(server.links).toHaveLength(1);
  });

  test('twice is once', async () => {
    const { client, server } = await connected();
    const log = record(client);
    await Promise.all([client.close(), client.close()]);
    await client.close();
    await client.close({ force: true });
    expect(log).toEqual(['status (closed)', 'disconnect (closed)', 'close (closed)']);
    expect(server.link.packets('disconnect')).toHaveLength(1);
  });

  test('in closed lets publish and subscribe reject at once', async () => {
    const { client } = await connected();
    await client.close();
    await expect(client.publish('a', 'b')).rejects.toMatchObject({ code: 'closed' });
    await expect(client.publish('a', 'b', { qos: 2 })).rejects.toMatchObject({ code: 'closed' });
    await expect(client.subscribe('a')).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('what waits at close', () => {
  test("of a kept session is 'still-stored', and is sent by the next connect", async () => {
    const { client, server } = await connected({ clean: false, clientId: 'kept' });
    server.script = { publish: () => undefined };
    const publishes = [1, 2].map((qos) => watch(client.publish('a', `${qos}`, { qos: qos as 1 | 2 })));
    await client.close({ timeout: 0 });
    await turn();
    for (const { error } of publishes) {
      expect(error).toMatchObject({ name: 'ConnectionError', code: 'still-stored' });
    }
    server.script = {};
    await client.connect();
    await turn();
    expect(
      server.link.packets('publish').map(({ dup, payload }) => [dup, new TextDecoder().decode(payload)]),
    ).toEqual([
      [true, '1'],
      [true, '2'],
    ]);
    expect(client.stats.inFlight).toBe(0);
  });

  test('of a clean session is gone', async () => {
    const { client, server } = await connected();
    server.script = { publish: () => undefined };
    const publish = watch(client.publish('a', 'b', { qos: 1 }));
    await client.close({ timeout: 0 });
    await turn();
    expect(publish.error).toMatchObject({ code: 'closed' });
    server.script = {};
    await client.connect();
    await turn();
    expect(server.link.types).toEqual(['connect']);
  });

  test("in a store of the application's outlives a failure, a clean session's too", async () => {
    const store = memoryStore();
    const server = new FakeServer();
    server.unreachable = new ConnectionError('unreachable', 'nobody there');
    // A page that is reloaded without a network.
    for (let page = 1; page <= 2; page += 1) {
      const { client } = idle({ store, clientId: 'page' }, server);
      const publish = watch(client.publish('a', `${page}`, { qos: 1 }));
      const free = watch(client.publish('a', '0'));
      await expect(client.connect()).rejects.toThrow('nobody there');
      expect(publish.error).toMatchObject({ code: 'still-stored', cause: { code: 'unreachable' } });
      expect(free.error).toMatchObject({ code: 'closed' });
    }
    server.unreachable = undefined;
    const { client } = idle({ store, clientId: 'page' }, server);
    await client.connect();
    await turn();
    const texts = server.link.packets('publish').map(({ payload }) => new TextDecoder().decode(payload));
    expect(texts).toEqual(['1', '2']);
    // Closed by the application it lets go of the rest.
    server.script = { publish: () => undefined };
    watch(client.publish('a', '3', { qos: 1 }));
    await client.close({ timeout: 0 });
    expect((await store.load('page')).filter(({ kind }) => kind === 'publish')).toEqual([]);
  });

  test('of QoS 0 is gone either way', async () => {
    const { client } = idle({ clean: false, clientId: 'kept' });
    const publish = watch(client.publish('a', 'b'));
    await client.close();
    await turn();
    expect(publish.error).toMatchObject({ code: 'closed' });
  });
});

describe('connect after close', () => {
  test('makes a new connection, and subscriptions start anew', async () => {
    const { client, server } = await connected();
    await client.subscribe('a', () => undefined);
    await client.close();
    const log = record(client);
    await client.connect();
    expect(log).toEqual(['status (connecting)', 'status (connected)', 'connect (connected)']);
    expect(server.link.types).toEqual(['connect']);
    await client.publish('a', 'b', { qos: 1 });
  });

  test('waits for a close that is under way', async () => {
    const { client, server } = await connected();
    server.script = { publish: () => undefined };
    watch(client.publish('a', 'b', { qos: 1 }));
    const closing = watch(client.close({ timeout: 20 }));
    await client.connect();
    expect(closing.state).toBe('resolved');
    expect(server.links.map(({ isOpen }) => isOpen)).toEqual([false, true]);
    expect(client.status.type).toBe('connected');
  });

  test('of several callers waits for it, and makes one connection', async () => {
    const { client, server } = await connected();
    const closing = client.close();
    await Promise.all([client.connect(), client.connect(), closing]);
    expect(server.links.map(({ isOpen }) => isOpen)).toEqual([false, true]);
  });

  test('may be aborted while it waits for it', async () => {
    const { client, server } = await connected();
    server.script = { publish: () => undefined };
    watch(client.publish('a', 'b', { qos: 1 }));
    const closing = client.close({ timeout: 20 });
    const abort = new AbortController();
    const connecting = watch(client.connect({ signal: abort.signal }));
    abort.abort();
    const log = record(client);
    await closing;
    await turn();
    expect(log).toEqual(['status (closed)', 'disconnect (closed)', 'close (closed)']);
    expect(connecting.state).toBe('rejected');
    expect(server.links).toHaveLength(1);
    expect(client.status.type).toBe('closed');
  });

  test('is not undone by an older close', async () => {
    const { client } = await connected();
    const older = client.close();
    await client.close({ force: true });
    const connecting = client.connect();
    await older;
    await connecting;
    await turn();
    expect(client.status.type).toBe('connected');
  });
});

describe('a component that is mounted twice', () => {
  /** A server whose connections take a while. */
  function slow(server: FakeServer): Transport {
    return {
      async connect(url, options) {
        await turn();
        return server.connect(url, options);
      },
    };
  }

  test('makes one connection: create, connect, close, create, connect', async () => {
    const server = new FakeServer();
    const mount = () => {
      const client = createClient('ws://fake', { transport: slow(server) });
      const connecting = watch(client.connect());
      return { client, connecting };
    };
    const first = mount();
    const closing = first.client.close();
    const second = mount();
    await closing;
    await vi.waitFor(() => expect(second.connecting.state).toBe('resolved'));
    await turn();
    expect(first.connecting.error).toMatchObject({ code: 'closed' });
    expect(server.links.filter(({ isOpen }) => isOpen)).toHaveLength(1);
    const unmount = second.client.close();
    await unmount;
    await turn();
    expect(server.links.filter(({ isOpen }) => isOpen)).toEqual([]);
  });

  test('with one client, too', async () => {
    const server = new FakeServer();
    const client = createClient('ws://fake', { transport: slow(server) });
    const first = watch(client.connect());
    void client.close();
    const second = watch(client.connect());
    await vi.waitFor(() => expect(second.state).toBe('resolved'));
    expect(first.error).toMatchObject({ code: 'closed' });
    expect(server.links.filter(({ isOpen }) => isOpen)).toHaveLength(1);
    await client.close();
  });
});

describe('await using', () => {
  test('closes', async () => {
    const { client } = await connected();
    await client[Symbol.asyncDispose]();
    expect(client.status.type).toBe('closed');
  });

  test('works by the name that polyfills use where the symbol is missing', async () => {
    const real = Symbol;
    const wellKnown = Object.getOwnPropertyNames(real)
      .map((name): [string, unknown] => [name, Reflect.get(real, name)])
      .filter(([name, value]) => typeof value === 'symbol' && name !== 'asyncDispose');
    const older = Object.assign(
      (name?: string) => real(name),
      { for: real.for },
      Object.fromEntries(wellKnown),
    );
    vi.stubGlobal('Symbol', older);
    vi.resetModules();
    const fresh = await import('../../../src/index');
    vi.unstubAllGlobals();
    const client = fresh.createClient('ws://fake', { transport: new FakeServer() });
    await client.connect();
    const dispose: unknown = Reflect.get(client, Symbol.for('Symbol.asyncDispose'));
    await (dispose as () => Promise<void>).call(client);
    expect(client.status.type).toBe('closed');
  });
});

describe('a store at close', () => {
  /** A store in memory that takes its time. */
  function lazy(): { store: SessionStore; writes: () => number; finish: () => void } {
    const memory = memoryStore();
    const waiting: (() => void)[] = [];
    let writes = 0;
    return {
      store: {
        ...memory,
        write(key, operations) {
          writes += 1;
          return new Promise((resolve) =>
            waiting.push(() => {
              memory.write(key, operations);
              resolve();
            }),
          );
        },
      },
      writes: () => writes,
      finish() {
        for (const finish of waiting.splice(0)) finish();
      },
    };
  }

  test('has everything when close resolves', async () => {
    const { store, finish } = lazy();
    const { client, server } = idle({ store, clean: false, clientId: 'kept' });
    await client.connect();
    await turn();
    finish();
    await turn();
    const publish = watch(client.publish('a', 'b', { qos: 1 }));
    const closing = watch(client.close());
    await turn();
    expect(server.link.types).toEqual(['connect']);
    finish();
    await turn();
    expect(publish.state).toBe('resolved');
    expect(closing.state).toBe('pending');
    finish();
    await turn();
    expect(closing.state).toBe('resolved');
    expect(server.link.types).toEqual(['connect', 'publish', 'disconnect']);
    expect((await store.load('kept')).map(({ kind }) => kind)).toEqual(['session']);
  });

  test('has what is acknowledged before DISCONNECT', async () => {
    const { store, finish } = lazy();
    const { client, server } = idle({ store, clean: false, clientId: 'kept' });
    client.on('message', () => undefined);
    await client.connect();
    await turn();
    finish();
    await turn();
    server.link.publish('a', 'b', { qos: 2 });
    const closing = watch(client.close());
    await turn();
    expect([closing.state, server.link.types]).toEqual(['pending', ['connect']]);
    while (closing.state === 'pending') {
      finish();
      await turn();
    }
    expect(server.link.types.slice(0, 2)).toEqual(['connect', 'pubrec']);
    expect(server.link.types.at(-1)).toBe('disconnect');
  });

  test('that ends after close sets no timer for what it keeps', async () => {
    fakeTime();
    const { store, finish } = lazy();
    const { client, server } = idle({ store, clean: false, clientId: 'kept' });
    await client.connect();
    // What was never sent may expire.
    server.link.drop();
    await turn();
    const properties = { messageExpiryInterval: 1_000 };
    watch(client.publish('a', 'b', { qos: 1, properties }));
    const closing = watch(client.close({ force: true }));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(closing.state).toBe('resolved');
    while (vi.getTimerCount() > 0) {
      finish();
      await turn();
      // Only that of a write that is under way.
      await vi.advanceTimersByTimeAsync(0);
    }
    expect((await store.load('kept')).map(({ kind }) => kind)).toContain('publish');
  });

  test('that hangs does not hang close, nor keeps DISCONNECT back', async () => {
    fakeTime();
    const { store } = lazy();
    const { client, server } = idle({ store, clean: false, clientId: 'kept' });
    await client.connect();
    const publish = watch(client.publish('a', 'b', { qos: 1 }));
    const closing = watch(client.close({ timeout: 100 }));
    await vi.advanceTimersByTimeAsync(100);
    expect(server.link.types).toEqual(['connect', 'disconnect']);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([closing.state, publish.state]).toEqual(['resolved', 'rejected']);
  });

  test('that took too long is read by the next connect once it is through, and not before', async () => {
    fakeTime();
    const { store, finish } = lazy();
    const load = vi.spyOn(store, 'load');
    const { client } = idle({ store, clean: false, clientId: 'kept', reconnect: false });
    await client.connect();
    const publish = watch(client.publish('a', 'b', { qos: 1 }));
    await vi.advanceTimersByTimeAsync(15_000);
    expect(publish.error).toMatchObject({ code: 'store-failed' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(client.status.type).toBe('closed');
    expect(load).toHaveBeenCalledTimes(1);

    const inVain = watch(client.connect());
    await vi.advanceTimersByTimeAsync(15_000);
    expect(inVain.error).toMatchObject({ code: 'store-failed' });
    expect(load).toHaveBeenCalledTimes(1);

    const connecting = watch(client.connect());
    for (let times = 0; times < 5; times += 1) {
      finish();
      await turn();
    }
    expect(load).toHaveBeenCalledTimes(2);
    expect(connecting.state).toBe('resolved');
  });

  test('that fails leaves nothing running', async () => {
    fakeTime();
    const write = vi.fn(() => Promise.reject(new Error('disk full')));
    const store: SessionStore = { ...memoryStore(), write };
    const { client } = idle({ store });
    await client.connect();
    await turn();
    await client.close();
    await turn();
    const { length } = write.mock.calls;
    await vi.advanceTimersByTimeAsync(100_000);
    expect(write.mock.calls).toHaveLength(length);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('close leaves no timer, listener or handle', async () => {
  fakeTime();
  const handles = () => process.getActiveResourcesInfo().filter((name) => name !== 'Immediate');
  const before = handles();
  const { client, server } = await connected({ keepAlive: 5, clean: false, clientId: 'kept' });
  await client.subscribe('a', () => undefined);
  await client.publish('a', 'b', { qos: 1, properties: { messageExpiryInterval: 100 } });
  server.script = { publish: () => undefined };
  server.link.publish('nobody', '', { qos: 1 });
  for (const timeout of [undefined, 10_000]) {
    watch(client.publish('a', 'b', { qos: 1, properties: { messageExpiryInterval: 100 }, timeout }));
  }
  await turn();
  const closing = client.close({ timeout: 10 });
  await vi.advanceTimersByTimeAsync(10);
  await closing;
  await turn();
  expect(vi.getTimerCount()).toBe(0);
  // A timer of the test runner may have ended meanwhile.
  const others = [...before];
  const added = handles().filter((name) => {
    const index = others.indexOf(name);
    if (index >= 0) others.splice(index, 1);
    return index < 0;
  });
  expect(added).toEqual([]);
});
