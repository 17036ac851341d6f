/** A tab with a client that talks through a proxy to a broker, and another client that talks to it. */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from '@playwright/test';
import type { Client, ClientOptions } from '../../../src/index';
import { connect } from '../../../src/node';
import { type Broker, startBroker } from '../../broker/broker';
import { root } from '../../support/built-package';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy';
import { bundlePages, distPath, type PageBundle } from '../../support/page-bundle';
import { type StaticServer, serveFolders } from '../../support/static-server';
import { waitFor } from '../../support/wait-for';
import type { Tab } from './page';
import type { TabReport } from './tab-report';

/** Milliseconds for a step on a busy machine. */
const patience = 30_000;

/** Client identifier of the tab. */
export const tabName = 'tab';

/** Where the worker of a clock is. */
export const clockUrl = `${distPath}/clock-worker.js`;

/** Numbers that one side has sent and the other has. */
export interface Traffic {
  /** Sent and not arrived. */
  readonly lost: number;
  /** Arrived more than once. */
  readonly twice: number;
  readonly arrived: number;
}

/** What pages are served from, and whom they talk to. */
export class TabHouse {
  readonly broker: Broker;
  readonly proxy: FaultProxy;
  readonly #pages: PageBundle;
  readonly #server: StaticServer;

  private constructor(broker: Broker, proxy: FaultProxy, pages: PageBundle, server: StaticServer) {
    this.broker = broker;
    this.proxy = proxy;
    this.#pages = pages;
    this.#server = server;
  }

  static async open(): Promise<TabHouse> {
    const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
    const broker = await startBroker({ logSize: 1_000_000, sysInterval: 0 });
    const proxy = await startFaultProxy(broker.wsPort);
    const pages = await bundlePages([here('page.ts')], [here('page.html'), here('other.html')]);
    const server = await serveFolders({ '/': pages.folder, [distPath]: join(root, 'dist') });
    return new TabHouse(broker, proxy, pages, server);
  }

  urlOf(name: 'page.html' | 'other.html'): string {
    return `${this.#server.url}/${name}`;
  }

  /** What the broker got from the tab. */
  packets(type: 'pingreq' | 'disconnect' | 'connect') {
    return [...this.broker.log].filter(
      ({ clientId, direction, packet }) => clientId === tabName && direction === 'in' && packet.type === type,
    );
  }

  async close(): Promise<void> {
    await this.#server.close();
    await this.proxy.close();
    await this.broker.close();
    this.#pages.remove();
  }
}

/** The tab and its witness. */
export class WitnessedTab {
  page: Page;
  readonly #peer: Client;
  readonly #house: TabHouse;
  readonly #arrived: [number[], number[]] = [[], []];
  readonly #sent: [number[], number[]] = [[], []];
  #timer: NodeJS.Timeout | undefined;

  private constructor(page: Page, house: TabHouse, peer: Client) {
    this.page = page;
    this.#house = house;
    this.#peer = peer;
  }

  /** Connects the page's client, and the witness. */
  static async open(page: Page, house: TabHouse, options: ClientOptions = {}, clock?: string) {
    const peer = await connect(house.broker.url, { clientId: 'witness' });
    const witnessed = new WitnessedTab(page, house, peer);
    await peer.subscribe('up/+qos', { qos: 2 }, (message) => {
      witnessed.#arrived[message.params.qos === '1' ? 0 : 1].push(Number(message.text()));
    });
    const url = `ws://127.0.0.1:${house.proxy.port}/mqtt`;
    await page.waitForFunction(() => 'tab' in globalThis);
    await page.evaluate(
      ([address, name, given, worker]) =>
        (globalThis as unknown as { tab: Tab }).tab.open(address, name, given, worker),
      [url, tabName, options, clock] as const,
    );
    return witnessed;
  }

  report(): Promise<TabReport> {
    return this.page.evaluate(() => (globalThis as unknown as { tab: Tab }).tab.report());
  }

  /** Moves the page's wall clock on. */
  sleep(milliseconds: number): Promise<void> {
    return this.page.evaluate(
      (time) => (globalThis as unknown as { tab: Tab }).tab.sleep(time),
      milliseconds,
    );
  }

  /** Waits until the page tells something of itself. */
  async until(what: string, holds: (report: TabReport) => boolean): Promise<TabReport> {
    return waitFor(
      async () => {
        const report = await this.report();
        return holds(report) && report;
      },
      { what, timeout: patience },
    );
  }

  /** Both sides begin to publish, every so many milliseconds. */
  async start(interval = 100): Promise<void> {
    let number = 0;
    this.#timer = setInterval(() => {
      number += 1;
      for (const qos of [1, 2] as const) {
        const own = number;
        const accepted = () => this.#sent[qos - 1]?.push(own);
        this.#peer.publish(`down/${qos}`, String(own), { qos }).then(accepted, () => undefined);
      }
    }, interval);
    await this.page.evaluate((every) => (globalThis as unknown as { tab: Tab }).tab.start(every), interval);
  }

  /** How many messages of the witness the broker has. */
  get sent(): number {
    return this.#sent[0].length;
  }

  /** Both sides end that; then everything that is on its way arrives. @returns traffic by direction and QoS */
  async stop(): Promise<Record<'up1' | 'up2' | 'down1' | 'down2', Traffic>> {
    clearInterval(this.#timer);
    await this.page.evaluate(() => (globalThis as unknown as { tab: Tab }).tab.stop());
    const report = await waitFor(
      async () => {
        const now = await this.report();
        const missing = [0, 1].some(
          (index) =>
            lost(this.#sent[index], now.received[index]) + lost(now.accepted[index], this.#arrived[index]) >
            0,
        );
        return !missing && now;
      },
      { what: 'everything to arrive', timeout: patience },
    ).catch(() => this.report());
    return {
      up1: traffic(report.accepted[0], this.#arrived[0]),
      up2: traffic(report.accepted[1], this.#arrived[1]),
      down1: traffic(this.#sent[0], report.received[0]),
      down2: traffic(this.#sent[1], report.received[1]),
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#peer.close({ force: true });
    await this.page.close();
    this.#house.broker.log.clear();
  }
}

function lost(sent: readonly number[] = [], arrived: readonly number[] = []): number {
  const known = new Set(arrived);
  return sent.filter((number) => !known.has(number)).length;
}

function traffic(sent: readonly number[], arrived: readonly number[]): Traffic {
  return {
    lost: lost(sent, arrived),
    twice: arrived.length - new Set(arrived).size,
    arrived: arrived.length,
  };
}
