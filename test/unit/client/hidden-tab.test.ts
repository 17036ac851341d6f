/** Keep alive under a hidden tab's timers, which fire once a minute, on the minute. */

import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Client, type ClientOptions, type Clock, createClient } from '../../../src/index';
import { FakeServer } from '../../support/fake-server';

const minute = 60_000;

/** Makes timers late from now on. @returns a clock that is not */
function hideTab(): Clock {
  const inTime = globalThis.setTimeout;
  const late = (callback: () => void, delay = 0) => {
    const due = Math.ceil((performance.now() + delay) / minute) * minute;
    return inTime(callback, due - performance.now());
  };
  vi.stubGlobal('setTimeout', Object.assign(late, inTime));
  onTestFinished(() => {
    vi.unstubAllGlobals();
  });
  return (callback, delay) => {
    const timer = inTime(callback, delay);
    return () => clearTimeout(timer);
  };
}

/** A server that drops who is silent for one and a half keep alives. */
class StrictServer extends FakeServer {
  drops = 0;
  #packets = 0;
  #heardAt = 0;

  look(): void {
    const link = this.links.at(-1);
    if (!link?.isOpen) return;
    const packets = this.links.reduce((sum, { received }) => sum + received.length, 0);
    if (packets > this.#packets) this.#heardAt = performance.now();
    this.#packets = packets;
    if (performance.now() - this.#heardAt <= link.connect.keepAlive * 1_500) return;
    this.drops += 1;
    link.drop();
  }
}

/** Runs a client in a hidden tab for each phase of the minute at which its last packet is sent. */
async function run(
  options: ClientOptions,
  { phases, minutes, everyMinute }: { phases: number[]; minutes: number; everyMinute?: boolean },
) {
  vi.useFakeTimers({
    now: 0,
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const inTime = hideTab();
  const tabs = phases.map((phase) => {
    const server = new StrictServer();
    const client = createClient('ws://fake', {
      transport: server,
      ...options,
      clock: options.clock && inTime,
    });
    onTestFinished(() => client.close({ force: true }));
    return { phase, server, client };
  });
  await Promise.all(tabs.map(({ client }) => client.connect()));
  const published: Promise<unknown>[] = [];
  const publish = (client: Client) => published.push(client.publish('a', 'b', { qos: 1 }));
  const until = (minutes + 2) * minute;
  for (let time = 0; time < until; time += 1_000) {
    for (const { phase, server, client } of tabs) {
      server.look();
      if (time === minute + phase) publish(client);
      else if (everyMinute && time % minute === phase) publish(client);
    }
    await vi.advanceTimersByTimeAsync(1_000);
  }
  await Promise.all(published);
  return tabs.map(({ phase, server, client }) => ({
    phase,
    drops: server.drops,
    connections: client.stats.connections,
  }));
}

const allPhases = Array.from({ length: 60 }, (_, second) => second * 1_000);
const steady = allPhases.map((phase) => ({ phase, drops: 0, connections: 1 }));

describe('with timers once a minute', () => {
  test.each([60, 300])(
    'a keep alive of %i s holds, wherever in the minute the last packet was',
    async (keepAlive) => {
      expect(await run({ keepAlive }, { phases: allPhases, minutes: 8 })).toEqual(steady);
    },
  );

  test('a keep alive of 30 s holds by a clock that is in time', async () => {
    // Stands for it.
    const clock: Clock = () => () => undefined;
    expect(await run({ keepAlive: 30, clock }, { phases: allPhases, minutes: 8 })).toEqual(steady);
  });

  test('a keep alive of 30 s without one is noticed and recovered, and no publish is lost', async () => {
    const tabs = await run(
      { keepAlive: 30 },
      { phases: [1_000, 10_000, 50_000], minutes: 12, everyMinute: true },
    );
    for (const { drops, connections } of tabs) {
      expect(drops).toBeGreaterThan(5);
      expect(connections).toBeGreaterThanOrEqual(drops);
    }
  });
});
