/**
 * Entry `mqtide/clock-worker`: what the worker of a `workerClock` runs.
 *
 * A message `[id, delay]` sets a timer and `[id]` calls it off; the answer is the `id` of a timer that is due.
 */

/** The part of a dedicated worker's `globalThis` that matters here. */
const worker = globalThis as unknown as {
  addEventListener(
    type: 'message',
    listener: (event: { readonly data: readonly [id: number, delay?: number] }) => void,
  ): void;
  postMessage(id: number): void;
};

const timers = new Map<number, ReturnType<typeof setTimeout>>();

worker.addEventListener('message', ({ data: [id, delay] }) => {
  clearTimeout(timers.get(id));
  timers.delete(id);
  if (delay === undefined) return;
  const due = () => {
    timers.delete(id);
    worker.postMessage(id);
  };
  timers.set(id, setTimeout(due, delay));
});

// A module, so that nothing of it is global.
export {};
