/** Ways to damage a stream of valid packets. */

import { concat, frames, varint } from './bytes';
import type { Random } from './random';

type Mutation = (random: Random, bytes: Uint8Array) => Uint8Array;

const strangeBytes = [0x00, 0x01, 0x7f, 0x80, 0x81, 0xc0, 0xf0, 0xff];
const longestInsertion = 16;

const mutations: readonly Mutation[] = [
  flipBits,
  setByte,
  truncate,
  insert,
  remove,
  duplicate,
  splice,
  editRemainingLength,
  editInnerLength,
];

/** Damages the bytes once or several times. */
export function mutate(random: Random, bytes: Uint8Array): Uint8Array {
  let mutated = bytes;
  for (let round = random.pick([1, 1, 1, 2, 4]); round > 0; round--) {
    if (mutated.length > 0) mutated = random.pick(mutations)(random, mutated);
  }
  return mutated;
}

function flipBits(random: Random, bytes: Uint8Array): Uint8Array {
  const mutated = bytes.slice();
  for (let count = random.int(1, 4); count > 0; count--) {
    const at = position(random, bytes);
    mutated[at] = (mutated[at] ?? 0) ^ (1 << random.int(0, 7));
  }
  return mutated;
}

function setByte(random: Random, bytes: Uint8Array): Uint8Array {
  const mutated = bytes.slice();
  mutated[position(random, bytes)] = random.pick(strangeBytes);
  return mutated;
}

function truncate(random: Random, bytes: Uint8Array): Uint8Array {
  return bytes.slice(0, position(random, bytes));
}

function insert(random: Random, bytes: Uint8Array): Uint8Array {
  const at = position(random, bytes);
  return concat([bytes.subarray(0, at), random.bytes(random.int(1, longestInsertion)), bytes.subarray(at)]);
}

function remove(random: Random, bytes: Uint8Array): Uint8Array {
  const at = position(random, bytes);
  return concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.size(longestInsertion))]);
}

function duplicate(random: Random, bytes: Uint8Array): Uint8Array {
  const at = position(random, bytes);
  const end = at + 1 + random.size(bytes.length - at - 1);
  return concat([bytes.subarray(0, end), bytes.subarray(at, end), bytes.subarray(end)]);
}

/** The beginning of the stream, and its end from elsewhere. */
function splice(random: Random, bytes: Uint8Array): Uint8Array {
  return concat([bytes.subarray(0, position(random, bytes)), bytes.subarray(position(random, bytes))]);
}

function editRemainingLength(random: Random, bytes: Uint8Array): Uint8Array {
  const found = frames(bytes);
  if (found.length === 0) return bytes;
  const { start, body, end } = random.pick(found);
  const size = end - body;
  const length = random.pick([
    varint(Math.max(0, size - random.int(1, 3))),
    varint(size + random.int(1, 3)),
    varint(size, random.int(2, 5)),
    varint(2 ** 28 - 1),
    [0xff, 0xff, 0xff, 0xff, 0x01],
  ]);
  return concat([bytes.subarray(0, start + 1), Uint8Array.from(length), bytes.subarray(body)]);
}

/** Two bytes that may be the length of a field, or a packet identifier. */
function editInnerLength(random: Random, bytes: Uint8Array): Uint8Array {
  const mutated = bytes.slice();
  const value = random.pick([0, 1, 2, 255, 256, 65_535, random.int(0, 300)]);
  const at = position(random, bytes);
  mutated.set([value >> 8, value & 0xff].slice(0, bytes.length - at), at);
  return mutated;
}

function position(random: Random, bytes: Uint8Array): number {
  return random.int(0, bytes.length - 1);
}
