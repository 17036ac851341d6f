/** UNSUBSCRIBE: one code a filter, in order [v5 3.10, v3 3.10]. */

import type { SubscribeAckPacket, UnsubscribePacket } from '../../../src/codec/packet';
import { checkCodePoints } from '../code-points';
import type { Connection } from '../connection';
import { reasonFor, withDiagnostics } from '../diagnostics';
import { checkWildcards } from '../filters';

export function onUnsubscribe(connection: Connection, packet: UnsubscribePacket): void {
  const { core, session, faults } = connection;
  if (session === undefined) return;
  for (const filter of packet.filters) {
    checkCodePoints(core.settings, filter);
    checkWildcards(filter);
  }
  const reasonCodes = packet.filters.map((filter) => {
    if (faults.refuseUnsubscribe !== undefined) return faults.refuseUnsubscribe;
    return core.unsubscribe(session, filter) ? 0x00 : 0x11;
  });
  const answer: SubscribeAckPacket = { type: 'unsuback', packetId: packet.packetId, reasonCodes };
  const failed = reasonCodes.some((code) => code >= 0x80);
  const explain = failed || core.settings.diagnostics === 'full';
  connection.send(
    explain ? withDiagnostics(answer, reasonFor(reasonCodes), core.settings, connection.limits) : answer,
  );
}
