/** The buffer that encoders append to: whole packets, gathered in frames, large payloads by reference. */

/** A frame holds at most this many bytes unless one packet is larger: few frames, yet none that blocks the peer. */
export const frameLimit = 65_536;

/** Payloads from this size on are referenced, not copied: below it a copy is cheaper than one more chunk. */
export const referenceFrom = 4_096;

/**
 * A slab has room for {@link slack} times what waits to be taken, and for this much at least. So those of a burst soon
 * reach the size of a frame, and a client that sends a little now and then, pings for instance, does not hold 64 KiB.
 */
const leastSlabSize = 256;
const slack = 4;

/** Chunks of one frame: whole packets, to be sent in one message. */
export type Frame = Uint8Array[];

/**
 * Growing output of encoded packets. An encoder calls {@link begin} with the number of bytes it will write in one
 * run, writes them into {@link bytes} from the offset it got, and may then append a payload by {@link reference}.
 */
export class Output {
  /** The slab that is written to now. */
  bytes: Uint8Array<ArrayBuffer> = empty;
  /** Bytes that were written and not taken yet. */
  length = 0;
  /** Payloads from this size on are referenced, not copied; Infinity for those that may change. */
  referenceFrom = referenceFrom;

  /** Complete frames. */
  #frames: Frame[] = [];
  /** Chunks of the frame that is being filled. */
  #chunks: Frame = [];
  /** Bytes in the chunks of the frame that is being filled, the open run included. */
  #frameLength = 0;
  /** Where the run that is not a chunk yet begins in the slab. */
  #start = 0;
  /** Where the next byte goes in the slab. */
  #end = 0;

  /**
   * Makes room for the next packet.
   *
   * @param size bytes that will be written in one run
   * @param total size of the whole packet, with a payload that will be referenced
   * @returns the offset in {@link bytes} to write at
   */
  begin(size: number, total: number = size): number {
    if (this.#frameLength > 0 && this.#frameLength + total > frameLimit) this.#sealFrame();
    if (this.#end + size > this.bytes.length) this.#newSlab(size);
    const offset = this.#end;
    this.#end += size;
    this.#frameLength += size;
    this.length += size;
    return offset;
  }

  /** Appends a payload to the packet that was just written, without copying it. */
  reference(payload: Uint8Array): void {
    this.#sealRun();
    this.#chunks.push(payload);
    this.#frameLength += payload.length;
    this.length += payload.length;
  }

  /** Hands over all frames and starts anew. */
  take(): Frame[] {
    if (this.length === 0) return [];
    this.#sealFrame();
    const frames = this.#frames;
    this.#frames = [];
    this.length = 0;
    if (this.bytes.length > frameLimit) {
      // The slab of a large packet must not stay for as long as nothing else is sent.
      this.bytes = empty;
      this.#start = 0;
      this.#end = 0;
    }
    return frames;
  }

  #sealRun(): void {
    if (this.#end > this.#start) this.#chunks.push(this.bytes.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  #sealFrame(): void {
    this.#sealRun();
    if (this.#chunks.length > 0) this.#frames.push(this.#chunks);
    this.#chunks = [];
    this.#frameLength = 0;
  }

  #newSlab(size: number): void {
    // A frame may lie in several slabs while they grow; later a chunk more would cost a copy of the frame.
    if (this.bytes.length < frameLimit) this.#sealRun();
    else this.#sealFrame();
    // A slab is never written twice: what was taken may still be on its way out.
    const usual = Math.min(frameLimit, Math.max(leastSlabSize, (this.length + size) * slack));
    this.bytes = new Uint8Array(Math.max(size, usual));
    this.#start = 0;
    this.#end = 0;
  }
}

const empty = new Uint8Array(0);
