/** PUBACK, PUBREC, PUBREL and PUBCOMP [v5 3.4 to 3.7, v3 3.4 to 3.7]: four packets of one shape. */

import type { Body } from './body';
import type { AckPacket, ProtocolVersion } from './packet';
import { ofAck, readProperties, writeProperties } from './properties';
import type { Reader } from './reader';
import { readReasonCode } from './reason-codes';
import { beginPacket, type Sink } from './sink';

/** First bytes; PUBREL has a reserved bit set [v5 MQTT-3.6.1-1, v3 MQTT-3.6.1-1]. */
const firstBytes = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

/** As {@link writeAck}, with properties. */
export function writeAckPacket(
  body: Body,
  { type, packetId, reasonCode, properties }: AckPacket,
  version: ProtocolVersion,
): number {
  body.packetId(packetId);
  if (version === 5) body.byte(reasonCode);
  // [v5 3.4.2.1, 3.4.2.2.1] what says nothing is left out
  if (!writeProperties(body, properties, ofAck, version)) {
    body.length = version < 5 || reasonCode === 0 ? 2 : 3;
  }
  return firstBytes[type];
}

/**
 * Appends an acknowledgement without properties. MQTT 3.1.1 and 3.1 have no reason codes there: none is written.
 */
export function writeAck(
  out: Sink,
  type: AckPacket['type'],
  packetId: number,
  reasonCode: number,
  protocolVersion: ProtocolVersion,
): void {
  const coded = protocolVersion === 5 && reasonCode !== 0;
  const at = beginPacket(out, firstBytes[type], coded ? 3 : 2);
  out.bytes[at] = packetId >> 8;
  out.bytes[at + 1] = packetId & 0xff;
  if (coded) out.bytes[at + 2] = reasonCode;
}

/** Makes the reader of one of the four. */
export function ackReader(type: AckPacket['type']): (reader: Reader) => AckPacket {
  return (reader) => {
    const packetId = reader.packetId();
    const coded = reader.version === 5 && reader.offset < reader.end;
    const reasonCode = coded ? readReasonCode(reader, type) : 0;
    const properties = coded && reader.offset < reader.end ? readProperties(reader, ofAck) : undefined;
    return properties === undefined
      ? { type, packetId, reasonCode }
      : { type, packetId, reasonCode, properties };
  };
}
