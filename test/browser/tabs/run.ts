/** Tabs that share a connection, the one that holds it is ended again and again; every message is accounted for. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from '@playwright/test';
import { type WebSocket, WebSocketServer } from 'ws';
import { connect } from '../../../src/node';
import { type Broker, startBroker } from '../../broker';
import { root } from '../../support/built-package';
import { bundlePages, distPath } from '../../support/page-bundle';
import { serveFolders } from '../../support/static-server';
import { waitFor } from '../../support/wait-for';
import { connectionName, type Order, type Report, type StoreName, sharedClientId } from './messages';

/** How the tab with the connection is ended. */
export type End = 'close' | 'crash' | 'hang';

/** What a run is made of. */
export interface TabsRun {
  readonly browser: Browser;
  /** Tabs that are open at a time. */
  readonly tabs: number;
  /** Ends of the tab with the connection, one after the other. */
  readonly ends: readonly End[];
  readonly store: StoreName;
  /** Called after each end. */
  readonly onEnd?: ((end: End, milliseconds: number) => void) | undefined;
}

/** How it came out. */
export interface TabsVerdict {
  /** Milliseconds from each end until messages flowed both ways again. */
  readonly takeovers: readonly number[];
  /** Messages that tabs know to be acknowledged, and how many of them did not arrive; what arrived twice, by QoS. */
  readonly up: Count;
  /** Messages to the tabs, counted for each that was there; the same. */
  readonly down: Count;
  /** Clients that the broker knows, without the observer. */
  readonly clients: readonly string[];
  /** Connections that were made. */
  readonly connections: number;
  readonly troubles: readonly string[];
}

/** Messages of both QoS. */
export interface Count {
  readonly messages: number;
  readonly lost: readonly string[];
  readonly doubled1: readonly string[];
  readonly doubled2: readonly string[];
}

/** Milliseconds for a step on a busy machine. */
const patience = 30_000;

/** Between two messages to the tabs, in milliseconds. */
const pace = 20;

/** How long a tab hangs: longer than it is waited for, in milliseconds. */
const hangTime = 8_000;

/** One tab, and what it has told. */
interface Tab {
  readonly page: Page;
  readonly socket: WebSocket;
  readonly number: number;
  lockClient: string;
  /** Index of the first message that it must get; undefined until it is subscribed. */
  from: number | undefined;
  readonly got: string[];
  isDone: boolean;
  hasEnded: boolean;
  /** It missed what came while it did not answer. */
  hasHung: boolean;
}

/** Runs it. */
export async function runTabs(run: TabsRun): Promise<TabsVerdict> {
  const broker = await startBroker({ logSize: 100_000, sysInterval: 0 });
  const files = ['page.ts', 'page.html'].map((name) => fileURLToPath(new URL(name, import.meta.url)));
  const pages = await bundlePages(files.slice(0, 1), files.slice(1));
  const server = await serveFolders({ '/': pages.folder, [distPath]: join(root, 'dist') });
  const control = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(control, 'listening');
  const { port } = control.address() as AddressInfo;
  const url = `${server.url}/page.html?${encodeURIComponent(`ws://127.0.0.1:${port}`)}`;
  const context = await run.browser.newContext();
  const observer = await connect(broker.url, { clientId: 'observer' });
  const scene = new Scene(run, broker, context, control, url);
  try {
    await observer.subscribe('up/#', { qos: 2 }, (message) => {
      scene.arrivals.push(message.text());
    });
    return await scene.play();
  } finally {
    scene.stopSending();
    await context.close();
    await observer.close({ force: true });
    for (const client of control.clients) client.terminate();
    control.close();
    await server.close();
    await broker.close();
    pages.remove();
  }
}

