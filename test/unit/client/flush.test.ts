import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Decoder } from '../../../src/codec/decoder';
import type { Packet } from '../../../src/codec/packet';
import { connected, fakeTime, watch } from '../../support/fake-client';
import type { FakeServer } from '../../support/fake-server';
import { turn } from '../../support/fake-server';

/** The frames that the client writes from now on, each decoded on its own: only whole packets come out of that. */
function frames(server: FakeServer): { size: number; packets: Packet[] }[] {
  const { connection } = server.link;
  const seen: { size: number; packets: Packet[] }[] = [];
  const write = connection.write.bind(connection);
  vi.spyOn(connection, 'write').mockImplementation((chunks) => {
    const packets: Packet[] = [];
    const decoder = new Decoder({ protocolVersion: 5, onPacket: (packet) => packets.push(packet) });
    for (const chunk of chunks) decoder.push(chunk);
    seen.push({ size: chunks.reduce((size, { length }) => size + length, 0), packets });
    write(chunks);
  });
  return seen;
}

const count = (seen: ReturnType<typeof frames>) => seen.reduce((sum, { packets }) => sum + packets.length, 0);

/** Lets microtasks run, and nothing else. */
async function microtasks(): Promise<void> {
  for (let step = 0; step < 20; step += 1) await undefined;
}

describe('the first output of a task', () => {
  test('leaves in a microtask', async () => {
    fakeTime();
    const { client, server } = await connected();
    await turn();
    vi.advanceTimersByTime(1);
    const seen = frames(server);
    void client.publish('a', '1');
    expect(seen).toEqual([]);
    await microtasks();
    expect(count(seen)).toBe(1);
  });

  test('takes along what comes in the same turn', async () => {
    fakeTime();
    const { client, server } = await connected();
    await turn();
    vi.advanceTimersByTime(1);
    const seen = frames(server);
    void client.publish('a', '1');
    void client.publish('a', '2', { qos: 1 });
    void client.subscribe('a');
    await microtasks();
    expect(seen.map(({ packets }) => packets.map(({ type }) => type))).toEqual([
      ['publish', 'publish', 'subscribe'],
    ]);
  });
});

describe('more output of the same task', () => {
  test('leaves at its end, in one frame', async () => {
    fakeTime();
    const { client, server } = await connected();
    await turn();
    vi.advanceTimersByTime(1);
    const seen = frames(server);
    for (let step = 0; step < 10; step += 1) {
      void client.publish('a', `${step}`);
      await microtasks();
    }
    expect(seen.map(({ packets }) => packets.length)).toEqual([1]);
    await turn();
    expect(seen.map(({ packets }) => packets.length)).toEqual([1, 9]);
  });

  test('is what comes soon after: a later publish leaves in a microtask again, whatever came in between', async () => {
    fakeTime();
    const { client, server } = await connected();
    const seen = frames(server);
    for (let step = 0; step < 3; step += 1) {
      vi.advanceTimersByTime(1);
      void client.publish('a', `${step}`);
      await microtasks();
      expect(seen).toHaveLength(step + 1);
      server.link.send({
        type: 'publish',
        topic: 'b',
        payload: Uint8Array.of(1),
        qos: 0,
        retain: false,
        dup: false,
      });
    }
  });

  test('is few frames in a loop of await publish()', async () => {
    const { client, server } = await connected();
    await turn();
    const seen = frames(server);
    for (let step = 0; step < 10_000; step += 1) await client.publish('topic', 'payload of 20 bytes.');
    await turn();
    expect(count(seen)).toBe(10_000);
    expect(seen.length).toBeLessThan(30);
    expect(Math.max(...seen.map(({ size }) => size))).toBeLessThanOrEqual(65_536);
  });

  test('is none for a QoS 0 message that comes: nothing is scheduled', async () => {
    const { client, server } = await connected();
    const heard: string[] = [];
    await client.subscribe('b', ({ topic }) => {
      heard.push(topic);
    });
    await turn();
    const scheduled = [vi.spyOn(globalThis, 'queueMicrotask'), vi.spyOn(globalThis, 'setImmediate')];
    for (let step = 0; step < 10; step += 1) {
      server.link.send({
        type: 'publish',
        topic: 'b',
        payload: Uint8Array.of(1),
        qos: 0,
        retain: false,
        dup: false,
      });
    }
    await microtasks();
    expect(heard).toHaveLength(10);
    for (const spy of scheduled) expect(spy).not.toHaveBeenCalled();
  });

  test('waits for no timer', async () => {
    fakeTime();
    const { client, server } = await connected();
    for (let step = 0; step < 3; step += 1) {
      await client.publish('a', `${step}`);
      await turn();
    }
    expect(server.link.packets('publish')).toHaveLength(3);
  });
});

