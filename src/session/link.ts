/**
 * One network connection: all that is negotiated in CONNECT and CONNACK, and dies with it.
 */

import {
  type ClientPacket,
  packetSize,
  publishSize,
  writeAck,
  writePacket,
  writePublish,
} from '../codec/client-packets';
import { Output, referenceFrom } from '../codec/output';
import type { AckPacket, ConnackPacket, ConnectPacket, DisconnectProperties, Packet } from '../codec/packet';
import type { PacketDecoder } from '../codec/packet-decoder';
import { serverPacketDecoder } from '../codec/server-packets';
import { ProtocolError } from '../errors';
import type { ProtocolVersion, PublishProperties, QoS } from '../message';
import { Fifo } from './fifo';
import type { HeldPackets } from './held-packets';
import { KeepAlive } from './keep-alive';
import type { Now } from './now';
import type { Nudge } from './nudge';
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

/** More than a PUBLISH takes beside its topic, payload and properties. */
const plentyOfBytes = 64;

/** Payloads of this size leave little room for the rest of a packet, of which MQTT bounds the whole: none for an alias. */
const longPayload = 268_000_000;

/** Bytes that an alias adds at most: the property, and one more for each of two lengths that may grow. */
const aliasSize = 5;

/** Bytes of an acknowledgement without a reason code: no server can do with less. */
const ackSize = 4;

/** Called for every packet received and written. */
export type PacketTap = (direction: 'in' | 'out', packet: Packet) => void;

/** State of one connection. */
export class Link {
  state: LinkState = 'connecting';
  /** The CONNECT that opened it. */
  readonly connect: ConnectPacket;
  readonly protocolVersion: ProtocolVersion;
  /** Whether the clean start that CONNECT asks for is not the application's wish: its session is lost with it. */
  readonly isForced: boolean;
  /** Monotonic time of CONNECT. */
  openedAt = 0;
  /** Whether the server sent anything. */
  answered = false;
  /** Encoded packets that wait for the next flush. */
  readonly output = new Output();
  readonly decoder: PacketDecoder;
  /** Sees every packet, when set. */
  tap: PacketTap | undefined;
  /** Set while an accepting CONNACK waits for the server's proof. */
  held: HeldPackets | undefined;
  /** Whether AUTH of the server is expected although it is connected. */
  reauthenticating = false;
  /** From CONNACK on. */
  limits: ServerLimits | undefined;
  /** From CONNACK on. */
  keepAlive: KeepAlive | undefined;
  /** Only where the transport confirms with a delay what it received. */
  nudge: Nudge | undefined;
  /** Whether who publishes a large payload at QoS 0 waits until the transport has let go of it. */
  zeroCopy = false;
  /** Acknowledgements written, of any kind. */
  answers = 0;
  /** Free slots for QoS 1 and 2 publishes; below 0 while releases of earlier links fill more than there are. */
  quota = 0;
  /** PUBLISHes of QoS 1 and 2 written here that the server has not answered. */
  unanswered = 0;
  /** Monotonic time at which such a PUBLISH was handed to the transport last. */
  publishedAt = 0;
  /** SUBSCRIBEs and UNSUBSCRIBEs written here that the server has not answered. */
  requests = 0;
  /** Monotonic time at which such a packet was handed to the transport last. */
  requestedAt = 0;
  /** Whether QoS 1 and 2 publishes wait: a request that may be what ends connections has to be alone on its way. */
  holdsPublishes = false;
  /** Monotonic time until which what may be poisonous waits for the answer to a ping; Infinity when it does not. */
  probingUntil = Infinity;
  /** True once the server acknowledged a publish for good: what had PUBREC only may have to go out again. */
  progressed = false;
  /** Aliases that we set; undefined where there are none. */
  outboundAliases: OutboundAliases | undefined;
  /** The properties of a publish that has no others, by alias. */
  readonly #aliasAlone: PublishProperties[] = [];
  /** Aliases that the server set. */
  readonly inboundAliases: InboundAliases;
  /** QoS 1 and 2 publishes of the server that it may have on their way to us. */
  readonly receiveMaximum: number;
  /** QoS 1 messages whose PUBACK has not been written, in the order of arrival here. */
  readonly acks1 = new Fifo<PendingAck>();
  /** QoS 2 messages whose PUBREC has not been written, in the order of arrival here. */
  readonly acks2 = new Fifo<PendingAck>();
  /** QoS 2 identifiers whose PUBREC was written here, until PUBCOMP. */
  readonly unreleased = new Set<number>();

  constructor(
    connect: ConnectPacket,
    isForced: boolean,
    maximumPacketSize: number,
    tap: PacketTap | undefined,
    onPacket: (packet: Packet) => void,
  ) {
    this.connect = connect;
    this.isForced = isForced;
    this.protocolVersion = connect.protocolVersion;
    this.inboundAliases = new InboundAliases(connect.properties?.topicAliasMaximum ?? 0);
    this.receiveMaximum = connect.properties?.receiveMaximum ?? 65_535;
    this.tap = tap;
    this.decoder = serverPacketDecoder({
      protocolVersion: this.protocolVersion,
      maximumPacketSize,
      onPacket,
    });
  }

