/**
 * A server without a network: an in-memory {@link Transport} (`options.transport`) whose other end sees every packet
 * and answers by script, or sensibly. Nothing in it uses timers, so that tests may fake them.
 *
 * Packets of the client are seen at once, in its call to `write`; answers arrive in a microtask, those to one `write`
 * as one chunk.
 */

import { Decoder } from '../../src/codec/decoder';
import { encode } from '../../src/codec/encode';
import type { DecodedPacket, Packet, PublishPacket } from '../../src/codec/packet';
import type { ProtocolVersion } from '../../src/message';
import { BaseConnection } from '../../src/transport/base-connection';
import type { Connection, Transport, TransportOptions } from '../../src/transport/transport';

/** A packet of one type. */
export type PacketOf<Type extends Packet['type']> = DecodedPacket & { type: Type };

/** What the server says to a packet: packets, or nothing. */
export type Answer = Packet | readonly Packet[] | undefined;

/** What to do instead of the sensible answer, by the packet's type. */
export type Script = {
  [Type in Packet['type']]?: (packet: PacketOf<Type>, link: FakeLink) => Answer;
};

/** Options of {@link FakeLink.publish}. */
export type PublishDetails = Partial<Omit<PublishPacket, 'type' | 'topic' | 'payload'>>;

/** The client's end of a connection. */
class FakeConnection extends BaseConnection {
  /** As the client sees it; tests set it, since nothing is ever kept back here. */
  bufferedAmount = 0;
  /** How the client ended it. */
  endedBy: 'close' | 'destroy' | undefined;
  /** Keeps `close` waiting; tests set it, as transports do where what is buffered would be lost with the process. */
  left: Promise<void> | undefined;
  readonly #written: (chunks: readonly Uint8Array[]) => void;
  readonly #gone: () => void;

  constructor(written: (chunks: readonly Uint8Array[]) => void, gone: () => void) {
    super();
    this.#written = written;
    this.#gone = gone;
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.endedBy === undefined) this.#written(chunks);
  }

  close(): void | Promise<void> {
    if (this.endedBy !== undefined) return undefined;
    this.endedBy = 'close';
    this.#gone();
    const ended = () => this.ended();
    if (this.left) this.left.then(ended);
    else queueMicrotask(ended);
    return this.left;
  }

  destroy(): void {
    this.endedBy ??= 'destroy';
    this.silenced();
    this.#gone();
  }

  feed(bytes: Uint8Array): void {
    if (this.endedBy === undefined) this.received(bytes);
  }

  drain(): void {
    this.drained();
  }

  end(error?: Error): void {
    this.ended(error);
  }
}

/** The server's end of one connection. */
export class FakeLink {
  /** What `connect` of the transport was called with. */
  readonly url: URL;
  readonly options: TransportOptions;
  /** Every packet that came, oldest first. */
  readonly received: DecodedPacket[] = [];
  /** Sizes of the frames that came. */
  readonly frames: number[] = [];
  /** What the client holds. */
  readonly connection: FakeConnection;
  /** False once either side ended it. */
  isOpen = true;
  readonly #server: FakeServer;
  readonly #decoder: Decoder;
  #answers: Packet[] = [];
  #packetId = 0;

  constructor(server: FakeServer, url: URL, options: TransportOptions) {
    this.#server = server;
    this.url = url;
    this.options = options;
    this.#decoder = new Decoder({ onPacket: (packet) => this.#receive(packet) });
    this.connection = new FakeConnection(
      (chunks) => this.#read(chunks),
      () => {
        this.isOpen = false;
      },
    );
  }

  /** The version that CONNECT asked for. */
  get protocolVersion(): ProtocolVersion {
    return this.connect.protocolVersion;
  }

  /** The CONNECT. */
  get connect(): PacketOf<'connect'> {
    return this.first('connect');
  }

  /** Packets of one type, oldest first. */
  packets<Type extends Packet['type']>(type: Type): PacketOf<Type>[] {
    return this.received.filter((packet): packet is PacketOf<Type> => packet.type === type);
  }

  /** The first packet of a type; throws when there is none. */
  first<Type extends Packet['type']>(type: Type): PacketOf<Type> {
    const [packet] = this.packets(type);
    if (!packet) throw new Error(`The client sent no ${type}, but ${this.types.join(', ') || 'nothing'}`);
    return packet;
  }

  /** The last packet of a type; throws when there is none. */
  last<Type extends Packet['type']>(type: Type): PacketOf<Type> {
    return this.packets(type).at(-1) ?? this.first(type);
  }

  /** Types of all packets that came, oldest first. */
  get types(): Packet['type'][] {
    return this.received.map(({ type }) => type);
  }

  /** The Subscription Identifier that the client gave a filter last. */
  identifierOf(filter: string): number | undefined {
    const packets = this.packets('subscribe').filter(({ subscriptions }) =>
      subscriptions.some((one) => one.filter === filter),
    );
    return packets.at(-1)?.properties?.subscriptionIdentifier;
  }

  /** Sends packets, now and in one chunk. */
  send(...packets: readonly Packet[]): void {
    const parts = packets.map((packet) => encode(packet, this.protocolVersion));
    const chunk = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
    let offset = 0;
    for (const part of parts) {
      chunk.set(part, offset);
      offset += part.length;
    }
    this.sendBytes(chunk);
  }

  /** Sends bytes, now. */
  sendBytes(bytes: Uint8Array): void {
    if (this.isOpen) this.connection.feed(bytes);
  }

  /** Sends a message, with the next identifier if it needs one. @returns its packet */
  publish(topic: string, payload: string | Uint8Array = '', details: PublishDetails = {}): PublishPacket {
    const packet = this.message(topic, payload, details);
    this.send(packet);
    return packet;
  }

