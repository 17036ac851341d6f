/**
 * The broker without a network: sessions, subscriptions, retained messages, wills. Everything that happens enters by a
 * connection, by a timer of the clock, or by a method here; what is to be sent leaves in `flush`, once a turn.
 */

import type { Packet, QoS } from '../../src/codec/packet';
import { Authenticator } from './authentication';
import type { Clock, Timer } from './clock';
import { Connection } from './connection';
import type { FaultPlan } from './faults';
import { type BrokerMessage, isExpired, remainingExpiry } from './message';
import type { Settings } from './options';
import { publishOf } from './outbound';
import { PacketLog } from './packet-log';
import { RetainedStore } from './retained';
import { type Route, RouteBuilder } from './routes';
import { Session } from './session';
import { Statistics } from './statistics';
import { type Subscription, SubscriptionIndex } from './subscriptions';
import { Wills } from './wills';
import type { Wire } from './wire';

/** All that the broker knows. */
export class BrokerCore {
  readonly settings: Settings;
  /** The clock, with a flush behind every timer. */
  readonly clock: Clock;
  readonly sessions = new Map<string, Session>();
  readonly subscriptions = new SubscriptionIndex();
  readonly retained: RetainedStore;
  readonly statistics: Statistics;
  readonly authenticator: Authenticator;
  readonly log: PacketLog;
  /** Connections that are open, by number. */
  readonly connections = new Map<number, Connection>();
  /** Called with errors of the broker itself. */
  onBreak: ((error: unknown) => void) | undefined;
  /** Called with each connection that has ended. */
  onEnd: ((connection: Connection) => void) | undefined;

  readonly #wills: Wills;
  /** Timers that are armed. */
  readonly #timers = new Set<Timer>();
  #lastConnection = 0;
  /** Connections that have something to send. */
  readonly #dirty = new Set<Connection>();

  constructor(settings: Settings) {
    this.settings = settings;
    const { clock } = settings;
    this.clock = {
      now: () => clock.now(),
      schedule: (delay, action) => this.#schedule(clock, delay, action),
    };
    this.retained = new RetainedStore(settings.maximumRetained);
    this.statistics = new Statistics(clock.now());
    this.authenticator = new Authenticator(settings);
    this.log = new PacketLog(settings.logSize);
    this.#wills = new Wills(this.clock, (message) => this.publish(message));
  }

  /** Connections that are open, in whatever state. */
  get connectionCount(): number {
    return this.connections.size;
  }

  /** Clients that are connected. */
  get clientCount(): number {
    let count = 0;
    for (const { state } of this.connections.values()) if (state === 'connected') count += 1;
    return count;
  }

  /** Ends all timers; the core is not used any more. */
  stop(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #schedule(clock: Clock, delay: number, action: () => void): Timer {
    const timer = clock.schedule(delay, () => {
      this.#timers.delete(timer);
      try {
        action();
      } catch (error) {
        this.broke(error);
      }
      this.flush();
    });
    this.#timers.add(timer);
    const cancel = () => {
      this.#timers.delete(timer);
      timer.cancel();
    };
    return { cancel };
  }

  // Connections.

