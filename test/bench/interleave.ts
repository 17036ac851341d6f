/** Times functions in turn, so that what disturbs one disturbs the others too. */

import { type Spread, spreadOf } from './statistics';

/** What is timed: does `count` operations or some more, and says how many. */
export type Timed = (count: number) => number;

/** How long a sample should take at least, in milliseconds. */
const sample = 60;

/** Results end here: what nobody uses may be optimised away. */
const kept = { value: 0 };

/** To be called with what an operation gave. */
export function keep(value: number): void {
  kept.value ^= value;
}

/** Nanoseconds an operation, for each function. */
export function interleave<Name extends string>(
  functions: Readonly<Record<Name, Timed>>,
  rounds: number,
): Record<Name, Spread> {
  const names = Object.keys(functions) as Name[];
  const counts = {} as Record<Name, number>;
  const times = {} as Record<Name, number[]>;
  for (const name of names) {
    let count = 64;
    // Doubles until it is long enough; this warms up too.
    for (;;) {
      const start = performance.now();
      functions[name](count);
      if (performance.now() - start >= sample) break;
      count *= 2;
    }
    counts[name] = count;
    times[name] = [];
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) {
      const start = performance.now();
      const done = functions[name](counts[name]);
      times[name].push(((performance.now() - start) * 1e6) / done);
    }
  }
  return Object.fromEntries(names.map((name) => [name, spreadOf(times[name])])) as Record<Name, Spread>;
}
