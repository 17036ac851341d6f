/**
 * One network connection: all that is negotiated in CONNECT and CONNACK, and dies with it.
 */

import { Decoder } from '../codec/decoder';
import { Output } from '../codec/output';
import type { ConnackPacket, ConnectPacket, Packet } from '../codec/packet';
import { packetSize, writePacket } from '../codec/writer';
import type { ProtocolVersion } from '../message';
import { Fifo } from './fifo';
import { KeepAlive } from './keep-alive';
import type { Now } from './now';
import { type ServerLimits, serverLimits } from './server-limits';
import { InboundAliases, OutboundAliases } from './topic-aliases';

/** `connecting`: CONNECT is out; `connected`: CONNACK accepted; `ended`: nothing is received or sent any more. */
export type LinkState = 'connecting' | 'connected' | 'ended';

/** A message that waits for its takers, and for the acknowledgements before its own. */
export interface PendingAck {
  readonly packetId: number;
  /** The takers' reason code, -1 while they have not decided. */
  readonly decision: number;
}

/** State of one connection. */
export class Link {
  state: LinkState = 'connecting';
  /** The CONNECT that opened it. */
  readonly connect: ConnectPacket;
  readonly protocolVersion: ProtocolVersion;
  /** Encoded packets that wait for the next flush. */
  readonly output = new Output();
  readonly decoder: Decoder;
  /** From CONNACK on. */
  limits: ServerLimits | undefined;
  /** From CONNACK on. */
  keepAlive: KeepAlive | undefined;
  /** Free slots for QoS 1 and 2 publishes; below 0 while releases of earlier links fill more than there are. */
  quota = 0;
  /** Aliases that we set. */
  outboundAliases = new OutboundAliases(0);
  /** Aliases that the server set. */
  readonly inboundAliases: InboundAliases;
  /** QoS 1 and 2 publishes of the server that it may have on their way to us; enforced in MQTT 5.0. */
  readonly receiveMaximum: number;
  /** Identifiers of QoS 1 publishes received here whose PUBACK has not been written. */
  readonly unacknowledged1 = new Set<number>();
  /** Identifiers of QoS 2 publishes received here whose PUBCOMP has not been written. */
  readonly unacknowledged2 = new Set<number>();
  /** QoS 1 messages in arrival order, for PUBACKs in that order. */
  readonly acks1 = new Fifo<PendingAck>();
  /** QoS 2 messages in arrival order, for PUBRECs in that order. */
  readonly acks2 = new Fifo<PendingAck>();
  /** Bytes received before CONNACK, the first four of them. */
  readonly #firstBytes: number[] = [];
  /** True once the server acknowledged a publish. */
  progressed = false;

  constructor(connect: ConnectPacket, maximumPacketSize: number, onPacket: (packet: Packet) => void) {
    this.connect = connect;
    this.protocolVersion = connect.protocolVersion;
    this.inboundAliases = new InboundAliases(connect.properties?.topicAliasMaximum ?? 0);
    this.receiveMaximum = connect.properties?.receiveMaximum ?? 65_535;
    this.decoder = new Decoder({
      protocolVersion: connect.protocolVersion,
      maximumPacketSize,
      onPacket,
    });
  }

  /** Takes what the server granted. */
  accepted(
    packet: ConnackPacket,
    options: { maxInflight: number; topicAliases: boolean },
    now: Now,
  ): ServerLimits {
    const { clientId, keepAlive, protocolVersion, properties } = this.connect;
    const sessionExpiryInterval = properties?.sessionExpiryInterval ?? 0;
    const limits = serverLimits(packet, { protocolVersion, clientId, keepAlive, sessionExpiryInterval });
    this.limits = limits;
    this.state = 'connected';
    this.quota = Math.min(limits.receiveMaximum, options.maxInflight);
    this.keepAlive = new KeepAlive(limits.keepAlive, now);
    this.hasAliases = options.topicAliases && limits.topicAliasMaximum > 0;
    if (this.hasAliases) this.outboundAliases = new OutboundAliases(limits.topicAliasMaximum);
    return limits;
  }

  /** Whether the server sent anything. */
  get answered(): boolean {
    return this.#firstBytes.length > 0;
  }

  /**
   * Looks at the first bytes for the answer of a server that does not know MQTT 5.0: a CONNACK of two bytes with
   * return code 1, which is no packet of MQTT 5.0 [v3 3.2.2.3].
   */
  refusesVersion(bytes: Uint8Array): boolean {
    const first = this.#firstBytes;
    for (let index = 0; index < bytes.length && first.length < 4; index += 1) first.push(bytes[index] ?? 0);
    return this.protocolVersion === 5 && first.length === 4 && first.join() === '32,2,0,1';
  }

  /** Whether the server limits the size of packets. */
  get hasSizeLimit(): boolean {
    return this.limits !== undefined && this.limits.maximumPacketSize !== Number.POSITIVE_INFINITY;
  }

  /** Whether topics may be aliased. */
  hasAliases = false;

  /** Whether a packet is within the server's Maximum Packet Size [v5 MQTT-3.2.2-15]. */
  fits(size: number): boolean {
    return this.limits === undefined || size <= this.limits.maximumPacketSize;
  }

  /** Appends a packet to the output. */
  write(packet: Packet): void {
    writePacket(this.output, packet, this.protocolVersion);
  }

  /** Size of a packet on this link, in bytes. */
  sizeOf(packet: Packet): number {
    return packetSize(packet, this.protocolVersion);
  }
}
