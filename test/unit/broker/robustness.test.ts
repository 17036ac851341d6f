import { describe, expect, test } from 'vitest';
import { encode } from '../../../src/codec/encode';
import type { Packet, ProtocolVersion, QoS } from '../../../src/codec/packet';
import { Bench, type BenchClient, hex } from '../../broker/bench';

/** Repeatable chance [Numerical Recipes]. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** From 0 to below 1. */
  roll(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state / 2 ** 32;
  }

  below(limit: number): number {
    return Math.floor(this.roll() * limit);
  }

  pick<T>(from: readonly [T, ...T[]]): T {
    return from[this.below(from.length)] ?? from[0];
  }

  maybe<T>(value: T): T | undefined {
    return this.roll() < 0.3 ? value : undefined;
  }

  bytes(limit: number): Uint8Array {
    return new Uint8Array(this.below(limit)).map(() => this.below(256));
  }
}

const topics = ['a', 'a/b', 'b', '$x', '$SYS/x', 'ü'] as const;
const filters = ['#', '+', 'a/#', 'a/+', 'b', '$share/g/a', '$share/g/#', '$SYS/#', 'a/b', '+/+'] as const;
const levels: readonly [QoS, ...QoS[]] = [0, 1, 2];

/** A packet that a client may send, or one that it should not. */
function randomPacket(dice: Dice, version: ProtocolVersion): Packet {
  const v5 = version === 5;
  const packetId = 1 + dice.below(4);
  const qos = dice.pick(levels);
  switch (dice.below(12)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const properties = v5
        ? { messageExpiryInterval: dice.maybe(dice.below(10)), topicAlias: dice.maybe(1 + dice.below(2)) }
        : undefined;
      const ids = qos === 0 ? {} : { packetId };
      const retain = dice.roll() < 0.3;
      return {
        type: 'publish',
        topic: dice.pick(topics),
        payload: dice.bytes(40),
        qos,
        retain,
        dup: false,
        properties,
        ...ids,
      };
    }
    case 4:
      return { type: 'puback', packetId, reasonCode: v5 ? dice.pick([0, 0x10, 0x80]) : 0 };
    case 5:
      return { type: 'pubrec', packetId, reasonCode: v5 ? dice.pick([0, 0x97]) : 0 };
    case 6:
      return { type: 'pubrel', packetId, reasonCode: 0 };
    case 7:
      return { type: 'pubcomp', packetId, reasonCode: 0 };
    case 8:
    case 9: {
      const entry = {
        qos,
        noLocal: false,
        retainAsPublished: v5,
        retainHandling: v5 ? dice.pick(levels) : 0,
      } as const;
      const subscriptions = [1, 2].map(() => ({ ...entry, filter: dice.pick(filters) }));
      const properties = v5 ? { subscriptionIdentifier: dice.maybe(1 + dice.below(300)) } : undefined;
      return { type: 'subscribe', packetId, subscriptions, properties };
    }
    case 10:
      return { type: 'unsubscribe', packetId, filters: [dice.pick(filters)] };
    default:
      return { type: 'pingreq' };
  }
}

function randomConnect(dice: Dice, version: ProtocolVersion): Packet {
  const v5 = version === 5;
  const properties = v5
    ? {
        sessionExpiryInterval: dice.maybe(dice.below(30)),
        receiveMaximum: dice.maybe(1 + dice.below(5)),
        maximumPacketSize: dice.maybe(1 + dice.below(100)),
        topicAliasMaximum: dice.maybe(dice.below(5)),
      }
    : undefined;
  const will = { topic: dice.pick(topics), payload: dice.bytes(10), qos: dice.pick(levels), retain: false };
  const willProperties = v5 ? { properties: { willDelayInterval: dice.below(10) } } : {};
  return {
    type: 'connect',
    protocolVersion: version,
    clientId: dice.pick(['u', 'v', 'w', 'x', 'y', 'z']),
    clean: dice.roll() < 0.4,
    keepAlive: dice.pick([0, 5, 100]),
    will: dice.maybe({ ...will, ...willProperties }),
    properties,
  };
}

/** Bytes that are sometimes damaged, but for the one at the place that is spared. */
function damaged(dice: Dice, bytes: Uint8Array, spared = -1): Uint8Array {
  const chance = dice.roll();
  if (chance > 0.06) return bytes;
  if (chance > 0.04) return bytes.slice(0, dice.below(bytes.length));
  if (chance > 0.03) return dice.bytes(30);
  const copy = bytes.slice();
  const at = dice.below(copy.length);
  const value = dice.below(256);
  if (at !== spared) copy[at] = value;
  return copy;
}

/** Where CONNECT has its protocol level: another would be answered in a form that the client cannot read. */
function levelAt(version: ProtocolVersion): number {
  return version === 3 ? 10 : 8;
}

/** Answers what came, as a good client does. */
function answer(client: BenchClient): void {
  for (const packet of client.take()) {
    if (client.isClosed) return;
    if (packet.type === 'publish' && packet.qos === 1) client.ack('puback', packet.packetId ?? 1);
    if (packet.type === 'publish' && packet.qos === 2) client.ack('pubrec', packet.packetId ?? 1);
    if (packet.type === 'pubrel') client.ack('pubcomp', packet.packetId);
  }
}

