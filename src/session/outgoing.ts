/**
 * Outgoing messages: the QoS 1 and 2 flows, quota and replay.
 *
 * 1. A resend of a PUBLISH that ever reached a transport sets DUP; PUBREL has none [v5 MQTT-3.3.1-1, MQTT-3.6.1-1].
 *    Resends only on a new link [v5 MQTT-4.4.0-1]: first PUBRELs in the order of their PUBRECs, whatever the quota;
 *    then PUBLISHes in their original order as quota allows; then new ones [v5 MQTT-4.6.0-1].
 * 2. The identifier is part of the record that is saved before the first send; the release is saved before PUBREL.
 *    An identifier is free again once its removal is durable.
 * 3. In a new server session identifiers and releases mean nothing: all are discarded, and what had no PUBREC goes
 *    out as new. What had one may have been delivered, so it is sent again or given up, as the caller chose.
 * 4. A slot of the quota belongs to one identifier on one link. Releases of earlier links take slots too.
 * 5. Expiry counts for what was never sent; once sent, a message stays, and as it was sent [v5 MQTT-4.3.3-7].
 */

import { referenceFrom } from '../codec/output';
import type { AckPacket } from '../codec/packet';
import { ConnectionError, type MqttError, ProtocolError, RefusedError, UsageError } from '../errors';
import type { PublishProperties } from '../message';
import { Fifo } from './fifo';
import type { Link } from './link';
import type { Now } from './now';
import { type OutgoingContent, OutgoingMessage, type PublishListener } from './outgoing-message';
import { type PacketIds, wrongAnswer } from './packet-ids';
import { longestEffect, namingCodes, Poison } from './poison';
import type { Note, PublishRecord, ReleaseRecord } from './records';
import { refusalOfPublish } from './refusals';
import type { RequestPart } from './subscription-request';
import { qos0Publishes, type Turn } from './turn';
import { type QueueOptions, WaitingQueue } from './waiting-queue';

/** How messages are kept and sent. */
export interface OutgoingOptions extends QueueOptions {
  /** What happens to a message whose PUBREC came in a session that the server lost. */
  readonly sessionLost: 'resend' | 'reject';
}

/** Who learns that a message of an earlier page came to its end, and with which reason code of the server. */
export interface OutgoingPort {
  settled(key: string | undefined, error: Error | undefined, reasonCode: number, resent: boolean): void;
}

/** The sending half of a session. */
export class Outgoing {
  /** Messages that were never sent. */
  readonly queue: WaitingQueue;
  /** QoS 1 and 2 messages between their first send and their end. */
  inFlight = 0;
  readonly #options: OutgoingOptions;
  readonly #turn: Turn;
  readonly #ids: PacketIds<OutgoingMessage | RequestPart[]>;
  readonly #port: OutgoingPort;
  readonly #note: Note;
  readonly #poison = new Poison<OutgoingMessage>(namingCodes);
  /** Order of the message that came last. */
  #order = 0;
  /** Order of the PUBREC that came last. */
  #released = 0;
  /** Messages in flight that were not sent again on this link yet, in order; some were settled since. */
  #resends = new Fifo<OutgoingMessage>();
  /** The connected link. */
  #link: Link | undefined;

