/** What is left in memory after a million messages. */

import { nodeMemory } from './node';
import { openPages, PeerPage } from './pages';
import { type Bench, type Table, verdict } from './report';
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

/** What `work` leaves in a page. */
async function pageMemory(): Promise<Found[]> {
  const pages = await openPages();
  if (!pages) return [];
  const { browser, sink, server } = pages;
  const found: Found[] = [];
  try {
    for (const peer of ['mqtide', 'MQTT.js'] as const) {
      const page = await PeerPage.open(browser, `${server.url}/index.html`);
      await page.connect(peer, `ws://127.0.0.1:${sink.ports.webSocket}/`);
      const round = async (count: number): Promise<number> => {
        for (let done = 0; done < count; done += 4 * portion) for (const work of works) await page.work(work);
        return page.heap();
      };
      found.push({ peer, before: await round(100_000), after: await round(1_000_000) });
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
