/** What every {@link SessionStore} owes its callers, as tests that a store's own tests call. */

import { describe, expect, onTestFinished, test } from 'vitest';
import type { StoreOperation, StoreRecord } from '../../../src/session/records';
import type { SessionStore } from '../../../src/store/store';

/** Where a kind of store keeps its sessions: one for each test. */
export interface StorePlace {
  /** A store over what is kept there: the one of the first page, and that of each page after it. */
  open(): SessionStore;
  /** Lets go of all resources. */
  close?(): Promise<void> | void;
}

const bytes = (...values: readonly number[]) => Uint8Array.of(...values);

/** One record of every kind, with every member set. */
export const oneOfEachKind: readonly StoreRecord[] = [
  {
    kind: 'publish',
    id: 7,
    packetId: 65_535,
    topic: 'sensor/kitchen/\u{1f321}\ufe0f',
    payload: bytes(0, 255, 128, 10, 13),
    qos: 2,
    retain: true,
    properties: {
      payloadFormatIndicator: 1,
      messageExpiryInterval: 4_294_967_295,
      responseTopic: 'answers',
      correlationData: bytes(0, 1, 254, 255),
      userProperties: [
        ['b', '1'],
        ['a', '2'],
        ['b', '\ufeff\u0001'],
        ['__proto__', ''],
      ],
      contentType: 'text/plain; charset=utf-8',
    },
    key: 'order 17',
    expiresAt: 1_790_000_000_000.5,
    again: true,
    resent: true,
  },
  { kind: 'release', id: 7, order: 1 },
  { kind: 'incoming', id: 65_535 },
  {
    kind: 'inbox',
    id: 3,
    topic: 'a',
    payload: bytes(),
    qos: 2,
    retain: false,
    properties: { subscriptionIdentifiers: [1, 268_435_455], userProperties: [] },
  },
  { kind: 'key', id: 'order 16', reasonCode: 0x10, until: 1_790_000_000_000 },
  {
    kind: 'subscription',
    id: '$share/group/+/#',
    qos: 1,
    noLocal: false,
    retainAsPublished: true,
    retainHandling: 2,
    identifier: 9,
  },
  {
    kind: 'session',
    id: 0,
    protocolVersion: 5,
    clientId: 'c\u00e4',
    resubscribe: true,
    cleanStart: true,
    lastIdentifier: 17,
  },
];

/** A message as small as one can be. */
export function publishRecord(id: number, payload: Uint8Array = bytes(1), topic = 't'): StoreRecord {
  return { kind: 'publish', id, packetId: 0, topic, payload, qos: 1, retain: false };
}

/** Writes that put records. */
export const puts = (...records: readonly StoreRecord[]): StoreOperation[] =>
  records.map((record) => ({ type: 'put', record }));

/** Records in an order of their own, without members that are undefined. */
export function sorted(records: readonly StoreRecord[]): StoreRecord[] {
  const named = records.map(
    (record) => [`${record.kind} ${String(record.id).padStart(16)}`, record] as const,
  );
  return named.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
}

