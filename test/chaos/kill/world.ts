/**
 * A client, its store, its server and the network between them, in which nothing happens by itself: each move of the
 * store and of the wire, each end of a handler and each call of the application is one step, and one step is done at a
 * time. So a fault can strike between any two of them, and strikes at the same place each time.
 */

import { Decoder, type Packet } from '../../../src/codec/index';
import type { StoreOperation } from '../../../src/store/store';
import { BaseConnection } from '../../../src/transport/base-connection';
import type { Connection, Transport } from '../../../src/transport/transport';
import { FakeClock } from '../../broker/clock';
import type { Connection as ServerConnection } from '../../broker/connection';
import { BrokerCore } from '../../broker/core';
import { resolveOptions } from '../../broker/options';
import type { Wire } from '../../broker/wire';
import { concat, frames } from '../../fuzz/bytes';
import { type FakeTime, settled } from '../../fuzz/fake-time';
import { messageNumber, payloadOf, ServerEye } from '../../fuzz/server-eye';
import { Ledger } from './ledger';
import { Observer } from './observer';
import { Page } from './page';
import type { Fault, Lane, Order, Scenario } from './scenario';
import { Disk, stepStore } from './step-store';

/** Something that can happen next. */
interface Step {
  readonly lane: Lane;
  /** Bytes that it delivers, where it delivers any. */
  readonly bytes?: Uint8Array;
  /** Whether it can happen now. */
  ready?(): boolean;
  run(bytes: Uint8Array): void;
}

/** Rounds of waiting after which a world in which nothing can happen is over. */
const quietRounds = 4;
/** Milliseconds that pass in each: more than the longest delay between attempts. */
const quietTime = 10;

export const clientId = 'client';

/** The client's end of a connection. */
class WorldConnection extends BaseConnection {
  readonly bufferedAmount = 0;
  /** `closing`: the client has said its last word. */
  state: 'open' | 'closing' | 'cut' = 'open';
  readonly #world: World;
  server: ServerConnection | undefined;
  /** The server has ended it. */
  isEnded = false;
  /** The server has met what it cannot stand. */
  isPoisoned = false;
  /** Reads what arrives at the server, for the ledger. */
  readonly #decoder: Decoder;

  constructor(world: World) {
    super();
    this.#world = world;
    this.#decoder = new Decoder({ onPacket: (packet) => this.#arrived(packet) });
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.state === 'closing' || !this.#world.happens()) return;
    this.#world.wrote(chunks);
    // The client cannot know yet.
    if (this.state === 'cut') return;
    const bytes = concat(chunks);
    for (const { start, end } of frames(bytes))
      this.#world.later('up', (packet) => this.deliver(packet), bytes.slice(start, end));
  }

  /** Bytes reach the server. */
  deliver(bytes: Uint8Array): void {
    if (this.isEnded) return;
    this.#decoder.push(bytes.slice());
    if (!this.isPoisoned) this.server?.received(bytes.slice());
  }

  feed(bytes: Uint8Array): void {
    if (this.state === 'open') this.received(bytes);
  }

  close(): void {
    const { state } = this;
    this.state = 'closing';
    if (state !== 'open') return;
    this.#world.eye.closed();
    this.#world.later('up', () => {
      this.endServer();
      this.ended();
    });
  }

  destroy(): void {
    this.silenced();
    if (this.state !== 'open') {
      this.state = 'closing';
      return;
    }
    this.state = 'closing';
    this.#world.eye.closed();
    this.#world.later('up', () => this.endServer());
  }

  /** The network is gone; the client learns of it in a step of its own. */
  cut(tells: boolean): void {
    if (this.state !== 'open') return;
    this.state = 'cut';
    if (!tells) this.silenced();
    else
      this.#world.later('closed', () => {
        // The client may have let go of it itself, and have another one.
        if (this.state === 'cut') this.#world.eye.closed();
        this.ended();
      });
  }

  endServer(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.server?.closed();
  }

  /** The server has noted the identifier, and disconnects. */
  #poison(packetId: number | undefined): void {
    const { poison } = this.#world.scenario;
    if (poison === undefined || packetId === undefined) return;
    this.isPoisoned = true;
    this.server?.session?.received.set(packetId, undefined);
    this.server?.disconnect(poison, 'poison');
  }

  #arrived(packet: Packet): void {
    if (packet.type === 'puback' || packet.type === 'pubrec')
      this.#world.ledger.acknowledged(packet.packetId);
    // The client wants to be rid of its session.
    if (packet.type === 'connect' && packet.clean && this.#world.core.sessions.has(clientId))
      this.#world.ledger.forgets();
    if (packet.type === 'publish' && packet.topic === 'poison') this.#poison(packet.packetId);
  }
}

