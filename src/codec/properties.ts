/** Properties of MQTT 5.0 [v5 2.2.2]: one table says what each is, and drives writing and reading. */

import { checkArray, checkObject } from '../check';
import { MalformedPacketError, ProtocolError, UsageError } from '../errors';
import type { Body } from './body';
import { needsMqtt5 } from './needs-mqtt-5';
import type {
  AckProperties,
  AuthProperties,
  ConnackProperties,
  ConnectPacketProperties,
  DisconnectProperties,
  ProtocolVersion,
  PublishProperties,
  SubscribePacketProperties,
  UnsubscribePacketProperties,
  WillProperties,
} from './packet';
import type { Reader } from './reader';

/** What carries properties, a bit for each; `ofAck` is PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK. */
export const ofConnect = 1;
export const ofWill = 2;
export const ofConnack = 4;
export const ofPublish = 8;
export const ofAck = 16;
export const ofSubscribe = 32;
export const ofUnsubscribe = 64;
export const ofDisconnect = 128;
export const ofAuth = 256;
const ofAll = 511;

/** The properties of each owner. */
interface PropertiesOf {
  [ofConnect]: ConnectPacketProperties;
  [ofWill]: WillProperties;
  [ofConnack]: ConnackProperties;
  [ofPublish]: PublishProperties;
  [ofAck]: AckProperties;
  [ofSubscribe]: SubscribePacketProperties;
  [ofUnsubscribe]: UnsubscribePacketProperties;
  [ofDisconnect]: DisconnectProperties;
  [ofAuth]: AuthProperties;
}

/** What carries properties. */
type Owner = keyof PropertiesOf;

/** A row of the table. */
type Property = readonly [
  id: number,
  name: string,
  /** The data type: a method of Body and of Reader. */
  kind: 'bit' | 'flag' | 'uint16' | 'uint32' | 'varint' | 'text' | 'topic' | 'binary' | 'pair',
  owners: number,
  /** Smallest number. */
  least?: number,
  /** May come more than once, and is a list then. */
  many?: boolean,
];

/** [v5 2.2.2.2, table 2-4] */
const table: readonly Property[] = [
  [0x01, 'payloadFormatIndicator', 'bit', ofPublish | ofWill],
  [0x02, 'messageExpiryInterval', 'uint32', ofPublish | ofWill],
  [0x03, 'contentType', 'text', ofPublish | ofWill],
  [0x08, 'responseTopic', 'topic', ofPublish | ofWill],
  [0x09, 'correlationData', 'binary', ofPublish | ofWill],
  [0x0b, 'subscriptionIdentifier', 'varint', ofSubscribe, 1],
  [0x0b, 'subscriptionIdentifiers', 'varint', ofPublish, 1, true],
  [0x11, 'sessionExpiryInterval', 'uint32', ofConnect | ofConnack | ofDisconnect],
  [0x12, 'assignedClientIdentifier', 'text', ofConnack],
  [0x13, 'serverKeepAlive', 'uint16', ofConnack],
  [0x15, 'authenticationMethod', 'text', ofConnect | ofConnack | ofAuth],
  [0x16, 'authenticationData', 'binary', ofConnect | ofConnack | ofAuth],
  [0x17, 'requestProblemInformation', 'flag', ofConnect],
  [0x18, 'willDelayInterval', 'uint32', ofWill],
  [0x19, 'requestResponseInformation', 'flag', ofConnect],
  [0x1a, 'responseInformation', 'text', ofConnack],
  [0x1c, 'serverReference', 'text', ofConnack | ofDisconnect],
  [0x1f, 'reasonString', 'text', ofConnack | ofAck | ofDisconnect | ofAuth],
  [0x21, 'receiveMaximum', 'uint16', ofConnect | ofConnack, 1],
  [0x22, 'topicAliasMaximum', 'uint16', ofConnect | ofConnack],
  [0x23, 'topicAlias', 'uint16', ofPublish, 1],
  [0x24, 'maximumQoS', 'bit', ofConnack],
  [0x25, 'retainAvailable', 'flag', ofConnack],
  [0x26, 'userProperties', 'pair', ofAll, 0, true],
  [0x27, 'maximumPacketSize', 'uint32', ofConnect | ofConnack, 1],
  [0x28, 'wildcardSubscriptionAvailable', 'flag', ofConnack],
  [0x29, 'subscriptionIdentifierAvailable', 'flag', ofConnack],
  [0x2a, 'sharedSubscriptionAvailable', 'flag', ofConnack],
];

