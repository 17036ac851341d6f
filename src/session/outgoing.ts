/**
 * Outgoing messages: the queue, the QoS 1 and 2 flows, quota and replay.
 *
 * 1. A resend of a PUBLISH that ever reached a transport sets DUP; PUBREL has none [v5 MQTT-3.3.1-1, MQTT-3.6.1-1].
 *    Resends only on a new link [v5 MQTT-4.4.0-1]: first PUBRELs in the order of their PUBRECs, whatever the quota;
 *    then PUBLISHes in their original order as quota allows; then new ones [v5 MQTT-4.6.0-1].
 * 2. The identifier is part of the record that is saved before the first send; the release is saved before PUBREL.
 *    An identifier is free again once its removal is durable.
 * 3. In a new server session identifiers and releases mean nothing: all are discarded, and what had no PUBREC goes
 *    out as new. What had one may have been delivered, so it is sent again or given up, as the caller chose.
 * 4. A slot of the quota belongs to one identifier on one link. Releases of earlier links take slots too.
 * 5. Expiry counts for what was never sent; once sent, a message stays [v5 MQTT-4.3.3-7].
 */

import type { AckPacket } from '../codec/packet';
import { publishSize, writeAck, writePublish } from '../codec/writer';
import { ConnectionError, type MqttError, ProtocolError, RefusedError, UsageError } from '../errors';
import type { PublishProperties, QoS } from '../message';
import { Fifo } from './fifo';
import type { Link } from './link';
import type { Now } from './now';
import { type OutgoingContent, OutgoingMessage, type PublishListener } from './outgoing-message';
import type { PacketIds } from './packet-ids';
import { Poison } from './poison';
import type { PublishRecord, ReleaseRecord } from './records';
import type { Turn } from './turn';

/** Bounds of the queue and what to do at them. */
export interface OutgoingOptions {
  /** Messages that may wait. */
  readonly maxMessages: number;
  /** Bytes that may wait, payloads and topics. */
  readonly maxBytes: number;
  /** What gives way when the queue is full: the new message or the oldest. */
  readonly overflow: 'reject' | 'drop-oldest';
  /** What happens to a message whose PUBREC came in a session that the server lost. */
  readonly sessionLost: 'resend' | 'reject';
}

/** Tells that a message of an earlier page came to its end. */
export type SettledOrphan = (key: string | undefined, error: Error | undefined) => void;

