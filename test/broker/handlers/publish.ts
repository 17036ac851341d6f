/** PUBLISH of a client [v5 3.3, v3 3.3]. */

import type { AckPacket, PublishPacket } from '../../../src/codec/packet';
import { ProtocolError, UsageError } from '../../../src/errors';
import { checkTopicName } from '../../../src/topic/topic-name';
import { isReserved } from '../authorization';
import { checkCodePoints } from '../code-points';
import type { Connection } from '../connection';
import { reasonFor, withDiagnostics } from '../diagnostics';
import { messageOfPublish } from '../message';
import type { Session } from '../session';

export function onPublish(connection: Connection, packet: PublishPacket): void {
  const { session } = connection;
  if (session === undefined) return;
  const topic = connection.inboundAliases.resolve(packet.topic, packet.properties?.topicAlias);
  check(connection, packet, topic);
  const { qos, packetId } = packet;
  if (qos > 0 && packetId !== undefined) takeSlot(connection, packetId);
  // [v5 MQTT-4.3.3-10] a QoS 2 message that waits for its PUBREL is acknowledged again and goes nowhere
  const again = qos === 2 && packetId !== undefined && session.received.has(packetId);
  if (again) return acknowledge(connection, packet, 0x00);
  const refusal = refusalOf(connection, session, packet, topic);
  if (refusal !== undefined) return acknowledge(connection, packet, refusal);
  const { core } = connection;
  const message = messageOfPublish(packet, topic, connection.clientId, core.clock.now());
  if (qos === 2 && packetId !== undefined && core.settings.qos2Delivery === 'release') {
    // It is forwarded when PUBREL comes, to who subscribes then: that nobody does now says nothing.
    session.received.set(packetId, message);
    return acknowledge(connection, packet, 0x00);
  }
  if (qos === 2 && packetId !== undefined) session.received.set(packetId, undefined);
  const route = core.route(message);
  acknowledge(connection, packet, route.isEmpty ? nobody(connection) : 0x00);
  core.deliver(route);
}

/** The code for a message without subscribers. */
function nobody({ core }: Connection): number {
  return core.settings.reportNoSubscribers ? 0x10 : 0x00;
}

/** Rules whose breach ends the connection. */
function check(connection: Connection, packet: PublishPacket, topic: string): void {
  const { settings } = connection.core;
  const { qos, retain, properties } = packet;
  checkCodePoints(settings, packet.topic);
  try {
    checkTopicName(topic, 'PUBLISH');
  } catch (error) {
    if (error instanceof UsageError) throw new ProtocolError(error.message, 'protocol-error', 0x90, error);
    throw error;
  }
  if (qos > settings.maximumQoS) {
    throw new ProtocolError(`QoS ${qos} is not supported`, 'protocol-error', 0x9b);
  }
  if (retain && !settings.retainAvailable) {
    throw new ProtocolError('Retained messages are not available', 'protocol-error', 0x9a);
  }
  if ((properties?.subscriptionIdentifiers?.length ?? 0) > 0) {
    throw new ProtocolError('A client does not send a Subscription Identifier'); // [v5 MQTT-3.3.4-6]
  }
  const { responseTopic } = properties ?? {};
  if (responseTopic !== undefined && /^$|[+#]/.test(responseTopic)) {
    throw new ProtocolError('Response Topic has wildcards'); // [v5 MQTT-3.3.2-14]
  }
}

/** Counts what waits for PUBACK or PUBCOMP on this connection [v5 MQTT-3.3.4-7]. */
function takeSlot(connection: Connection, packetId: number): void {
  const { inFlightFromClient, core } = connection;
  if (inFlightFromClient.has(packetId)) return;
  if (connection.version === 5 && inFlightFromClient.size >= core.settings.receiveMaximum) {
    throw new ProtocolError('Receive Maximum exceeded', 'receive-maximum-exceeded', 0x93);
  }
  inFlightFromClient.add(packetId);
}

/** The code that refuses the message; undefined when it is accepted. */
function refusalOf(
  connection: Connection,
  session: Session,
  packet: PublishPacket,
  topic: string,
): number | undefined {
  const { core, faults, permissions } = connection;
  const { settings } = core;
  if (faults.refusePublish !== undefined) return faults.refusePublish;
  if (isReserved(topic)) return 0x87;
  if (permissions?.mayPublish(topic) === false) return 0x87;
  if (packet.qos === 1 && packet.packetId !== undefined && session.received.has(packet.packetId)) return 0x91;
  const isText = packet.properties?.payloadFormatIndicator === 1;
  if (isText && settings.validatePayloadFormat && !isUtf8(packet.payload)) return 0x99;
  if (packet.retain && packet.payload.length > 0 && !core.retained.hasRoomFor(topic)) return 0x97;
  return undefined;
}

/** Answers by QoS [v5 MQTT-3.3.4-1]; before MQTT 5.0 a refusal cannot be told [v3 MQTT-3.3.5-2]. */
function acknowledge(connection: Connection, packet: PublishPacket, reasonCode: number): void {
  const { packetId, qos } = packet;
  if (qos === 0 || packetId === undefined) return;
  const type = qos === 1 ? 'puback' : 'pubrec';
  const code = connection.version === 5 ? reasonCode : 0x00;
  const answer: AckPacket = { type, packetId, reasonCode: code };
  const { settings } = connection.core;
  const explain = code >= 0x80 || settings.diagnostics === 'full';
  connection.send(explain ? withDiagnostics(answer, reasonFor([code]), settings, connection.limits) : answer);
}

function isUtf8(payload: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(payload);
    return true;
  } catch {
    return false;
  }
}
