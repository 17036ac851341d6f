import type { Fifo } from '../session/fifo';
import type { Emitter } from './emitter';
import type { ResolvedOptions } from './resolve-options';
import type { Runner } from './runner';

/** A call that waits: goes on, or fails with the error. */
export type WaitingCall = (error?: unknown) => void;

/** What the parts of a client share. */
export interface Core {
  readonly options: ResolvedOptions;
  readonly emitter: Emitter;
  readonly runner: Runner;
  /**
   * Where a call waits while the client is closed to be opened again or the store is read, behind those that wait there
   * already; undefined when it need not wait.
   * @param needsStore whether it is to wait for the store
   * @throws ConnectionError when the client takes no calls
   */
  line(needsStore: boolean): Fifo<WaitingCall> | undefined;
}
