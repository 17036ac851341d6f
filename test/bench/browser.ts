/** The same work in Chromium, over WebSocket; and what loading the script costs. */

import { readFileSync } from 'node:fs';
import type { Browser, BrowserContext } from '@playwright/test';
import { root } from '../support/built-package';
import { calibrated } from './calibrate';
import type { PagePeer } from './page';
import { openPages, PeerPage } from './pages';
import { type Bench, type Table, verdict } from './report';
import type { Sink } from './sink-process';
import { amount, geometricMean, ratio, type Spread, spreadOf, withSpread } from './statistics';
import type { Work } from './work';

interface Row {
  readonly name: string;
  readonly work: Work;
  readonly overMqttJs?: number;
  readonly ofRaw?: number;
  /** Main-thread time a message, at most this share of the bare socket's. */
  readonly busyOverRaw?: number;
}

const rows: readonly Row[] = [
  { name: 'publish QoS 0', work: { kind: 'publish', qos: 0, size: 20, count: 20_000 }, overMqttJs: 3 },
  { name: 'publish QoS 1', work: { kind: 'publish', qos: 1, size: 20, count: 20_000 }, overMqttJs: 20 },
  { name: 'publish QoS 2', work: { kind: 'publish', qos: 2, size: 20, count: 10_000 }, overMqttJs: 20 },
  {
    name: 'receive batched 20 B',
    work: { kind: 'receive', qos: 0, size: 20, count: 100_000, framing: 'batched' },
    overMqttJs: 10,
    ofRaw: 0.6,
  },
  {
    name: 'receive batched 1 KiB',
    work: { kind: 'receive', qos: 0, size: 1_024, count: 20_000, framing: 'batched' },
    overMqttJs: 10,
    ofRaw: 0.6,
  },
  {
    name: 'receive one a frame',
    work: { kind: 'receive', qos: 0, size: 20, count: 20_000, framing: 'single' },
    busyOverRaw: 1.1,
  },
  {
    name: 'receive QoS 1, handled',
    work: { kind: 'receive', qos: 1, size: 20, count: 20_000, framing: 'batched' },
  },
];

const peers: readonly PagePeer[] = ['mqtide', 'MQTT.js', 'paho', 'u8-mqtt', 'raw'];

interface Samples {
  readonly perSecond: number[];
  /** Microseconds of the main thread a message. */
  readonly busy: number[];
  /** Milliseconds of a round trip. */
  readonly trip: number[];
}

async function measure(
  browser: Pick<Browser | BrowserContext, 'newPage'>,
  pageUrl: string,
  sink: Sink,
  row: Row,
  rounds: number,
  who: readonly PagePeer[] = peers,
): Promise<Map<PagePeer, Samples>> {
  const found = new Map<PagePeer, Samples>();
  const pages = new Map<PagePeer, PeerPage>();
  for (const peer of who) {
    const page = await PeerPage.open(browser, pageUrl);
    await page.connect(peer, `ws://127.0.0.1:${sink.ports.webSocket}/`);
    pages.set(peer, page);
  }
  await sink.counts();
  const run = async (page: PeerPage, work: Work) => {
    const done = await page.work(work);
    const counts = await sink.counts();
    if (work.kind !== 'receive' && counts.messages !== work.count)
      throw new Error(`${counts.messages} of ${work.count} messages came`);
    return done;
  };
  const works = new Map<PagePeer, Work>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const [peer, page] of pages) {
      try {
        if (round === 0) {
          const least: Work =
            // Paho writes a frame a message and stalls on itself: a tenth tells enough.
            peer === 'paho' ? { ...row.work, count: Math.ceil(row.work.count / 10) } : row.work;
          works.set(peer, await calibrated(least, async (work) => (await run(page, work)).measured));
          continue;
        }
        const work = works.get(peer) ?? row.work;
        const { measured, busy } = await run(page, work);
        const samples = found.get(peer) ?? { perSecond: [], busy: [], trip: [] };
        samples.perSecond.push((work.count / measured.milliseconds) * 1_000);
        samples.busy.push((busy / work.count) * 1e6);
        samples.trip.push(measured.median ?? 0);
        found.set(peer, samples);
      } catch (error) {
        pages.delete(peer);
        await page.close();
        console.log(`  ${peer} is left out of "${row.name}": ${String(error).split('\n')[0]}`);
      }
    }
  }
  for (const page of pages.values()) await page.close();
  return found;
}

/** Messages stored a second, without a connection; closes the page. */
async function storing(page: PeerPage, rounds: number): Promise<string[][]> {
  const count = 10_000;
  const goal = 5_000;
  const rates: number[] = [];
  // The first one warms up.
  for (let round = 0; round <= rounds; round += 1) rates.push((count / (await page.store(count))) * 1_000);
  await page.close();
  const rate = spreadOf(rates.slice(1));
  return [["publish QoS 1, until: 'stored'", withSpread(rate), amount(goal), verdict(rate.median >= goal)]];
}

/** Milliseconds to parse and evaluate classic scripts, in turns, each in new pages so that nothing is cached. */
async function evaluation<Name extends string>(
  browser: Browser,
  url: string,
  texts: Readonly<Record<Name, string>>,
  rounds: number,
): Promise<(name: Name) => Spread> {
  const times = new Map<string, number[]>();
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, text] of Object.entries<string>(texts)) {
      const page = await browser.newPage();
      await page.goto(url);
      const time = await page.evaluate((code) => {
        const script = document.createElement('script');
        // Another text each time: no cache of compiled code knows it.
        script.textContent = `${code}\n// ${Math.random()}`;
        const start = performance.now();
        document.head.append(script);
        return performance.now() - start;
      }, text);
      times.set(name, [...(times.get(name) ?? []), time]);
      await page.close();
    }
  }
  return (name) => spreadOf(times.get(name) ?? []);
}

