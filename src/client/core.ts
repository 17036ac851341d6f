import type { Emitter } from './emitter';
import type { ResolvedOptions } from './resolve-options';
import type { Runner } from './runner';

/** What the parts of a client share. */
export interface Core {
  readonly options: ResolvedOptions;
  readonly emitter: Emitter;
  readonly runner: Runner;
  /**
   * Throws when the client takes no calls.
   * @returns a promise while it is closed to be opened again; undefined when there is nothing to wait for
   */
  checkOpen(): Promise<unknown> | undefined;
  /** A promise while the client is closed to be opened again or the store is being read; undefined when that is done. */
  ready(): Promise<void> | undefined;
}
