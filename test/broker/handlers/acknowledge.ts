/** PUBACK, PUBREC and PUBCOMP for what the broker sent, PUBREL for what it got. */

import type { AckPacket } from '../../../src/codec/packet';
import type { Connection } from '../connection';
import { withDiagnostics } from '../diagnostics';

export function onPuback(connection: Connection, packet: AckPacket): void {
  connection.session?.outbound.puback(packet.packetId);
}

export function onPubrec(connection: Connection, packet: AckPacket): void {
  connection.session?.outbound.pubrec(packet.packetId, packet.reasonCode);
}

export function onPubcomp(connection: Connection, packet: AckPacket): void {
  connection.session?.outbound.pubcomp(packet.packetId);
}

/** The identifier is free again, whether it was known or not [v5 MQTT-4.3.3-11]; the message may go on. */
export function onPubrel(connection: Connection, packet: AckPacket): void {
  const { core, session, limits } = connection;
  if (session === undefined) return;
  const { packetId } = packet;
  const known = session.received.has(packetId);
  const message = session.received.get(packetId);
  session.received.delete(packetId);
  const answer: AckPacket = { type: 'pubcomp', packetId, reasonCode: known ? 0x00 : 0x92 };
  const explain = !known || core.settings.diagnostics === 'full';
  const why = known ? 'complete' : 'packet identifier not found';
  connection.send(explain ? withDiagnostics(answer, why, core.settings, limits) : answer);
  if (message !== undefined) core.publish(message);
}