  /** A network connection was made. */
  opened(wire: Wire, faults: FaultPlan = {}): Connection {
    this.#lastConnection += 1;
    this.statistics.socketsOpened += 1;
    const connection = new Connection(this.#lastConnection, this, wire, faults);
    if (connection.state !== 'closed') this.connections.set(connection.id, connection);
    return connection;
  }

  /** The connection of a client. */
  connectionOf(clientId: string): Connection | undefined {
    return this.sessions.get(clientId)?.connection;
  }

  /** A connection ended: what becomes of its will and of its session. */
  ended(connection: Connection): void {
    this.connections.delete(connection.id);
    this.onEnd?.(connection);
    const { session, will } = connection;
    if (session === undefined || session.connection !== connection) return;
    session.connection = undefined;
    session.outbound.closed();
    if (will !== undefined) this.#wills.connectionEnded(session, will);
    if (session.endsWithConnection) return this.endSession(session);
    if (session.expiryInterval === Number.POSITIVE_INFINITY) return;
    // [v5 MQTT-4.1.0-2]
    session.expiryTimer = this.clock.schedule(session.expiryInterval * 1_000, () => this.endSession(session));
  }

  /** Sends what this turn produced. */
  flush(): void {
    for (const connection of this.#dirty) {
      this.#dirty.delete(connection);
      connection.flush();
    }
  }

  logged(connection: Connection, direction: 'in' | 'out', packet: Packet): void {
    if (!this.log.active) return;
    const { id, clientId } = connection;
    this.log.add({ at: this.clock.now(), connection: id, clientId, direction, packet });
  }

  /** A connection has written a packet to its buffer. */
  sent(connection: Connection, packet: Packet): void {
    this.#dirty.add(connection);
    this.statistics.sent(packet);
    this.logged(connection, 'out', packet);
  }

  /** An error of the broker itself, which ends one connection and nothing else. */
  broke(error: unknown): void {
    if (this.onBreak === undefined) throw error;
    this.onBreak(error);
  }

  // Sessions.

  /** A client identifier that no session has [v5 MQTT-3.2.2-16]. */
  freeClientId(): string {
    let id = this.settings.assignClientId();
    while (this.sessions.has(id)) id = this.settings.assignClientId();
    return id;
  }

  /** Seconds granted, of those that were asked for. */
  grantedExpiry(asked: number): number {
    return Math.min(
      asked === 0xffffffff ? Number.POSITIVE_INFINITY : asked,
      this.settings.sessionExpiryMaximum,
    );
  }

  /** Resumes the session of the client, or begins one; a connection that had it is taken over. */
  openSession(
    connection: Connection,
    clean: boolean,
    expiry: number,
  ): { session: Session; present: boolean } {
    const { clientId } = connection;
    // [v5 MQTT-3.1.4-3, v3 MQTT-3.1.4-2]
    this.connectionOf(clientId)?.disconnect(0x8e, 'session taken over');
    const stored = this.sessions.get(clientId);
    if (clean && stored !== undefined) this.endSession(stored); // [v5 MQTT-3.1.2-4]
    const kept = this.sessions.get(clientId);
    const session = kept ?? new Session(clientId);
    this.sessions.set(clientId, session);
    session.expiryTimer?.cancel();
    session.expiryTimer = undefined;
    this.#wills.resumed(session);
    session.connection = connection;
    session.protocolVersion = connection.version;
    session.expiryInterval = expiry;
    connection.session = session;
    this.statistics.clientsMaximum = Math.max(this.statistics.clientsMaximum, this.sessions.size);
    return { session, present: kept !== undefined };
  }

  /** Forgets a session; its will, if it still waits, is due now. */
  endSession(session: Session): void {
    if (this.sessions.get(session.clientId) === session) this.sessions.delete(session.clientId);
    session.expiryTimer?.cancel();
    for (const subscription of session.subscriptions.values()) this.subscriptions.remove(subscription);
    session.subscriptions.clear();
    this.#wills.sessionEnded(session);
  }

  // Subscriptions.

  subscribe(subscription: Subscription, previous: Subscription | undefined): void {
    subscription.session.subscriptions.set(subscription.filter, subscription);
    this.subscriptions.set(subscription, previous);
  }

  /** False when there is no such subscription, compared character by character [v5 MQTT-3.10.4-1]. */
  unsubscribe(session: Session, filter: string): boolean {
    const subscription = session.subscriptions.get(filter);
    if (subscription === undefined) return false;
    session.subscriptions.delete(filter);
    this.subscriptions.remove(subscription);
    return true;
  }

  /** Sends what is retained for a new subscription; a shared one gets nothing [v5 4.8.2]. */
  sendRetained(subscription: Subscription): void {
    if (subscription.shareName !== undefined) return;
    const { session, topicFilter, identifier, noLocal } = subscription;
    for (const message of this.retained.match(topicFilter, this.clock.now())) {
      if (noLocal && message.publisher === session.clientId) continue;
      this.#hand(session, {
        message,
        qos: Math.min(message.qos, subscription.qos) as QoS,
        retain: true, // [v3 MQTT-3.3.1-8]
        subscriptionIdentifiers: identifier === undefined ? [] : [identifier],
      });
    }
  }

  // Messages.

  /** Keeps a retained message and finds out who gets the message. */
  route(message: BrokerMessage): Route {
    if (message.retain) this.retained.set(message);
    const builder = new RouteBuilder(message, this.settings.overlapping);
    this.subscriptions.match(message.topic, (subscription) => builder.add(subscription));
    return builder.build();
  }

  deliver(route: Route): void {
    for (const [session, delivery] of route.deliveries) this.#hand(session, delivery);
  }

  /** Publishes a message of the broker, of a will, or of whoever drives the broker. */
  publish(message: BrokerMessage): void {
    this.deliver(this.route(message));
  }

  #hand(session: Session, delivery: Parameters<Session['outbound']['enqueue']>[0]): void {
    const { connection, outbound } = session;
    const { message, qos } = delivery;
    if (connection?.permissions?.mayReceive(message.topic) === false) return;
    if (isExpired(message, this.clock.now())) return; // [v5 MQTT-3.3.2-5]
    const { maximumQueued, maximumQueuedBytes, queueQoS0 } = this.settings;
    // Behind what waits already, so that the order stays [v5 MQTT-4.6.0-6].
    const overtakes = queueQoS0 && outbound.queued > 0;
    if (qos === 0 && connection?.state === 'connected' && !overtakes) {
      const expiry = remainingExpiry(message, this.clock.now());
      return connection.publishQoS0(publishOf(delivery, undefined, false, expiry));
    }
    if (qos === 0 && !queueQoS0) return;
    if (outbound.enqueue(delivery, maximumQueued, maximumQueuedBytes)) return;
    session.dropped += 1;
    this.statistics.publishDropped += 1;
  }
}
