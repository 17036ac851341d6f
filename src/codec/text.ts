/** UTF-8 Encoded Strings [v5 1.5.4, v3 1.5.3]: checked in both directions, without a copy of the bytes. */

import { MalformedPacketError, UsageError } from '../errors';
import { maximumUint16 } from './fields';

/** Up to this many bytes a loop beats the call into a TextDecoder. */
const shortText = 24;

/** Code units of the text that is being decoded, one array for each length up to {@link shortText}. */
const codeUnits: number[][] = [];

// ignoreBOM: U+FEFF is a character like any other [v5 MQTT-1.5.4-3]
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Writes a text with its length; there must be room for two bytes and three for each code unit.
 *
 * @param where the field, for the message
 * @param wildcards false where the text is a Topic Name, which holds no wildcards [v5 MQTT-4.7.0-1]
 * @returns the offset behind it
 * @throws UsageError for a text that MQTT cannot carry
 */
export function writeText(
  bytes: Uint8Array,
  offset: number,
  text: string,
  where: string,
  wildcards: boolean,
): number {
  const { length } = text;
  let at = offset + 2;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit <= 0x7f) {
      if (unit === 0) throw new UsageError(`${where} must not hold U+0000`);
      if (!wildcards && (unit === 0x2b || unit === 0x23)) {
        throw new UsageError(`${where} must not hold the wildcards + and #`);
      }
      bytes[at++] = unit;
    } else if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else if (unit < 0xd800 || unit > 0xdfff) {
      bytes[at++] = 0xe0 | (unit >> 12);
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else {
      const next = text.charCodeAt(++index);
      if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) {
        throw new UsageError(`${where} must not hold a lone surrogate`);
      }
      const point = 0x10000 + ((unit & 0x3ff) << 10) + (next & 0x3ff);
      bytes[at++] = 0xf0 | (point >> 18);
      bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[at++] = 0x80 | (point & 0x3f);
    }
  }
  const size = at - offset - 2;
  checkTextSize(size, where);
  bytes[offset] = size >> 8;
  bytes[offset + 1] = size & 0xff;
  return at;
}

/** @throws UsageError unless the length fits in a Two Byte Integer */
export function checkTextSize(size: number, where: string): void {
  if (size > maximumUint16) throw new UsageError(`${where} must not hold more than ${maximumUint16} bytes`);
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
