/**
 * A cut at every single byte position: each exchange between a client and a broker is run again and again, and each
 * time its connection is reset one byte later, in one direction and then in the other.
 */

import type { Client } from '../../src/client/client';
import type { PacketType } from '../../src/codec/packet';
import { connect } from '../../src/node';
import { type RunningBroker, type TransportName, urlOf } from '../support/broker-kinds';
import { type Direction, startFaultProxy } from '../support/fault-proxy';
import { waitFor } from '../support/wait-for';
import { type Arrival, judge, type Sent, type Verdict } from './verdict';
import { Watch } from './watch';

/** Where exchanges run. */
export interface Ground {
  readonly broker: RunningBroker;
  readonly transport: TransportName;
  readonly protocolVersion: 4 | 5;
}

/** Where a cut comes: after so many bytes of the exchange. */
export interface Cut {
  readonly direction: Direction;
  readonly bytes: number;
}

/** What is published in an exchange, and where the client stands while it is. */
interface Script {
  /** By the client, to the peer. */
  readonly up?: readonly (1 | 2)[];
  /** By the peer, to the client. */
  readonly down?: readonly (1 | 2)[];
  /** The connection is reset first, so that CONNECT and CONNACK are in it. */
  readonly reconnects?: boolean;
  /** What the peer publishes is subscribed to first, so that SUBSCRIBE and SUBACK are in it. */
  readonly subscribes?: boolean;
  /** What the client writes last when nothing is cut: how often. */
  readonly last: readonly [PacketType, number];
}

const scripts = {
  reconnect: { reconnects: true, up: [1, 2], down: [1, 2], last: ['pubcomp', 1] },
  subscribe: { subscribes: true, down: [1], last: ['puback', 1] },
  'publish QoS 1': { up: [1], last: ['publish', 1] },
  'publish QoS 2': { up: [2], last: ['pubrel', 1] },
  'receive QoS 1': { down: [1], last: ['puback', 1] },
  'receive QoS 2': { down: [2], last: ['pubcomp', 1] },
} as const satisfies Readonly<Record<string, Script>>;

/** What is cut. */
export type Exchange = keyof typeof scripts;

/** All of them. */
export const exchanges = Object.keys(scripts) as readonly Exchange[];

/** Milliseconds without a step after which what has not happened counts as never. */
const patience = 20_000;

/** What is behind everything else. */
const marker = 'last';

let cases = 0;

/** The other end of every exchange, on a connection that nobody cuts. */
export class Peer {
  readonly client: Client;
  /** Takers of what cases publish, by topic. */
  readonly #takers = new Map<string, (text: string) => void>();

  /** Connects. */
  static async open({ broker, transport, protocolVersion }: Ground): Promise<Peer> {
    const client = await connect(urlOf(transport, broker.port(transport)), { protocolVersion });
    const peer = new Peer(client);
    await client.subscribe('cuts/out/#', { qos: 2 }, (message) => {
      peer.#takers.get(message.topic)?.(message.text());
    });
    return peer;
  }

  private constructor(client: Client) {
    this.client = client;
  }

  /** Takes what is published on a topic below `cuts/out`, until the returned function is called. */
  take(topic: string, taker: (text: string) => void): () => void {
    this.#takers.set(topic, taker);
    return () => this.#takers.delete(topic);
  }
}

/** How many bytes an exchange has in each direction, its orderly end included. */
export async function measure(
  ground: Ground,
  peer: Peer,
  exchange: Exchange,
): Promise<Record<Direction, number>> {
  return (await runExchange(ground, peer, exchange, undefined)).bytes;
}

/** Runs an exchange with a cut in it. */
export async function runCut(ground: Ground, peer: Peer, exchange: Exchange, cut: Cut): Promise<Verdict> {
  return (await runExchange(ground, peer, exchange, cut)).verdict;
}

