/** Topic Names that were decoded before: a stream repeats a few, and comparing them is cheaper than decoding them. */

import { MalformedPacketError } from '../errors';
import { readText } from './text';

/** Number of entries: two to this power. A hostile peer can make us keep this many names of {@link longest} bytes. */
const slotBits = 10;

/** Longer names are decoded each time, and so are those that are shorter than a {@link word}. */
const longest = 128;

/** Odd, with its bits spread: the fraction of the golden ratio. */
const multiplier = 0x9e3779b1;

/** A name and its bytes: comparing bytes with bytes is faster than with a string. */
interface Entry {
  readonly bytes: DataView;
  readonly name: string;
}

/** What no name equals. */
const noEntry: Entry = { bytes: new DataView(new ArrayBuffer(0)), name: '' };

/** Bytes in a word: names are compared and hashed by words, the last of which may overlap the one before. */
const word = 4;

/** Direct-mapped cache of names. */
export class TopicCache {
  readonly #entries: Entry[] = new Array<Entry>(1 << slotBits).fill(noEntry);
  /** The entry that was read last: most messages come where the one before came. */
  #last: Entry = noEntry;

  /**
   * Decodes a Topic Name.
   *
   * @param view a view of the same bytes
   * @throws MalformedPacketError when it is ill-formed or holds a wildcard [v5 MQTT-3.3.2-2, v3 MQTT-3.3.2-2]
   */
  read(bytes: Uint8Array, view: DataView, start: number, end: number): string {
    const size = end - start;
    if (size > longest || size < word) return decode(bytes, start, end);
    const last = this.#last;
    if (isEqual(last.bytes, view, start, size)) return last.name;
    const slot = hash(view, start, size);
    let entry = this.#entries[slot] as Entry;
    if (!isEqual(entry.bytes, view, start, size)) {
      const name = decode(bytes, start, end);
      entry = { bytes: new DataView(bytes.slice(start, end).buffer), name };
      this.#entries[slot] = entry;
    }
    this.#last = entry;
    return entry.name;
  }
}

function isEqual(known: DataView, view: DataView, start: number, size: number): boolean {
  if (known.byteLength !== size) return false;
  const rest = size - word;
  for (let index = 0; index < rest; index += word) {
    if (known.getInt32(index) !== view.getInt32(start + index)) return false;
  }
  return known.getInt32(rest) === view.getInt32(start + rest);
}

/** The slot of a name. */
function hash(view: DataView, start: number, size: number): number {
  const rest = size - word;
  let value = size;
  for (let index = 0; index < rest; index += word) {
    value = Math.imul(value, multiplier) + view.getInt32(start + index);
    value ^= value >>> 15;
  }
  return Math.imul(value ^ view.getInt32(start + rest), multiplier) >>> (32 - slotBits);
}

function decode(bytes: Uint8Array, start: number, end: number): string {
  const name = readText(bytes, start, end);
  if (name.includes('+') || name.includes('#')) {
    throw new MalformedPacketError('a topic name holds a wildcard');
  }
  return name;
}