/** Tells whether a kind of store keeps its promises. */
export function describeStore(name: string, place: () => Promise<StorePlace> | StorePlace): void {
  describe(`the contract of a store, kept by ${name}`, () => {
    const open = async (): Promise<{ store: SessionStore; another: () => SessionStore }> => {
      const { open, close } = await place();
      onTestFinished(async () => close?.());
      return { store: open(), another: open };
    };

    test('has nothing of a session that nobody wrote', async () => {
      const { store } = await open();
      expect(await store.load('a')).toEqual([]);
    });

    test('gives back every kind of record as it was, to the next page too', async () => {
      const { store, another } = await open();
      await store.write('a', puts(...oneOfEachKind));
      for (const one of [store, another()]) {
        expect(sorted(await one.load('a'))).toEqual(sorted(oneOfEachKind));
      }
    });

    test('names a record by its kind and its id', async () => {
      const { store, another } = await open();
      const records: StoreRecord[] = [
        publishRecord(1),
        { kind: 'release', id: 1, order: 1 },
        { kind: 'incoming', id: 1 },
        { kind: 'key', id: '1', reasonCode: 0, until: 1 },
        publishRecord(10),
      ];
      await store.write('a', puts(...records));
      await store.write('a', [{ type: 'delete', kind: 'publish', id: 1 }]);
      expect(sorted(await another().load('a'))).toEqual(sorted(records.slice(1)));
    });

    test('puts a record in the place of the one with its name', async () => {
      const { store, another } = await open();
      await store.write('a', puts(publishRecord(1), publishRecord(2)));
      await store.write('a', puts(publishRecord(1, bytes(9))));
      expect(sorted(await another().load('a'))).toEqual([publishRecord(1, bytes(9)), publishRecord(2)]);
    });

    test('applies the operations of a call in their order', async () => {
      const { store, another } = await open();
      await store.write('a', [
        ...puts(publishRecord(1), publishRecord(2, bytes(1)), publishRecord(2, bytes(2))),
        { type: 'delete', kind: 'publish', id: 1 },
        { type: 'delete', kind: 'publish', id: 3 },
        ...puts(publishRecord(3)),
      ]);
      expect(sorted(await another().load('a'))).toEqual([publishRecord(2, bytes(2)), publishRecord(3)]);
    });

    test('applies calls in their order, also when nobody waits between them', async () => {
      const { store, another } = await open();
      const writes = [];
      for (let count = 1; count <= 50; count += 1) {
        writes.push(store.write('a', puts(publishRecord(1, bytes(count)))));
        writes.push(store.write('a', [{ type: 'delete', kind: 'publish', id: count - 1 }]));
        writes.push(store.write('a', puts(publishRecord(count + 1))));
      }
      const loaded = store.load('a');
      await Promise.all(writes);
      expect(sorted(await loaded)).toEqual([
        publishRecord(1, bytes(50)),
        publishRecord(50),
        publishRecord(51),
      ]);
      expect(sorted(await another().load('a'))).toEqual(sorted(await loaded));
    });

    test('minds neither a deletion of what is not there nor a call without operations', async () => {
      const { store } = await open();
      await store.write('a', [{ type: 'delete', kind: 'incoming', id: 5 }]);
      await store.write('a', []);
      expect(await store.load('a')).toEqual([]);
    });

    test('keeps the bytes of a view as they are', async () => {
      const { store, another } = await open();
      const buffer = new Uint8Array(1_000).fill(7);
      const view = buffer.subarray(10, 13);
      await store.write('a', [
        {
          type: 'put',
          record: { ...publishRecord(1, view), properties: { correlationData: view } } as StoreRecord,
        },
      ]);
      const [record] = await another().load('a');
      expect(record).toMatchObject({
        payload: bytes(7, 7, 7),
        properties: { correlationData: bytes(7, 7, 7) },
      });
    });

    test('keeps sessions apart, whatever their keys look like', async () => {
      const { store, another } = await open();
      const keys = [
        '',
        'a',
        'ab',
        'a!',
        'a"',
        'a\\',
        'a\0b',
        'a\0',
        '"',
        'A',
        '\u{1f600}',
        '\ud83d',
        '\uffff',
        '__proto__',
        '0',
        'a/b',
        '!a!',
        ' a',
      ];
      for (const [index, key] of keys.entries()) await store.write(key, puts(publishRecord(index)));
      const next = another();
      for (const [index, key] of keys.entries()) expect(await next.load(key)).toEqual([publishRecord(index)]);
      await next.clear('a');
      expect(await next.load('a')).toEqual([]);
      for (const [index, key] of keys.entries()) {
        if (key !== 'a') expect(await next.load(key), JSON.stringify(key)).toEqual([publishRecord(index)]);
      }
    });

    test('keeps records apart, whatever their ids look like', async () => {
      const { store, another } = await open();
      const ids = ['', 'a', 'a"', 'a\\', '0', '\u{1f600}', '\uffff', '__proto__', '+', '#'];
      const records = ids.map((id): StoreRecord => ({ kind: 'key', id, reasonCode: 0, until: 5 }));
      const numbers = [0, 9, 10, 65_535, Number.MAX_SAFE_INTEGER].map((id) => publishRecord(id));
      await store.write('a', puts(...records, ...numbers));
      expect(sorted(await another().load('a'))).toEqual(sorted([...records, ...numbers]));
    });

    test('removes a session, after what was written before', async () => {
      const { store, another } = await open();
      const written = store.write('a', puts(...oneOfEachKind));
      const cleared = store.clear('a');
      await written;
      await cleared;
      expect(await store.load('a')).toEqual([]);
      await store.write('a', puts(publishRecord(4)));
      expect(await another().load('a')).toEqual([publishRecord(4)]);
    });

    test('gives a session to one client at a time', async () => {
      const { store, another } = await open();
      const options = { signal: new AbortController().signal, lost: () => {} };
      const release = await store.acquire?.('a', options);
      await expect(another().acquire?.('a', options)).rejects.toMatchObject({
        name: 'StoreError',
        code: 'store-in-use',
      });
      await (await another().acquire?.('b', options))?.();
      await release?.();
      await (await another().acquire?.('a', options))?.();
    });

    test('holds a session of 10,000 records', async () => {
      const { store, another } = await open();
      const records = Array.from({ length: 10_000 }, (_, index) => publishRecord(index, bytes(index & 0xff)));
      await store.write('a', puts(...records));
      expect(sorted(await another().load('a'))).toEqual(records);
    });
  });
}