describe('a frame', () => {
  test('holds whole packets, at most 64 KiB: ten thousand publishes are few', async () => {
    const { client, server } = await connected();
    await turn();
    const seen = frames(server);
    await Promise.all(Array.from({ length: 10_000 }, (_, step) => client.publish('t', `${step}`)));
    await turn();
    expect(count(seen)).toBe(10_000);
    // The buffer grows up to that, too.
    expect(seen.length).toBeLessThan(10);
    for (const { size } of seen) expect(size).toBeLessThanOrEqual(65_536);
  });

  test('is larger only for a packet that is', async () => {
    const { client, server } = await connected();
    await turn();
    const seen = frames(server);
    await Promise.all(
      [10, 60_000, 10_000, 70_000, 10].map((size) => client.publish('t', new Uint8Array(size))),
    );
    expect(count(seen)).toBe(5);
    for (const { size, packets } of seen) {
      if (packets.length > 1) expect(size).toBeLessThanOrEqual(65_536);
    }
    expect(Math.max(...seen.map(({ size }) => size))).toBeGreaterThan(70_000);
  });

  test('gathers acknowledgements', async () => {
    const { client, server } = await connected();
    await client.subscribe('a', { qos: 1 }, () => undefined);
    await turn();
    const seen = frames(server);
    server.link.send(...Array.from({ length: 200 }, () => server.link.message('a', 'x', { qos: 1 })));
    await turn();
    expect(seen.map(({ packets }) => packets.length)).toEqual([200]);
  });
});

describe('a transport that is congested', () => {
  test('holds QoS 0 back until it says that it is not', async () => {
    const { client, server } = await connected();
    server.link.buffer(600_000);
    const publish = watch(client.publish('a', 'b'));
    await turn();
    expect(publish.state).toBe('pending');
    // It is with the transport all the same.
    expect(server.link.packets('publish')).toHaveLength(1);
    server.link.buffer(0, true);
    await turn();
    expect(publish.state).toBe('resolved');
  });

  test('is looked at where it cannot tell', async () => {
    fakeTime();
    const { client, server } = await connected();
    server.link.buffer(600_000);
    const publish = watch(client.publish('a', 'b'));
    await vi.advanceTimersByTimeAsync(100);
    expect(publish.state).toBe('pending');
    server.link.buffer(1_000);
    await vi.advanceTimersByTimeAsync(20);
    expect(publish.state).toBe('resolved');
    // The keep alive only.
    expect(vi.getTimerCount()).toBe(1);
  });

  test('lets go of those that wait when the connection ends', async () => {
    for (const end of ['drop', 'close'] as const) {
      const { client, server } = await connected({ reconnect: false });
      server.link.buffer(600_000);
      const publish = watch(client.publish('a', 'b'));
      await turn();
      if (end === 'drop') server.link.drop();
      else await client.close({ force: true });
      await turn();
      expect(publish.state).not.toBe('pending');
    }
  });
});

describe('an environment without setImmediate', () => {
  /** A MessageChannel as browsers have it; Node's own would keep the process. */
  class FakeChannel {
    static made = 0;
    readonly port1: { onmessage: (() => void) | undefined } = { onmessage: undefined };
    readonly port2 = { postMessage: () => realSetImmediate(() => this.port1.onmessage?.()) };

    constructor() {
      FakeChannel.made += 1;
    }
  }
  const realSetImmediate = setImmediate;

  test('ends its tasks by a MessageChannel, one for all', async () => {
    vi.stubGlobal('setImmediate', undefined);
    vi.stubGlobal('MessageChannel', FakeChannel);
    onTestFinished(() => {
      vi.unstubAllGlobals();
    });
    vi.resetModules();
    const { atEndOfTask } = await import('../../../src/client/end-of-task');
    const log: string[] = [];
    for (const name of ['a', 'b']) atEndOfTask(() => log.push(name));
    void Promise.resolve().then(() => log.push('microtask'));
    await new Promise<void>((resolve) => atEndOfTask(resolve));
    expect(log).toEqual(['microtask', 'a', 'b']);
    expect(FakeChannel.made).toBe(1);
  });
});
