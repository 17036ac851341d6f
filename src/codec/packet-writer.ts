/** Writes packets by their type, with the writers that it is given; PUBLISH has a way of its own. */

import { type Body, scratch } from './body';
import type { Packet, PacketType, ProtocolVersion } from './packet';

/** A writer for each packet type: it appends all that follows the fixed header, and returns the packet's first byte. */
export type PacketWriters<Type extends PacketType> = {
  readonly [T in Type]: (
    body: Body,
    packet: Packet & { readonly type: T },
    version: ProtocolVersion,
  ) => number;
};

/**
 * Writes a packet to {@link scratch}, all but its fixed header.
 * @returns its first byte
 */
export function writeBody<Type extends PacketType>(
  writers: PacketWriters<Type>,
  packet: Packet & { readonly type: Type },
  version: ProtocolVersion,
): number {
  // A writer takes the packets of its own type.
  const write = writers[packet.type] as (body: Body, packet: Packet, version: ProtocolVersion) => number;
  return write(scratch.clear(), packet, version);
}
