/** Writes packets: the way to the writer of each family, by the packet's type. */

import { UsageError } from '../errors';
import { writeAckPacket } from './acks';
import { writeConnack, writeConnect } from './connect';
import { writeAuth, writeDisconnect, writePing } from './control';
import { checkInteger, checkObject } from './fields';
import type {
  AckPacket,
  AuthPacket,
  ConnackPacket,
  ConnectPacket,
  DisconnectPacket,
  Packet,
  PacketType,
  PingPacket,
  ProtocolVersion,
  PublishPacket,
  SubscribeAckPacket,
  SubscribePacket,
  UnsubscribePacket,
} from './packet';
import { writePublishPacket } from './publish';
import type { Sink } from './sink';
import { writeSubscribe, writeSubscribeAck, writeUnsubscribe } from './subscribe';

export { writeAck } from './acks';
export { publishSize, validatePublishProperties, writePublish } from './publish';
export type { Sink } from './sink';

/** The packet of each type. */
interface PacketOf {
  connect: ConnectPacket;
  connack: ConnackPacket;
  publish: PublishPacket;
  puback: AckPacket;
  pubrec: AckPacket;
  pubrel: AckPacket;
  pubcomp: AckPacket;
  subscribe: SubscribePacket;
  suback: SubscribeAckPacket;
  unsubscribe: UnsubscribePacket;
  unsuback: SubscribeAckPacket;
  pingreq: PingPacket;
  pingresp: PingPacket;
  disconnect: DisconnectPacket;
  auth: AuthPacket;
}

/** Checks a packet and appends it, all or nothing. */
type PacketWriter<P> = (out: Sink, packet: P, version: ProtocolVersion) => void;

const writers: { readonly [Type in PacketType]: PacketWriter<PacketOf[Type]> } = {
  connect: writeConnect,
  connack: writeConnack,
  publish: writePublishPacket,
  puback: writeAckPacket,
  pubrec: writeAckPacket,
  pubrel: writeAckPacket,
  pubcomp: writeAckPacket,
  subscribe: writeSubscribe,
  suback: writeSubscribeAck,
  unsubscribe: writeUnsubscribe,
  unsuback: writeSubscribeAck,
  pingreq: writePing,
  pingresp: writePing,
  disconnect: writeDisconnect,
  auth: writeAuth,
};

/**
 * Appends a packet to an output.
 *
 * @throws UsageError when it cannot be written; then nothing is appended
 */
export function writePacket(out: Sink, packet: Packet, protocolVersion: ProtocolVersion): void {
  checkObject(packet, 'packet');
  checkInteger(protocolVersion, 'protocolVersion', 3, 5);
  // From JavaScript the type may be anything, 'constructor' too.
  if (!Object.hasOwn(writers, packet.type)) throw new UsageError('type must be the type of an MQTT packet');
  writerOf(packet.type)(out, packet, protocolVersion);
}

function writerOf<Type extends PacketType>(type: Type): PacketWriter<PacketOf[Type]> {
  return writers[type];
}

/** A sink that only measures. */
class Gauge implements Sink {
  bytes = new Uint8Array(0);
  total = 0;

  begin(size: number, total: number = size): number {
    this.bytes = new Uint8Array(size);
    this.total = total;
    return 0;
  }

  reference(): void {}
}

/**
 * Size of a packet with its fixed header. Checks the packet as {@link writePacket} does, so it also serves to find
 * out whether it can be written.
 *
 * @throws UsageError when it cannot
 */
export function packetSize(packet: Packet, protocolVersion: ProtocolVersion): number {
  const gauge = new Gauge();
  writePacket(gauge, packet, protocolVersion);
  return gauge.total;
}
