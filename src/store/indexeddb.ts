/** Entry `mqtide/indexeddb`: sessions that survive a reload, a crash of the tab and an end of the browser. */

import { unwrap } from 'idb';
import { checkOptions } from '../check';
import { StoreError, UsageError } from '../errors';
import type { Bytes } from '../message';
import type { StoreOperation, StoreRecord } from '../session/records';
import { DatabaseConnection, type RecordName, reading } from './indexeddb-connection';
import { storeErrorOf } from './indexeddb-failure';
import type { SessionStore } from './store';
import { checkedRecords } from './stored-record';
import { acquireLock } from './web-lock';

export type { SessionStore } from './store';

/** Options of {@link indexedDbStore}. */
export interface IndexedDbOptions {
  /**
   * Name of the database; it may hold any number of sessions.
   * @default 'mqtide'
   */
  readonly name?: string | undefined;
  /**
   * What a write has to reach before it counts. `'relaxed'`: the operating system; that survives a reload, a crash of the
   * tab and an end of the browser by any cause. `'strict'`: the disk; that survives a power failure and a crash of the
   * operating system too, and takes several times as long.
   * @default 'relaxed'
   */
  readonly durability?: 'strict' | 'relaxed' | undefined;
  /**
   * What happens to a client whose session another page, worker or client has open: `'reject'` fails its connect with a
   * `StoreError` of code `'store-in-use'`, `'wait'` lets it wait for the other to go, within its `connectTimeout`.
   *
   * Pages are kept apart by Web Locks, which browsers give to secure contexts only (https and localhost). Elsewhere
   * only clients of the same page are: see to it that each page has a `clientId` of its own.
   * @default 'reject'
   */
  readonly inUse?: 'reject' | 'wait' | undefined;
}

/** Records that are read at once: a page does nothing else while it takes them over. */
const pageSize = 1_000;

/**
 * Makes a store that keeps sessions in IndexedDB. All that a client writes in one turn is one transaction.
 *
 * @throws UsageError for wrong options
 */
export function indexedDbStore(options: IndexedDbOptions = {}): SessionStore {
  checkOptions(options, 'options', ['name', 'durability', 'inUse']);
  const { name = 'mqtide', durability = 'relaxed', inUse = 'reject' } = options;
  if (typeof name !== 'string') throw new UsageError('options.name: must be a string');
  if (durability !== 'strict' && durability !== 'relaxed') {
    throw new UsageError("options.durability: must be 'strict' or 'relaxed'");
  }
  if (inUse !== 'reject' && inUse !== 'wait') {
    throw new UsageError("options.inUse: must be 'reject' or 'wait'");
  }
  const connection = new DatabaseConnection(name);
  /** Identity of the database in which a session was read or written last. */
  const identities = new Map<string, string | undefined>();

  return {
    load: (key) =>
      connection.run('read', async ({ database, identity }) => {
        const store = reading(database, 'records');
        const records: StoreRecord[] = [];
        let from: IDBValidKey | undefined = [key];
        while (from) {
          const range = rangeOf(key, from);
          const [page, names]: [unknown[], RecordName[]] = await Promise.all([
            store.getAll(range, pageSize),
            store.getAllKeys(range, pageSize),
          ]);
          records.push(...checkedRecords(page, key));
          from = names[pageSize - 1];
        }
        identities.set(key, identity);
        return records;
      }),

    write: (key, operations) =>
      connection.run('write', async ({ database, identity }) => {
        const known = identities.has(key) ? identities.get(key) : identity;
        identities.set(key, identity);
        if (known !== identity) {
          throw new StoreError(
            'store-lost',
            `The database '${name}' was deleted while session '${key}' was in use; what is known of it is written again`,
          );
        }
        // Unwrapped: a promise for each record would cost more than the record, and one of the transaction's own would
        // reject with nobody there to hear it.
        const transaction = unwrap(database).transaction('records', 'readwrite', { durability });
        const done = ended(transaction);
        try {
          apply(transaction.objectStore('records'), key, operations);
          transaction.commit();
        } catch (error) {
          done.catch(() => {});
          transaction.abort();
          throw error;
        }
        await done;
      }),

    clear: (key) =>
      connection.run('write', async ({ database, identity }) => {
        identities.set(key, identity);
        await database.delete('records', rangeOf(key));
      }),

    acquire: (key, acquireOptions) =>
      acquireLock(`mqtide ${JSON.stringify([name, key])}`, key, inUse === 'wait', acquireOptions).catch(
        (error: unknown) => {
          throw storeErrorOf(error, 'open', name);
        },
      ),
  };
}

/** All records of a session; those behind a name. */
function rangeOf(key: string, from: IDBValidKey = [key]): IDBKeyRange {
  // An array sorts after every string and number.
  return IDBKeyRange.bound(from, [key, []], true);
}

/** Settles with a transaction. Its `error` events come too early: they do not know yet why it aborts. */
function ended(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () =>
      reject(transaction.error ?? new DOMException('The transaction was aborted', 'AbortError'));
  });
}

function apply(records: IDBObjectStore, key: string, operations: readonly StoreOperation[]): void {
  for (const operation of operations) {
    if (operation.type === 'put') {
      const { kind, id } = operation.record;
      records.put(withOwnBytes(operation.record), [key, kind, id] satisfies RecordName);
    } else records.delete([key, operation.kind, operation.id] satisfies RecordName);
  }
}

/** The record with bytes that lie in a buffer of their own: a structured clone copies the whole buffer of a view. */
function withOwnBytes(record: StoreRecord): StoreRecord {
  if (record.kind !== 'publish' && record.kind !== 'inbox') return record;
  const { payload, properties } = record;
  const correlationData = properties?.correlationData;
  return {
    ...record,
    payload: ownBytes(payload),
    ...(correlationData && { properties: { ...properties, correlationData: ownBytes(correlationData) } }),
  };
}

function ownBytes(bytes: Uint8Array): Bytes {
  const { buffer, byteLength } = bytes;
  const isWhole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
  return isWhole ? (bytes as Bytes) : new Uint8Array(bytes);
}
