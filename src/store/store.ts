/** Where a session is kept so that it survives its client: the interface of all stores. */

import type { Records, StoreOperation } from '../session/records';

export type { Records, StoreOperation, StoreRecord } from '../session/records';

/**
 * Keeps the records of sessions. One store may keep many, each under its key.
 * What a method rejects with ends the connection; nothing is acknowledged that is not stored.
 */
export interface SessionStore {
  /** Reads all records of a session, in any order; empty when there is none. */
  load(key: string): Promise<Records>;
  /**
   * Applies operations, all of them or none, in order, after those of earlier calls.
   * @returns nothing when they are durable already, else a promise of it
   */
  write(key: string, operations: readonly StoreOperation[]): void | Promise<void>;
  /** Removes all records of a session. */
  clear(key: string): Promise<void>;
}
