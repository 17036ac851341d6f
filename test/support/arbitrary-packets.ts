/** Arbitrary valid packets of each version, for properties, oracles and fuzzing. A failure prints its seed. */

import fc from 'fast-check';
import type {
  AckPacket,
  AckProperties,
  AuthPacket,
  ConnackPacket,
  ConnackProperties,
  ConnectPacket,
  ConnectPacketProperties,
  DisconnectPacket,
  DisconnectProperties,
  Packet,
  PacketType,
  PingPacket,
  ProtocolVersion,
  PublishPacket,
  PublishProperties,
  SubscribeAckPacket,
  SubscribePacket,
  SubscriptionEntry,
  UnsubscribePacket,
  WillPacket,
  WillProperties,
} from '../../src/codec';

/** Reason codes from the tables of chapter 3 [v5], written down apart from those of the codec. */
export const reasonCodes = {
  connack: [
    0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a,
    0x9b, 0x9c, 0x9d, 0x9f,
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
  auth: [0x18, 0x19],
} as const;

const uint16 = fc.integer({ min: 0, max: 65_535 });
const positive16 = fc.integer({ min: 1, max: 65_535 });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const positive32 = fc.integer({ min: 1, max: 0xffff_ffff });
const subscriptionIdentifier = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.integer({ min: 1, max: 268_435_455 }),
);
const packetId = positive16;
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const);

/** Well-formed Unicode without U+0000: mostly ASCII, some of it longer than what is decoded in a loop. */
export const text: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 4, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 12 }) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', '\uFEFF', '\uFEFFx', '\u0001', '\uFFFD', '__proto__', 'x'.repeat(200)),
    },
  )
  .map((value) => value.replaceAll('\0', '0'));

/** A Topic Name: one of a few that come again, or any text without wildcards. */
export const topicName: fc.Arbitrary<string> = fc.oneof(
  fc.nat(20).map((number) => `sensor/${number}/temperature`),
  text.map((value) => value.replace(/[+#]/g, '/') || '/'),
);

/** A Topic Filter as far as the codec is concerned: a text that is not empty. */
export const topicFilter: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('#', '+', 'a/+/b', 'a/#', '$SYS/#'),
  text.map((value) => (value === '' || value.startsWith('$share/') ? 'x' : value)),
);

const binary = fc.oneof(
  fc.uint8Array({ maxLength: 16 }),
  fc.nat(400).map((length) => new Uint8Array(length).fill(0x5a)),
);

/** A payload; now and then one that is referenced instead of copied. */
export const payload: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 6, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 2, arbitrary: fc.nat(600).map((length) => new Uint8Array(length).fill(0xa5)) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 4_000, max: 20_000 }).map((length) => new Uint8Array(length).fill(0x3c)),
  },
);

const userProperties = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 4 });

/** Any selection of the given properties, undefined instead of none. */
function some<T extends object>(model: { [Key in keyof T]-?: fc.Arbitrary<NonNullable<T[Key]>> }) {
  const record = fc.record(model, { requiredKeys: [] });
  return fc.option(record, { nil: undefined }).map((properties): T | undefined => {
    if (properties === undefined || Object.keys(properties).length === 0) return undefined;
    return properties as T;
  });
}

/** What needs an authentication method gets one. */
function withMethod<T extends { authenticationMethod?: string | undefined; authenticationData?: unknown }>(
  properties: T | undefined,
): T | undefined {
  if (properties?.authenticationData === undefined) return properties;
  return { ...properties, authenticationMethod: properties.authenticationMethod ?? 'method' };
}

const ackProperties = some<AckProperties>({ reasonString: text, userProperties });

const messageProperties = {
  payloadFormatIndicator: fc.constantFrom(0 as const, 1 as const),
  messageExpiryInterval: uint32,
  contentType: text,
  responseTopic: topicName,
  correlationData: binary,
  userProperties,
};

const willProperties = some<WillProperties>({ ...messageProperties, willDelayInterval: uint32 });

/** Properties of a PUBLISH as either side may send them. */
export const publishProperties: fc.Arbitrary<PublishProperties | undefined> = some<PublishProperties>({
  ...messageProperties,
  topicAlias: positive16,
  subscriptionIdentifiers: fc.array(subscriptionIdentifier, { minLength: 1, maxLength: 3 }),
});

