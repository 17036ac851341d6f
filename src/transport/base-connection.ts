/** What all connections have in common: they lose nothing that happens before somebody listens. */

import type { Connection } from './transport';

/**
 * A connection without its socket. A subclass reports what the socket does by {@link received}, {@link drained} and
 * {@link ended}; this class decides who hears of it, and when.
 */
export abstract class BaseConnection implements Connection {
  onDrain: (() => void) | undefined;

  #onData: ((chunk: Uint8Array) => void) | undefined;
  #onClose: ((error?: Error) => void) | undefined;
  /** What came before `onData` was set, in order. */
  #early: Uint8Array[] = [];
  /** `'ending'`: the socket is gone, but `onClose` was not called yet. `'ended'`: nothing is called any more. */
  #state: 'open' | 'ending' | 'ended' = 'open';
  /** Why the connection ended; set with `'ending'`. */
  #error: Error | undefined;

  abstract write(chunks: readonly Uint8Array[]): void;
  abstract get bufferedAmount(): number;
  abstract close(): void | Promise<void>;
  abstract destroy(): void;

  get onData(): ((chunk: Uint8Array) => void) | undefined {
    return this.#onData;
  }

  set onData(callback) {
    this.#onData = callback;
    if (this.#early.length > 0) queueMicrotask(() => this.#catchUp());
  }

  get onClose(): ((error?: Error) => void) | undefined {
    return this.#onClose;
  }

  set onClose(callback) {
    this.#onClose = callback;
    if (this.#state === 'ending') queueMicrotask(() => this.#catchUp());
  }

  /** Bytes came. */
  protected received(chunk: Uint8Array): void {
    if (this.#state !== 'open') return;
    if (this.#onData !== undefined && this.#early.length === 0) {
      this.#onData(chunk);
    } else {
      this.#early.push(chunk);
      this.#catchUp();
    }
  }

  /** Bytes left. */
  protected drained(): void {
    if (this.#state === 'open') this.onDrain?.();
  }

  /** The socket is gone. Only the first call counts. */
  protected ended(error?: Error): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.#error = error;
    this.#catchUp();
  }

  /** Nothing shall be called any more. */
  protected silenced(): void {
    this.#state = 'ended';
    this.#early = [];
  }

  /** Hands over what waited, data before the end; stops where a callback is missing or destroys the connection. */
  #catchUp(): void {
    while (this.#onData !== undefined) {
      const chunk = this.#early.shift();
      if (chunk === undefined) break;
      this.#onData(chunk);
    }
    if (this.#state !== 'ending' || this.#onClose === undefined || this.#early.length > 0) return;
    this.#state = 'ended';
    this.#onClose(this.#error);
  }
}
