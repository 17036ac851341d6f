/** Where writers put their bytes: an {@link Output}, or the one packet of `encode`. */

import { UsageError } from '../errors';
import type { Packet, ProtocolVersion } from './packet';
import { maximumVarint, varintSize, writeVarint } from './varint';

/** What a writer needs of an {@link Output}. */
export interface Sink {
  /** Holds the run that {@link begin} made room for. */
  readonly bytes: Uint8Array;
  /** Makes room for `size` bytes of a packet of `total` bytes; returns the offset of the first. */
  begin(size: number, total?: number): number;
  /** Appends the payload of the packet that was just written. */
  reference(payload: Uint8Array): void;
}

/** Writes the packets of one type. */
export interface PacketWriter<P extends Packet> {
  /**
   * Checks a packet.
   *
   * @returns its Remaining Length
   * @throws UsageError when it cannot be written
   */
  readonly measure: (packet: P, version: ProtocolVersion) => number;
  /** Appends a packet that was measured. */
  readonly write: (out: Sink, packet: P, version: ProtocolVersion, remaining: number) => void;
}

/** Writes the fixed header and returns the offset behind it; the rest follows in the same run. */
export function beginPacket(out: Sink, first: number, remaining: number, referenced = 0): number {
  const total = packetTotal(remaining);
  const offset = out.begin(total - referenced, total);
  out.bytes[offset] = first;
  return writeVarint(out.bytes, offset + 1, remaining);
}

/**
 * Size of a packet with its fixed header.
 *
 * @throws UsageError when MQTT has no packets that long
 */
export function packetTotal(remaining: number): number {
  if (remaining > maximumVarint) {
    throw new UsageError(`the packet is too long: more than ${maximumVarint} bytes follow its fixed header`);
  }
  return 1 + varintSize(remaining) + remaining;
}

/** Writes a Two Byte Integer and returns the offset behind it. */
export function writeUint16(bytes: Uint8Array, offset: number, value: number): number {
  bytes[offset] = value >> 8;
  bytes[offset + 1] = value & 0xff;
  return offset + 2;
}

/** Writes Binary Data with its length and returns the offset behind it. */
export function writeBinary(bytes: Uint8Array, offset: number, value: Uint8Array): number {
  bytes.set(value, writeUint16(bytes, offset, value.length));
  return offset + 2 + value.length;
}
