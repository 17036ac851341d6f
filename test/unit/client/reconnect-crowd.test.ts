/** What a server sees of its clients when it is busy, and when it was gone. */

import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ConnectionError, createClient } from '../../../src/index';
import { connected, fakeTime } from '../../support/fake-client';
import { FakeServer } from '../../support/fake-server';

/** Makes chance repeatable. */
function seeded(seed: number): void {
  let state = seed;
  const spy = vi.spyOn(Math, 'random').mockImplementation(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  });
  onTestFinished(() => spy.mockRestore());
}

describe('a busy server', () => {
  test.each([
    [5, 0x89],
    [4, 3],
  ] as const)('is asked again after delays that fit the policy, with version %i', async (version, busy) => {
    fakeTime();
    seeded(7);
    const { client, server } = await connected({ protocolVersion: version });
    const announced: number[] = [];
    const times: number[] = [];
    client.on('reconnecting', ({ delay }) => announced.push(delay));
    server.script = {
      connect: () => {
        times.push(performance.now());
        return { type: 'connack', sessionPresent: false, reasonCode: busy };
      },
    };
    let lostAt = performance.now();
    server.link.drop();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(times.length).toBeGreaterThan(20);
    for (const [index, time] of times.entries()) {
      expect(time - lostAt).toBe(announced[index]);
      expect(announced[index]).toBeLessThanOrEqual(Math.min(30_000, 1_000 * 2 ** index));
      lostAt = time;
    }
    const settled = announced.slice(6);
    const mean = settled.reduce((sum, delay) => sum + delay, 0) / settled.length;
    // Half of maxDelay, as far as chance goes.
    expect(mean).toBeGreaterThan(10_000);
    expect(mean).toBeLessThan(20_000);
  });
});

describe('a server that restarts', () => {
  test.each([1, 2, 3, 4, 5])('has its 100 clients back spread over time (seed %i)', async (seed) => {
    fakeTime();
    seeded(seed);
    const server = new FakeServer();
    const clients = Array.from({ length: 100 }, () => createClient('ws://fake', { transport: server }));
    onTestFinished(async () => {
      vi.useRealTimers();
      await Promise.all(clients.map((client) => client.close({ force: true })));
    });
    await Promise.all(clients.map((client) => client.connect()));
    await vi.advanceTimersByTimeAsync(60_000);
    const back: number[] = [];
    for (const client of clients) client.on('connect', () => back.push(performance.now()));
    server.unreachable = new ConnectionError('unreachable', 'it restarts');
    for (const link of [...server.links]) link.drop();
    await vi.advanceTimersByTimeAsync(500);
    server.unreachable = undefined;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(back).toHaveLength(100);
    const [first = 0, last = 0] = [back[0], back.at(-1)];
    const crowd = Math.max(
      ...back.map((from) => back.filter((time) => time >= from && time < from + 100).length),
    );
    expect(last - first).toBeGreaterThanOrEqual(1_000);
    expect(crowd).toBeLessThanOrEqual(25);
  });
});
