/** Enhanced authentication of one link [v5 4.12]: on the way to CONNACK, and again when it stands. */

import type { AuthPacket } from '../codec/packet';
import { ProtocolError } from '../errors';
import type { Link } from './link';
import type { SessionPort } from './session-port';

/** The next step from our side; `again` begins a re-authentication [v5 4.12.1]. */
export function authPacket(
  link: Link,
  authenticationData: Uint8Array | undefined,
  again: boolean,
): AuthPacket {
  const authenticationMethod = link.connect.properties?.authenticationMethod;
  return {
    type: 'auth',
    reasonCode: again ? 0x19 : 0x18,
    properties: { authenticationMethod, authenticationData },
  };
}

/** AUTH of the server. @throws ProtocolError when it is not expected */
export function takeAuth({ reasonCode, properties }: AuthPacket, link: Link, port: SessionPort): void {
  checkMethod(properties?.authenticationMethod, link);
  const isConnecting = link.state === 'connecting';
  if (!isConnecting && !link.reauthenticating) {
    throw new ProtocolError('The server sent AUTH although no authentication is in progress [v5 4.12.1]');
  }
  if (reasonCode === 0x18) port.challenged(properties?.authenticationData);
  else if (reasonCode === 0 && !isConnecting) {
    link.reauthenticating = false;
    port.authenticated(properties?.authenticationData);
  } else {
    throw new ProtocolError(
      `The server sent AUTH with reason code ${reasonCode}, which it must not here [v5 4.12]`,
    );
  }
}

/** @throws ProtocolError unless this is the authentication method of CONNECT [v5 MQTT-4.12.0-5, MQTT-4.12.0-6] */
export function checkMethod(method: string | undefined, link: Link): void {
  const asked = link.connect.properties?.authenticationMethod;
  if (method === asked) return;
  throw new ProtocolError(
    asked === undefined
      ? 'The server started an authentication that was not asked for'
      : 'The server changed the authentication method [MQTT-4.12.0-5]',
  );
}
