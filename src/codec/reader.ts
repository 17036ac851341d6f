/** A cursor over the body of one packet: the data types of MQTT [v5 1.5, v3 1.5]. */

import { MalformedPacketError, ProtocolError } from '../errors';
import type { Bytes, ProtocolVersion, QoS } from '../message';
import { readText } from './text';
import { TopicCache } from './topic-cache';

const empty: Bytes = new Uint8Array(0);
const noBytes = new DataView(empty.buffer);

/**
 * Small payloads of a large chunk are views of a copy of so much of it: one copy for many. It is what Node's Buffers do.
 */
const slabSize = 8_192;

/** One for all connections: a process may have thousands. */
const topics = new TopicCache();

/** A payload may keep alive so many times its size. */
const viewShare = 4;

/**
 * Reads fields one after the other; each method throws a {@link MalformedPacketError} when the packet ends before
 * the field does.
 */
export class Reader {
  /** What holds the packet; see {@link open}. */
  bytes: Bytes = empty;
  /** Where the next field begins. */
  offset = 0;
  /** Where the packet ends. */
  end = 0;
  /** Version by which to read. */
  version: ProtocolVersion = 4;

  /** Reads several bytes at once. */
  #view = noBytes;
  // What holds `bytes`, and the copy of a part of them: read once, as reading them takes longer than a view.
  #buffer: ArrayBuffer = empty.buffer;
  #bufferSize = 0;
  #slab: ArrayBuffer = empty.buffer;
  /** Where in `bytes` the slab begins and ends. */
  #slabStart = 0;
  #slabEnd = 0;

  /** Reads from these bytes. */
  open(bytes: Bytes): void {
    this.bytes = bytes;
    this.#buffer = bytes.buffer;
    this.#view = new DataView(this.#buffer, bytes.byteOffset, bytes.length);
    this.#bufferSize = this.#buffer.byteLength;
    this.#slab = empty.buffer;
    this.#slabEnd = 0;
  }

  /** Keeps nothing of what it read. */
  close(): void {
    this.bytes = empty;
    this.#buffer = empty.buffer;
    this.#view = noBytes;
    this.#slab = empty.buffer;
  }

  byte(): number {
    if (this.offset >= this.end) this.#fail();
    return this.bytes[this.offset++] as number;
  }

  /** 0 or 1. @throws ProtocolError for any other value */
  bit(): number {
    const value = this.byte();
    if (value > 1) throw new ProtocolError(`a flag is ${value}`);
    return value;
  }

  /** A {@link bit} as a boolean. */
  flag(): boolean {
    return this.bit() === 1;
  }

  uint16(): number {
    const { bytes, offset } = this;
    if (offset + 2 > this.end) this.#fail();
    this.offset = offset + 2;
    return ((bytes[offset] as number) << 8) | (bytes[offset + 1] as number);
  }

  uint32(): number {
    return this.uint16() * 0x10000 + this.uint16();
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        // [v5 MQTT-1.5.5-1] the fewest bytes that hold the value
        if (byte === 0 && shift > 0) break;
        return value;
      }
    }
    throw new MalformedPacketError('a variable byte integer is too long');
  }

  text(): string {
    const start = this.#field();
    return readText(this.bytes, start, this.offset);
  }

  /** A Topic Name: a text without wildcards. Names that come again and again are decoded once. */
  topic(): string {
    const start = this.#field();
    return topics.read(this.bytes, this.#view, start, this.offset);
  }

  pair(): [name: string, value: string] {
    return [this.text(), this.text()];
  }

  /** Binary Data, always a copy: what holds it is often much larger. */
  binary(): Bytes {
    const start = this.#field();
    return this.bytes.slice(start, this.offset);
  }

  /**
   * All that is left of the packet: a view where that keeps no more alive than {@link slabSize} or {@link viewShare}
   * times its size, else a copy that does not either.
   */
  payload(): Bytes {
    const { bytes, offset, end } = this;
    const size = end - offset;
    this.offset = end;
    if (size === 0) return empty;
    if (this.#bufferSize <= slabSize || this.#bufferSize <= size * viewShare) {
      return new Uint8Array(this.#buffer, bytes.byteOffset + offset, size);
    }
    if (size > slabSize / 2) return bytes.slice(offset, end);
    if (end > this.#slabEnd) {
      // Nothing follows that could share the copy.
      if (end === bytes.length) return bytes.slice(offset, end);
      const slab = bytes.slice(offset, offset + slabSize);
      this.#slab = slab.buffer;
      this.#slabStart = offset;
      this.#slabEnd = offset + slab.length;
    }
    return new Uint8Array(this.#slab, offset - this.#slabStart, size);
  }

  /** Steps over a field that begins with its length; returns where its content begins. */
  #field(): number {
    const length = this.uint16();
    const start = this.offset;
    if (start + length > this.end) this.#fail();
    this.offset = start + length;
    return start;
  }

  /** A Packet Identifier is never zero [v5 2.2.1, v3 MQTT-2.3.1-1]. */
  packetId(): number {
    const packetId = this.uint16();
    if (packetId === 0) throw new ProtocolError('the packet identifier is 0');
    return packetId;
  }

  #fail(): never {
    throw new MalformedPacketError('a field is longer than what holds it');
  }
}

/**
 * The QoS in the lower two bits.
 *
 * @throws MalformedPacketError for 3 [v5 MQTT-3.3.1-4, v3 MQTT-3.3.1-4]
 */
export function toQoS(bits: number): QoS {
  const qos = bits & 3;
  if (qos !== 0 && qos !== 1 && qos !== 2) throw new MalformedPacketError('the QoS is 3');
  return qos;
}
