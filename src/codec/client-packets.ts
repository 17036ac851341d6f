/** Writes what clients send, and carries no code for the rest; PUBLISH and its acknowledgements have ways of their own. */

import { scratch } from './body';
import { writeConnect } from './connect';
import { writeAuth, writeDisconnect } from './control';
import type {
  AuthPacket,
  ConnectPacket,
  DisconnectPacket,
  PingPacket,
  ProtocolVersion,
  SubscribePacket,
  UnsubscribePacket,
} from './packet';
import { type PacketWriters, writeBody } from './packet-writer';
import { appendPacket, packetTotal, type Sink } from './sink';
import { writeSubscribe, writeUnsubscribe } from './subscribe';

export { writeAck } from './acks';
export { publishSize, validatePublishProperties, writePublish } from './publish';
export type { Sink } from './sink';

/** What {@link writePacket} takes here. */
export type ClientPacket =
  | ConnectPacket
  | SubscribePacket
  | UnsubscribePacket
  | (PingPacket & { type: 'pingreq' })
  | DisconnectPacket
  | AuthPacket;

const writers: PacketWriters<ClientPacket['type']> = {
  connect: writeConnect,
  subscribe: writeSubscribe,
  unsubscribe: writeUnsubscribe,
  pingreq: () => 0xc0,
  disconnect: writeDisconnect,
  auth: writeAuth,
};

/**
 * Appends a packet to an output. Fields are checked by their data types; what the types of TypeScript say is not
 * checked again.
 *
 * @throws UsageError when it cannot be written; then nothing is appended
 */
export function writePacket(out: Sink, packet: ClientPacket, protocolVersion: ProtocolVersion): void {
  appendPacket(out, writeBody(writers, packet, protocolVersion), scratch);
}

/**
 * Size of a packet with its fixed header. Checks the packet as {@link writePacket} does, so it also serves to find
 * out whether it can be written.
 *
 * @throws UsageError when it cannot
 */
export function packetSize(packet: ClientPacket, protocolVersion: ProtocolVersion): number {
  writeBody(writers, packet, protocolVersion);
  return packetTotal(scratch.length);
}
