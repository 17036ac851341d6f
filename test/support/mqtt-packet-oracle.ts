/** The `mqtt-packet` library as a second opinion: our packets in its shapes and back. */

import { type Packet as ForeignPacket, generate, parser } from 'mqtt-packet';
import type { Packet, ProtocolVersion, UserProperties } from '../../src/codec';

type Fields = Record<string, unknown>;

/** What the oracle makes of the bytes of one packet. */
export type Verdict =
  | { type: 'packet'; packet: Packet }
  | { type: 'rejected'; reason: string }
  /** It waits for more bytes. */
  | { type: 'incomplete' };

/** Properties that it names in another way. */
const foreignNames: Readonly<Record<string, string>> = {
  subscriptionIdentifiers: 'subscriptionIdentifier',
  subscriptionIdentifierAvailable: 'subscriptionIdentifiersAvailable',
};

/** Whether the oracle is able to write a valid packet. */
export function oracleWrites(packet: Packet): boolean {
  if (packet.type !== 'connect') return true;
  // It wants a user name with every password, and a client identifier with clean: false and in MQTT 3.1.
  if (packet.password !== undefined && packet.username === undefined) return false;
  return packet.clientId !== '' || (packet.clean && packet.protocolVersion > 3);
}

/** Encodes with the oracle. */
export function oracleEncode(packet: Packet, protocolVersion: ProtocolVersion): Uint8Array {
  return generate(toForeign(packet, protocolVersion) as unknown as ForeignPacket, { protocolVersion });
}

/** Decodes one packet with the oracle. */
export function oracleDecode(bytes: Uint8Array, protocolVersion: ProtocolVersion): Verdict {
  const packets: Fields[] = [];
  let reason: string | undefined;
  try {
    const decoder = parser({ protocolVersion });
    decoder.on('error', (error: unknown) => {
      reason ??= String(error);
    });
    decoder.on('packet', (packet) => packets.push(packet as unknown as Fields));
    decoder.parse(Buffer.from(bytes));
  } catch (error) {
    reason ??= String(error);
  }
  if (reason !== undefined) return { type: 'rejected', reason };
  const [packet] = packets;
  if (packet === undefined) return { type: 'incomplete' };
  return { type: 'packet', packet: fromForeign(packet, protocolVersion) };
}

/**
 * A packet as it looks after a way through the oracle, which keeps user properties in an object: ordered by name,
 * and an empty value is lost when its name comes again.
 */
export function throughOracle(packet: Packet): Packet {
  const copy: Fields = { ...packet };
  if ('properties' in packet) copy['properties'] = mergeUserProperties(packet.properties);
  if (packet.type === 'connect' && packet.will !== undefined) {
    copy['will'] = { ...packet.will, properties: mergeUserProperties(packet.will.properties) };
  }
  return copy as unknown as Packet;
}

function mergeUserProperties<T extends { userProperties?: UserProperties | undefined }>(
  properties: T | undefined,
): T | undefined {
  if (properties?.userProperties === undefined) return properties;
  return { ...properties, userProperties: toList(toObject(properties.userProperties)) };
}

function toObject(list: UserProperties): Record<string, string | string[]> {
  const object: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of list) {
    const earlier = object[name];
    if (Array.isArray(earlier)) earlier.push(value);
    else object[name] = earlier ? [earlier, value] : value;
  }
  return object;
}

function toList(object: Record<string, string | string[]>): [string, string][] {
  return Object.keys(object)
    .sort()
    .flatMap((name) => [object[name] ?? ''].flat().map((value): [string, string] => [name, value]));
}

function toForeign(packet: Packet, version: ProtocolVersion): Fields {
  const { type, ...rest } = packet;
  const fields: Fields = { cmd: type, ...rest };
  if ('properties' in packet) fields['properties'] = toForeignProperties(packet.properties);
  if ('packetId' in packet) fields['messageId'] = packet.packetId;
  switch (packet.type) {
    case 'connect':
      fields['protocolId'] = version === 3 ? 'MQIsdp' : 'MQTT';
      fields['keepalive'] = packet.keepAlive;
      fields['password'] = packet.password && Buffer.from(packet.password);
      fields['will'] = packet.will && {
        ...packet.will,
        payload: Buffer.from(packet.will.payload),
        properties: toForeignProperties(packet.will.properties),
      };
      break;
    case 'connack':
      fields['returnCode'] = packet.reasonCode;
      break;
    case 'publish':
      fields['payload'] = Buffer.from(packet.payload);
      break;
    case 'subscribe':
      fields['subscriptions'] = packet.subscriptions.map((entry) => ({
        topic: entry.filter,
        qos: entry.qos,
        nl: entry.noLocal,
        rap: entry.retainAsPublished,
        rh: entry.retainHandling,
      }));
      break;
    case 'suback':
    case 'unsuback':
      fields['granted'] = packet.reasonCodes;
      break;
    case 'unsubscribe':
      fields['unsubscriptions'] = packet.filters;
      break;
  }
  return fields;
}

