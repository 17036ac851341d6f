/** Publish, receive and round trip in Node, over TCP and WebSocket, beside MQTT.js, u8-mqtt and the bare socket. */

import { calibrated } from './calibrate';
import type { NodePeer } from './peer-process';
import { Runner } from './peer-runner';
import { type Bench, type Table, verdict } from './report';
import { type Sink, startSink } from './sink-process';
import { amount, geometricMean, ratio, spreadOf, withSpread } from './statistics';
import type { Work } from './work';

/** A row: the work and what is to be reached. */
interface Row {
  readonly name: string;
  readonly transport: 'tcp' | 'ws';
  readonly work: Work;
  /** So many times as fast as MQTT.js, at least. */
  readonly overMqttJs?: number;
  /** This share of the bare socket's speed, at least. */
  readonly ofRaw?: number;
}

const small = 20;

const publish = (qos: 0 | 1 | 2, count: number, size = small): Work => ({
  kind: 'publish',
  qos,
  size,
  count,
});
const receive = (qos: 0 | 1, count: number, framing: 'batched' | 'single', size = small): Work => ({
  kind: 'receive',
  qos,
  size,
  count,
  framing,
});

const rows: readonly Row[] = [
  { name: 'publish QoS 0', transport: 'tcp', work: publish(0, 100_000), overMqttJs: 6, ofRaw: 0.5 },
  { name: 'publish QoS 1', transport: 'tcp', work: publish(1, 50_000), overMqttJs: 10, ofRaw: 0.5 },
  { name: 'publish QoS 2', transport: 'tcp', work: publish(2, 25_000) },
  {
    name: 'receive QoS 0',
    transport: 'tcp',
    work: receive(0, 200_000, 'batched'),
    overMqttJs: 8,
    ofRaw: 0.35,
  },
  { name: 'receive QoS 1, handled', transport: 'tcp', work: receive(1, 50_000, 'batched') },
  { name: 'publish QoS 0', transport: 'ws', work: publish(0, 100_000), overMqttJs: 20 },
  { name: 'publish QoS 1', transport: 'ws', work: publish(1, 50_000), overMqttJs: 20 },
  { name: 'publish QoS 2', transport: 'ws', work: publish(2, 25_000) },
  { name: 'receive QoS 0, batched', transport: 'ws', work: receive(0, 200_000, 'batched'), overMqttJs: 8 },
  { name: 'receive QoS 0, one a frame', transport: 'ws', work: receive(0, 50_000, 'single') },
  { name: 'publish QoS 0, 4 KiB', transport: 'tcp', work: publish(0, 20_000, 4_096) },
  { name: 'receive QoS 0, 1 KiB', transport: 'ws', work: receive(0, 100_000, 'batched', 1_024) },
];

const peers: readonly NodePeer[] = ['mqtide', 'MQTT.js', 'u8-mqtt', 'raw'];

/** Runs one row: each peer warms up, then all of them do the work in turn, round after round. */
async function measure(sink: Sink, row: Row, rounds: number): Promise<Map<NodePeer, Samples>> {
  const url = `${row.transport === 'tcp' ? 'mqtt' : 'ws'}://127.0.0.1:${
    row.transport === 'tcp' ? sink.ports.tcp : sink.ports.webSocket
  }`;
  const found = new Map<NodePeer, Samples>();
  const runners = new Map<NodePeer, Runner>();
  for (const peer of peers) {
    const runner = new Runner();
    try {
      await runner.ask({
        type: 'connect',
        peer,
        url: peer === 'u8-mqtt' ? url.replace('mqtt:', 'tcp:') : url,
      });
      runners.set(peer, runner);
    } catch (error) {
      runner.close();
      console.log(`  ${peer} is left out of "${row.name}": ${error}`);
    }
  }
  await sink.counts();
  /** Bytes of a message on the wire. */
  const sizes = new Set<number>();
  const run = async (peer: NodePeer, runner: Runner, work: Work) => {
    const { measured, cpu } = await runner.ask<'measured'>({ type: 'work', work });
    const counts = await sink.counts();
    if (work.kind !== 'receive') {
      if (counts.messages !== work.count) throw new Error(`${peer}: ${counts.messages} messages came`);
      sizes.add(counts.bytes / counts.messages);
    }
    return { measured, cpu };
  };
  const works = new Map<NodePeer, Work>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const [peer, runner] of runners) {
      try {
        if (round === 0) {
          const warm = async (work: Work) => (await run(peer, runner, work)).measured;
          works.set(peer, await calibrated(row.work, warm));
          continue;
        }
        const work = works.get(peer) ?? row.work;
        const { measured, cpu } = await run(peer, runner, work);
        const samples = found.get(peer) ?? { perSecond: [], cpu: [], median: [] };
        samples.perSecond.push((work.count / measured.milliseconds) * 1_000);
        samples.cpu.push((cpu / work.count) * 1_000);
        if (measured.median !== undefined) samples.median.push(measured.median);
        found.set(peer, samples);
      } catch (error) {
        runners.delete(peer);
        runner.close();
        console.log(`  ${peer} is left out of "${row.name}": ${error}`);
      }
    }
  }
  if (sizes.size > 1) throw new Error(`The peers sent different bytes for "${row.name}": ${[...sizes]}`);
  for (const runner of runners.values()) runner.close();
  return found;
}

