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
 *    this link [v5 MQTT-3.3.4-9].
 */

import type { AckPacket, DecodedPublishPacket } from '../codec/packet';
import { writeAck } from '../codec/writer';
import { ProtocolError } from '../errors';
import { IncomingMessage } from './incoming-message';
import type { Link } from './link';
import type { IncomingRecord } from './records';
import type { Turn } from './turn';

/** Hands a message to its takers; without a handle (QoS 0) nobody waits for them. */
export type Deliver = (
  packet: DecodedPublishPacket,
  message: IncomingMessage | undefined,
  redelivered: boolean,
) => void;

/** The receiving half of a session. */
export class Incoming {
  readonly #turn: Turn;
  readonly #deliver: Deliver;
  /** QoS 1 messages whose PUBACK has not been written, by identifier. */
  readonly #received1 = new Map<number, IncomingMessage>();
  /** QoS 2 messages whose PUBREC has not been written, by identifier. */
  readonly #received2 = new Map<number, IncomingMessage>();
  /** QoS 2 identifiers between PUBREC and PUBREL. */
  readonly #awaitingRelease = new Set<number>();

  constructor(turn: Turn, deliver: Deliver) {
    this.#turn = turn;
    this.#deliver = deliver;
  }

  /** Messages that were handed out and are not acknowledged. */
  get unacknowledged(): number {
    return this.#received1.size + this.#received2.size;
  }

  /** Brings back what a store kept. */
  restore(records: readonly IncomingRecord[]): void {
    for (const { id } of records) this.#awaitingRelease.add(id);
  }

