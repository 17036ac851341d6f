/** Topic Names that were decoded before: a stream repeats a few, and comparing them is cheaper than decoding them. */

import { MalformedPacketError } from '../errors';
import { readText } from './text';

/** Number of entries: two to this power. A hostile peer can make us keep this many names of {@link longest} bytes. */
const slotBits = 10;

/** Longer names are decoded each time. */
const longest = 128;

/** Odd, with its bits spread: the fraction of the golden ratio. */
const multiplier = 0x9e3779b1;

/** A name and its bytes: comparing bytes with bytes is faster than with a string. */
interface Entry {
  readonly bytes: Uint8Array;
  readonly name: string;
}

/** Direct-mapped cache of names. */
export class TopicCache {
  readonly #entries: Entry[] = new Array<Entry>(1 << slotBits).fill({ bytes: new Uint8Array(0), name: '' });

  /**
   * Decodes a Topic Name.
   *
   * @throws MalformedPacketError when it is ill-formed or holds a wildcard [v5 MQTT-3.3.2-2, v3 MQTT-3.3.2-2]
   */
  read(bytes: Uint8Array, start: number, end: number): string {
    const size = end - start;
    if (size > longest) return decode(bytes, start, end);
    const slot = hash(bytes, start, end);
    const { bytes: known, name } = this.#entries[slot] as Entry;
    if (known.length === size) {
      let index = 0;
      while (index < size && known[index] === bytes[start + index]) index++;
      if (index === size) return name;
    }
    const decoded = decode(bytes, start, end);
    this.#entries[slot] = { bytes: bytes.slice(start, end), name: decoded };
    return decoded;
  }
}

/** The slot of a name; two bytes a step, as multiplying is what takes time. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = end - start;
  let index = start;
  for (; index + 1 < end; index += 2) {
    value = Math.imul(value, 31) + ((bytes[index] as number) | ((bytes[index + 1] as number) << 8));
  }
  if (index < end) value = Math.imul(value, 31) + (bytes[index] as number);
  return Math.imul(value, multiplier) >>> (32 - slotBits);
}

function decode(bytes: Uint8Array, start: number, end: number): string {
  const name = readText(bytes, start, end);
  if (name.includes('+') || name.includes('#')) {
    throw new MalformedPacketError('a topic name holds a wildcard');
  }
  return name;
}
