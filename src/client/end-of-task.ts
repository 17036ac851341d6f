/** Calls back at the end of the running task: after its microtasks, before any timer where there is a way to. */

type Schedule = (callback: () => void) => void;

let schedule: Schedule | undefined;

/** Runs the callback once the running task and its microtasks are over. Timers would be throttled in hidden tabs. */
export function atEndOfTask(callback: () => void): void {
  schedule ??= choose();
  schedule(callback);
}

function choose(): Schedule {
  for (const by of [byImmediate, byMessage]) {
    try {
      return by();
    } catch {
      // There is none: jsdom has neither where Jest runs it. Or one that only throws: both in the edge runtime of Next.js.
    }
  }
  return (callback) => void setTimeout(callback);
}

function byImmediate(): Schedule {
  // Read at each call, so that a test's fake clock is seen.
  const schedule: Schedule = (callback) =>
    (globalThis as unknown as { setImmediate: Schedule }).setImmediate(callback);
  schedule(() => undefined);
  return schedule;
}

function byMessage(): Schedule {
  const channel = new MessageChannel();
  const waiting: (() => void)[] = [];
  channel.port1.onmessage = () => waiting.shift()?.();
  return (callback) => {
    waiting.push(callback);
    channel.port2.postMessage(undefined);
  };
}
