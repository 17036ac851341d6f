/** Topic Names that were decoded before: a stream repeats a few, and comparing them is cheaper than decoding them. */

import { MalformedPacketError } from '../errors';
import { readText } from './text';

/** Number of entries, a power of two. A hostile peer can make us keep this many names of {@link longest} bytes. */
const slots = 256;

/** Longer names are decoded each time. */
const longest = 128;

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
    let hash = size;
    for (let index = start; index < end; index++) hash = (Math.imul(hash, 31) + (bytes[index] as number)) | 0;
    const slot = (hash ^ (hash >> 8)) & (slots - 1);
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

function decode(bytes: Uint8Array, start: number, end: number): string {
  const name = readText(bytes, start, end);
  if (name.includes('+') || name.includes('#')) {
    throw new MalformedPacketError('a topic name holds a wildcard [v5 MQTT-3.3.2-2, v3 MQTT-3.3.2-2]');
  }
  return name;
}
