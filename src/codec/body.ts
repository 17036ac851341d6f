/** What follows the fixed header of a packet that is being written: the data types of MQTT [v5 1.5, v3 1.5]. */

import { boolean, checkBytes, checkInteger, checkText, maximumUint16 } from '../check';
import { UsageError } from '../errors';
import { checkPlain } from '../topic/topic-name';
import { writeText } from './text';
import { maximumVarint, varintSize, writeVarint } from './varint';

/** A buffer of more than this does not stay. */
const usualSize = 4_096;

/**
 * Appends fields one after the other. Each method checks its value, which may come from JavaScript, and throws a
 * {@link UsageError} that begins with `where`.
 */
export class Body {
  /** Holds the fields, and room for more. */
  bytes = new Uint8Array(256);
  /** Bytes that were appended. */
  length = 0;

  /** Begins anew. */
  clear(): this {
    if (this.bytes.length > usualSize) this.bytes = new Uint8Array(256);
    this.length = 0;
    return this;
  }

  /** Makes room for so many bytes more. */
  reserve(size: number): void {
    const { bytes, length } = this;
    if (length + size <= bytes.length) return;
    this.bytes = new Uint8Array((length + size) * 2);
    this.bytes.set(bytes);
  }

  /** Appends a byte that needs no check. */
  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  /** 0 or 1. */
  bit(value: unknown, where: string): void {
    checkInteger(value, where, 0, 1);
    this.byte(value);
  }

  /** A boolean, as a byte. */
  flag(value: unknown, where: string): void {
    boolean(value, where);
    this.byte(Number(value));
  }

  uint16(value: unknown, where: string, least = 0): void {
    checkInteger(value, where, least, maximumUint16);
    this.byte(value >> 8);
    this.byte(value & 0xff);
  }

  uint32(value: unknown, where: string, least = 0): void {
    checkInteger(value, where, least, 0xffff_ffff);
    for (let shift = 24; shift >= 0; shift -= 8) this.byte((value >> shift) & 0xff);
  }

  varint(value: unknown, where: string, least = 0): void {
    checkInteger(value, where, least, maximumVarint);
    this.reserve(4);
    this.length = writeVarint(this.bytes, this.length, value);
  }

  text(value: unknown, where: string): void {
    if (typeof value !== 'string' || value.length > maximumUint16) checkText(value, where);
    this.reserve(2 + 3 * value.length);
    this.length = writeText(this.bytes, this.length, value, where);
  }

  /** A text without wildcards [v5 MQTT-4.7.0-1]. */
  topic(value: unknown, where: string): void {
    this.text(value, where);
    checkPlain(value as string, where);
  }

  binary(value: unknown, where: string): void {
    checkBytes(value, where);
    const { length } = value;
    if (length > maximumUint16) {
      throw new UsageError(`${where}: must not hold more than ${maximumUint16} bytes`);
    }
    this.uint16(length, where);
    this.reserve(length);
    this.bytes.set(value, this.length);
    this.length += length;
  }

  /** Name and value; both are strings like any other [v5 MQTT-1.5.7-1]. */
  pair(value: unknown, where: string): void {
    if (!Array.isArray(value) || value.length !== 2)
      throw new UsageError(`${where}: must be [name, value] pairs`);
    this.text(value[0], where);
    this.text(value[1], where);
  }

  /** A Packet Identifier, which is never 0 [v5 2.2.1, v3 MQTT-2.3.1-1]. */
  packetId(value: unknown): void {
    this.uint16(value, 'packetId', 1);
  }

  /** Puts the length of what follows an offset in the byte that was left for it there, and makes room if need be. */
  closeBlock(offset: number): void {
    const size = this.length - offset - 1;
    const more = varintSize(size) - 1;
    if (more > 0) {
      this.reserve(more);
      this.bytes.copyWithin(offset + 1 + more, offset + 1, this.length);
      this.length += more;
    }
    writeVarint(this.bytes, offset, size);
  }
}

/** The body that writers use, one after the other. */
export const scratch = new Body();
