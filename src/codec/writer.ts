/** Writes packets of any type: the way to the writer of each family. */

import { writeAckPacket } from './acks';
import { writeConnack, writeConnect } from './connect';
import { writeAuth, writeDisconnect, writePing } from './control';
import type { Packet, PacketType, ProtocolVersion } from './packet';
import { checkPacket } from './packet-checks';
import { type PacketWriters, sizeOf, writeWith } from './packet-writer';
import { writePublishPacket } from './publish';
import type { Sink } from './sink';
import { writeSubscribe, writeSubscribeAck, writeUnsubscribe } from './subscribe';

export { writeAck } from './acks';
export { publishSize, validatePublishProperties, writePublish } from './publish';
export type { Sink } from './sink';

const writers: PacketWriters<PacketType> = {
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
  checkPacket(packet, protocolVersion);
  writeWith(writers, out, packet, protocolVersion);
}

/**
 * Size of a packet with its fixed header. Checks the packet as {@link writePacket} does, so it also serves to find
 * out whether it can be written.
 *
 * @throws UsageError when it cannot
 */
export function packetSize(packet: Packet, protocolVersion: ProtocolVersion): number {
  return sizeOf((out) => writePacket(out, packet, protocolVersion));
}
