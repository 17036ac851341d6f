import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { deleteDB, openDB } from 'idb';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { StoreError } from '../../../src/errors';
import { indexedDbStore } from '../../../src/store/indexeddb';
import { DatabaseConnection, type LayoutStep } from '../../../src/store/indexeddb-connection';
import type { SessionStore } from '../../../src/store/store';
import { connected, fakeTime, idle, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';
import { waitFor } from '../../support/wait-for';
import { publishRecord, puts } from './contract';

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
});

const kept = { clean: false, clientId: 'kept' };

/** Puts a value among the records, past the store. */
async function plant(value: unknown, name: IDBValidKey = ['kept', 'publish', 1]): Promise<void> {
  const database = await openDB('mqtide');
  await database.put('records', value, name);
  database.close();
}

/** Lets `transaction` of a database fail a number of times, as it does when the connection is broken. */
function breakTransactions(times: number, error: () => unknown): { count: number } {
  const counter = { count: 0 };
  const { transaction } = IDBDatabase.prototype;
  const spy = vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementation(function (
    this: IDBDatabase,
    ...rest: Parameters<IDBDatabase['transaction']>
  ) {
    counter.count += 1;
    if (counter.count <= times) throw error();
    return transaction.apply(this, rest);
  });
  onTestFinished(() => spy.mockRestore());
  return counter;
}

/** Fails every transaction that writes with this error while it lasts, as a full disk does: at its end. */
function failWrites(name: string): { stop(): void } {
  const { put } = IDBObjectStore.prototype;
  const spy = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
    this: IDBObjectStore,
    ...rest: Parameters<IDBObjectStore['put']>
  ) {
    const request = put.apply(this, rest);
    const { transaction } = this;
    Object.defineProperty(transaction, 'error', {
      value: new DOMException('the words of the browser', name),
    });
    request.addEventListener('success', () => transaction.abort());
    transaction.commit = () => {};
    return request;
  });
  const stop = () => spy.mockRestore();
  onTestFinished(stop);
  return { stop };
}

const written = async (store: SessionStore, id: number) => store.write('kept', puts(publishRecord(id)));
const ids = async (store: SessionStore) => (await store.load('kept')).map(({ id }) => id);

