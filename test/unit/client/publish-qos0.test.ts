import { describe, expect, test, vi } from 'vitest';
import { chance, connected, fakeTime, idle, watch } from '../../support/fake-client';
import { turn } from '../../support/fake-server';

/** Above the mark at which publishers wait. */
const congested = 600_000;

/** A client in a task of its own: none of its output has been flushed in it. */
async function rested(...args: Parameters<typeof connected>) {
  fakeTime();
  const both = await connected(...args);
  await turn();
  vi.advanceTimersByTime(1);
  both.server.link.frames.length = 0;
  return both;
}

describe('QoS 0 and the flush', () => {
  test('one publish leaves in a microtask', async () => {
    const { client, server } = await rested();
    const publish = client.publish('a', 'x');
    expect(server.link.frames).toEqual([]);
    await publish;
    expect(server.link.frames).toHaveLength(1);
  });

  test('one publish leaves once, with QoS 0 and DUP 0 [v5 MQTT-4.3.1-1, v3 MQTT-4.3.1-1]', async () => {
    for (const protocolVersion of [5, 4] as const) {
      const { client, server } = await rested({ protocolVersion });
      await client.publish('a', 'x');
      await turn();
      expect(server.link.packets('publish')).toMatchObject([{ topic: 'a', qos: 0, dup: false }]);
    }
  });

  test('all publishes of a flush share one promise', async () => {
    const { client } = await rested();
    const first = client.publish('a', '1');
    const second = client.publish('b', '2', { retain: true });
    expect(second).toBe(first);
    await first;
    await turn();
    expect(client.publish('a', '3')).not.toBe(first);
  });

  test('ten thousand publishes leave as few frames of at most 64 KiB', async () => {
    const { client, server } = await rested();
    const publishes = Array.from({ length: 10_000 }, (_, index) => client.publish('a', `message ${index}`));
    await Promise.all(publishes);
    expect(server.link.packets('publish')).toHaveLength(10_000);
    expect(server.link.frames.length).toBeLessThan(10);
    expect(Math.max(...server.link.frames)).toBeLessThanOrEqual(65_536);
  });

  test('so does a loop of await publish()', async () => {
    const { client, server } = await rested();
    for (let index = 0; index < 10_000; index += 1) await client.publish('a', `message ${index}`);
    await turn();
    expect(server.link.packets('publish')).toHaveLength(10_000);
    expect(server.link.frames.length).toBeLessThan(20);
  });

  test('the order of publishes is that of the calls, whatever their size', async () => {
    const { client, server } = await rested();
    const sizes = [10, 5_000, 0, 70_000, 4_096, 1];
    for (const size of sizes) client.publish('a', new Uint8Array(size));
    await turn();
    expect(server.link.packets('publish').map(({ payload }) => payload.length)).toEqual(sizes);
  });
});

