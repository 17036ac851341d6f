/** Base64 between bytes and text [RFC 4648 4]. */

import type { Bytes } from '../message';

/** Groups of four of the standard alphabet; padding only at the end. */
const form = /^[A-Za-z0-9+/]+={0,2}$/;

/** Encodes bytes, with padding. */
export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/**
 * Decodes strictly: no white space, no missing padding, no other alphabet, no stray bits at the end.
 *
 * @returns undefined for anything that {@link toBase64} would not have written, and for the empty string
 */
export function fromBase64(text: string): Bytes | undefined {
  if (text.length % 4 !== 0 || !form.test(text)) return undefined;
  const binary = atob(text);
  // `atob` forgives set bits below the last byte, so two texts would mean the same bytes.
  if (btoa(binary) !== text) return undefined;
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
