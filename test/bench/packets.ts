/** Packets that are made before a measurement begins. */

import { encode } from '../../src/codec/encode';
import type { QoS } from './peers/peer';

/** Many packets, one after the other. */
export interface Packets {
  readonly bytes: Uint8Array;
  /** Bytes of each. */
  readonly size: number;
}

/** The same PUBLISH of MQTT 3.1.1 so many times, with identifiers from `firstId` on at QoS 1 and 2. */
export function publishPackets(
  topic: string,
  payload: Uint8Array,
  qos: QoS,
  count: number,
  firstId = 1,
): Packets {
  const packet = { type: 'publish', topic, payload, qos, retain: false, dup: false } as const;
  const first = encode(qos === 0 ? packet : { ...packet, packetId: 1 }, 4);
  const bytes = new Uint8Array(first.length * count);
  for (let index = 0; index < count; index += 1) {
    const start = index * first.length;
    bytes.set(first, start);
    if (qos === 0) continue;
    // The identifier stands between topic and payload.
    const identifier = ((firstId - 1 + index) % 0xffff) + 1;
    const at = start + first.length - payload.length - 2;
    bytes[at] = identifier >> 8;
    bytes[at + 1] = identifier & 0xff;
  }
  return { bytes, size: first.length };
}
