/**
 * Messages on their way to one client: the queue, the packet identifiers, and the QoS 1 and 2 flows that survive a
 * connection.
 *
 *   queued --PUBLISH--> published --PUBACK--> done          QoS 1
 *                       published --PUBREC--> released --PUBCOMP--> done     QoS 2
 *
 * Rules:
 * 1. Everything is sent again on a new connection, and only then [v5 MQTT-4.4.0-1]: first every PUBREL in the order
 *    of its PUBREC [v5 MQTT-4.6.0-4], then every PUBLISH in its first order, with DUP [v5 MQTT-3.3.1-1].
 * 2. At most Receive Maximum identifiers are in flight, resends included [v5 MQTT-3.3.4-9].
 * 3. Expiry counts only before the first send [v5 MQTT-4.3.3-7].
 */

import type { PublishPacket, QoS } from '../../src/codec/packet';
import { ProtocolError } from '../../src/errors';
import { Fifo } from './fifo';
import { type BrokerMessage, isExpired, remainingExpiry } from './message';

/** One message for one client. */
export interface Delivery {
  readonly message: BrokerMessage;
  /** The lower of published and granted [v5 MQTT-3.8.4-8]. */
  readonly qos: QoS;
  readonly retain: boolean;
  readonly subscriptionIdentifiers: readonly number[];
}

/** A delivery that has an identifier. */
interface InFlight {
  readonly delivery: Delivery;
  readonly packetId: number;
  /** Message Expiry Interval of the first send, which a resend repeats. */
  readonly expiry: number | undefined;
}

/** What the flows need from the connection. */
export interface OutboundPort {
  /** PUBLISH packets with QoS > 0 that the client takes at one time. */
  readonly receiveMaximum: number;
  /** False while the connection has more to send than it should hold. */
  readonly writable: boolean;
  /** Sends a PUBLISH; false when the client cannot or must not have it, and it was not sent. */
  publish(packet: PublishPacket): boolean;
  sendPubrel(packetId: number, reasonCode: number): void;
  now(): number;
}

const highestPacketId = 65_535;

/** The outbound half of a session. */
export class Outbound {
  /** Not sent yet. */
  readonly #queue = new Fifo<Delivery>();
  /** Bytes of the payloads among them. */
  #queuedBytes = 0;
  /** Sent, waiting for PUBACK or PUBREC; in the order of the first send. */
  readonly #published = new Map<number, InFlight>();
  /** QoS 2 that has its PUBREC, waiting for PUBCOMP; in the order of the PUBRECs. */
  readonly #released = new Map<number, InFlight>();
  /** To be sent again on this connection. */
  #resend: InFlight[] = [];
  /** Identifiers that count against Receive Maximum on this connection. */
  readonly #slots = new Set<number>();
  /** The identifier whose turn it was last: a message that expired or is too large has had its turn too. */
  #lastId = 0;
  /** The connection, while there is one. */
  #port: OutboundPort | undefined;

  /** Messages that wait for their first send. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Messages that were sent and are not done. */
  get inFlight(): number {
    return this.#published.size + this.#released.size;
  }

  /** Whether something waits that could be sent but for a connection that has too much to send. */
  get stalled(): boolean {
    const waits = this.#resend.length > 0 || this.#queue.length > 0;
    return waits && this.#port !== undefined && this.#slots.size < this.#port.receiveMaximum;
  }