  constructor(
    options: OutgoingOptions,
    turn: Turn,
    ids: PacketIds<OutgoingMessage | RequestPart[]>,
    port: OutgoingPort,
    note: Note,
  ) {
    this.#options = options;
    this.#turn = turn;
    this.#ids = ids;
    this.#port = port;
    this.#note = note;
    this.queue = new WaitingQueue(options, (message, error) => this.#finish(message, error));
  }

  /** Messages that the server has not taken yet, in order of their state, with what they are known by. */
  pending(): OutgoingMessage[] {
    return [...this.#inOrder('released'), ...this.#inOrder('sent'), ...this.queue];
  }

  /** What a store should hold. */
  *records(): Generator<PublishRecord | ReleaseRecord> {
    for (const message of this.pending()) {
      if (message.accepted) yield message.record();
      if (message.state === 'released') yield { kind: 'release', id: message.order, order: message.released };
    }
  }

  // --- from our side

  /**
   * Writes a QoS 0 message at once, without any state for it.
   *
   * @returns false when it has to wait in the queue: then it was not taken
   * @throws RefusedError, UsageError when this server cannot take it
   */
  publishNow(
    topic: string,
    payload: Uint8Array,
    retain: boolean,
    properties: PublishProperties | undefined,
  ): boolean {
    const link = this.#link;
    if (!link) return false;
    const refusal = refusalOfPublish(link, topic, payload, 0, retain, properties);
    if (refusal) throw refusal;
    this.#turn.batch.kinds |= qos0Publishes;
    if (link.outboundAliases) this.#turn.batch.ordered = true;
    link.publish(topic, payload, 0, retain, false, 0, properties);
    return true;
  }

  /**
   * Takes a message: sends it when it can go now, else queues it. A refusal reaches the listener.
   * @param now needed for a message with properties: it may expire
   */
  publish(content: OutgoingContent, listener: PublishListener, now: Now | undefined): OutgoingMessage {
    const expiry = content.properties?.messageExpiryInterval;
    if (now) this.#turn.now = now;
    const expiresAt = expiry === undefined ? Infinity : this.#turn.now.wall + expiry * 1_000;
    const message = new OutgoingMessage(content, expiresAt, listener);
    this.#order += 1;
    message.order = this.#order;
    const link = this.#link;
    const refusal = link && refusalOf(message, link);
    if (refusal) this.#finish(message, refusal);
    else if (link && this.#mayGo(message, link)) {
      this.#accept(message);
      this.#write(message, link);
    } else if (this.queue.push(message)) {
      this.#keepPayload(message, link);
      this.#accept(message);
      if (content.qos > 0) this.#save(message);
    }
    return message;
  }

  /**
   * Takes a message back.
   * @returns false when it may have been sent: then it stays, and its listener too
   */
  withdraw(message: OutgoingMessage): boolean {
    if (message.state === 'queued') {
      message.listener = undefined;
      this.queue.remove(message);
      this.#forget(message);
    }
    return message.state === 'done';
  }

  /** Sends what quota and identifiers allow. */
  pump(): void {
    const link = this.#link;
    if (!link) return;
    while (link.quota > 0 && !link.holdsPublishes && this.#poison.allows(link)) {
      const resend = this.#resends.peek();
      if (!this.#ids.hasForPublish && !resend?.packetId) return;
      const next = resend ? this.#resends.shift() : this.queue.shift(false, this.#turn.now);
      if (!next) return;
      if (!resend || next.state === 'sent') this.#send(next, link);
    }
  }

  /** The store could not take these messages: they are refused, nothing of them has left. */
  unaccept(messages: readonly OutgoingMessage[], error: MqttError): void {
    for (const message of messages) {
      if (message.state === 'queued') this.queue.remove(message);
      else if (message.state === 'done') continue;
      this.#finish(message, error);
    }
  }

  /** Lets go of all messages: they end with the error, and are forgotten unless the session is kept. */
  abandon(errorOf: (message: OutgoingMessage) => Error, keep: boolean): void {
    for (const message of this.pending()) {
      const { listener, state } = message;
      message.listener = undefined;
      if (!keep || message.qos === 0) {
        if (state === 'queued') this.queue.remove(message);
        this.#forget(message);
      } else message.keepPayload();
      listener?.failed(errorOf(message));
    }
  }

  // --- the life of the link

  /** Brings back what a store kept. @throws StoreError before anything is changed */
  restore(publishes: readonly PublishRecord[], releases: readonly ReleaseRecord[]): void {
    const messages = publishes.map(OutgoingMessage.restored).sort(byOrder);
    const orders = new Map(releases.map(({ id, order }) => [id, order]));
    for (const message of messages) {
      this.#order = Math.max(this.#order, message.order);
      const released = orders.get(message.order);
      orders.delete(message.order);
      if (this.#ids.get(message.packetId)) this.#separate(message, released !== undefined);
      else if (released !== undefined) {
        message.state = 'released';
        message.released = released;
        this.#released = Math.max(this.#released, released);
      }
      if (message.state === 'queued') this.queue.restore(message);
      else {
        this.inFlight += 1;
        if (message.packetId === 0) this.#resends.push(message);
        else this.#ids.claim(message.packetId, message);
      }
    }
    for (const order of orders.keys()) {
      // Half of a pair: a new message with this order would count as released, and never be sent.
      this.#order = Math.max(this.#order, order);
      this.#turn.delete('release', order);
    }
  }

  /** The server has a new session, in which no identifier of the old one means anything: rule 3. */
  restart(): void {
    const again = [...this.#inOrder('released'), ...this.#inOrder('sent')].sort(byOrder);
    this.#ids.clear();
    this.#resends = new Fifo();
    for (const message of again) {
      const mayBeDelivered = message.state === 'released';
      message.packetId = 0;
      if (mayBeDelivered && this.#options.sessionLost === 'reject') {
        this.#finish(
          message,
          new ConnectionError(
            'session-lost',
            'The server lost the session: whether the message arrived is unknown',
          ),
        );
        continue;
      }
      if (mayBeDelivered) this.#turn.delete('release', message.order);
      message.state = 'sent';
      message.released = 0;
      // Without PUBREC it may have been delivered, too: a server may forward QoS 2 on receipt [v5 4.3.3].
      message.resent ||= mayBeDelivered || (message.reached && message.qos === 2);
      message.reached = false;
      this.#save(message);
      this.#resends.push(message);
    }
  }

  /** A link is up, on which the server has the session as it is known here: everything in flight goes out again. */
  connected(link: Link): void {
    this.#link = link;
    this.#poison.connected(link, this.#turn.now.monotonic);
    for (const message of this.#inOrder('released')) {
      this.#take(message, link);
      this.#pubrel(message.packetId, 0, link);
    }
    this.#resends = new Fifo(this.#inOrder('sent'));
    const { now } = this.#turn;
    for (let next = this.queue.shift(true, now); next; next = this.queue.shift(true, now)) {
      this.#send(next, link);
    }
    this.pump();
  }

  /**
   * The link is gone.
   * @param byPeer whether the server or the network ended it, as far as can be told
   */
  detached(link: Link, byPeer: boolean, reasonCode: number | undefined): void {
    this.#link = undefined;
    if (!byPeer) return;
    // What still waited for the store never left.
    const onTheWay = this.#inOrder('sent').filter(({ slot, reached }) => slot === link && reached);
    const { monotonic } = this.#turn.now;
    const accompanied = link.requests > 0 && monotonic - link.requestedAt <= longestEffect;
    const elapsed = monotonic - link.publishedAt;
    const cause = this.#poison.judge(onTheWay, accompanied, link.progressed, elapsed, reasonCode);
    if (!cause) return;
    this.#giveUp(
      cause,
      new RefusedError(
        reasonCode ?? 0x80,
        `The server closes the connection whenever this message to '${cause.topic}' arrives; it was removed`,
        { code: 'poison' },
      ),
    );
  }

  // --- from the server

  /** PUBACK, PUBREC or PUBCOMP [v5 3.4, 3.5, 3.7]. */
  acknowledged(packet: AckPacket, link: Link): void {
    const { type, packetId, reasonCode } = packet;
    const flow = this.#ids.get(packetId);
    if (!flow) {
      // A QoS 2 identifier that nobody knows is answered all the same, or the server waits for ever.
      if (type === 'pubrec' && reasonCode < 0x80) this.#pubrel(packetId, 0x92, link);
      return;
    }
    const isRelease = type === 'pubcomp';
    const message = flow instanceof OutgoingMessage ? flow : undefined;
    if (type === 'pubrec' && message?.state === 'released') {
      if (reasonCode < 0x80) this.#pubrel(packetId, 0, link);
      return;
    }
    if (message?.state !== (isRelease ? 'released' : 'sent') || message.qos !== (type === 'puback' ? 1 : 2)) {
      // A server without QoS 2 takes it as QoS 1, and would each time that it is sent.
      if (type === 'puback' && message?.state === 'sent') this.#finish(message, noQos2(message));
      throw wrongAnswer(packet);
    }
    this.#poison.acquit(message);
    if (!isRelease && message.slot === link) link.unanswered -= 1;
    if (type === 'pubrec' && reasonCode < 0x80) {
      if (message.slot !== link) this.#take(message, link);
      this.#released += 1;
      message.released = this.#released;
      message.state = 'released';
      this.#turn.put({ kind: 'release', id: message.order, order: message.released });
      this.#pubrel(packetId, 0, link);
    } else {
      link.progressed = true;
      if (message.slot === link) link.quota += 1;
      this.#end(message, packet);
    }
  }

  // --- inside

  /** A store holds two messages under one identifier: the later one goes out as new, for an answer can be for one only. */
  #separate(message: OutgoingMessage, wasReleased: boolean): void {
    if (wasReleased) this.#turn.delete('release', message.order);
    message.packetId = 0;
    message.reached = false;
    message.resent ||= message.qos === 2;
    this.#save(message);
  }

  /** Messages in flight in this state, in the order in which it is replayed. */
  #inOrder(state: 'sent' | 'released'): OutgoingMessage[] {
    const messages: OutgoingMessage[] = [];
    for (const [, flow] of this.#ids) {
      if (flow instanceof OutgoingMessage && flow.state === state) messages.push(flow);
    }
    if (state === 'released') return messages.sort((a, b) => a.released - b.released);
    for (const message of this.#resends) {
      if (message.state === 'sent' && message.packetId === 0) messages.push(message);
    }
    return messages.sort(byOrder);
  }

  /** Whether a new message may be sent now, ahead of nothing. */
  #mayGo({ qos }: OutgoingMessage, link: Link): boolean {
    return (
      qos === 0 ||
      (link.quota > 0 &&
        !link.holdsPublishes &&
        this.#resends.length === 0 &&
        !this.queue.holdsStored &&
        this.#poison.allows(link) &&
        this.#ids.hasForPublish)
    );
  }

  #accept(message: OutgoingMessage): void {
    if (message.qos === 0) return;
    message.accepted = true;
    if (this.#turn.recording) this.#turn.batch.accepted.push(message);
    else message.listener?.accepted?.();
  }

  /**
   * From here on the caller's array may change, unless it is lent and soon free: without a connection that may take days,
   * and a store may hold it for longer still.
   */
  #keepPayload(message: OutgoingMessage, link: Link | undefined): void {
    if (!message.lent || !link || this.#turn.recording) message.keepPayload();
  }

  #save(message: OutgoingMessage): void {
    if (this.#turn.recording) this.#turn.put(message.record());
  }

  /** Sends a message, unless this server cannot take it: a new one with a new identifier, another one again. */
  #send(message: OutgoingMessage, link: Link): void {
    const refusal = refusalOf(message, link);
    if (refusal) {
      this.#giveUp(message, refusal);
      return;
    }
    this.#write(message, link);
  }

