/** Clients of a {@link FakeServer}, closed when the test is over. */

import { onTestFinished, vi } from 'vitest';
import { type Client, type ClientOptions, createClient } from '../../src/index';
import { FakeServer } from './fake-server';

/** A client that was not connected yet. */
export function idle(options: ClientOptions = {}, server = new FakeServer()) {
  const client = createClient('ws://fake', { transport: server, ...options });
  onTestFinished(async () => {
    vi.useRealTimers();
    await client.close({ force: true, timeout: 1 });
  });
  return { client, server };
}

/** A connected client. */
export async function connected(
  options: ClientOptions = {},
  server = new FakeServer(),
): Promise<{ client: Client; server: FakeServer }> {
  const { client } = idle(options, server);
  await client.connect();
  return { client, server };
}

/** Fakes the clocks and timers, but not the end of a task. */
export function fakeTime(): void {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });
}

/** Makes `Math.random` answer this. */
export function chance(number: number): void {
  const spy = vi.spyOn(Math, 'random').mockReturnValue(number);
  onTestFinished(() => spy.mockRestore());
}

/** A promise, and how it stands. */
export interface Watched<Value> {
  /** `'pending'` until it settles. */
  readonly state: 'pending' | 'resolved' | 'rejected';
  readonly value: Value | undefined;
  readonly error: unknown;
}

/** Watches a promise, so that a test can tell that it has not settled. */
export function watch<Value>(promise: Promise<Value>): Watched<Value> {
  const watched: { -readonly [Name in keyof Watched<Value>]: Watched<Value>[Name] } = {
    state: 'pending',
    value: undefined,
    error: undefined,
  };
  promise.then(
    (value) => Object.assign(watched, { state: 'resolved', value }),
    (error: unknown) => Object.assign(watched, { state: 'rejected', error }),
  );
  return watched;
}
