/**
 * The connection to the database: opens it, brings its layout up to date, and opens it again when a browser lets it
 * break. Tasks run one after the other, in the order of the calls.
 */

import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import { StoreError } from '../errors';
import type { RecordKind, StoreRecord } from '../session/records';
import { storeErrorOf } from './indexeddb-failure';

/** Name of a record: session, kind, id. */
export type RecordName = [key: string, kind: RecordKind, id: number | string];

/** Layout 1. */
export interface Layout extends DBSchema {
  /** The records of all sessions. */
  records: { key: RecordName; value: StoreRecord };
  /** `identity`: random, made with the database, so that one that was deleted and made anew is not taken for it. */
  about: { key: 'identity'; value: string };
}

/** The database, open. */
export interface OpenDatabase {
  readonly database: IDBPDatabase<Layout>;
  readonly identity: string | undefined;
}

/** Makes the next layout out of the one before it. */
export type LayoutStep = (database: IDBPDatabase<Layout>) => void;

/** Steps from an empty database to the newest layout; their number is the database's version. */
const layoutSteps: readonly LayoutStep[] = [
  (database) => {
    database.createObjectStore('records');
    const identity = crypto.getRandomValues(new Uint32Array(4)).join();
    void database.createObjectStore('about').put(identity, 'identity');
  },
];

/** How long pages with an older layout may take to let go of the database, in milliseconds. */
const blockedGrace = 5_000;

/** What a transaction fails with when its connection is broken; nothing of it was applied then. */
const broken = ['AbortError', 'InvalidStateError', 'UnknownError'];

/** A part of the database, to read from once. */
export function reading<Name extends 'about' | 'records'>(database: IDBPDatabase<Layout>, name: Name) {
  const { store, done } = database.transaction(name);
  // What fails is told by the request; this one would reject with nobody there to hear it.
  done.catch(() => {});
  return store;
}

/** See above. */
export class DatabaseConnection {
  readonly #name: string;
  readonly #steps: readonly LayoutStep[];
  /** Set while it is open or being opened. */
  #opening: Promise<OpenDatabase> | undefined;
  /** The last task; it never rejects. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(name: string, steps = layoutSteps) {
    this.#name = name;
    this.#steps = steps;
  }

  /**
   * Runs a task after those before it; once more, on a new connection, when the one that it had turns out to be broken.
   * So it has to be one transaction, and may be run twice.
   * @throws StoreError
   */
  run<Value>(verb: 'read' | 'write', task: (open: OpenDatabase) => Promise<Value>): Promise<Value> {
    const result = this.#last.then(() => this.#attempt(verb, task, true));
    this.#last = result.catch(() => {});
    return result;
  }

  async #attempt<Value>(
    verb: 'read' | 'write',
    task: (open: OpenDatabase) => Promise<Value>,
    mayRepeat: boolean,
  ): Promise<Value> {
    let open: OpenDatabase;
    try {
      this.#opening ??= this.#open();
      open = await this.#opening;
    } catch (error) {
      this.#opening = undefined;
      throw storeErrorOf(error, 'open', this.#name);
    }
    try {
      return await task(open);
    } catch (error) {
      const isBroken = error instanceof DOMException && broken.includes(error.name);
      if (isBroken) {
        open.database.close();
        this.#opening = undefined;
      }
      if (!isBroken || !mayRepeat) throw storeErrorOf(error, verb, this.#name);
      return this.#attempt(verb, task, false);
    }
  }

  async #open(): Promise<OpenDatabase> {
    // Where a page may have no storage, the look at the global may throw already.
    if (!globalThis.indexedDB) {
      throw new StoreError('store-denied', 'There is no IndexedDB here; use another store');
    }
    const database = await this.#openInTime();
    return { database, identity: await reading(database, 'about').get('identity') };
  }

  #openInTime(): Promise<IDBPDatabase<Layout>> {
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      let isLate = false;
      const forget = () => {
        this.#opening = undefined;
      };
      openDB<Layout>(this.#name, this.#steps.length, {
        upgrade: (database, from, _to, { done }) => {
          // The promise of opening tells of it.
          done.catch(() => {});
          for (const step of this.#steps.slice(from)) step(database);
        },
        blocked: () => {
          timer = setTimeout(() => {
            isLate = true;
            reject(this.#blocked());
          }, blockedGrace);
        },
        // Another page needs a newer layout, or deletes the database.
        blocking: (_from, _to, event) => {
          (event.target as IDBDatabase).close();
          forget();
        },
        terminated: forget,
      })
        .then((database) => {
          if (isLate) database.close();
          resolve(database);
        }, reject)
        .finally(() => clearTimeout(timer));
    });
  }

  #blocked(): StoreError {
    return new StoreError(
      'store-blocked',
      `A page with an older version holds the database '${this.#name}' open; close or reload that page`,
    );
  }
}
