import type { Bytes } from '../message';
import type { Packet, ProtocolVersion } from './packet';
import { type Sink, writePacket } from './writer';

/** Small packets share an array of this size: an allocation costs more than all the rest of them. */
const slabSize = 8_192;

const empty: Bytes = new Uint8Array(0);

/** Where packets go, one at a time. */
class Slab implements Sink {
  bytes: Bytes = empty;
  readonly referenceFrom = Infinity;
  /** Where the packet begins, and where it ends. */
  #start = 0;
  #end = 0;

  begin(size: number, total: number = size): number {
    this.#start = this.#end;
    this.#end += total;
    // So it is with a slab that someone transferred to a worker, too: it has no length any more.
    if (this.#end > this.bytes.length) {
      this.bytes = new Uint8Array(Math.max(slabSize, total));
      this.#start = 0;
      this.#end = total;
    }
    return this.#start;
  }

  reference(): void {}

  /** The packet that was written. */
  take(): Bytes {
    const { bytes } = this;
    if (bytes.length > slabSize) {
      // A large packet has an array of its own, which does not stay here.
      this.bytes = empty;
      return bytes;
    }
    return new Uint8Array(bytes.buffer, this.#start, this.#end - this.#start);
  }
}

const slab = new Slab();

/**
 * Encodes one packet.
 *
 * @returns the packet; as with Node's `Buffer`, the `ArrayBuffer` behind it may hold other packets too
 * @throws UsageError for what cannot be written: the message names the field and the rule; `'needs-mqtt-5'` for
 * what only MQTT 5.0 can carry
 */
export function encode(packet: Packet, protocolVersion: ProtocolVersion): Bytes {
  writePacket(slab, packet, protocolVersion);
  return slab.take();
}
