import { describe, expect, test, vi } from 'vitest';
import { type Message, memoryStore } from '../../../src/index';
import { connected, fakeTime, idle } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';
import { memoryInUse } from '../../support/memory';

/** Acknowledgements of what was received, on all connections. */
const acks = (server: FakeServer) =>
  server.links.flatMap(({ received }, index) =>
    received.flatMap((packet) =>
      packet.type === 'puback' || packet.type === 'pubrec'
        ? [`${index + 1}: ${packet.type} ${packet.packetId} ${packet.reasonCode}`]
        : [],
    ),
  );

/** Drops the link and waits for the next one. */
async function reconnected(server: FakeServer) {
  const { length } = server.links;
  server.link.drop();
  await vi.waitFor(() => expect(server.links).toHaveLength(length + 1));
  await turn();
}

const atOnce = { reconnect: { minDelay: 0, maxDelay: 0 } };
const kept = { clean: false, clientId: 'c' };

describe("ack: 'handled'", () => {
  test.each([
    { qos: 1, ack: 'puback' },
    { qos: 2, ack: 'pubrec' },
  ] as const)('acknowledges QoS $qos with $ack after all takers have settled', async ({ qos, ack }) => {
    const { client, server } = await connected();
    const open: (() => void)[] = [];
    const handler = () => new Promise<void>((resolve) => open.push(resolve));
    await client.subscribe('a', { qos }, handler);
    await client.subscribe('#', { qos }, handler);
    server.link.publish('a', '', { qos });
    open[0]?.();
    await turn();
    expect(acks(server)).toEqual([]);
    expect(client.stats.unacknowledged).toBe(1);
    open[1]?.();
    await turn();
    expect(acks(server)).toEqual([`1: ${ack} 1 0`]);
    expect(client.stats).toMatchObject({ unacknowledged: 0, messagesReceived: 1 });
  });

  test('acknowledges after a slow taker when another one fails at once', async () => {
    const { client, server } = await connected();
    client.on('error', () => {});
    let end = () => {};
    await client.subscribe('a', { qos: 1 }, () => new Promise<void>((resolve) => (end = resolve)));
    await client.subscribe('#', { qos: 1 }, () => {
      throw new Error('mine');
    });
    server.link.publish('a', '', { qos: 1 });
    await turn();
    expect(acks(server)).toEqual([]);
    end();
    await turn();
    expect(acks(server)).toEqual(['1: puback 1 131']);
  });

  test('acknowledges after a slow taker when a loop is done long before', async () => {
    const { client, server } = await connected();
    let end = () => {};
    await client.subscribe('a', { qos: 1 }, () => new Promise<void>((resolve) => (end = resolve)));
    const loop = (await client.subscribe('#', { qos: 1 }))[Symbol.asyncIterator]();
    server.link.publish('a', '', { qos: 1 });
    await loop.next();
    void loop.next();
    void loop.next();
    await turn();
    expect(acks(server)).toEqual([]);
    end();
    await turn();
    expect(acks(server)).toEqual(['1: puback 1 0']);
  });

  test.each([1, 2] as const)(
    'acknowledges QoS %i in the order of arrival [v5 MQTT-4.6.0-2, v5 MQTT-4.6.0-3, v3 MQTT-4.6.0-2, v3 MQTT-4.6.0-3]',
    async (qos) => {
      for (const protocolVersion of [5, 4] as const) {
        const { client, server } = await connected({ protocolVersion });
        const open: (() => void)[] = [];
        const handler = () => new Promise<void>((resolve) => open.push(resolve));
        await client.subscribe('slow', { qos }, handler);
        await client.subscribe('fast', { qos }, () => {});
        server.link.publish('slow', '', { qos });
        server.link.publish('fast', '', { qos });
        await turn();
        expect(acks(server)).toEqual([]);
        open[0]?.();
        await turn();
        const ack = qos === 1 ? 'puback' : 'pubrec';
        expect(acks(server)).toEqual([`1: ${ack} 1 0`, `1: ${ack} 2 0`]);
      }
    },
  );

  test.each([1, 2] as const)(
    'hands out QoS %i once that is sent again while its handler runs, and acknowledges it there',
    async (qos) => {
      const { client, server } = await connected(atOnce);
      const open: (() => void)[] = [];
      await client.subscribe('a', { qos }, () => new Promise<void>((resolve) => open.push(resolve)));
      server.link.publish('a', '', { qos });
      await reconnected(server);
      server.link.publish('a', '', { qos, packetId: 1, dup: true });
      open[0]?.();
      await turn();
      expect(open).toHaveLength(1);
      expect(acks(server)).toEqual([`2: ${qos === 1 ? 'puback' : 'pubrec'} 1 0`]);
    },
  );
});

