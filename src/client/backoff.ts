/** How long to wait before the next attempt: full jitter, so that a server's clients do not come back as one. */

import type { ResolvedReconnect } from './resolve-options';

/**
 * A delay in milliseconds, at random between 0 and a bound that starts at `minDelay` and doubles up to `maxDelay`.
 *
 * @param failures attempts that failed in a row, from 1
 * @param random a number from 0 to below 1
 */
export function backoffDelay(
  { minDelay, maxDelay }: ResolvedReconnect,
  failures: number,
  random: number,
): number {
  const bound = Math.min(maxDelay, minDelay * 2 ** Math.min(failures - 1, 31));
  return Math.round(bound * random);
}
