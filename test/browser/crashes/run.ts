/** Runs a page through its faults, with the broker of the tests and another client as witnesses. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type WebSocket, WebSocketServer } from 'ws';
import { connect } from '../../../src/node';
import { type Broker, startBroker } from '../../broker/broker';
import type { FoundBrowser } from '../../support/browsers';
import { root } from '../../support/built-package';
import { bundlePages, distPath } from '../../support/page-bundle';
import { serveFolders } from '../../support/static-server';
import { waitFor } from '../../support/wait-for';
import { CrashableBrowser } from './crashable-browser';
import { idOf, type Order, pageClientId, type Report, type StoreName } from './messages';
import type { PlannedFault } from './plan';
import { type Delivery, judge, type Verdict } from './verdict';

/** Milliseconds for a step, the start of a browser on a busy machine among them. */
const patience = 30_000;

/** Messages for the page that are not handled yet. */
const inboundWindow = 10;

/** Behind everything else that goes to the observer. */
const marker = 'end';

/** What a run is made of. */
export interface CrashRun {
  readonly browser: FoundBrowser;
  readonly faults: readonly PlannedFault[];
  readonly protocolVersion: 4 | 5;
  readonly store: StoreName;
  /** Called with each fault that was made. */
  readonly onFault?: ((fault: PlannedFault, done: number) => void) | undefined;
}

/** Runs it. */
export async function runCrashes(run: CrashRun): Promise<Verdict> {
  const broker = await startBroker({ logSize: 1_000_000, sysInterval: 0 });
  const pages = await bundlePages(
    [fileURLToPath(new URL('page.ts', import.meta.url))],
    [fileURLToPath(new URL('page.html', import.meta.url))],
  );
  const server = await serveFolders({ '/': pages.folder, [distPath]: join(root, 'dist') });
  const control = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(control, 'listening');
  const witness = new Witness(broker, run, control);
  const { port } = control.address() as AddressInfo;
  const address = encodeURIComponent(`ws://127.0.0.1:${port}`);
  const browser = new CrashableBrowser(run.browser, `${server.url}/page.html?${address}`);
  const observer = await connect(broker.url, { clientId: 'observer' });
  try {
    await observer.subscribe('up/#', { qos: 2 }, (message) => witness.arrived(message.text()));
    await browser.start();
    for (const [index, fault] of run.faults.entries()) {
      await witness.reports(fault);
      const before = witness.pages;
      await browser[fault.kind]();
      await waitFor(() => witness.pages > before, {
        what: `the page after a ${fault.kind}`,
        timeout: patience,
      });
      witness.readLog();
      run.onFault?.(fault, index + 1);
    }
    await witness.finish();
    return witness.verdict();
  } finally {
    await browser.close();
    await observer.close({ force: true });
    for (const client of control.clients) client.terminate();
    control.close();
    await server.close();
    await broker.close();
    pages.remove();
  }
}

/** Keeps what everybody has seen, and has the broker send to the page. */
class Witness {
  readonly #broker: Broker;
  readonly #store: StoreName;
  readonly #accepted = new Set<string>();
  readonly #arrivals: string[] = [];
  readonly #firstSends = new Map<string, number>();
  readonly #sent: string[] = [];
  readonly #deliveries: Delivery[] = [];
  readonly #handled = new Set<string>();
  readonly #acknowledgedAt = new Map<string, number>();
  readonly #loadedAt: number[] = [];
  readonly #troubles: string[] = [];
  /** Messages on their way to the page, by packet identifier. */
  readonly #onTheWay = new Map<number, string>();
  /** The connection to the page that is there now. */
  #socket: WebSocket | undefined;
  /** What the page that is there now has reported. */
  #counts: Record<PlannedFault['when'] | 'done', number> = { hello: 0, accepted: 0, got: 0, done: 0 };
  #isSending = true;
  /** Messages that the page is not expected to handle any more. */
  #forgotten = 0;
  #hasMarker = false;

  constructor(broker: Broker, { protocolVersion, store }: CrashRun, control: WebSocketServer) {
    this.#broker = broker;
    this.#store = store;
    control.on('connection', (socket) => {
      this.#loadedAt.push(broker.core.clock.now());
      const page = this.#loadedAt.length;
      this.#socket = socket;
      this.#counts = { hello: 1, accepted: 0, got: 0, done: 0 };
      socket.on('error', () => undefined);
      socket.on('message', (data) => this.#report(page, socket, JSON.parse(String(data)) as Report));
      this.#order({
        type: 'welcome',
        page,
        brokerUrl: broker.wsUrl,
        protocolVersion,
        store,
        askAgain: [...this.#accepted].slice(-6),
      });
    });
  }

