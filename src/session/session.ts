/**
 * The MQTT session: what the client and the server know of each other. It survives connections; it does no I/O.
 *
 * Inputs are method calls from our side; outputs are one batch a turn (see turn.ts) and the calls of its port.
 *
 * 1. Bytes of the peer never make it throw: they end the link, with the reason code to send.
 * 2. Every link ends in exactly one `port.ended`. After it nothing is received on that link and nothing delivered.
 * 3. Connected means CONNACK, and with enhanced authentication also that the server proved itself.
 * 4. What a new link sends, in order: SUBSCRIBEs, then PUBRELs, resends, the queue (see outgoing.ts). What may have
 *    ended links goes alone and after a ping (see poison.ts).
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
  ConnackPacket,
  ConnectPacket,
  DecodedPublishPacket,
  DisconnectPacket,
  DisconnectProperties,
  Packet,
  PacketType,
} from '../codec/packet';
import {
  ConnectionError,
  MalformedPacketError,
  MqttError,
  PeerError,
  ProtocolError,
  RefusedError,
} from '../errors';
import type { ProtocolVersion } from '../message';
import { reasonCodeOfReturnCode } from '../reason-code';
import { authPacket, checkMethod, takeAuth } from './authentication';
import { HeldPackets } from './held-packets';
import { Incoming } from './incoming';
import { Link, type PacketTap } from './link';
import type { LinkEnd } from './link-end';
import type { Now } from './now';
import { Nudge } from './nudge';
import { Outgoing } from './outgoing';
import type { OutgoingMessage } from './outgoing-message';
import { OwnRecords } from './own-records';
import { PacketIds } from './packet-ids';
import type { Note, RecordKind, Records, SessionRecord, StoreOperation, StoreRecord } from './records';
import { refusalOfSize } from './refusals';
import type { ServerLimits } from './server-limits';
import type { SessionOptions, SessionPort, TransportTraits } from './session-port';
import type { RequestPart } from './subscription-request';
import { Subscriptions } from './subscriptions';
import { acknowledgements, type Batch, qos0Publishes, requests, Turn } from './turn';

export type { Connected, SessionOptions, SessionPort } from './session-port';

/** The session. */
export class Session {
  /** Messages to the server: `publishNow`, `publish` and `withdraw` are inputs. */
  readonly outgoing: Outgoing;
  /** Messages of the server: `acknowledge` and `forget` are inputs. */
  readonly incoming: Incoming;
  /** Subscriptions: `subscribe`, `unsubscribe` and `withdraw` are inputs. */
  readonly subscriptions: Subscriptions;
  /** Records of the client's own. */
  readonly own: OwnRecords;
  #tap: PacketTap | undefined;
  readonly #options: SessionOptions;
  readonly #port: SessionPort;
  readonly #turn: Turn;
  readonly #ids = new PacketIds<OutgoingMessage | RequestPart[]>();
  /** Links in a row that died without an answer to a ping. */
  #silences = 0;
  /** That the server has a session of ours, as far as we know. */
  #record: SessionRecord | undefined;
  #link: Link | undefined;
  /** The server has just discarded the session that is known, whatever its next CONNACK says. */
  #isRenewed = false;
  /** A link that is over for us, whose last bytes may still be written. */
  #ending: Link | undefined;
  /** What goes out before the last bytes of a link, and may have to wait for the store. */
  #sealed: Batch | undefined;

