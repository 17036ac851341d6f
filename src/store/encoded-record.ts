/**
 * Records as bytes, for stores that keep bytes.
 *
 * | bytes   | what                                                                           |
 * |---------|--------------------------------------------------------------------------------|
 * | 1       | version of the encoding: 1                                                     |
 * | 4       | size of the next field, big endian                                             |
 * | as many | the record as JSON in UTF-8, with the size of each binary value in its place   |
 * | rest    | the binary values: payload, then Correlation Data                              |
 */

import type { StoreRecord } from '../session/records';

/** The newest version. A later one has to read the older ones too. */
export const encodingVersion = 1;

/** Version and size. */
const headerSize = 5;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The record as bytes. */
export function encodeRecord(record: StoreRecord): Uint8Array {
  const parts: Uint8Array[] = [];
  const sizeOf = (part: Uint8Array) => {
    parts.push(part);
    return part.length;
  };
  let plain: object = record;
  if (record.kind === 'publish' || record.kind === 'inbox') {
    const { payload, properties } = record;
    plain = { ...record, payload: sizeOf(payload) };
    if (properties?.correlationData) {
      const correlationData = sizeOf(properties.correlationData);
      plain = { ...plain, properties: { ...properties, correlationData } };
    }
  }
  const json = encoder.encode(JSON.stringify(plain));
  const size = parts.reduce((sum, { length }) => sum + length, headerSize + json.length);
  const bytes = new Uint8Array(size);
  bytes[0] = encodingVersion;
  new DataView(bytes.buffer).setUint32(1, json.length);
  bytes.set(json, headerSize);
  let offset = headerSize + json.length;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** What the bytes say; whether that is a record remains to be seen. @throws RangeError, SyntaxError, TypeError */
export function decodeRecord(bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let offset = headerSize + view.getUint32(1);
  const record: unknown = JSON.parse(decoder.decode(bytes.subarray(headerSize, offset)));
  const bytesOf = (size: number) => {
    const start = offset;
    offset += size;
    if (!(offset <= bytes.length)) throw new RangeError('the binary values are cut off');
    // A copy: what the database gave may lie in a larger buffer, and a Buffer of Node slices without one.
    return new Uint8Array(bytes.subarray(start, offset));
  };
  const { payload, properties } = record as { payload?: number; properties?: { correlationData?: number } };
  if (payload === undefined) return record;
  const whole = { ...(record as object), payload: bytesOf(payload) };
  if (properties?.correlationData === undefined) return whole;
  return { ...whole, properties: { ...properties, correlationData: bytesOf(properties.correlationData) } };
}
