/** Ends the wait for a promise by a signal or after a time, the options `signal` and `timeout`. */

import { kind, milliseconds } from '../check';
import { ConnectionError } from '../errors';
import { timeoutFor } from './clock';
import { deferred, ignoreRejection } from './deferred';
import type { WaitOptions } from './options';
import { whenAborted } from './when-aborted';

/**
 * Settles with the promise, or rejects before it.
 *
 * @param giveUp called when the wait ends early, before the promise rejects with what this returns, or else the reason
 * @param what what is waited for, for the message of a time-out where somebody sees it
 */
export function waiting<Value>(
  promise: Promise<Value>,
  { signal, timeout }: WaitOptions,
  giveUp?: (reason: unknown) => unknown,
  what?: string,
): Promise<Value> {
  if (!signal && timeout === undefined) return promise;
  const outer = deferred<Value>();
  // Whoever gave up need not look at what it rejects with.
  ignoreRejection(outer.promise);
  let callOff: (() => void) | undefined;
  const stop = () => {
    clearTimeout(timer);
    callOff?.();
  };
  const end = (reason: unknown) => {
    stop();
    outer.reject(giveUp?.(reason) ?? reason);
  };
  const timer =
    timeout === undefined
      ? undefined
      : timeoutFor(timeout, () =>
          end(new ConnectionError('timeout', `${what} did not finish within ${timeout} ms`)),
        );
  callOff = whenAborted(signal, () => end(signal?.reason));
  promise.finally(stop).then(outer.resolve, outer.reject);
  return outer.promise;
}

const signals = kind<AbortSignal>(
  'an AbortSignal',
  (value) => typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value,
);

/** Checks the options of every wait. @throws `signal.reason` when that is aborted already */
export function checkWait({ signal, timeout }: WaitOptions): void {
  milliseconds(timeout, 'options.timeout');
  checkSignal(signal);
  signal?.throwIfAborted();
}

/** Checks the option `signal`. */
export function checkSignal(value: unknown): asserts value is AbortSignal | undefined {
  signals(value, 'options.signal');
}
