import { describe, expect, test, vi } from 'vitest';
import { encode } from '../../../src/codec/encode';
import { StoreError, type Transport } from '../../../src/index';
import { memoryStore } from '../../../src/store/memory';
import type { SessionStore, StoreOperation } from '../../../src/store/store';
import { chance, connected, fakeTime, idle, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';
import { unownedStore } from '../../support/unowned-store';

/** A store whose writes end when the test says so. */
class SlowStore implements SessionStore {
  readonly memory = memoryStore();
  /** Operations of each write, as `put publish`. */
  readonly writes: string[][] = [];
  readonly #open: { operations: readonly StoreOperation[]; resolve(): void; reject(error: unknown): void }[] =
    [];
  /** Fails writes at once. */
  failure: unknown;

  load(key: string) {
    return this.memory.load(key);
  }

  write(key: string, operations: readonly StoreOperation[]): Promise<void> {
    this.writes.push(
      operations.map((one) => `${one.type} ${one.type === 'put' ? one.record.kind : one.kind}`),
    );
    if (this.failure) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.#open.push({
        operations,
        resolve: () => {
          this.memory.write(key, operations);
          resolve();
        },
        reject,
      });
    });
  }

  clear(key: string) {
    return this.memory.clear(key);
  }

  /** Writes under way. */
  get open(): number {
    return this.#open.length;
  }

  /** Ends the writes under way. */
  async finish(error?: Error): Promise<void> {
    for (const write of this.#open.splice(0)) {
      if (error) write.reject(error);
      else write.resolve();
    }
    await turn();
  }
}

/** A connected client whose store has taken all so far. */
async function open(options: Parameters<typeof idle>[0] = {}, server = new FakeServer()) {
  const store = new SlowStore();
  const { client } = idle({ store, clean: false, clientId: 'kept', ...options }, server);
  await client.connect();
  await turn();
  await store.finish();
  store.writes.length = 0;
  return { client, server, store };
}

