/** Entry `mqtide/clock`: a clock in a worker, for keep alives that are too short for a hidden tab's own timers. */

import { UsageError } from '../errors';
import type { Clock } from '../index';

/** What is needed of a `Worker`. */
export interface ClockWorker {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
}

/** Identifier of the last timer. Of all clocks: several may share a worker. */
let last = 0;

/**
 * A clock for the option `clock`, by the timers of a worker: browsers do not slow these down in hidden tabs.
 *
 * The page's own timers run beside them and the first one counts. So a worker that cannot be loaded, or dies, costs
 * nothing but the advantage.
 *
 * @param worker runs `mqtide/clock-worker` and nothing else; it may serve several clients, and is yours to terminate
 * @throws UsageError when it is no worker
 */
export function workerClock(worker: ClockWorker): Clock {
  if (typeof worker?.postMessage !== 'function') {
    throw new UsageError('workerClock: needs a Worker that runs mqtide/clock-worker');
  }
  const callbacks = new Map<unknown, () => void>();
  worker.addEventListener('message', ({ data }) => callbacks.get(data)?.());
  return (callback, delay) => {
    last += 1;
    const id = last;
    const cancel = () => {
      if (!callbacks.delete(id)) return;
      clearTimeout(timer);
      worker.postMessage([id]);
    };
    const fire = () => {
      cancel();
      callback();
    };
    const timer = setTimeout(fire, delay);
    callbacks.set(id, fire);
    worker.postMessage([id, delay]);
    return cancel;
  };
}