/** What holds for the broker at any time. */
function expectSound(bench: Bench): void {
  const sessions = [...bench.core.sessions.values()];
  expect(bench.errors).toEqual([]);
  expect(sessions.reduce((sum, { subscriptions }) => sum + subscriptions.size, 0)).toBe(
    bench.core.subscriptions.count,
  );
  for (const { connection, expiryInterval } of sessions) {
    expect(connection?.state ?? 'connected').toBe('connected');
    expect(connection !== undefined || expiryInterval > 0).toBe(true);
  }
  for (const { state } of bench.core.connections.values()) expect(state).not.toBe('closed');
}

describe('whatever clients send', () => {
  test.each([1, 2, 3, 4])('the broker stays sound and forgets them in the end, seed %s', (seed) => {
    const dice = new Dice(seed);
    for (let round = 0; round < 40; round += 1) {
      const bench = new Bench({
        receiveMaximum: 3,
        topicAliasMaximum: 2,
        maximumQueued: 20,
        diagnostics: dice.pick(['none', 'reason', 'full']),
        overlapping: dice.pick(['one', 'each']),
        qos2Delivery: dice.pick(['release', 'receipt']),
        queueQoS0: dice.roll() < 0.5,
      });
      let clients: BenchClient[] = [];
      for (let step = 0; step < 200; step += 1) {
        if (clients.length < 4) {
          const version = dice.pick([3, 4, 5] as const);
          const client = bench.open(version);
          client.sendBytes(damaged(dice, encode(randomConnect(dice, version), version), levelAt(version)));
          clients.push(client);
        }
        const client = clients[dice.below(clients.length)];
        if (client === undefined || client.isClosed) {
          clients = clients.filter(({ isClosed }) => !isClosed);
          continue;
        }
        if (dice.roll() < 0.02) client.drop();
        else if (dice.roll() < 0.5) answer(client);
        else client.sendBytes(damaged(dice, encode(randomPacket(dice, client.version), client.version)));
        if (dice.roll() < 0.05) bench.clock.advance(dice.roll() * 10_000);
      }
      expectSound(bench);
      for (const client of clients) if (!client.isClosed) client.drop();
      bench.advance(2 ** 32);
      for (const { expiryInterval } of bench.core.sessions.values())
        expect(expiryInterval).toBe(Number.POSITIVE_INFINITY);
      expect(bench.clock.pending).toBe(0);
    }
  });

  test('a code that belongs to another packet becomes a protocol error', () => {
    const client = new Bench().connect();
    // A second CONNECT, of a version that nobody knows: 0x84 is no code of DISCONNECT.
    client.sendBytes('10 0e 0004 4d515454 09 02 0000 00 0001 63');
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
  });

  test('an error in a timer or in the network does not leave the broker', () => {
    const bench = new Bench();
    const client = bench.connect();
    client.connection.wire.plan = {
      outgoing: () => {
        throw new Error('boom');
      },
    };
    client.sendBytes('00 00');
    expect(client.ending).toBe('destroyed');
    bench.core.clock.schedule(1, () => {
      throw new Error('bang');
    });
    bench.advance(1);
    expect(bench.errors.map(String)).toEqual(['Error: boom', 'Error: bang']);
  });
});

describe('output that is held back', () => {
  test('goes on when the network has taken it, without a word of the network', () => {
    const bench = new Bench({ maximumQueued: 1_000 });
    const kept = { clientId: 'x', clean: false, properties: { sessionExpiryInterval: 60 } };
    bench.subscriber('t', 1, kept).drop();
    const publisher = bench.connect();
    for (let at = 0; at < 30; at += 1) publisher.publish('t', new Uint8Array(100_000), { qos: 1 });
    // Three million bytes are more than the connection gathers at one time.
    expect(bench.connect(kept).published()).toHaveLength(30);
  });
});

describe('a client that asks on and on and never reads', () => {
  /** As many pings as are answered with a hundred thousand bytes, in one chunk. */
  const pings = new Uint8Array(100_000).map((_, at) => (at % 2 === 0 ? 0xc0 : 0));

  test('is dropped before its answers fill the memory', () => {
    const bench = new Bench({ logSize: 0 });
    const client = bench.connect();
    let chunks = 0;
    for (; chunks < 30 && !client.isClosed; chunks += 1) {
      client.bufferedAmount = chunks * pings.length;
      client.sendBytes(pings);
      client.take();
    }
    expect(client.ending).toBe('destroyed');
    expect(chunks).toBe(12);
  });

  test('is not, when it reads late', () => {
    const bench = new Bench({ logSize: 0 });
    const client = bench.connect();
    for (let chunks = 0; chunks < 30; chunks += 1) {
      client.bufferedAmount = (chunks % 8) * pings.length;
      client.sendBytes(pings);
      client.take();
    }
    expect(client.isClosed).toBe(false);
  });
});

describe('an alias that makes a packet too large', () => {
  test('is not used, and not taken as known to the client', () => {
    const bench = new Bench();
    const size = 20;
    const watcher = bench.subscriber('t', 0, {
      properties: { topicAliasMaximum: 5, maximumPacketSize: size },
    });
    const publisher = bench.connect();
    publisher.publish('t', new Uint8Array(size - 6));
    publisher.publish('t', hex('00'));
    publisher.publish('t', hex('00'));
    expect(watcher.published().map(({ topic, properties }) => [topic, properties?.topicAlias])).toEqual([
      ['t', undefined],
      ['t', 1],
      ['', 1],
    ]);
  });
});
