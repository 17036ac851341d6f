/** Bytes as they are written by hand in tests. */

import type { Bytes } from '../../src/message';

/**
 * Bytes from a template: pairs of hexadecimal digits, and text in single quotes as UTF-8; blanks are ignored, and
 * what is interpolated is read the same way.
 *
 * @example hex`10 0c 0004 'MQTT' 04 02 003c 0000`
 */
export function hex(strings: TemplateStringsArray, ...values: readonly string[]): Bytes {
  const source = String.raw({ raw: strings.raw }, ...values);
  const digits = source.replace(/'([^']*)'/g, (_, text: string) => toHex(new TextEncoder().encode(text)));
  const pairs = digits.replace(/\s/g, '').match(/../g) ?? [];
  const bytes = pairs.map((pair) => Number.parseInt(pair, 16));
  if (digits.replace(/\s/g, '').length % 2 !== 0 || bytes.some(Number.isNaN)) {
    throw new Error(`not hexadecimal: ${source}`);
  }
  return new Uint8Array(bytes);
}

/** Bytes as hexadecimal digits, for assertions that are readable when they fail. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Chunks put together. */
export function concat(chunks: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.length;
  }
  return all;
}
