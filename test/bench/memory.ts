/** What is left in memory after a million messages. */

import { openPages, PeerPage } from './pages';
import { Runner } from './peer-runner';
import { type Bench, type Table, verdict } from './report';
import { startSink } from './sink-process';
import type { Work } from './work';

/** Messages of one kind in one go. */
const portion = 25_000;

const works: readonly Work[] = [
  { kind: 'publish', qos: 0, size: 20, count: portion },
  { kind: 'publish', qos: 1, size: 20, count: portion },
  { kind: 'receive', qos: 0, size: 20, count: portion, framing: 'batched' },
  { kind: 'receive', qos: 1, size: 20, count: portion, framing: 'batched' },
];

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;

interface Found {
  readonly peer: string;
  readonly before: number;
  readonly after: number;
}

const peers = ['mqtide', 'MQTT.js'] as const;

/** Works, and weighs what is left of it. */
async function weigh(
  peer: string,
  run: (work: Work) => Promise<unknown>,
  heap: () => Promise<number>,
): Promise<Found> {
  const round = async (count: number): Promise<number> => {
    for (let done = 0; done < count; done += works.length * portion)
      for (const work of works) await run(work);
    return heap();
  };
  return { peer, before: await round(100_000), after: await round(1_000_000) };
}

async function nodeMemory(): Promise<Found[]> {
  const sink = await startSink();
  const found: Found[] = [];
  try {
    for (const peer of peers) {
      const runner = new Runner();
      await runner.ask({ type: 'connect', peer, url: `mqtt://127.0.0.1:${sink.ports.tcp}` });
      const heap = async () => (await runner.ask<'heap'>({ type: 'heap' })).bytes;
      found.push(await weigh(peer, (work) => runner.ask({ type: 'work', work }), heap));
      runner.close();
    }
  } finally {
    sink.close();
  }
  return found;
}

async function pageMemory(): Promise<Found[]> {
  const pages = await openPages();
  if (!pages) return [];
  const { browser, sink, server } = pages;
  const found: Found[] = [];
  try {
    for (const peer of peers) {
      const page = await PeerPage.open(browser, `${server.url}/index.html`);
      await page.connect(peer, `ws://127.0.0.1:${sink.ports.webSocket}/`);
      found.push(
        await weigh(
          peer,
          (work) => page.work(work),
          () => page.heap(),
        ),
      );
      await page.close();
    }
  } finally {
    await pages.close();
  }
  return found;
}

function table(where: string, over: string, found: readonly Found[]): Table {
  return {
    title: `Memory in ${where}`,
    about: `Heap and buffers after garbage collection, over ${over}: after a first 100,000 messages, and what a million more add (published and received, QoS 0 and 1).`,
    head: ['peer', 'after 100,000', 'added by a million', 'flat'],
    rows: found.map(({ peer, before, after }) => [
      peer,
      mebibytes(before),
      mebibytes(after - before),
      verdict(after - before < 2 ** 20),
    ]),
  };
}

/** The memory bench. */
export const memoryBench: Bench = async () => [
  table('Node', 'TCP', await nodeMemory()),
  table('Chromium', 'WebSocket', await pageMemory()),
];