  constructor(options: SessionOptions, port: SessionPort) {
    this.#options = options;
    this.#port = port;
    this.#turn = new Turn(options.recording);
    this.own = new OwnRecords(this.#turn);
    const note: Note = (news) => {
      if (this.#record) this.#remember({ ...this.#record, ...news });
    };
    this.outgoing = new Outgoing(options, this.#turn, this.#ids, port, note);
    this.incoming = new Incoming(this.#turn, port);
    this.subscriptions = new Subscriptions(this.#turn, this.#ids, port, note);
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
    return this.#record?.cleanStart ?? false;
  }

  /** Numbers for `client.stats`. */
  get counts() {
    const { queue, inFlight } = this.outgoing;
    const { unacknowledged } = this.incoming;
    return { queued: queue.length, queuedBytes: queue.bytes, inFlight, unacknowledged };
  }

  /** Whether there is a batch to take. */
  get hasOutput(): boolean {
    const link = this.#link ?? this.#ending;
    return this.#sealed !== undefined || this.#turn.pending || (link?.output.length ?? 0) > 0;
  }

  /** Bytes that wait for the next batch. */
  get pendingBytes(): number {
    return this.#link?.output.length ?? 0;
  }

  /** Acknowledgements written on this link, of any kind. */
  get answers(): number {
    return this.#link?.answers ?? 0;
  }

  // --- inputs from the application

  /** Sends the next step of enhanced authentication; `again` starts a re-authentication [v5 4.12.1]. */
  authenticate(data: Uint8Array | undefined, again: boolean): void {
    const link = this.#link;
    if (!link) return;
    const packet = authPacket(link, data, again);
    const refusal = refusalOfSize(link, 'AUTH packet', link.sizeOf(packet));
    if (refusal) {
      this.disconnect(0x83, undefined, refusal);
      return;
    }
    link.reauthenticating ||= again;
    link.write(packet);
  }

  /** The server proved itself: the accepted connection begins. */
  confirm(now: Now): void {
    const link = this.#link;
    const held = link?.held;
    if (!link || !held) return;
    link.held = undefined;
    this.#guard(link, now, () => {
      this.#accepted(held.connack, link);
      for (const packet of held.packets) if (this.#link === link) this.#handle(packet, link);
    });
  }

  /**
   * Ends the link from our side, with DISCONNECT; the error says why.
   * @param cleanStart whether the next connect, which follows at once then, has to ask for a clean start
   */
  disconnect(
    reasonCode: number,
    properties: DisconnectProperties | undefined,
    error: MqttError,
    cleanStart?: boolean,
  ): void {
    const link = this.#link;
    if (!link) return;
    const isV5 = link.protocolVersion === 5;
    // Before MQTT 5.0 DISCONNECT means "all is well" and withholds the will: a fault just closes [v3 3.14.4].
    const flush = isV5 || reasonCode === 0;
    if (flush) {
      // It does not wait for the store with what is before it.
      if (this.#turn.ordered) this.#sealed = this.#turn.take(link);
      link.disconnect(reasonCode, properties);
    }
    this.#end(link, { error, by: 'us', flush, cleanStart });
  }

  /** Ends the link from our side without a word: nobody may be there to hear it. */
  drop(error: MqttError): void {
    if (this.#link) this.#end(this.#link, { error, by: 'us' });
  }

  /**
   * Lets go of everything that waits, with errors; after the end of the link.
   * @param keep whether the session stays, with its subscriptions
   * @param keepMessages whether messages stay for the next connection; then only their callers are let go
   */
  abandon(
    errorOf: (message: OutgoingMessage) => Error,
    requestError: MqttError,
    keep: boolean,
    keepMessages = keep,
  ): void {
    this.outgoing.abandon(errorOf, keepMessages);
    this.subscriptions.abandon(requestError, keep);
    if (keep) return;
    this.incoming.restart();
    if (this.#record) this.#turn.delete('session', 0);
    this.#record = undefined;
  }

  // --- inputs from the store

  /** Brings back what a store kept; before anything else. @throws StoreError for what it cannot have kept, and changes nothing */
  restore(records: Records): void {
    const of = <Kind extends RecordKind>(kind: Kind) =>
      records.filter((record): record is Extract<StoreRecord, { kind: Kind }> => record.kind === kind);
    // First what may find fault with the records: then nothing of them is here, and they can be read again.
    this.outgoing.restore(of('publish'), of('release'));
    [this.#record] = of('session');
    this.incoming.restore(of('incoming'));
    this.own.restore([...of('inbox'), ...of('key')]);
    this.subscriptions.restore(of('subscription'), this.#record?.lastIdentifier);
  }

  /** Takes what has collected since the last call; undefined when there is nothing. */
  takeBatch(): Batch | undefined {
    const sealed = this.#sealed;
    this.#sealed = undefined;
    return sealed ?? (this.hasOutput ? this.#turn.take(this.#link ?? this.#ending) : undefined);
  }

  /**
   * The operations of a batch are durable.
   * @returns whether its bytes may be written now: its link is still the one
   */
  committed(batch: Batch, now: Now): boolean {
    this.#turn.now = now;
    if (!this.#turn.finished(batch)) return false;
    for (const message of batch.accepted) message.listener?.accepted?.();
    for (const packetId of batch.freed) this.#ids.release(packetId);
    if (batch.freed.length > 0) this.#pump();
    const { link } = batch;
    if (!link || (link !== this.#link && link !== this.#ending)) return false;
    // [v5 MQTT-3.14.4-1, v3 MQTT-3.14.4-2] what waited for the store while DISCONNECT left comes too late
    if (link === this.#ending && !batch.ordered) this.#ending = undefined;
    if (batch.sent.length > 0) link.publishedAt = now.monotonic;
    if (batch.kinds & requests) link.requestedAt = now.monotonic;
    for (const message of batch.sent) message.reached = true;
    if (batch.frames.length > 0) {
      link.keepAlive?.sent(now);
      link.nudge?.sent();
    }
    return true;
  }

  /**
   * The operations of these batches, which follow each other, could not be written: their new messages are refused, and
   * the link ends.
   *
   * @param mayBeApplied whether the store may have them, or get them yet, all the same
   */
  commitFailed(batches: readonly Batch[], error: MqttError, mayBeApplied = false): void {
    const failed = batches.filter((batch) => this.#turn.finished(batch));
    if (failed.length === 0) return;
    // Later batches may be in the store already, so what counts is what is known now: one operation for each record.
    const names = new Map<string, readonly [RecordKind, StoreRecord['id']]>();
    const note = (operation: StoreOperation) => {
      const { kind, id } = operation.type === 'put' ? operation.record : operation;
      names.set(`${kind} ${id}`, [kind, id]);
    };
    for (const { operations, accepted } of failed) {
      operations.forEach(note);
      this.outgoing.unaccept(accepted, error);
    }
    this.#turn.batch.operations.splice(0).forEach(note);
    if (!mayBeApplied && !this.#turn.isWaiting) {
      // No write holds any of these, so there is nothing to remove: what fails again and again must not add up.
      for (const { order } of failed.flatMap(({ accepted }) => accepted)) {
        names.delete(`publish ${order}`);
        names.delete(`release ${order}`);
      }
    }
    const isLost = error.code === 'store-lost';
    // A full disk refuses each publish: that must not cost a look at all that is stored.
    if (isLost || names.size > 0)
      for (const record of this.records()) {
        if (names.delete(`${record.kind} ${record.id}`) || isLost) this.#turn.put(record);
      }
    for (const name of names.values()) this.#turn.delete(...name);
    for (const { freed, kinds } of failed) {
      for (const packetId of freed) this.#turn.batch.freed.push(packetId);
      // The next link's packets of these kinds rest on the same records; without any, CONNECT would wait for others.
      if (this.#turn.pending) this.#turn.batch.kinds |= kinds;
    }
    this.disconnect(0x83, undefined, error);
  }

  /** All that a store should hold of the session. */
  *records(): Generator<StoreRecord> {
    if (this.#record) yield this.#record;
    yield* this.outgoing.records();
    yield* this.incoming.records();
    yield* this.subscriptions.records();
    yield* this.own.values();
  }

  // --- inputs from the transport and the clock

  /** Shows every packet that is received or written; undefined ends that. */
  tap(tap: PacketTap | undefined): void {
    this.#tap = tap;
    if (this.#link) this.#link.tap = tap;
  }

  /**
   * A transport is open: CONNECT goes out.
   * @param transport what it says of itself, see `Connection`
   * @param isForced whether it asks for a clean start that the application did not ask for
   */
  opened(connect: ConnectPacket, now: Now, transport: TransportTraits = {}, isForced = false): void {
    this.#turn.now = now;
    const link: Link = new Link(connect, isForced, this.#options.maximumPacketSize, this.#tap, (packet) =>
      this.#received(packet, link),
    );
    link.openedAt = now.monotonic;
    if (transport.delayedAcks) link.nudge = new Nudge();
    link.zeroCopy = transport.zeroCopy === true;
    this.#link = link;
    this.#ending = undefined;
    link.write(connect);
  }

  /** Bytes arrived. */
  receive(bytes: Uint8Array, now: Now): void {
    const link = this.#link;
    if (!link) return;
    link.answered ||= bytes.length > 0;
    link.keepAlive?.received(now);
    const { inFlight } = this.outgoing;
    this.#guard(link, now, () => {
      link.held?.count(bytes.length);
      link.decoder.push(bytes);
    });
    const left = this.outgoing.inFlight;
    link.nudge?.received(left < inFlight, left > 0 && !this.hasOutput, now);
  }

  /** The transport is gone; the error says why if it was not orderly. */
  closed(cause?: Error, now: Now = this.#turn.now): void {
    this.#turn.now = now;
    this.#ending = undefined;
    const link = this.#link;
    if (!link) return;
    const isEarly = link.state === 'connecting';
    const before = isEarly ? ' before it answered CONNECT' : '';
    const why = cause ? `: ${cause.message}` : '';
    const advice = isEarly && !link.answered ? '; check scheme and port of the URL' : '';
    const error =
      cause instanceof PeerError
        ? cause
        : new ConnectionError('lost', `The connection to the server was lost${before}${why}${advice}`, {
            cause,
          });
    this.#end(link, { error, by: 'network' });
  }

  /** Monotonic time at which `tick` is due; Infinity when it is not. */
  deadline(now: Now): number {
    const { keepAlive, nudge, probingUntil = Infinity } = this.#link ?? {};
    const ping = Math.min(keepAlive?.deadline(now) ?? Infinity, nudge?.deadline ?? Infinity);
    const { queue } = this.outgoing;
    return Math.min(ping, probingUntil, now.monotonic + Math.max(0, queue.nextExpiry - now.wall));
  }

  /**
   * Time has passed.
   * @param flows whether the transport still holds bytes of those that it held before the last input, and fewer
   */
  tick(now: Now, flows = false): void {
    this.#turn.now = now;
    this.outgoing.queue.expire(now);
    const link = this.#link;
    if (!link?.keepAlive) return;
    if (now.monotonic >= link.probingUntil) {
      // It had the time to answer.
      link.probingUntil = Infinity;
      this.#pump();
    }
    const action = link.keepAlive.look(now, flows);
    if (link.nudge?.look(now) || action === 'ping') link.write({ type: 'pingreq' });
    if (action === 'slept') {
      this.probe(now);
      this.#port.slept();
    }
    if (action !== 'dead') return;
    const error = new ConnectionError(
      'keep-alive',
      'The server did not answer PINGREQ in time: the connection is dead',
    );
    this.#end(link, { error, by: 'silence' });
  }

  /** Something suggests that the link may be dead: asks the server, with a short wait. */
  probe(now: Now): void {
    const link = this.#link;
    if (link?.state === 'connected' && link.keepAlive?.probe(now)) link.write({ type: 'pingreq' });
  }

  // --- inside

  /** Works on an input of the peer: whatever is wrong with it ends the link [v3 MQTT-4.8.0-1, MQTT-4.8.0-2]. */
  #guard(link: Link, now: Now, work: () => void): void {
    this.#turn.now = now;
    try {
      work();
    } catch (cause) {
      if (this.#link !== link) return;
      let error =
        cause instanceof MqttError
          ? cause
          : new ConnectionError('lost', `An internal fault ended the connection: ${cause}`, { cause });
      if (link.state === 'connecting' && cause instanceof MalformedPacketError) {
        // Whoever answers may speak another protocol.
        error = new MalformedPacketError(`${cause.message}; check scheme and port of the URL`, cause);
      }
      const reasonCode = cause instanceof PeerError ? (cause.reasonCode ?? 0x82) : 0x83;
      this.disconnect(reasonCode, undefined, error);
    }
  }

  #received(packet: Packet, link: Link): void {
    link.tap?.('in', packet);
    if (this.#link !== link) return;
    if (link.held) link.held.packets.push(packet);
    else this.#handle(packet, link);
  }

  #handle(packet: Packet, link: Link): void {
    const { type } = packet;
    const isConnecting = link.state === 'connecting';
    // A handler takes the packets of its own type.
    const handler = Session.#handlers[type] as Handler<Packet> | undefined;
    // [v5 MQTT-3.2.0-1] CONNACK comes first, and once
    if (!handler || (isConnecting ? !comesEarly.has(type) : type === 'connack')) {
      const when = isConnecting ? ' before CONNACK' : '';
      throw new ProtocolError(`The server sent ${type.toUpperCase()}${when}, which it must not`);
    }
    handler(this, packet, link);
    // A message of the server frees nothing that another packet waits for.
    if (type !== 'publish') this.#pump();
  }

  /** What the server may send. */
  static readonly #handlers: Handlers = {
    connack: (session, packet, link) => session.#connack(packet, link),
    publish: (session, packet, link) => {
      const alias = packet.properties?.topicAlias;
      if (alias !== undefined) packet.topic = link.inboundAliases.resolve(alias, packet.topic);
      // The decoder made it.
      session.incoming.publish(packet as DecodedPublishPacket, link);
    },
    puback: (session, packet, link) => session.outgoing.acknowledged(packet, link),
    pubrec: (session, packet, link) => session.outgoing.acknowledged(packet, link),
    pubrel: (session, packet, link) => session.incoming.pubrel(packet, link),
    pubcomp: (session, packet, link) => session.outgoing.acknowledged(packet, link),
    suback: (session, packet, link) => session.subscriptions.acknowledged(packet, link),
    unsuback: (session, packet, link) => session.subscriptions.acknowledged(packet, link),
    pingresp: (_session, _packet, link) => {
      link.probingUntil = Infinity;
    },
    disconnect: (session, packet, link) => session.#disconnected(packet, link),
    auth: (session, packet, link) => takeAuth(packet, link, session.#port),
  };

  #connack(packet: ConnackPacket, link: Link): void {
    const isV5 = link.protocolVersion === 5;
    const { authenticationMethod, authenticationData, reasonString, serverReference } =
      packet.properties ?? {};
    if (packet.reasonCode !== 0) {
      const reasonCode = isV5 ? packet.reasonCode : reasonCodeOfReturnCode(packet.reasonCode);
      const error = new RefusedError(reasonCode, 'The server refused the connection', { reasonString });
      this.#end(link, { error, by: 'server', serverReference });
      return;
    }
    checkMethod(authenticationMethod, link);
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
      this.disconnect(0x82, undefined, error, true);
    } else if (!isV5 && link.isForced) this.#renew(link);
    else if (authenticationMethod === undefined) this.#accepted(packet, link);
    else {
      link.held = new HeldPackets(packet);
      this.#port.authenticated(authenticationData);
    }
  }

  /**
   * The server has discarded its session. Before MQTT 5.0 a clean one is not kept beyond its connection: the next one
   * makes one that is [v3 3.1.2.4]. Nothing has been sent yet that would be sent again there.
   */
  #renew({ protocolVersion }: Link): void {
    this.#isRenewed = true;
    // There is nothing left to be rid of.
    if (this.#record) this.#remember({ ...this.#record, protocolVersion, cleanStart: undefined });
    const error = new ConnectionError(
      'lost',
      'The session was discarded, and is made anew by the next connection',
    );
    this.disconnect(0, undefined, error, false);
  }

  #accepted(packet: ConnackPacket, link: Link): void {
    const { protocolVersion, connect } = link;
    const server = link.accepted(packet, this.#options, this.#turn.now, this.#silences);
    const record = this.#record;
    // MQTT 3.1 does not say whether it resumed; when asked to, it does if it can.
    const isSilent = protocolVersion === 3;
    // One that was made anew just now may still be there, with nothing in it.
    const resumed =
      !this.#isRenewed && (isSilent ? !connect.clean && record !== undefined : packet.sessionPresent);
    const sessionLost = record !== undefined && !resumed && (!connect.clean || link.isForced);
    this.#isRenewed = false;
    if (!resumed) {
      this.incoming.restart();
      this.outgoing.restart();
      // Nothing of the new session leaves before the old one is discarded for good.
      this.#turn.batch.kinds |= acknowledgements | qos0Publishes | requests;
    }
    this.subscriptions.connected(link, !resumed || isSilent || record?.resubscribe === true);
    // The application heard of filters that are refused now, and may have closed the client.
    if (this.#link !== link) return;
    this.#remember({
      kind: 'session',
      id: 0,
      protocolVersion,
      clientId: server.clientId,
      resubscribe: this.subscriptions.isResubscribing || undefined,
      cleanStart: (resumed && record?.cleanStart) || undefined,
      lastIdentifier: this.subscriptions.lastIdentifier,
    });
    this.outgoing.connected(link);
    // The answer may wait behind a large message: it is not looked for, as that to a probe is.
    if (link.probingUntil < Infinity && this.#link === link) link.write({ type: 'pingreq' });
    this.#port.connected({ sessionPresent: resumed, sessionLost, server, protocolVersion });
  }

  #disconnected({ reasonCode, properties }: DisconnectPacket, link: Link): void {
    if (link.protocolVersion !== 5) {
      throw new ProtocolError('The server sent DISCONNECT, which only clients may send');
    }
    const { reasonString, serverReference } = properties ?? {};
    const isEarly = link.state === 'connecting';
    const error =
      reasonCode < 0x80 && !isEarly
        ? new ConnectionError('lost', 'The server ended the connection', { reasonCode })
        : new RefusedError(Math.max(reasonCode, 0x80), 'The server ended the connection', { reasonString });
    if (isEarly) {
      const words = 'The server sent DISCONNECT before CONNACK [MQTT-3.14.0-1]';
      throw new ProtocolError(words, 'protocol-error', 0x82, error);
    }
    this.#end(link, { error, by: 'server', serverReference });
  }

  /** Sends what may have waited for an answer, or for an identifier: any kind may wait for any other. */
  #pump(): void {
    this.subscriptions.pump();
    this.outgoing.pump();
  }

  #end(link: Link, known: Pick<LinkEnd, 'error' | 'by'> & Partial<LinkEnd>): void {
    const end: LinkEnd = {
      flush: false,
      reasonCode: known.by === 'server' ? known.error.reasonCode : undefined,
      ...known,
      wasConnected: link.state === 'connected',
      answered: link.answered,
    };
    if (link.keepAlive) this.#silences = link.keepAlive.silences;
    if (end.by === 'silence') this.#silences += 1;
    link.state = 'ended';
    link.decoder.stop();
    this.#link = undefined;
    if (end.flush) this.#ending = link;
    else this.#turn.dropped();
    const cutOff = this.subscriptions.detached();
    // A server that refused the connection did not come to send again what it knows.
    if (end.wasConnected || end.by !== 'server') this.incoming.detached();
    // Without its answer a session that the server has next may be one that it made just now, with nothing in it.
    if (!end.wasConnected && end.by !== 'server' && this.#record) {
      this.#remember({ ...this.#record, resubscribe: true });
    }
    const byPeer = end.wasConnected && (end.by === 'server' || end.by === 'network');
    this.outgoing.detached(link, byPeer, end.reasonCode);
    if (byPeer) this.subscriptions.judge(cutOff, link, end.reasonCode);
    this.#port.ended(end);
  }

  /** Notes what is known of the server's session. */
  #remember(record: SessionRecord): void {
    if (JSON.stringify(record) !== JSON.stringify(this.#record)) this.#turn.put(record);
    this.#record = record;
  }
}

/** What the server may send before it accepted the connection. */
const comesEarly: ReadonlySet<PacketType> = new Set(['connack', 'auth', 'disconnect']);

type Handler<Kind extends Packet> = (session: Session, packet: Kind, link: Link) => void;

type Handlers = { readonly [Type in PacketType]?: Handler<Packet & { readonly type: Type }> };
