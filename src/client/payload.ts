/** Payloads as applications give them, as bytes. */

import { referenceFrom } from '../codec/output';
import { UsageError } from '../errors';
import { described } from './check';

const encoder = new TextEncoder();
const none = new Uint8Array(0);

/**
 * Encodes text, and views bytes as a plain Uint8Array: a `Buffer` has a `slice` that does not copy.
 * @throws UsageError for anything else
 */
export function payloadBytes(payload: unknown, name: string): Uint8Array {
  if (typeof payload === 'string') return payload === '' ? none : encoder.encode(payload);
  try {
    if (ArrayBuffer.isView(payload)) {
      const isPlain = payload.byteLength > 0 && Object.getPrototypeOf(payload) === Uint8Array.prototype;
      if (isPlain) return payload as Uint8Array;
      return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    }
    // It may come from another realm, as in a test runner with a DOM.
    if (Object.prototype.toString.call(payload) === '[object ArrayBuffer]') {
      return new Uint8Array(payload as ArrayBuffer);
    }
  } catch (cause) {
    throw new UsageError(`${name}: its ArrayBuffer was transferred and holds nothing any more`, undefined, {
      cause,
    });
  }
  throw new UsageError(
    `${name}: must be a string, an ArrayBuffer or a view of one, not ${described(payload)}; JSON.stringify() makes a string of an object`,
  );
}

/** Bytes that stay as they are although they wait: those of the caller are copied. */
export function settledBytes(bytes: Uint8Array, payload: unknown): Uint8Array {
  return typeof payload === 'string' ? bytes : bytes.slice();
}

/** Bytes for the next flush: what the output would only refer to is copied. */
export function bytesToWrite(bytes: Uint8Array, payload: unknown): Uint8Array {
  return bytes.length < referenceFrom ? bytes : settledBytes(bytes, payload);
}
