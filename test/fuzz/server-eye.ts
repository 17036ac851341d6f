/**
 * A client as a strict server sees it: reads all that it writes, and complains about what MQTT or our own rules forbid.
 * It knows nothing of the client's inside. Messages are told apart by the number that their payload begins with.
 */

import {
  type ConnackPacket,
  type ConnackProperties,
  type ConnectPacket,
  Decoder,
  type Packet,
  type PublishPacket,
} from '../../src/codec/index';
import { concat, frames } from './bytes';
import { must } from './target';

/** What is durable at the client, where that can be looked at. */
export interface Durable {
  /** Packet identifier that is saved with a message; undefined when the message is not saved. */
  packetIdOf(message: number): number | undefined;
  isReleased(message: number): boolean;
  isIncoming(packetId: number): boolean;
}

/** Reason codes of DISCONNECT that a client may send [v5 3.14.2.1]. */
const clientDisconnects: ReadonlySet<number> = new Set([
  0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
]);

/** One connection, as the server sees it. */
class EyeLink {
  /** What the client sent and the server has not answered, oldest first. */
  readonly unanswered: Packet[] = [];
  /** From CONNACK on. */
  limits: ConnackProperties | undefined;
  connect: ConnectPacket | undefined;
  /** `open`; `over` for the client, which may still write DISCONNECT; `silent` after that. */
  state: 'open' | 'over' | 'silent' = 'open';
  /** QoS 1 and 2 messages written here that are not acknowledged, by identifier. */
  readonly flows = new Map<number, number>();
  /** Identifiers whose PUBREL was written here. */
  readonly released = new Set<number>();
  /** SUBSCRIBE and UNSUBSCRIBE without answer, by identifier. */
  readonly requests = new Set<number>();
  /** Messages written here. */
  readonly messages = new Set<number>();
  /** Number of the QoS 1 or 2 message written last. */
  last = 0;
  readonly aliases = new Map<number, string>();
  /** Identifiers of QoS 1 and of QoS 2 publishes in the order of their arrival at the client, from the next unanswered one on. */
  arrived1: number[] = [];
  arrived2: number[] = [];
  /** How many answers the client owes: `pubrel 7` when PUBREC 7 came, `pubcomp 7` when PUBREL 7 came. */
  readonly owed = new Map<string, number>();

  owe(type: 'pubrel' | 'pubcomp', packetId: number, count = 1): void {
    const key = `${type} ${packetId}`;
    this.owed.set(key, (this.owed.get(key) ?? 0) + count);
  }

  isOwed(type: 'pubrel' | 'pubcomp', packetId: number): boolean {
    return (this.owed.get(`${type} ${packetId}`) ?? 0) > 0;
  }
}

/** See the head of this file. */
export class ServerEye {
  /** Everything the client wrote, for comparisons. */
  readonly transcript: string[] = [];
  readonly #durable: Durable | undefined;
  #link: EyeLink | undefined;
  #decoder: Decoder | undefined;
  /** Bytes of the packet that is being read. */
  #size = 0;

  // What a server session knows.
  /** Message by the identifier it was last written with, until it is acknowledged. */
  readonly #owners = new Map<number, number>();
  /** Messages written in this session. */
  readonly #written = new Set<number>();
  /** Messages of QoS 2 that were written. */
  readonly #exactlyOnce = new Set<number>();
  /** Messages whose PUBREC came. */
  readonly #recognised = new Set<number>();
  /** Messages whose PUBREL was written: they must not be sent again. */
  readonly #released = new Set<number>();
  /** QoS 2 identifiers of the server between PUBREC and PUBREL. */
  readonly #awaitingRelease = new Set<number>();
  /** Messages that the client took from its store: whether their bytes left before the crash is unknown to it. */
  readonly #restored = new Set<number>();
  /** Identifiers that a hostile server acknowledged before they were written: nothing can be said of them. */
  readonly #spoiled = new Set<number>();
  /** The same of the server's identifiers. */
  readonly #spoiledIncoming = new Set<number>();

  constructor(durable: Durable | undefined) {
    this.#durable = durable;
  }

  /** What the client sent on the current connection and the server has not answered. */
  get unanswered(): Packet[] {
    return this.#link?.unanswered ?? [];
  }

  /** Whether CONNECT was written and the connection is not over. */
  get hasConnect(): boolean {
    return this.#link?.connect !== undefined && this.#link.state === 'open';
  }

  /** The CONNECT of the current connection. */
  get connect(): ConnectPacket | undefined {
    return this.#link?.connect;
  }

