/** Small tools for bytes. */

/** All parts in one array. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** What the bytes of a chunk lie in. */
export type Backing = 'own' | 'view' | 'buffer' | 'shared';

export const backings: readonly Backing[] = ['own', 'view', 'buffer', 'shared'];

/** What lies around the bytes of a view, and must be neither read nor written. */
const padding = 0xa5;
const paddingSize = 7;

/** A copy of the bytes: an array of its own, a view of a larger one, a Buffer, or memory shared between threads. */
export function copyInto(backing: Backing, bytes: Uint8Array): Uint8Array {
  if (backing === 'own') return bytes.slice();
  if (backing === 'buffer') return Buffer.from(bytes);
  const size = bytes.length + 2 * paddingSize;
  const around = new Uint8Array(backing === 'shared' ? new SharedArrayBuffer(size) : new ArrayBuffer(size));
  around.fill(padding);
  around.set(bytes, paddingSize);
  return around.subarray(paddingSize, paddingSize + bytes.length);
}

/** The pieces between the cuts; cuts outside of the bytes are ignored, and each piece is a copy of its own. */
export function cutAt(bytes: Uint8Array, cuts: readonly number[], backing: Backing = 'own'): Uint8Array[] {
  const ends = [...new Set(cuts)].filter((cut) => cut > 0 && cut < bytes.length).sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) =>
    copyInto(backing, bytes.subarray(ends[index - 1] ?? 0, end)),
  );
}

/** Hexadecimal digits; the middle of long ones is left out. */
export function hex(bytes: Uint8Array, longest = 512): string {
  const digits = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  if (bytes.length <= longest) return digits;
  return `${digits.slice(0, longest)}...${digits.slice(-longest)} (${bytes.length} bytes)`;
}

/** Writes a Variable Byte Integer; `minimum` bytes or more, more than needed is an overlong form. */
export function varint(value: number, minimum = 1): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push(rest % 128);
    rest = Math.floor(rest / 128);
  } while (rest > 0 || bytes.length < minimum);
  return bytes.map((byte, index) => (index < bytes.length - 1 ? byte | 0x80 : byte));
}

/** Where one packet lies in a stream. */
export interface Frame {
  readonly start: number;
  /** Of its body, behind the Remaining Length. */
  readonly body: number;
  /** May lie behind the end of the stream. */
  readonly end: number;
}

/** Cuts a stream by its fixed headers alone, up to the first that is no header; knows nothing of the decoder. */
export function frames(bytes: Uint8Array): Frame[] {
  const found: Frame[] = [];
  let start = 0;
  while (start < bytes.length) {
    let length = 0;
    let body = start + 1;
    let more = true;
    for (let scale = 1; more && scale < 2 ** 28; scale *= 128) {
      const byte = bytes[body++];
      if (byte === undefined) return found;
      length += (byte & 0x7f) * scale;
      more = byte > 0x7f;
    }
    if (more) return found;
    found.push({ start, body, end: body + length });
    start = body + length;
  }
  return found;
}
