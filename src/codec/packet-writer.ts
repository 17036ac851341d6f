/** Writes packets by their type, with the writers that it is given. */

import type { Packet, PacketType, ProtocolVersion } from './packet';
import type { Sink } from './sink';

/** A writer for each packet type; it appends a packet, all or nothing. */
export type PacketWriters<Type extends PacketType> = {
  readonly [T in Type]: (out: Sink, packet: Packet & { readonly type: T }, version: ProtocolVersion) => void;
};

/** Appends a packet, see `writePacket`. */
export function writeWith<Type extends PacketType>(
  writers: PacketWriters<Type>,
  out: Sink,
  packet: Packet & { readonly type: Type },
  protocolVersion: ProtocolVersion,
): void {
  // A writer takes the packets of its own type.
  const write = writers[packet.type] as (out: Sink, packet: Packet, version: ProtocolVersion) => void;
  write(out, packet, protocolVersion);
}

/** A sink that only measures. */
class Gauge implements Sink {
  bytes = new Uint8Array(0);
  readonly referenceFrom = 0;
  total = 0;

  begin(size: number, total: number = size): number {
    this.bytes = new Uint8Array(size);
    this.total = total;
    return 0;
  }

  reference(): void {}
}

/** Size of what is written. */
export function sizeOf(write: (out: Sink) => void): number {
  const gauge = new Gauge();
  write(gauge);
  return gauge.total;
}