/** The benches in Chromium. */
export const browserBench: Bench = async (rounds) => {
  const pages = await openPages();
  if (!pages) return [];
  const { browser, sink, server } = pages;
  const table: string[][] = [];
  const overAll: number[] = [];
  try {
    for (const row of rows) {
      const samples = await measure(browser, `${server.url}/index.html`, sink, row, rounds);
      const rate = (peer: PagePeer) => spreadOf(samples.get(peer)?.perSecond ?? []);
      const busy = (peer: PagePeer) => spreadOf(samples.get(peer)?.busy ?? []).median;
      const over = rate('mqtide').median / rate('MQTT.js').median;
      const share = rate('mqtide').median / rate('raw').median;
      const busyShare = busy('mqtide') / busy('raw');
      overAll.push(over);
      const goals = [
        row.overMqttJs === undefined ? undefined : over >= row.overMqttJs,
        row.ofRaw === undefined ? undefined : share >= row.ofRaw,
        row.busyOverRaw === undefined ? undefined : busyShare <= row.busyOverRaw,
      ].filter((goal) => goal !== undefined);
      table.push([
        row.name,
        ...peers.map((peer) => (samples.has(peer) ? withSpread(rate(peer)) : 'cannot')),
        ratio(over),
        `${(share * 100).toFixed(0)} %`,
        peers.map((peer) => (samples.has(peer) ? busy(peer).toFixed(1) : '-')).join(' / '),
        [
          row.overMqttJs === undefined ? '' : `${row.overMqttJs}x`,
          row.ofRaw === undefined ? '' : `${row.ofRaw * 100} %`,
          row.busyOverRaw === undefined ? '' : `busy ${row.busyOverRaw}x raw`,
        ]
          .filter(Boolean)
          .join(', '),
        goals.length === 0 ? '' : verdict(goals.every(Boolean)),
      ]);
      console.log(`  ${row.name}: ${amount(rate('mqtide').median)} a second, ${ratio(over)} MQTT.js`);
    }
    const profile = await pages.profile();
    const stored = await storing(await PeerPage.open(profile, `${server.url}/index.html`), rounds);
    for (const qos of [1, 2] as const) {
      const name = `publish QoS ${qos}: stored, acknowledged, removed`;
      const work: Work = { kind: 'publish', qos, size: 20, count: 5_000 };
      const found = await measure(profile, `${server.url}/index.html`, sink, { name, work }, rounds, [
        'mqtide, stored',
      ]);
      stored.push([name, withSpread(spreadOf(found.get('mqtide, stored')?.perSecond ?? [])), '', '']);
    }
    const trips = await measure(
      browser,
      `${server.url}/index.html`,
      sink,
      { name: 'round trip', work: { kind: 'round-trip', size: 20, count: 1_000 } },
      rounds,
    );
    const micros = (peer: PagePeer) => spreadOf((trips.get(peer)?.trip ?? []).map((value) => value * 1_000));
    const trip = micros('mqtide').median / micros('raw').median;
    const loading = await evaluation(
      browser,
      `${server.url}/empty.html`,
      {
        empty: '',
        ours: readFileSync(`${root}/dist/mqtide.min.js`, 'utf8'),
        theirs: readFileSync(`${root}/node_modules/mqtt/dist/mqtt.min.js`, 'utf8'),
      },
      rounds * 3,
    );
    const empty = loading('empty').median;
    const tables: Table[] = [
      {
        title: 'Chromium: messages a second over WebSocket',
        about: `Median of ${rounds} rounds (lowest to highest), MQTT 3.1.1, built files, each peer in a page of its own; warmed up for three seconds, a second a sample. "busy" is main-thread time a message in microseconds, in the order of the columns. Geometric mean over MQTT.js: ${ratio(geometricMean(overAll))}.`,
        head: ['work', ...peers, 'over MQTT.js', 'of raw', 'busy', 'goal', 'reached'],
        rows: table,
      },
      {
        title: 'Chromium: messages a second with the IndexedDB store',
        about: `Median of ${rounds} rounds (lowest to highest), 500 publishes of 20 bytes a turn, in a profile on the disk.`,
        head: ['work', 'mqtide', 'goal', 'reached'],
        rows: stored,
      },
      {
        title: 'Chromium: round trip and start',
        about:
          'Round trip of a QoS 1 publish in microseconds (median of each round); parsing and evaluating the script within a page in milliseconds, in new pages and in turns, over an empty script.',
        head: ['what', 'mqtide', 'MQTT.js', 'raw', 'goal', 'reached'],
        rows: [
          [
            'round trip',
            withSpread(micros('mqtide'), (value) => value.toFixed(0)),
            withSpread(micros('MQTT.js'), (value) => value.toFixed(0)),
            withSpread(micros('raw'), (value) => value.toFixed(0)),
            '1.15x raw',
            verdict(trip <= 1.15),
          ],
          [
            'parse and evaluate',
            withSpread(loading('ours'), (value) => (value - empty).toFixed(1)),
            withSpread(loading('theirs'), (value) => (value - empty).toFixed(1)),
            '',
            '3 ms',
            verdict(loading('ours').median - empty <= 3),
          ],
        ],
      },
    ];
    return tables;
  } finally {
    await pages.close();
  }
};
