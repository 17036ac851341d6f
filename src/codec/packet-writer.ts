/** Writes packets by their type, with the writers that it is given. */

import { UsageError } from '../errors';
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
import type { Sink } from './sink';

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

/** Writers by packet type; without one a packet cannot be written. */
export type PacketWriters = { readonly [Type in PacketType]?: PacketWriter<PacketOf[Type]> };

/** Appends a packet, see `writePacket`. */
export function writeWith(
  writers: PacketWriters,
  out: Sink,
  packet: Packet,
  protocolVersion: ProtocolVersion,
): void {
  checkObject(packet, 'packet');
  checkInteger(protocolVersion, 'protocolVersion', 3, 5);
  // From JavaScript the type may be anything, 'constructor' too.
  const write = Object.hasOwn(writers, packet.type) && writerOf(writers, packet.type);
  if (!write) throw new UsageError('type must be the type of an MQTT packet');
  write(out, packet, protocolVersion);
}

function writerOf<Type extends PacketType>(
  writers: PacketWriters,
  type: Type,
): PacketWriter<PacketOf[Type]> | undefined {
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

/** Size of a packet, see `packetSize`. */
export function sizeWith(writers: PacketWriters, packet: Packet, protocolVersion: ProtocolVersion): number {
  const gauge = new Gauge();
  writeWith(writers, gauge, packet, protocolVersion);
  return gauge.total;
}
