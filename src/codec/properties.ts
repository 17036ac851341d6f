/** Properties of MQTT 5.0 [v5 2.2.2]: one table says what each is, and drives checks, writing and reading. */

import { MalformedPacketError, ProtocolError, UsageError } from '../errors';
import { checkObject, isBytes, isInteger, maximumUint16, maximumUint32, needsMqtt5 } from './fields';
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
import { writeBinary, writeUint16 } from './sink';
import { measureText, textSize, writeText } from './text';
import { maximumVarint, varintSize, writeVarint } from './varint';

/** Properties by what carries them; `ack` is PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK. */
export interface PropertiesOf {
  connect: ConnectPacketProperties;
  will: WillProperties;
  connack: ConnackProperties;
  publish: PublishProperties;
  ack: AckProperties;
  subscribe: SubscribePacketProperties;
  unsubscribe: UnsubscribePacketProperties;
  disconnect: DisconnectProperties;
  auth: AuthProperties;
}

/** What carries properties. */
export type Owner = keyof PropertiesOf;

/** How the values of a property are checked, written and read. */
interface Kind<Value> {
  /** Range of the numbers. */
  readonly least: number;
  readonly most: number;
  /** Bytes on the wire without the identifier, or what is wrong with the value. */
  measure(value: unknown, kind: Kind<Value>): number | string;
  /** Bytes of a value that was measured before. */
  size(value: Value): number;
  /** Returns the offset behind the value. */
  write(bytes: Uint8Array, offset: number, value: Value): number;
  read(reader: Reader): unknown;
}

/** One row of the table. */
interface Property {
  readonly id: number;
  readonly name: string;
  readonly kind: Kind<unknown>;
  readonly owners: readonly Owner[];
  /** May come more than once, and is a list then. */
  readonly many: boolean;
}

type Bag = Record<string, unknown>;

const bit: Kind<number | boolean> = {
  least: 0,
  most: 1,
  measure: (value) =>
    value === true || value === false || value === 0 || value === 1 ? 1 : 'must be true or false, 1 or 0',
  size: () => 1,
  write(bytes, offset, value) {
    bytes[offset] = Number(value);
    return offset + 1;
  },
  read: (reader) => reader.byte(),
};

/** A {@link bit} that is handed out as a boolean. */
const flag: Kind<number | boolean> = { ...bit };

const uint16: Kind<number> = {
  least: 0,
  most: maximumUint16,
  measure: measureInteger,
  size: () => 2,
  write: writeUint16,
  read: (reader) => reader.uint16(),
};

const uint32: Kind<number> = {
  least: 0,
  most: maximumUint32,
  measure: measureInteger,
  size: () => 4,
  write: (bytes, offset, value) =>
    writeUint16(bytes, writeUint16(bytes, offset, value >>> 16), value & 0xffff),
  read: (reader) => reader.uint32(),
};

const varint: Kind<number> = {
  least: 1,
  most: maximumVarint,
  measure: measureInteger,
  size: varintSize,
  write: writeVarint,
  read: (reader) => reader.varint(),
};

const text: Kind<string> = {
  least: 0,
  most: 0,
  measure: (value) => prefixed(measureText(value)),
  size: (value) => 2 + textSize(value),
  write: writeText,
  read: (reader) => reader.text(),
};

/** A text that is used as a Topic Name: without wildcards [v5 MQTT-3.3.2-14]. */
const topic: Kind<string> = {
  ...text,
  measure: (value) => prefixed(measureText(value, false)),
  read: (reader) => reader.topic(),
};

const binary: Kind<Uint8Array> = {
  least: 0,
  most: 0,
  measure(value) {
    if (!isBytes(value)) return 'must be a Uint8Array';
    return value.length > maximumUint16 ? 'must not hold more than 65535 bytes' : 2 + value.length;
  },
  size: (value) => 2 + value.length,
  write: writeBinary,
  read: (reader) => reader.binary(),
};

const pair: Kind<readonly [string, string]> = {
  least: 0,
  most: 0,
  measure(value) {
    if (!Array.isArray(value) || value.length !== 2) return 'must be [name, value]';
    // [v5 MQTT-1.5.7-1] both are strings like any other
    const name = measureText(value[0]);
    if (typeof name === 'string') return `name ${name}`;
    const text = measureText(value[1]);
    return typeof text === 'string' ? `value ${text}` : 4 + name + text;
  },
  size: (value) => 4 + textSize(value[0]) + textSize(value[1]),
  write: (bytes, offset, value) => writeText(bytes, writeText(bytes, offset, value[0]), value[1]),
  read: (reader) => [reader.text(), reader.text()],
};

const positive16: Kind<number> = { ...uint16, least: 1 };
const positive32: Kind<number> = { ...uint32, least: 1 };

