/**
 * A connection whose socket is given a little at a time.
 *
 * The sockets of Node tell that bytes have left only when the whole write has, and make one write of all that they have
 * to keep. Given everything at once, one would seem to stand still for as long as a slow network takes for all of it, and
 * be taken for dead.
 */

import type { Connection } from './transport';

/** The socket is given no more while it has so many bytes. */
const portion = 65_536;

/** How often a socket that does not tell when bytes have left is looked at, in milliseconds. */
const betweenLooks = 10;

type Chunks = readonly Uint8Array[];

export class PacedConnection implements Connection {
  onDrain: (() => void) | undefined = undefined;
  readonly delayedAcks: boolean;
  readonly coarse: boolean;
  readonly zeroCopy: boolean;
  readonly #inner: Connection;
  readonly #mayCut: boolean;
  /** Writes that wait, in order. */
  #waiting: Chunks[] = [];
  /** How many of them were passed on already. */
  #passed = 0;
  /** Bytes in the others. */
  #bytes = 0;
  /** From `close()` on: ends the connection. */
  #end: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param mayCut whether what is larger than a portion may be given in several writes */
  constructor(inner: Connection, mayCut: boolean) {
    this.#inner = inner;
    this.#mayCut = mayCut;
    this.delayedAcks = inner.delayedAcks ?? false;
    this.coarse = inner.coarse ?? false;
    this.zeroCopy = inner.zeroCopy ?? false;
    inner.onDrain = () => {
      if (this.#waiting.length > 0) this.#pump();
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

  write(chunks: Chunks): void {
    if (this.#end) return;
    const size = sizeOf(chunks);
    // The usual case, and the one that has to be quick.
    if (this.#bytes === 0 && size <= portion && this.#inner.bufferedAmount < portion) {
      this.#inner.write(chunks);
      return;
    }
    this.#bytes += size;
    if (this.#mayCut) for (const part of partsOf(chunks)) this.#waiting.push(part);
    else this.#waiting.push(chunks);
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
    for (let next = this.#waiting[this.#passed]; next; next = this.#waiting[this.#passed]) {
      if (this.#inner.bufferedAmount >= portion) {
        this.#timer = setTimeout(() => this.#pump(), betweenLooks);
        this.#letGo();
        return;
      }
      this.#passed += 1;
      this.#bytes -= sizeOf(next);
      this.#inner.write(next);
    }
    this.#waiting = [];
    this.#passed = 0;
    this.#end?.();
  }

  /** Who writes on and on leaves no moment at which all has been passed on: what has been is not kept until then. */
  #letGo(): void {
    if (this.#passed * 2 < this.#waiting.length) return;
    this.#waiting.splice(0, this.#passed);
    this.#passed = 0;
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

function sizeOf(chunks: Chunks): number {
  return chunks.reduce((size, { length }) => size + length, 0);
}

/** The same bytes in parts of at most a portion. */
function* partsOf(chunks: Chunks): Generator<Chunks> {
  let part: Uint8Array[] = [];
  let room = portion;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + room);
      part.push(piece);
      at += piece.length;
      room -= piece.length;
      if (room > 0) continue;
      yield part;
      part = [];
      room = portion;
    }
  }
  if (part.length > 0) yield part;
}