interface Samples {
  readonly perSecond: number[];
  /** Microseconds of processor time a message. */
  readonly cpu: number[];
  readonly median: number[];
}

/** The benches in Node. */
export const nodeBench: Bench = async (rounds) => {
  const sink = await startSink();
  const table: string[][] = [];
  const overAll: number[] = [];
  const trips: string[][] = [];
  try {
    for (const row of rows) {
      const found = await measure(sink, row, rounds);
      const rate = (peer: NodePeer) => spreadOf(found.get(peer)?.perSecond ?? []);
      const ours = rate('mqtide').median;
      const over = ours / rate('MQTT.js').median;
      const share = ours / rate('raw').median;
      overAll.push(over);
      const goals = [
        row.overMqttJs === undefined ? undefined : over >= row.overMqttJs,
        row.ofRaw === undefined ? undefined : share >= row.ofRaw,
      ].filter((goal) => goal !== undefined);
      table.push([
        row.transport,
        row.name,
        withSpread(rate('mqtide')),
        withSpread(rate('MQTT.js')),
        found.has('u8-mqtt') ? withSpread(rate('u8-mqtt')) : 'cannot',
        withSpread(rate('raw')),
        ratio(over),
        `${(share * 100).toFixed(0)} %`,
        `${spreadOf(found.get('mqtide')?.cpu ?? []).median.toFixed(2)} / ${spreadOf(found.get('MQTT.js')?.cpu ?? []).median.toFixed(2)}`,
        `${row.overMqttJs === undefined ? '' : `${row.overMqttJs}x`}${row.ofRaw === undefined ? '' : `, ${row.ofRaw * 100} %`}`,
        goals.length === 0 ? '' : verdict(goals.every(Boolean)),
      ]);
      console.log(`  ${row.transport} ${row.name}: ${amount(ours)} a second, ${ratio(over)} MQTT.js`);
    }
    for (const transport of ['tcp', 'ws'] as const) {
      const found = await measure(
        sink,
        { name: 'round trip', transport, work: { kind: 'round-trip', size: small, count: 3_000 } },
        rounds,
      );
      const micros = (peer: NodePeer) =>
        spreadOf((found.get(peer)?.median ?? []).map((value) => value * 1_000));
      const ours = micros('mqtide').median / micros('raw').median;
      trips.push([
        transport,
        ...peers.map((peer) => withSpread(micros(peer), (value) => value.toFixed(0))),
        ratio(ours),
        '1.15x',
        verdict(ours <= 1.15),
      ]);
    }
  } finally {
    sink.close();
  }
  const tables: Table[] = [
    {
      title: 'Node: messages a second',
      about: `Median of ${rounds} rounds (lowest to highest), MQTT 3.1.1, payloads of ${small} bytes unless said, each peer in a process of its own, the sink in another; warmed up for three seconds, a second a sample. Geometric mean over MQTT.js: ${ratio(geometricMean(overAll))}.`,
      head: [
        'by',
        'work',
        'mqtide',
        'MQTT.js',
        'u8-mqtt',
        'raw',
        'over MQTT.js',
        'of raw',
        'CPU us a message, mqtide / MQTT.js',
        'goal',
        'reached',
      ],
      rows: table,
    },
    {
      title: 'Node: round trip of a QoS 1 publish',
      about:
        'Microseconds from the call to the acknowledgement, one after the other: the median of each round.',
      head: ['by', ...peers, 'over raw', 'goal', 'reached'],
      rows: trips,
    },
  ];
  return tables;
};