function toForeignProperties(properties: object | undefined): Fields | undefined {
  if (properties === undefined) return undefined;
  const foreign: Fields = {};
  for (const [name, value] of Object.entries(properties)) {
    const foreignName = foreignNames[name] ?? name;
    if (name === 'userProperties') foreign[foreignName] = toObject(value);
    else if (name === 'payloadFormatIndicator') foreign[foreignName] = value === 1;
    else foreign[foreignName] = value instanceof Uint8Array ? Buffer.from(value) : value;
  }
  return foreign;
}

/** Our names for the fields of each type. */
const translations: Readonly<Record<string, (fields: Fields, version: ProtocolVersion) => Fields>> = {
  connect: (fields) => ({
    protocolVersion: fields['protocolVersion'],
    clientId: fields['clientId'],
    clean: fields['clean'],
    keepAlive: fields['keepalive'],
    username: fields['username'],
    password: bytes(fields['password']),
    will: fromForeignWill(fields['will']),
  }),
  connack: (fields) => ({ sessionPresent: fields['sessionPresent'], ...reasonCode(fields) }),
  publish: (fields) => ({
    topic: fields['topic'],
    payload: bytes(fields['payload']),
    qos: fields['qos'],
    retain: fields['retain'],
    dup: fields['dup'],
    packetId: fields['messageId'],
  }),
  puback: (fields) => ({ ...packetId(fields), ...reasonCode(fields) }),
  pubrec: (fields) => ({ ...packetId(fields), ...reasonCode(fields) }),
  pubrel: (fields) => ({ ...packetId(fields), ...reasonCode(fields) }),
  pubcomp: (fields) => ({ ...packetId(fields), ...reasonCode(fields) }),
  subscribe: (fields, version) => ({
    ...packetId(fields),
    subscriptions: fromForeignSubscriptions(fields['subscriptions'], version),
  }),
  suback: (fields) => ({ ...packetId(fields), reasonCodes: fields['granted'] }),
  unsubscribe: (fields) => ({ ...packetId(fields), filters: fields['unsubscriptions'] }),
  unsuback: (fields) => ({ ...packetId(fields), reasonCodes: fields['granted'] ?? [] }),
  disconnect: reasonCode,
  auth: reasonCode,
};

function packetId(fields: Fields): Fields {
  return { packetId: fields['messageId'] };
}

function reasonCode(fields: Fields): Fields {
  return { reasonCode: fields['reasonCode'] ?? fields['returnCode'] ?? 0 };
}

function fromForeign(fields: Fields, version: ProtocolVersion): Packet {
  const type = String(fields['cmd']);
  const properties = fromForeignProperties(fields['properties'], type);
  return { type, ...translations[type]?.(fields, version), properties } as unknown as Packet;
}

function fromForeignWill(will: unknown): Fields | undefined {
  if (will === undefined || will === null) return undefined;
  const fields = will as Fields;
  return {
    topic: fields['topic'],
    payload: bytes(fields['payload']),
    qos: fields['qos'],
    retain: fields['retain'],
    properties: fromForeignProperties(fields['properties'], 'will'),
  };
}

function fromForeignSubscriptions(list: unknown, version: ProtocolVersion): Fields[] {
  return (list as Fields[]).map(({ topic, qos, nl, rap, rh }) => ({
    filter: topic,
    qos,
    noLocal: version === 5 ? nl : false,
    retainAsPublished: version === 5 ? rap : false,
    retainHandling: version === 5 ? rh : 0,
  }));
}

function fromForeignProperties(properties: unknown, owner: unknown): Fields | undefined {
  if (typeof properties !== 'object' || properties === null) return undefined;
  const own: Fields = {};
  for (const [name, value] of Object.entries(properties)) {
    if (name === 'userProperties') own[name] = toList(value);
    else if (name === 'payloadFormatIndicator') own[name] = Number(value);
    else if (name === 'subscriptionIdentifier' && owner === 'publish')
      own['subscriptionIdentifiers'] = [value].flat();
    else if (name === 'subscriptionIdentifiersAvailable') own['subscriptionIdentifierAvailable'] = value;
    else own[name] = bytes(value);
  }
  return own;
}

/** Buffers as plain bytes, everything else as it is. */
function bytes(value: unknown): unknown {
  return value instanceof Uint8Array ? new Uint8Array(value) : (value ?? undefined);
}
