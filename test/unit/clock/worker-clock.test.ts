import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type ClockWorker, workerClock } from '../../../src/clock/index';
import { UsageError } from '../../../src/index';
import { fakeTime } from '../../support/fake-client';

type Listener = (event: { readonly data: never }) => void;

/** Runs the worker's file in this thread, between two message queues. */
async function realWorker(): Promise<ClockWorker & { sent: unknown[]; answers: unknown[] }> {
  const inside: Listener[] = [];
  const outside: Listener[] = [];
  const sent: unknown[] = [];
  const answers: unknown[] = [];
  vi.stubGlobal('addEventListener', (_: string, listener: Listener) => inside.push(listener));
  vi.stubGlobal('postMessage', (data: never) => {
    answers.push(data);
    for (const listener of outside) listener({ data });
  });
  onTestFinished(() => {
    vi.unstubAllGlobals();
  });
  vi.resetModules();
  await import('../../../src/clock/worker');
  return {
    sent,
    answers,
    postMessage(data) {
      sent.push(data);
      for (const listener of inside) listener({ data: data as never });
    },
    addEventListener: (_, listener) => outside.push(listener),
  };
}

/** A worker that never says a word. */
const deaf: ClockWorker = { postMessage: () => undefined, addEventListener: () => undefined };

/** A worker of a page whose own timers come only once a minute; the worker's keep their time. */
async function workerOfHiddenPage(): Promise<ClockWorker> {
  const worker = await realWorker();
  const inTime = globalThis.setTimeout;
  const late = (callback: () => void, delay = 0) =>
    inTime(callback, Math.ceil((performance.now() + delay) / 60_000) * 60_000 - performance.now());
  const ofPage = Object.assign(late, inTime);
  vi.stubGlobal('setTimeout', ofPage);
  return {
    ...worker,
    postMessage(data) {
      globalThis.setTimeout = inTime;
      worker.postMessage(data);
      globalThis.setTimeout = ofPage;
    },
  };
}

describe('a clock in a worker', () => {
  test('keeps its time while timers of the page are late', async () => {
    fakeTime();
    const clock = workerClock(await workerOfHiddenPage());
    const called = vi.fn();
    clock(called, 1_000);
    await vi.advanceTimersByTimeAsync(999);
    expect(called).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(called).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(called).toHaveBeenCalledTimes(1);
    vi.useRealTimers();
  });

  test('calls back once, and not what was called off', async () => {
    fakeTime();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const worker = await realWorker();
    const clock = workerClock(worker);
    const [first, second] = [vi.fn(), vi.fn()];
    const cancelFirst = clock(first, 100);
    clock(second, 200);
    cancelFirst();
    cancelFirst();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([first.mock.calls.length, second.mock.calls.length]).toEqual([0, 1]);
    const [[id] = []] = worker.sent as number[][];
    const next = Number(id) + 1;
    expect(worker.sent).toEqual([[id, 100], [next, 200], [id], [next]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('shares its worker with other clocks, and each keeps its own time', async () => {
    fakeTime();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const worker = await workerOfHiddenPage();
    const [early, late] = [vi.fn(), vi.fn()];
    workerClock(worker)(late, 200);
    workerClock(worker)(early, 100);
    await vi.advanceTimersByTimeAsync(100);
    expect([early.mock.calls.length, late.mock.calls.length]).toEqual([1, 0]);
    await vi.advanceTimersByTimeAsync(100);
    expect([early.mock.calls.length, late.mock.calls.length]).toEqual([1, 1]);
  });

  test('falls back to the timers of the page when the worker is silent', async () => {
    fakeTime();
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const called = vi.fn();
    workerClock(deaf)(called, 100);
    await vi.advanceTimersByTimeAsync(100);
    expect(called).toHaveBeenCalledTimes(1);
  });

  test.each([undefined, null, {}, '/clock.js'])('is not made of %j', (value) => {
    expect(() => workerClock(value as never)).toThrow(UsageError);
  });
});