  /** Identifiers in use, with what they wait for. */
  get packetIds(): ReadonlyMap<number, 'puback' | 'pubrec' | 'pubcomp'> {
    const ids = new Map<number, 'puback' | 'pubrec' | 'pubcomp'>();
    for (const [id, { delivery }] of this.#published) ids.set(id, delivery.qos === 1 ? 'puback' : 'pubrec');
    for (const id of this.#released.keys()) ids.set(id, 'pubcomp');
    return ids;
  }

  /** A connection resumes the session: sends again what was not acknowledged. */
  opened(port: OutboundPort): void {
    this.#port = port;
    this.#slots.clear();
    for (const id of this.#released.keys()) {
      this.#slots.add(id);
      port.sendPubrel(id, 0x00);
    }
    this.#resend = [...this.#published.values()];
    this.pump();
  }

  /** The connection is gone. */
  closed(): void {
    this.#port = undefined;
    this.#resend = [];
  }

  /** Takes a QoS 1 or 2 message; false when the queue is full, which an empty one never is for its bytes. */
  enqueue(delivery: Delivery, limit: number, byteLimit: number): boolean {
    const { length } = delivery.message.payload;
    if (this.#queue.length >= limit) return false;
    if (this.#queue.length > 0 && this.#queuedBytes + length > byteLimit) return false;
    this.#queue.push(delivery);
    this.#queuedBytes += length;
    this.pump();
    return true;
  }

  /** Sends what may be sent now. */
  pump(): void {
    const port = this.#port;
    if (port === undefined) return;
    while (port.writable && this.#slots.size < port.receiveMaximum) {
      const again = this.#resend.shift();
      if (again !== undefined) {
        this.#sendAgain(port, again);
        continue;
      }
      const delivery = this.#queue.shift();
      if (delivery === undefined) return;
      this.#queuedBytes -= delivery.message.payload.length;
      if (isExpired(delivery.message, port.now())) {
        if (delivery.qos > 0) this.#lastId = this.#freeId() ?? this.#lastId;
        continue; // [v5 MQTT-3.3.2-5]
      }
      if (delivery.qos === 0)
        port.publish(publishOf(delivery, undefined, false, this.#expiry(port, delivery)));
      else if (!this.#sendFirst(port, delivery)) return;
    }
  }

  puback(packetId: number): void {
    const entry = this.#published.get(packetId) ?? this.#released.get(packetId);
    if (entry === undefined) return;
    if (entry.delivery.qos !== 1) throw new ProtocolError(`PUBACK ${packetId} answers a QoS 2 PUBLISH`);
    this.#done(packetId);
  }

  pubrec(packetId: number, reasonCode: number): void {
    const entry = this.#published.get(packetId);
    if (entry === undefined) {
      // A PUBREC that is repeated is answered again; of an unknown one the client is told.
      if (reasonCode < 0x80) this.#port?.sendPubrel(packetId, this.#released.has(packetId) ? 0x00 : 0x92);
      return;
    }
    if (entry.delivery.qos !== 2) throw new ProtocolError(`PUBREC ${packetId} answers a QoS 1 PUBLISH`);
    if (reasonCode >= 0x80) return this.#done(packetId); // [v5 MQTT-4.4.0-2]
    this.#published.delete(packetId);
    this.#released.set(packetId, entry);
    this.#port?.sendPubrel(packetId, 0x00); // [v5 MQTT-4.3.3-4]
  }

  pubcomp(packetId: number): void {
    // PUBCOMP answers PUBREL [v5 3.7, v3 3.7], which this one did not get.
    if (this.#published.has(packetId)) throw new ProtocolError(`PUBCOMP ${packetId} answers a PUBLISH`);
    if (this.#released.has(packetId)) this.#done(packetId);
  }

  /** Messages that wait, oldest first. */
  *[Symbol.iterator](): Iterator<Delivery> {
    for (const { delivery } of this.#released.values()) yield delivery;
    for (const { delivery } of this.#published.values()) yield delivery;
    yield* this.#queue;
  }

  #sendAgain(port: OutboundPort, entry: InFlight): void {
    const { delivery, packetId, expiry } = entry;
    this.#slots.add(packetId);
    // Too large for the client as it is now: done, as if it had been sent [v5 MQTT-3.1.2-25].
    if (!port.publish(publishOf(delivery, packetId, true, expiry))) this.#forget(packetId);
  }

  #sendFirst(port: OutboundPort, delivery: Delivery): boolean {
    const packetId = this.#freeId();
    if (packetId === undefined) return false;
    this.#lastId = packetId;
    const expiry = this.#expiry(port, delivery);
    if (!port.publish(publishOf(delivery, packetId, false, expiry))) return true;
    this.#slots.add(packetId);
    this.#published.set(packetId, { delivery, packetId, expiry });
    return true;
  }

  #expiry(port: OutboundPort, delivery: Delivery): number | undefined {
    return remainingExpiry(delivery.message, port.now());
  }

  #done(packetId: number): void {
    this.#forget(packetId);
    this.pump();
  }

  #forget(packetId: number): void {
    this.#published.delete(packetId);
    this.#released.delete(packetId);
    this.#slots.delete(packetId);
    this.#resend =
      this.#resend.length === 0 ? this.#resend : this.#resend.filter((e) => e.packetId !== packetId);
  }

  /** [v5 MQTT-2.2.1-4] the next identifier that is not zero and not in use; undefined when all are. */
  #freeId(): number | undefined {
    if (this.inFlight >= highestPacketId) return undefined;
    let id = this.#lastId;
    do id = id === highestPacketId ? 1 : id + 1;
    while (this.#published.has(id) || this.#released.has(id));
    return id;
  }
}

/** The PUBLISH of a delivery, its topic in full. */
export function publishOf(
  delivery: Delivery,
  packetId: number | undefined,
  dup: boolean,
  expiry: number | undefined,
): PublishPacket {
  const { message, qos, retain, subscriptionIdentifiers } = delivery;
  const properties = { ...message.properties };
  if (expiry !== undefined) properties.messageExpiryInterval = expiry;
  if (subscriptionIdentifiers.length > 0) properties.subscriptionIdentifiers = subscriptionIdentifiers;
  const { topic, payload } = message;
  return { type: 'publish', topic, payload, qos, retain, dup, packetId, properties };
}