const connectProperties = some<ConnectPacketProperties>({
  sessionExpiryInterval: uint32,
  receiveMaximum: positive16,
  maximumPacketSize: positive32,
  topicAliasMaximum: uint16,
  requestResponseInformation: fc.boolean(),
  requestProblemInformation: fc.boolean(),
  userProperties,
  authenticationMethod: text,
  authenticationData: binary,
}).map(withMethod);

const connackProperties = some<ConnackProperties>({
  sessionExpiryInterval: uint32,
  receiveMaximum: positive16,
  maximumQoS: fc.constantFrom(0 as const, 1 as const),
  retainAvailable: fc.boolean(),
  maximumPacketSize: positive32,
  assignedClientIdentifier: text,
  topicAliasMaximum: uint16,
  reasonString: text,
  userProperties,
  wildcardSubscriptionAvailable: fc.boolean(),
  subscriptionIdentifierAvailable: fc.boolean(),
  sharedSubscriptionAvailable: fc.boolean(),
  serverKeepAlive: uint16,
  responseInformation: text,
  serverReference: text,
  authenticationMethod: text,
  authenticationData: binary,
}).map(withMethod);

const disconnectProperties = some<DisconnectProperties>({
  sessionExpiryInterval: uint32,
  reasonString: text,
  userProperties,
  serverReference: text,
});

const none = fc.constant(undefined);

/** `arbitrary` in MQTT 5.0, undefined before. */
function in5<T>(version: ProtocolVersion, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return version === 5 ? arbitrary : none;
}

/** Leaves out members that are undefined, as a decoder's caller would compare them. */
function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}

function connect(version: ProtocolVersion): fc.Arbitrary<ConnectPacket> {
  const will: fc.Arbitrary<WillPacket> = fc
    .record({
      topic: topicName,
      payload: binary,
      qos,
      retain: fc.boolean(),
      properties: in5(version, willProperties),
    })
    .map(compact);
  return fc
    .record({
      type: fc.constant('connect' as const),
      protocolVersion: fc.constant(version),
      clientId: text,
      clean: fc.boolean(),
      keepAlive: uint16,
      username: fc.option(text, { nil: undefined }),
      password: fc.option(binary, { nil: undefined }),
      will: fc.option(will, { nil: undefined }),
      properties: in5(version, connectProperties),
    })
    .map(({ username, ...packet }) => {
      const needed = packet.password !== undefined && version < 5;
      return compact({ ...packet, username: needed ? (username ?? 'user') : username });
    });
}

function connack(version: ProtocolVersion): fc.Arbitrary<ConnackPacket> {
  const failures = version === 5 ? reasonCodes.connack : [1, 2, 3, 4, 5];
  const outcome = fc.oneof(
    fc.record({
      sessionPresent: version === 3 ? fc.constant(false) : fc.boolean(),
      reasonCode: fc.constant(0),
    }),
    fc.record({ sessionPresent: fc.constant(false), reasonCode: fc.constantFrom(...failures) }),
  );
  return fc
    .tuple(outcome, in5(version, connackProperties))
    .map(([fields, properties]) => compact({ type: 'connack' as const, ...fields, properties }));
}

function publish(version: ProtocolVersion): fc.Arbitrary<PublishPacket> {
  return fc
    .record({
      type: fc.constant('publish' as const),
      topic: topicName,
      payload,
      qos,
      retain: fc.boolean(),
      dup: fc.boolean(),
      packetId,
      properties: in5(version, publishProperties),
      aliased: fc.boolean(),
    })
    .map(({ aliased, ...packet }) =>
      compact({
        ...packet,
        topic: aliased && packet.properties?.topicAlias !== undefined ? '' : packet.topic,
        dup: packet.dup && packet.qos > 0,
        packetId: packet.qos > 0 ? packet.packetId : undefined,
      }),
    );
}

function ack(version: ProtocolVersion): fc.Arbitrary<AckPacket> {
  return fc
    .constantFrom('puback' as const, 'pubrec' as const, 'pubrel' as const, 'pubcomp' as const)
    .chain((type) =>
      fc
        .record({
          type: fc.constant(type),
          packetId,
          reasonCode: version === 5 ? fc.constantFrom(...reasonCodes[type]) : fc.constant(0),
          properties: in5(version, ackProperties),
        })
        .map(compact),
    );
}

