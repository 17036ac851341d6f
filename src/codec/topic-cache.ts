/** Topic Names that were decoded before: a stream repeats a few, and comparing them is cheaper than decoding them. */

import { MalformedPacketError } from '../errors';
import { readText } from './text';

/** Number of entries, a power of two. A hostile peer can make us keep this many names of {@link longest} bytes. */
const slots = 256;

/** Longer names are decoded each time. */
const longest = 128;

/** Odd, with its bits spread: the fraction of the golden ratio. */
const multiplier = 0x9e3779b1;

/** Direct-mapped cache of names. Those with other characters than ASCII are never found and decoded each time. */
export class TopicCache {
  readonly #names: string[] = new Array<string>(slots).fill('');

  /**
   * Decodes a Topic Name.
   *
   * @throws MalformedPacketError when it is ill-formed or holds a wildcard [v5 MQTT-3.3.2-2, v3 MQTT-3.3.2-2]
   */
  read(bytes: Uint8Array, start: number, end: number): string {
    const size = end - start;
    if (size > longest) return decode(bytes, start, end);
    const slot = hash(bytes, start, end) & (slots - 1);
    const known = this.#names[slot] as string;
    if (known.length === size) {
      let index = 0;
      while (index < size && known.charCodeAt(index) === bytes[start + index]) index++;
      if (index === size) return known;
    }
    const name = decode(bytes, start, end);
    this.#names[slot] = name;
    return name;
  }
}

/** Four bytes a step, as multiplying is what takes time. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = end - start;
  let index = start;
  for (; index + 4 <= end; index += 4) {
    const word =
      (bytes[index] as number) |
      ((bytes[index + 1] as number) << 8) |
      ((bytes[index + 2] as number) << 16) |
      ((bytes[index + 3] as number) << 24);
    value = Math.imul(value ^ word, multiplier);
    value ^= value >>> 15;
  }
  for (; index < end; index++) value = Math.imul(value ^ (bytes[index] as number), multiplier);
  return value ^ (value >>> 15);
}

function decode(bytes: Uint8Array, start: number, end: number): string {
  const name = readText(bytes, start, end);
  if (name.includes('+') || name.includes('#')) {
    throw new MalformedPacketError('a topic name holds a wildcard');
  }
  return name;
}
