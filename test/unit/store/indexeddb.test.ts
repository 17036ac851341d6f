import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { beforeEach, describe, expect, test } from 'vitest';
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

  test.each([null, 5, { durable: 'strict' }])('refuses the options %j', (options) => {
    expect(() => Reflect.apply(indexedDbStore, undefined, [options])).toThrow(UsageError);
  });
});
