import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { AcquireOptions } from '../../../src/store/store';
import { acquireLock } from '../../../src/store/web-lock';
import { fakeTime, watch } from '../../support/fake-client';
import { turn } from '../../support/fake-server';

/** As much of a lock manager as is asked for: exclusive locks, waiting in order, and theft. */
class FakeLocks {
  readonly #queues = new Map<string, (() => void)[]>();
  readonly #thefts = new Map<string, (error: unknown) => void>();

  async request(
    name: string,
    { signal }: { signal: AbortSignal },
    callback: () => Promise<void>,
  ): Promise<void> {
    signal.throwIfAborted();
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    await new Promise<void>((resolve, reject) => {
      const begin = () => resolve();
      signal.addEventListener('abort', () => {
        if (queue.indexOf(begin) > 0) queue.splice(queue.indexOf(begin), 1);
        reject(signal.reason);
      });
      queue.push(begin);
      if (queue.length === 1) begin();
    });
    try {
      await Promise.race([
        callback(),
        new Promise<never>((_resolve, reject) => this.#thefts.set(name, reject)),
      ]);
    } finally {
      queue.shift();
      queue[0]?.();
    }
  }

  steal(name: string): void {
    this.#thefts.get(name)?.(new DOMException('The lock was stolen', 'AbortError'));
  }
}

function useLocks(): FakeLocks {
  const locks = new FakeLocks();
  vi.stubGlobal('navigator', { locks });
  onTestFinished(() => void vi.unstubAllGlobals());
  return locks;
}

function ask(waits: boolean, options: Partial<AcquireOptions> = {}) {
  const controller = new AbortController();
  const lost = vi.fn();
  const asked = watch(acquireLock('name', 'kept', waits, { signal: controller.signal, lost, ...options }));
  return { asked, abort: (reason: unknown) => controller.abort(reason), lost };
}

const environments: [string, () => unknown][] = [
  ['Web Locks', useLocks],
  ['no Web Locks, in one page', () => vi.stubGlobal('navigator', undefined)],
];

describe.each(environments)('the lock of a session with %s', (_what, arrange) => {
  test('is given to one, and to the next that waits when it is released', async () => {
    arrange();
    const first = ask(true);
    await turn();
    const second = ask(true);
    const third = ask(true);
    await turn();
    expect([first.asked.state, second.asked.state, third.asked.state]).toEqual([
      'resolved',
      'pending',
      'pending',
    ]);
    third.abort(new Error('enough'));
    await turn();
    expect(third.asked.error).toEqual(new Error('enough'));
    await first.asked.value?.();
    await turn();
    expect(second.asked.state).toBe('resolved');
    await second.asked.value?.();
    expect([first.lost, second.lost].flatMap((lost) => lost.mock.calls)).toEqual([]);
  });

  test('is refused to one who does not wait', async () => {
    fakeTime();
    onTestFinished(() => void vi.useRealTimers());
    arrange();
    const first = ask(false);
    await turn();
    const second = ask(false);
    await vi.advanceTimersByTimeAsync(1_000);
    await turn();
    expect(second.asked.error).toMatchObject({
      name: 'StoreError',
      code: 'store-in-use',
      message: expect.stringContaining("'kept'"),
    });
    await first.asked.value?.();
    const third = ask(false);
    await turn();
    expect(third.asked.state).toBe('resolved');
    await third.asked.value?.();
  });

  test('is not asked for once that is pointless', async () => {
    arrange();
    const reason = new Error('closed');
    const { asked } = ask(true, { signal: AbortSignal.abort(reason) });
    await turn();
    expect(asked.error).toBe(reason);
    const next = ask(true);
    await turn();
    await next.asked.value?.();
    expect(next.asked.state).toBe('resolved');
  });
});

test('a page that goes a little later than the next one comes is waited for', async () => {
  fakeTime();
  onTestFinished(() => void vi.useRealTimers());
  useLocks();
  const old = ask(false);
  await turn();
  const next = ask(false);
  await vi.advanceTimersByTimeAsync(500);
  await old.asked.value?.();
  await turn();
  expect(next.asked.state).toBe('resolved');
});

test('a lock that is stolen is lost, and its release is none', async () => {
  const locks = useLocks();
  const { asked, lost } = ask(false);
  await turn();
  locks.steal('name');
  await turn();
  expect(lost).toHaveBeenCalledWith(expect.objectContaining({ name: 'AbortError' }));
  await expect(asked.value?.()).rejects.toThrow('stolen');
});