/** Where most packets have their properties. */
const usualPlace = 'properties';

/** With the name for the message: to put it together for each property takes a sixth of the time. */
const byName = new Map(
  table.map((property) => [property[1], { property, place: `${usualPlace}.${property[1]}` }]),
);

/** By identifier, then by owner, for the one that has two names. */
const byId: readonly (readonly Property[])[] = [...Array(0x2b).keys()].map((id) =>
  table.filter((property) => property[0] === id),
);

type Bag = Record<string, unknown>;

/**
 * Appends the Property Length and the properties, before MQTT 5.0 nothing.
 *
 * @param where the field that holds them, for the message
 * @returns whether there are any
 * @throws UsageError; before MQTT 5.0 for any property
 */
export function writeProperties<O extends Owner>(
  body: Body,
  properties: PropertiesOf[O] | undefined,
  owner: O,
  version: ProtocolVersion,
  where = usualPlace,
): boolean {
  const start = body.length;
  // [v5 MQTT-2.2.2-1] no properties are a length of 0
  if (version === 5) body.byte(0);
  if (properties === undefined) return false;
  checkObject(properties, where);
  const bag: Readonly<Bag> = properties;
  for (const name of Object.keys(bag)) {
    const value = bag[name];
    const known = byName.get(name);
    const property = known?.property;
    // None of those that may repeat.
    const isNone = property?.[5] && Array.isArray(value) && value.length === 0;
    if (value === undefined || isNone) continue;
    const place = known && where === usualPlace ? known.place : `${where}.${name}`;
    if (version < 5) throw needsMqtt5(place);
    if (property === undefined || (property[3] & owner) === 0) {
      throw new UsageError(`${place}: does not exist in this packet`);
    }
    // By index here and below: destructuring would make an iterator for each property.
    const kind = property[2];
    if (!property[5]) {
      body.byte(property[0]);
      body[kind](value, place, property[4]);
      continue;
    }
    if (kind !== 'pair') checkArray(value, place);
    // What is no list is no pair either.
    for (const entry of Array.isArray(value) ? value : [value]) {
      body.byte(property[0]);
      body[kind](entry, place, property[4]);
    }
  }
  if (version === 5) body.closeBlock(start);
  return body.length > start + 1;
}

/**
 * Reads the Property Length and the properties, before MQTT 5.0 nothing.
 *
 * @returns undefined when there are none
 * @throws MalformedPacketError for a property that this packet does not have [v5 2.2.2.2]
 * @throws ProtocolError for one that comes twice, is out of range or needs another one
 */
export function readProperties<O extends Owner>(reader: Reader, owner: O): PropertiesOf[O] | undefined {
  if (reader.version !== 5) return undefined;
  const size = reader.varint();
  if (size === 0) return undefined;
  const packetEnd = reader.end;
  reader.end = reader.offset + size;
  if (reader.end > packetEnd) throw new MalformedPacketError('the properties are longer than the packet');
  const bag: Bag = {};
  while (reader.offset < reader.end) {
    const id = reader.byte();
    const property = byId[id]?.find((row) => (row[3] & owner) !== 0);
    if (property === undefined)
      throw new MalformedPacketError(`property ${id} does not exist in this packet`);
    const name = property[1];
    const value = reader[property[2]]();
    if (typeof value === 'number' && value < (property[4] ?? 0)) throw zero(name);
    const earlier = bag[name];
    if (earlier === undefined) bag[name] = property[5] ? [value] : value;
    else if (Array.isArray(earlier)) earlier.push(value);
    else throw new ProtocolError(`${name} comes twice`);
  }
  reader.end = packetEnd;
  // [v5 3.1.2.11.10]
  if (bag['authenticationData'] !== undefined && bag['authenticationMethod'] === undefined) {
    throw new ProtocolError('authenticationData comes without authenticationMethod');
  }
  return bag as PropertiesOf[O];
}

function zero(name: string): ProtocolError {
  const message = `${name} is 0`;
  // [v5 3.3.4] a Topic Alias of 0 has a reason code of its own
  return name === 'topicAlias'
    ? new ProtocolError(message, 'topic-alias-invalid', 0x94)
    : new ProtocolError(message);
}
