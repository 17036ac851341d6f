/** CONNECT: checked, authenticated, accepted [v5 3.1, v3 3.1]. */

import type { ConnackProperties, ConnectPacket } from '../../../src/codec/packet';
import { ProtocolError, UsageError } from '../../../src/errors';
import { checkTopicName } from '../../../src/topic/topic-name';
import { InboundAliases, OutboundAliases } from '../aliases';
import { isReserved, Permissions } from '../authorization';
import { limitsOf } from '../client-limits';
import { checkCodePoints } from '../code-points';
import { connackProperties } from '../connack';
import type { Connection } from '../connection';
import { step } from './auth';

/** Why a CONNECT is not accepted. */
interface Refusal {
  reasonCode: number;
  why: string;
}

/** Longest interval of MQTT 5.0: it never ends [v5 3.1.2.11.2]. */
const never = 0xffffffff;

export function onConnect(connection: Connection, packet: ConnectPacket): void {
  // [v5 MQTT-3.1.0-2, v3 MQTT-3.1.0-2]
  if (connection.state !== 'opened') throw new ProtocolError('A second CONNECT on the connection');
  connection.version = packet.protocolVersion;
  connection.understood();
  const { properties = {} } = packet;
  connection.limits = limitsOf(properties);
  checkCodePoints(connection.core.settings, packet.clientId, packet.username, packet.will?.topic);
  const { refuseConnect, serverReference } = connection.faults;
  if (refuseConnect !== undefined) {
    return connection.refuse(refuseConnect, 'refused by order', { serverReference });
  }
  const refusal = refusalOf(connection, packet);
  if (refusal !== undefined) return connection.refuse(refusal.reasonCode, refusal.why);

  const { authenticationMethod, authenticationData } = properties;
  if (authenticationMethod === undefined) return login(connection, packet);
  const exchange = connection.core.authenticator.exchange(authenticationMethod);
  if (exchange === undefined) return connection.refuse(0x8c, 'authentication method not supported');
  connection.authMethod = authenticationMethod;
  connection.exchange = exchange;
  connection.afterAuth = (data, username) => accept(connection, packet, username, data);
  connection.authenticating();
  step(connection, exchange.next(authenticationData));
}

/** User name and password [v5 MQTT-3.1.4-2]. */
function login(connection: Connection, packet: ConnectPacket): void {
  const { clientId, username, password, protocolVersion } = packet;
  const code = connection.core.authenticator.login({ clientId, username, password, protocolVersion });
  if (code !== undefined) {
    const why = code === 0x86 ? 'user name or password is wrong' : 'not let in';
    return connection.refuse(code, why);
  }
  accept(connection, packet, username, undefined);
}

/** What can be refused without knowing who it is. */
function refusalOf(connection: Connection, packet: ConnectPacket): Refusal | undefined {
  const { core } = connection;
  const { settings } = core;
  const { protocolVersion, clientId, clean, will } = packet;
  if (!settings.protocolVersions.includes(protocolVersion)) {
    return { reasonCode: 0x84, why: 'protocol version not served' };
  }
  if (core.connectionCount > settings.maximumConnections)
    return { reasonCode: 0x97, why: 'too many connections' };
  // [v3 MQTT-3.1.3-8] MQTT 5.0 assigns one in any case [v5 MQTT-3.1.3-6]; 3.1 demands one
  if (clientId === '' && (protocolVersion === 3 || (protocolVersion === 4 && !clean))) {
    return { reasonCode: 0x85, why: 'client identifier is empty' };
  }
  if (settings.refusedClientIds.includes(clientId)) {
    return { reasonCode: 0x85, why: 'client identifier is not welcome' };
  }
  if (will === undefined) return undefined;
  if (will.qos > settings.maximumQoS) return { reasonCode: 0x9b, why: 'QoS of the will' }; // [v5 MQTT-3.2.2-12]
  if (will.retain && !settings.retainAvailable) return { reasonCode: 0x9a, why: 'will is retained' };
  try {
    checkTopicName(will.topic, 'will');
    const { responseTopic } = will.properties ?? {};
    // [v5 MQTT-3.3.2-14, v5 MQTT-4.7.3-1]
    if (responseTopic === '') return { reasonCode: 0x82, why: 'Response Topic of the will is empty' };
  } catch (error) {
    if (error instanceof UsageError) return { reasonCode: 0x90, why: error.message };
    throw error;
  }
  return undefined;
}

/** The client is in. */
function accept(
  connection: Connection,
  packet: ConnectPacket,
  username: string | undefined,
  authenticationData: Uint8Array | undefined,
): void {
  const { core } = connection;
  const { settings } = core;
  const { properties = {}, protocolVersion } = packet;
  const assigned = packet.clientId === '' ? core.freeClientId() : undefined;
  const clientId = assigned ?? packet.clientId;
  const user = core.authenticator.user(username);
  const rules = user === undefined ? [settings.authorization] : [settings.authorization, user];
  const permissions = new Permissions(rules, clientId, username);
  const willTopic = packet.will?.topic;
  if (willTopic !== undefined && (isReserved(willTopic) || !permissions.mayPublish(willTopic))) {
    return connection.refuse(0x87, 'not allowed to publish the will');
  }
  connection.clientId = clientId;
  connection.username = username;
  connection.permissions = permissions;
  connection.will = packet.will;
  connection.keepAlive = keepAliveOf(connection, packet);
  connection.inboundAliases = new InboundAliases(protocolVersion === 5 ? settings.topicAliasMaximum : 0);
  connection.outboundAliases = new OutboundAliases(connection.limits.topicAliasMaximum);
  const asked = askedExpiry(packet);
  const granted = core.grantedExpiry(asked);
  const { session, present } = core.openSession(connection, packet.clean, granted);
  const answer: ConnackProperties = connackProperties(settings, {
    connection,
    assigned,
    expiry: granted === asked ? undefined : granted,
    keepAlive: connection.keepAlive === packet.keepAlive ? undefined : connection.keepAlive,
    responseInformation: properties.requestResponseInformation === true,
    authenticationData,
  });
  connection.accepted();
  connection.send({
    type: 'connack',
    // MQTT 3.1 has no such flag.
    sessionPresent: present && protocolVersion !== 3,
    reasonCode: 0x00,
    properties: answer,
  });
  if (connection.state === 'connected') session.outbound.opened(connection);
}

/** Seconds that the client wants its session to outlive the connection. */
function askedExpiry({ protocolVersion, clean, properties }: ConnectPacket): number {
  if (protocolVersion !== 5) return clean ? 0 : Number.POSITIVE_INFINITY;
  const interval = properties?.sessionExpiryInterval ?? 0;
  return interval === never ? Number.POSITIVE_INFINITY : interval;
}

/** Only MQTT 5.0 can be told another interval than its own [v5 MQTT-3.1.2-21, v5 MQTT-3.2.2-22]. */
function keepAliveOf(connection: Connection, { keepAlive, protocolVersion }: ConnectPacket): number {
  const { serverKeepAlive, maximumKeepAlive } = connection.core.settings;
  if (protocolVersion !== 5) return keepAlive;
  return serverKeepAlive ?? Math.min(keepAlive, maximumKeepAlive);
}