/** The sending half of a session. */
export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #turn: Turn;
  readonly #ids: PacketIds;
  readonly #settledOrphan: SettledOrphan;
  readonly #poison = new Poison();
  /** Order of the message accepted last. */
  #order = 0;
  /** Order of the PUBREC that came last. */
  #released = 0;
  /** Flows that wait for PUBACK or PUBREC, by identifier. */
  readonly #sent = new Map<number, OutgoingMessage>();
  /** Flows that wait for PUBCOMP, by identifier, in the order of their PUBRECs. */
  readonly #releases = new Map<number, OutgoingMessage>();
  /** Flows of earlier links that were not sent again on this one yet. */
  readonly #resends = new Fifo<OutgoingMessage>();
  /** QoS 1 and 2 messages that were never sent in this session; withdrawn ones are `done`. */
  readonly #queue = new Fifo<OutgoingMessage>();
  /** QoS 0 messages that wait for a connection. */
  readonly #queue0 = new Fifo<OutgoingMessage>();
  /** Messages in both queues, without withdrawn ones. */
  #queued = 0;
  /** Bytes in both queues. */
  #queuedBytes = 0;
  /** No message in the queue expires before this wall time. */
  #nextExpiry = Number.POSITIVE_INFINITY;
  /** The connected link. */
  #link: Link | undefined;

  constructor(options: OutgoingOptions, turn: Turn, ids: PacketIds, settledOrphan: SettledOrphan) {
    this.#options = options;
    this.#turn = turn;
    this.#ids = ids;
    this.#settledOrphan = settledOrphan;
  }

  /** Messages that wait for their first send. */
  get queued(): number {
    return this.#queued;
  }

  /** Bytes that wait for their first send. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** QoS 1 and 2 messages between their first send and their end. */
  get inFlight(): number {
    return this.#sent.size + this.#releases.size;
  }

  /** Earliest wall time at which a queued message may expire. */
  get nextExpiry(): number {
    return this.#nextExpiry;
  }

  /** True while replay waits for the answer to a ping, which the session has to send. */
  get probing(): boolean {
    return this.#poison.probing;
  }

  /** True when a clean start is needed to be rid of an identifier that the server chokes on. */
  get needsCleanStart(): boolean {
    return this.#poison.needsCleanStart;
  }

  /** Messages that the server has not taken yet, in order, with what they are known by. */
  *pending(): Generator<OutgoingMessage> {
    yield* this.#releases.values();
    yield* this.#sent.values();
    for (const fifo of [this.#queue, this.#queue0]) {
      for (const message of fifo) if (message.state !== 'done') yield message;
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
    if (!link || this.#queue0.length > 0) return false;
    const refusal = refusalOf(link, topic, payload, 0, retain, properties);
    if (refusal) throw refusal;
    this.#write(link, topic, payload, 0, retain, false, 0, properties);
    return true;
  }

  /** Takes a message: sends it when it can go now, else queues it. A refusal reaches the listener. */
  publish(content: OutgoingContent, listener: PublishListener, now: Now): OutgoingMessage {
    const expiry = content.properties?.messageExpiryInterval;
    const expiresAt = expiry === undefined ? Number.POSITIVE_INFINITY : now.wall + expiry * 1_000;
    const message = new OutgoingMessage(content, expiresAt, listener);
    const link = this.#link;
    const refusal = link && refusalOfMessage(message, link);
    if (refusal) {
      this.#finish(message, refusal);
      return message;
    }
    if (content.qos === 0) {
      if (link && this.#queue0.length === 0) this.#send0(message, link, now);
      else this.#enqueue(message, this.#queue0);
      return message;
    }
    if (link && this.#mayGo(link)) {
      this.#accept(message);
      this.#first(message, link, now);
    } else if (this.#enqueue(message, this.#queue)) {
      this.#accept(message);
      if (this.#turn.recording) this.#turn.put(message.record());
    }
    return message;
  }

  /**
   * Takes a message back.
   * @returns false when it may have been sent: then it stays, and its listener too
   */
  withdraw(message: OutgoingMessage): boolean {
    if (message.state !== 'queued') return message.state === 'done';
    message.listener = undefined;
    this.#unqueue(message);
    this.#finish(message, undefined);
    return true;
  }

  /** Sends what quota and identifiers allow. */
  pump(now: Now): void {
    const link = this.#link;
    if (!link || this.#poison.probing) return;
    while (link.quota > 0 && this.#poison.allows(this.#onTheWay(link))) {
      const message = this.#resends.shift();
      if (!message) break;
      if (message.state === 'sent') this.#resend(message, link, now);
    }
    for (let next = this.#queue.peek(); next && this.#mayGo(link, true); next = this.#queue.peek()) {
      this.#queue.shift();
      if (next.state === 'done') continue;
      this.#uncount(next);
      const failure = expiryOf(next, now) ?? refusalOfMessage(next, link);
      if (failure) this.#finish(next, failure);
      else this.#first(next, link, now);
    }
  }

  /** Ends queued messages whose expiry has passed. */
  expire(now: Now): void {
    if (now.wall < this.#nextExpiry) return;
    let next = Number.POSITIVE_INFINITY;
    for (const fifo of [this.#queue, this.#queue0]) {
      for (const message of fifo) {
        if (message.state === 'done') continue;
        const failure = expiryOf(message, now);
        if (failure) {
          this.#unqueue(message);
          this.#finish(message, failure);
        } else next = Math.min(next, message.expiresAt);
      }
    }
    this.#nextExpiry = next;
  }

  /** The store could not take these messages: they are refused, nothing of them has left. */
  unaccept(messages: readonly OutgoingMessage[], error: MqttError): void {
    for (const message of messages) {
      if (message.state === 'done') continue;
      if (message.state === 'queued') this.#unqueue(message);
      else {
        this.#sent.delete(message.packetId);
        this.#ids.release(message.packetId);
      }
      message.packetId = 0;
      this.#finish(message, error);
    }
  }

  /** Lets go of all messages: they end with the error, and are forgotten unless the session is kept. */
  abandon(errorOf: (message: OutgoingMessage) => Error, keep: boolean): void {
    for (const message of [...this.pending()]) {
      const { listener } = message;
      message.listener = undefined;
      if (!keep || message.content.qos === 0) {
        if (message.state === 'queued') this.#uncount(message);
        if (message.packetId !== 0) this.#ids.release(message.packetId);
        this.#forget(message);
      }
      listener?.failed(errorOf(message));
    }
    if (keep) return;
    this.#queue.drain();
    this.#queue0.drain();
    this.#resends.drain();
    this.#sent.clear();
    this.#releases.clear();
  }

  // --- the life of the link

  /** Brings back what a store kept. */
  restore(publishes: readonly PublishRecord[], releases: readonly ReleaseRecord[]): void {
    const byOrder = new Map<number, OutgoingMessage>();
    for (const record of [...publishes].sort((a, b) => a.id - b.id)) {
      const message = OutgoingMessage.restored(record);
      byOrder.set(message.order, message);
      this.#order = Math.max(this.#order, message.order);
      if (message.state === 'queued') {
        this.#queue.push(message);
        this.#count(message);
      } else {
        this.#ids.claim(message.packetId);
        this.#sent.set(message.packetId, message);
      }
    }
    for (const { id, order } of [...releases].sort((a, b) => a.order - b.order)) {
      const message = byOrder.get(id);
      if (!message || message.packetId === 0) continue;
      this.#released = order;
      this.#sent.delete(message.packetId);
      this.#release(message, order);
    }
  }

  /** The server resumed the session: everything in flight goes out again. */
  resume(link: Link, now: Now): void {
    this.#connected(link);
    for (const message of this.#releases.values()) {
      this.#take(message, link);
      writeAck(link.output, 'pubrel', message.packetId, 0, link.protocolVersion);
    }
    for (const message of [...this.#sent.values()].sort(byOrder)) this.#resends.push(message);
    this.#goOn(now);
  }

  /** The server has a new session: no identifier means anything in it. Before anything is sent. */
  discardIds(): void {
    this.#ids.clear();
  }

  /** The server has a new session, and its identifiers were discarded: rule 3. */
  restart(link: Link, now: Now): void {
    this.#connected(link);
    const again = [...this.#sent.values(), ...this.#releases.values()].sort(byOrder);
    this.#sent.clear();
    this.#releases.clear();
    this.#poison.needsCleanStart = false;
    const kept: OutgoingMessage[] = [];
    for (const message of again) {
      const mayBeDelivered = message.state === 'released';
      if (mayBeDelivered && this.#options.sessionLost === 'reject') {
        message.packetId = 0;
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
      message.state = 'queued';
      message.packetId = 0;
      message.reached = false;
      message.resent ||= mayBeDelivered;
      if (this.#turn.recording) this.#turn.put(message.record());
      this.#count(message);
      kept.push(message);
    }
    this.#queue.unshift(kept);
    this.#goOn(now);
  }

  /** The server answered a ping: replay, when it waited for that, goes on. */
  alive(now: Now): void {
    if (this.#poison.alive()) this.#goOn(now);
  }

  /**
   * The link is gone.
   * @param byServer whether the server ended it, as far as can be told
   */
  detached(link: Link, byServer: boolean, reasonCode: number | undefined): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    this.#resends.drain();
    const onTheWay: OutgoingMessage[] = [];
    for (const message of this.#sent.values()) {
      if (message.slot === link) onTheWay.push(message);
      message.slot = undefined;
    }
    for (const message of this.#releases.values()) message.slot = undefined;
    const poison = byServer && this.#poison.judge(onTheWay, link.progressed, reasonCode);
    if (!poison) return;
    this.#sent.delete(poison.packetId);
    this.#finish(
      poison,
      new RefusedError(
        reasonCode ?? 0x80,
        `The server closes the connection whenever this message to '${poison.content.topic}' arrives; it was removed`,
        { code: 'poison' },
      ),
    );
  }

  // --- from the server

  /** PUBACK [v5 3.4]. */
  puback(packet: AckPacket, link: Link, now: Now): void {
    const message = this.#sent.get(packet.packetId);
    if (!message) {
      if (this.#releases.has(packet.packetId)) throw wrongAck('PUBACK', packet.packetId);
      return;
    }
    if (message.content.qos !== 1) throw wrongAck('PUBACK', packet.packetId);
    this.#sent.delete(packet.packetId);
    link.progressed = true;
    this.#giveBack(message, link);
    this.#end(message, packet);
    this.pump(now);
  }

  /** PUBREC [v5 3.5]. */
  pubrec(packet: AckPacket, link: Link, now: Now): void {
    const { packetId, reasonCode } = packet;
    const message = this.#sent.get(packetId);
    if (!message) {
      if (this.#releases.has(packetId)) writeAck(link.output, 'pubrel', packetId, 0, link.protocolVersion);
      else {
        // A QoS 2 identifier that nobody knows is answered all the same, or the server waits for ever.
        writeAck(
          link.output,
          'pubrel',
          packetId,
          link.protocolVersion === 5 ? 0x92 : 0,
          link.protocolVersion,
        );
      }
      return;
    }
    if (message.content.qos !== 2) throw wrongAck('PUBREC', packetId);
    link.progressed = true;
    this.#sent.delete(packetId);
    if (reasonCode >= 0x80) {
      this.#giveBack(message, link);
      this.#end(message, packet);
      this.pump(now);
      return;
    }
    this.#released += 1;
    this.#release(message, this.#released);
    if (this.#turn.recording) this.#turn.put({ kind: 'release', id: message.order, order: message.released });
    writeAck(link.output, 'pubrel', packetId, 0, link.protocolVersion);
  }

  /** PUBCOMP [v5 3.7]. */
  pubcomp(packet: AckPacket, link: Link, now: Now): void {
    const message = this.#releases.get(packet.packetId);
    if (!message) {
      if (this.#sent.has(packet.packetId)) throw wrongAck('PUBCOMP', packet.packetId);
      return;
    }
    this.#releases.delete(packet.packetId);
    link.progressed = true;
    this.#giveBack(message, link);
    this.#end(message, packet);
    this.pump(now);
  }

  // --- inside

  #connected(link: Link): void {
    this.#link = link;
    this.#resends.drain();
    this.#poison.connected();
  }

  #goOn(now: Now): void {
    const link = this.#link;
    if (!link) return;
    for (const message of this.#queue0.drain()) {
      if (message.state === 'done') continue;
      this.#uncount(message);
      const failure = expiryOf(message, now) ?? refusalOfMessage(message, link);
      if (failure) this.#finish(message, failure);
      else this.#send0(message, link, now);
    }
    this.pump(now);
  }

  /** Whether a new QoS 1 or 2 message may be sent now, ahead of nothing. */
  #mayGo(link: Link, fromQueue = false): boolean {
    return (
      link.quota > 0 &&
      this.#resends.length === 0 &&
      (fromQueue || this.#queue.length === 0) &&
      !this.#poison.probing &&
      this.#poison.allows(this.#onTheWay(link)) &&
      this.#ids.hasForPublish
    );
  }

  /** Whether any flow holds a slot on this link; only looked at while a message is suspected. */
  #onTheWay(link: Link): boolean {
    if (!this.#poison.suspecting) return false;
    for (const message of this.#sent.values()) if (message.slot === link) return true;
    return false;
  }

  #accept(message: OutgoingMessage): void {
    this.#order += 1;
    message.order = this.#order;
    if (this.#turn.recording || message.listener?.accepted) this.#turn.accepted(message);
  }

  #send0(message: OutgoingMessage, link: Link, now: Now): void {
    message.state = 'done';
    this.#writeMessage(message, link, now);
    message.listener?.acknowledged(0, undefined, false);
  }

  #first(message: OutgoingMessage, link: Link, now: Now): void {
    message.packetId = this.#ids.takeForPublish();
    message.state = 'sent';
    this.#sent.set(message.packetId, message);
    this.#take(message, link);
    if (this.#turn.recording) this.#turn.put(message.record());
    this.#turn.sent(message);
    this.#writeMessage(message, link, now);
  }

  #resend(message: OutgoingMessage, link: Link, now: Now): void {
    const refusal = refusalOfMessage(message, link);
    if (refusal) {
      this.#sent.delete(message.packetId);
      this.#finish(message, refusal);
      return;
    }
    this.#take(message, link);
    this.#turn.sent(message);
    this.#writeMessage(message, link, now);
  }

  #writeMessage(message: OutgoingMessage, link: Link, now: Now): void {
    const { topic, payload, qos, retain } = message.content;
    let { properties } = message.content;
    if (message.expiresAt !== Number.POSITIVE_INFINITY) {
      // At least 1: what was sent once must be sent again, expired or not.
      const messageExpiryInterval = Math.max(1, Math.ceil((message.expiresAt - now.wall) / 1_000));
      properties = { ...properties, messageExpiryInterval };
    }
    this.#write(link, topic, payload, qos, retain, message.reached, message.packetId, properties);
  }

  /** Appends a PUBLISH to the link's output; on a resend with its topic in full. */
  #write(
    link: Link,
    topic: string,
    payload: Uint8Array,
    qos: QoS,
    retain: boolean,
    dup: boolean,
    packetId: number,
    properties: PublishProperties | undefined,
  ): void {
    const { output, protocolVersion } = link;
    let alias = 0;
    if (!dup && link.hasAliases) {
      const size = link.hasSizeLimit
        ? publishSize(topic, payload, qos, properties, protocolVersion) + aliasSize
        : 0;
      if (link.fits(size)) alias = link.outboundAliases.use(topic);
    }
    if (alias === 0) {
      writePublish(output, topic, payload, qos, retain, dup, packetId, properties, protocolVersion);
      return;
    }
    // Only in order does the server know what the alias stands for.
    this.#turn.keepOrder();
    const aliased = { ...properties, topicAlias: Math.abs(alias) };
    writePublish(
      output,
      alias > 0 ? '' : topic,
      payload,
      qos,
      retain,
      dup,
      packetId,
      aliased,
      protocolVersion,
    );
  }

  #enqueue(message: OutgoingMessage, fifo: Fifo<OutgoingMessage>): boolean {
    const { maxMessages, maxBytes, overflow } = this.#options;
    const isFull = () => this.#queued >= maxMessages || this.#queuedBytes + message.size > maxBytes;
    if (isFull() && overflow === 'drop-oldest') {
      while (isFull() && this.#dropOldest()) {}
    }
    if (isFull()) {
      this.#finish(
        message,
        new ConnectionError(
          'queue-full',
          `The queue is full: ${this.#queued} messages (${this.#queuedBytes} bytes) wait to be sent; raise queue.maxMessages or queue.maxBytes, or publish less`,
        ),
      );
      return false;
    }
    fifo.push(message);
    this.#count(message);
    return true;
  }

  /** Gives up the message that has waited longest. */
  #dropOldest(): boolean {
    for (const fifo of [this.#queue0, this.#queue]) {
      for (let oldest = fifo.shift(); oldest; oldest = fifo.shift()) {
        if (oldest.state === 'done') continue;
        this.#uncount(oldest);
        this.#finish(
          oldest,
          new ConnectionError(
            'dropped',
            "The message was dropped: the queue is full and queue.overflow is 'drop-oldest'",
          ),
        );
        return true;
      }
    }
    return false;
  }

  #count(message: OutgoingMessage): void {
    this.#queued += 1;
    this.#queuedBytes += message.size;
    this.#nextExpiry = Math.min(this.#nextExpiry, message.expiresAt);
  }

  #uncount(message: OutgoingMessage): void {
    this.#queued -= 1;
    this.#queuedBytes -= message.size;
  }

  /** A withdrawn message stays in its queue as `done`, which is skipped: removal from the middle is not free. */
  #unqueue(message: OutgoingMessage): void {
    this.#uncount(message);
    message.state = 'done';
  }

  #release(message: OutgoingMessage, order: number): void {
    this.#poison.acquit(message);
    message.state = 'released';
    message.released = order;
    this.#releases.set(message.packetId, message);
  }

  #take(message: OutgoingMessage, link: Link): void {
    message.slot = link;
    link.quota -= 1;
  }

  #giveBack(message: OutgoingMessage, link: Link): void {
    if (message.slot === link) link.quota += 1;
    message.slot = undefined;
  }

  /** The server's last word. */
  #end(message: OutgoingMessage, packet: AckPacket): void {
    const { reasonCode, properties } = packet;
    // After a PUBREC below 0x80 the server owns the message: PUBCOMP ends well whatever its code.
    if (reasonCode >= 0x80 && packet.type !== 'pubcomp') {
      this.#finish(
        message,
        new RefusedError(reasonCode, `The server refused the message to '${message.content.topic}'`, {
          reasonString: properties?.reasonString,
        }),
      );
      return;
    }
    this.#forget(message);
    if (message.listener) message.listener.acknowledged(reasonCode, properties, message.resent);
    else this.#settledOrphan(message.content.key, undefined);
  }

  /** Ends a message with an error, or silently when it was withdrawn. */
  #finish(message: OutgoingMessage, error: MqttError | undefined): void {
    this.#forget(message);
    if (!error) return;
    if (message.listener) message.listener.failed(error);
    else if (message.content.qos > 0) this.#settledOrphan(message.content.key, error);
  }

  #forget(message: OutgoingMessage): void {
    this.#poison.acquit(message);
    if (message.packetId !== 0) this.#turn.freed(message.packetId);
    if (message.order !== 0) {
      this.#turn.delete('publish', message.order);
      if (message.released !== 0) this.#turn.delete('release', message.order);
    }
    message.state = 'done';
  }
}

