/** A client of the bench: sends packets or bytes, and keeps what comes back until a test takes it. */

import { Decoder } from '../../../src/codec/decoder';
import { encode } from '../../../src/codec/encode';
import type {
  AckPacket,
  Packet,
  PacketType,
  ProtocolVersion,
  PublishPacket,
  PublishProperties,
  QoS,
  SubscribeAckPacket,
  SubscribePacketProperties,
  SubscriptionEntry,
} from '../../../src/codec/packet';
import type { Connection } from '../connection';
import type { BrokerCore } from '../core';
import type { FaultPlan } from '../faults';
import type { Wire } from '../wire';
import type { PacketOf } from './bench';

/** What a test says of a PUBLISH beside topic and payload. */
export interface PublishExtras {
  qos?: QoS;
  retain?: boolean;
  dup?: boolean;
  packetId?: number;
  properties?: PublishProperties;
}

/** Bytes of a hex text; blanks are for the reader. */
export function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(/\s+/g, ''), 'hex'));
}

/** One connection, seen from the client. */
export class BenchClient {
  readonly version: ProtocolVersion;
  readonly connection: Connection;
  /** What came back and was not taken. */
  readonly inbox: Packet[] = [];
  /** All bytes that came back, write by write. */
  readonly writes: Uint8Array[] = [];
  /** How the broker ended the connection. */
  ending: 'open' | 'ended' | 'destroyed' = 'open';
  /** Bytes that the network pretends to hold. */
  bufferedAmount = 0;
  #packetId = 0;

  constructor(core: BrokerCore, version: ProtocolVersion, faults: FaultPlan) {
    this.version = version;
    const decoder = new Decoder({ protocolVersion: version, onPacket: (packet) => this.inbox.push(packet) });
    const client = this;
    const wire: Wire = {
      kind: 'memory',
      remoteAddress: 'bench',
      get bufferedAmount() {
        return client.bufferedAmount;
      },
      write(chunks) {
        for (const chunk of chunks) {
          client.writes.push(chunk.slice());
          decoder.push(chunk.slice());
        }
      },
      writeText: () => {},
      end: () => {
        client.ending = 'ended';
      },
      destroy: () => {
        client.ending = 'destroyed';
      },
    };
    this.connection = core.opened(wire, faults);
  }

  get isClosed(): boolean {
    return this.ending !== 'open';
  }

  /** All bytes that came back, as hex. */
  get bytes(): string {
    return Buffer.concat(this.writes).toString('hex');
  }

  /** Sends packets in one chunk. */
  send(...packets: Packet[]): void {
    this.connection.received(new Uint8Array(Buffer.concat(packets.map((one) => encode(one, this.version)))));
  }

  /** Sends bytes, given as hex or as they are. */
  sendBytes(bytes: string | Uint8Array): void {
    this.connection.received(typeof bytes === 'string' ? hex(bytes) : bytes);
  }

  /** The network is gone, without DISCONNECT. */
  drop(): void {
    this.ending = 'destroyed';
    this.connection.closed();
  }

  /** Takes everything that came back. */
  take(): Packet[] {
    return this.inbox.splice(0);
  }

  /** Takes the oldest packet, which must be of this type. */
  next<T extends PacketType>(type: T): PacketOf<T> {
    const packet = this.inbox.shift();
    if (packet?.type !== type)
      throw new Error(`Expected ${type}, got ${JSON.stringify(packet) ?? 'nothing'}`);
    return packet as PacketOf<T>;
  }

  /** Takes everything, and returns the messages in it as `topic=payload`. */
  messages(): string[] {
    return this.published().map(({ topic, payload }) => `${topic}=${text(payload)}`);
  }

  /** Takes everything, and returns the PUBLISH packets in it. */
  published(): PublishPacket[] {
    return this.take().filter((packet) => packet.type === 'publish');
  }

  /** Subscribes; returns the codes. What else came back stays. */
  subscribe(
    filters: string | readonly string[],
    options: Partial<SubscriptionEntry> & { properties?: SubscribePacketProperties } = {},
  ): number[] {
    const { properties, ...entry } = options;
    const plain = { qos: 2 as QoS, noLocal: false, retainAsPublished: false, retainHandling: 0 as const };
    const names = typeof filters === 'string' ? [filters] : filters;
    const subscriptions = names.map((filter) => ({ ...plain, ...entry, filter }));
    this.send({ type: 'subscribe', packetId: this.packetId(), subscriptions, properties });
    return this.answer('suback').reasonCodes;
  }

  /** Unsubscribes; returns the codes. */
  unsubscribe(...filters: string[]): number[] {
    this.send({ type: 'unsubscribe', packetId: this.packetId(), filters });
    return this.answer('unsuback').reasonCodes;
  }

  /**
   * Publishes, with the next free identifier unless one is given; the answers stay in the inbox. A QoS 2 message without
   * an identifier of the test's own is released at once, so that it is forwarded.
   */
  publish(topic: string, payload: string | Uint8Array = '', extras: PublishExtras = {}): number {
    const { qos = 0, retain = false, dup = false, properties } = extras;
    const packetId = qos === 0 ? undefined : (extras.packetId ?? this.packetId());
    const bytes = typeof payload === 'string' ? new TextEncoder().encode(payload) : payload;
    this.send({ type: 'publish', topic, payload: bytes, qos, retain, dup, packetId, properties });
    if (qos === 2 && extras.packetId === undefined && !this.isClosed) this.ack('pubrel', packetId ?? 0);
    return packetId ?? 0;
  }

  /** Sends an acknowledgement. */
  ack(type: AckPacket['type'], packetId: number, reasonCode = 0): void {
    this.send({ type, packetId, reasonCode });
  }

  /** Leaves in an orderly way. */
  disconnect(reasonCode = 0, sessionExpiryInterval?: number): void {
    const properties = sessionExpiryInterval === undefined ? undefined : { sessionExpiryInterval };
    this.send({ type: 'disconnect', reasonCode, properties });
  }

  /** The next packet identifier of this client. */
  packetId(): number {
    this.#packetId += 1;
    return this.#packetId;
  }

  /** Takes the answer out of the inbox, wherever it is. */
  answer(type: 'suback' | 'unsuback'): SubscribeAckPacket {
    const at = this.inbox.findIndex((packet) => packet.type === type);
    if (at === -1) throw new Error(`No ${type}; there is ${JSON.stringify(this.inbox)}`);
    return this.inbox.splice(at, 1)[0] as SubscribeAckPacket;
  }
}

/** A payload as text. */
export function text(payload: Uint8Array): string {
  return new TextDecoder().decode(payload);
}
