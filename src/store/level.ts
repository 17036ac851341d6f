/** Entry `mqtide/level`: sessions in any database of the `abstract-level` family, such as `classic-level`. */

import { boolean, checkOptions } from '../check';
import { type StoreCode, StoreError, UsageError } from '../errors';
import type { RecordKind, StoreOperation } from '../session/records';
import { decodeRecord, encodeRecord, encodingVersion } from './encoded-record';
import { type Owners, own } from './owners';
import type { SessionStore } from './store';
import { checkedRecords, corrupt } from './stored-record';

export type { SessionStore } from './store';

/** One operation of {@link LevelDatabase.batch}. */
export type LevelOperation =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

/** How keys and values are given: text and bytes. */
export interface LevelEncodings {
  readonly keyEncoding: 'utf8';
  readonly valueEncoding: 'view';
}

/** What {@link levelStore} needs of a database: every `abstract-level` 1 or later has it, sublevels too. */
export interface LevelDatabase {
  /** Resolves when it is open, rejects with the reason why it cannot be: other methods tell less. */
  open?(): Promise<void>;
  /** Applies operations, all or none. `sync`, where the database knows it: returns when they are on the disk. */
  batch(operations: LevelOperation[], options: LevelEncodings & { readonly sync: boolean }): Promise<void>;
  /** Reads a range of keys. */
  iterator(options: LevelEncodings & { readonly gte: string; readonly lt: string }): {
    all(): Promise<[key: string, value: Uint8Array][]>;
  };
}

/** Options of {@link levelStore}. */
export interface LevelOptions {
  /**
   * Whether a write has to reach the disk before it counts. Without it, it has to reach the operating system only: that
   * survives a crash of the process, not a power failure, and takes less time.
   * @default true
   */
  readonly sync?: boolean | undefined;
}

/** Sessions that are open, by database: several stores may be made of one. */
const ownersOf = new WeakMap<object, Owners>();

/**
 * Makes a store that keeps sessions in a database, which may hold other things too: all keys begin with `mqtide:`.
 * The application opens the database and closes it, after its clients. All that a client writes in one turn is one batch.
 *
 * @throws UsageError for wrong arguments
 */
export function levelStore(db: LevelDatabase, options: LevelOptions = {}): SessionStore {
  if (typeof db?.batch !== 'function' || typeof db.iterator !== 'function') {
    throw new UsageError('db: must be a database of the abstract-level family, such as classic-level');
  }
  checkOptions(options, 'options', ['sync']);
  const sync = boolean(options.sync, 'options.sync') ?? true;
  const encodings = { keyEncoding: 'utf8', valueEncoding: 'view' } as const;
  const owners: Owners = ownersOf.get(db) ?? new Map();
  ownersOf.set(db, owners);

  /** The last task; it never rejects. Databases may let one batch overtake another. */
  let last: Promise<unknown> = Promise.resolve();
  const inOrder = <Value>(verb: string, task: () => Promise<Value>): Promise<Value> => {
    const result = last.then(task).catch((error: unknown) => {
      throw storeErrorOf(error, verb);
    });
    last = result.catch(() => {});
    return result;
  };
  const entries = async (key: string) => {
    await db.open?.();
    const start = prefixOf(key);
    // Kinds are words of small letters.
    return db.iterator({ ...encodings, gte: start, lt: `${start}~` }).all();
  };
  const batch = (operations: LevelOperation[]) => db.batch(operations, { ...encodings, sync });

  return {
    load: (key) =>
      inOrder('read', async () => {
        const values = (await entries(key)).map(([, value]) => decoded(value, key));
        return checkedRecords(values, key);
      }),

    // Encoded now: the caller may change its bytes afterwards.
    write: (key, operations) => {
      const encoded = operations.map((operation) => levelOperation(key, operation));
      return inOrder('write', () => batch(encoded));
    },

    clear: (key) =>
      inOrder('write', async () => batch((await entries(key)).map(([name]) => ({ type: 'del', key: name })))),

    acquire: async (key) => own(owners, key),
  };
}

/** What the names of a session's records begin with; no other session's do, since the text is quoted. */
function prefixOf(key: string): string {
  return `mqtide:${JSON.stringify(key)}`;
}

/** The name of a record: names of one kind sort as its ids do. */
function nameOf(key: string, kind: RecordKind, id: number | string): string {
  return `${prefixOf(key)}${kind}:${typeof id === 'number' ? `${id}`.padStart(16, '0') : JSON.stringify(id)}`;
}

function levelOperation(key: string, operation: StoreOperation): LevelOperation {
  if (operation.type === 'delete') return { type: 'del', key: nameOf(key, operation.kind, operation.id) };
  const { record } = operation;
  return { type: 'put', key: nameOf(key, record.kind, record.id), value: encodeRecord(record) };
}

function decoded(value: Uint8Array, key: string): unknown {
  const [version = 0] = value;
  if (version > encodingVersion) {
    throw new StoreError('store-newer', `A newer version of mqtide wrote session '${key}'; use that version`);
  }
  try {
    return decodeRecord(value);
  } catch (error) {
    throw corrupt(key, error);
  }
}

function storeErrorOf(error: unknown, verb: string): StoreError {
  if (error instanceof StoreError) return error;
  const [code, advice] = meaningOf(error);
  return new StoreError(code, `Could not ${verb} the database: ${advice}`, { cause: error });
}

function meaningOf(error: unknown): [code: StoreCode, advice: string] {
  const { code, cause, message } = (error instanceof Object ? error : {}) as {
    code?: unknown;
    cause?: unknown;
    message?: string;
  };
  // It says only that it is not open; below is why.
  if (code === 'LEVEL_DATABASE_NOT_OPEN' && cause) return meaningOf(cause);
  if (code === 'LEVEL_CORRUPTION') {
    return ['store-corrupt', 'it is damaged; repair() of the database may help'];
  }
  if (code === 'LEVEL_LOCKED') return ['store-in-use', 'another process has it open'];
  if (code === 'ENOSPC' || /no space left/i.test(message ?? '')) {
    return ['store-full', 'the disk is full; free some space'];
  }
  return ['store-failed', message ?? String(error)];
}