const byOrder = (a: OutgoingMessage, b: OutgoingMessage) => a.order - b.order;

function wrongAck(name: string, packetId: number): ProtocolError {
  return new ProtocolError(
    `The server answered packet ${packetId} with ${name}, which is not the answer due [v5 4.3]`,
  );
}

function expiryOf(message: OutgoingMessage, now: Now): ConnectionError | undefined {
  return now.wall < message.expiresAt
    ? undefined
    : new ConnectionError('expired', 'The message expired before it could be sent (messageExpiryInterval)');
}

function refusalOfMessage(message: OutgoingMessage, link: Link): RefusedError | UsageError | undefined {
  const { topic, payload, qos, retain, properties } = message.content;
  return refusalOf(link, topic, payload, qos, retain, properties);
}

/** Why this server cannot take a message, checked when it is about to go out. */
function refusalOf(
  link: Link,
  topic: string,
  payload: Uint8Array,
  qos: QoS,
  retain: boolean,
  properties: PublishProperties | undefined,
): RefusedError | UsageError | undefined {
  const { limits, protocolVersion } = link;
  if (protocolVersion !== 5) return hasProperties(properties) ? needsMqtt5(protocolVersion) : undefined;
  if (!limits) return undefined;
  // [v5 MQTT-3.2.2-11]
  if (qos > limits.maximumQoS) {
    return new RefusedError(
      0x9b,
      `The server takes QoS ${limits.maximumQoS} at most, the message has QoS ${qos}`,
    );
  }
  // [v5 MQTT-3.2.2-14]
  if (retain && !limits.retainAvailable)
    return new RefusedError(0x9a, 'The server takes no retained messages');
  if (!link.hasSizeLimit) return undefined;
  // [v5 MQTT-3.2.2-15]
  const size = publishSize(topic, payload, qos, properties, protocolVersion);
  if (link.fits(size)) return undefined;
  return new RefusedError(
    0x95,
    `The message needs ${size} bytes, the server takes ${limits.maximumPacketSize}`,
  );
}

/** Bytes that an alias adds: the property, and one more for each of two lengths that may grow. */
const aliasSize = 5;

function hasProperties(properties: PublishProperties | undefined): boolean {
  if (!properties) return false;
  return Object.values(properties).some((value) => value !== undefined);
}

function needsMqtt5(protocolVersion: number): UsageError {
  return new UsageError(
    `The message has properties, which MQTT 5.0 introduced; the connection speaks ${protocolVersion === 4 ? '3.1.1' : '3.1'}. Leave them out, or set protocolVersion: 5`,
    'needs-mqtt-5',
  );
}