describe('QoS 0 and backpressure', () => {
  test('a publish waits while the transport is congested, until a drain event', async () => {
    const { client, server } = await rested();
    server.link.buffer(congested);
    const publish = watch(client.publish('a', 'x'));
    await turn();
    expect(server.link.packets('publish')).toHaveLength(1);
    expect(publish.state).toBe('pending');
    server.link.buffer(congested - 1, true);
    await turn();
    expect(publish.state).toBe('pending');
    server.link.buffer(0, true);
    await turn();
    expect(publish.state).toBe('resolved');
  });

  test('bufferedAmount is looked at where there are no drain events, and no timer stays', async () => {
    fakeTime();
    const { client, server } = await connected({ keepAlive: 0 });
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
    server.link.buffer(congested);
    const publish = watch(client.publish('a', 'x'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(publish.state).toBe('pending');
    server.link.buffer(1_000);
    await vi.advanceTimersByTimeAsync(20);
    expect(publish.state).toBe('resolved');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('bufferedAmount is looked at by the clock of the client: timers of hidden tabs are slow', async () => {
    fakeTime();
    const looks: (() => void)[] = [];
    const clock = (callback: () => void) => {
      looks.push(callback);
      return () => {};
    };
    const { client, server } = await connected({ keepAlive: 0, clock });
    server.link.buffer(congested);
    const publish = watch(client.publish('a', 'x'));
    await turn();
    server.link.buffer(0);
    expect(vi.getTimerCount()).toBe(0);
    looks.at(-1)?.();
    await turn();
    expect(publish.state).toBe('resolved');
  });

  test('the transport is asked for its buffer a few times a flush, not at each publish', async () => {
    const { client, server } = await rested();
    const asked = vi.spyOn(server.link.connection, 'bufferedAmount', 'get');
    const publishes = Array.from({ length: 1_000 }, () => client.publish('a', 'x'));
    await Promise.all(publishes);
    expect(asked.mock.calls.length).toBeLessThan(5);
    vi.advanceTimersByTime(1);
    // What it holds after the next write is another matter.
    asked.mockReturnValue(congested);
    const publish = watch(client.publish('a', 'x'));
    await turn();
    expect(publish.state).toBe('pending');
    asked.mockReturnValue(0);
    client.publish('a', 'x');
    await turn();
    expect(publish.state).toBe('resolved');
  });

  test('a congested publish settles when the connection ends', async () => {
    const { client, server } = await rested({ reconnect: false });
    server.link.buffer(congested);
    const publish = watch(client.publish('a', 'x'));
    await turn();
    server.link.drop();
    await turn();
    expect(publish.state).toBe('resolved');
  });

  test.each(['signal', 'timeout'] as const)('a congested publish can be given up by %s', async (how) => {
    fakeTime();
    const { client, server } = await connected();
    await vi.advanceTimersByTimeAsync(0);
    server.link.buffer(congested);
    const controller = new AbortController();
    const wait = how === 'signal' ? { signal: controller.signal } : { timeout: 100 };
    const publish = watch(client.publish('a', 'x', wait));
    await vi.advanceTimersByTimeAsync(99);
    expect(publish.state).toBe('pending');
    controller.abort(new Error('enough'));
    await vi.advanceTimersByTimeAsync(1);
    expect(publish.error).toMatchObject(how === 'signal' ? { message: 'enough' } : { code: 'timeout' });
  });

  test('without await, a publish is refused once more than queue.maxBytes wait', async () => {
    const { client, server } = await rested({ queue: { maxBytes: 100_000 } });
    const publishes = Array.from({ length: 30 }, () => client.publish('a', 'x'.repeat(10_000)));
    const results = await Promise.allSettled(publishes);
    const refused = results.filter(({ status }) => status === 'rejected');
    expect(results.findIndex(({ status }) => status === 'rejected')).toBe(10);
    expect(refused[0]).toMatchObject({ reason: { name: 'ConnectionError', code: 'queue-full' } });
    expect(server.link.packets('publish')).toHaveLength(10);
    expect(client.stats).toMatchObject({ messagesSent: 10, publishesFailed: 20 });
  });
});

describe('QoS 0 without a connection', () => {
  test('waits for connect() in idle', async () => {
    const { client, server } = idle();
    const publish = watch(client.publish('a', 'x'));
    await turn();
    expect(publish.state).toBe('pending');
    expect(client.stats).toMatchObject({ queued: 1 });
    await client.connect();
    await turn();
    expect(publish.value).toEqual({ reasonCode: 0 });
    expect(server.link.first('publish')).toMatchObject({ topic: 'a', qos: 0 });
    expect(client.stats).toMatchObject({ queued: 0, queuedBytes: 0, messagesSent: 1 });
  });

  test('is dropped, and the promise says so, while a lost connection is restored', async () => {
    chance(0.9);
    const { client, server } = await connected();
    server.link.drop();
    await turn();
    expect(client.status.type).toBe('reconnecting');
    await expect(client.publish('a', 'x')).rejects.toMatchObject({
      name: 'ConnectionError',
      code: 'dropped',
    });
  });

  test("is kept with queue.qos0: 'queue', in order", async () => {
    const { client, server } = await connected({
      queue: { qos0: 'queue' },
      reconnect: { minDelay: 0, maxDelay: 0 },
    });
    server.link.drop();
    await Promise.all(['1', '2', '3'].map((text) => client.publish('a', text)));
    await turn();
    expect(server.links).toHaveLength(2);
    expect(server.link.packets('publish').map(({ payload }) => String.fromCharCode(...payload))).toEqual([
      '1',
      '2',
      '3',
    ]);
  });

  test('rejects with closed when the client is closed before it was sent', async () => {
    for (const clean of [true, false]) {
      const { client } = idle({ clean, clientId: 'c' });
      const publish = client.publish('a', 'x');
      await client.close();
      await expect(publish).rejects.toMatchObject({ code: 'closed' });
      expect(client.stats.queued).toBe(0);
    }
  });
});