  /** Makes a message as `publish` does, without sending it. */
  message(topic: string, payload: string | Uint8Array = '', details: PublishDetails = {}): PublishPacket {
    const { qos = 0, retain = false, dup = false, properties } = details;
    if (qos > 0 && details.packetId === undefined) this.#packetId += 1;
    return {
      type: 'publish',
      topic,
      payload: typeof payload === 'string' ? new TextEncoder().encode(payload) : payload,
      qos,
      retain,
      dup,
      packetId: qos === 0 ? undefined : (details.packetId ?? this.#packetId),
      properties,
    };
  }

  /** Ends the connection as a network does. */
  drop(error?: Error): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.connection.end(error);
  }

  /** Says how many bytes wait in the client's transport; `tell` reports it as a drain event. */
  buffer(bytes: number, tell = false): void {
    this.connection.bufferedAmount = bytes;
    if (tell) this.connection.drain();
  }

  #read(chunks: readonly Uint8Array[]): void {
    this.frames.push(chunks.reduce((size, { length }) => size + length, 0));
    // Copied: what the client does to its bytes afterwards is not what was sent.
    for (const chunk of chunks) this.#decoder.push(chunk.slice());
    const answers = this.#answers;
    this.#answers = [];
    if (answers.length > 0) queueMicrotask(() => this.send(...answers));
  }

  #receive(packet: DecodedPacket): void {
    this.received.push(packet);
    const answer = this.#server.answer(packet, this);
    if (!answer) return;
    if ('type' in answer) this.#answers.push(answer);
    else this.#answers.push(...answer);
  }
}

/** Attempts to connect that no test makes on purpose. */
const mostAttempts = 10_000;

/** The server. */
export class FakeServer implements Transport {
  /** Answers that replace the sensible ones. A member that returns nothing leaves its packets unanswered. */
  script: Script;
  /** Properties of each CONNACK of MQTT 5.0. */
  connack: PacketOf<'connack'>['properties'];
  /** Set, connections fail with it. */
  unreachable: Error | undefined;
  /** Connections that were opened, oldest first. */
  readonly links: FakeLink[] = [];
  /** URLs of all attempts, failed ones too. */
  readonly attempts: string[] = [];
  /** Client identifiers with a session here. */
  readonly sessions = new Set<string>();

  constructor(script: Script = {}) {
    this.script = script;
  }

  /** The newest connection; throws when there is none. */
  get link(): FakeLink {
    const link = this.links.at(-1);
    if (!link) throw new Error('Nobody has connected');
    return link;
  }

  /** {@link Transport}. */
  async connect(url: URL, options: TransportOptions): Promise<Connection> {
    this.attempts.push(url.href);
    options.signal.throwIfAborted();
    // A client that comes back in a tight loop fails its test by the time-out, which could else never fire.
    if (this.attempts.length > mostAttempts) return new Promise(() => {});
    if (this.unreachable) throw this.unreachable;
    const link = new FakeLink(this, url, options);
    this.links.push(link);
    return link.connection;
  }

  /** What is said to a packet: by the script, else sensibly. */
  answer(packet: DecodedPacket, link: FakeLink): Answer {
    const scripted = this.script[packet.type] as
      | ((packet: DecodedPacket, link: FakeLink) => Answer)
      | undefined;
    return scripted ? scripted(packet, link) : this.sensible(packet, link);
  }

  /** The answer of a server that has no objections. */
  sensible(packet: DecodedPacket, link: FakeLink): Answer {
    const isV5 = link.protocolVersion === 5;
    switch (packet.type) {
      case 'connect':
        return this.#connack(packet);
      case 'publish': {
        const { qos, packetId = 0 } = packet;
        if (qos === 0) return;
        return { type: qos === 1 ? 'puback' : 'pubrec', packetId, reasonCode: 0 };
      }
      case 'pubrec':
        if (packet.reasonCode >= 0x80) return;
        return { type: 'pubrel', packetId: packet.packetId, reasonCode: 0 };
      case 'pubrel':
        return { type: 'pubcomp', packetId: packet.packetId, reasonCode: 0 };
      case 'subscribe':
        return {
          type: 'suback',
          packetId: packet.packetId,
          reasonCodes: packet.subscriptions.map(({ qos }) => qos),
        };
      case 'unsubscribe':
        return {
          type: 'unsuback',
          packetId: packet.packetId,
          reasonCodes: isV5 ? packet.filters.map(() => 0) : [],
        };
      case 'pingreq':
        return { type: 'pingresp' };
      case 'disconnect':
        if (packet.properties?.sessionExpiryInterval === 0) this.sessions.delete(link.connect.clientId);
        return;
      default:
        return;
    }
  }

  #connack({ clientId, clean, protocolVersion, properties }: PacketOf<'connect'>): Packet {
    const sessionPresent = !clean && this.sessions.has(clientId);
    const isKept = protocolVersion === 5 ? (properties?.sessionExpiryInterval ?? 0) > 0 : !clean;
    if (isKept) this.sessions.add(clientId);
    else this.sessions.delete(clientId);
    return {
      type: 'connack',
      sessionPresent: sessionPresent && protocolVersion !== 3,
      reasonCode: 0,
      properties: protocolVersion === 5 ? this.connack : undefined,
    };
  }
}

const realSetImmediate = setImmediate;

/** Lets everything happen that needs no timers: microtasks, and what the client does at the end of its task. */
export async function turn(): Promise<void> {
  for (let count = 0; count < 3; count += 1) {
    await new Promise<void>((resolve) => realSetImmediate(resolve));
  }
}