function subscribe(version: ProtocolVersion): fc.Arbitrary<SubscribePacket> {
  const flag = version === 5 ? fc.boolean() : fc.constant(false);
  const entry: fc.Arbitrary<SubscriptionEntry> = fc.record({
    filter: topicFilter,
    qos,
    noLocal: flag,
    retainAsPublished: flag,
    retainHandling: version === 5 ? qos : fc.constant(0 as const),
  });
  return fc
    .record({
      type: fc.constant('subscribe' as const),
      packetId,
      subscriptions: fc.array(entry, { minLength: 1, maxLength: 4 }),
      properties: in5(version, some({ subscriptionIdentifier, userProperties })),
    })
    .map(compact);
}

function unsubscribe(version: ProtocolVersion): fc.Arbitrary<UnsubscribePacket> {
  return fc
    .record({
      type: fc.constant('unsubscribe' as const),
      packetId,
      filters: fc.array(topicFilter, { minLength: 1, maxLength: 4 }),
      properties: in5(version, some({ userProperties })),
    })
    .map(compact);
}

function subscribeAck(version: ProtocolVersion): fc.Arbitrary<SubscribeAckPacket> {
  return fc.constantFrom('suback' as const, 'unsuback' as const).chain((type) => {
    const codes: readonly number[] = version === 5 ? reasonCodes[type] : [0, 1, 2, 0x80];
    const list = fc.array(fc.constantFrom(...codes), { minLength: 1, maxLength: 4 });
    return fc
      .record({
        type: fc.constant(type),
        packetId,
        reasonCodes: version === 5 || type === 'suback' ? list : fc.constant<number[]>([]),
        properties: in5(version, ackProperties),
      })
      .map(compact);
  });
}

const ping: fc.Arbitrary<PingPacket> = fc.record({
  type: fc.constantFrom('pingreq' as const, 'pingresp' as const),
});

function disconnect(version: ProtocolVersion): fc.Arbitrary<DisconnectPacket> {
  return fc
    .record({
      type: fc.constant('disconnect' as const),
      reasonCode: version === 5 ? fc.constantFrom(...reasonCodes.disconnect) : fc.constant(0),
      properties: in5(version, disconnectProperties),
    })
    .map(compact);
}

const auth: fc.Arbitrary<AuthPacket> = fc.oneof(
  fc.constant({ type: 'auth' as const, reasonCode: 0 }),
  fc
    .record({
      type: fc.constant('auth' as const),
      reasonCode: fc.constantFrom(0x00, ...reasonCodes.auth),
      properties: fc.record(
        { authenticationMethod: text, authenticationData: binary, reasonString: text, userProperties },
        { requiredKeys: ['authenticationMethod'] },
      ),
    })
    .map(compact),
);

/** Any valid packet of a version, whoever sends it; only those of the given types, when there are some. */
export function arbitraryPacket(
  version: ProtocolVersion,
  types?: readonly PacketType[],
): fc.Arbitrary<Packet> {
  const families: (readonly [
    weight: number,
    types: readonly PacketType[],
    arbitrary: fc.Arbitrary<Packet>,
  ])[] = [
    [2, ['connect'], connect(version)],
    [2, ['connack'], connack(version)],
    [5, ['publish'], publish(version)],
    [2, ['puback', 'pubrec', 'pubrel', 'pubcomp'], ack(version)],
    [2, ['subscribe'], subscribe(version)],
    [2, ['suback', 'unsuback'], subscribeAck(version)],
    [1, ['unsubscribe'], unsubscribe(version)],
    [1, ['pingreq', 'pingresp'], ping],
    [1, ['disconnect'], disconnect(version)],
    ...(version === 5 ? ([[1, ['auth'], auth]] as const) : []),
  ];
  const wanted = families.filter(([, of]) => types === undefined || of.some((type) => types.includes(type)));
  return fc
    .oneof(...wanted.map(([weight, , arbitrary]) => ({ weight, arbitrary })))
    .filter((packet) => types === undefined || types.includes(packet.type));
}

/** Sizes of chunks, to be used again and again by {@link cut}. */
export const chunkSizes: fc.Arbitrary<number[]> = fc.oneof(
  fc.constant<number[]>([1]),
  fc.constant<number[]>([1_000_000]),
  fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 8 }),
  fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 4 }),
);

/** Cuts bytes into chunks of the given sizes, each with memory of its own. */
export function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array<ArrayBuffer>[] {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let offset = 0, index = 0; offset < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1;
    chunks.push(bytes.slice(offset, offset + size));
    offset += size;
  }
  return chunks;
}
