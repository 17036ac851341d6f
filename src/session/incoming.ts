/**
 * Incoming messages: QoS 1 and 2 flows, acknowledgements, the server's quota.
 *
 * 1. Acknowledgements keep the order of arrival, PUBACKs among themselves and PUBRECs among themselves
 *    [v5 MQTT-4.6.0-2, MQTT-4.6.0-3].
 * 2. A QoS 2 identifier is saved after the takers decided and before PUBREC, and durably removed before PUBCOMP.
 * 3. An acknowledgement decided after its link died is not sent. When the server sends that message again it is the
 *    same message: it is not delivered twice, and acknowledged once its takers have settled.
 * 4. An unknown QoS 2 identifier is always answered (0x92 in MQTT 5.0).
 * 5. The server may not have more on its way than our Receive Maximum, counted by acknowledgements not yet written on
 *    this link [v5 MQTT-3.3.4-9]; before MQTT 5.0 there are no more identifiers than 65,535.
 */

import type { AckPacket, DecodedPublishPacket } from '../codec/packet';
import { ProtocolError } from '../errors';
import type { QoS } from '../message';
import { IncomingMessage } from './incoming-message';
import type { Link, PendingAck } from './link';
import type { IncomingRecord } from './records';
import { acknowledgements, type Turn } from './turn';

/** Hands a message to its takers; without a handle (QoS 0) nobody waits for them. */
export type Deliver = (
  packet: DecodedPublishPacket,
  message: IncomingMessage | undefined,
  redelivered: boolean,
) => void;

/** The receiving half of a session. */
export class Incoming {
  readonly #turn: Turn;
  readonly #port: { message: Deliver };
  /** QoS 1 messages whose PUBACK has not been written, by identifier. */
  readonly #received1 = new Map<number, IncomingMessage>();
  /** QoS 2 messages whose PUBREC has not been written, by identifier. */
  readonly #received2 = new Map<number, IncomingMessage>();
  /** QoS 2 identifiers between PUBREC and PUBREL. */
  readonly #awaitingRelease = new Set<number>();
  /** A message while it is handed out: most are decided on then, and need no place among those above. */
  #current: IncomingMessage | undefined;

  constructor(turn: Turn, port: { message: Deliver }) {
    this.#turn = turn;
    this.#port = port;
  }

  /** Messages that were handed out and are not acknowledged. */
  get unacknowledged(): number {
    return this.#received1.size + this.#received2.size + (this.#current ? 1 : 0);
  }

  /** Brings back what a store kept. */
  restore(records: readonly IncomingRecord[]): void {
    for (const { id } of records) this.#awaitingRelease.add(id);
  }