/** Identifier, name, kind, what carries it, whether it may repeat [v5 2.2.2.2, table 2-4]. */
const rows: readonly [id: number, name: string, kind: Kind<unknown>, owners: Owner[], many?: boolean][] = [
  [0x01, 'payloadFormatIndicator', bit, ['publish', 'will']],
  [0x02, 'messageExpiryInterval', uint32, ['publish', 'will']],
  [0x03, 'contentType', text, ['publish', 'will']],
  [0x08, 'responseTopic', topic, ['publish', 'will']],
  [0x09, 'correlationData', binary, ['publish', 'will']],
  [0x0b, 'subscriptionIdentifier', varint, ['subscribe']],
  [0x0b, 'subscriptionIdentifiers', varint, ['publish'], true],
  [0x11, 'sessionExpiryInterval', uint32, ['connect', 'connack', 'disconnect']],
  [0x12, 'assignedClientIdentifier', text, ['connack']],
  [0x13, 'serverKeepAlive', uint16, ['connack']],
  [0x15, 'authenticationMethod', text, ['connect', 'connack', 'auth']],
  [0x16, 'authenticationData', binary, ['connect', 'connack', 'auth']],
  [0x17, 'requestProblemInformation', flag, ['connect']],
  [0x18, 'willDelayInterval', uint32, ['will']],
  [0x19, 'requestResponseInformation', flag, ['connect']],
  [0x1a, 'responseInformation', text, ['connack']],
  [0x1c, 'serverReference', text, ['connack', 'disconnect']],
  [0x1f, 'reasonString', text, ['connack', 'ack', 'disconnect', 'auth']],
  [0x21, 'receiveMaximum', positive16, ['connect', 'connack']],
  [0x22, 'topicAliasMaximum', uint16, ['connect', 'connack']],
  [0x23, 'topicAlias', positive16, ['publish']],
  [0x24, 'maximumQoS', bit, ['connack']],
  [0x25, 'retainAvailable', flag, ['connack']],
  [
    0x26,
    'userProperties',
    pair,
    ['connect', 'will', 'connack', 'publish', 'ack', 'subscribe', 'unsubscribe', 'disconnect', 'auth'],
    true,
  ],
  [0x27, 'maximumPacketSize', positive32, ['connect', 'connack']],
  [0x28, 'wildcardSubscriptionAvailable', flag, ['connack']],
  [0x29, 'subscriptionIdentifierAvailable', flag, ['connack']],
  [0x2a, 'sharedSubscriptionAvailable', flag, ['connack']],
];

const table = rows.map(
  ([id, name, kind, owners, many = false]): Property => ({ id, name, kind, owners, many }),
);

/** The rows of each owner by name. */
const byName = byOwner((properties) => new Map(properties.map((property) => [property.name, property])));

/** The rows of each owner by identifier. */
const byId = byOwner((properties) => {
  const index: (Property | undefined)[] = new Array(0x2b).fill(undefined);
  for (const property of properties) index[property.id] = property;
  return index;
});

function byOwner<T>(arrange: (properties: readonly Property[]) => T): Readonly<Record<Owner, T>> {
  const of = (owner: Owner) => arrange(table.filter(({ owners }) => owners.includes(owner)));
  return {
    connect: of('connect'),
    will: of('will'),
    connack: of('connack'),
    publish: of('publish'),
    ack: of('ack'),
    subscribe: of('subscribe'),
    unsubscribe: of('unsubscribe'),
    disconnect: of('disconnect'),
    auth: of('auth'),
  };
}

/**
 * Checks properties that are to be written.
 *
 * @param where the field that holds them, for the message
 * @returns their bytes with the Property Length, a zero byte when there are none [v5 MQTT-2.2.2-1]; 0 before MQTT 5.0
 * @throws UsageError; before MQTT 5.0 for any property
 */
export function checkProperties<O extends Owner>(
  properties: PropertiesOf[O] | undefined,
  owner: O,
  version: ProtocolVersion,
  where = 'properties',
): number {
  if (properties === undefined) return blockSize(0, version);
  checkObject(properties, where);
  const bag = properties as Readonly<Bag>;
  let size = 0;
  for (const name of Object.keys(bag)) {
    const value = bag[name];
    if (value === undefined) continue;
    if (version < 5 && !(Array.isArray(value) && value.length === 0)) throw needsMqtt5(`${where}.${name}`);
    const property = byName[owner].get(name);
    if (property === undefined) throw new UsageError(`${where}.${name} does not exist in this packet`);
    size += measureProperty(property, value, where);
  }
  // [v5 3.1.2.11.10] Authentication Data without a method is a Protocol Error
  if (bag['authenticationData'] !== undefined && bag['authenticationMethod'] === undefined) {
    throw new UsageError(`${where}.authenticationData needs ${where}.authenticationMethod`);
  }
  return blockSize(size, version);
}

