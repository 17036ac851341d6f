import { describe, expect, test, vi } from 'vitest';
import { type AcquireOptions, memoryStore, type SessionStore } from '../../../src/index';
import { connected, fakeTime, idle, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';

/** A store that notes what is asked of it. */
function watchedStore(changes: Partial<SessionStore> = {}) {
  const memory = memoryStore();
  const calls: string[] = [];
  let owner: AcquireOptions | undefined;
  const store: SessionStore = {
    load: (key) => {
      calls.push('load');
      return memory.load(key);
    },
    write: (key, operations) => {
      calls.push(
        ...operations.map((one) => `${one.type} ${one.type === 'put' ? one.record.kind : one.kind}`),
      );
      return memory.write(key, operations);
    },
    clear: memory.clear,
    acquire: async (_key, options) => {
      calls.push('acquire');
      owner = options;
      return () => void calls.push('release');
    },
    ...changes,
  };
  return { store, memory, calls, lost: (cause?: unknown) => owner?.lost(cause) };
}

const kept = { clean: false, clientId: 'kept' };

describe('a stored session', () => {
  test('is for one client at a time; the other is told so', async () => {
    const store = memoryStore();
    const server = new FakeServer({ publish: () => undefined });
    const first = await connected({ ...kept, store }, server);
    const second = idle({ ...kept, store }, server);
    await expect(second.client.connect()).rejects.toMatchObject({
      name: 'StoreError',
      code: 'store-in-use',
      message: expect.stringContaining("'kept'"),
    });
    expect(second.client.status).toMatchObject({ type: 'closed', error: { code: 'store-in-use' } });
    expect(server.links).toHaveLength(1);
    expect(first.client.status.type).toBe('connected');

    watch(first.client.publish('a', 'b', { qos: 1 }));
    await turn();
    await first.client.close({ force: true });
    server.script = {};
    await second.client.connect();
    await turn();
    expect(server.link.first('publish')).toMatchObject({ topic: 'a', dup: true });
  });

  test('of another client identifier is another', async () => {
    const store = memoryStore();
    await connected({ clientId: 'a', store });
    await connected({ clientId: 'b', store });
  });

  test('that is in use refuses a publish before connect', async () => {
    const store = memoryStore();
    await connected({ ...kept, store });
    const { client } = idle({ ...kept, store });
    await expect(client.publish('a', 'b', { qos: 1 })).rejects.toMatchObject({ code: 'store-in-use' });
  });

  test('is acquired before it is read, and given back after all is written', async () => {
    const { store, calls } = watchedStore();
    const { client } = await connected({ ...kept, store });
    await client.publish('a', 'b', { qos: 1 });
    await client.close();
    expect(calls).toEqual(['acquire', 'load', 'put session', 'put publish', 'delete publish', 'release']);
    await client.close();
    expect(calls.filter((call) => call === 'release')).toHaveLength(1);
  });

  test('is given back once a write that is under way has ended', async () => {
    let finish = () => {};
    const write = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)));
    const { store, calls } = watchedStore({ write });
    const { client } = idle({ ...kept, store });
    const stored = watch(client.publish('a', 'b', { qos: 1, until: 'stored' }));
    await turn();
    const closed = watch(client.close({ force: true }));
    await turn();
    expect([closed.state, calls]).toEqual(['pending', ['acquire', 'load']]);
    finish();
    await turn();
    expect([closed.state, calls.at(-1)]).toEqual(['resolved', 'release']);
    expect(stored.state).not.toBe('pending');
  });

  test('is given back no sooner the next time', async () => {
    let finish = () => {};
    const write = () => new Promise<void>((resolve) => (finish = resolve));
    const { store, calls } = watchedStore({ write });
    const { client } = idle({ ...kept, store });
    for (const times of [1, 2]) {
      watch(client.connect());
      await turn();
      const closed = client.close({ force: true });
      await turn();
      expect(calls.filter((call) => call === 'release')).toHaveLength(times - 1);
      finish();
      await closed;
      expect(calls.filter((call) => call === 'release')).toHaveLength(times);
    }
  });

  test('can be had again after several ends while one write is under way', async () => {
    fakeTime();
    let finish = () => {};
    const write = vi.fn((): void | Promise<void> => new Promise<void>((resolve) => (finish = resolve)));
    const { client } = idle({ ...kept, store: watchedStore({ write }).store });
    watch(client.connect());
    await turn();
    for (const _ of [1, 2]) {
      const closed = client.close({ force: true });
      await vi.advanceTimersByTimeAsync(1_000);
      await closed;
      watch(client.connect());
      await turn();
    }
    write.mockImplementation(() => undefined);
    finish();
    await turn();
    expect(client.status.type).toBe('connected');
  });

  test('that is being read is waited for no longer after close()', async () => {
    const { store } = watchedStore({ load: () => new Promise(() => {}) });
    const { client } = idle({ ...kept, store });
    const waiting = [watch(client.connect()), watch(client.publish('a', 'b', { qos: 1 }))];
    await turn();
    await client.close({ force: true });
    expect(waiting.map(({ state }) => state)).toEqual(['rejected', 'rejected']);
  });

  test('that another one takes after it was given back stops nothing', async () => {
    const owners: AcquireOptions[] = [];
    const { store } = watchedStore({
      acquire: async (_key, options) => {
        owners.push(options);
        return () => {};
      },
    });
    const { client } = await connected({ ...kept, store });
    await client.close();
    await client.connect();
    owners[0]?.lost(new Error('stolen'));
    expect([owners.length, client.status.type]).toEqual([2, 'connected']);
  });

  test.each([
    ['the server cannot be reached', {}],
    ['the store cannot be read', { load: () => Promise.reject(new Error('disk')) }],
  ])('is given back when %s', async (_what, changes) => {
    const { store, calls } = watchedStore(changes);
    const server = new FakeServer();
    server.unreachable = new Error('down');
    const { client } = idle({ ...kept, store }, server);
    await expect(client.connect()).rejects.toThrow();
    await turn();
    expect(calls.at(-1)).toBe('release');
  });

  test.each(['an abort', 'close()'])('that is waited for is no longer after %s', async (what) => {
    const { store, calls } = watchedStore({
      acquire: (_key, { signal }) =>
        new Promise((_resolve, reject) => {
          calls.push('acquire');
          signal.addEventListener('abort', () => {
            calls.push('aborted');
            reject(signal.reason);
          });
        }),
    });
    const { client, server } = idle({ ...kept, store });
    const controller = new AbortController();
    const connecting = watch(client.connect({ signal: controller.signal }));
    const publishing = watch(client.publish('a', 'b', { qos: 1 }));
    await turn();
    expect(calls).toEqual(['acquire']);
    if (what === 'close()') await client.close();
    else controller.abort();
    await turn();
    expect(calls).toEqual(['acquire', 'aborted']);
    expect([connecting.state, publishing.state]).toEqual(['rejected', 'rejected']);
    expect(publishing.error).toMatchObject({ code: 'closed' });
    expect(server.attempts).toEqual([]);
  });

  test('that comes too late is given back at once', async () => {
    let give = () => {};
    const { store, calls } = watchedStore({
      acquire: () =>
        new Promise((resolve) => {
          give = () => resolve(() => void calls.push('release'));
        }),
    });
    const { client } = idle({ ...kept, store });
    const connecting = watch(client.connect());
    await turn();
    const closed = client.close({ force: true });
    await turn();
    expect(connecting.state).toBe('rejected');
    give();
    await closed;
    expect(calls).toEqual(['release']);
  });

  test('is read anew by each connect: others may have had it', async () => {
    const store = memoryStore();
    const server = new FakeServer({ publish: () => undefined });
    const first = await connected({ ...kept, store }, server);
    watch(first.client.publish('of/first', '', { qos: 1, key: 'k' }));
    await turn();
    await first.client.close({ force: true });

    server.script = {};
    const second = await connected({ ...kept, store }, server);
    await turn();
    expect(server.link.first('publish').topic).toBe('of/first');
    server.script = { publish: () => undefined };
    watch(second.client.publish('of/second', '', { qos: 1 }));
    await turn();
    await second.client.close({ force: true });

    server.script = {};
    // It was delivered by the other one: the key says so.
    const again = watch(
      first.client.connect().then(() => first.client.publish('of/first', '', { qos: 1, key: 'k' })),
    );
    await turn();
    expect(server.link.packets('publish').map(({ topic }) => topic)).toEqual(['of/second']);
    expect(again.state).toBe('resolved');
  });

  test('that was taken away stops the client, which writes nothing more', async () => {
    const { store, calls, lost } = watchedStore();
    const server = new FakeServer({ publish: () => undefined });
    const { client } = await connected({ ...kept, store }, server);
    const publishing = watch(client.publish('a', 'b', { qos: 1 }));
    await turn();
    const before = [...calls];
    const ended: unknown[] = [];
    client.on('close', ({ error }) => ended.push(error));
    lost(new Error('stolen'));
    await turn();
    expect(client.status).toMatchObject({
      type: 'closed',
      error: { name: 'StoreError', code: 'store-taken', cause: { message: 'stolen' } },
    });
    expect(ended).toHaveLength(1);
    expect(publishing.error).toMatchObject({ code: 'still-stored', cause: { code: 'store-taken' } });
    expect(server.link.connection.endedBy).toBe('destroy');
    expect(calls).toEqual([...before, 'release']);
    await expect(client.publish('a', 'b', { qos: 1 })).rejects.toMatchObject({ code: 'closed' });
  });

  test('that was taken away while a write waits is not written again', async () => {
    const ends: (() => void)[] = [];
    const write = vi.fn(() => new Promise<void>((resolve) => ends.push(resolve)));
    const { store, lost } = watchedStore({ write });
    const { client } = idle({ ...kept, store });
    watch(client.publish('a', '1', { qos: 1 }));
    await turn();
    watch(client.publish('a', '2', { qos: 1 }));
    await turn();
    lost();
    for (const end of ends) end();
    await turn();
    expect(write).toHaveBeenCalledTimes(1);
    expect(client.status).toMatchObject({ type: 'closed', error: { code: 'store-taken' } });
  });
});