  /** Pages that said hello. */
  get pages(): number {
    return this.#loadedAt.length;
  }

  /** A message of the page arrived at another client. */
  arrived(id: string): void {
    if (id === marker) this.#hasMarker = true;
    else this.#arrivals.push(id);
  }

  /** Waits until it is time for a fault. */
  async reports({ when, count }: PlannedFault): Promise<void> {
    await waitFor(() => this.#counts[when] >= count, {
      what: `${count} x ${when} of page ${this.pages}; troubles so far: ${this.#troubles.join('; ') || 'none'}`,
      timeout: patience,
    });
  }

  /** Has the page stop, and waits until everything has arrived; what has not by then counts as lost. */
  async finish(): Promise<void> {
    await this.reports({ kind: 'reload', when: 'accepted', count: 50 });
    this.#isSending = false;
    this.#order({ type: 'stop' });
    await this.#hope('the page to be done', () => this.#counts.done > 0);
    await this.#hope('every message to be handled', () => this.#sent.every((id) => this.#handled.has(id)));
    this.#broker.publish('up/end', marker, { qos: 2 });
    await waitFor(() => this.#hasMarker, { what: 'the last message', timeout: patience });
    this.readLog();
  }

  /** Takes what is of interest from the broker's log, and empties it. */
  readLog(): void {
    for (const { clientId, direction, packet, at } of this.#broker.log) {
      if (clientId !== pageClientId) continue;
      if (direction === 'out') {
        if (packet.type === 'publish' && packet.packetId !== undefined) {
          this.#onTheWay.set(packet.packetId, new TextDecoder().decode(packet.payload));
        }
      } else if (packet.type === 'publish' && !packet.dup) {
        const id = new TextDecoder().decode(packet.payload);
        this.#firstSends.set(id, (this.#firstSends.get(id) ?? 0) + 1);
      } else if (packet.type === 'puback' || packet.type === 'pubrec') {
        const id = this.#onTheWay.get(packet.packetId);
        if (id !== undefined) this.#acknowledgedAt.set(id, at);
      }
    }
    this.#broker.log.clear();
  }

  verdict(): Verdict {
    return judge({
      accepted: this.#accepted,
      arrivals: this.#arrivals,
      firstSends: this.#firstSends,
      sent: this.#sent,
      deliveries: this.#deliveries,
      handled: this.#handled,
      acknowledgedAt: this.#acknowledgedAt,
      loadedAt: this.#loadedAt,
      troubles: [...this.#troubles, ...this.#broker.errors.map(String)],
    });
  }

  #order(order: Order, socket = this.#socket): void {
    socket?.send(JSON.stringify(order));
  }

  #report(page: number, socket: WebSocket, report: Report): void {
    const isPresent = page === this.pages;
    switch (report.type) {
      case 'started':
        // What a session forgot that was not stored will not come again.
        if (this.#store === 'memory') this.#forgotten = this.#sent.length - this.#handled.size;
        this.#send();
        break;
      case 'accepted':
        this.#accepted.add(report.id);
        if (isPresent) this.#counts.accepted += 1;
        break;
      case 'got':
        this.#deliveries.push({ id: report.id, page, redelivered: report.redelivered });
        if (isPresent) this.#counts.got += 1;
        break;
      case 'handled':
        this.#handled.add(report.id);
        this.#order({ type: 'noted', id: report.id }, socket);
        this.#send();
        break;
      case 'rejected':
        this.#troubles.push(`page ${page}: ${report.id} rejected: ${report.reason}`);
        break;
      case 'settled':
        if (report.reason !== undefined) {
          this.#troubles.push(`page ${page}: ${report.key} of an earlier page: ${report.reason}`);
        }
        break;
      case 'trouble':
        this.#troubles.push(`page ${page}: ${report.reason}`);
        break;
      case 'done':
        this.#counts.done += 1;
        break;
    }
  }

  /** Keeps messages for the page under way. */
  #send(): void {
    while (this.#isSending && this.#sent.length - this.#handled.size - this.#forgotten < inboundWindow) {
      const index = this.#sent.length + 1;
      const qos = index % 2 === 0 ? 2 : 1;
      const id = idOf({ page: 0, index, qos });
      this.#sent.push(id);
      this.#broker.publish(`down/${qos}`, id, { qos });
    }
  }

  async #hope(what: string, condition: () => boolean): Promise<void> {
    await waitFor(condition, { what, timeout: patience }).catch((error: unknown) => {
      this.#troubles.push(String(error));
    });
  }
}
