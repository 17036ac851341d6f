/** Payloads, which can be anything, as text to look at, and typed text as payloads. */

/** How a payload is shown. */
export type PayloadFormat = 'auto' | 'text' | 'json' | 'hex';

/** Bytes of a payload that are shown; nobody reads more. */
const shownBytes = 4_096;

/** Bytes in a row of a hex dump. */
const rowLength = 16;

/** The part of a payload that is shown: what is kept of a message that may be large. */
export interface Excerpt {
  readonly shown: Uint8Array;
  /** Bytes that are left out. */
  readonly rest: number;
}

/** Copies what is shown: a payload may be a view of much more. */
export function excerptOf(payload: Uint8Array, length = shownBytes): Excerpt {
  const shown = payload.slice(0, length);
  return { shown, rest: payload.length - shown.length };
}

/** A payload as text, in the wished format if it is of that kind. */
export function showPayload(payload: Uint8Array, format: PayloadFormat): string {
  return showExcerpt(excerptOf(payload), format);
}

/** As {@link showPayload}. */
export function showExcerpt(excerpt: Excerpt, format: PayloadFormat): string {
  return `${render(excerpt, format)}${excerpt.rest > 0 ? `\n... ${excerpt.rest} more bytes` : ''}`;
}

function render({ shown, rest }: Excerpt, format: PayloadFormat): string {
  if (format === 'hex') return hexDump(shown);
  if (format === 'text') return new TextDecoder().decode(shown);
  const text = utf8(shown, rest > 0);
  if (text === undefined) return hexDump(shown);
  if (format === 'json' || /^\s*[[{]/.test(text)) return prettyJson(text);
  return text;
}

/** The text of what is shown, or undefined when the payload is none. */
function utf8(shown: Uint8Array, isCut: boolean): string | undefined {
  // Cut short, the last character may be incomplete: decoding as a stream leaves it out.
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    const text = decoder.decode(shown, { stream: isCut });
    // Control characters other than white space say that this is not meant to be read.
    return /(?!\s)\p{Cc}/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

function prettyJson(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    const line = JSON.stringify(value);
    // A number that JavaScript cannot hold, a name given twice: only the text itself tells them.
    if (line !== text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, '$1')) return text;
    return line.length <= 80 ? line : JSON.stringify(value, null, 2);
  } catch {
    return text;
  }
}

/** Offset, bytes, and the printable ones as text. */
export function hexDump(bytes: Uint8Array): string {
  const rows: string[] = [];
  for (let start = 0; start < bytes.length; start += rowLength) {
    const row = [...bytes.subarray(start, start + rowLength)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    rows.push(`${start.toString(16).padStart(4, '0')}  ${hex.padEnd(rowLength * 3)} ${text}`);
  }
  return rows.join('\n');
}

/**
 * Reads bytes typed as hex digits; blanks between them do not matter.
 *
 * @throws Error for anything else
 */
export function parseHex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '');
  if (!/^([0-9a-f]{2})*$/i.test(digits))
    throw new Error('The payload is not hex: it takes pairs of digits 0-9 a-f.');
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) =>
    Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16),
  );
}
