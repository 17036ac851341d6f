/**
 * The MQTT session: what the client and the server know of each other. It survives connections; it does no I/O.
 *
 * Inputs are method calls from our side; outputs are one batch a turn (see turn.ts) and the calls of its port.
 *
 * 1. Bytes of the peer never make it throw: they end the link, with the reason code to send.
 * 2. Every link ends in exactly one `port.ended`. After it nothing is received on that link and nothing delivered.
 * 3. Connected means CONNACK, and with enhanced authentication also that the server proved itself.
 * 4. What a new link sends, in order: SUBSCRIBEs, then PUBRELs, resends, the queue (see outgoing.ts).
 * 5. Nothing but a link knows what was negotiated; a new one starts from the defaults.
 *
 * | state        | meaning                           | entered by                | left by                            |
 * |--------------|-----------------------------------|---------------------------|------------------------------------|
 * | no link      | packets wait                      | any end                   | `opened`                           |
 * | `connecting` | CONNECT is out                    | `opened`                  | CONNACK, `confirm`, any end        |
 * | `connected`  | everything flows                  | CONNACK, `confirm`        | any end                            |
 *
 * Ends: DISCONNECT, a refusing CONNACK, a fault of the peer, a dead peer, `closed` (the transport's), `disconnect`.
 */

import type {
  AckPacket,
  AuthPacket,
  ConnackPacket,
  ConnectPacket,
  DecodedPublishPacket,
  DisconnectPacket,
  DisconnectProperties,
  Packet,
  PacketType,
  SubscribeAckPacket,
} from '../codec/packet';
import { ConnectionError, type MqttError, PeerError, ProtocolError, RefusedError } from '../errors';
import type { ProtocolVersion, PublishProperties, UserProperties } from '../message';
import { reasonCodeOfReturnCode } from '../reason-code';
import { HeldPackets } from './held-packets';
import { type Deliver, Incoming } from './incoming';
import type { IncomingMessage } from './incoming-message';
import { Link } from './link';
import type { LinkEnd } from './link-end';
import type { Now } from './now';
import { Outgoing, type OutgoingOptions } from './outgoing';
import type { OutgoingContent, OutgoingMessage, PublishListener } from './outgoing-message';
import { PacketIds } from './packet-ids';
import type {
  IncomingRecord,
  PublishRecord,
  Records,
  ReleaseRecord,
  SessionRecord,
  SubscriptionRecord,
} from './records';
import type { ServerLimits } from './server-limits';
import {
  type RequestListener,
  type SubscriptionOptions,
  type SubscriptionRequest,
  Subscriptions,
  type WireSubscription,
} from './subscriptions';
import { type Batch, Turn } from './turn';

/** How a session behaves; complete. */
export interface SessionOptions extends OutgoingOptions {
  /** QoS 1 and 2 messages in flight, also when the server would take more. */
  readonly maxInflight: number;
  /** Largest packet that we take, in bytes; in MQTT 5.0 CONNECT announces it. */
  readonly maximumPacketSize: number;
  /** Whether topics are aliased on the way out. */
  readonly topicAliases: boolean;
  /** False when nobody can restore the session: then it makes no store operations. */
  readonly recording: boolean;
}

/** What an accepted connection brought. */
export interface Connected {
  /** The server resumed the session. */
  readonly sessionPresent: boolean;
  /** We had a session, and the server does not have it any more. */
  readonly sessionLost: boolean;
  readonly server: ServerLimits;
  readonly protocolVersion: ProtocolVersion;
}

/** Who learns what the session finds out. None of these may throw. */
export interface SessionPort {
  /** The server accepted the connection. */
  connected(result: Connected): void;
  /** A message for its takers; with a handle the session waits for `acknowledge`. */
  message: Deliver;
  /** A filter that had been granted is refused in the server's new session. */
  subscriptionLost(filter: string, error: MqttError): void;
  /** A message of an earlier page came to its end. */
  settled(key: string | undefined, error: Error | undefined): void;
  /** The server continues enhanced authentication: answer with `authenticate` [v5 4.12]. */
  challenged(data: Uint8Array | undefined): void;
  /** The server accepted the authentication; during a connect `confirm` has to follow. */
  authenticated(data: Uint8Array | undefined): void;
  /** The link is over: flush what is left when `end.flush`, close the transport, call `closed`. */
  ended(end: LinkEnd): void;
}