  /** What a store should hold. */
  *records(): Generator<IncomingRecord> {
    for (const id of this.#awaitingRelease) yield { kind: 'incoming', id };
  }

  /** The server has a new session: what was received in the old one cannot be acknowledged any more. */
  restart(): void {
    this.forget(undefined);
    for (const id of this.#awaitingRelease) this.#turn.delete('incoming', id);
    this.#awaitingRelease.clear();
  }

  /** The link is gone; what it delivered stays, for when the server sends it again. */
  detached(): void {
    if (this.#current) this.#current.link = undefined;
    for (const [packetId, message] of this.#received1) {
      // Settled, and not sent again on this link: by the next one the identifier may name another message.
      if (message.decision >= 0 && !message.link) this.#received1.delete(packetId);
      message.link = undefined;
    }
    for (const message of this.#received2.values()) message.link = undefined;
  }

  /**
   * Without a link: nobody works on a message any more (undefined: on none of them), so that it is delivered anew when
   * the server sends it again.
   */
  forget(message: IncomingMessage | undefined): void {
    if (!message || message === this.#current) this.#current = undefined;
    for (const messages of [this.#received1, this.#received2]) {
      if (!message) {
        for (const lost of messages.values()) lost.isLost = true;
        messages.clear();
      } else if (messages.get(message.packetId) === message) messages.delete(message.packetId);
    }
  }

  /** PUBLISH [v5 3.3]. */
  publish(packet: DecodedPublishPacket, link: Link): void {
    const { packetId, qos } = packet;
    if (packetId === undefined) {
      this.#port.message(packet, undefined, false);
      return;
    }
    const messages = qos === 1 ? this.#received1 : this.#received2;
    const acks = qos === 1 ? link.acks1 : link.acks2;
    let message = messages.get(packetId);
    if (qos === 2 && !message && this.#awaitingRelease.has(packetId)) {
      // [v5 MQTT-4.3.3-10] until PUBREL, the same identifier is the same message
      message = new IncomingMessage(packet, packetId);
      message.decision = 0;
    } else if (qos === 1 && !packet.dup) {
      // Without DUP the identifier names a new message; an older one with it has lost its claim to it.
      if (message) message.isLost = true;
      message = undefined;
    }
    if (message?.link === link) return;
    link.unreleased.delete(packetId);
    this.#checkQuota(link);
    if (message) {
      message.link = link;
      // Behind those that were not sent again on this link.
      messages.delete(packetId);
    } else {
      messages.delete(packetId);
      loseOldest(messages, link);
      message = new IncomingMessage(packet, packetId);
      message.link = link;
      this.#current = message;
      this.#port.message(packet, message, packet.dup);
      if (this.#current !== message) return;
      this.#current = undefined;
      // Decided on, with none before it that is not.
      if (message.decision >= 0 && message.link && acks.length === 0) {
        this.#answer(message, link, qos);
        return;
      }
    }
    messages.set(packetId, message);
    if (message.link) acks.push(message);
    this.#settled(message, qos);
  }

  /** PUBREL [v5 3.6]. */
  pubrel({ packetId }: AckPacket, link: Link): void {
    const isKnown = this.#awaitingRelease.delete(packetId);
    if (isKnown) {
      this.#turn.delete('incoming', packetId);
      // It may have come again, and its second PUBREC still wait for its turn: that has come too late.
      this.#received2.delete(packetId);
    }
    link.unreleased.delete(packetId);
    this.#write('pubcomp', packetId, isKnown ? 0 : 0x92, link);
  }

  /** The takers have settled: the message is acknowledged in its turn, with this reason code in MQTT 5.0. */
  acknowledge(message: IncomingMessage, reasonCode: number): void {
    if (message.decision >= 0) return;
    message.decision = reasonCode;
    if (message !== this.#current) this.#settled(message, message.packet.qos);
  }

  /** Does what is due after a decision. */
  #settled(message: IncomingMessage, qos: QoS): void {
    const { packetId, decision, link } = message;
    if (link) this.#flush(link, qos);
    // It was handled, so it must not be delivered again when the server sends it again, though PUBREC waits for others.
    if (decision >= 0 && decision < 0x80 && this.#received2.get(packetId) === message) {
      if (!link) this.#received2.delete(packetId);
      this.#awaitRelease(packetId);
    }
  }

  /** Writes the acknowledgements of this QoS that are due: those with no undecided one before them. */
  #flush(link: Link, qos: QoS): void {
    const acks = qos === 1 ? link.acks1 : link.acks2;
    const messages = qos === 1 ? this.#received1 : this.#received2;
    for (let next = acks.peek(); next && next.decision >= 0; next = acks.peek()) {
      acks.shift();
      if (messages.get(next.packetId) === next) messages.delete(next.packetId);
      else if (qos === 2) continue;
      this.#answer(next, link, qos);
    }
  }

  #answer({ packetId, decision }: PendingAck, link: Link, qos: QoS): void {
    // Before MQTT 5.0 PUBREC has no reason code: the flow goes on.
    if (qos === 2 && (decision < 0x80 || link.protocolVersion !== 5)) {
      link.unreleased.add(packetId);
      this.#awaitRelease(packetId);
    }
    this.#write(qos === 1 ? 'puback' : 'pubrec', packetId, decision, link);
  }

  /** Saved again with each PUBREC, so that none overtakes the first save. */
  #awaitRelease(packetId: number): void {
    this.#awaitingRelease.add(packetId);
    this.#turn.put({ kind: 'incoming', id: packetId });
  }

  #write(type: AckPacket['type'], packetId: number, reasonCode: number, link: Link): void {
    this.#turn.batch.kinds |= acknowledgements;
    link.acknowledge(type, packetId, reasonCode);
  }

  #checkQuota({ acks1, acks2, unreleased, receiveMaximum }: Link): void {
    if (acks1.length + acks2.length + unreleased.size < receiveMaximum) return;
    throw new ProtocolError(
      `The server sent more than ${receiveMaximum} QoS 1 and 2 messages at a time [MQTT-3.3.4-9]`,
      'receive-maximum-exceeded',
      0x93,
    );
  }
}

/**
 * A server sends again what it has not seen acknowledged before it goes on, and that is no more than Receive Maximum.
 * One that goes on without ever doing so has given the oldest up, or wants to fill our memory.
 */
function loseOldest(messages: Map<number, IncomingMessage>, { receiveMaximum }: Link): void {
  if (messages.size < 2 * receiveMaximum) return;
  for (const [packetId, oldest] of messages) {
    if (!oldest.link) {
      oldest.isLost = true;
      messages.delete(packetId);
    }
    return;
  }
}
