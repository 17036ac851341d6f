/** DISCONNECT of the client. */

import type { DisconnectPacket } from '../../../src/codec/packet';
import { ProtocolError } from '../../../src/errors';
import type { Connection } from '../connection';

/** Reason codes that only a server may use [v5 3.14.2.1]; 0x8C stands in table 2-6 only. */
const serverOnly = new Set([
  0x87, 0x89, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
]);

export function onDisconnect(connection: Connection, packet: DisconnectPacket): void {
  const { session } = connection;
  if (connection.state === 'authenticating') return connection.close();
  if (connection.state !== 'connected' || session === undefined) {
    throw new ProtocolError('DISCONNECT came before the connection was accepted');
  }
  if (serverOnly.has(packet.reasonCode)) {
    throw new ProtocolError(`A client does not disconnect with reason code ${packet.reasonCode}`);
  }
  const { sessionExpiryInterval, serverReference } = packet.properties ?? {};
  if (serverReference !== undefined) throw new ProtocolError('A client does not send a Server Reference');
  if (sessionExpiryInterval !== undefined) {
    // [v5 3.14.2.2.2] a session that was to end with the connection cannot be kept after all
    if (session.expiryInterval === 0 && sessionExpiryInterval > 0) {
      throw new ProtocolError('Session Expiry Interval was 0 in CONNECT and cannot be raised');
    }
    session.expiryInterval = connection.core.grantedExpiry(sessionExpiryInterval);
  }
  // [v5 MQTT-3.14.4-3, v3 MQTT-3.14.4-3] a normal end has no will; 0x04 asks for it
  if (packet.reasonCode === 0x00) connection.will = undefined;
  connection.close();
}