describe('a store that takes its time', () => {
  test('has a message before it leaves', async () => {
    const { client, server, store } = await open();
    const stored = watch(client.publish('a', 'b', { qos: 1, until: 'stored' }));
    await turn();
    expect(store.writes).toEqual([['put publish']]);
    expect([stored.state, server.link.types]).toEqual(['pending', ['connect']]);
    await store.finish();
    expect([stored.state, server.link.types]).toEqual(['resolved', ['connect', 'publish']]);
  });

  test('has it for all who wait for that by the same key', async () => {
    const { client, store } = await open();
    const options = { qos: 1, key: 'k', until: 'stored' } as const;
    const callers = [watch(client.publish('a', 'b', options)), watch(client.publish('a', 'b', options))];
    await turn();
    await store.finish();
    expect(callers.map(({ state }) => state)).toEqual(['resolved', 'resolved']);
  });

  test('is told of one that is taken back, at once', async () => {
    const { client, server, store } = await open({ maxInflight: 1 });
    server.script = { publish: () => undefined };
    watch(client.publish('a', '1', { qos: 1 }));
    const controller = new AbortController();
    watch(client.publish('a', '2', { qos: 1, signal: controller.signal }));
    await turn();
    await store.finish();
    store.writes.length = 0;
    controller.abort();
    await turn();
    expect(store.writes).toEqual([['delete publish']]);
  });

  test('does not keep a publisher waiting for what was meant for an earlier connection', async () => {
    chance(0);
    const network = new FakeServer();
    const transport: Transport = {
      connect: async (...args) => Object.assign(await network.connect(...args), { zeroCopy: true }),
    };
    const { client, server, store } = await open({ transport }, network);
    watch(client.publish('a', new Uint8Array(50_000), { qos: 1 }));
    await turn();
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    await turn();
    const large = watch(client.publish('a', new Uint8Array(5_000)));
    await turn();
    await store.finish();
    await vi.waitFor(() => expect(server.link.packets('publish')).toHaveLength(2));
    await vi.waitFor(() => expect(large.state).toBe('resolved'));
  });

  test('is overtaken by what needs none', async () => {
    fakeTime();
    const { client, server, store } = await open({ keepAlive: 10 });
    watch(client.publish('a', '1', { qos: 1 }));
    await turn();
    const free = watch(client.publish('a', '0'));
    await vi.advanceTimersByTimeAsync(6_000);
    expect(free.state).toBe('resolved');
    expect(server.link.types).toEqual(['connect', 'publish', 'pingreq']);
    expect(server.link.first('publish').qos).toBe(0);
    await store.finish();
    expect(server.link.packets('publish').map(({ qos }) => qos)).toEqual([0, 1]);
  });

  test('is not overtaken by a topic alias that it has yet to see', async () => {
    const server = new FakeServer();
    server.connack = { topicAliasMaximum: 5 };
    const { client, store } = await open({}, server);
    watch(client.publish('a/long/topic', 'sets it', { qos: 1 }));
    await turn();
    watch(client.publish('a/long/topic', 'uses it'));
    await turn();
    expect(server.link.packets('publish')).toEqual([]);
    await store.finish();
    expect(server.link.packets('publish').map(({ qos, topic }) => [qos, topic])).toEqual([
      [1, 'a/long/topic'],
      [0, ''],
    ]);
  });

  describe('holds QoS 0 back that has to wait for it, whose publishers wait then, too', () => {
    /** A client with more than the transport should hold waiting for its store; the last publish of it. */
    async function congested() {
      const server = new FakeServer();
      server.connack = { topicAliasMaximum: 5 };
      const { client, store } = await open({ reconnect: false, queue: { maxBytes: 1_000_000 } }, server);
      watch(client.publish('a/long/topic', 'sets it', { qos: 1 }));
      await turn();
      const first = watch(client.publish('a/long/topic', new Uint8Array(10_000)));
      await turn();
      expect(first.state).toBe('resolved');
      const last = watch(client.publish('a/long/topic', new Uint8Array(600_000)));
      await turn();
      expect(last.state).toBe('pending');
      return { client, server, store, last };
    }

    test('until it has answered', async () => {
      const { server, store, last } = await congested();
      expect(server.link.packets('publish')).toEqual([]);
      await store.finish();
      expect(server.link.packets('publish')).toHaveLength(3);
      expect(last.state).toBe('resolved');
    });

    test('up to queue.maxBytes', async () => {
      const { client, store } = await congested();
      watch(client.publish('b', new Uint8Array(500_000)));
      await turn();
      await expect(client.publish('b', 'one more')).rejects.toMatchObject({ code: 'queue-full' });
      while (store.open > 0) await store.finish();
      expect(await client.publish('b', 'one more')).toEqual({ reasonCode: 0 });
    });

    test.each(['fails', 'hangs while the connection is lost'])('until it %s', async (how) => {
      const { server, store, last } = await congested();
      if (how === 'fails') await store.finish(new Error('the disk is full'));
      else server.link.drop();
      await turn();
      expect(last.state).toBe('resolved');
    });
  });

  test('is given one write at a time, and then all that came meanwhile', async () => {
    const { client, server, store } = await open();
    const publishes = [];
    for (let number = 1; number <= 4; number += 1) {
      publishes.push(watch(client.publish('a', `${number}`, { qos: 1 })));
      await turn();
    }
    expect(store.writes).toEqual([['put publish']]);
    await store.finish();
    expect(store.writes).toHaveLength(2);
    expect(store.writes[1]?.filter((one) => one === 'put publish')).toHaveLength(3);
    expect(server.link.packets('publish')).toHaveLength(1);
    while (store.open > 0) await store.finish();
    expect(server.link.packets('publish').map(({ payload }) => new TextDecoder().decode(payload))).toEqual([
      '1',
      '2',
      '3',
      '4',
    ]);
    expect(publishes.map(({ state }) => state)).toEqual(['resolved', 'resolved', 'resolved', 'resolved']);
    expect((await store.load('kept')).map(({ kind }) => kind)).toEqual(['session']);
  });

  test('writes nothing for a connection that is gone', async () => {
    const { client, server, store } = await open({ reconnect: { minDelay: 0, maxDelay: 0 } });
    const publish = watch(client.publish('a', 'b', { qos: 1 }));
    await turn();
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    await client.connect();
    while (store.open > 0) await store.finish();
    await vi.waitFor(() => expect(publish.state).toBe('resolved'));
    for (let step = 0; step < 5; step += 1) {
      await store.finish();
      await turn();
    }
    expect(server.links.map((link) => link.packets('publish').length)).toEqual([0, 1]);
    // It never left before: this is no resend.
    expect(server.link.first('publish').dup).toBe(false);
  });
});