async function runExchange(
  ground: Ground,
  peer: Peer,
  exchange: Exchange,
  cut: Cut | undefined,
): Promise<{ verdict: Verdict; bytes: Record<Direction, number> }> {
  const started = performance.now();
  const { transport, protocolVersion } = ground;
  const script: Script = scripts[exchange];
  cases += 1;
  const name = `${process.pid}-${cases}`;
  const watch = new Watch(patience);
  const up: Traffic = { sent: [], arrivals: [], ended: new Set() };
  const down: Traffic = { sent: [], arrivals: [], ended: new Set() };
  const written = new Map<PacketType, number>();
  const proxy = await startFaultProxy(ground.broker.port(transport));
  const client = await connect(urlOf(transport, proxy.port), {
    protocolVersion,
    clean: false,
    clientId: `cuts-${name}`,
    reconnect: { minDelay: 1, maxDelay: 5 },
  });
  client.on('packet', ({ direction, packet: { type } }) => {
    if (direction === 'out') written.set(type, (written.get(type) ?? 0) + 1);
    watch.progress();
  });
  const release = [1, 2].map((qos) =>
    peer.take(`cuts/out/${name}/${qos}`, (text) => take(up, qos as 1 | 2, text, watch)),
  );
  const subscribe = () =>
    client.subscribe(`cuts/in/${name}/+`, { qos: 2 }, (message) =>
      take(down, message.topic.endsWith('1') ? 1 : 2, message.text(), watch),
    );
  let stuck = '';
  let bytes = { up: 0, down: 0 };
  try {
    if (!script.subscribes) await subscribe();
    const before = { ...proxy.passed };
    if (script.reconnects) proxy.reset();
    if (cut) proxy.cutAfter(cut);
    // What the peer publishes arrives at a subscription that is there.
    if (script.subscribes) await subscribe();
    publish(client, `cuts/out/${name}`, up, script.up ?? [], watch);
    publish(peer.client, `cuts/in/${name}`, down, script.down ?? [], watch);
    await watch.until(() => [up, down].every(isComplete));
    if (cut) {
      for (const qos of [1, 2] as const) {
        void client.publish(`cuts/out/${name}/${qos}`, marker, { qos });
        void peer.client.publish(`cuts/in/${name}/${qos}`, marker, { qos });
      }
      await watch.until(() => [up, down].every(({ ended }) => ended.size === 2));
    } else {
      const [type, count] = script.last;
      await watch.until(() => (written.get(type) ?? 0) >= count);
      await client.close();
      await waitFor(() => proxy.connections === 0, { what: 'the end of the connection' });
      bytes = { up: proxy.passed.up - before.up, down: proxy.passed.down - before.down };
    }
  } catch (error) {
    stuck = `${exchange}: ${error}`;
  } finally {
    watch.end(new Error('the case is over'));
    for (const end of release) end();
    await client.close({ force: true });
    await proxy.close();
  }
  const milliseconds = performance.now() - started;
  const circumstances = {
    faults: proxy.cuts,
    forgotten: 0,
    early: 0,
    unmarked: undefined,
    connections: client.stats.connections,
    milliseconds,
    stuck,
  };
  return { verdict: judge([up, down], circumstances), bytes };
}

/** One direction. */
interface Traffic {
  readonly sent: Sent[];
  readonly arrivals: Arrival[];
  /** What is behind everything else has come, by QoS. */
  readonly ended: Set<1 | 2>;
}

const isComplete = ({ sent, arrivals }: Traffic) =>
  sent.every(({ outcome }, index) => outcome !== undefined && arrivals.some((one) => one.index === index));

function take(traffic: Traffic, qos: 1 | 2, text: string, watch: Watch): void {
  if (text === marker) traffic.ended.add(qos);
  else traffic.arrivals.push({ qos, topic: 0, index: Number(text), isWhole: /^\d$/.test(text) });
  watch.progress();
}

function publish(
  client: Client,
  base: string,
  traffic: Traffic,
  all: readonly (1 | 2)[],
  watch: Watch,
): void {
  for (const [index, qos] of all.entries()) {
    const sent: Sent = { qos, topic: 0, outcome: undefined };
    traffic.sent.push(sent);
    client
      .publish(`${base}/${qos}`, String(index), { qos })
      .then(
        ({ resent = false }) => {
          sent.outcome = { resent };
        },
        (error: unknown) => {
          sent.outcome = error instanceof Error ? error : new Error(String(error));
        },
      )
      .finally(() => watch.progress());
  }
}
