/** Valid packets of every type and version, made from the grammar of the specifications. */

import type {
  AckPacket,
  AckProperties,
  Packet,
  PacketType,
  ProtocolVersion,
  PublishProperties,
  QoS,
  SubscriptionEntry,
  UserProperties,
} from '../../src/codec/index';
import type { Random } from './random';

const names = [
  'a',
  'sensor/1/temperature',
  '/',
  'a//b',
  'a/',
  ' ',
  '$SYS/x',
  '\u00FC\u20AC\u{1F600}',
  '\uFEFFx',
];
const filters = ['#', '+', 'a/+/c', 'sensor/#', '/', '+/+', '$SYS/#', '$share/group/a/#', 'a/\u20AC/+'];
const words = ['', 'x', 'mqtt', '\uFEFF', '\u0001', 'caf\u00E9', '\u{10FFFF}', '\u07FF\u0800', '__proto__'];

/** Reason codes by packet type, MQTT 5.0. */
const reasonCodes = {
  connack: [
    0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99,
    0x9a, 0x9b, 0x9c, 0x9d, 0x9f,
  ],
  puback: [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  pubrec: [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  pubrel: [0x00, 0x92],
  pubcomp: [0x00, 0x92],
  suback: [0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2],
  unsuback: [0x00, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91],
  disconnect: [
    0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96,
    0x97, 0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
  ],
  auth: [0x00, 0x18, 0x19],
} as const;

type Maker = (random: Random, version: ProtocolVersion) => Packet;

const makers: Readonly<Record<PacketType, Maker>> = {
  connect,
  connack,
  publish,
  puback: (random, version) => ack(random, version, 'puback'),
  pubrec: (random, version) => ack(random, version, 'pubrec'),
  pubrel: (random, version) => ack(random, version, 'pubrel'),
  pubcomp: (random, version) => ack(random, version, 'pubcomp'),
  subscribe: (random, version) => ({
    type: 'subscribe',
    packetId: packetId(random),
    subscriptions: random.list(1 + random.size(8), () => subscription(random, version)),
    properties: v5(version, random, () => ({
      subscriptionIdentifier: random.maybe(() => random.int(1, 268_435_455)),
      userProperties: userProperties(random),
    })),
  }),
  suback: (random, version) => ({
    type: 'suback',
    packetId: packetId(random),
    reasonCodes: random.list(1 + random.size(8), () => {
      if (version === 5) return random.pick(reasonCodes.suback);
      return random.pick(version === 4 ? [0, 1, 2, 0x80] : [0, 1, 2]);
    }),
    properties: v5(version, random, () => ackProperties(random)),
  }),
  unsubscribe: (random, version) => ({
    type: 'unsubscribe',
    packetId: packetId(random),
    filters: random.list(1 + random.size(8), () => random.pick(filters)),
    properties: v5(version, random, () => ({ userProperties: userProperties(random) })),
  }),
  unsuback: (random, version) => ({
    type: 'unsuback',
    packetId: packetId(random),
    reasonCodes:
      version === 5 ? random.list(1 + random.size(8), () => random.pick(reasonCodes.unsuback)) : [],
    properties: v5(version, random, () => ackProperties(random)),
  }),
  pingreq: () => ({ type: 'pingreq' }),
  pingresp: () => ({ type: 'pingresp' }),
  disconnect: (random, version) => ({
    type: 'disconnect',
    reasonCode: version === 5 ? random.pick(reasonCodes.disconnect) : 0,
    properties: v5(version, random, () => ({
      sessionExpiryInterval: random.maybe(() => random.uint32()),
      ...ackProperties(random),
      serverReference: random.maybe(() => text(random)),
    })),
  }),
  auth: (random) => {
    if (random.chance(0.1)) return { type: 'auth', reasonCode: 0 };
    return {
      type: 'auth',
      reasonCode: random.pick(reasonCodes.auth),
      properties: { ...authentication(random), ...ackProperties(random) },
    };
  },
};

const allTypes = Object.keys(makers) as PacketType[];
/** Of MQTT 5.0 only. */
const newTypes: ReadonlySet<PacketType> = new Set<PacketType>(['auth']);
/** What a server sends. */
export const serverTypes: readonly PacketType[] = [
  'connack',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'suback',
  'unsuback',
  'pingresp',
  'disconnect',
  'auth',
];

/** A valid packet of one of the types; not a CONNECT unless asked for, since it sets the version of its stream. */
export function packet(
  random: Random,
  version: ProtocolVersion,
  types: readonly PacketType[] = allTypes.filter((type) => type !== 'connect'),
): Packet {
  const possible = types.filter((type) => version === 5 || !newTypes.has(type));
  return makers[random.pick(possible)](random, version);
}

function connect(random: Random, version: ProtocolVersion): Packet {
  const clientId = version === 3 ? 'client' : random.pick(['', 'client', text(random)]);
  const username = random.maybe(() => text(random));
  return {
    type: 'connect',
    protocolVersion: version,
    clientId,
    // [v3 MQTT-3.1.3-7] an empty client identifier needs a clean session
    clean: clientId === '' || random.chance(0.5),
    keepAlive: random.int(0, 65_535),
    username,
    password: version === 5 || username !== undefined ? random.maybe(() => binary(random)) : undefined,
    will: random.maybe(() => ({
      topic: random.pick(names),
      payload: binary(random),
      qos: qos(random),
      retain: random.chance(0.5),
      properties: v5(version, random, () => ({
        willDelayInterval: random.maybe(() => random.uint32()),
        ...messageProperties(random),
      })),
    })),
    properties: v5(version, random, () => ({
      sessionExpiryInterval: random.maybe(() => random.uint32()),
      receiveMaximum: random.maybe(() => random.int(1, 65_535)),
      maximumPacketSize: random.maybe(() => random.int(1, 0xffff_ffff)),
      topicAliasMaximum: random.maybe(() => random.int(0, 65_535)),
      requestResponseInformation: random.maybe(() => random.chance(0.5)),
      requestProblemInformation: random.maybe(() => random.chance(0.5)),
      userProperties: userProperties(random),
      ...random.maybe(() => authentication(random)),
    })),
  };
}

function connack(random: Random, version: ProtocolVersion): Packet {
  const accepted = random.chance(0.6);
  const refusals = version === 5 ? reasonCodes.connack.slice(1) : [1, 2, 3, 4, 5];
  return {
    type: 'connack',
    // [v5 MQTT-3.2.2-6] no session with a refusal; 3.1 has no such flag
    sessionPresent: version !== 3 && accepted && random.chance(0.5),
    reasonCode: accepted ? 0 : random.pick(refusals),
    properties: v5(version, random, () => ({
      sessionExpiryInterval: random.maybe(() => random.uint32()),
      receiveMaximum: random.maybe(() => random.int(1, 65_535)),
      maximumQoS: random.maybe(() => random.pick([0, 1] as const)),
      retainAvailable: random.maybe(() => random.chance(0.5)),
      maximumPacketSize: random.maybe(() => random.int(1, 0xffff_ffff)),
      assignedClientIdentifier: random.maybe(() => text(random)),
      topicAliasMaximum: random.maybe(() => random.int(0, 65_535)),
      ...ackProperties(random),
      wildcardSubscriptionAvailable: random.maybe(() => random.chance(0.5)),
      subscriptionIdentifierAvailable: random.maybe(() => random.chance(0.5)),
      sharedSubscriptionAvailable: random.maybe(() => random.chance(0.5)),
      serverKeepAlive: random.maybe(() => random.int(0, 65_535)),
      responseInformation: random.maybe(() => text(random)),
      serverReference: random.maybe(() => text(random)),
      ...random.maybe(() => authentication(random)),
    })),
  };
}

function publish(random: Random, version: ProtocolVersion): Packet {
  const level = qos(random);
  const alias = version === 5 ? random.maybe(() => random.int(1, 65_535), 0.2) : undefined;
  const properties = v5(version, random, (): PublishProperties => {
    return {
      ...messageProperties(random),
      subscriptionIdentifiers: random.maybe(() =>
        random.list(1 + random.size(3), () => random.int(1, 268_435_455)),
      ),
    };
  });
  return {
    type: 'publish',
    // [v5 3.3.2.1] an empty topic stands for its alias
    topic: alias !== undefined && random.chance(0.5) ? '' : random.pick(names),
    payload: random.bytes(payloadSize(random)),
    qos: level,
    retain: random.chance(0.5),
    // [v5 MQTT-3.3.1-2] never with QoS 0
    dup: level > 0 && random.chance(0.5),
    packetId: level > 0 ? packetId(random) : undefined,
    properties: alias === undefined ? properties : { ...properties, topicAlias: alias },
  };
}

function ack(random: Random, version: ProtocolVersion, type: AckPacket['type']): Packet {
  return {
    type,
    packetId: packetId(random),
    reasonCode: version === 5 ? random.pick(reasonCodes[type]) : 0,
    properties: v5(version, random, () => ackProperties(random)),
  };
}

function subscription(random: Random, version: ProtocolVersion): SubscriptionEntry {
  const filter = random.pick(filters);
  const modern = version === 5;
  return {
    filter,
    qos: qos(random),
    // [v5 MQTT-3.8.3-4] never for a shared subscription
    noLocal: modern && !filter.startsWith('$share/') && random.chance(0.5),
    retainAsPublished: modern && random.chance(0.5),
    retainHandling: modern ? random.pick([0, 1, 2] as const) : 0,
  };
}

function messageProperties(random: Random): PublishProperties {
  return {
    payloadFormatIndicator: random.maybe(() => random.pick([0, 1] as const)),
    messageExpiryInterval: random.maybe(() => random.uint32()),
    responseTopic: random.maybe(() => random.pick(names)),
    correlationData: random.maybe(() => binary(random)),
    userProperties: userProperties(random),
    contentType: random.maybe(() => text(random)),
  };
}

function ackProperties(random: Random): AckProperties {
  return { reasonString: random.maybe(() => text(random)), userProperties: userProperties(random) };
}

function authentication(random: Random): { authenticationMethod: string; authenticationData?: Uint8Array } {
  const authenticationMethod = random.pick(['SCRAM-SHA-256', 'x', '']);
  return random.chance(0.5)
    ? { authenticationMethod }
    : { authenticationMethod, authenticationData: binary(random) };
}

function userProperties(random: Random): UserProperties | undefined {
  return random.maybe(
    () => random.list(1 + random.size(3), () => [random.pick(words), random.pick(words)] as const),
    0.3,
  );
}

/** Properties of MQTT 5.0: often none, even there. */
function v5<T>(version: ProtocolVersion, random: Random, make: () => T): T | undefined {
  return version === 5 && random.chance(0.5) ? make() : undefined;
}

function packetId(random: Random): number {
  return random.pick([1, 2, 255, 256, 65_535, random.int(1, 65_535)]);
}

function qos(random: Random): QoS {
  return random.pick([0, 1, 2] as const);
}

/** Mostly small; some that are handled otherwise by their size. */
function payloadSize(random: Random): number {
  if (random.chance(0.8)) return random.size(64);
  return random.chance(0.95) ? random.int(65, 400) : random.int(1_000, 70_000);
}

/** A text that any string field may hold. */
function text(random: Random): string {
  if (random.chance(0.02)) return 'x'.repeat(random.pick([127, 128, 16_383, 65_535]));
  return random.pick(words) + random.pick(words);
}

function binary(random: Random): Uint8Array {
  return random.bytes(random.size(32));
}