/** Bytes of a value with its identifier. @throws UsageError when it is not of this kind */
function measureProperty({ name, kind, many }: Property, value: unknown, where: string): number {
  if (!many) {
    const size = kind.measure(value, kind);
    if (typeof size === 'string') throw new UsageError(`${where}.${name} ${size}`);
    return 1 + size;
  }
  if (!Array.isArray(value)) throw new UsageError(`${where}.${name} must be an array`);
  let total = 0;
  for (let index = 0; index < value.length; index++) {
    const size = kind.measure(value[index], kind);
    if (typeof size === 'string') throw new UsageError(`${where}.${name}[${index}] ${size}`);
    total += 1 + size;
  }
  return total;
}

/** Bytes of a checked value with its identifier, for a list one before each entry. */
function sizeOf({ kind, many }: Property, value: unknown): number {
  if (!many) return 1 + kind.size(value);
  let size = 0;
  for (const entry of value as readonly unknown[]) size += 1 + kind.size(entry);
  return size;
}

/** Bytes of properties with the Property Length; nothing before MQTT 5.0. */
export function blockSize(size: number, version: ProtocolVersion): number {
  return version === 5 ? varintSize(size) + size : 0;
}

/** Bytes of checked properties, without the Property Length. */
export function propertiesSize<O extends Owner>(properties: PropertiesOf[O] | undefined, owner: O): number {
  if (properties === undefined) return 0;
  const bag = properties as Readonly<Bag>;
  const known = byName[owner];
  let size = 0;
  for (const name of Object.keys(bag)) {
    const value = bag[name];
    const property = known.get(name);
    if (value !== undefined && property !== undefined) size += sizeOf(property, value);
  }
  return size;
}

/**
 * Writes the Property Length and checked properties, before MQTT 5.0 nothing.
 *
 * @returns the offset behind them
 */
export function writeProperties<O extends Owner>(
  bytes: Uint8Array,
  offset: number,
  properties: PropertiesOf[O] | undefined,
  owner: O,
  version: ProtocolVersion,
  size: number = propertiesSize(properties, owner),
): number {
  if (version !== 5) return offset;
  let at = writeVarint(bytes, offset, size);
  if (size === 0) return at;
  const bag = properties as Readonly<Bag>;
  const known = byName[owner];
  for (const name of Object.keys(bag)) {
    const value = bag[name];
    const property = known.get(name);
    if (value !== undefined && property !== undefined) at = writeProperty(bytes, at, property, value);
  }
  return at;
}

function writeProperty(bytes: Uint8Array, offset: number, property: Property, value: unknown): number {
  const { id, kind, many } = property;
  if (!many) {
    bytes[offset] = id;
    return kind.write(bytes, offset + 1, value);
  }
  let at = offset;
  for (const entry of value as readonly unknown[]) {
    bytes[at] = id;
    at = kind.write(bytes, at + 1, entry);
  }
  return at;
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
  const known = byId[owner];
  const bag: Bag = {};
  while (reader.offset < reader.end) {
    const id = reader.byte();
    const property = known[id];
    if (property === undefined) {
      throw new MalformedPacketError(`property ${id} does not exist in this packet [v5 2.2.2.2]`);
    }
    const { name, kind } = property;
    const value = kind.read(reader);
    if (typeof value === 'number' && (value < kind.least || value > kind.most)) throw outOfRange(name, value);
    const earlier = bag[name];
    if (earlier === undefined) {
      bag[name] = property.many ? [value] : kind === flag ? value === 1 : value;
    } else if (Array.isArray(earlier)) {
      earlier.push(value);
    } else {
      throw new ProtocolError(`${name} comes more than once in a packet`);
    }
  }
  reader.end = packetEnd;
  if (bag['authenticationData'] !== undefined && bag['authenticationMethod'] === undefined) {
    throw new ProtocolError('authenticationData comes without authenticationMethod [v5 3.1.2.11.10]');
  }
  return bag as PropertiesOf[O];
}

function measureInteger(value: unknown, { least, most, size }: Kind<number>): number | string {
  return isInteger(value, least, most) ? size(value) : `must be a whole number from ${least} to ${most}`;
}

/** Adds the length in front of a text. */
function prefixed(size: number | string): number | string {
  return typeof size === 'number' ? 2 + size : size;
}

function outOfRange(name: string, value: number): ProtocolError {
  const message = `${name} is out of range: ${value}`;
  // [v5 3.3.4] a Topic Alias of 0 has a reason code of its own
  if (name === 'topicAlias') return new ProtocolError(message, 'topic-alias-invalid', 0x94);
  return new ProtocolError(message);
}