describe("ack: 'received'", () => {
  test('acknowledges on receipt, whatever the takers do', async () => {
    const { client, server } = await connected({ ack: 'received' });
    client.on('error', () => {});
    await client.subscribe('a', { qos: 2 }, () => Promise.reject(new Error('mine')));
    server.link.publish('a', '', { qos: 1 });
    server.link.publish('a', '', { qos: 2 });
    server.link.publish('nobody', '', { qos: 1 });
    await turn();
    expect(acks(server)).toEqual(['1: puback 1 0', '1: pubrec 2 0', '1: puback 3 0']);
  });

  test('acknowledges no more than queue.maxUnread ahead of a slow handler, so that the server waits', async () => {
    const { client, server } = await connected({ ack: 'received', queue: { maxUnread: 2 } });
    const open: (() => void)[] = [];
    await client.subscribe('a', { qos: 2 }, () => new Promise<void>((resolve) => open.push(resolve)));
    for (const qos of [1, 2, 1, 2] as const) server.link.publish('a', '', { qos });
    await turn();
    const first = ['1: puback 1 0', '1: pubrec 2 0'];
    expect(acks(server)).toEqual(first);
    expect(client.stats.unacknowledged).toBe(2);
    // Only the first of them is with its handler; the others go on as it, and the next, are done.
    open[0]?.();
    await turn();
    expect(acks(server)).toEqual([...first, '1: puback 3 0']);
    open[1]?.();
    await turn();
    expect(acks(server)).toEqual([...first, '1: puback 3 0', '1: pubrec 4 0']);
    expect(open).toHaveLength(3);
  });

  test('acknowledges what waits for its turn on the next connection, too', async () => {
    const server = new FakeServer();
    const { client } = await connected(
      { ...atOnce, ...kept, ack: 'received', queue: { maxUnread: 1 } },
      server,
    );
    const open: (() => void)[] = [];
    await client.subscribe('#', { qos: 1 }, () => new Promise<void>((resolve) => open.push(resolve)));
    const messages = ['1', '2'].map((payload) => server.link.publish('a', payload, { qos: 1 }));
    await turn();
    expect(acks(server)).toEqual(['1: puback 1 0']);
    await reconnected(server);
    for (const message of messages.slice(1)) server.link.send({ ...message, dup: true });
    open[0]?.();
    await turn();
    expect(acks(server)).toEqual(['1: puback 1 0', '2: puback 2 0']);
  });

  test('has its turns anew once the client was closed', async () => {
    const { client, server } = await connected({ ack: 'received', queue: { maxUnread: 1 } });
    server.link.publish('nobody', '', { qos: 1 });
    await turn();
    await client.close();
    await client.connect();
    server.link.publish('nobody', '', { qos: 1 });
    await turn();
    expect(acks(server)).toEqual(['1: puback 1 0', '2: puback 1 0']);
  });

  test('has its turns anew once the client was closed, though a loop of before has read nothing', async () => {
    const { client, server } = await connected({ ack: 'received', queue: { maxUnread: 1 } });
    for (const id of [1, 2]) {
      const unread = await client.subscribe('a', { qos: 1 });
      unread[Symbol.asyncIterator]();
      server.link.publish('a', '', { qos: 1 });
      await turn();
      expect(acks(server)).toHaveLength(id);
      await client.close();
      await client.connect();
    }
  });

  test('acknowledges what its takers are done with before its turn came, after those before it', async () => {
    const { client, server } = await connected({ ack: 'received', queue: { maxUnread: 1 } });
    const open: (() => void)[] = [];
    await client.subscribe('slow', { qos: 2 }, () => new Promise<void>((resolve) => open.push(resolve)));
    const seen = vi.fn();
    await client.subscribe('fast', { qos: 2 }, seen);
    for (const topic of ['slow', 'slow', 'fast']) server.link.publish(topic, '', { qos: 2 });
    await turn();
    expect(seen).toHaveBeenCalledOnce();
    expect(acks(server)).toEqual(['1: pubrec 1 0']);
    open[0]?.();
    await turn();
    expect(acks(server)).toEqual(['1: pubrec 1 0', '1: pubrec 2 0', '1: pubrec 3 0']);
  });

  test('keeps nothing of what is done with while as many as may be are ahead', async () => {
    const { client, server } = await connected({ ack: 'received', queue: { maxUnread: 1 } });
    const unread = await client.subscribe('unread', { qos: 1 });
    unread[Symbol.asyncIterator]();
    await client.subscribe('read', { qos: 1 }, () => {});
    server.link.publish('unread', '', { qos: 1 });
    await turn();
    const before = memoryInUse();
    for (let count = 0; count < 1_000; count += 1) {
      server.link.publish('read', new Uint8Array(10_000), { qos: 1 });
      await turn();
    }
    expect(server.link.packets('puback')).toHaveLength(1_001);
    expect(memoryInUse() - before).toBeLessThan(5_000_000);
  });

  test('gives what waits for its turn back to the server when the client is closed', async () => {
    const store = memoryStore();
    const { client, server } = await connected({ ...kept, store, ack: 'received', queue: { maxUnread: 1 } });
    for (const name of ['1', '2']) server.link.publish('a', name, { qos: 2 });
    await turn();
    expect(acks(server)).toEqual(['1: pubrec 1 0']);
    await client.close({ force: true });
    const seen: string[] = [];
    await client.connect();
    await client.subscribe('a', { qos: 2 }, (message) => void seen.push(message.text()));
    server.link.publish('a', '2', { qos: 2, packetId: 2, dup: true });
    await turn();
    expect(seen).toEqual(['1', '2']);
    expect(acks(server)).toEqual(['1: pubrec 1 0', '2: pubrec 2 0']);
  });

  test('holds what nobody takes all the same, and reports it', async () => {
    fakeTime();
    const { client, server } = await connected({ ack: 'received' });
    const unclaimed: string[] = [];
    const seen: string[] = [];
    client.on('unclaimed', ({ topic }) => unclaimed.push(topic));
    server.link.publish('a', '', { qos: 1 });
    server.link.publish('b', '', { qos: 2 });
    await client.subscribe('a', ({ topic }) => void seen.push(topic));
    expect(seen).toEqual(['a']);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(unclaimed).toEqual(['b']);
    await turn();
    expect(acks(server)).toHaveLength(2);
  });
});

