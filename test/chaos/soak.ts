/**
 * The soak: two clients that publish to each other without a pause, whose connections are cut again and again, and
 * what they leave behind.
 *
 *   npm run soak -- --minutes 10 [--every 2] [--rate 100]
 *
 * Cuts a link every `--every` seconds, one client after the other, one transport and version each; publishes `--rate`
 * messages a second each way at most, half QoS 1, half QoS 2. Samples after a collection what is alive, and prints how it grows
 * by the minute once the first fifth is over. The broker has a process of its own.
 * Exit codes: 0 all is flat and everything arrived, 1 it is not, 2 wrong use.
 */

import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { parseArgs } from 'node:util';
import type { Client } from '../../src/client/client';
import { connect } from '../../src/node';
import { type TransportName, urlOf } from '../support/broker-kinds';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy';
import { waitFor } from '../support/wait-for';
import { slopes } from './slope';

/** Milliseconds between samples. */
const sampleInterval = 5_000;

/** Milliseconds between bursts of messages. */
const burstInterval = 50;

/** Messages of a client under way at a time: what a busy machine leaves waiting would look like growth. */
const mostUnderWay = 100;

/** Part of the time that warms up. */
const warmUp = 0.2;

/** How much a minute may add at most; collections leave some noise. */
const limits = { heap: 100_000, handles: 0.5, timers: 0.5, listeners: 1 } as const;

/** What is alive at a time, in bytes and numbers. */
type Sample = Record<keyof typeof limits, number> & { readonly minutes: number };

interface End {
  readonly client: Client;
  readonly proxy: FaultProxy;
  /** By QoS: the number that comes next, and what arrived. */
  readonly next: Record<1 | 2, number>;
  readonly got: Record<1 | 2, { highest: number; count: number; again: number; outOfOrder: number }>;
  acknowledged: number;
  rejected: number;
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      every: { type: 'string', default: '2' },
      rate: { type: 'string', default: '100' },
    },
  });
  const [minutes, every, rate] = [values.minutes, values.every, values.rate].map(Number);
  if (!(minutes && every && rate) || minutes < 0 || every < 0 || rate < 0) {
    throw new Error('--minutes, --every and --rate take numbers above 0');
  }
  if (!globalThis.gc) throw new Error('needs node --expose-gc, as `npm run soak` gives it');
  return { minutes, every, rate, collect: globalThis.gc };
}

/** Starts a broker in a process that ends with this one. @returns its ports */
async function startBroker(): Promise<{ ports: Record<TransportName, number>; end: () => void }> {
  const script = new URL('../broker/cli.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import', 'tsx', script, '--port', '0', '--ws-port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.once('exit', () => child.kill());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [, tcp, ws] = await waitFor(() => /:(\d+) and ws:\S+:(\d+)\//.exec(said), {
    what: 'the broker',
    timeout: 30_000,
  });
  return { ports: { TCP: Number(tcp), WebSocket: Number(ws) }, end: () => child.kill() };
}

async function openEnd(
  transport: TransportName,
  protocolVersion: 4 | 5,
  port: number,
  name: string,
): Promise<End> {
  const proxy = await startFaultProxy(port);
  const client = await connect(urlOf(transport, proxy.port), {
    protocolVersion,
    clientId: `soak-${name}`,
    clean: false,
    reconnect: { minDelay: 10, maxDelay: 100 },
  });
  const nothing = () => ({ highest: -1, count: 0, again: 0, outOfOrder: 0 });
  const end: End = {
    client,
    proxy,
    next: { 1: 0, 2: 0 },
    got: { 1: nothing(), 2: nothing() },
    acknowledged: 0,
    rejected: 0,
  };
  await client.subscribe(`soak/${name}/+qos`, { qos: 2 }, ({ params, payload }) => {
    const got = end.got[params['qos'] === '1' ? 1 : 2];
    const index = Number(new TextDecoder().decode(payload.subarray(0, 12)));
    if (index === got.highest + 1) got.count += 1;
    else if (index <= got.highest) got.again += 1;
    else got.outOfOrder += 1;
    got.highest = Math.max(got.highest, index);
  });
  return end;
}

function publish(end: End, to: string, count: number): void {
  const underWay = end.next[1] + end.next[2] - end.acknowledged - end.rejected;
  for (let left = Math.min(count, mostUnderWay - underWay); left > 0; left--) {
    const qos = left % 2 === 0 ? 1 : 2;
    const index = end.next[qos];
    end.next[qos] += 1;
    end.client.publish(`soak/${to}/${qos}`, String(index).padStart(12, '0').padEnd(200, '.'), { qos }).then(
      () => {
        end.acknowledged += 1;
      },
      () => {
        end.rejected += 1;
      },
    );
  }
}

