/** The client's clock. */

import type { Now } from '../session/now';

/** The time now. */
export function now(): Now {
  return { monotonic: performance.now(), wall: Date.now() };
}

/** Longest delay that timers take, in milliseconds: a longer one would fire at once. */
export const longestDelay = 2_147_483_647;

/** A timer; none for Infinity. */
export function timeoutFor(delay: number, callback: () => void): ReturnType<typeof setTimeout> | undefined {
  return delay === Number.POSITIVE_INFINITY ? undefined : setTimeout(callback, Math.min(delay, longestDelay));
}