class Scene {
  /** What arrived at the observer. */
  readonly arrivals: string[] = [];
  readonly #run: TabsRun;
  readonly #broker: Broker;
  readonly #context: BrowserContext;
  readonly #control: WebSocketServer;
  readonly #url: string;
  readonly #tabs: Tab[] = [];
  readonly #accepted = new Set<string>();
  readonly #sent: string[] = [];
  readonly #troubles: string[] = [];
  readonly #takeovers: number[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(run: TabsRun, broker: Broker, context: BrowserContext, control: WebSocketServer, url: string) {
    this.#run = run;
    this.#broker = broker;
    this.#context = context;
    this.#control = control;
    this.#url = url;
  }

  async play(): Promise<TabsVerdict> {
    const { tabs, ends, onEnd } = this.#run;
    for (let index = 0; index < tabs; index += 1) await this.#open();
    this.#timer = setInterval(() => this.#send(), pace);
    for (const end of ends) {
      await this.#flow();
      const time = await this.#end(end);
      this.#takeovers.push(time);
      onEnd?.(end, time);
      if (end !== 'hang') await this.#open();
    }
    await this.#flow();
    await this.#finish();
    return this.#verdict();
  }

  stopSending(): void {
    clearInterval(this.#timer);
  }

  get #living(): Tab[] {
    return this.#tabs.filter(({ hasEnded }) => !hasEnded);
  }

  async #open(): Promise<void> {
    const page = await this.#context.newPage();
    const connected = once(this.#control, 'connection') as Promise<[WebSocket]>;
    await page.goto(this.#url, { waitUntil: 'commit' });
    const [socket] = await connected;
    const tab: Tab = {
      page,
      socket,
      number: this.#tabs.length + 1,
      lockClient: '',
      from: undefined,
      got: [],
      isDone: false,
      hasEnded: false,
      hasHung: false,
    };
    this.#tabs.push(tab);
    page.on('pageerror', (error) => this.#troubles.push(`tab ${tab.number}: ${error.message}`));
    page.on('crash', () => {
      if (!tab.hasEnded) this.#troubles.push(`tab ${tab.number} crashed with another one`);
      tab.hasEnded = true;
    });
    socket.on('error', () => undefined);
    socket.on('message', (data) => this.#report(tab, JSON.parse(String(data)) as Report));
    this.#order(tab, {
      type: 'welcome',
      page: tab.number,
      brokerUrl: this.#broker.wsUrl,
      store: this.#run.store,
    });
    await waitFor(() => tab.from !== undefined, {
      what: `tab ${tab.number} to start; troubles: ${this.#troubles.join('; ')}`,
      timeout: patience,
    });
  }

  #order(tab: Tab, order: Order): void {
    tab.socket.send(JSON.stringify(order));
  }

  #report(tab: Tab, report: Report): void {
    switch (report.type) {
      case 'started':
        tab.lockClient = report.lockClient;
        tab.from = this.#sent.length;
        break;
      case 'accepted':
        this.#accepted.add(report.id);
        break;
      case 'got':
        tab.got.push(report.id);
        break;
      case 'trouble':
        if (!tab.hasEnded) this.#troubles.push(`tab ${tab.number}: ${report.reason}`);
        break;
      case 'done':
        tab.isDone = true;
        break;
    }
  }

  #send(): void {
    const index = this.#sent.length + 1;
    const qos = index % 2 === 0 ? 2 : 1;
    const id = `down-${index}-${qos}`;
    this.#sent.push(id);
    this.#broker.publish(`down/${qos}`, id, { qos });
  }

  /** Waits until messages flow both ways. */
  async #flow(): Promise<void> {
    const arrived = this.arrivals.length;
    const got = this.#living.map((tab) => tab.got.length);
    await waitFor(
      () =>
        this.arrivals.length > arrived + 20 &&
        this.#living.every((tab, index) => tab.got.length > (got[index] ?? 0) + 5),
      { what: `messages to flow; troubles: ${this.#troubles.join('; ')}`, timeout: patience },
    );
  }

  /** Ends the tab with the connection. @returns milliseconds until messages flow again */
  async #end(end: End): Promise<number> {
    const owner = await this.#owner();
    const { log } = this.#broker;
    const last = Math.max(0, ...log.entries.map(({ connection }) => connection));
    const isNew = ({ clientId, connection }: { clientId: string; connection: number }) =>
      clientId === sharedClientId && connection > last;
    const begun = performance.now();
    owner.hasEnded = end !== 'hang';
    owner.hasHung ||= end === 'hang';
    if (end === 'crash') {
      const session = await this.#context.newCDPSession(owner.page);
      // Nobody is left to answer it.
      session.send('Page.crash').catch(() => undefined);
    } else if (end === 'close') {
      await owner.page.close();
    } else {
      // It answers when it is over.
      owner.page.evaluate(
        (time) => (globalThis as never as { hang(time: number): void }).hang(time),
        hangTime,
      );
    }
    await Promise.all([
      log.waitFor((entry) => isNew(entry) && entry.direction === 'in' && entry.packet.type === 'publish', {
        timeout: patience,
      }),
      log.waitFor(
        (entry) =>
          isNew(entry) &&
          entry.direction === 'in' &&
          (entry.packet.type === 'puback' || entry.packet.type === 'pubrec'),
        { timeout: patience },
      ),
    ]);
    const time = performance.now() - begun;
    if (end === 'crash') await owner.page.close();
    return time;
  }

  async #owner(): Promise<Tab> {
    const [first] = this.#living;
    const clientId = await first?.page.evaluate(
      async (name) => {
        const { held = [] } = await navigator.locks.query();
        return held.find((lock) => lock.name === name)?.clientId;
      },
      `mqtide shared ${JSON.stringify(connectionName)}`,
    );
    const owner = this.#living.find(({ lockClient }) => lockClient === clientId);
    if (!owner) throw new Error(`No tab holds the connection; troubles: ${this.#troubles.join('; ')}`);
    return owner;
  }

  /** Has the tabs stop, and waits until everything has arrived; what has not by then counts as lost. */
  async #finish(): Promise<void> {
    this.stopSending();
    for (const tab of this.#living) this.#order(tab, { type: 'stop' });
    const hopes = {
      'the tabs to be done': () => this.#living.every(({ isDone }) => isDone),
      'what was acknowledged to arrive': () => {
        const arrived = new Set(this.arrivals);
        return [...this.#accepted].every((id) => arrived.has(id));
      },
      'every tab to have every message': () =>
        this.#living.every((tab) => lostBy(tab, this.#sent).length === 0),
    };
    for (const [what, condition] of Object.entries(hopes))
      await waitFor(condition, { what, timeout: patience }).catch((error: Error) =>
        this.#troubles.push(error.message),
      );
  }

  #verdict(): TabsVerdict {
    const arrived = new Set(this.arrivals);
    const lost = [...this.#accepted].filter((id) => !arrived.has(id));
    const doubled = doublesOf(this.arrivals);
    const doubledDown = this.#tabs.flatMap(({ number, got }) =>
      doublesOf(got).map((id) => `${id} tab ${number}`),
    );
    const { sessions } = this.#broker.core;
    const connects = this.#broker.log.filter(
      ({ clientId, direction, packet }) =>
        clientId === sharedClientId && direction === 'out' && packet.type === 'connack',
    );
    return {
      takeovers: this.#takeovers,
      up: {
        messages: this.#accepted.size,
        lost,
        doubled1: doubled.filter((id) => id.endsWith('-1')),
        doubled2: doubled.filter((id) => id.endsWith('-2')),
      },
      down: {
        messages: this.#tabs.reduce((sum, { got }) => sum + new Set(got).size, 0),
        lost: this.#living.flatMap((tab) => lostBy(tab, this.#sent).map((id) => `${id} tab ${tab.number}`)),
        doubled1: doubledDown.filter((id) => id.includes('-1 ')),
        doubled2: doubledDown.filter((id) => id.includes('-2 ')),
      },
      clients: [...sessions.keys()].filter((id) => id !== 'observer'),
      connections: connects.length,
      troubles: [...this.#troubles, ...this.#broker.errors.map(String)],
    };
  }
}