describe('a database', () => {
  test.each([
    ['no object', 5],
    ['of no kind', {}],
    ['of an unknown kind', { ...publishRecord(1), kind: 'toString' }],
    ['without a payload', { ...publishRecord(1), payload: undefined }],
    ['with a payload that is text', { ...publishRecord(1), payload: 'x' }],
    ['with a QoS that there is not', { ...publishRecord(1), qos: 3 }],
    ['with a pair of three', { ...publishRecord(1), properties: { userProperties: [['a', 'b', 'c']] } }],
  ])('with a record %s is damaged; clear() makes it usable', async (_what, value) => {
    const store = indexedDbStore();
    await written(store, 2);
    await plant(value);
    await expect(store.load('kept')).rejects.toMatchObject({
      name: 'StoreError',
      code: 'store-corrupt',
      message: expect.stringContaining("clear('kept')"),
    });
    expect(await store.load('other')).toEqual([]);
    await store.clear('kept');
    expect(await store.load('kept')).toEqual([]);
  });

  test('of another application is none of ours', async () => {
    const other = await openDB('mqtide', 1, { upgrade: (database) => void database.createObjectStore('x') });
    other.close();
    await expect(indexedDbStore().load('kept')).rejects.toMatchObject({ code: 'store-corrupt' });
    expect(await indexedDbStore({ name: 'ours' }).load('kept')).toEqual([]);
  });

  test('of a newer version is left alone', async () => {
    (await openDB('mqtide', 99)).close();
    await expect(indexedDbStore().load('kept')).rejects.toMatchObject({ code: 'store-newer' });
    expect((await indexedDB.databases())[0]?.version).toBe(99);
  });

  test('of an older layout is brought up to date, with what is in it', async () => {
    await written(indexedDbStore(), 7);
    const steps: LayoutStep[] = [
      () => expect.unreachable('the first layout is there already'),
      (database) => void database.createObjectStore('added' as 'about'),
    ];
    const newer = new DatabaseConnection('mqtide', steps);
    const names = newer.run('read', async ({ database }) => {
      expect(await database.getAll('records')).toEqual([publishRecord(7)]);
      return [...database.objectStoreNames];
    });
    expect(await names).toEqual(['about', 'added', 'records']);
  });

  test('is let go of when a page with a newer version comes, which reloads are told of', async () => {
    const store = indexedDbStore();
    await written(store, 1);
    (await openDB('mqtide', 2)).close();
    await expect(written(store, 2)).rejects.toMatchObject({
      code: 'store-newer',
      message: expect.stringContaining('reload'),
    });
  });

  test('that an older page does not let go of is blocked, and usable once it does', async () => {
    fakeTime();
    const older = await openDB('mqtide', 1, {
      upgrade: (database) => void database.createObjectStore('records'),
    });
    const steps: LayoutStep[] = [() => {}, (database) => void database.createObjectStore('about')];
    const newer = new DatabaseConnection('mqtide', steps);
    const read = () => newer.run('read', async ({ database }) => database.version);
    const first = watch(read());
    for (let second = 0; second < 7 && first.state === 'pending'; second += 1) {
      await turn();
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(first.error).toMatchObject({
      code: 'store-blocked',
      message: expect.stringContaining("'mqtide'"),
    });
    older.close();
    vi.useRealTimers();
    expect(await read()).toBe(2);
  });

  test.each([
    ['there is none', () => vi.stubGlobal('indexedDB', undefined)],
    ['it is not to be looked at', () => stubOpen('SecurityError')],
    ['private mode forbids it', () => stubOpen('InvalidStateError')],
  ])('is denied where %s', async (_why, arrange) => {
    arrange();
    onTestFinished(() => void vi.unstubAllGlobals());
    await expect(indexedDbStore().load('kept')).rejects.toMatchObject({ code: 'store-denied' });
    const { client } = idle({ ...kept, store: indexedDbStore() });
    await expect(client.connect()).rejects.toMatchObject({ code: 'store-denied' });
  });

  test('is opened again when its connection broke', async () => {
    const store = indexedDbStore();
    await written(store, 1);
    const counter = breakTransactions(1, () => new DOMException('closing', 'InvalidStateError'));
    await written(store, 2);
    expect(counter.count).toBeGreaterThan(1);
    expect(await ids(store)).toEqual([1, 2]);
  });

  test('is opened again when a browser closed it without a word', async () => {
    await written(indexedDbStore(), 1);
    const connection = new DatabaseConnection('mqtide');
    await connection.run('read', async ({ database }) => database.close());
    expect(await connection.run('read', ({ database }) => database.count('records'))).toBe(1);
  });

  test('that breaks again and again is an error, not a loop', async () => {
    const store = indexedDbStore();
    await written(store, 1);
    const counter = breakTransactions(1_000, () => new DOMException('lost', 'UnknownError'));
    const failure = written(store, 2).catch((error: StoreError) => error);
    expect(await failure).toMatchObject({ name: 'StoreError', cause: { name: 'UnknownError' } });
    expect(counter.count).toBeLessThan(5);
  });

  test('that was deleted while a session was in use says so once, and then is anew', async () => {
    const store = indexedDbStore();
    await written(store, 1);
    await deleteDB('mqtide');
    await expect(written(store, 2)).rejects.toMatchObject({ code: 'store-lost' });
    await written(store, 3);
    expect(await ids(store)).toEqual([3]);
  });

  test('that is full keeps what it had', async () => {
    const store = indexedDbStore();
    await written(store, 1);
    const { stop } = failWrites('QuotaExceededError');
    await expect(written(store, 2)).rejects.toMatchObject({
      code: 'store-full',
      message: expect.stringContaining('space'),
      cause: { name: 'QuotaExceededError' },
    });
    stop();
    await written(store, 3);
    expect(await ids(store)).toEqual([1, 3]);
  });

  test('that cannot be read is damaged', async () => {
    const store = indexedDbStore();
    await written(store, 1);
    const { getAll } = IDBObjectStore.prototype;
    const spy = vi.spyOn(IDBObjectStore.prototype, 'getAll').mockImplementation(function (
      this: IDBObjectStore,
      ...rest: Parameters<IDBObjectStore['getAll']>
    ) {
      const request = getAll.apply(this, rest);
      const error = new DOMException('large value', 'DataError');
      Object.defineProperty(request, 'error', { get: () => error, set: () => {} });
      queueMicrotask(() => this.transaction.abort());
      return request;
    });
    onTestFinished(() => spy.mockRestore());
    await expect(store.load('kept')).rejects.toMatchObject({ code: 'store-corrupt' });
  });

  test('takes all operations of a call or none', async () => {
    const store = indexedDbStore();
    await written(store, 1);
    const wrong = { ...publishRecord(3), properties: { contentType: (() => {}) as never } };
    const write = store.write('kept', [
      { type: 'delete', kind: 'publish', id: 1 },
      ...puts(publishRecord(2), wrong as never),
    ]);
    await expect(write).rejects.toMatchObject({ code: 'store-failed', cause: { name: 'DataCloneError' } });
    expect(await ids(store)).toEqual([1]);
  });
});

function stubOpen(name: string): void {
  vi.stubGlobal('indexedDB', {
    open() {
      throw new DOMException('no', name);
    },
  });
}

describe('a client whose database', () => {
  test('is full refuses what it cannot store, keeps what it has, and goes on when there is room', async () => {
    const store = indexedDbStore();
    const server = new FakeServer({ publish: () => undefined });
    const options = { ...kept, store, reconnect: { minDelay: 0, maxDelay: 0 } };
    const { client } = await connected(options, server);
    const accepted = watch(client.publish('a', 'accepted', { qos: 1 }));
    await waitFor(() => server.link.packets('publish').length === 1);
    const { stop } = failWrites('QuotaExceededError');
    await expect(client.publish('a', 'too much', { qos: 1 })).rejects.toMatchObject({ code: 'store-full' });
    stop();
    server.script = {};
    await waitFor(() => accepted.state === 'resolved');
    await client.publish('a', 'there is room', { qos: 1 });
    expect(
      server.links.flatMap((link) => link.packets('publish')).map(({ payload }) => `${payload}`),
    ).not.toContain(`${new TextEncoder().encode('too much')}`);
  });

  test('is damaged fails to connect, and sends nothing', async () => {
    const store = indexedDbStore();
    await written(store, 2);
    await plant({ kind: 'publish' });
    const { client, server } = idle({ ...kept, store });
    const publishing = watch(client.publish('a', 'b', { qos: 1 }));
    await expect(client.connect()).rejects.toMatchObject({ code: 'store-corrupt' });
    expect(publishing.error).toMatchObject({ code: 'store-corrupt' });
    expect(server.attempts).toEqual([]);
    await store.clear('kept');
    await client.connect();
  });

  test('is of a newer version fails to connect', async () => {
    (await openDB('mqtide', 99)).close();
    const { client } = idle({ ...kept, store: indexedDbStore() });
    await expect(client.connect()).rejects.toMatchObject({ code: 'store-newer' });
  });

  test('was deleted writes again all that it knows', async () => {
    const store = indexedDbStore();
    const server = new FakeServer({ publish: () => undefined });
    const { client } = await connected({ ...kept, store, reconnect: { minDelay: 0, maxDelay: 0 } }, server);
    watch(client.publish('a', 'before', { qos: 1 }));
    await waitFor(() => server.link.packets('publish').length === 1);
    await deleteDB('mqtide');
    await expect(client.publish('a', 'first', { qos: 1 })).rejects.toMatchObject({ code: 'store-lost' });
    await waitFor(() => server.links.length === 2 && client.status.type === 'connected');
    await client.publish('a', 'second', { qos: 1, until: 'stored' });
    const kinds = (await store.load('kept')).map((record) =>
      record.kind === 'publish' ? new TextDecoder().decode(record.payload) : record.kind,
    );
    expect(kinds.sort()).toEqual(['before', 'second', 'session']);
  });

  test('hangs gives up in time, everywhere', async () => {
    const store = indexedDbStore();
    const { client } = await connected({ ...kept, store });
    await turn();
    fakeTime();
    const nothing = () => {};
    const inert = { objectStore: () => ({ put: nothing, delete: nothing }), commit: nothing } as never;
    const spy = vi.spyOn(IDBDatabase.prototype, 'transaction').mockReturnValue(inert);
    onTestFinished(() => spy.mockRestore());
    const publishing = watch(client.publish('a', 'b', { qos: 1 }));
    const closing = watch(client.close({ timeout: 2_000 }));
    await vi.advanceTimersByTimeAsync(20_000);
    expect([publishing.state, closing.state]).toEqual(['rejected', 'resolved']);
  });
});
