import type { Bytes } from '../message';
import type { Packet, ProtocolVersion } from './packet';
import { type Sink, writePacket } from './writer';

/** Holds one packet, in an array of exactly its size. */
class OnePacket implements Sink {
  bytes: Bytes = none;

  begin(size: number, total: number = size): number {
    this.bytes = new Uint8Array(total);
    return 0;
  }

  reference(payload: Uint8Array): void {
    this.bytes.set(payload, this.bytes.length - payload.length);
  }
}

const none: Bytes = new Uint8Array(0);

/**
 * Encodes one packet.
 *
 * @returns the packet in an array of its own
 * @throws UsageError for what cannot be written: the message names the field and the rule; `'needs-mqtt-5'` for
 * what only MQTT 5.0 can carry
 */
export function encode(packet: Packet, protocolVersion: ProtocolVersion): Bytes {
  const sink = new OnePacket();
  writePacket(sink, packet, protocolVersion);
  return sink.bytes;
}