/** See the head of this file. */
export class World {
  readonly scenario: Scenario;
  readonly ledger: Ledger;
  readonly disk = new Disk();
  readonly core: BrokerCore;
  eye: ServerEye;
  /** Faults that struck. */
  struck = 0;
  /** What the last one met: bytes on their way to the server, a write that was not durable, one that was not confirmed. */
  met = { flight: false, writing: false, storing: false };
  /** Steps since the start, or since the last fault. */
  steps = 0;
  /** Pages so far. */
  pages = 0;
  /** Messages that were sent to the client. */
  readonly #offered = new Set<number>();
  readonly #order: Order;
  readonly #faults: readonly Fault[];
  readonly #time: FakeTime;
  #waiting: Step[] = [];
  #page: Page;
  #connection: WorldConnection | undefined;
  /** A page died; the next one has not begun. */
  #died: Fault | undefined;
  #isOver = false;
  /**
   * What the client's side knows of a session that the server began in place of a lost one. As long as it is not `saved`
   * that session goes with the next fault: the client would take it for the one before, which MQTT cannot tell apart.
   */
  #newSession: 'unknown' | 'known' | 'saved' = 'saved';

  constructor(scenario: Scenario, order: Order, faults: readonly Fault[], time: FakeTime) {
    this.scenario = scenario;
    this.#order = order;
    this.#faults = faults;
    this.#time = time;
    const { receiveMaximum = 20, qos2Delivery } = scenario;
    this.core = new BrokerCore(
      resolveOptions({ receiveMaximum, qos2Delivery, logSize: 0, clock: new FakeClock(), sysInterval: 0 }),
    );
    this.ledger = new Ledger(scenario.ack ?? 'handled');
    this.eye = this.#newEye();
    new Observer(this.core, 'out/#', (payload) => this.ledger.arrived(messageNumber(payload)));
    this.#page = this.#newPage();
  }

  /** Plays to the end, whatever strikes. */
  async play(): Promise<void> {
    await settled();
    for (let quiet = 0; quiet < quietRounds; ) {
      this.#strikeIfDue();
      await settled();
      await this.#begin();
      const step = this.#take();
      if (step) {
        quiet = 0;
        this.steps += 1;
        this.#run(step);
        await settled();
      } else {
        quiet += 1;
        await this.#time.advance(quietTime);
      }
    }
    await this.#end();
  }