describe("ack: 'manual'", () => {
  /** A client that collects messages without acknowledging them. */
  async function manual(options = {}) {
    const { client, server } = await connected({ ack: 'manual', ...options });
    const messages: Message[] = [];
    await client.subscribe('a', { qos: 2 }, (message) => void messages.push(message));
    return { client, server, messages };
  }

  test('acknowledges by message.ack(), with its reason code, once', async () => {
    const { client, server, messages } = await manual();
    server.link.publish('a', '', { qos: 1 });
    server.link.publish('a', '', { qos: 1 });
    server.link.publish('a', '', { qos: 2 });
    server.link.publish('a', '', { qos: 0 });
    await turn();
    expect(acks(server)).toEqual([]);
    expect(client.stats.unacknowledged).toBe(3);
    messages[0]?.ack();
    messages[0]?.ack(0x80);
    messages[1]?.ack(0x87);
    messages[2]?.ack(0x10);
    messages[3]?.ack();
    await turn();
    expect(acks(server)).toEqual(['1: puback 1 0', '1: puback 2 135', '1: pubrec 3 16']);
  });

  test('works by a proxy of the message, as frameworks make them of what they render', async () => {
    const { server, messages } = await manual();
    server.link.publish('a', '', { qos: 1 });
    const [message] = messages;
    if (message) new Proxy(message, {}).ack(0x87);
    // What is copied with it is what all messages have.
    expect(Object.getOwnPropertySymbols({ ...message })).toEqual([]);
    await turn();
    expect(acks(server)).toEqual(['1: puback 1 135']);
  });

  test('works for loops and listeners, too', async () => {
    const { client, server } = await connected({ ack: 'manual' });
    client.on('message', (message) => message.topic === 'listener' && message.ack());
    server.link.publish('listener', '', { qos: 1 });
    const subscription = await client.subscribe('loop', { qos: 1 });
    server.link.publish('loop', '', { qos: 1 });
    for await (const message of subscription) {
      await turn();
      expect(acks(server)).toEqual(['1: puback 1 0']);
      message.ack();
      break;
    }
    await turn();
    expect(acks(server)).toHaveLength(2);
  });

  test('does not acknowledge a message whose handler fails', async () => {
    const { client, server } = await connected({ ack: 'manual' });
    client.on('error', () => {});
    await client.subscribe('a', { qos: 1 }, () => Promise.reject(new Error('mine')));
    server.link.publish('a', '', { qos: 1 });
    await turn();
    expect(acks(server)).toEqual([]);
  });

  test.each([1, -1, 0.5, 0x92, 256, Number.NaN, '0', null])(
    'rejects reason code %s, which PUBACK does not have',
    async (code) => {
      const { server, messages } = await manual();
      server.link.publish('a', '', { qos: 1 });
      expect(() => messages[0]?.ack(code as number)).toThrow(/^reasonCode: /);
      await turn();
      expect(acks(server)).toEqual([]);
    },
  );

  test('rejects any reason code but 0 before MQTT 5.0', async () => {
    const { server, messages } = await manual({ protocolVersion: 4 });
    server.link.publish('a', '', { qos: 1 });
    expect(() => messages[0]?.ack(0x80)).toThrow(expect.objectContaining({ code: 'needs-mqtt-5' }));
    messages[0]?.ack(0);
    await turn();
    expect(acks(server)).toEqual(['1: puback 1 0']);
  });

  test.each(['handled', 'received'] as const)('is the only option with ack(): not %s', async (ack) => {
    const { client, server } = await connected({ ack });
    const messages: Message[] = [];
    await client.subscribe('a', { qos: 1 }, (message) => void messages.push(message));
    server.link.publish('a', '', { qos: 1 });
    expect(() => messages[0]?.ack()).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });

  test.each([1, 2] as const)(
    'sends nothing for a dead link; QoS %i sent again is not handed out again but acknowledged',
    async (qos) => {
      const { server, messages } = await manual(atOnce);
      server.link.publish('a', '', { qos });
      const [message] = messages;
      await reconnected(server);
      message?.ack();
      await turn();
      expect(acks(server)).toEqual([]);
      server.link.publish('a', '', { qos, packetId: 1, dup: true });
      await turn();
      expect(messages).toHaveLength(1);
      expect(acks(server)).toEqual([`2: ${qos === 1 ? 'puback' : 'pubrec'} 1 0`]);
    },
  );

  test('sends nothing for a session that the server has lost', async () => {
    const { server, messages } = await manual(atOnce);
    server.link.publish('a', '', { qos: 1 });
    server.sessions.clear();
    await reconnected(server);
    messages[0]?.ack();
    server.link.publish('a', '', { qos: 1, packetId: 1 });
    await turn();
    expect(messages).toHaveLength(2);
    expect(acks(server)).toEqual([]);
  });

  test('acknowledges what nobody takes when it is given up [v5 MQTT-4.5.0-2, v3 MQTT-4.5.0-2]', async () => {
    fakeTime();
    const { client, server } = await connected({ ack: 'manual' });
    const unclaimed = vi.fn();
    client.on('unclaimed', unclaimed);
    server.link.publish('b', '', { qos: 1 });
    await vi.advanceTimersByTimeAsync(10_000);
    await turn();
    expect(acks(server)).toEqual(['1: puback 1 0']);
    expect(unclaimed).toHaveBeenCalledOnce();
  });

  test('gives what a loop left unread to others, or up', async () => {
    fakeTime();
    const { client, server } = await connected({ ack: 'manual' });
    const iterator = (await client.subscribe('a', { qos: 1 }))[Symbol.asyncIterator]();
    server.link.publish('a', '', { qos: 1 });
    server.link.publish('a', '', { qos: 1 });
    await iterator.next();
    await iterator.return?.();
    await vi.advanceTimersByTimeAsync(10_000);
    await turn();
    // The first was the application's to acknowledge, and holds up the second.
    expect(acks(server)).toEqual([]);
    expect(client.stats.unacknowledged).toBe(2);
  });
});

