/**
 * A connection whose socket is given a little at a time.
 *
 * The sockets of Node tell that bytes have left only when the whole write has, and make one write of all that they have
 * to keep. Given everything at once, one would seem to stand still for as long as a slow network takes for all of it, and
 * be taken for dead.
 */

import type { Connection } from './transport';

/** The socket is given no more while it has so many bytes, and not more than these at once. */
const portion = 65_536;

/** How often a socket that does not tell when bytes have left is looked at, in milliseconds. */
const betweenLooks = 10;

export class PacedConnection implements Connection {
  onDrain: (() => void) | undefined = undefined;
  readonly delayedAcks: boolean;
  readonly #inner: Connection;
  /** What waits, in order. */
  #waiting: Uint8Array[] = [];
  /** How many of them were passed on already. */
  #passed = 0;
  /** Bytes in the others. */
  #bytes = 0;
  /** From `close()` on: ends the connection. */
  #end: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(inner: Connection) {
    this.#inner = inner;
    this.delayedAcks = inner.delayedAcks ?? false;
    inner.onDrain = () => {
      this.#pump();
      this.onDrain?.();
    };
  }

  get onData() {
    return this.#inner.onData;
  }

  set onData(callback) {
    this.#inner.onData = callback;
  }

  get onClose() {
    return this.#inner.onClose;
  }

  set onClose(callback) {
    this.#inner.onClose =
      callback &&
      ((error) => {
        this.#drop();
        callback(error);
      });
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#end) return;
    for (const chunk of chunks) {
      this.#waiting.push(chunk);
      this.#bytes += chunk.length;
    }
    this.#pump();
  }

  get bufferedAmount(): number {
    return this.#bytes + this.#inner.bufferedAmount;
  }

  close(): void | Promise<void> {
    if (this.#end) return undefined;
    return new Promise((resolve) => {
      this.#end = () => resolve(this.#inner.close());
      this.#pump();
    });
  }

  destroy(): void {
    this.#inner.destroy();
    this.#drop();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    while (this.#bytes > 0) {
      if (this.#inner.bufferedAmount >= portion) {
        this.#timer = setTimeout(() => this.#pump(), betweenLooks);
        return;
      }
      this.#inner.write(this.#take());
    }
    this.#end?.();
  }

  /** Takes one portion of what waits. */
  #take(): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let room = portion;
    for (let chunk = this.#waiting[this.#passed]; chunk && room > 0; chunk = this.#waiting[this.#passed]) {
      const piece = chunk.length > room ? chunk.subarray(0, room) : chunk;
      if (piece === chunk) this.#passed += 1;
      else this.#waiting[this.#passed] = chunk.subarray(room);
      pieces.push(piece);
      room -= piece.length;
      this.#bytes -= piece.length;
    }
    // Not at each call: with many small chunks that would take quadratic time.
    if (this.#passed * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#passed);
      this.#passed = 0;
    }
    return pieces;
  }

  /** There is nobody any more to whom anything could go. */
  #drop(): void {
    clearTimeout(this.#timer);
    this.#waiting = [];
    this.#passed = 0;
    this.#bytes = 0;
    this.#end?.();
  }
}
