/** Packets as tools may see them. */

import type { ConnectPacket, Packet } from '../codec/packet';

const mask = new TextEncoder().encode('***');

/** A packet without secrets: the password and authentication data are replaced. */
export function masked(packet: Packet): Packet {
  const { password, properties } = packet as Partial<ConnectPacket>;
  const copy: object = { ...packet };
  if (password) Object.assign(copy, { password: mask });
  if (properties?.authenticationData) {
    Object.assign(copy, { properties: { ...properties, authenticationData: mask } });
  }
  return copy as Packet;
}