  /** Takes what the server granted. @param silences see {@link KeepAlive} */
  accepted(
    packet: ConnackPacket,
    options: { maxInflight: number; topicAliases: boolean },
    now: Now,
    silences: number,
  ): ServerLimits {
    const limits = serverLimits(packet, this.connect);
    // A DISCONNECT because of them has to be within them.
    this.limits = limits;
    const { maximumPacketSize } = limits;
    if (maximumPacketSize < ackSize) {
      const words = `The server takes packets of ${maximumPacketSize} byte(s) at most: too few for any acknowledgement`;
      throw new ProtocolError(words, 'packet-too-large', 0x95);
    }
    this.state = 'connected';
    this.quota = Math.min(limits.receiveMaximum, options.maxInflight);
    this.keepAlive = new KeepAlive(limits.keepAlive, now, now.monotonic - this.openedAt, silences);
    // [v5 MQTT-3.2.2-18]
    if (options.topicAliases && limits.topicAliasMaximum > 0) {
      this.outboundAliases = new OutboundAliases(limits.topicAliasMaximum);
    }
    return limits;
  }

  /** Whether a packet is within the server's Maximum Packet Size [v5 MQTT-3.2.2-15]. */
  fits(size: number): boolean {
    return size <= (this.limits?.maximumPacketSize ?? Infinity);
  }

  /** Size of a PUBLISH, in bytes; 0 where it needs no measuring, being far below the server's limit. */
  sizeOfPublish(
    topic: string,
    payload: Uint8Array,
    qos: QoS,
    properties: PublishProperties | undefined,
  ): number {
    const most = properties ? Infinity : payload.length + 3 * topic.length + plentyOfBytes;
    return this.fits(most) ? 0 : publishSize(topic, payload, qos, properties, this.protocolVersion);
  }

  /** Appends a packet to the output. */
  write(packet: ClientPacket): void {
    writePacket(this.output, packet, this.protocolVersion);
    this.tap?.('out', packet);
  }

  /** Appends DISCONNECT to the output, before MQTT 5.0 without more: its reason code is 0 there. */
  disconnect(reasonCode: number, properties: DisconnectProperties | undefined): void {
    const packet: ClientPacket = {
      type: 'disconnect',
      reasonCode,
      properties: this.protocolVersion === 5 ? properties : undefined,
    };
    if (!this.fits(this.sizeOf(packet))) {
      // [v5 MQTT-3.14.2-3, MQTT-3.14.2-4] words that make it too large are left out
      packet.properties = { sessionExpiryInterval: properties?.sessionExpiryInterval };
    }
    // [v5 MQTT-3.2.2-15] then the end of the connection says it all
    if (this.fits(this.sizeOf(packet))) this.write(packet);
  }

  /** Appends an acknowledgement to the output. */
  acknowledge(type: AckPacket['type'], packetId: number, code: number): void {
    this.answers += 1;
    // [v5 MQTT-3.2.2-15] it takes no more than the identifier
    const reasonCode = this.fits(ackSize + 1) ? code : 0;
    writeAck(this.output, type, packetId, reasonCode, this.protocolVersion);
    this.tap?.('out', { type, packetId, reasonCode });
  }

  /** Size of a packet on this link, in bytes. */
  sizeOf(packet: ClientPacket): number {
    return packetSize(packet, this.protocolVersion);
  }

  /** Appends a PUBLISH to the output; a resend, which has DUP, carries its topic in full. */
  publish(
    topic: string,
    payload: Uint8Array,
    qos: QoS,
    retain: boolean,
    dup: boolean,
    packetId: number,
    properties: PublishProperties | undefined,
  ): void {
    let name = topic;
    let all = properties;
    if (
      this.outboundAliases &&
      !dup &&
      payload.length < longPayload &&
      this.fits(this.sizeOfPublish(topic, payload, qos, properties) + aliasSize)
    ) {
      const alias = this.outboundAliases.use(topic);
      if (alias > 0) name = '';
      if (alias !== 0) {
        const topicAlias = Math.abs(alias);
        // It has the member already where the application gave it as undefined.
        if (properties) all = Object.assign({}, properties, { topicAlias });
        else {
          this.#aliasAlone[topicAlias] ??= { topicAlias };
          all = this.#aliasAlone[topicAlias];
        }
      }
    }
    // With QoS 0 it is the application's array, which is free at once where nobody waits for it to leave.
    this.output.referenceFrom = qos > 0 || this.zeroCopy ? referenceFrom : Infinity;
    writePublish(this.output, name, payload, qos, retain, dup, packetId, all, this.protocolVersion);
    if (!this.tap) return;
    const id = qos === 0 ? undefined : packetId;
    this.tap('out', {
      type: 'publish',
      topic: name,
      // The array may be another message's by the time that it is shown.
      payload: payload.slice(),
      qos,
      retain,
      dup,
      packetId: id,
      properties: all,
    });
  }
}
