/** The broker with its ports: what tests, the demo and the command line start. */

import type { Packet, PublishProperties, QoS } from '../../src/codec/packet';
import { checkRules } from './authorization';
import type { Connection } from './connection';
import { BrokerCore } from './core';
import { type FaultPlan, Faults } from './faults';
import type { Accept, Listener } from './listeners/listener';
import { listenTcp } from './listeners/tcp-listener';
import { listenWebSocket } from './listeners/websocket-listener';
import { type BrokerOptions, resolveOptions } from './options';
import type { PacketLog } from './packet-log';
import type { RetainedStore } from './retained';
import type { Session } from './session';
import { SysTopics } from './sys-topics';

/** Milliseconds in which clients may take their leave when the broker closes. */
const closingGrace = 500;

type PortName = 'port' | 'wsPort' | 'tlsPort' | 'wssPort';

/** A message of whoever drives the broker. */
export interface PublishOptions {
  qos?: QoS;
  retain?: boolean;
  properties?: PublishProperties;
}

/** A running broker. */
export class Broker {
  /** The broker without its network. */
  readonly core: BrokerCore;
  /** Orders faults for connections to come; see also {@link Broker.fault}. */
  readonly faults = new Faults();
  /** Errors of the broker itself, each of which ended one connection. Tests can assert that there are none. */
  readonly errors: unknown[] = [];
  readonly host: string;

  readonly #options: BrokerOptions;
  /** Who waits for the end of a connection, by its number. */
  readonly #watches = new Map<number, () => void>();
  readonly #sys: SysTopics;
  readonly #listeners = new Map<PortName, Listener>();
  /** Ports as they were first opened, for a restart. */
  readonly #ports = new Map<PortName, number>();

  /** @param options see {@link startBroker}, which also opens the ports */
  constructor(options: BrokerOptions) {
    checkRules(options);
    this.#options = options;
    this.host = options.host ?? '127.0.0.1';
    this.core = new BrokerCore(resolveOptions(options));
    this.core.onBreak = (error) => this.errors.push(error);
    this.core.onEnd = ({ id }) => {
      this.#watches.get(id)?.();
      this.#watches.delete(id);
    };
    this.#sys = new SysTopics(this.core);
    const { tls } = options;
    this.#order('port', options.port ?? 0);
    this.#order('wsPort', options.wsPort ?? 0);
    this.#order('tlsPort', tls === undefined ? false : (tls.port ?? 0));
    this.#order('wssPort', tls === undefined ? false : (tls.wsPort ?? 0));
  }

  /** TCP port; throws when there is none. */
  get port(): number {
    return this.#portOf('port');
  }

  get wsPort(): number {
    return this.#portOf('wsPort');
  }

  get tlsPort(): number {
    return this.#portOf('tlsPort');
  }

  get wssPort(): number {
    return this.#portOf('wssPort');
  }

  get url(): string {
    return `mqtt://${this.#hostname}:${this.port}`;
  }

  get wsUrl(): string {
    return `ws://${this.#hostname}:${this.wsPort}/mqtt`;
  }

  get tlsUrl(): string {
    return `mqtts://${this.#hostname}:${this.tlsPort}`;
  }

  get wssUrl(): string {
    return `wss://${this.#hostname}:${this.wssPort}/mqtt`;
  }

  /** Every packet in and out. */
  get log(): PacketLog {
    return this.core.log;
  }

  /** Sessions by client identifier, those that are away included. */
  get sessions(): ReadonlyMap<string, Session> {
    return this.core.sessions;
  }

  get retained(): RetainedStore {
    return this.core.retained;
  }

  /** Client identifiers that are connected. */
  get clients(): string[] {
    return [...this.core.connections.values()]
      .filter(({ state }) => state === 'connected')
      .map(({ clientId }) => clientId);
  }

  /** The connection of a client; throws when it is not connected. */
  connection(clientId: string): Connection {
    const connection = this.core.connectionOf(clientId);
    if (connection === undefined) throw new Error(`${clientId} is not connected`);
    return connection;
  }

