/** Topic Names in the bytes that PUBLISH begins with: an application publishes to a few of them, again and again. */

import { measureText, writeText } from './text';

/** Most entries: with {@link longest} what can be kept. */
const limit = 256;

/** Longer names are encoded each time. */
const longest = 128;

/** Once this many names were not found although the cache is full, it begins anew. */
const patience = 16 * limit;

const known = new Map<string, Uint8Array>();
let missed = 0;

/**
 * The encoded form of a Topic Name, its length included.
 *
 * @returns undefined when it is not kept, as for what is no valid name
 */
export function encodedTopic(topic: string): Uint8Array | undefined {
  return known.get(topic) ?? (known.size < limit ? keep(topic) : miss());
}

function keep(topic: string): Uint8Array | undefined {
  if (typeof topic !== 'string' || topic.length > longest) return undefined;
  const size = measureText(topic, false);
  if (typeof size === 'string') return undefined;
  const bytes = new Uint8Array(2 + size);
  writeText(bytes, 0, topic);
  known.set(topic, bytes);
  return bytes;
}

function miss(): undefined {
  missed++;
  if (missed < patience) return;
  missed = 0;
  known.clear();
}