  #write(message: OutgoingMessage, link: Link): void {
    const { topic, qos, retain } = message;
    let { payload } = message;
    if (message.packetId === 0) message.updateExpiry(this.#turn.now);
    if (qos > 0) {
      this.#keepPayload(message, link);
      // A small one is copied to the output, from wherever it is.
      if (payload.length >= referenceFrom) payload = message.payload;
      if (message.packetId === 0) {
        message.packetId = this.#ids.take(message);
        if (message.state === 'queued') this.inFlight += 1;
        message.state = 'sent';
        this.#save(message);
      }
      this.#take(message, link);
      link.unanswered += 1;
      this.#turn.batch.sent.push(message);
      this.#turn.batch.ordered = true;
    } else this.#turn.batch.kinds |= qos0Publishes;
    if (link.outboundAliases) this.#turn.batch.ordered = true;
    link.publish(topic, payload, qos, retain, message.reached, message.packetId, message.properties);
    if (qos > 0) return;
    message.state = 'done';
    message.listener?.acknowledged(0, undefined, false);
  }

  #pubrel(packetId: number, reasonCode: number, link: Link): void {
    // That it was released may still have to be saved.
    this.#turn.batch.ordered = true;
    link.acknowledge('pubrel', packetId, reasonCode);
  }

  #take(message: OutgoingMessage, link: Link): void {
    message.slot = link;
    link.quota -= 1;
  }

  /** The server's last word. */
  #end(message: OutgoingMessage, packet: AckPacket): void {
    const { reasonCode, properties } = packet;
    // After a PUBREC below 0x80 the server owns the message: PUBCOMP ends well whatever its code.
    if (reasonCode >= 0x80 && packet.type !== 'pubcomp') {
      this.#finish(
        message,
        new RefusedError(reasonCode, `The server refused the message to '${message.topic}'`, {
          reasonString: properties?.reasonString,
        }),
      );
      return;
    }
    this.#forget(message);
    if (message.listener) message.listener.acknowledged(reasonCode, properties, message.resent);
    else this.#port.settled(message.key, undefined, reasonCode, message.resent);
  }

  /** Ends a message that may be known to the server: of QoS 2 its identifier is not free then. */
  #giveUp(message: OutgoingMessage, error: MqttError): void {
    if (message.reached && message.qos === 2) {
      this.#ids.end(message.packetId);
      message.packetId = 0;
      this.#note({ cleanStart: true });
    }
    this.#finish(message, error);
  }

  /** Ends a message with an error. */
  #finish(message: OutgoingMessage, error: MqttError): void {
    this.#forget(message);
    if (message.listener) message.listener.failed(error);
    else if (message.qos > 0) this.#port.settled(message.key, error, 0, message.resent);
  }

  #forget(message: OutgoingMessage): void {
    this.#poison.acquit(message);
    if (message.state === 'sent' || message.state === 'released') this.inFlight -= 1;
    if (message.packetId !== 0) {
      this.#ids.end(message.packetId);
      if (this.#turn.recording) this.#turn.batch.freed.push(message.packetId);
      else this.#ids.release(message.packetId);
    }
    if (message.accepted) this.#turn.delete('publish', message.order);
    if (message.released !== 0) this.#turn.delete('release', message.order);
    message.end();
  }
}

const byOrder = (a: OutgoingMessage, b: OutgoingMessage) => a.order - b.order;

function refusalOf(message: OutgoingMessage, link: Link): MqttError | undefined {
  const { topic, payload, qos, retain, properties, isIntact } = message;
  if (!isIntact) return new UsageError('payload: its ArrayBuffer was transferred before the promise settled');
  return refusalOfPublish(link, topic, payload, qos, retain, properties);
}

function noQos2({ topic }: OutgoingMessage): MqttError {
  return new ProtocolError(
    `The server took the QoS 2 message to '${topic}' as one of QoS 1, with a PUBACK: it has no QoS 2; publish at QoS 1`,
  );
}
