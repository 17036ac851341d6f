/** SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK [v5 3.8 to 3.11, v3 3.8 to 3.11]. */

import { MalformedPacketError, ProtocolError } from '../errors';
import type { Body } from './body';
import type {
  ProtocolVersion,
  SubscribeAckPacket,
  SubscribePacket,
  SubscriptionEntry,
  UnsubscribePacket,
} from './packet';
import { ofAck, ofSubscribe, ofUnsubscribe, readProperties, writeProperties } from './properties';
import { type Reader, toQoS } from './reader';
import { readReasonCode } from './reason-codes';

/** Bits of the Subscription Options [v5 3.8.3.1]. */
const noLocalFlag = 0x04;
const retainAsPublishedFlag = 0x08;
const retainHandlingShift = 4;

const sharePrefix = '$share/';

export function writeSubscribe(
  body: Body,
  { packetId, subscriptions, properties }: SubscribePacket,
  version: ProtocolVersion,
): number {
  body.packetId(packetId);
  writeProperties(body, properties, ofSubscribe, version);
  for (const entry of subscriptions) {
    body.text(entry.filter, 'filter');
    body.byte(subscriptionOptions(entry));
  }
  return 0x82;
}

/** From JavaScript the three options of MQTT 5.0 may be missing. */
function subscriptionOptions({
  qos,
  noLocal,
  retainAsPublished,
  retainHandling = 0,
}: SubscriptionEntry): number {
  return (
    qos |
    (noLocal ? noLocalFlag : 0) |
    (retainAsPublished ? retainAsPublishedFlag : 0) |
    (retainHandling << retainHandlingShift)
  );
}

export function readSubscribe(reader: Reader): SubscribePacket {
  const packetId = reader.packetId();
  const properties = readProperties(reader, ofSubscribe);
  const subscriptions: SubscriptionEntry[] = [];
  do {
    subscriptions.push(readSubscription(reader));
  } while (reader.offset < reader.end);
  return { type: 'subscribe', packetId, subscriptions, ...(properties && { properties }) };
}

function readSubscription(reader: Reader): SubscriptionEntry {
  const { version } = reader;
  const filter = readFilter(reader);
  const options = reader.byte();
  const retainHandling = version === 5 ? options >> retainHandlingShift : 0;
  const noLocal = version === 5 && (options & noLocalFlag) !== 0;
  // [v5 MQTT-3.8.3-5, v3 MQTT-3.8.3-4]; MQTT 3.1 does not use these bits
  if (retainHandling > 3 || (version === 4 && options > 3)) {
    throw new MalformedPacketError('SUBSCRIBE sets reserved bits of its options');
  }
  // [v5 3.8.3.1, MQTT-3.8.3-4]; QoS 3 is malformed before [v3 MQTT-3.8.3-4]
  if (
    retainHandling === 3 ||
    (version === 5 && (options & 3) === 3) ||
    (noLocal && filter.startsWith(sharePrefix))
  ) {
    throw new ProtocolError('SUBSCRIBE has options that do not exist, or not for this filter');
  }
  return {
    filter,
    qos: toQoS(options),
    noLocal,
    retainAsPublished: version === 5 && (options & retainAsPublishedFlag) !== 0,
    retainHandling: toQoS(retainHandling),
  };
}

/** Reads a filter, of which there must be one. */
function readFilter(reader: Reader): string {
  // [v5 3.8.3, 3.10.3, MQTT-3.8.3-2, MQTT-3.10.3-2, v3 MQTT-3.8.3-3, MQTT-3.10.3-2]
  if (reader.offset === reader.end) throw new ProtocolError('a topic filter is missing');
  const filter = reader.text();
  // [v5 MQTT-4.7.3-1, v3 MQTT-4.7.3-1]
  if (filter === '') throw new MalformedPacketError('a topic filter is empty');
  return filter;
}

export function writeUnsubscribe(
  body: Body,
  { packetId, filters, properties }: UnsubscribePacket,
  version: ProtocolVersion,
): number {
  body.packetId(packetId);
  writeProperties(body, properties, ofUnsubscribe, version);
  for (const filter of filters) body.text(filter, 'filter');
  return 0xa2;
}

export function readUnsubscribe(reader: Reader): UnsubscribePacket {
  const packetId = reader.packetId();
  const properties = readProperties(reader, ofUnsubscribe);
  const filters: string[] = [];
  do {
    filters.push(readFilter(reader));
  } while (reader.offset < reader.end);
  return { type: 'unsubscribe', packetId, filters, ...(properties && { properties }) };
}

export function writeSubscribeAck(
  body: Body,
  { type, packetId, reasonCodes, properties }: SubscribeAckPacket,
  version: ProtocolVersion,
): number {
  body.packetId(packetId);
  writeProperties(body, properties, ofAck, version);
  for (const code of reasonCodes) body.byte(code);
  return type === 'suback' ? 0x90 : 0xb0;
}

/** Makes the reader of one of the two. */
export function subscribeAckReader(type: SubscribeAckPacket['type']): (reader: Reader) => SubscribeAckPacket {
  return (reader) => {
    const packetId = reader.packetId();
    const properties = readProperties(reader, ofAck);
    const reasonCodes: number[] = [];
    if (type === 'suback' || reader.version === 5) {
      // [v5 MQTT-3.9.3-1, MQTT-3.11.3-1, v3 MQTT-3.9.3-1] one for each filter, of which there is at least one
      if (reader.offset === reader.end) throw new ProtocolError(`${type.toUpperCase()} has no reason code`);
      while (reader.offset < reader.end) reasonCodes.push(readReasonCode(reader, type));
    }
    return { type, packetId, reasonCodes, ...(properties && { properties }) };
  };
}