type Handler = (packet: Packet, link: Link, now: Now) => void;

/** The session. */
export class Session {
  /** Called for every packet received, when set. */
  tap: ((packet: Packet) => void) | undefined;
  readonly #options: SessionOptions;
  readonly #port: SessionPort;
  readonly #turn: Turn;
  readonly #ids = new PacketIds();
  readonly #outgoing: Outgoing;
  readonly #incoming: Incoming;
  readonly #subscriptions: Subscriptions;
  /** That the server has a session of ours, as far as we know. */
  #record: SessionRecord | undefined;
  /** Sessions that the server had so far: see {@link Batch.epoch}. */
  #epoch = 0;
  #link: Link | undefined;
  /** A link that is over for us, whose last bytes may still be written. */
  #ending: Link | undefined;
  /** Set while an accepting CONNACK waits for `confirm`. */
  #held: HeldPackets | undefined;
  /** Whether AUTH of the server is expected on a connected link. */
  #reauthenticating = false;
  /** The time of the input that is being worked on. */
  #now: Now = { monotonic: 0, wall: 0 };

  constructor(options: SessionOptions, port: SessionPort) {
    this.#options = options;
    this.#port = port;
    this.#turn = new Turn(options.recording);
    this.#outgoing = new Outgoing(options, this.#turn, this.#ids, (key, error) => port.settled(key, error));
    this.#incoming = new Incoming(this.#turn, (packet, message, redelivered) =>
      port.message(packet, message, redelivered),
    );
    this.#subscriptions = new Subscriptions(this.#turn, this.#ids, (filter, error) =>
      port.subscriptionLost(filter, error),
    );
  }

  // --- what is known

  /** The server's session as we know it; undefined when we know of none. */
  get record(): SessionRecord | undefined {
    return this.#record;
  }

  /** What the server announced; undefined while not connected. */
  get limits(): ServerLimits | undefined {
    return this.#link?.limits;
  }

  /** Version of the link, while there is one. */
  get protocolVersion(): ProtocolVersion | undefined {
    return this.#link?.protocolVersion;
  }

  get isConnected(): boolean {
    return this.#link?.state === 'connected';
  }

  /** True when the next connect has to start a new session, to be rid of a message that the server chokes on. */
  get needsCleanStart(): boolean {
    return this.#outgoing.needsCleanStart;
  }

  /** Numbers for `client.stats`. */
  get counts() {
    const { queued, queuedBytes, inFlight } = this.#outgoing;
    return { queued, queuedBytes, inFlight, unacknowledged: this.#incoming.unacknowledged };
  }

  /** The subscription of a filter as it is on the wire. */
  subscription(filter: string): WireSubscription | undefined {
    return this.#subscriptions.get(filter);
  }

  /** All subscriptions as they are on the wire. */
  subscriptions(): Iterable<WireSubscription> {
    return this.#subscriptions.values();
  }

  /** Bytes that wait for the next batch. */
  get pendingBytes(): number {
    return this.#link?.output.length ?? 0;
  }

  // --- inputs from the application

  /** See {@link Outgoing.publishNow}. */
  publishNow(
    topic: string,
    payload: Uint8Array,
    retain: boolean,
    properties: PublishProperties | undefined,
  ): boolean {
    return this.#outgoing.publishNow(topic, payload, retain, properties);
  }

  /** See {@link Outgoing.publish}. */
  publish(content: OutgoingContent, listener: PublishListener, now: Now): OutgoingMessage {
    return this.#outgoing.publish(content, listener, now);
  }

  /** See {@link Outgoing.withdraw}. */
  withdraw(message: OutgoingMessage): boolean {
    return this.#outgoing.withdraw(message);
  }

  /** Messages that the server has not taken yet. */
  pending(): Iterable<OutgoingMessage> {
    return this.#outgoing.pending();
  }

  /** See {@link Subscriptions.subscribe}. */
  subscribe(
    entries: readonly ({ readonly filter: string } & SubscriptionOptions)[],
    listener: RequestListener,
  ): SubscriptionRequest {
    return this.#subscriptions.subscribe(entries, listener);
  }

  /** See {@link Subscriptions.unsubscribe}. */
  unsubscribe(
    filters: readonly string[],
    userProperties: UserProperties | undefined,
    listener: RequestListener | undefined,
  ): SubscriptionRequest {
    return this.#subscriptions.unsubscribe(filters, userProperties, listener);
  }

  /** See {@link Subscriptions.withdraw}. */
  withdrawRequest(request: SubscriptionRequest): boolean {
    return this.#subscriptions.withdraw(request);
  }

  /** The takers of a message have settled; the reason code goes into PUBACK or PUBREC in MQTT 5.0. */
  acknowledge(message: IncomingMessage, reasonCode: number): void {
    this.#incoming.acknowledge(message, reasonCode);
  }

  /** See {@link Incoming.forget}. */
  forget(message: IncomingMessage | undefined): void {
    this.#incoming.forget(message);
  }

  /** Sends the next step of enhanced authentication; `again` starts a re-authentication [v5 4.12.1]. */
  authenticate(data: Uint8Array | undefined, again: boolean): void {
    const link = this.#link;
    if (!link) return;
    if (again) this.#reauthenticating = true;
    const authenticationMethod = link.connect.properties?.authenticationMethod;
    const properties = { authenticationMethod, authenticationData: data };
    link.write({ type: 'auth', reasonCode: again ? 0x19 : 0x18, properties });
  }

  /** The server proved itself: the accepted connection begins. */
  confirm(now: Now): void {
    const held = this.#held;
    const link = this.#link;
    if (!held || !link) return;
    this.#held = undefined;
    this.#guard(link, now, () => {
      this.#accepted(held.connack, link, now);
      for (const packet of held.packets) {
        if (this.#link !== link) return;
        this.#handle(packet, link);
      }
    });
  }

  /** Ends the link from our side, with DISCONNECT; an error says why when it was not asked for. */
  disconnect(reasonCode: number, properties: DisconnectProperties | undefined, error: MqttError): void {
    const link = this.#link;
    if (!link) return;
    const isV5 = link.protocolVersion === 5;
    // Before MQTT 5.0 DISCONNECT means "all is well" and withholds the will: a fault just closes [v3 3.14.4].
    const says = isV5 || reasonCode === 0;
    if (says) {
      link.write({
        type: 'disconnect',
        reasonCode: isV5 ? reasonCode : 0,
        properties: isV5 ? properties : undefined,
      });
    }
    this.#end(link, { error, by: 'us', flush: says, reasonCode: undefined });
  }

  /** Ends the link from our side without a word: nobody may be there to hear it. */
  drop(error: MqttError): void {
    if (this.#link) this.#end(this.#link, { error, by: 'us', flush: false, reasonCode: undefined });
  }

  /**
   * Lets go of everything that waits, with errors.
   * @param keep whether messages stay for the next connection; then only their callers are let go
   */
  abandon(errorOf: (message: OutgoingMessage) => Error, requestError: MqttError, keep: boolean): void {
    this.#outgoing.abandon(errorOf, keep);
    this.#subscriptions.abandon(requestError);
    if (keep) return;
    this.#subscriptions.clear();
    this.#incoming.restart();
    this.#forgetSession();
  }

  // --- inputs from the store

  /** Brings back what a store kept; before anything else. */
  restore(records: Records): void {
    const publishes: PublishRecord[] = [];
    const releases: ReleaseRecord[] = [];
    const incoming: IncomingRecord[] = [];
    const subscriptions: SubscriptionRecord[] = [];
    for (const record of records) {
      if (record.kind === 'publish') publishes.push(record);
      else if (record.kind === 'release') releases.push(record);
      else if (record.kind === 'incoming') incoming.push(record);
      else if (record.kind === 'subscription') subscriptions.push(record);
      else this.#record = record;
    }
    this.#outgoing.restore(publishes, releases);
    this.#incoming.restore(incoming);
    this.#subscriptions.restore(subscriptions);
  }

  /** Takes what has collected since the last call; undefined when there is nothing. */
  takeBatch(): Batch | undefined {
    const link = this.#link ?? this.#ending;
    if (!this.#turn.pending && (link === undefined || link.output.length === 0)) return undefined;
    return this.#turn.take(link, link?.output.take() ?? [], this.#epoch);
  }

  /**
   * The operations of a batch are durable.
   * @returns whether its bytes may be written now: its link is still the one
   */
  committed(batch: Batch, now: Now): boolean {
    if (batch.epoch === this.#epoch) for (const packetId of batch.freed) this.#ids.release(packetId);
    for (const message of batch.accepted) message.listener?.accepted?.();
    if (batch.freed.length > 0) this.#outgoing.pump(now);
    const { link } = batch;
    if (!link || (link !== this.#link && link !== this.#ending)) return false;
    for (const message of batch.sent) message.reached = true;
    if (batch.frames.length > 0) link.keepAlive?.sent(now);
    return true;
  }

  /** The operations of a batch could not be written: new messages of it are refused, and the link ends. */
  commitFailed(batch: Batch, error: MqttError): void {
    this.#outgoing.unaccept(batch.accepted, error);
    const refused = new Set(batch.accepted.map(({ order }) => order));
    this.#turn.carry(
      batch.operations.filter(
        (operation) =>
          !(
            operation.type === 'put' &&
            operation.record.kind === 'publish' &&
            refused.has(operation.record.id)
          ),
      ),
    );
    this.disconnect(0x83, undefined, error);
  }

  // --- inputs from the transport and the clock

  /** A transport is open: CONNECT goes out. */
  opened(connect: ConnectPacket, now: Now): void {
    this.#now = now;
    const link: Link = new Link(connect, this.#options.maximumPacketSize, (packet) =>
      this.#dispatch(packet, link),
    );
    this.#link = link;
    this.#ending = undefined;
    this.#held = undefined;
    this.#reauthenticating = false;
    link.write(connect);
  }

  /** Bytes arrived. */
  receive(bytes: Uint8Array, now: Now): void {
    const link = this.#link;
    if (!link) return;
    link.keepAlive?.received();
    if (link.state === 'connecting' && link.refusesVersion(bytes)) {
      const error = new RefusedError(0x84, 'The server does not speak MQTT 5.0');
      this.#end(link, { error, by: 'server', flush: false, reasonCode: 0x84 });
      return;
    }
    this.#guard(link, now, () => link.decoder.push(bytes));
  }

  /** The transport is gone; the error says why if it was not orderly. */
  closed(cause?: Error): void {
    this.#ending = undefined;
    const link = this.#link;
    if (!link) return;
    const before = link.state === 'connecting' ? ' before it answered CONNECT' : '';
    const error =
      cause instanceof PeerError
        ? cause
        : new ConnectionError('lost', `The connection to the server was lost${before}`, { cause });
    this.#end(link, { error, by: 'network', flush: false, reasonCode: undefined });
  }

  /** Monotonic time at which `tick` is due; Infinity when it is not. */
  deadline(now: Now): number {
    const keepAlive = this.#link?.keepAlive?.deadline ?? Number.POSITIVE_INFINITY;
    return Math.min(keepAlive, now.monotonic + Math.max(0, this.#outgoing.nextExpiry - now.wall));
  }

  /** Time has passed. */
  tick(now: Now): void {
    this.#outgoing.expire(now);
    const link = this.#link;
    if (!link?.keepAlive) return;
    const action = link.keepAlive.look(now);
    if (action === 'ping') link.write({ type: 'pingreq' });
    if (action !== 'dead') return;
    const error = new ConnectionError(
      'keep-alive',
      'The server did not answer PINGREQ in time: the connection is dead',
    );
    this.#end(link, { error, by: 'silence', flush: false, reasonCode: undefined });
  }

  /** Something suggests that the link may be dead: asks the server, with a short wait. */
  probe(now: Now): void {
    const link = this.#link;
    if (link?.state !== 'connected') return;
    link.keepAlive?.probe(now);
    link.write({ type: 'pingreq' });
  }

  // --- inside

  #guard(link: Link, now: Now, work: () => void): void {
    this.#now = now;
    try {
      work();
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      if (this.#link === link) this.disconnect(error.reasonCode ?? 0x82, undefined, error);
    }
  }

  #dispatch(packet: Packet, link: Link): void {
    this.tap?.(packet);
    if (this.#link !== link) return;
    if (this.#held) {
      this.#held.push(packet);
      return;
    }
    this.#handle(packet, link);
  }

  #handle(packet: Packet, link: Link): void {
    const handlers: Handlers = link.state === 'connecting' ? this.#whileConnecting : this.#whileConnected;
    const handler = handlers[packet.type];
    if (!handler) {
      const when = link.state === 'connecting' ? ' before CONNACK' : '';
      throw new ProtocolError(`The server sent ${packet.type.toUpperCase()}${when}, which it must not`);
    }
    handler(packet, link, this.#now);
  }

  /** What the server may send before it accepted the connection [v5 MQTT-3.2.0-1]. */
  readonly #whileConnecting: Handlers = {
    connack: (packet, link, now) => this.#connack(packet as ConnackPacket, link, now),
    auth: (packet, link) => this.#auth(packet as AuthPacket, link),
    disconnect: (packet, link) => {
      if (link.protocolVersion !== 5)
        throw new ProtocolError('The server sent DISCONNECT, which only clients may send');
      const { reasonCode } = packet as DisconnectPacket;
      throw new ProtocolError(
        'The server sent DISCONNECT before CONNACK [MQTT-3.14.0-1]',
        'protocol-error',
        0x82,
        new RefusedError(Math.max(reasonCode, 0x80), 'The server ended the connection'),
      );
    },
  };

  /** What the server may send afterwards. */
  readonly #whileConnected: Handlers = {
    publish: (packet, link) => this.#publish(packet as DecodedPublishPacket, link),
    puback: (packet, link, now) => this.#outgoing.puback(packet as AckPacket, link, now),
    pubrec: (packet, link, now) => this.#outgoing.pubrec(packet as AckPacket, link, now),
    pubrel: (packet, link) => this.#incoming.pubrel(packet as AckPacket, link),
    pubcomp: (packet, link, now) => this.#outgoing.pubcomp(packet as AckPacket, link, now),
    suback: (packet, link) => this.#subscriptions.acknowledged(packet as SubscribeAckPacket, link),
    unsuback: (packet, link) => this.#subscriptions.acknowledged(packet as SubscribeAckPacket, link),
    pingresp: (_packet, _link, now) => this.#outgoing.alive(now),
    disconnect: (packet, link) => this.#disconnected(packet as DisconnectPacket, link),
    auth: (packet, link) => this.#auth(packet as AuthPacket, link),
  };

  #connack(packet: ConnackPacket, link: Link, now: Now): void {
    const isV5 = link.protocolVersion === 5;
    if (packet.reasonCode !== 0) {
      const reasonCode = isV5 ? packet.reasonCode : reasonCodeOfReturnCode(packet.reasonCode);
      const reasonString = packet.properties?.reasonString;
      const error = new RefusedError(reasonCode, 'The server refused the connection', { reasonString });
      const { serverReference } = packet.properties ?? {};
      this.#end(link, { error, by: 'server', flush: false, reasonCode, serverReference });
      return;
    }
    const method = link.connect.properties?.authenticationMethod;
    if (packet.properties?.authenticationMethod !== undefined || method !== undefined) {
      this.#checkMethod(packet.properties?.authenticationMethod ?? method, link);
    }
    // [v5 MQTT-3.2.2-2, v3 MQTT-3.2.2-1]
    if (packet.sessionPresent && link.connect.clean) {
      throw new ProtocolError(
        'The server resumed a session although a clean one was asked for [MQTT-3.2.2-2]',
      );
    }
    if (isV5 && packet.sessionPresent && !this.#record) {
      const error = new ProtocolError(
        'The server resumed a session that this client does not know [MQTT-3.2.2-4]',
      );
      link.write({ type: 'disconnect', reasonCode: 0x82 });
      this.#end(link, { error, by: 'us', flush: true, reasonCode: undefined, cleanStart: true });
      return;
    }
    if (method === undefined) {
      this.#accepted(packet, link, now);
      return;
    }
    this.#held = new HeldPackets(packet);
    this.#port.authenticated(packet.properties?.authenticationData);
  }

  #accepted(packet: ConnackPacket, link: Link, now: Now): void {
    const { protocolVersion, connect } = link;
    const server = link.accepted(packet, this.#options, now);
    // MQTT 3.1 does not say whether it resumed; when asked to, it does if it can.
    const resumed =
      protocolVersion === 3 ? !connect.clean && this.#record !== undefined : packet.sessionPresent;
    const sessionLost = this.#record !== undefined && !resumed && !connect.clean;
    this.#remember({ kind: 'session', id: 0, protocolVersion, clientId: server.clientId });
    if (!resumed) {
      this.#epoch += 1;
      this.#incoming.restart();
      this.#outgoing.discardIds();
    }
    this.#subscriptions.connected(link, resumed && protocolVersion !== 3);
    if (resumed) this.#outgoing.resume(link, now);
    else this.#outgoing.restart(link, now);
    if (this.#outgoing.probing) link.write({ type: 'pingreq' });
    this.#port.connected({ sessionPresent: resumed, sessionLost, server, protocolVersion });
  }

  #publish(packet: DecodedPublishPacket, link: Link): void {
    const alias = packet.properties?.topicAlias;
    if (alias !== undefined) packet.topic = link.inboundAliases.resolve(alias, packet.topic);
    this.#incoming.publish(packet, link);
  }

  #auth(packet: AuthPacket, link: Link): void {
    const { reasonCode, properties } = packet;
    this.#checkMethod(properties?.authenticationMethod, link);
    const isConnecting = link.state === 'connecting';
    if (!isConnecting && !this.#reauthenticating) {
      throw new ProtocolError('The server sent AUTH although no authentication is in progress [v5 4.12.1]');
    }
    if (reasonCode === 0x18) {
      this.#port.challenged(properties?.authenticationData);
    } else if (reasonCode === 0 && !isConnecting) {
      this.#reauthenticating = false;
      this.#port.authenticated(properties?.authenticationData);
    } else {
      throw new ProtocolError(
        `The server sent AUTH with reason code ${reasonCode}, which it must not here [v5 4.12]`,
      );
    }
  }

  #checkMethod(method: string | undefined, link: Link): void {
    const asked = link.connect.properties?.authenticationMethod;
    // [v5 MQTT-4.12.0-6]
    if (asked === undefined)
      throw new ProtocolError('The server started an authentication that was not asked for');
    // [v5 MQTT-4.12.0-5]
    if (method !== asked)
      throw new ProtocolError('The server changed the authentication method [MQTT-4.12.0-5]');
  }

  #disconnected(packet: DisconnectPacket, link: Link): void {
    if (link.protocolVersion !== 5)
      throw new ProtocolError('The server sent DISCONNECT, which only clients may send');
    const { reasonCode, properties } = packet;
    const reasonString = properties?.reasonString;
    const error =
      reasonCode < 0x80
        ? new ConnectionError('lost', 'The server ended the connection', { reasonCode })
        : new RefusedError(reasonCode, 'The server ended the connection', { reasonString });
    this.#end(link, {
      error,
      by: 'server',
      flush: false,
      reasonCode,
      serverReference: properties?.serverReference,
    });
  }

  #end(link: Link, end: Omit<LinkEnd, 'wasConnected' | 'answered'>): void {
    const wasConnected = link.state === 'connected';
    link.state = 'ended';
    link.decoder.stop();
    this.#link = undefined;
    this.#held = undefined;
    this.#reauthenticating = false;
    if (end.flush) this.#ending = link;
    this.#subscriptions.detached();
    this.#incoming.detached();
    const { by, reasonCode } = end;
    this.#outgoing.detached(link, wasConnected && (by === 'server' || by === 'network'), reasonCode);
    this.#port.ended({ ...end, wasConnected, answered: link.answered });
  }

  #remember(record: SessionRecord): void {
    const { protocolVersion, clientId } = this.#record ?? {};
    this.#record = record;
    if (protocolVersion === record.protocolVersion && clientId === record.clientId) return;
    if (this.#turn.recording) this.#turn.put(record);
  }

  #forgetSession(): void {
    if (this.#record) this.#turn.delete('session', 0);
    this.#record = undefined;
    this.#epoch += 1;
  }
}

type Handlers = { readonly [Type in PacketType]?: Handler };
