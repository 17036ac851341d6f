/** Where a session is kept so that it survives its client: the interface of all stores. */

import type { Records, StoreOperation } from '../session/records';

export type * from '../session/records';

/** Nothing, or a promise of whatever: nobody looks at it. */
// biome-ignore lint/suspicious/noConfusingVoidType: with `Promise<unknown>`, `new Promise((resolve) => resolve())` does not compile
export type Completion = void | Promise<void | NonNullable<unknown> | null | undefined>;

/** Gives a session back, once: another client may have it from then on. */
export type Release = () => Completion;

/** What a client says when it wants a session for itself. */
export interface AcquireOptions {
  /** Aborted when the client does not want it any more; what was acquired is released all the same. */
  readonly signal: AbortSignal;
  /** True takes the session from whoever has it: the caller knows that its owner does not answer any more. */
  readonly steal?: boolean | undefined;
  /** To be called when another has taken the session before it was released: the client stops, and writes no more. */
  lost(cause?: unknown): void;
}

/**
 * Keeps the records of sessions, so that they survive their client. A client calls `acquire`, then `load`, then `write`
 * as often as its session changes, the next when the last has settled (one that took too long, too), and in the end what
 * `acquire` gave.
 *
 * One store may keep many sessions, each under its key: the client identifier of the options, so any text. A record is
 * named by its `kind` and `id`, and has to come back as it was given: its values are those that a structured clone
 * keeps, and some are `Uint8Array`, of which only their own bytes count, not the buffer around them.
 *
 * What a method rejects with ends the connection, as the `cause` of a `StoreError` if it is none. Nothing is sent or
 * acknowledged before the store has what has to survive it, and what a failed write held is written again with the next.
 */
export interface SessionStore {
  /**
   * Reads all records of a session, in any order.
   * @returns an empty list when there is none
   */
  load(key: string): Promise<Records>;
  /**
   * Applies operations, all of them or none, in order, after those of earlier calls. A `put` replaces the record of the
   * same name; a `delete` of what is not there does nothing. It may take 15 seconds.
   *
   * A rejection with a `StoreError` of code `'store-lost'` says that records of the session that were written before
   * are gone: the client writes all of them again.
   *
   * @returns nothing when they are durable already, else a promise of it
   */
  write(key: string, operations: readonly StoreOperation[]): Completion;
  /** Removes all records of a session, also damaged ones. Not for a session that a client has open. */
  clear(key: string): Exclude<Completion, void>;
  /**
   * Makes the caller the only one to use a session, before it reads it. Without this method nothing keeps two clients
   * from ruining it.
   *
   * @returns what ends that
   * @throws StoreError `'store-in-use'` when another has it; or it waits
   */
  acquire?(key: string, options: AcquireOptions): Promise<Release>;
}
