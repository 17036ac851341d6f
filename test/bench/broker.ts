/** The same work with a real broker, Mosquitto: what a user sees, where the broker takes most of the time. */

import { findMosquitto, howToGetMosquitto, type Mosquitto, startMosquitto } from '../support/mosquitto';
import { calibrated } from './calibrate';
import { Runner } from './peer-runner';
import type { Bench } from './report';
import { amount, ratio, spreadOf, withSpread } from './statistics';
import type { Work } from './work';

const size = 20;

const rows: readonly { readonly name: string; readonly transport: 'tcp' | 'ws'; readonly work: Work }[] = (
  ['tcp', 'ws'] as const
).flatMap((transport) => [
  { name: 'publish QoS 0', transport, work: { kind: 'publish', qos: 0, size, count: 20_000 } },
  { name: 'publish QoS 1', transport, work: { kind: 'publish', qos: 1, size, count: 10_000 } },
  { name: 'publish and receive QoS 1', transport, work: { kind: 'echo', qos: 1, size, count: 10_000 } },
]);

const peers = ['mqtide', 'MQTT.js'] as const;
type BrokerPeer = (typeof peers)[number];

/** Messages a second of each peer. */
async function measure(
  broker: Mosquitto,
  { transport, work: least }: (typeof rows)[number],
  rounds: number,
): Promise<Record<BrokerPeer, { readonly perSecond: number[]; readonly cpu: number[] }>> {
  const url = transport === 'tcp' ? broker.url : broker.wsUrl;
  const found = {
    mqtide: { perSecond: [] as number[], cpu: [] as number[] },
    'MQTT.js': { perSecond: [] as number[], cpu: [] as number[] },
  };
  const runners = new Map<BrokerPeer, Runner>();
  try {
    for (const peer of peers) {
      const runner = new Runner();
      runners.set(peer, runner);
      await runner.ask({ type: 'connect', peer, url });
    }
    const works = new Map<BrokerPeer, Work>();
    for (let round = 0; round <= rounds; round += 1) {
      for (const [peer, runner] of runners) {
        const run = (work: Work) => runner.ask<'measured'>({ type: 'work', work });
        if (round === 0) {
          works.set(peer, await calibrated(least, async (work) => (await run(work)).measured));
          continue;
        }
        const work = works.get(peer) ?? least;
        const { measured, cpu } = await run(work);
        found[peer].perSecond.push((work.count / measured.milliseconds) * 1_000);
        found[peer].cpu.push((cpu / work.count) * 1_000);
      }
    }
  } finally {
    for (const runner of runners.values()) runner.close();
  }
  return found;
}

/** The bench with a broker. */
export const brokerBench: Bench = async (rounds) => {
  if (findMosquitto() === undefined) {
    console.log(howToGetMosquitto);
    return [];
  }
  const broker = await startMosquitto({ config: ['max_inflight_messages 0', 'max_queued_messages 0'] });
  const table: string[][] = [];
  try {
    for (const row of rows) {
      const found = await measure(broker, row, rounds);
      const rate = (peer: BrokerPeer) => spreadOf(found[peer].perSecond);
      const over = rate('mqtide').median / rate('MQTT.js').median;
      table.push([
        row.transport,
        row.name,
        ...peers.map((peer) => withSpread(rate(peer))),
        ratio(over),
        peers.map((peer) => spreadOf(found[peer].cpu).median.toFixed(1)).join(' / '),
      ]);
      console.log(
        `  ${row.transport} ${row.name}: ${amount(rate('mqtide').median)} a second, ${ratio(over)}`,
      );
    }
  } finally {
    await broker.close();
  }
  return [
    {
      title: 'Node with Mosquitto: messages a second',
      about: `What a user sees, with a broker that does a broker's work on the same machine: median of ${rounds} rounds (lowest to highest), MQTT 3.1.1, payloads of ${size} bytes.`,
      head: ['by', 'work', ...peers, 'over MQTT.js', 'CPU us a message, mqtide / MQTT.js'],
      rows: table,
    },
  ];
};
