/** PUBACK, PUBREC, PUBREL and PUBCOMP [v5 3.4 to 3.7, v3 3.4 to 3.7]: four packets of one shape. */

import { checkPacketId } from './fields';
import type { AckPacket, AckProperties, ProtocolVersion } from './packet';
import { blockSize, checkProperties, propertiesSize, readProperties, writeProperties } from './properties';
import type { Reader } from './reader';
import { checkReasonCode, knownReasonCode } from './reason-codes';
import { beginPacket, type PacketWriter, type Sink, writeUint16 } from './sink';

/** First bytes; PUBREL has a reserved bit set [v5 MQTT-3.6.1-1, v3 MQTT-3.6.1-1]. */
const firstBytes = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

/** Bytes behind the fixed header; `block` is the properties with their length. */
function remainingLength(reasonCode: number, block: number): number {
  // [v5 3.4.2.1, 3.4.2.2.1] what says nothing is left out
  if (block > 1) return 3 + block;
  return reasonCode === 0 ? 2 : 3;
}

/** Writes the four acknowledgements. */
export const ack: PacketWriter<AckPacket> = {
  measure({ type, packetId, reasonCode, properties }, version) {
    checkPacketId(packetId);
    checkReasonCode(reasonCode, type, version);
    return remainingLength(reasonCode, checkProperties(properties, 'ack', version));
  },

  write(out, { type, packetId, reasonCode, properties }, version) {
    writeAck(out, type, packetId, reasonCode, version, properties);
  },
};

/**
 * Appends an acknowledgement whose fields were checked before. MQTT 3.1.1 and 3.1 have neither reason codes nor
 * properties there: they are not written.
 */
export function writeAck(
  out: Sink,
  type: AckPacket['type'],
  packetId: number,
  reasonCode: number,
  protocolVersion: ProtocolVersion,
  properties?: AckProperties | undefined,
): void {
  const size = protocolVersion === 5 ? propertiesSize(properties, 'ack') : 0;
  const remaining = protocolVersion === 5 ? remainingLength(reasonCode, blockSize(size, protocolVersion)) : 2;
  let at = beginPacket(out, firstBytes[type], remaining);
  at = writeUint16(out.bytes, at, packetId);
  if (remaining > 2) out.bytes[at++] = reasonCode;
  if (remaining > 3) writeProperties(out.bytes, at, properties, 'ack', protocolVersion, size);
}

/** Makes the reader of one of the four. */
function reads(type: AckPacket['type']): (reader: Reader) => AckPacket {
  return (reader) => {
    const packetId = reader.packetId();
    if (reader.version !== 5 || reader.offset === reader.end) {
      return { type, packetId, reasonCode: 0, properties: undefined };
    }
    const reasonCode = knownReasonCode(reader.byte(), type, reader.version);
    const properties = reader.offset === reader.end ? undefined : readProperties(reader, 'ack');
    return { type, packetId, reasonCode, properties };
  };
}

export const readPuback = reads('puback');
export const readPubrec = reads('pubrec');
export const readPubrel = reads('pubrel');
export const readPubcomp = reads('pubcomp');
