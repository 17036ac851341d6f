/** Cuts a stream of bytes into packets, whatever the cuts of its chunks. */

import { checkBytes } from '../check';
import { MalformedPacketError, ProtocolError, UsageError } from '../errors';
import type { Bytes } from '../message';
import type { DecodedPacket, ProtocolVersion } from './packet';
import { Reader } from './reader';
import { maximumVarint } from './varint';

/** What a {@link PacketDecoder} needs to know. */
export interface DecoderOptions {
  /** Version to decode by; a CONNECT sets it. @default 4 */
  protocolVersion?: ProtocolVersion | undefined;
  /** Bytes of the largest packet to take, fixed header included. @default no limit but MQTT's own, 256 MiB */
  maximumPacketSize?: number | undefined;
  /**
   * Called with each packet, in order. It may call `stop()` or set `protocolVersion`, not `push()`. Where it throws,
   * `push` throws the same, and the decoder is dead.
   */
  onPacket: (packet: DecodedPacket) => void;
}

/** The largest packet that MQTT has: first byte, four bytes of Remaining Length, and the rest. */
const maximumTotal = 5 + maximumVarint;

/** First buffer of an incomplete packet: V8 keeps arrays of this size on its own heap. */
const firstBuffer = 64;

/** Announced sizes up to this are believed; beyond, the buffer grows as bytes really arrive. */
const believedSize = 65_536;

const empty: Bytes = new Uint8Array(0);

/** Reads the packets of one type. */
export type PacketReader = (reader: Reader, first: number) => DecodedPacket;

/** Readers by packet type, the upper half of the first byte [v5 2.1.2, v3 2.2.1]; none for type 0. */
export type PacketReaders = readonly (PacketReader | undefined)[];

/** Packet types whose flags are 2: PUBREL, SUBSCRIBE and UNSUBSCRIBE; a bit for each [v5 2.1.3, v3 2.2.2]. */
const typesWithFlag = (1 << 6) | (1 << 8) | (1 << 10);

/**
 * Decodes the packets that it has readers for. A payload is never overwritten: it is a view of the chunk it came in where
 * that keeps no more than 8 KiB or four times its own size alive, else a copy. PUBLISH has `packetId` undefined with
 * QoS 0, and any packet `properties` undefined when there are none.
 */
export class PacketDecoder {
  readonly #readers: PacketReaders;
  readonly #onPacket: (packet: DecodedPacket) => void;
  readonly #maximumPacketSize: number;
  /** @internal */
  readonly reader = new Reader();
  /** `busy` inside of push; `failed` and `stopped` are final. */
  #state: 'ready' | 'busy' | 'stopped' | 'failed' = 'ready';
  /** What ended it, in `failed`. */
  #failure: unknown;

  /** Gathers a packet that came in parts. */
  #partial: Bytes = empty;
  /** Bytes of that packet so far; 0 between packets. */
  #held = 0;
  /** Size of that packet; 0 as long as its fixed header is not complete. */
  #wanted = 0;

  constructor(
    { protocolVersion = 4, maximumPacketSize = maximumTotal, onPacket }: DecoderOptions,
    readers: PacketReaders,
  ) {
    this.#maximumPacketSize = maximumPacketSize;
    this.#onPacket = onPacket;
    this.#readers = readers;
    this.reader.version = protocolVersion;
  }

