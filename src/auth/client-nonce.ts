/** The client's part of the nonce. */

import { toBase64 } from './base64';

/** Random bytes in a nonce: 192 bits, no two exchanges ever share one. */
const nonceSize = 24;

/** A new nonce: base64, so printable and without a comma [RFC 5802 5.1 "r"]. */
export function clientNonce(): string {
  return toBase64(globalThis.crypto.getRandomValues(new Uint8Array(nonceSize)));
}