describe('a write that fails', () => {
  test('rejects what it was for, ends the connection with 0x83, and it is made again', async () => {
    const { client, server, store } = await open({ reconnect: { minDelay: 0, maxDelay: 0 } });
    const [first] = server.links;
    const events: unknown[] = [];
    client.on('disconnect', (event) => events.push(event));
    const publish = watch(client.publish('a', 'b', { qos: 1 }));
    await turn();
    await store.finish(new Error('disk full'));
    expect(publish.error).toBeInstanceOf(StoreError);
    expect(publish.error).toMatchObject({
      code: 'store-failed',
      message: expect.stringContaining('disk full'),
    });
    expect(events).toEqual([{ error: publish.error, reasonCode: undefined, willReconnect: true }]);
    expect(first?.last('disconnect').reasonCode).toBe(0x83);
    expect(first?.packets('publish')).toEqual([]);
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    while (store.open > 0) await store.finish();
    await vi.waitFor(() => expect(client.status.type).toBe('connected'));
    const again = watch(client.publish('a', 'c', { qos: 1 }));
    await turn();
    while (store.open > 0) await store.finish();
    expect(again.state).toBe('resolved');
  });

  test('takes those behind it along', async () => {
    const { client, server, store } = await open({ reconnect: false });
    const publishes = [];
    for (let number = 1; number <= 3; number += 1) {
      publishes.push(watch(client.publish('a', `${number}`, { qos: 1 })));
      await turn();
    }
    await store.finish(new Error('disk full'));
    await turn();
    expect(publishes.map(({ error }) => (error as Error | undefined)?.name)).toEqual([
      'StoreError',
      'StoreError',
      'StoreError',
    ]);
    expect(server.link.packets('publish')).toEqual([]);
  });

  test('keeps no publisher of QoS 0 back any more', async () => {
    const { client, server, store } = await open({ reconnect: { minDelay: 0, maxDelay: 0 } });
    watch(client.publish('a', new Uint8Array(600_000), { qos: 1 }));
    await turn();
    await store.finish(new Error('disk'));
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    while (store.open > 0) await store.finish();
    const publish = watch(client.publish('a', 'b'));
    await turn();
    expect(publish.state).toBe('resolved');
  });

  test('while a packet is handled closes its connection [v3 MQTT-4.8.0-2]', async () => {
    for (const protocolVersion of [4, 5] as const) {
      const { client, server, store } = await open({ protocolVersion });
      const [link] = server.links;
      store.failure = new Error('disk full');
      client.on('message', () => undefined);
      link?.publish('a', 'b', { qos: 2 });
      await turn();
      expect(link?.isOpen).toBe(false);
      expect(link?.packets('pubrec')).toEqual([]);
      // Before MQTT 5.0 a DISCONNECT would say that all is well.
      expect(link?.packets('disconnect')).toHaveLength(protocolVersion === 5 ? 1 : 0);
    }
  });

  test('at each try does not run in circles', async () => {
    fakeTime();
    const { client, server, store } = await open();
    store.failure = new Error('disk full');
    const publish = watch(client.publish('a', 'b', { qos: 1 }));
    await turn();
    expect(publish.error).toBeInstanceOf(StoreError);
    for (let step = 0; step < 20; step += 1) await turn();
    expect(store.writes.length).toBeLessThan(5);
    expect(client.status.type).toBe('reconnecting');
    // The disk has room again.
    store.failure = undefined;
    await vi.advanceTimersByTimeAsync(1_000);
    while (store.open > 0) await store.finish();
    expect(client.status.type).toBe('connected');
    expect(server.links).toHaveLength(2);
  });

  test('by an exception is the same', async () => {
    const store: SessionStore = memoryStore();
    const { client, server } = await connected({ store, reconnect: false });
    vi.spyOn(store, 'write').mockImplementation(() => {
      throw new Error('disk full');
    });
    await expect(client.publish('a', 'b', { qos: 1 })).rejects.toBeInstanceOf(StoreError);
    await turn();
    expect(server.link.last('disconnect').reasonCode).toBe(0x83);
    expect(client.status).toMatchObject({ type: 'closed', error: { name: 'StoreError' } });
  });

  test('with an error of ours keeps it', async () => {
    const failure = new StoreError('store-full', 'the quota is used up');
    const { client, store } = await open();
    store.failure = failure;
    await expect(client.publish('a', 'b', { qos: 1 })).rejects.toBe(failure);
  });

  test('because it takes too long is a StoreError after 15 seconds', async () => {
    fakeTime();
    const { client, server } = await open({ reconnect: false });
    const publish = watch(client.publish('a', 'b', { qos: 1 }));
    await vi.advanceTimersByTimeAsync(14_999);
    expect(publish.state).toBe('pending');
    await vi.advanceTimersByTimeAsync(1);
    expect(publish.error).toMatchObject({
      name: 'StoreError',
      message: expect.stringContaining('15 seconds'),
    });
    expect(server.link.last('disconnect').reasonCode).toBe(0x83);
  });
});

