/** UTF-8 Encoded Strings [v5 1.5.4, v3 1.5.3]: checked in both directions, without a copy of the bytes. */

import { MalformedPacketError, UsageError } from '../errors';

/** A string takes at most this many bytes: its length is a Two Byte Integer. */
export const maximumTextSize = 65_535;

/** Up to this many bytes a loop beats the call into a TextDecoder. */
const shortText = 24;

/** Code units of the text that is being decoded, one array for each length up to {@link shortText}. */
const codeUnits: number[][] = [];

// ignoreBOM: U+FEFF is a character like any other [v5 MQTT-1.5.4-3]
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes of a well-formed text, without the two that hold its length. */
export function textSize(text: string): number {
  const length = text.length;
  let size = length;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    // Each half of a surrogate pair counts two: four bytes together.
    if (unit > 0x7f) size += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2;
  }
  return size;
}

/**
 * Measures what may not be a text that MQTT can carry.
 *
 * @param wildcards false where the text is a Topic Name, which holds no wildcards [v5 MQTT-4.7.0-1]
 * @returns its bytes without the two that hold its length, or what is wrong with it
 */
export function measureText(value: unknown, wildcards = true): number | string {
  if (typeof value !== 'string') return 'must be a string';
  const length = value.length;
  let size = length;
  // A text that is too long in code units needs no look at all of them.
  for (let index = 0; index < length && length <= maximumTextSize; index++) {
    const unit = value.charCodeAt(index);
    if (unit <= 0x7f) {
      if (unit === 0) return 'must not hold U+0000';
      if (!wildcards && (unit === 0x2b || unit === 0x23)) return 'must not hold the wildcards + and #';
    } else if (unit < 0x800) {
      size += 1;
    } else {
      size += 2;
      if (unit >= 0xd800 && unit <= 0xdfff) {
        const next = value.charCodeAt(++index);
        if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) {
          return 'must be well-formed Unicode, it holds a lone surrogate';
        }
      }
    }
  }
  return size > maximumTextSize ? 'must not take more than 65535 bytes' : size;
}

/**
 * Checks that a value is a text that MQTT can carry.
 *
 * @param where the field, for the message
 * @param wildcards see {@link measureText}
 * @returns its bytes, without the two that hold its length
 * @throws UsageError
 */
export function checkText(value: unknown, where: string, wildcards = true): number {
  const size = measureText(value, wildcards);
  if (typeof size === 'string') throw new UsageError(`${where} ${size}`);
  return size;
}

/** Writes a checked text with its length, and returns the offset behind it. */
export function writeText(bytes: Uint8Array, offset: number, text: string): number {
  const length = text.length;
  let at = offset + 2;
  for (let index = 0; index < length; index++) {
    const unit = text.charCodeAt(index);
    if (unit <= 0x7f) {
      bytes[at++] = unit;
    } else if (unit < 0x800) {
      bytes[at++] = 0xc0 | (unit >> 6);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else if (unit < 0xd800 || unit > 0xdfff) {
      bytes[at++] = 0xe0 | (unit >> 12);
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else {
      const point = 0x10000 + ((unit & 0x3ff) << 10) + (text.charCodeAt(++index) & 0x3ff);
      bytes[at++] = 0xf0 | (point >> 18);
      bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[at++] = 0x80 | (point & 0x3f);
    }
  }
  const size = at - offset - 2;
  bytes[offset] = size >> 8;
  bytes[offset + 1] = size & 0xff;
  return at;
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
