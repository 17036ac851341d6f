/** Limits of a wait: a signal, a time. */

import { ConnectionError, UsageError } from '../errors';
import type { WaitOptions } from '../index';
import { checkOptions, ownArgument } from './arguments';

/** The longest delay that timers take. */
const longestDelay = 2_147_483_647;

/** A timer; none for Infinity. */
export function timerFor(delay: number, callback: () => void): ReturnType<typeof setTimeout> | undefined {
  return delay === Infinity ? undefined : setTimeout(callback, Math.min(delay, longestDelay));
}

/** Takes the limits out of options; what is left the hub checks. @throws UsageError; `signal.reason` when aborted already */
export function takeLimits(options: unknown): { limits: WaitOptions; others: object | undefined } {
  checkOptions(options);
  if (options === undefined) return { limits: {}, others: undefined };
  const { signal, timeout, ...others } = options as WaitOptions;
  const isTime = timeout === undefined || (typeof timeout === 'number' && timeout >= 0);
  if (!isTime) throw new UsageError('options.timeout: must be a number of milliseconds of at least 0');
  checkSignal(signal);
  signal?.throwIfAborted();
  return { limits: { signal, timeout }, others: ownArgument(others) };
}

/** The option `signal`. @throws UsageError */
export function checkSignal(signal: unknown): void {
  if (signal === undefined) return;
  const isSignal =
    typeof signal === 'object' && signal !== null && 'aborted' in signal && 'addEventListener' in signal;
  if (!isSignal) throw new UsageError('options.signal: must be an AbortSignal');
}

/**
 * Calls back once, with the reason, when a wait comes to its limit.
 * @returns ends that
 */
export function atLimit(
  { signal, timeout }: WaitOptions,
  what: string,
  callback: (reason: unknown) => void,
): () => void {
  const abort = () => end(signal?.reason);
  const timer =
    timeout === undefined
      ? undefined
      : timerFor(timeout, () =>
          end(new ConnectionError('timeout', `${what} did not finish within ${timeout} ms`)),
        );
  const stop = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  };
  const end = (reason: unknown) => {
    stop();
    callback(reason);
  };
  signal?.addEventListener('abort', abort);
  return stop;
}
