/** Topic Names in the bytes that PUBLISH begins with: an application publishes to a few of them, again and again. */

import { Body } from './body';

/** Most entries: with {@link longest} what can be kept. */
const limit = 256;

/** Longer names are encoded each time. */
const longest = 128;

/** Once this many names were not found although the cache is full, it begins anew. */
const patience = 16 * limit;

const known = new Map<string, Uint8Array>();
let missed = 0;

/** What encodes names that are not known. */
const body = new Body();

/**
 * The encoded form of a Topic Name, its length included; only valid until the next call.
 *
 * @throws UsageError for what is no Topic Name
 */
export function encodedTopic(topic: string): Uint8Array {
  return known.get(topic) ?? encode(topic);
}

function encode(topic: string): Uint8Array {
  body.clear().topic(topic, 'topic');
  const bytes = body.bytes.subarray(0, body.length);
  if (topic.length > longest) return bytes;
  if (known.size < limit) {
    known.set(topic, bytes.slice());
  } else if (++missed > patience) {
    missed = 0;
    known.clear();
  }
  return bytes;
}
