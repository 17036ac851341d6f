/** Packets as tools may see them. */

import type { Packet } from '../codec/packet';

const mask = new TextEncoder().encode('***');

/** A packet without secrets: the password and authentication data are replaced. */
export function masked(packet: Packet): Packet {
  if (packet.type === 'connect') {
    return {
      ...packet,
      password: packet.password && mask,
      properties: packet.properties?.authenticationData
        ? { ...packet.properties, authenticationData: mask }
        : packet.properties,
    };
  }
  if ((packet.type === 'auth' || packet.type === 'connack') && packet.properties?.authenticationData) {
    return { ...packet, properties: { ...packet.properties, authenticationData: mask } } as Packet;
  }
  return packet;
}
