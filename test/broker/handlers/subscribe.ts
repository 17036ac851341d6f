/** SUBSCRIBE: one code a filter, in order, then the retained messages [v5 3.8, v3 3.8]. */

import type { QoS, SubscribeAckPacket, SubscribePacket, SubscriptionEntry } from '../../../src/codec/packet';
import { ProtocolError } from '../../../src/errors';
import { parseSharedFilter } from '../../../src/topic/topic-filter';
import { checkCodePoints } from '../code-points';
import type { Connection } from '../connection';
import { reasonFor, withDiagnostics } from '../diagnostics';
import { checkWildcards, hasWildcard, isNotShareable } from '../filters';
import type { Session } from '../session';
import type { Subscription } from '../subscriptions';

/** What became of one filter. */
interface Outcome {
  reasonCode: number;
  subscription?: Subscription;
  /** Whether the session had a subscription for the same filter. */
  existed?: boolean;
}

export function onSubscribe(connection: Connection, packet: SubscribePacket): void {
  const { core, session } = connection;
  if (session === undefined) return;
  const identifier = packet.properties?.subscriptionIdentifier;
  if (identifier !== undefined && !core.settings.subscriptionIdentifierAvailable) {
    throw new ProtocolError('Subscription identifiers are not available', 'protocol-error', 0xa1);
  }
  for (const entry of packet.subscriptions) check(connection, entry);
  const outcomes = packet.subscriptions.map((entry) => subscribe(connection, session, entry, identifier));
  const reasonCodes = outcomes.map(({ reasonCode }) => codeFor(connection, reasonCode));
  const answer: SubscribeAckPacket = { type: 'suback', packetId: packet.packetId, reasonCodes };
  const explain = reasonCodes.some((code) => code >= 0x80) || core.settings.diagnostics === 'full';
  connection.send(
    explain ? withDiagnostics(answer, reasonFor(reasonCodes), core.settings, connection.limits) : answer,
  );
  for (const [index, { subscription, existed }] of outcomes.entries()) {
    const handling = packet.subscriptions[index]?.retainHandling ?? 0;
    if (subscription === undefined || handling === 2) continue; // [v5 MQTT-3.3.1-11]
    if (handling === 1 && existed === true) continue; // [v5 MQTT-3.3.1-10]
    core.sendRetained(subscription);
  }
}

/** Rules whose breach ends the connection. */
function check(connection: Connection, { filter, noLocal }: SubscriptionEntry): void {
  const { settings } = connection.core;
  checkCodePoints(settings, filter);
  checkWildcards(filter);
  if (connection.version !== 5) return;
  const shared = filter.startsWith('$share/');
  // [v5 MQTT-4.8.2-1, v5 MQTT-4.8.2-2]
  if (isNotShareable(filter)) throw new ProtocolError('A shared subscription has no name or no filter');
  if (shared && noLocal) throw new ProtocolError('No Local on a shared subscription'); // [v5 MQTT-3.8.3-4]
  // What CONNACK announced as not available is a protocol error to use [v5 3.2.2.3.11, 3.2.2.3.13].
  if (shared && !settings.sharedSubscriptionAvailable) {
    throw new ProtocolError('Shared subscriptions are not available', 'protocol-error', 0x9e);
  }
  if (!settings.wildcardSubscriptionAvailable && hasWildcard(filter)) {
    throw new ProtocolError('Wildcard subscriptions are not available', 'protocol-error', 0xa2);
  }
}

function subscribe(
  connection: Connection,
  session: Session,
  entry: SubscriptionEntry,
  identifier: number | undefined,
): Outcome {
  const { core, faults, permissions } = connection;
  const { settings } = core;
  const { filter, noLocal, retainAsPublished } = entry;
  const shared = parseSharedFilter(filter);
  const topicFilter = shared?.filter ?? filter;
  const previous = session.subscriptions.get(filter);
  if (faults.refuseSubscribe !== undefined) return { reasonCode: faults.refuseSubscribe };
  // MQTT 3.1.1 knows no such filters: this one is none that the broker can serve, and no breach of a rule.
  if (isNotShareable(filter)) return { reasonCode: 0x8f };
  if (settings.refusedFilters.includes(filter)) return { reasonCode: 0x80 };
  if (hasWildcard(topicFilter) && !settings.wildcardSubscriptionAvailable) return { reasonCode: 0xa2 };
  if (shared !== undefined && !settings.sharedSubscriptionAvailable) return { reasonCode: 0x9e };
  if (permissions?.maySubscribe(topicFilter) === false) return { reasonCode: 0x87 };
  if (previous === undefined && session.subscriptions.size >= settings.maximumSubscriptions) {
    return { reasonCode: 0x97 };
  }
  const qos = Math.min(entry.qos, settings.maximumQoS) as QoS;
  const shareName = shared?.group;
  const subscription = {
    session,
    filter,
    topicFilter,
    shareName,
    qos,
    noLocal,
    retainAsPublished,
    identifier,
  };
  core.subscribe(subscription, previous);
  return { reasonCode: qos, subscription, existed: previous !== undefined };
}

/** The code in the connection's version: 3.1.1 has one failure, 3.1 has none [v3 MQTT-3.9.3-2]. */
function codeFor(connection: Connection, reasonCode: number): number {
  if (connection.version === 5 || reasonCode < 0x80) return reasonCode;
  return connection.version === 4 ? 0x80 : 0x00;
}
