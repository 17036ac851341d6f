/** Calls back at the end of the running task: after its microtasks, before any timer where there is a way to. */

type Schedule = (callback: () => void) => void;

let schedule: Schedule | undefined;

/** Runs the callback once the running task and its microtasks are over. Timers would be throttled in hidden tabs. */
export function atEndOfTask(callback: () => void): void {
  schedule ??= choose();
  schedule(callback);
}

function choose(): Schedule {
  const { setImmediate } = globalThis as { setImmediate?: Schedule };
  // Read at each call, so that a test's fake clock is seen.
  if (setImmediate) return (callback) => (globalThis as { setImmediate?: Schedule }).setImmediate?.(callback);
  // jsdom has neither where Jest runs it.
  if (typeof MessageChannel === 'undefined') return (callback) => void setTimeout(callback);
  const channel = new MessageChannel();
  const waiting: (() => void)[] = [];
  channel.port1.onmessage = () => waiting.shift()?.();
  return (callback) => {
    waiting.push(callback);
    channel.port2.postMessage(undefined);
  };
}
