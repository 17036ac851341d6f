/** Where packets go: an {@link Output}, or the array of `encode`. */

import { UsageError } from '../errors';
import type { Body } from './body';
import { maximumVarint, varintSize, writeVarint } from './varint';

/** What a writer needs of an {@link Output}. */
export interface Sink {
  /** Holds the run that {@link begin} made room for. */
  readonly bytes: Uint8Array;
  /** Payloads from this size on are given to {@link reference}. */
  readonly referenceFrom: number;
  /** Makes room for `size` bytes of a packet of `total` bytes; returns the offset of the first. */
  begin(size: number, total?: number): number;
  /** Appends the payload of the packet that was just written. */
  reference(payload: Uint8Array): void;
}

/** Appends a packet without a payload. @throws UsageError when it is too long, and then nothing is appended */
export function appendPacket(out: Sink, first: number, body: Body): void {
  const at = beginPacket(out, first, body.length);
  out.bytes.set(body.bytes.subarray(0, body.length), at);
}

/**
 * Appends the fixed header of a packet with a body of so many bytes.
 *
 * @returns the offset at which the body goes
 */
export function beginPacket(out: Sink, first: number, bodySize: number, payload?: Uint8Array): number {
  const payloadSize = payload === undefined ? 0 : payload.length;
  const total = packetTotal(bodySize + payloadSize);
  const offset = out.begin(payloadSize < out.referenceFrom ? total : total - payloadSize, total);
  out.bytes[offset] = first;
  return writeVarint(out.bytes, offset + 1, bodySize + payloadSize);
}

/** Appends the payload behind the body: a large one may not be copied. */
export function appendPayload(out: Sink, offset: number, payload: Uint8Array): void {
  if (payload.length < out.referenceFrom) out.bytes.set(payload, offset);
  else out.reference(payload);
}

/**
 * Size of a packet with its fixed header.
 *
 * @throws UsageError when MQTT has no packets that long
 */
export function packetTotal(remaining: number): number {
  if (remaining > maximumVarint)
    throw new UsageError(`the packet is too long, by ${remaining - maximumVarint} bytes`);
  return 1 + varintSize(remaining) + remaining;
}
