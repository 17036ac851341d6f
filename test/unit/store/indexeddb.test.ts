import 'fake-indexeddb/auto';
import { IDBFactory, IDBObjectStore } from 'fake-indexeddb';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { UsageError } from '../../../src/errors';
import { indexedDbStore } from '../../../src/store/indexeddb';
import { describeStore, publishRecord, puts } from './contract';

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
});

describeStore('indexedDbStore', () => ({ open: () => indexedDbStore() }));

describe('indexedDbStore', () => {
  test('keeps nothing of the buffer around the bytes', async () => {
    const store = indexedDbStore();
    await store.write('a', puts(publishRecord(1, new Uint8Array(1_000).subarray(10, 13))));
    const [record] = await store.load('a');
    expect(record?.kind === 'publish' && record.payload.buffer.byteLength).toBe(3);
  });

  test.each([0, 999, 1_000, 1_001, 2_500])(
    'reads %i records, no more than a thousand at once',
    async (count) => {
      const store = indexedDbStore();
      const records = Array.from({ length: count }, (_, id) => publishRecord(id));
      const others = [{ kind: 'key', id: 'a', reasonCode: 0, until: 1 }, publishRecord(0)] as const;
      await store.write('a', puts(...records, others[0]));
      for (const key of ['', 'Z', 'a a', 'b']) await store.write(key, puts(...others));
      const getAll = vi.spyOn(IDBObjectStore.prototype, 'getAll');
      onTestFinished(() => getAll.mockRestore());
      expect(await store.load('a')).toEqual([others[0], ...records]);
      const sizes = getAll.mock.results.map(({ value }) => value.result.length);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000);
    },
  );

  test.each([null, 5, { durable: 'strict' }])('refuses the options %j', (options) => {
    expect(() => Reflect.apply(indexedDbStore, undefined, [options])).toThrow(UsageError);
  });
});
