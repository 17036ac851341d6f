/** Packets as each version has them: before MQTT 5.0 there are no properties and few reason codes. */

import type { Packet, ProtocolVersion } from '../../src/codec/packet';

/** The packet without what its version does not have. */
export function forVersion(packet: Packet, version: ProtocolVersion): Packet {
  if (version === 5) return packet;
  switch (packet.type) {
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return { type: packet.type, packetId: packet.packetId, reasonCode: 0 };
    case 'unsuback':
      return { type: 'unsuback', packetId: packet.packetId, reasonCodes: [] };
    case 'connack':
    case 'publish':
    case 'suback':
      return packet.properties === undefined ? packet : ({ ...packet, properties: undefined } as Packet);
    default:
      return packet;
  }
}
