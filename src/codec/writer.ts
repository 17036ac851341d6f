/** Writes packets of any type: the way to the writer of each family. */

import { writeAckPacket } from './acks';
import { scratch } from './body';
import { writeConnack, writeConnect } from './connect';
import { writeAuth, writeDisconnect } from './control';
import type { Packet, PacketType, ProtocolVersion } from './packet';
import { checkPacket } from './packet-checks';
import { type PacketWriters, writeBody } from './packet-writer';
import { publishSize, writePublishPacket } from './publish';
import { appendPacket, packetTotal, type Sink } from './sink';
import { writeSubscribe, writeSubscribeAck, writeUnsubscribe } from './subscribe';

export { writeAck } from './acks';
export { publishSize, validatePublishProperties, writePublish } from './publish';
export type { Sink } from './sink';

const writers: PacketWriters<Exclude<PacketType, 'publish'>> = {
  connect: writeConnect,
  connack: writeConnack,
  puback: writeAckPacket,
  pubrec: writeAckPacket,
  pubrel: writeAckPacket,
  pubcomp: writeAckPacket,
  subscribe: writeSubscribe,
  suback: writeSubscribeAck,
  unsubscribe: writeUnsubscribe,
  unsuback: writeSubscribeAck,
  pingreq: () => 0xc0,
  pingresp: () => 0xd0,
  disconnect: writeDisconnect,
  auth: writeAuth,
};

/**
 * Appends a packet to an output.
 *
 * @throws UsageError when it cannot be written; then nothing is appended
 */
export function writePacket(out: Sink, packet: Packet, protocolVersion: ProtocolVersion): void {
  checkPacket(packet, protocolVersion);
  if (packet.type === 'publish') writePublishPacket(out, packet, protocolVersion);
  else appendPacket(out, writeBody(writers, packet, protocolVersion), scratch);
}

/**
 * Size of a packet with its fixed header. Checks the packet as {@link writePacket} does, so it also serves to find
 * out whether it can be written.
 *
 * @throws UsageError when it cannot
 */
export function packetSize(packet: Packet, protocolVersion: ProtocolVersion): number {
  checkPacket(packet, protocolVersion);
  if (packet.type !== 'publish') {
    writeBody(writers, packet, protocolVersion);
    return packetTotal(scratch.length);
  }
  const { topic, payload, qos, properties } = packet;
  return publishSize(topic, payload, qos, properties, protocolVersion);
}
