import type { Emitter } from './emitter';
import type { ResolvedOptions } from './resolve-options';
import type { Runner } from './runner';

/** What the parts of a client share. */
export interface Core {
  readonly options: ResolvedOptions;
  readonly emitter: Emitter;
  readonly runner: Runner;
  /** Throws when the client takes no calls. */
  checkOpen(): void;
  /** A promise while the store is being read; undefined when that is done. */
  ready(): Promise<void> | undefined;
}