function doublesOf(ids: readonly string[]): string[] {
  const seen = new Set<string>();
  return ids.filter((id) => seen.has(id) || !seen.add(id));
}

function lostBy({ from, got, hasHung }: Tab, sent: readonly string[]): string[] {
  if (hasHung) return [];
  const had = new Set(got);
  return sent.slice(from).filter((id) => !had.has(id));
}

/** What a run showed, in words. */
export function describeTabs({ takeovers, up, down, clients, connections, troubles }: TabsVerdict): string {
  const sorted = [...takeovers].sort((a, b) => a - b);
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN);
  const line = (what: string, { messages, lost, doubled1, doubled2 }: Count) =>
    `${what}: ${messages} messages, lost ${lost.length}, doubled QoS 1 ${doubled1.length}, QoS 2 ${doubled2.length}${[...lost.slice(0, 5), ...doubled2.slice(0, 5)].map((id) => ` ${id}`)}`;
  return [
    `takeovers: ${sorted.length}, median ${at(0.5)} ms, 95th percentile ${at(0.95)} ms, longest ${at(1)} ms`,
    line('from the tabs', up),
    line('to the tabs', down),
    `clients that the broker saw: ${clients.join(', ')}, connections: ${connections}`,
    ...troubles.map((trouble) => `trouble: ${trouble}`),
  ].join('\n');
}

/** Whether nothing went wrong. */
export function isFlawless({ up, down, clients, troubles }: TabsVerdict): boolean {
  const wrong = [up, down].flatMap(({ lost, doubled2 }) => [...lost, ...doubled2]);
  return wrong.length === 0 && troubles.length === 0 && clients.join() === sharedClientId;
}
