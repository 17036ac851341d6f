/** PINGREQ, PINGRESP, DISCONNECT and AUTH [v5 3.12 to 3.15, v3 3.12 to 3.14]. */

import { ProtocolError, UsageError } from '../errors';
import { needsMqtt5 } from './fields';
import type { AuthPacket, DisconnectPacket, PingPacket } from './packet';
import { checkProperties, readProperties, writeProperties } from './properties';
import type { Reader } from './reader';
import { checkReasonCode, knownReasonCode } from './reason-codes';
import { beginPacket, type PacketWriter } from './sink';

/** Writes PINGREQ and PINGRESP. */
export const ping: PacketWriter<PingPacket> = {
  measure: () => 0,
  write(out, { type }, _version, remaining) {
    beginPacket(out, type === 'pingreq' ? 0xc0 : 0xd0, remaining);
  },
};

export function readPingreq(): PingPacket {
  return { type: 'pingreq' };
}

export function readPingresp(): PingPacket {
  return { type: 'pingresp' };
}

/** Writes DISCONNECT. */
export const disconnect: PacketWriter<DisconnectPacket> = {
  measure({ reasonCode, properties }, version) {
    checkReasonCode(reasonCode, 'disconnect', version);
    const block = checkProperties(properties, 'disconnect', version);
    // [v5 3.14.2.1, 3.14.2.2.1] what says nothing is left out
    if (block > 1) return 1 + block;
    return reasonCode === 0 ? 0 : 1;
  },

  write(out, { reasonCode, properties }, version, remaining) {
    const at = beginPacket(out, 0xe0, remaining);
    if (remaining > 0) out.bytes[at] = reasonCode;
    if (remaining > 1) writeProperties(out.bytes, at + 1, properties, 'disconnect', version);
  },
};

/** Reads DISCONNECT. */
export function readDisconnect(reader: Reader): DisconnectPacket {
  const { version, end } = reader;
  const coded = version === 5 && reader.offset < end;
  const reasonCode = coded ? knownReasonCode(reader.byte(), 'disconnect', version) : 0;
  const properties = coded && reader.offset < end ? readProperties(reader, 'disconnect') : undefined;
  return { type: 'disconnect', reasonCode, properties };
}

/** Writes AUTH. */
export const auth: PacketWriter<AuthPacket> = {
  measure({ reasonCode, properties }, version) {
    if (version < 5) throw needsMqtt5('AUTH');
    checkReasonCode(reasonCode, 'auth', version);
    const block = checkProperties(properties, 'auth', version);
    // [v5 3.15.2.1] only a success without properties goes without a method [v5 3.15.2.2.2]
    if (reasonCode === 0 && block === 1) return 0;
    if (properties?.authenticationMethod === undefined) {
      throw new UsageError('properties.authenticationMethod must be given [v5 3.15.2.2.2]');
    }
    return 1 + block;
  },

  write(out, { reasonCode, properties }, version, remaining) {
    const at = beginPacket(out, 0xf0, remaining);
    if (remaining === 0) return;
    out.bytes[at] = reasonCode;
    writeProperties(out.bytes, at + 1, properties, 'auth', version);
  },
};

/** Reads AUTH. */
export function readAuth(reader: Reader): AuthPacket {
  // [v5 3.15.2.1] success, with everything left out
  if (reader.offset === reader.end) return { type: 'auth', reasonCode: 0, properties: undefined };
  const reasonCode = knownReasonCode(reader.byte(), 'auth', reader.version);
  const properties = readProperties(reader, 'auth');
  if (properties?.authenticationMethod === undefined && (reasonCode !== 0 || properties !== undefined)) {
    throw new ProtocolError('AUTH has no authentication method [v5 3.15.2.2.2]');
  }
  return { type: 'auth', reasonCode, properties };
}
