/** Ends the wait for a promise by a signal or after a time. */

import { ConnectionError } from '../errors';
import { deferred, ignoreRejection } from './deferred';
import { timeoutFor } from './taker';

/** How long to wait, and what it means to stop. */
export interface Waiting {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. */
  readonly timeout?: number | undefined;
  /** What is waited for, for the message. */
  readonly what: string;
  /** Called when the wait ends early. @returns what the promise rejects with */
  giveUp(reason: unknown): unknown;
}

/** Settles with the promise, or rejects before it. */
export function waiting<Value>(
  promise: Promise<Value>,
  { signal, timeout, what, giveUp }: Waiting,
): Promise<Value> {
  const outer = deferred<Value>();
  const stop = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  };
  const end = (reason: unknown) => {
    stop();
    ignoreRejection(outer.promise);
    outer.reject(giveUp(reason));
  };
  const abort = () => end(signal?.reason);
  const timer =
    timeout === undefined
      ? undefined
      : timeoutFor(timeout, () =>
          end(new ConnectionError('timeout', `${what} did not finish within ${timeout} ms`)),
        );
  if (signal?.aborted) abort();
  else signal?.addEventListener('abort', abort);
  promise.then(
    (value) => {
      stop();
      outer.resolve(value);
    },
    (error: unknown) => {
      stop();
      ignoreRejection(outer.promise);
      outer.reject(error);
    },
  );
  return outer.promise;
}