describe('a write that takes too long', () => {
  test('is followed by no other before it has ended, and then by what is known', async () => {
    fakeTime();
    const { client, server, store } = await open();
    const refused = watch(client.publish('a', 'refused', { qos: 1 }));
    await vi.advanceTimersByTimeAsync(17_000);
    expect(refused.state).toBe('rejected');
    expect(server.links).toHaveLength(2);
    const next = watch(client.publish('a', 'next', { qos: 1 }));
    await turn();
    expect(store.writes).toHaveLength(1);
    expect(server.link.packets('publish')).toEqual([]);
    await store.finish();
    expect(store.writes).toHaveLength(2);
    while (store.open > 0) await store.finish();
    expect(next.state).toBe('resolved');
    expect(await store.load('kept')).toMatchObject([{ kind: 'session' }]);
  });

  test('is followed by none that took too long itself', async () => {
    fakeTime();
    const { client, store } = await open();
    watch(client.publish('a', '1', { qos: 1 }));
    await vi.advanceTimersByTimeAsync(17_000);
    const second = watch(client.publish('a', '2', { qos: 1 }));
    await vi.advanceTimersByTimeAsync(15_000);
    expect(second.error).toMatchObject({ code: 'store-failed' });
    while (store.open > 0) await store.finish();
    // The first write, and what undoes it, once.
    expect(store.writes).toEqual([['put publish'], ['delete publish']]);
    expect(await store.load('kept')).toMatchObject([{ kind: 'session' }]);
  });

  test('and lost the records of before is followed by all that is known', async () => {
    fakeTime();
    const { client, store } = await open({ reconnect: { minDelay: 30_000, maxDelay: 30_000 } });
    watch(client.publish('a', '1', { qos: 1 }));
    await vi.advanceTimersByTimeAsync(15_001);
    const second = watch(client.publish('a', '2', { qos: 1 }));
    await turn();
    await store.clear('kept');
    await store.finish(new StoreError('store-lost', 'The database was deleted'));
    await turn();
    expect(second.error).toMatchObject({ code: 'store-lost' });
    const third = watch(client.publish('a', '3', { qos: 1, until: 'stored' }));
    await turn();
    while (store.open > 0) await store.finish();
    expect(third.state).toBe('resolved');
    expect(await store.load('kept')).toMatchObject([{ kind: 'session' }, { kind: 'publish' }]);
  });

  test('and lost them is told to those who come after another one that took too long', async () => {
    fakeTime();
    chance(0.9);
    const { client, store } = await open({ reconnect: { minDelay: 100_000, maxDelay: 100_000 } });
    for (const payload of ['1', '2']) {
      watch(client.publish('a', payload, { qos: 1 }));
      await vi.advanceTimersByTimeAsync(15_001);
    }
    await store.clear('kept');
    await store.finish(new StoreError('store-lost', 'The database was deleted'));
    const third = watch(client.publish('a', '3', { qos: 1 }));
    await turn();
    expect(third.error).toMatchObject({ code: 'store-lost' });
  });
});