  /**
   * Takes the next bytes of the stream and calls `onPacket` for each packet that is complete with them. The chunk
   * must not change afterwards: payloads may be views of it.
   *
   * @throws MalformedPacketError for bytes that are not MQTT
   * @throws ProtocolError for a packet that MQTT forbids. After either the decoder is dead: all packets before the
   * fault were delivered, nothing after it will be, and `push` throws the same error again
   */
  push(chunk: Uint8Array): void {
    if (this.#state !== 'ready') {
      if (this.#state === 'failed') throw this.#failure;
      if (this.#state === 'stopped') return;
      throw new UsageError('push: must not be called by onPacket', 'in-use');
    }
    checkBytes(chunk, 'chunk');
    // Nothing, or an array that was transferred, which has no bytes to look at.
    if (chunk.length === 0) return;
    // Still not complete, whatever the chunk holds: the short way for chunks of a few bytes.
    if (this.#wanted > this.#held + chunk.length) {
      this.#append(chunk, 0, chunk.length);
      return;
    }
    this.#state = 'busy';
    try {
      this.#take(asOwned(chunk));
    } catch (error) {
      this.#state = 'failed';
      this.#failure = error;
      throw error;
    } finally {
      // Nothing of the chunk stays alive through us.
      this.reader.close();
      if (this.#state === 'busy') this.#state = 'ready';
      else this.#partial = empty;
    }
  }

  /** Delivers nothing any more, not even the rest of the chunk that is being decoded; `push` does nothing then. */
  stop(): void {
    if (this.#state === 'failed') return;
    this.#state = 'stopped';
    this.#partial = empty;
  }

  #take(chunk: Bytes): void {
    const { length } = chunk;
    let at = 0;
    this.reader.open(chunk);
    while (at < length && this.#state === 'busy') {
      if (this.#held === 0) {
        const total = this.#measure(chunk, at, length);
        if (total > 0 && at + total <= length) {
          this.#deliver(chunk, at, total);
          at += total;
          continue;
        }
        this.#wanted = total;
      }
      // The packet is not complete: gather it, its fixed header byte by byte.
      const end = Math.min(length, at + (this.#wanted === 0 ? 1 : this.#wanted - this.#held));
      this.#append(chunk, at, end);
      at = end;
      if (this.#wanted === 0) this.#wanted = this.#measure(this.#partial, 0, this.#held);
      if (this.#held === this.#wanted) {
        const packet = this.#partial;
        this.#partial = empty;
        this.#held = 0;
        this.reader.open(packet);
        this.#deliver(packet, 0, this.#measure(packet, 0, this.#wanted));
        this.#wanted = 0;
        this.reader.open(chunk);
      }
    }
  }

  /**
   * Size of the packet at an offset, with its fixed header, behind which the reader is then; 0 when the header is not
   * complete.
   *
   * @throws MalformedPacketError
   * @throws ProtocolError when the packet is larger than we take: before anything is allocated for it
   */
  #measure(bytes: Uint8Array, at: number, length: number): number {
    checkFirstByte(bytes[at] as number, this.reader.version);
    let remaining = 0;
    let offset = at + 1;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (offset >= length) return 0;
      const byte = bytes[offset++] as number;
      remaining |= (byte & 0x7f) << shift;
      if (byte > 0x7f) continue;
      // [v5 MQTT-1.5.5-1] the fewest bytes that hold the value
      if (byte === 0 && shift > 0) break;
      const total = offset - at + remaining;
      if (total > this.#maximumPacketSize) throw tooLarge(total, this.#maximumPacketSize);
      this.reader.offset = offset;
      return total;
    }
    throw new MalformedPacketError('the remaining length is too long');
  }

  #deliver(bytes: Bytes, at: number, total: number): void {
    const reader = this.reader;
    const first = bytes[at] as number;
    // A type without one was refused with its first byte.
    const read = this.#readers[first >> 4] as PacketReader;
    reader.end = at + total;
    const packet = read(reader, first);
    if (reader.offset !== reader.end) {
      throw new MalformedPacketError(`${packet.type.toUpperCase()} is longer than what it holds`);
    }
    this.#onPacket(packet);
  }

  /** Copies bytes from `at` to `end` behind those that are held. */
  #append(chunk: Uint8Array, at: number, end: number): void {
    const held = this.#held;
    const size = held + end - at;
    if (size > this.#partial.length) {
      // What is wanted is unknown as long as the header is not complete.
      const wanted = this.#wanted || firstBuffer;
      const room = Math.max(size, this.#partial.length * 2, believedSize);
      const larger = new Uint8Array(Math.min(wanted, room));
      larger.set(this.#partial.subarray(0, held));
      this.#partial = larger;
    }
    if (end - at === 1) this.#partial[held] = chunk[at] as number;
    else this.#partial.set(chunk.subarray(at, end), held);
    this.#held = size;
  }
}

/** @throws MalformedPacketError for a reserved type, or flags that this type does not have */
function checkFirstByte(first: number, version: ProtocolVersion): void {
  const type = first >> 4;
  if (type === 3) {
    // [v5 MQTT-3.3.1-4, v3 MQTT-3.3.1-4]
    if ((first & 0x06) === 0x06) throw new MalformedPacketError('PUBLISH has QoS 3');
    // [v5 MQTT-3.3.1-2, v3 MQTT-3.3.1-2]; in MQTT 3.1 the flag has no meaning then
    if ((first & 0x0e) === 0x08 && version !== 3)
      throw new MalformedPacketError('PUBLISH has DUP with QoS 0');
    return;
  }
  if (type === 0 || (type === 15 && version !== 5)) throw reservedType(type);
  // [v5 MQTT-2.1.3-1, v3 MQTT-2.2.2-2]; MQTT 3.1 has DUP and QoS in every packet, mostly without meaning
  if ((first & 0x0f) !== ((typesWithFlag >> type) & 1) * 2 && version !== 3) {
    throw new MalformedPacketError(`packet type ${type} has wrong flags`);
  }
}

/** [v5 2.1.2, v3 2.2.1] */
function reservedType(type: number): MalformedPacketError {
  return new MalformedPacketError(`packet type ${type} is reserved`);
}

function tooLarge(total: number, maximum: number): ProtocolError {
  return new ProtocolError(`a packet of ${total} bytes is larger than ${maximum}`, 'packet-too-large', 0x95);
}

/**
 * A plain array that nobody else writes to: not shared with another thread, and no Buffer, whose `slice` is a view and
 * not a copy.
 */
function asOwned(chunk: Uint8Array): Bytes {
  const { buffer, byteOffset, length } = chunk;
  if (!(buffer instanceof ArrayBuffer)) return new Uint8Array(chunk);
  return chunk.constructor === Uint8Array ? (chunk as Bytes) : new Uint8Array(buffer, byteOffset, length);
}
