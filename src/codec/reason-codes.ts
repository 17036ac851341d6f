/** Which reason codes each packet may carry [v5 2.4 and the tables of chapter 3, v3 3.2.2.3, 3.9.3]. */

import { ProtocolError, UsageError } from '../errors';
import { needsMqtt5 } from './needs-mqtt-5';
import type { PacketType, ProtocolVersion } from './packet';
import type { Reader } from './reader';

/** A packet that has reason codes. */
export type CodedPacketType = Exclude<
  PacketType,
  'connect' | 'publish' | 'subscribe' | 'unsubscribe' | 'pingreq' | 'pingresp'
>;

const publishCodes = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const releaseCodes = [0x00, 0x92];

/** The reason codes of MQTT 5.0, whoever sends them. */
const codes: Record<CodedPacketType, readonly number[]> = {
  connack: [
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99,
    0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
  ],
  puback: publishCodes,
  pubrec: publishCodes,
  pubrel: releaseCodes,
  pubcomp: releaseCodes,
  suback: [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
  unsuback: [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
  disconnect: [
    // 0x8c stands in table 2-6 only
    0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95,
    0x96, 0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
  ],
  auth: [0x00, 0x18, 0x19],
};

/** The return codes of MQTT 3.1.1 and 3.1; the other packets have none, which is 0. */
const returnCodes: Partial<Record<PacketType, readonly number[]>> = {
  connack: [0, 1, 2, 3, 4, 5],
  suback: [0x00, 0x01, 0x02, 0x80],
};

const none: readonly number[] = [0x00];

function allowed(type: CodedPacketType, version: ProtocolVersion): readonly number[] {
  return version === 5 ? codes[type] : (returnCodes[type] ?? none);
}

/** @throws UsageError unless a packet of this type may carry the code */
export function checkReasonCode(
  code: number,
  type: CodedPacketType,
  version: ProtocolVersion,
  where = 'reasonCode',
): void {
  if (allowed(type, version).includes(code)) return;
  if (codes[type].includes(code)) throw needsMqtt5(`${where} ${code}`);
  throw new UsageError(`${where}: must be one of the reason codes of ${type.toUpperCase()}`);
}

/**
 * Reads a reason code.
 *
 * @throws ProtocolError unless a packet of this type may carry it
 */
export function readReasonCode(reader: Reader, type: CodedPacketType): number {
  const code = reader.byte();
  if (code !== 0 && !allowed(type, reader.version).includes(code)) {
    throw new ProtocolError(`${type.toUpperCase()} has the unknown reason code ${code}`);
  }
  return code;
}
