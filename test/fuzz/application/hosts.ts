/** The server of an application: a broker behind a few host names, each in a mode of its own, and the way to them. */

import type { Packet } from '../../../src/codec/packet';
import { ConnectionError } from '../../../src/errors';
import type { Connection as ClientConnection, Transport } from '../../../src/index';
import { systemClock } from '../../broker/clock';
import { BrokerCore } from '../../broker/core';
import type { FaultPlan } from '../../broker/faults';
import { resolveOptions } from '../../broker/options';
import type { Random } from '../random';
import { Link } from './network';
import {
  type ApplicationScript,
  type HostMode,
  type HostName,
  hostNames,
  poisonFilter,
  poisonTopic,
  type Qos,
} from './script';

/** Identifier of the client. */
export const clientId = 'application';

/** One name of the server. */
interface Host {
  readonly name: HostName;
  mode: HostMode;
  /** What goes wrong on the connections to come. */
  plans: FaultPlan[];
}

/** A message of the application that the server forwards. */
export type OnForward = (text: string, topic: string, qos: Qos) => void;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** See the head of this file. */
export class Hosts {
  readonly #core: BrokerCore;
  readonly #hosts: readonly Host[] = hostNames.map((name) => ({ name, mode: 'up', plans: [] }));
  readonly #random: Random;
  readonly #poison: boolean;
  readonly #note: (what: string) => void;
  #links: Link[] = [];
  /** The session is new, and the client has not heard so. */
  #isNews = false;

  /** @param onBreak told of what goes wrong in the broker itself */
  constructor(
    { server, poison }: ApplicationScript,
    random: Random,
    note: (what: string) => void,
    onForward: OnForward,
    onBreak: (error: unknown) => void,
  ) {
    this.#random = random;
    this.#poison = poison;
    this.#note = note;
    // The time of day of the real clock would differ from run to run.
    const clock = { ...systemClock, now: () => performance.now() };
    this.#core = new BrokerCore(resolveOptions({ ...server, sysInterval: 0, logSize: 0, clock }));
    this.#core.onBreak = onBreak;
    const { route } = this.#core;
    this.#core.route = (message) => {
      const { topic, payload, qos, publisher } = message;
      if (publisher === clientId) onForward(decoder.decode(payload), topic, qos);
      return route.call(this.#core, message);
    };
    const { openSession } = this.#core;
    this.#core.openSession = (...request) => {
      const opened = openSession.apply(this.#core, request);
      if (!opened.present) this.#isNews = true;
      return opened;
    };
  }

  /**
   * The client is connected. CONNACK that told it of a new session may have been lost: then it takes the one that
   * CONNACK of the next connection speaks of for its old one, and MQTT has no way to tell (GUARANTEES.md).
   *
   * @returns whether the client is mistaken in that
   */
  met(sessionPresent: boolean): boolean {
    const isMistaken = this.#isNews && sessionPresent;
    this.#isNews = false;
    return isMistaken;
  }

  /** Whether the client has a connection open. */
  get hasOpenLink(): boolean {
    return this.#links.some(({ isOpenToClient }) => isOpenToClient);
  }

  /** The filters that the server has of the client, with their QoS. */
  get subscriptions(): ReadonlyMap<string, Qos> {
    const session = this.#core.sessions.get(clientId);
    return new Map([...(session?.subscriptions ?? [])].map(([filter, { qos }]) => [filter, qos]));
  }

  /** Somebody else publishes. */
  publish(text: string, topic: string, qos: Qos): void {
    const receivedAt = this.#core.clock.now();
    const payload = encoder.encode(text);
    const publisher = 'witness';
    this.#core.publish({ topic, payload, qos, retain: false, properties: {}, publisher, receivedAt });
    this.#core.flush();
  }

  cut(how: Parameters<Link['cut']>[0]): void {
    this.#links.at(-1)?.cut(how);
  }

  /** All sessions are lost. */
  forget(): void {
    for (const session of [...this.#core.sessions.values()]) {
      session.connection?.kill();
      this.#core.endSession(session);
    }
  }

  /** All connections are lost. */
  restart(): void {
    for (const connection of [...this.#core.connections.values()]) connection.kill();
  }

  setMode(name: HostName, mode: HostMode): void {
    for (const host of this.#hosts) if (host.name === name) host.mode = mode;
  }

  plan(name: HostName, plan: FaultPlan, count: number): void {
    for (const host of this.#hosts) {
      if (host.name === name) host.plans.push(...Array<FaultPlan>(count).fill(plan));
    }
  }

  dismiss(reasonCode: number, reference: string | undefined): void {
    this.#core.connectionOf(clientId)?.disconnect(reasonCode, 'fuzz', reference);
    this.#core.flush();
  }

  release(order: 'kept' | 'reversed'): void {
    for (const connection of [...this.#core.connections.values()]) connection.release(order);
  }

  /** From here on nothing goes wrong; what is open is lost, also to a client that has not noticed. */
  recover(): void {
    for (const host of this.#hosts) {
      host.mode = 'up';
      host.plans = [];
    }
    this.restart();
    for (const link of this.#links) link.reveal();
  }

  /** Ends the timers of the server. */
  stop(): void {
    this.restart();
    this.#core.stop();
  }

  /** The way to the hosts. */
  transport(): Transport {
    return {
      connect: (url, { signal }) =>
        new Promise<ClientConnection>((resolve, reject) => {
          signal.throwIfAborted();
          signal.addEventListener('abort', () => reject(signal.reason));
          const host = this.#hosts.find(({ name }) => name === url.hostname);
          this.#note(`asks for ${url.hostname}, which is ${host?.mode ?? 'unknown'}`);
          if (host === undefined) return reject(new ConnectionError('unreachable', 'no such host'));
          if (host.mode === 'hangs') return;
          setTimeout(() => this.#answer(host, signal, resolve, reject), this.#random.pick([0, 0, 1, 10]));
        }),
    };
  }

  #answer(
    host: Host,
    signal: AbortSignal,
    resolve: (connection: ClientConnection) => void,
    reject: (error: Error) => void,
  ): void {
    if (signal.aborted) return;
    if (host.mode === 'refuses') return reject(new ConnectionError('unreachable', 'refused'));
    const plan = host.plans.shift() ?? {};
    this.#note(`link ${this.#links.length + 1} to ${host.name}, ${host.mode}, ${JSON.stringify(plan)}`);
    const link = new Link(this.#core, this.#random, (own) => ({
      ...plan,
      incoming: this.#hangUp(host, own),
    }));
    this.#links.push(link);
    resolve(link.client);
  }

  /** Hangs up on packets that are more than the host, or any host, can take. */
  #hangUp(host: Host, link: Link): (packet: Packet) => Packet | undefined {
    let isGone = false;
    return (packet) => {
      if (isGone) return undefined;
      if (!this.#isTooMuch(host, packet)) return packet;
      isGone = true;
      this.#note(`${host.name} hangs up on ${packet.type}`);
      // Not while the broker reads.
      setTimeout(() => link.cut({ noticedBy: 'both', upArrives: false, downArrives: true, reset: false }), 0);
      return undefined;
    };
  }

  #isTooMuch({ mode }: Host, packet: Packet): boolean {
    if (packet.type === 'connect')
      return mode === 'hangs-up' || (mode === 'old' && packet.protocolVersion === 5);
    if (!this.#poison) return false;
    if (packet.type === 'publish') return packet.topic === poisonTopic;
    return packet.type === 'subscribe' && packet.subscriptions.some(({ filter }) => filter === poisonFilter);
  }
}