  /** Something happens at once, in the middle of a step. @returns false when the page is dead */
  happens(): boolean {
    if (this.#died) return false;
    if (this.scenario.store === 'slow' || this.#isOver) return true;
    this.#strikeIfDue();
    if (this.#died) return false;
    this.steps += 1;
    return true;
  }

  /** Something will happen, as a step of its own. */
  later(lane: Lane, run: (bytes: Uint8Array) => void, bytes?: Uint8Array, ready?: () => boolean): void {
    this.#waiting.push({ lane, run, ...(bytes && { bytes }), ...(ready && { ready }) });
  }

  /** The server gets a message for the client. */
  offer(number: number, qos: 1 | 2): void {
    if (this.#offered.has(number)) return;
    this.#offered.add(number);
    const topic = `in/${qos}`;
    const isWanted = () =>
      [...(this.core.sessions.get(clientId)?.subscriptions.keys() ?? [])].some((filter) =>
        filter.startsWith('in/'),
      );
    const send = () => {
      this.ledger.offered(number, qos);
      this.core.publish({
        topic,
        payload: payloadOf(number, topic, 0),
        qos,
        retain: false,
        properties: {},
        publisher: undefined,
        receivedAt: this.core.clock.now(),
      });
      this.core.flush();
    };
    this.later('server', send, undefined, isWanted);
  }

  /** The client writes. */
  wrote(chunks: readonly Uint8Array[]): void {
    try {
      this.eye.wrote(chunks);
    } catch (error) {
      // Thrown, it would only look like a fault of the transport.
      this.ledger.complain(String(error));
    }
    this.#mustReleaseInOrder(chunks);
  }

  /** The client holds the connection for accepted. */
  connected(sessionPresent: boolean, connack: Parameters<ServerEye['connected']>[1]): void {
    this.eye.connected(sessionPresent, connack);
    if (this.#newSession === 'unknown') this.#newSession = 'known';
  }

  /** Whether a write of the store was to fail. */
  get mayFail(): boolean {
    return this.#faults.slice(0, this.struck).some(({ kind }) => kind === 'fail');
  }

  /** PUBRELs of an earlier connection go out in the order of their PUBRECs [v5 MQTT-4.6.0-4]. */
  #mustReleaseInOrder(chunks: readonly Uint8Array[]): void {
    const bytes = concat(chunks);
    for (const { start, body } of frames(bytes)) {
      const type = (bytes[start] ?? 0) >> 4;
      if (type === 1) this.#lastRelease = 0;
      else if (type === 3) this.#lastRelease = Number.NaN;
      else if (type === 6) {
        const packetId = ((bytes[body] ?? 0) << 8) | (bytes[body + 1] ?? 0);
        const release = this.#releaseOf(packetId) ?? this.#lastRelease;
        if (release < this.#lastRelease) this.ledger.complain(`PUBREL ${packetId} is replayed out of order`);
        this.#lastRelease = Math.max(this.#lastRelease, release);
      }
    }
  }

  /** The latest of the PUBRECs whose PUBREL was replayed; NaN once a PUBLISH was written. */
  #lastRelease = 0;

  #releaseOf(packetId: number): number | undefined {
    const publish = this.disk.of('publish').find((record) => record.packetId === packetId);
    return this.disk.of('release').find(({ id }) => id === publish?.id)?.order;
  }

  // --- steps

  #take(): Step | undefined {
    const { last, chunks } = this.#order;
    const rank = ({ lane }: Step) => last.indexOf(lane);
    let best: Step | undefined;
    const blocked = new Set<Lane>();
    for (const step of this.#waiting) {
      // In a lane nothing overtakes.
      if (blocked.has(step.lane)) continue;
      blocked.add(step.lane);
      if (step.ready?.() === false) continue;
      if (!best || rank(step) < rank(best)) best = step;
    }
    if (!best) return undefined;
    const { lane, run } = best;
    this.#waiting.splice(this.#waiting.indexOf(best), 1);
    if (!chunks || !best.bytes) return best;
    const parts = [best.bytes];
    for (;;) {
      const next = this.#waiting.findIndex((step) => step.lane === lane);
      const bytes = this.#waiting[next]?.bytes;
      if (!bytes) break;
      parts.push(bytes);
      this.#waiting.splice(next, 1);
    }
    return { lane, run, bytes: concat(parts) };
  }

  #run(step: Step): void {
    step.run(step.bytes ?? new Uint8Array());
  }

  // --- faults

  #strikeIfDue(): void {
    const fault = this.#faults[this.struck];
    if (!fault || this.steps < fault.at || this.#died || this.#isOver) return;
    this.struck += 1;
    this.steps = 0;
    if (fault.kind === 'fail') {
      this.disk.failing = true;
      return;
    }
    const connection = this.#connection;
    const flight = this.#waiting.filter(({ lane }) => lane === 'up');
    const writing = this.disk.writing !== undefined;
    const storing = writing || this.#waiting.some(({ lane }) => lane === 'confirm');
    this.met = { flight: flight.length > 0, writing, storing };
    if (fault.kind === 'kill') {
      this.#died = fault;
      this.#page.isAlive = false;
      if (fault.durable && this.disk.writing) {
        const { writing } = this.disk;
        this.disk.apply(writing);
        this.ledger.durable(writing);
      }
      this.disk.writing = undefined;
    }
    this.#waiting = this.#waiting.filter(({ lane }) => lane !== 'up' && lane !== 'down');
    connection?.cut(fault.kind === 'cut');
    if (fault.arrives) for (const step of flight) this.#run(step);
    connection?.endServer();
    if (fault.forgets || this.#newSession !== 'saved') this.#forget();
  }

  /** A new page takes the place of one that died. */
  async #begin(): Promise<void> {
    if (!this.#died) return;
    this.#died = undefined;
    this.#time.forget();
    this.#waiting = this.#waiting.filter(({ lane }) => lane === 'server');
    this.ledger.died();
    this.eye.crashed(this.disk.of('publish').map(({ payload }) => messageNumber(payload)));
    this.#page = this.#newPage(this.#page);
    await settled();
  }

  #forget(): void {
    const session = this.core.sessions.get(clientId);
    if (!session) return;
    this.core.endSession(session);
    this.ledger.forgets();
    this.#newSession = 'unknown';
  }

  // --- the end

  async #end(): Promise<void> {
    const { ledger, disk } = this;
    this.#isOver = true;
    await this.#askAgain();
    ledger.close();
    this.#page.mustBeDone(this.core.sessions.get(clientId)?.subscriptions.keys() ?? []);
    const left = [...disk.records.keys()].filter((name) => !/^(session|subscription|key) /.test(name));
    if (left.length > 0) ledger.complain(`the store still holds ${left.join(', ')}`);
    const closed = this.#page.close();
    await this.#playUntil(() => closed.isDone);
    if (!closed.isDone) ledger.complain('close() does not settle');
    for (const what of this.#page.unsettled()) ledger.complain(`${what} never settled`);
    if (this.#time.pending > 0) ledger.complain(`${this.#time.pending} timers are left`);
    this.core.stop();
  }

  /** Each message that arrived is published once more under its key: it joins the one that was. */
  async #askAgain(): Promise<void> {
    const { ledger } = this;
    const arrived = [...ledger.sent].filter(([, { arrivals, failed }]) => arrivals > 0 && !failed);
    const before = arrived.map(([, { arrivals }]) => arrivals);
    const asked = arrived.map(([number, { qos, topic }]) => this.#page.publish(number, qos, topic));
    await this.#playUntil(() => asked.every(({ isDone }) => isDone));
    arrived.forEach(([number, { arrivals }], index) => {
      if (arrivals !== before[index]) ledger.complain(`the key of message ${number} sent it once more`);
    });
  }

  /** Plays on until nothing can happen any more, and what is waited for has happened. */
  async #playUntil(isDone: () => boolean): Promise<void> {
    for (let round = 0; round < 200; round += 1) {
      const step = this.#take();
      if (step) this.#run(step);
      else if (isDone()) break;
      else await this.#time.advance(1_000);
      await settled();
    }
  }

  // --- what the world is made of

  #newEye(): ServerEye {
    return new ServerEye({
      packetIdOf: (number) => this.disk.publish(number)?.packetId,
      isReleased: (number) => {
        const id = this.disk.publish(number)?.id;
        return id !== undefined && this.disk.records.has(`release ${id}`);
      },
      isIncoming: (packetId) => this.disk.records.has(`incoming ${packetId}`),
    });
  }

  #newPage(before?: Page): Page {
    this.pages += 1;
    let page: Page | undefined;
    const isAlive = () => page === undefined || page.isAlive;
    const store = stepStore(this.disk, this.scenario.store, {
      get isAlive() {
        return isAlive();
      },
      happens: () => isAlive() && this.happens(),
      later: (lane, run) => this.later(lane, run),
      durable: (operations: readonly StoreOperation[]) => {
        this.ledger.durable(operations);
        if (this.#newSession === 'known') this.#newSession = 'saved';
      },
    });
    page = new Page(this, this.pages, store, this.#transport(isAlive), before);
    return page;
  }

  #transport(isAlive: () => boolean): Transport {
    return {
      connect: (): Promise<Connection> => {
        if (!isAlive()) return new Promise(() => {});
        const connection = new WorldConnection(this);
        this.#connection = connection;
        this.eye.opened();
        connection.server = this.core.opened(this.#wire(connection));
        return Promise.resolve(connection);
      },
    };
  }

  /** The network as the server sees it. */
  #wire(connection: WorldConnection): Wire {
    const decoder = new Decoder({
      protocolVersion: this.scenario.version,
      onPacket: (packet) => {
        if (packet.type === 'publish' && packet.packetId !== undefined)
          this.ledger.identified(packet.packetId, messageNumber(packet.payload));
      },
    });
    const ends = () => {
      connection.isEnded = true;
      if (connection.state === 'open') this.later('down', () => connection.cut(true));
    };
    return {
      kind: 'memory',
      remoteAddress: 'world',
      bufferedAmount: 0,
      write: (chunks) => {
        const bytes = concat(chunks);
        decoder.push(bytes.slice());
        if (connection.state !== 'open') return;
        for (const { start, end } of frames(bytes))
          this.later('down', (packet) => connection.feed(packet), bytes.slice(start, end));
      },
      writeText: () => {},
      end: ends,
      destroy: ends,
    };
  }
}