  /** The server has a new session: what was received in the old one cannot be acknowledged any more. */
  restart(): void {
    for (const messages of [this.#received1, this.#received2]) {
      for (const message of messages.values()) {
        message.link = undefined;
        message.orphaned = true;
      }
      messages.clear();
    }
    for (const id of this.#awaitingRelease) this.#turn.delete('incoming', id);
    this.#awaitingRelease.clear();
  }

  /** The link is gone; what it delivered stays, for when the server sends it again. */
  detached(): void {
    for (const [packetId, message] of this.#received1) {
      // Settled, and not sent again on this link: by the next one the identifier may name another message.
      if (message.decision >= 0 && !message.link) this.#received1.delete(packetId);
    }
    for (const messages of [this.#received1, this.#received2]) {
      for (const message of messages.values()) message.link = undefined;
    }
  }

  /** Nobody works on a message any more, and there is no link: if the server sends it again it is delivered anew. */
  forget(message?: IncomingMessage): void {
    for (const messages of [this.#received1, this.#received2]) {
      for (const known of message ? [message] : messages.values()) {
        if (messages.get(known.packetId) !== known) continue;
        known.orphaned = true;
        messages.delete(known.packetId);
      }
    }
  }

  /** PUBLISH [v5 3.3]. */
  publish(packet: DecodedPublishPacket, link: Link): void {
    const { packetId } = packet;
    if (packet.qos === 0 || packetId === undefined) this.#deliver(packet, undefined, false);
    else if (packet.qos === 1) this.#publish1(packet, packetId, link);
    else this.#publish2(packet, packetId, link);
  }

  #publish1(packet: DecodedPublishPacket, packetId: number, link: Link): void {
    const known = this.#received1.get(packetId);
    if (known && packet.dup) {
      this.#adopt(known, link, link.unacknowledged1, link.acks1);
      this.#flush1(link);
      return;
    }
    // Without DUP the identifier names a new message; an older one with it has lost its claim to an answer.
    if (known) known.orphaned = true;
    // First: one too many is not received at all, and delivered when the server sends it again.
    this.#count(link, link.unacknowledged1, packetId);
    const message = new IncomingMessage(packet, packetId, link);
    this.#received1.set(packetId, message);
    link.acks1.push(message);
    this.#deliver(packet, message, packet.dup);
  }

  #publish2(packet: DecodedPublishPacket, packetId: number, link: Link): void {
    if (this.#awaitingRelease.has(packetId)) {
      // [v5 MQTT-4.3.3-10] until PUBREL, the same identifier is the same message
      this.#count(link, link.unacknowledged2, packetId);
      writeAck(link.output, 'pubrec', packetId, 0, link.protocolVersion);
      return;
    }
    const known = this.#received2.get(packetId);
    if (known) {
      this.#adopt(known, link, link.unacknowledged2, link.acks2);
      this.#flush2(link);
      return;
    }
    // First: one too many is not received at all, and delivered when the server sends it again.
    this.#count(link, link.unacknowledged2, packetId);
    const message = new IncomingMessage(packet, packetId, link);
    this.#received2.set(packetId, message);
    link.acks2.push(message);
    this.#deliver(packet, message, packet.dup);
  }

  /** PUBREL [v5 3.6]. */
  pubrel(packet: AckPacket, link: Link): void {
    const { packetId } = packet;
    const known = this.#awaitingRelease.delete(packetId);
    if (known) this.#turn.delete('incoming', packetId);
    link.unacknowledged2.delete(packetId);
    const reasonCode = known || link.protocolVersion !== 5 ? 0 : 0x92;
    writeAck(link.output, 'pubcomp', packetId, reasonCode, link.protocolVersion);
  }

  /** The takers have settled: the message is acknowledged in its turn, with this reason code in MQTT 5.0. */
  acknowledge(message: IncomingMessage, reasonCode: number): void {
    if (message.decision >= 0) return;
    message.decision = reasonCode;
    const { link } = message;
    if (link) {
      if (message.packet.qos === 1) this.#flush1(link);
      else this.#flush2(link);
    } else if (message.packet.qos === 2 && !message.orphaned && reasonCode < 0x80) {
      // It was handled, so it must not be delivered again when the server sends it again.
      this.#received2.delete(message.packetId);
      this.#awaitRelease(message.packetId);
    }
  }

  #flush1(link: Link): void {
    for (let next = link.acks1.peek(); next && next.decision >= 0; next = link.acks1.peek()) {
      link.acks1.shift();
      if (this.#received1.get(next.packetId) === next) {
        this.#received1.delete(next.packetId);
        link.unacknowledged1.delete(next.packetId);
      }
      writeAck(link.output, 'puback', next.packetId, next.decision, link.protocolVersion);
    }
  }

  #flush2(link: Link): void {
    for (let next = link.acks2.peek(); next && next.decision >= 0; next = link.acks2.peek()) {
      link.acks2.shift();
      this.#received2.delete(next.packetId);
      // Before MQTT 5.0 PUBREC has no reason code: the flow goes on.
      const refused = next.decision >= 0x80 && link.protocolVersion === 5;
      if (refused) link.unacknowledged2.delete(next.packetId);
      else this.#awaitRelease(next.packetId);
      writeAck(link.output, 'pubrec', next.packetId, next.decision, link.protocolVersion);
    }
  }

  #awaitRelease(packetId: number): void {
    this.#awaitingRelease.add(packetId);
    if (this.#turn.recording) this.#turn.put({ kind: 'incoming', id: packetId });
  }

  /** Takes a message that came again as the one that is still with its takers. */
  #adopt(message: IncomingMessage, link: Link, counted: Set<number>, acks: Link['acks1']): void {
    if (message.link === link) return;
    message.link = link;
    this.#count(link, counted, message.packetId);
    acks.push(message);
  }

  #count(link: Link, counted: Set<number>, packetId: number): void {
    counted.add(packetId);
    if (link.protocolVersion !== 5) return;
    if (link.unacknowledged1.size + link.unacknowledged2.size <= link.receiveMaximum) return;
    throw new ProtocolError(
      `The server sent more than ${link.receiveMaximum} QoS 1 and 2 messages at a time [MQTT-3.3.4-9]`,
      'receive-maximum-exceeded',
      0x93,
    );
  }
}
