/**
 * A page with a client that publishes numbers and collects those that come. What a test needs of it are calls of
 * `tab`, with arguments and results that any driver can carry.
 */

import { type Client, type ClientOptions, connect } from 'mqtide';
import { workerClock } from 'mqtide/clock';
import type { TabReport } from './tab-report';

let client: Client;
let timer: ReturnType<typeof setInterval> | undefined;
const waiting: Promise<unknown>[] = [];
/** Made once: a page out of the back/forward cache has the same. */
const born = performance.timeOrigin + performance.now();
const report: TabReport = {
  born,
  hidden: false,
  status: 'idle',
  accepted: [[], []],
  received: [[], []],
  rejected: [],
  delays: [],
  ends: [],
  signs: [],
  ticks: 0,
};

setInterval(() => {
  report.ticks += 1;
}, 1_000);

const signs = ['visibilitychange', 'pageshow', 'resume', 'freeze', 'online', 'offline'];

/** What tests call. */
const tab = {
  /** Connects; the page's client goes by the name. */
  async open(url: string, name: string, options: ClientOptions, clockUrl?: string): Promise<void> {
    const clock = clockUrl === undefined ? undefined : workerClock(new Worker(clockUrl));
    client = await connect(url, { ...options, clientId: name, clock });
    client.on('reconnecting', ({ delay }) => report.delays.push(delay));
    client.on('disconnect', ({ error }) => report.ends.push(error?.code ?? 'none'));
    client.on('connect', () => report.signs.push(['connect', Date.now()]));
    for (const type of signs) {
      const note = () => report.signs.push([`${type} ${document.visibilityState}`, Date.now()]);
      addEventListener(type, note, true);
    }
    await client.subscribe('down/+qos', { qos: 2 }, (message) => {
      report.received[message.params.qos === '1' ? 0 : 1]?.push(Number(message.text()));
    });
  },

  /** Publishes numbers at QoS 1 and 2 until `stop`, every so many milliseconds. */
  start(every: number): void {
    let number = 0;
    timer = setInterval(() => {
      number += 1;
      for (const qos of [1, 2] as const) {
        const own = number;
        const accepted = () => report.accepted[qos - 1]?.push(own);
        const refused = (error: Error) => report.rejected.push(`${qos} ${own}: ${error.message}`);
        waiting.push(client.publish(`up/${qos}`, String(own), { qos }).then(accepted, refused));
      }
    }, every);
  },

  /** Ends that, and waits until everything is settled. */
  async stop(): Promise<void> {
    clearInterval(timer);
    await Promise.all(waiting);
  },

  /** Moves the wall clock on, as a sleep does to the monotonic one's disadvantage. */
  sleep(milliseconds: number): void {
    const wall = Date.now;
    Date.now = () => wall() + milliseconds;
  },

  report: (): TabReport => ({
    ...report,
    hidden: document.visibilityState === 'hidden',
    status: client.status.type,
  }),
};

/** Type of the global `tab`. */
export type Tab = typeof tab;

Object.assign(globalThis, { tab });
