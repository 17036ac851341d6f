/** PINGREQ, PINGRESP, DISCONNECT and AUTH [v5 3.12 to 3.15, v3 3.12 to 3.14]. */

import { ProtocolError, UsageError } from '../errors';
import type { Body } from './body';
import type { AuthPacket, DisconnectPacket, PingPacket, ProtocolVersion } from './packet';
import { ofAuth, ofDisconnect, readProperties, writeProperties } from './properties';
import type { Reader } from './reader';
import { readReasonCode } from './reason-codes';

/** Makes the reader of PINGREQ or PINGRESP. */
export function pingReader(type: PingPacket['type']): () => PingPacket {
  return () => ({ type });
}

export function writeDisconnect(
  body: Body,
  { reasonCode, properties }: DisconnectPacket,
  version: ProtocolVersion,
): number {
  if (version === 5) body.byte(reasonCode);
  // [v5 3.14.2.1, 3.14.2.2.1] what says nothing is left out
  if (!writeProperties(body, properties, ofDisconnect, version)) body.length = reasonCode === 0 ? 0 : 1;
  return 0xe0;
}

export function readDisconnect(reader: Reader): DisconnectPacket {
  const coded = reader.version === 5 && reader.offset < reader.end;
  const reasonCode = coded ? readReasonCode(reader, 'disconnect') : 0;
  const properties = coded && reader.offset < reader.end ? readProperties(reader, ofDisconnect) : undefined;
  return { type: 'disconnect', reasonCode, ...(properties && { properties }) };
}

export function writeAuth(
  body: Body,
  { reasonCode, properties }: AuthPacket,
  version: ProtocolVersion,
): number {
  body.byte(reasonCode);
  const some = writeProperties(body, properties, ofAuth, version);
  // [v5 3.15.2.1] a success without properties leaves out everything; all else names its method [v5 3.15.2.2.2]
  if (!some && reasonCode === 0) body.length = 0;
  else if (properties?.authenticationMethod === undefined) {
    throw new UsageError('properties.authenticationMethod: must be given');
  }
  return 0xf0;
}

export function readAuth(reader: Reader): AuthPacket {
  const coded = reader.offset < reader.end;
  const reasonCode = coded ? readReasonCode(reader, 'auth') : 0;
  const properties = coded ? readProperties(reader, ofAuth) : undefined;
  // [v5 3.15.2.1, 3.15.2.2.2] as above
  if (properties?.authenticationMethod === undefined && (reasonCode !== 0 || properties !== undefined)) {
    throw new ProtocolError('AUTH has no authentication method');
  }
  return { type: 'auth', reasonCode, ...(properties && { properties }) };
}
