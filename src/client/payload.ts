/** Payloads as applications give them, as bytes. */

import { described, tagOf } from '../check';
import { UsageError } from '../errors';

const encoder = new TextEncoder();

/** Holds a short text while it is written or copied: an array for each costs more than its encoding. */
const scratch = new Uint8Array(4_096);

/**
 * Encodes text, and views bytes as a plain Uint8Array: a `Buffer` has a `slice` that does not copy.
 * @throws UsageError for anything else
 */
export function payloadBytes(payload: unknown, name: string): Uint8Array {
  if (typeof payload === 'string') return encoder.encode(payload);
  try {
    if (ArrayBuffer.isView(payload)) {
      // A Buffer, or an array that was transferred, goes the long way.
      if (payload.constructor === Uint8Array && (payload as Uint8Array).length > 0)
        return payload as Uint8Array;
      return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    }
    // It may come from another realm, as in a test runner with a DOM.
    if (tagOf(payload) === 'ArrayBuffer') {
      return new Uint8Array(payload as ArrayBuffer);
    }
  } catch (cause) {
    throw new UsageError(`${name}: its ArrayBuffer was transferred and holds nothing any more`, undefined, {
      cause,
    });
  }
  throw new UsageError(
    `${name}: must be a string, an ArrayBuffer or a view of one, not ${described(payload)}; JSON.stringify() makes a string of an object, blob.arrayBuffer() bytes of a Blob`,
  );
}

/** As {@link payloadBytes}; what it gives may be overwritten by the next call. */
export function passingBytes(payload: unknown, name: string): Uint8Array {
  if (typeof payload !== 'string' || payload.length * 3 > scratch.length) return payloadBytes(payload, name);
  return scratch.subarray(0, encoder.encodeInto(payload, scratch).written);
}
