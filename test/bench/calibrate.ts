/** Finds out how much of some work fills a sample, for each peer: the fastest does a hundred times what the slowest does. */

import type { Measured, Work } from './work';

/** How long a sample takes, in milliseconds: the garbage collector has its turns in it, and a busy machine its hiccups. */
const sample = 1_000;

/** How long a peer works before it is measured, in milliseconds: until the code that it runs is compiled for good. */
const warmUp = 3_000;

/**
 * Warms up.
 *
 * @param work the least of it that makes sense in one go
 * @param run does work
 * @returns as much of the work as fills a sample
 */
export async function calibrated<Of extends Work>(
  work: Of,
  run: (work: Of) => Promise<Measured>,
): Promise<Of> {
  let right = work;
  const start = performance.now();
  while (performance.now() - start < warmUp) {
    const { milliseconds } = await run(right);
    const times = Math.max(1, Math.round((right.count / work.count) * (sample / milliseconds)));
    right = { ...work, count: work.count * times };
  }
  return right;
}
