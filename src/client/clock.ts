/** The client's clock. */

import type { Now } from '../session/now';

/**
 * Calls back once, after so many milliseconds or later; the function that it returns calls that off. An option, so
 * that something else than the page's own timers can do it: those of a hidden tab fire once a minute at worst.
 */
export type Clock = (callback: () => void, delay: number) => () => void;

/** The timers of the environment. */
export const ownClock: Clock = (callback, delay) => {
  const timer = setTimeout(callback, delay);
  return () => clearTimeout(timer);
};

/** The time now. */
export function now(): Now {
  return { monotonic: performance.now(), wall: Date.now() };
}

/** Longest delay that timers take, in milliseconds: a longer one would fire at once. */
export const longestDelay = 2_147_483_647;

/** A timer; none for Infinity. */
export function timeoutFor(delay: number, callback: () => void): ReturnType<typeof setTimeout> | undefined {
  return delay === Infinity ? undefined : setTimeout(callback, Math.min(delay, longestDelay));
}
