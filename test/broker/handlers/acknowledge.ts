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

/** The identifier is free again, whether it was known or not [v5 MQTT-4.3.3-11]. */
export function onPubrel(connection: Connection, packet: AckPacket): void {
  const known = connection.session?.received.delete(packet.packetId) === true;
  const reasonCode = known ? 0x00 : 0x92;
  const answer: AckPacket = { type: 'pubcomp', packetId: packet.packetId, reasonCode };
  const { settings } = connection.core;
  if (known && settings.diagnostics !== 'full') return connection.send(answer);
  const why = known ? 'complete' : 'packet identifier not found';
  connection.send(withDiagnostics(answer, why, settings, connection.limits));
}
