/** UTF-8 Encoded Strings [v5 1.5.4, v3 1.5.3]: checked in both directions, without a copy of the bytes. */

import { checkText } from '../check';
import { MalformedPacketError } from '../errors';

/** Up to this many bytes a loop beats the call into a TextDecoder. */
const shortText = 24;

/** Code units of the text that is being decoded, one array for each length up to {@link shortText}. */
const codeUnits: number[][] = [];

// ignoreBOM: U+FEFF is a character like any other [v5 MQTT-1.5.4-3]
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const encoder = new TextEncoder();

/**
 * Writes a text with its length; there must be room for two bytes and three for each code unit.
 *
 * @param where the field, for the message
 * @returns the offset behind it
 * @throws UsageError for a text that MQTT cannot carry
 */
export function writeText(bytes: Uint8Array, offset: number, text: string, where: string): number {
  let size = 0;
  for (; size < text.length; size++) {
    const unit = text.charCodeAt(size);
    if (unit === 0 || unit > 0x7f) break;
    bytes[offset + 2 + size] = unit;
  }
  if (size < text.length) {
    checkText(text, where);
    size = encoder.encodeInto(text, bytes.subarray(offset + 2)).written;
  }
  bytes[offset] = size >> 8;
  bytes[offset + 1] = size & 0xff;
  return offset + 2 + size;
}

/**
 * Decodes the bytes from `start` to `end`.
 *
 * @throws MalformedPacketError when they are ill-formed UTF-8 or hold U+0000 [v5 MQTT-1.5.4-1, MQTT-1.5.4-2]
 */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  const size = end - start;
  if (size <= shortText) {
    codeUnits[size] ??= new Array<number>(size).fill(0);
    const units = codeUnits[size];
    let index = 0;
    for (; index < size; index++) {
      const byte = bytes[start + index] as number;
      if (byte === 0 || byte > 0x7f) break;
      units[index] = byte;
    }
    if (index === size) return String.fromCharCode.apply(null, units);
  }
  let text: string;
  try {
    text = decoder.decode(bytes.subarray(start, end));
  } catch (cause) {
    throw new MalformedPacketError('a string is ill-formed UTF-8', { cause });
  }
  if (text.includes('\0')) throw new MalformedPacketError('a string holds U+0000');
  return text;
}
