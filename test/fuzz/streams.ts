/** Streams of bytes as a peer might send them, from worse to better: random, damaged, wrong by grammar, valid. */

import { encode, type Packet, type PacketType, type ProtocolVersion } from '../../src/codec/index';
import { concat, varint } from './bytes';
import { mutate } from './mutate';
import { packet } from './packets';
import type { Random } from './random';
import { wirePacket } from './wire';

/** How a stream was made. */
export type StreamKind = 'random' | 'mutated' | 'grammar' | 'valid';

/** A stream that was made. */
export interface Stream {
  readonly kind: StreamKind;
  readonly bytes: Uint8Array;
  /** The packets it was made from; what arrives is exactly these when it is valid. */
  readonly packets: readonly Packet[];
}

const kinds: readonly StreamKind[] = ['random', 'mutated', 'mutated', 'grammar', 'grammar', 'valid'];
const mostPackets = 6;

/**
 * Makes a stream.
 *
 * @param types of the valid packets it is made from
 * @param first comes before all others
 */
export function stream(
  random: Random,
  version: ProtocolVersion,
  types?: readonly PacketType[],
  first: readonly Packet[] = [],
): Stream {
  const kind = random.pick(kinds);
  if (kind === 'random') return { kind, bytes: randomBytes(random), packets: [] };
  const packets = [
    ...first,
    ...random.list(1 + random.size(mostPackets), () => packet(random, version, types)),
  ];
  if (kind === 'mutated') {
    const bytes = concat(packets.map((one) => encode(one, version)));
    return { kind, bytes: mutate(random, bytes), packets };
  }
  if (kind === 'valid') {
    return { kind, bytes: concat(packets.map((one) => wirePacket(random, one, version, 0))), packets };
  }
  const faults = random.pick([0, 0.005, 0.02, 0.1]);
  const parts = packets.map((one) => {
    if (!random.chance(0.1)) return wirePacket(random, one, version, faults);
    // As a server answers that does not know our version.
    const other = random.pick([3, 4, 5] as const);
    return wirePacket(random, packet(random, other, types), other, faults);
  });
  return { kind, bytes: concat(parts), packets };
}

/** Random bytes, most of them behind a plausible fixed header, since else all end at the first byte. */
function randomBytes(random: Random): Uint8Array {
  if (random.chance(0.2)) return random.bytes(random.size(300));
  return concat(
    random.list(1 + random.size(3), () => {
      const body = random.bytes(random.size(64));
      const type = random.int(1, 15);
      const flags = type === 6 || type === 8 || type === 10 ? 2 : type === 3 ? random.int(0, 15) : 0;
      return concat([Uint8Array.of((type << 4) | flags, ...varint(body.length)), body]);
    }),
  );
}