  // --- the life of a connection

  opened(): void {
    const link = new EyeLink();
    this.#link = link;
    this.#decoder = new Decoder({
      onPacket: (packet) => this.#read(packet, link),
    });
  }

  /** The client holds the connection for accepted. */
  connected(resumed: boolean, connack: ConnackPacket): void {
    must(this.#link?.state === 'open', 'connected without a connection');
    this.#link.limits = connack.properties ?? {};
    this.transcript.push(`connected, ${resumed ? 'resumed' : 'new session'}`);
    if (!resumed) this.renewed();
  }

  /** The client holds the connection for over; it may still write what leads to DISCONNECT. */
  ended(flush: boolean): void {
    this.transcript.push('ended');
    if (this.#link) this.#link.state = flush ? 'over' : 'silent';
  }

  /** The transport is closed. */
  closed(): void {
    if (this.#link) this.#link.state = 'silent';
  }

  /** The client crashed. */
  crashed(stored: Iterable<number>): void {
    this.#link = undefined;
    this.reread(stored);
  }

  /** The client reads its store, and knows only what that holds. */
  reread(stored: Iterable<number>): void {
    for (const message of stored) this.#restored.add(message);
    // A PUBREC that was not saved is forgotten: then its PUBLISH comes again.
    for (const message of this.#recognised) {
      if (!this.#durable?.isReleased(message)) this.#recognised.delete(message);
    }
  }

  /** The client gave up a message. With QoS 1 its identifier is free then; with QoS 2 only in a new session. */
  removed(message: number): void {
    if (this.#exactlyOnce.has(message)) return;
    for (const [packetId, owner] of this.#owners) if (owner === message) this.#owners.delete(packetId);
  }

  /** The server has a new session, and the client knows. */
  renewed(): void {
    this.#owners.clear();
    this.#written.clear();
    this.#exactlyOnce.clear();
    this.#recognised.clear();
    this.#released.clear();
    this.#awaitingRelease.clear();
    this.#restored.clear();
    this.#spoiled.clear();
    this.#spoiledIncoming.clear();
  }

  // --- what the client received

  /** The client read a packet of the server. */
  received(packet: Packet): void {
    const link = this.#link;
    if (link?.state !== 'open') return;
    switch (packet.type) {
      case 'publish':
        if (packet.packetId === undefined) return;
        if (packet.qos === 1) link.arrived1.push(packet.packetId);
        else link.arrived2.push(packet.packetId);
        return;
      case 'pubrel':
        if (!this.#awaitingRelease.delete(packet.packetId)) this.#spoiledIncoming.add(packet.packetId);
        link.owe('pubcomp', packet.packetId);
        return;
      case 'pubrec':
        link.owe('pubrel', packet.packetId);
        this.#recorded(packet.packetId, packet.reasonCode, link);
        return;
      case 'puback':
        if (!link.flows.has(packet.packetId)) this.#spoiled.add(packet.packetId);
        // A server without QoS 2 takes its messages as QoS 1; the client gives such a message up.
        this.#acknowledged(packet.packetId, link, (message) => !this.#recognised.has(message));
        return;
      case 'pubcomp':
        if (!link.released.has(packet.packetId)) this.#spoiled.add(packet.packetId);
        this.#acknowledged(packet.packetId, link, (message) => this.#recognised.has(message));
        return;
      case 'suback':
      case 'unsuback':
        if (!link.requests.delete(packet.packetId)) this.#spoiled.add(packet.packetId);
        return;
      default:
    }
  }

  /** PUBREC came. */
  #recorded(packetId: number, reasonCode: number, link: EyeLink): void {
    const message = this.#owners.get(packetId);
    if (message === undefined || !link.flows.has(packetId)) this.#spoiled.add(packetId);
    // With QoS 1 it ends the connection, and the flow goes on.
    else if (!this.#exactlyOnce.has(message)) return;
    else if (reasonCode < 0x80) this.#recognised.add(message);
    else this.#acknowledged(packetId, link, () => !this.#recognised.has(message));
  }

  /** The last answer of a flow came; one that is not due ends the connection, and the flow goes on. */
  #acknowledged(packetId: number, link: EyeLink, isDue: (message: number) => boolean): void {
    const message = this.#owners.get(packetId);
    if (message === undefined) this.#spoiled.add(packetId);
    else if (isDue(message)) {
      this.#owners.delete(packetId);
      link.flows.delete(packetId);
    }
  }

  /** The client hands a message to its application. */
  delivered(packet: PublishPacket): void {
    must(this.#link?.state === 'open', 'a message is delivered without a connection');
    must(packet.topic !== '', 'a message without a topic is delivered');
    this.transcript.push(`delivers ${packet.topic} QoS ${packet.qos} ${packet.packetId}`);
    const { packetId } = packet;
    if (packet.qos !== 2 || packetId === undefined || this.#spoiledIncoming.has(packetId)) return;
    // [v5 4.3.3] method B and ours: once PUBREC is out, the identifier is the same message until PUBREL
    must(!this.#awaitingRelease.has(packetId), `QoS 2 message ${packetId} is delivered a second time`);
  }

  // --- what the client wrote

  /** The client wrote a frame. */
  wrote(frame: readonly Uint8Array[]): void {
    const link = this.#link;
    must(link !== undefined && link.state !== 'silent', 'bytes are written without a connection');
    const bytes = concat(frame);
    const packets = frames(bytes);
    must(packets.at(-1)?.end === bytes.length, 'a frame does not hold whole packets');
    for (const { start, end } of packets) {
      this.#size = end - start;
      this.#decoder?.push(bytes.slice(start, end));
    }
  }

  #read(packet: Packet, link: EyeLink): void {
    this.transcript.push(describePacket(packet));
    this.#mustFit(packet, link);
    if (link.connect === undefined) {
      must(packet.type === 'connect', `the first packet is ${packet.type}`);
      link.connect = packet;
      return;
    }
    if (packet.type === 'disconnect') {
      must(
        clientDisconnects.has(packet.reasonCode),
        `DISCONNECT has ${packet.reasonCode}, which is the server's`,
      );
      link.state = 'silent';
      return;
    }
    must(link.state !== 'silent', `${packet.type} is written after DISCONNECT`);
    if (link.limits === undefined) {
      must(packet.type === 'auth', `${packet.type} is written before CONNACK`);
      return;
    }
    switch (packet.type) {
      case 'publish':
        this.#publish(packet, link);
        return;
      case 'pubrel':
        this.#pubrel(packet.packetId, packet.reasonCode, link);
        return;
      case 'puback':
        link.arrived1 = mustBeNext(link.arrived1, packet.packetId, 'PUBACK');
        return;
      case 'pubrec':
        this.#pubrec(packet.packetId, packet.reasonCode, link);
        return;
      case 'pubcomp':
        must(link.isOwed('pubcomp', packet.packetId), `PUBCOMP ${packet.packetId} answers no PUBREL`);
        link.owe('pubcomp', packet.packetId, -1);
        // The server may have used the identifier for its next message already.
        if (link.arrived2.includes(packet.packetId)) return;
        must(
          !this.#durable?.isIncoming(packet.packetId),
          'PUBCOMP is written before its identifier is removed',
        );
        return;
      case 'subscribe':
      case 'unsubscribe':
        this.#mustBeFree(packet.packetId, link);
        link.requests.add(packet.packetId);
        link.unanswered.push(packet);
        return;
      case 'pingreq':
      case 'auth':
        link.unanswered.push(packet);
        return;
      default:
        must(false, `a client writes ${packet.type}`);
    }
  }

  #mustFit(packet: Packet, link: EyeLink): void {
    const { maximumPacketSize = Number.POSITIVE_INFINITY } = link.limits ?? {};
    // [v5 MQTT-3.2.2-15]
    must(
      this.#size <= maximumPacketSize,
      `${packet.type} of ${this.#size} bytes, ${maximumPacketSize} are taken`,
    );
  }

  #publish(packet: PublishPacket, link: EyeLink): void {
    const { maximumQoS = 2, retainAvailable = true, receiveMaximum = 65_535 } = link.limits ?? {};
    must(packet.qos <= maximumQoS, `QoS ${packet.qos}, the server takes ${maximumQoS}`);
    must(!packet.retain || retainAvailable, 'a retained message, the server takes none');
    this.#mustBeNamed(packet, link);
    const { packetId } = packet;
    if (packetId === undefined) return;
    link.unanswered.push(packet);
    const message = messageNumber(packet.payload);

    must(!link.messages.has(message), `message ${message} is sent twice on one connection`);
    link.messages.add(message);
    must(message > link.last, `message ${message} is sent after message ${link.last}`);
    link.last = message;
    must(!this.#released.has(message), `message ${message} is sent again after its PUBREL`);

    // [v5 MQTT-3.3.1-1]
    if (this.#written.has(message)) must(packet.dup, `message ${message} is sent again without DUP`);
    else must(!packet.dup || this.#restored.has(message), `message ${message} has DUP although it is new`);
    this.#written.add(message);
    if (packet.qos === 2) this.#exactlyOnce.add(message);

    if (this.#spoiled.has(packetId)) return;
    if (this.#durable) {
      const saved = this.#durable.packetIdOf(message);
      must(saved === packetId, `message ${message} is sent as ${packetId}, saved is ${saved}`);
    }
    const owner = this.#owners.get(packetId);
    must(owner === undefined || owner === message, `identifier ${packetId} belongs to message ${owner}`);
    this.#mustBeFree(packetId, link);
    this.#owners.set(packetId, message);
    link.flows.set(packetId, message);
    // [v5 MQTT-3.3.4-7]
    must(
      link.flows.size <= receiveMaximum,
      `${link.flows.size} messages are on their way, ${receiveMaximum} may be`,
    );
  }

  /** The topic, or an alias that stands for one. */
  #mustBeNamed(packet: PublishPacket, link: EyeLink): void {
    const alias = packet.properties?.topicAlias;
    const { topicAliasMaximum = 0 } = link.limits ?? {};
    if (alias === undefined) {
      must(packet.topic !== '', 'PUBLISH has no topic');
      return;
    }
    // [v5 MQTT-3.3.2-9]
    must(alias <= topicAliasMaximum, `alias ${alias}, the server takes ${topicAliasMaximum}`);
    if (packet.topic !== '') link.aliases.set(alias, packet.topic);
    must(link.aliases.has(alias), `alias ${alias} stands for nothing`);
    const expected = topicOf(packet.payload);
    must(
      expected === undefined || link.aliases.get(alias) === expected,
      `alias ${alias} stands for another topic`,
    );
  }

  #pubrel(packetId: number, reasonCode: number, link: EyeLink): void {
    const message = this.#owners.get(packetId);
    // A crash may have lost that the flow was complete.
    const resumed = message === undefined ? this.#restored.size > 0 : this.#recognised.has(message);
    const spoiled = this.#spoiled.has(packetId);
    must(link.isOwed('pubrel', packetId) || resumed || spoiled, `PUBREL ${packetId} answers no PUBREC`);
    if (link.isOwed('pubrel', packetId)) link.owe('pubrel', packetId, -1);
    link.unanswered.push({ type: 'pubrel', packetId, reasonCode });
    link.released.add(packetId);
    if (message === undefined || reasonCode >= 0x80 || spoiled) return;
    this.#released.add(message);
    must(
      this.#durable?.isReleased(message) ?? true,
      `PUBREL of message ${message} is written before it is saved`,
    );
  }

  #pubrec(packetId: number, reasonCode: number, link: EyeLink): void {
    link.arrived2 = mustBeNext(link.arrived2, packetId, 'PUBREC');
    if (reasonCode >= 0x80) return;
    link.unanswered.push({ type: 'pubrec', packetId, reasonCode });
    // The server did not wait for it, and may use the identifier again: nothing can be said of it.
    if (link.isOwed('pubcomp', packetId)) this.#spoiledIncoming.add(packetId);
    if (this.#spoiledIncoming.has(packetId)) return;
    this.#awaitingRelease.add(packetId);
    must(this.#durable?.isIncoming(packetId) ?? true, `PUBREC ${packetId} is written before it is saved`);
  }

  #mustBeFree(packetId: number, link: EyeLink): void {
    if (this.#spoiled.has(packetId)) return;
    must(!link.flows.has(packetId) && !link.requests.has(packetId), `identifier ${packetId} is in use`);
  }
}

/** Takes the arrivals up to the one that is answered away: answers keep the order, some are never given. */
function mustBeNext(arrived: readonly number[], packetId: number, what: string): number[] {
  const index = arrived.indexOf(packetId);
  must(index >= 0, `${what} ${packetId} answers nothing, or comes out of order`);
  return arrived.slice(index + 1);
}

/** Payloads are `number|topic|filling`. */
export function payloadOf(message: number, topic: string, filling: number): Uint8Array {
  return new TextEncoder().encode(`${message}|${topic}|${'x'.repeat(filling)}`);
}

/** The number of the message that a payload belongs to. */
export function messageNumber(payload: Uint8Array): number {
  return Number(new TextDecoder().decode(payload).split('|')[0]);
}

function topicOf(payload: Uint8Array): string | undefined {
  return new TextDecoder().decode(payload).split('|')[1];
}

function describePacket(packet: Packet): string {
  return JSON.stringify(packet, (_, value: unknown) =>
    value instanceof Uint8Array ? new TextDecoder().decode(value) : value,
  );
}