  /** Resolves when the connection that a client has now is over; at once when it has none. */
  gone(clientId: string): Promise<void> {
    const connection = this.core.connectionOf(clientId);
    if (connection === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      const others = this.#watches.get(connection.id);
      this.#watches.set(connection.id, () => {
        others?.();
        resolve();
      });
    });
  }

  /** Publishes a message that no client published. */
  publish(topic: string, payload: string | Uint8Array, options: PublishOptions = {}): void {
    const { qos = 0, retain = false, properties = {} } = options;
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
    const receivedAt = this.core.clock.now();
    this.core.publish({ topic, payload: bytes, qos, retain, properties, publisher: undefined, receivedAt });
    this.core.flush();
  }

  /** Ends a client's connection, with DISCONNECT in MQTT 5.0. */
  disconnect(clientId: string, reasonCode = 0x98, serverReference?: string): void {
    this.connection(clientId).disconnect(reasonCode, 'by order', serverReference);
    this.core.flush();
  }

  /** Drops a client's network connection. */
  kill(clientId: string): void {
    this.connection(clientId).kill();
    this.core.flush();
  }

  /** Forgets a session; a connection that has it is dropped. */
  forgetSession(clientId: string): void {
    const session = this.core.sessions.get(clientId);
    if (session === undefined) return;
    session.connection?.kill();
    this.core.endSession(session);
    this.core.flush();
  }

  /** Sends any packet to a client, as the codec writes it. */
  send(clientId: string, packet: Packet): void {
    this.connection(clientId).send(packet);
    this.core.flush();
  }

  /** Sends any bytes to a client. */
  inject(clientId: string, bytes: Uint8Array): void {
    this.connection(clientId).sendRaw(bytes);
  }

  /** Sends a text frame to a client on a WebSocket. */
  sendText(clientId: string, text: string): void {
    this.connection(clientId).wire.writeText(text);
  }

  /** Changes what goes wrong on the connection of a client. */
  fault(clientId: string, plan: FaultPlan): void {
    this.connection(clientId).wire.plan = plan;
  }

  /** Sends what a fault plan withheld from a client, and withholds no more. */
  release(clientId: string, order: 'kept' | 'reversed' = 'kept'): void {
    const connection = this.connection(clientId);
    connection.wire.plan = { ...connection.wire.plan, withhold: undefined };
    connection.release(order);
  }

  /** Opens the ports. */
  async start(): Promise<this> {
    const { tls, subprotocol = 'required' } = this.#options;
    const accept: Accept = (wire, plan) => this.core.opened(wire, plan ?? this.faults.take());
    const webSocket = { accept, takePlan: () => this.faults.take(), subprotocol };
    try {
      await this.#listen('port', (port) => listenTcp(this.host, port, accept));
      await this.#listen('wsPort', (port) => listenWebSocket(this.host, port, webSocket));
      await this.#listen('tlsPort', (port) => listenTcp(this.host, port, accept, tls));
      await this.#listen('wssPort', (port) => listenWebSocket(this.host, port, { ...webSocket, tls }));
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#sys.start();
    return this;
  }

  /** Closes the ports and drops every connection, as a crash would: no DISCONNECT, no will. Sessions stay. */
  async stop(): Promise<void> {
    for (const connection of [...this.core.connections.values()]) {
      connection.will = undefined;
      connection.kill();
    }
    await this.#closeListeners(0);
  }

  /** Stops, and starts again on the same ports. */
  async restart(options: { sessions?: 'keep' | 'drop'; retained?: 'keep' | 'drop' } = {}): Promise<void> {
    await this.stop();
    this.#sys.stop();
    if (options.sessions === 'drop')
      for (const session of [...this.core.sessions.values()]) this.core.endSession(session);
    if (options.retained === 'drop') this.core.retained.clear();
    await this.start();
  }

  /** Takes leave of every client (0x8B in MQTT 5.0), closes the ports, ends all timers. */
  async close(): Promise<void> {
    for (const connection of [...this.core.connections.values()])
      connection.disconnect(0x8b, 'server shutting down');
    this.#sys.stop();
    this.core.flush();
    this.core.stop();
    await this.#closeListeners(closingGrace);
  }

  get #hostname(): string {
    const near = this.host === '0.0.0.0' || this.host === '::' ? '127.0.0.1' : this.host;
    return near.includes(':') ? `[${near}]` : near;
  }

  #order(name: PortName, port: number | false): void {
    if (port !== false) this.#ports.set(name, port);
  }

  #portOf(name: PortName): number {
    const port = this.#ports.get(name);
    if (port === undefined) throw new Error(`The broker has no ${name}`);
    return port;
  }

  async #listen(name: PortName, open: (port: number) => Promise<Listener>): Promise<void> {
    const port = this.#ports.get(name);
    if (port === undefined) return;
    const listener = await open(port);
    this.#listeners.set(name, listener);
    this.#ports.set(name, listener.port);
  }

  async #closeListeners(grace: number): Promise<void> {
    const listeners = [...this.#listeners.values()];
    this.#listeners.clear();
    await Promise.all(listeners.map((listener) => listener.close(grace)));
  }
}

/** Starts a broker; with nothing said on free ports of 127.0.0.1. The caller closes it. */
export function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  return new Broker(options).start();
}
