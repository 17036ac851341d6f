/** AUTH: goes on with CONNECT, or authenticates anew on an open connection [v5 3.15, 4.12]. */

import type { AuthPacket, AuthProperties } from '../../../src/codec/packet';
import { ProtocolError } from '../../../src/errors';
import type { AuthStep } from '../authentication';
import type { Connection } from '../connection';
import { withDiagnostics } from '../diagnostics';

export function onAuth(connection: Connection, packet: AuthPacket): void {
  if (connection.version !== 5) throw new ProtocolError('AUTH exists in MQTT 5.0 only');
  if (connection.state !== 'authenticating' && connection.state !== 'connected') {
    throw new ProtocolError('AUTH came before CONNECT');
  }
  const { authMethod } = connection;
  const { authenticationMethod, authenticationData } = packet.properties ?? {};
  // [v5 MQTT-4.12.0-5, v5 MQTT-4.12.1-1] the method is that of CONNECT, to the end
  if (authMethod === undefined || authenticationMethod !== authMethod) {
    throw new ProtocolError('AUTH has another method than CONNECT');
  }
  if (packet.reasonCode === 0x19) {
    if (connection.state !== 'connected') throw new ProtocolError('Re-authentication before authentication');
    connection.exchange = connection.core.authenticator.exchange(authMethod);
  } else if (packet.reasonCode !== 0x18) {
    throw new ProtocolError('A client does not send AUTH with Success'); // [v5 MQTT-3.15.2-1]
  }
  if (connection.exchange === undefined) throw new ProtocolError('No authentication is going on');
  step(connection, connection.exchange.next(authenticationData));
}

/** Answers one step, of CONNECT or of AUTH. */
export function step(connection: Connection, result: AuthStep): void {
  const { core, authMethod } = connection;
  if (result.type === 'failure') {
    connection.exchange = undefined;
    return connection.fail(result.reasonCode, result.why); // [v5 MQTT-4.12.0-4, v5 MQTT-4.12.1-2]
  }
  const properties: AuthProperties = { authenticationMethod: authMethod };
  if (result.data !== undefined) properties.authenticationData = result.data;
  if (result.type === 'success') {
    connection.exchange = undefined;
    const { afterAuth } = connection;
    connection.afterAuth = undefined;
    if (afterAuth !== undefined) return afterAuth(result.data, result.username);
    if (connection.username !== result.username) {
      return connection.fail(0x87, 'another user cannot take over a connection');
    }
  }
  // [v5 MQTT-4.12.0-2] more is wanted: 0x18
  const reasonCode = result.type === 'success' ? 0x00 : 0x18;
  const answer: AuthPacket = { type: 'auth', reasonCode, properties };
  const explain = core.settings.diagnostics === 'full';
  connection.send(explain ? withDiagnostics(answer, 'go on', core.settings, connection.limits) : answer);
}