describe('messages that nobody takes', () => {
  test('of QoS 1 and 2 are held unacknowledged, then acknowledged and reported', async () => {
    fakeTime();
    const { client, server } = await connected();
    const unclaimed: Message[] = [];
    client.on('unclaimed', (message) => void unclaimed.push(message));
    server.link.publish('a', '0');
    server.link.publish('a', '1', { qos: 1 });
    await vi.advanceTimersByTimeAsync(5_000);
    server.link.publish('a', '2', { qos: 2 });
    await vi.advanceTimersByTimeAsync(4_999);
    await turn();
    expect(acks(server)).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    await turn();
    expect(acks(server)).toEqual(['1: puback 1 0']);
    await vi.advanceTimersByTimeAsync(5_000);
    await turn();
    expect(acks(server)).toEqual(['1: puback 1 0', '1: pubrec 2 0']);
    expect(unclaimed.map((message) => message.text())).toEqual(['1', '2']);
    expect(() => unclaimed[0]?.ack()).toThrow(/^message.ack/);
  });

  test('are given up each in its time', async () => {
    fakeTime();
    const { client, server } = await connected();
    const unclaimed: string[] = [];
    client.on('unclaimed', (message) => unclaimed.push(message.text()));
    for (const payload of ['1', '2', '3']) {
      server.link.publish('a', payload, { qos: 1 });
      await vi.advanceTimersByTimeAsync(6_000);
    }
    expect(unclaimed).toEqual(['1', '2']);
    await vi.advanceTimersByTimeAsync(60_000);
    server.link.publish('a', '4', { qos: 1 });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(unclaimed).toEqual(['1', '2', '3', '4']);
  });

  test('are claimed by a handler that comes later, before SUBACK', async () => {
    const { client, server } = await connected();
    server.link.publish('a', '1', { qos: 1 });
    server.link.publish('b', '2', { qos: 1 });
    server.link.publish('a', '3', { qos: 1 });
    server.script.subscribe = () => undefined;
    const seen: string[] = [];
    client.subscribe('a', (message) => void seen.push(message.text())).catch(() => {});
    expect(seen).toEqual(['1', '3']);
    client.on('message', (message) => void seen.push(message.text()));
    expect(seen).toEqual(['1', '3', '2']);
    await turn();
    expect(acks(server)).toHaveLength(3);
  });

  test('are claimed by a message listener, but not by one that listens once for each', async () => {
    const { client, server } = await connected();
    server.link.publish('a', '1', { qos: 1 });
    server.link.publish('a', '2', { qos: 1 });
    const seen: string[] = [];
    client.on('message', (message) => void seen.push(message.text()), { once: true });
    expect(seen).toEqual(['1']);
    await turn();
    expect(acks(server)).toEqual(['1: puback 1 0']);
  });

  test('of a resumed session wait for the handlers of a new page', async () => {
    const server = new FakeServer();
    server.sessions.add('c');
    const { client } = idle({ ...kept, ...atOnce }, server);
    await client.connect();
    // MQTT 5.0 does not resume what it does not know, so this is the second session.
    await reconnected(server);
    server.link.publish('a', '1', { qos: 1, dup: true });
    const seen: [string, boolean][] = [];
    await client.subscribe('a', (message) => void seen.push([message.text(), message.redelivered]));
    expect(seen).toEqual([['1', true]]);
  });

  test.each([0, Number.POSITIVE_INFINITY])('with unclaimedTimeout: %d', async (unclaimedTimeout) => {
    fakeTime();
    const { client, server } = await connected({ unclaimedTimeout, keepAlive: 0 });
    const unclaimed = vi.fn();
    client.on('unclaimed', unclaimed);
    server.link.publish('a', '1', { qos: 1 });
    await vi.advanceTimersByTimeAsync(100_000_000);
    expect(unclaimed).toHaveBeenCalledTimes(unclaimedTimeout === 0 ? 1 : 0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('leave no timer behind when the client is closed', async () => {
    fakeTime();
    const { client, server } = await connected({ keepAlive: 0 });
    server.link.publish('a', '1', { qos: 1 });
    expect(vi.getTimerCount()).toBe(1);
    await client.close({ force: true });
    expect(vi.getTimerCount()).toBe(0);
    expect(acks(server)).toEqual([]);
  });
});

describe('after close() and connect() of a session that is kept', () => {
  test.each([1, 2] as const)('QoS %i that was held is delivered anew when it is sent again', async (qos) => {
    const { client, server } = await connected({ ...kept, unclaimedTimeout: Number.POSITIVE_INFINITY });
    server.link.publish('a', 'x', { qos });
    await client.close({ force: true });
    await client.connect();
    const seen: string[] = [];
    await client.subscribe('a', { qos }, (message) => void seen.push(message.text()));
    server.link.publish('a', 'x', { qos, packetId: 1, dup: true });
    await turn();
    expect(seen).toEqual(['x']);
    expect(acks(server)).toEqual([`2: ${qos === 1 ? 'puback' : 'pubrec'} 1 0`]);
  });

  test.each([1, 2] as const)('QoS %i that waited for a handler is not taken as handled', async (qos) => {
    const { client, server } = await connected(kept);
    const seen: string[] = [];
    const open: (() => void)[] = [];
    const handler = (message: Message) => {
      seen.push(message.text());
      return new Promise<void>((resolve) => open.push(resolve));
    };
    await client.subscribe('a', { qos }, handler);
    server.link.publish('a', 'runs', { qos });
    server.link.publish('a', 'waits', { qos });
    await client.close({ force: true });
    await client.connect();
    await client.subscribe('a', { qos }, handler);
    server.link.publish('a', 'runs', { qos, packetId: 1, dup: true });
    server.link.publish('a', 'waits', { qos, packetId: 2, dup: true });
    for (let count = 0; count < 3; count += 1) {
      open.shift()?.();
      await turn();
    }
    expect(seen).toEqual(['runs', 'waits']);
    const ack = qos === 1 ? 'puback' : 'pubrec';
    expect(acks(server)).toEqual([`2: ${ack} 1 0`, `2: ${ack} 2 0`]);
  });

  test('what was never acknowledged by hand is delivered anew', async () => {
    const { client, server } = await connected({ ...kept, ack: 'manual' });
    const messages: Message[] = [];
    const subscribe = () => client.subscribe('a', { qos: 1 }, (message) => void messages.push(message));
    await subscribe();
    server.link.publish('a', 'x', { qos: 1 });
    await client.close({ force: true });
    await client.connect();
    await subscribe();
    server.link.publish('a', 'x', { qos: 1, packetId: 1, dup: true });
    expect(messages).toHaveLength(2);
    messages[0]?.ack();
    await turn();
    expect(acks(server)).toEqual([]);
    messages[1]?.ack();
    await turn();
    expect(acks(server)).toEqual(['2: puback 1 0']);
  });
});