/** Counts what is alive, after a collection. */
function sample(minutes: number, collect: () => void): Sample {
  collect();
  const resources = process.getActiveResourcesInfo();
  const timers = resources.filter((name) => name === 'Timeout' || name === 'Immediate').length;
  // Not documented, and there is nothing else that leads to the listeners.
  const active: unknown = Reflect.get(process, '_getActiveHandles');
  const handles: unknown = typeof active === 'function' ? active.call(process) : [];
  const emitters = [process, ...(Array.isArray(handles) ? handles : [])].filter(
    (one): one is EventEmitter => one instanceof EventEmitter,
  );
  const listeners = emitters
    .flatMap((emitter) => emitter.eventNames().map((name) => emitter.listenerCount(name)))
    .reduce((sum, count) => sum + count, 0);
  return {
    minutes,
    heap: process.memoryUsage().heapUsed,
    handles: resources.length - timers,
    timers,
    listeners,
  };
}

async function main(): Promise<number> {
  let wanted: ReturnType<typeof readArguments>;
  try {
    wanted = readArguments();
  } catch (error) {
    console.error(`soak: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  let unhandled = 0;
  process.on('unhandledRejection', (reason) => {
    unhandled += 1;
    console.log('unhandled rejection:', reason);
  });
  const { ports, end: endBroker } = await startBroker();
  const left = await openEnd('TCP', 5, ports.TCP, 'left');
  const right = await openEnd('WebSocket', 4, ports.WebSocket, 'right');
  const ends = [left, right];
  const started = performance.now();
  const minutes = () => (performance.now() - started) / 60_000;
  const samples: Sample[] = [];
  let cuts = 0;
  let owed = 0;
  let lastBurst = started;

  const timers = [
    setInterval(() => {
      // By the clock, since the timer comes late on a busy machine.
      const now = performance.now();
      owed += ((now - lastBurst) / 1_000) * wanted.rate;
      lastBurst = now;
      const count = Math.floor(owed);
      owed -= count;
      publish(left, 'right', count);
      publish(right, 'left', count);
    }, burstInterval),
    setInterval(() => {
      ends[cuts % 2]?.proxy.reset();
      cuts += 1;
    }, wanted.every * 1_000),
    setInterval(() => {
      const now = sample(minutes(), wanted.collect);
      samples.push(now);
      console.log(
        `${now.minutes.toFixed(2)} min: heap ${(now.heap / 1_048_576).toFixed(2)} MiB, handles ${now.handles}, timers ${now.timers}, listeners ${now.listeners}, ${left.acknowledged + right.acknowledged} acknowledged, ${cuts} cuts`,
      );
    }, sampleInterval),
  ];
  await new Promise((resolve) => setTimeout(resolve, wanted.minutes * 60_000));
  for (const timer of timers) clearInterval(timer);

  const published = ends.reduce((sum, { next }) => sum + next[1] + next[2], 0);
  const received = () =>
    ends.reduce(
      (sum, { got }) => sum + got[1].count + got[1].outOfOrder + got[2].count + got[2].outOfOrder,
      0,
    );
  await waitFor(() => received() >= published && left.acknowledged + right.acknowledged >= published, {
    what: 'everything to arrive',
    timeout: 30_000,
  }).catch((error: unknown) => console.log(String(error)));
  const links = ends.reduce((sum, { client }) => sum + client.stats.connections, 0);
  const sum = (of: (end: End) => number) => ends.reduce((total, one) => total + of(one), 0);
  const lost = published - received();
  const doubled = sum(({ got }) => got[2].again);
  const outOfOrder = sum(({ got }) => got[1].outOfOrder + got[2].outOfOrder);
  const rejected = sum((one) => one.rejected);
  const unsettled = published - sum((one) => one.acknowledged) - rejected;
  console.log(
    `${cuts} cuts, ${links} links, ${published} messages: lost ${lost}, QoS 2 doubled ${doubled}, out of order ${outOfOrder}, rejected ${rejected}, unsettled ${unsettled}, QoS 1 again ${sum(({ got }) => got[1].again)}, unhandled rejections ${unhandled}`,
  );
  const growth = slopes(samples.slice(Math.floor(samples.length * warmUp)), ({ minutes }) => minutes);
  let isFlat = true;
  for (const [name, limit] of Object.entries(limits)) {
    const slope = growth(({ [name as keyof typeof limits]: value }) => value);
    if (!(slope <= limit)) isFlat = false;
    console.log(`${name}: ${slope >= 0 ? '+' : ''}${slope.toFixed(2)} a minute (at most ${limit})`);
  }
  for (const { client, proxy } of ends) {
    await client.close({ force: true });
    await proxy.close();
  }
  endBroker();
  const isWhole = lost + doubled + outOfOrder + rejected + unsettled + unhandled === 0;
  return isFlat && isWhole ? 0 : 1;
}

process.exitCode = await main();
