/** The same work with a real broker, Mosquitto: what a user sees, where the broker takes most of the time. */

import { findMosquitto, howToGetMosquitto, startMosquitto } from '../support/mosquitto';
import { calibrated } from './calibrate';
import { Runner } from './peer-runner';
import type { Bench } from './report';
import { amount, ratio, spreadOf, withSpread } from './statistics';
import type { Work } from './work';

const size = 20;

/** How peers reach it: as it comes, and for TCP with a line of its configuration. */
const ways = [
  { by: 'tcp', transport: 'tcp', config: [] },
  { by: 'tcp, set_tcp_nodelay', transport: 'tcp', config: ['set_tcp_nodelay true'] },
  { by: 'ws', transport: 'ws', config: [] },
] as const;

const rows: readonly { readonly name: string; readonly work: Work }[] = [
  { name: 'publish QoS 0', work: { kind: 'publish', qos: 0, size, count: 20_000 } },
  { name: 'publish QoS 1', work: { kind: 'publish', qos: 1, size, count: 10_000 } },
  { name: 'publish and receive QoS 1', work: { kind: 'echo', qos: 1, size, count: 10_000 } },
];

const peers = ['mqtide', 'MQTT.js'] as const;
type BrokerPeer = (typeof peers)[number];

/** Messages a second of each peer. */
async function measure(
  url: string,
  least: Work,
  rounds: number,
): Promise<Record<BrokerPeer, { readonly perSecond: number[]; readonly cpu: number[] }>> {
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
  const table: string[][] = [];
  for (const { by, transport, config } of ways) {
    const broker = await startMosquitto({
      config: ['max_inflight_messages 0', 'max_queued_messages 0', ...config],
    });
    try {
      for (const { name, work } of rows) {
        const found = await measure(transport === 'tcp' ? broker.url : broker.wsUrl, work, rounds);
        const rate = (peer: BrokerPeer) => spreadOf(found[peer].perSecond);
        const over = rate('mqtide').median / rate('MQTT.js').median;
        table.push([
          by,
          name,
          ...peers.map((peer) => withSpread(rate(peer))),
          ratio(over),
          peers.map((peer) => spreadOf(found[peer].cpu).median.toFixed(1)).join(' / '),
        ]);
        console.log(`  ${by} ${name}: ${amount(rate('mqtide').median)} a second, ${ratio(over)}`);
      }
    } finally {
      await broker.close();
    }
  }
  return [
    {
      title: 'Node with Mosquitto: messages a second',
      about: `What a user sees, with a broker that does a broker's work on the same machine: median of ${rounds} rounds (lowest to highest), MQTT 3.1.1, payloads of ${size} bytes. By TCP it sends each PUBACK by itself with Nagle's algorithm on, and the kernel of the client acknowledges the first of them after 40 ms when nothing else is written meanwhile, which is why mqtide sends a PINGREQ then; not with \`set_tcp_nodelay true\` in its configuration.`,
      head: ['by', 'work', ...peers, 'over MQTT.js', 'CPU us a message, mqtide / MQTT.js'],
      rows: table,
    },
  ];
};
