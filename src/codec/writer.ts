/** Writes packets: the way to the writer of each family, by the packet's type. */

import { UsageError } from '../errors';
import { ack } from './acks';
import { connack, connect } from './connect';
import { auth, disconnect, ping } from './control';
import { checkObject } from './fields';
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
import { publish } from './publish';
import { type PacketWriter, packetTotal, type Sink } from './sink';
import { subscribe, subscribeAck, unsubscribe } from './subscribe';

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

const writers: { readonly [Type in PacketType]: PacketWriter<PacketOf[Type]> } = {
  connect,
  connack,
  publish,
  puback: ack,
  pubrec: ack,
  pubrel: ack,
  pubcomp: ack,
  subscribe,
  suback: subscribeAck,
  unsubscribe,
  unsuback: subscribeAck,
  pingreq: ping,
  pingresp: ping,
  disconnect,
  auth,
};

/**
 * Looks up who writes a packet.
 *
 * @throws UsageError for what is no packet, or no version
 */
function writerOf<Type extends PacketType>(
  packet: { type: Type },
  protocolVersion: ProtocolVersion,
): PacketWriter<PacketOf[Type]> {
  checkObject(packet, 'packet');
  if (protocolVersion !== 3 && protocolVersion !== 4 && protocolVersion !== 5) {
    throw new UsageError('protocolVersion must be 3, 4 or 5');
  }
  const writer = writers[packet.type];
  // From JavaScript the type may be anything, 'constructor' too.
  if (writer?.measure === undefined) throw new UsageError('type must be the type of an MQTT packet');
  return writer;
}

/**
 * Appends a packet to an output.
 *
 * @throws UsageError when it cannot be written; then nothing is appended
 */
export function writePacket(out: Sink, packet: Packet, protocolVersion: ProtocolVersion): void {
  const writer = writerOf(packet, protocolVersion);
  writer.write(out, packet, protocolVersion, writer.measure(packet, protocolVersion));
}

/**
 * Size of a packet with its fixed header. Checks the packet as {@link writePacket} does, so it also serves to find
 * out whether it can be written.
 *
 * @throws UsageError when it cannot
 */
export function packetSize(packet: Packet, protocolVersion: ProtocolVersion): number {
  return packetTotal(writerOf(packet, protocolVersion).measure(packet, protocolVersion));
}
