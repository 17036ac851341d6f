/** Payloads as applications give them, as bytes. */

import { UsageError } from '../errors';
import { described } from './check';
import type { Payload } from './options';

/** Up to this size a payload is copied at the call, so that the caller may reuse its array at once. */
const copiedUpTo = 4_096;

const encoder = new TextEncoder();
const none = new Uint8Array(0);

/** Encodes text, and views bytes. @throws UsageError for anything else */
export function payloadBytes(payload: unknown, name: string): Uint8Array {
  if (typeof payload === 'string') return payload === '' ? none : encoder.encode(payload);
  if (payload instanceof Uint8Array) return payload;
  if (ArrayBuffer.isView(payload))
    return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
  if (payload instanceof ArrayBuffer) return new Uint8Array(payload);
  throw new UsageError(
    `${name}: must be a string, an ArrayBuffer or a view of one, not ${described(payload)}; JSON.stringify() makes a string of an object`,
  );
}

/** Bytes that stay as they are although they wait: a small payload is copied. */
export function settledBytes(bytes: Uint8Array, payload: Payload): Uint8Array {
  return typeof payload === 'string' || bytes.length > copiedUpTo ? bytes : bytes.slice();
}