test('what a transport still tells of a connection that is gone is not heeded', async () => {
  const { client, server } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } });
  const heard = vi.fn();
  client.on('message', heard);
  const { link } = server;
  const { onClose } = link.connection;
  link.drop();
  await vi.waitFor(() => expect(client.status).toMatchObject({ type: 'connected', sessionPresent: true }));
  const { status } = client;
  const { bytesReceived } = client.stats;
  link.connection.onData?.(encode(link.message('a'), 5));
  onClose?.(new Error('again'));
  await turn();
  expect(client.status).toBe(status);
  expect(client.stats.bytesReceived).toBe(bytesReceived);
  expect(heard).not.toHaveBeenCalled();
});

test('a store may answer with any thenable, and load at once', async () => {
  const records = new Map<string, unknown>();
  const store = {
    load: () => [...records.values()],
    write: (_key: string, operations: readonly StoreOperation[]) => {
      for (const one of operations) {
        if (one.type === 'put') records.set(`${one.record.kind} ${one.record.id}`, one.record);
        else records.delete(`${one.kind} ${one.id}`);
      }
      // biome-ignore lint/suspicious/noThenProperty: it is what this is about
      return { then: (resolve: () => void) => resolve() };
    },
    clear: async () => {},
  };
  const { client } = await connected({
    store: store as unknown as SessionStore,
    clean: false,
    clientId: 'c',
  });
  expect(await client.publish('a', 'b', { qos: 1 })).toMatchObject({ reasonCode: 0 });
  await turn();
  expect([...records.keys()]).toEqual(['session 0']);
});

describe('the memory store', () => {
  test('answers at once: a publish leaves as soon as without one', async () => {
    fakeTime();
    const { client, server } = await connected({ store: memoryStore() });
    await turn();
    vi.advanceTimersByTime(1);
    void client.publish('a', 'b', { qos: 1 });
    for (let step = 0; step < 5; step += 1) await undefined;
    expect(server.link.types).toEqual(['connect', 'publish']);
  });

  test('hands a session over to the next client', async () => {
    const store = memoryStore();
    const server = new FakeServer({ publish: () => undefined });
    const first = await connected({ store, clean: false, clientId: 'kept' }, server);
    watch(first.client.publish('a', 'b', { qos: 1 }));
    await turn();
    server.link.drop();
    await first.client.close({ force: true });
    server.script = {};
    const second = await connected({ store, clean: false, clientId: 'kept' }, server);
    await turn();
    expect(server.link.connect.clean).toBe(false);
    expect(server.link.first('publish')).toMatchObject({ dup: true, topic: 'a' });
    expect(second.client.status).toMatchObject({ sessionPresent: true });
  });

  test('holds a clean session of an earlier page for its messages only: it starts clean', async () => {
    const store = unownedStore();
    const server = new FakeServer({ publish: () => undefined });
    const first = await connected({ store, clientId: 'page' }, server);
    watch(first.client.publish('a', 'b', { qos: 1 }));
    await turn();
    server.script = {};
    // The first page is gone without a close; this one has its store.
    await connected({ store, clientId: 'page' }, server);
    await turn();
    expect(server.links[1]?.connect.clean).toBe(true);
    expect(server.links[1]?.first('publish')).toMatchObject({ dup: false, topic: 'a' });
  });
});
