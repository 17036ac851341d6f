/** Packets of MQTT 5.0 with their bytes, written by hand from the specification. */

import type { ConnackProperties, ConnectPacketProperties, WillProperties } from '../../../src/codec';
import { hex } from '../../support/hex';
import type { Vector } from './vectors-v3';

const v5 = [5] as const;
const bytes = (...values: number[]) => Uint8Array.from(values);

const connect = { type: 'connect', protocolVersion: 5, clientId: '', clean: true, keepAlive: 60 } as const;
const connack = { type: 'connack', sessionPresent: false, reasonCode: 0 } as const;
const publish = {
  type: 'publish',
  topic: 'a/b',
  payload: bytes(),
  qos: 0,
  retain: false,
  dup: false,
} as const;

const withConnect = (properties: ConnectPacketProperties) => ({ ...connect, properties });
const withConnack = (properties: ConnackProperties) => ({ ...connack, properties });
const withWill = (properties: WillProperties) => ({
  ...connect,
  will: { topic: 'w', payload: bytes(0x78), qos: 0 as const, retain: false, properties },
});

const vector = (name: string, raw: Uint8Array, packet: Vector['packet']): Vector => ({
  name,
  versions: v5,
  bytes: raw,
  packet,
});

export const vectors: readonly Vector[] = [
  // CONNECT [v5 3.1]
  vector('the shortest CONNECT', hex`10 0d  0004 'MQTT' 05 02 003c 00  0000`, connect),
  vector('CONNECT without Clean Start', hex`10 10  0004 'MQTT' 05 00 003c 00  0003 'dev'`, {
    ...connect,
    clean: false,
    clientId: 'dev',
  }),
  vector(
    'the variable header of figure 3-6, with all fields of the payload',
    hex`10 25  0004 'MQTT' 05 ce 000a 05 11 0000000a  0002 'id' 00 0001 'w' 0002 0001 0002 'me' 0003 'key'`,
    {
      ...connect,
      keepAlive: 10,
      clientId: 'id',
      will: { topic: 'w', payload: bytes(0, 1), qos: 1, retain: false },
      username: 'me',
      password: bytes(0x6b, 0x65, 0x79),
      properties: { sessionExpiryInterval: 10 },
    },
  ),
  vector('CONNECT with a password and no user name', hex`10 12  0004 'MQTT' 05 42 003c 00  0000 0003 'key'`, {
    ...connect,
    password: bytes(0x6b, 0x65, 0x79),
  }),
  vector('CONNECT with an empty user name', hex`10 0f  0004 'MQTT' 05 82 003c 00  0000 0000`, {
    ...connect,
    username: '',
  }),
  vector(
    'CONNECT with a retained will of QoS 2',
    hex`10 14  0004 'MQTT' 05 36 003c 00  0000 00 0001 'w' 0001 'x'`,
    { ...connect, will: { topic: 'w', payload: bytes(0x78), qos: 2, retain: true } },
  ),
  vector(
    'CONNECT: Session Expiry Interval that never ends',
    hex`10 12  0004 'MQTT' 05 02 003c 05 11 ffffffff  0000`,
    withConnect({ sessionExpiryInterval: 0xffff_ffff }),
  ),
  vector(
    'CONNECT: Session Expiry Interval 0',
    hex`10 12  0004 'MQTT' 05 02 003c 05 11 00000000  0000`,
    withConnect({ sessionExpiryInterval: 0 }),
  ),
  vector(
    'CONNECT: Receive Maximum',
    hex`10 10  0004 'MQTT' 05 02 003c 03 21 ffff  0000`,
    withConnect({ receiveMaximum: 65_535 }),
  ),
  vector(
    'CONNECT: the least Receive Maximum',
    hex`10 10  0004 'MQTT' 05 02 003c 03 21 0001  0000`,
    withConnect({ receiveMaximum: 1 }),
  ),
  vector(
    'CONNECT: Maximum Packet Size',
    hex`10 12  0004 'MQTT' 05 02 003c 05 27 01000000  0000`,
    withConnect({ maximumPacketSize: 16_777_216 }),
  ),
  vector(
    'CONNECT: Topic Alias Maximum',
    hex`10 10  0004 'MQTT' 05 02 003c 03 22 000a  0000`,
    withConnect({ topicAliasMaximum: 10 }),
  ),
  vector(
    'CONNECT: Request Response Information',
    hex`10 0f  0004 'MQTT' 05 02 003c 02 19 01  0000`,
    withConnect({ requestResponseInformation: true }),
  ),
  vector(
    'CONNECT: no Request Problem Information',
    hex`10 0f  0004 'MQTT' 05 02 003c 02 17 00  0000`,
    withConnect({ requestProblemInformation: false }),
  ),
  vector(
    'CONNECT: User Properties with a name that comes twice',
    hex`10 1c  0004 'MQTT' 05 02 003c 0f 26 0001 'a' 0001 'b' 26 0001 'a' 0002 'cc'  0000`,
    withConnect({
      userProperties: [
        ['a', 'b'],
        ['a', 'cc'],
      ],
    }),
  ),
  vector(
    'CONNECT: Authentication Method',
    hex`10 15  0004 'MQTT' 05 02 003c 08 15 0005 'PLAIN'  0000`,
    withConnect({ authenticationMethod: 'PLAIN' }),
  ),
  vector(
    'CONNECT: Authentication Data',
    hex`10 16  0004 'MQTT' 05 02 003c 09 15 0001 'm' 16 0002 00ff  0000`,
    withConnect({ authenticationMethod: 'm', authenticationData: bytes(0x00, 0xff) }),
  ),
  vector(
    'CONNECT: will with Will Delay Interval',
    hex`10 19  0004 'MQTT' 05 06 003c 00  0000 05 18 00000005 0001 'w' 0001 'x'`,
    withWill({ willDelayInterval: 5 }),
  ),
  vector(
    'CONNECT: will with Payload Format Indicator',
    hex`10 16  0004 'MQTT' 05 06 003c 00  0000 02 01 01 0001 'w' 0001 'x'`,
    withWill({ payloadFormatIndicator: 1 }),
  ),
  vector(
    'CONNECT: will with Message Expiry Interval',
    hex`10 19  0004 'MQTT' 05 06 003c 00  0000 05 02 0000000a 0001 'w' 0001 'x'`,
    withWill({ messageExpiryInterval: 10 }),
  ),
  vector(
    'CONNECT: will with Content Type',
    hex`10 18  0004 'MQTT' 05 06 003c 00  0000 04 03 0001 't' 0001 'w' 0001 'x'`,
    withWill({ contentType: 't' }),
  ),
  vector(
    'CONNECT: will with Response Topic',
    hex`10 18  0004 'MQTT' 05 06 003c 00  0000 04 08 0001 'r' 0001 'w' 0001 'x'`,
    withWill({ responseTopic: 'r' }),
  ),
  vector(
    'CONNECT: will with Correlation Data',
    hex`10 19  0004 'MQTT' 05 06 003c 00  0000 05 09 0002 0102 0001 'w' 0001 'x'`,
    withWill({ correlationData: bytes(1, 2) }),
  ),
  vector(
    'CONNECT: will with an empty User Property',
    hex`10 19  0004 'MQTT' 05 06 003c 00  0000 05 26 0000 0000 0001 'w' 0001 'x'`,
    withWill({ userProperties: [['', '']] }),
  ),

  // CONNACK [v5 3.2]
  vector('the shortest CONNACK', hex`20 03 00 00 00`, connack),
  vector('CONNACK with a session', hex`20 03 01 00 00`, { ...connack, sessionPresent: true }),
  vector('CONNACK: unsupported protocol version', hex`20 03 00 84 00`, { ...connack, reasonCode: 0x84 }),
  vector('CONNACK: not authorized', hex`20 03 00 87 00`, { ...connack, reasonCode: 0x87 }),
  vector('CONNACK: connection rate exceeded', hex`20 03 00 9f 00`, { ...connack, reasonCode: 0x9f }),
  vector(
    'CONNACK: Session Expiry Interval',
    hex`20 08 00 00 05 11 00000e10`,
    withConnack({ sessionExpiryInterval: 3_600 }),
  ),
  vector('CONNACK: Receive Maximum', hex`20 06 00 00 03 21 0014`, withConnack({ receiveMaximum: 20 })),
  vector('CONNACK: Maximum QoS 0', hex`20 05 00 00 02 24 00`, withConnack({ maximumQoS: 0 })),
  vector('CONNACK: Maximum QoS 1', hex`20 05 00 00 02 24 01`, withConnack({ maximumQoS: 1 })),
  vector('CONNACK: Retain Available', hex`20 05 00 00 02 25 01`, withConnack({ retainAvailable: true })),
  vector('CONNACK: no Retain Available', hex`20 05 00 00 02 25 00`, withConnack({ retainAvailable: false })),
  vector(
    'CONNACK: Maximum Packet Size',
    hex`20 08 00 00 05 27 ffffffff`,
    withConnack({ maximumPacketSize: 0xffff_ffff }),
  ),
  vector(
    'CONNACK: Assigned Client Identifier',
    hex`20 0a 00 00 07 12 0004 'auto'`,
    withConnack({ assignedClientIdentifier: 'auto' }),
  ),
  vector(
    'CONNACK: Topic Alias Maximum',
    hex`20 06 00 00 03 22 ffff`,
    withConnack({ topicAliasMaximum: 65_535 }),
  ),
  vector('CONNACK: Reason String', hex`20 08 00 87 05 1f 0002 'no'`, {
    ...withConnack({ reasonString: 'no' }),
    reasonCode: 0x87,
  }),
  vector(
    'CONNACK: User Property',
    hex`20 0a 00 00 07 26 0001 'k' 0001 'v'`,
    withConnack({ userProperties: [['k', 'v']] }),
  ),
  vector(
    'CONNACK: no Wildcard Subscription Available',
    hex`20 05 00 00 02 28 00`,
    withConnack({ wildcardSubscriptionAvailable: false }),
  ),
  vector(
    'CONNACK: no Subscription Identifier Available',
    hex`20 05 00 00 02 29 00`,
    withConnack({ subscriptionIdentifierAvailable: false }),
  ),
  vector(
    'CONNACK: Shared Subscription Available',
    hex`20 05 00 00 02 2a 01`,
    withConnack({ sharedSubscriptionAvailable: true }),
  ),
  vector('CONNACK: Server Keep Alive', hex`20 06 00 00 03 13 001e`, withConnack({ serverKeepAlive: 30 })),
  vector(
    'CONNACK: Response Information',
    hex`20 08 00 00 05 1a 0002 'r/'`,
    withConnack({ responseInformation: 'r/' }),
  ),
  vector('CONNACK: Server Reference', hex`20 0d 00 9c 0a 1c 0007 'b:1883 '`, {
    ...withConnack({ serverReference: 'b:1883 ' }),
    reasonCode: 0x9c,
  }),
  vector(
    'CONNACK: Authentication Method and Authentication Data',
    hex`20 0c 00 00 09 15 0001 'm' 16 0002 00ff`,
    withConnack({ authenticationMethod: 'm', authenticationData: bytes(0x00, 0xff) }),
  ),

  // PUBLISH [v5 3.3]
  vector('PUBLISH of figure 3-9: topic a/b, packet identifier 10', hex`32 08  0003 'a/b' 000a 00`, {
    ...publish,
    qos: 1,
    packetId: 10,
  }),
  vector('PUBLISH of QoS 0 without a payload', hex`30 06  0003 'a/b' 00`, publish),
  vector(
    'PUBLISH of QoS 0 with a payload that looks like a packet identifier',
    hex`30 08  0003 'a/b' 00 000a`,
    {
      ...publish,
      payload: bytes(0, 10),
    },
  ),
  vector('PUBLISH with every flag', hex`3d 09  0003 'a/b' ffff 00 ff`, {
    ...publish,
    payload: bytes(0xff),
    qos: 2,
    retain: true,
    dup: true,
    packetId: 65_535,
  }),
  vector('PUBLISH: Payload Format Indicator 0', hex`30 08  0003 'a/b' 02 01 00`, {
    ...publish,
    properties: { payloadFormatIndicator: 0 },
  }),
  vector('PUBLISH: Payload Format Indicator 1', hex`30 0a  0003 'a/b' 02 01 01 'hi'`, {
    ...publish,
    payload: bytes(0x68, 0x69),
    properties: { payloadFormatIndicator: 1 },
  }),
  vector('PUBLISH: Message Expiry Interval', hex`30 0b  0003 'a/b' 05 02 ffffffff`, {
    ...publish,
    properties: { messageExpiryInterval: 0xffff_ffff },
  }),
  vector('PUBLISH: Topic Alias with a topic', hex`30 09  0003 'a/b' 03 23 0001`, {
    ...publish,
    properties: { topicAlias: 1 },
  }),
  vector('PUBLISH: Topic Alias in place of the topic', hex`30 06  0000 03 23 ffff`, {
    ...publish,
    topic: '',
    properties: { topicAlias: 65_535 },
  }),
  vector('PUBLISH: Response Topic', hex`30 0c  0003 'a/b' 06 08 0003 'r/1'`, {
    ...publish,
    properties: { responseTopic: 'r/1' },
  }),
  vector('PUBLISH: empty Correlation Data', hex`30 09  0003 'a/b' 03 09 0000`, {
    ...publish,
    properties: { correlationData: bytes() },
  }),
  vector('PUBLISH: Correlation Data', hex`30 0c  0003 'a/b' 06 09 0003 000102`, {
    ...publish,
    properties: { correlationData: bytes(0, 1, 2) },
  }),
  vector(
    'PUBLISH: User Properties in the order given',
    hex`30 1b  0003 'a/b' 15 26 0001 'b' 0001 '1' 26 0001 'a' 0001 '2' 26 0001 'b' 0001 '3'`,
    {
      ...publish,
      properties: {
        userProperties: [
          ['b', '1'],
          ['a', '2'],
          ['b', '3'],
        ],
      },
    },
  ),
  vector('PUBLISH: User Property __proto__', hex`30 14  0003 'a/b' 0e 26 0009 '__proto__' 0000`, {
    ...publish,
    properties: { userProperties: [['__proto__', '']] },
  }),
  vector(
    'PUBLISH: Subscription Identifiers of one to four bytes',
    hex`30 1e  0003 'a/b' 18 0b 01 0b 7f 0b 8001 0b ff7f 0b 808001 0b 80808001 0b ffffff7f`,
    {
      ...publish,
      properties: {
        subscriptionIdentifiers: [1, 127, 128, 16_383, 16_384, 2_097_152, 268_435_455],
      },
    },
  ),
  vector('PUBLISH: Subscription Identifier 2,097,151', hex`30 0a  0003 'a/b' 04 0b ffff7f`, {
    ...publish,
    properties: { subscriptionIdentifiers: [2_097_151] },
  }),
  vector('PUBLISH: Content Type', hex`30 13  0003 'a/b' 0d 03 000a 'text/plain'`, {
    ...publish,
    properties: { contentType: 'text/plain' },
  }),
  vector(
    'PUBLISH with a Property Length of two bytes',
    hex`30 8801  0003 'a/b' 8001 03 007d ${'61'.repeat(125)} 'x'`,
    { ...publish, payload: bytes(0x78), properties: { contentType: 'a'.repeat(125) } },
  ),
  vector(
    'PUBLISH with all properties',
    hex`35 30  0001 't' 0007 29
      01 01  02 0000003c  03 0001 'c'  08 0001 'r'  09 0001 2a  0b 05  23 0002  26 0001 'k' 0001 'v'
      26 0002 c3a9 0003 efbbbf  'z'`,
    {
      type: 'publish',
      topic: 't',
      payload: bytes(0x7a),
      qos: 2,
      retain: true,
      dup: false,
      packetId: 7,
      properties: {
        payloadFormatIndicator: 1,
        messageExpiryInterval: 60,
        contentType: 'c',
        responseTopic: 'r',
        correlationData: bytes(0x2a),
        subscriptionIdentifiers: [5],
        topicAlias: 2,
        userProperties: [
          ['k', 'v'],
          ['é', '\uFEFF'],
        ],
      },
    },
  ),

  // PUBACK, PUBREC, PUBREL, PUBCOMP [v5 3.4 to 3.7]
  vector('PUBACK that leaves out success', hex`40 02 0001`, { type: 'puback', packetId: 1, reasonCode: 0 }),
  vector('PUBACK with a reason code', hex`40 03 0001 10`, { type: 'puback', packetId: 1, reasonCode: 0x10 }),
  vector('PUBACK with a Reason String', hex`40 0a 0001 97 06 1f 0003 'max'`, {
    type: 'puback',
    packetId: 1,
    reasonCode: 0x97,
    properties: { reasonString: 'max' },
  }),
  vector('PUBACK with success and a User Property', hex`40 0b 1234 00 07 26 0001 'k' 0001 'v'`, {
    type: 'puback',
    packetId: 0x1234,
    reasonCode: 0,
    properties: { userProperties: [['k', 'v']] },
  }),
  vector('PUBREC that leaves out success', hex`50 02 ffff`, {
    type: 'pubrec',
    packetId: 65_535,
    reasonCode: 0,
  }),
  vector('PUBREC with a reason code', hex`50 03 0002 91`, { type: 'pubrec', packetId: 2, reasonCode: 0x91 }),
  vector('PUBREC with a Reason String', hex`50 08 0002 80 04 1f 0001 'x'`, {
    type: 'pubrec',
    packetId: 2,
    reasonCode: 0x80,
    properties: { reasonString: 'x' },
  }),
  vector('PUBREL that leaves out success', hex`62 02 0100`, { type: 'pubrel', packetId: 256, reasonCode: 0 }),
  vector('PUBREL with a reason code', hex`62 03 0003 92`, { type: 'pubrel', packetId: 3, reasonCode: 0x92 }),
  vector('PUBREL with a User Property', hex`62 09 0003 00 05 26 0000 0000`, {
    type: 'pubrel',
    packetId: 3,
    reasonCode: 0,
    properties: { userProperties: [['', '']] },
  }),
  vector('PUBCOMP that leaves out success', hex`70 02 00ff`, {
    type: 'pubcomp',
    packetId: 255,
    reasonCode: 0,
  }),
  vector('PUBCOMP with a reason code', hex`70 03 0004 92`, {
    type: 'pubcomp',
    packetId: 4,
    reasonCode: 0x92,
  }),
  vector('PUBCOMP with an empty Reason String', hex`70 07 0004 92 03 1f 0000`, {
    type: 'pubcomp',
    packetId: 4,
    reasonCode: 0x92,
    properties: { reasonString: '' },
  }),

  // SUBSCRIBE [v5 3.8]
  vector('SUBSCRIBE of figures 3-19 and 3-21', hex`82 0f 000a 00  0003 'a/b' 01  0003 'c/d' 02`, {
    type: 'subscribe',
    packetId: 10,
    subscriptions: [
      { filter: 'a/b', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 },
      { filter: 'c/d', qos: 2, noLocal: false, retainAsPublished: false, retainHandling: 0 },
    ],
  }),
  vector(
    'SUBSCRIBE with each subscription option',
    hex`82 13 0001 00  0001 'a' 04  0001 'b' 08  0001 'c' 10  0001 'd' 2e`,
    {
      type: 'subscribe',
      packetId: 1,
      subscriptions: [
        { filter: 'a', qos: 0, noLocal: true, retainAsPublished: false, retainHandling: 0 },
        { filter: 'b', qos: 0, noLocal: false, retainAsPublished: true, retainHandling: 0 },
        { filter: 'c', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 1 },
        { filter: 'd', qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 },
      ],
    },
  ),
  vector('SUBSCRIBE to a shared subscription', hex`82 10 0001 00  000a '$share/g/+' 01`, {
    type: 'subscribe',
    packetId: 1,
    subscriptions: [
      { filter: '$share/g/+', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 },
    ],
  }),
  vector('SUBSCRIBE: Subscription Identifier', hex`82 09 0001 02 0b 01  0001 '#' 00`, {
    type: 'subscribe',
    packetId: 1,
    subscriptions: [{ filter: '#', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
    properties: { subscriptionIdentifier: 1 },
  }),
  vector('SUBSCRIBE: the greatest Subscription Identifier', hex`82 0c 0001 05 0b ffffff7f  0001 '#' 00`, {
    type: 'subscribe',
    packetId: 1,
    subscriptions: [{ filter: '#', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
    properties: { subscriptionIdentifier: 268_435_455 },
  }),
  vector('SUBSCRIBE: User Property', hex`82 0e 0001 07 26 0001 'k' 0001 'v'  0001 '#' 00`, {
    type: 'subscribe',
    packetId: 1,
    subscriptions: [{ filter: '#', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
    properties: { userProperties: [['k', 'v']] },
  }),

  // SUBACK [v5 3.9]
  vector('SUBACK with every kind of reason code', hex`90 07 000a 00 00 01 02 a2`, {
    type: 'suback',
    packetId: 10,
    reasonCodes: [0, 1, 2, 0xa2],
  }),
  vector('SUBACK with a Reason String', hex`90 08 0001 04 1f 0001 'n' 8f`, {
    type: 'suback',
    packetId: 1,
    reasonCodes: [0x8f],
    properties: { reasonString: 'n' },
  }),
  vector('SUBACK with a User Property', hex`90 0b 0001 07 26 0001 'k' 0001 'v' 00`, {
    type: 'suback',
    packetId: 1,
    reasonCodes: [0],
    properties: { userProperties: [['k', 'v']] },
  }),

  // UNSUBSCRIBE, UNSUBACK [v5 3.10, 3.11]
  vector('UNSUBSCRIBE of figure 3.30', hex`a2 0d 000a 00  0003 'a/b'  0003 'c/d'`, {
    type: 'unsubscribe',
    packetId: 10,
    filters: ['a/b', 'c/d'],
  }),
  vector('UNSUBSCRIBE with a User Property', hex`a2 0d 0001 07 26 0001 'k' 0001 'v'  0001 '#'`, {
    type: 'unsubscribe',
    packetId: 1,
    filters: ['#'],
    properties: { userProperties: [['k', 'v']] },
  }),
  vector('UNSUBACK', hex`b0 05 000a 00 00 11`, { type: 'unsuback', packetId: 10, reasonCodes: [0, 0x11] }),
  vector('UNSUBACK with a Reason String', hex`b0 08 000a 04 1f 0001 'n' 87`, {
    type: 'unsuback',
    packetId: 10,
    reasonCodes: [0x87],
    properties: { reasonString: 'n' },
  }),

  // PINGREQ, PINGRESP, DISCONNECT, AUTH [v5 3.12 to 3.15]
  vector('PINGREQ', hex`c0 00`, { type: 'pingreq' }),
  vector('PINGRESP', hex`d0 00`, { type: 'pingresp' }),
  vector('DISCONNECT that leaves out success', hex`e0 00`, { type: 'disconnect', reasonCode: 0 }),
  vector('DISCONNECT with the will', hex`e0 01 04`, { type: 'disconnect', reasonCode: 4 }),
  vector('DISCONNECT: session taken over', hex`e0 01 8e`, { type: 'disconnect', reasonCode: 0x8e }),
  vector('DISCONNECT of figure 3-24: Session Expiry Interval 0', hex`e0 07 00 05 11 00000000`, {
    type: 'disconnect',
    reasonCode: 0,
    properties: { sessionExpiryInterval: 0 },
  }),
  vector('DISCONNECT with a Reason String', hex`e0 07 82 05 1f 0002 'no'`, {
    type: 'disconnect',
    reasonCode: 0x82,
    properties: { reasonString: 'no' },
  }),
  vector('DISCONNECT with a Server Reference', hex`e0 07 9d 05 1c 0002 'b2'`, {
    type: 'disconnect',
    reasonCode: 0x9d,
    properties: { serverReference: 'b2' },
  }),
  vector('DISCONNECT with a User Property', hex`e0 09 00 07 26 0001 'k' 0001 'v'`, {
    type: 'disconnect',
    reasonCode: 0,
    properties: { userProperties: [['k', 'v']] },
  }),
  vector('AUTH that leaves out success', hex`f0 00`, { type: 'auth', reasonCode: 0 }),
  vector('AUTH that goes on', hex`f0 0b 18 09 15 0001 'm' 16 0002 00ff`, {
    type: 'auth',
    reasonCode: 0x18,
    properties: { authenticationMethod: 'm', authenticationData: bytes(0x00, 0xff) },
  }),
  vector('AUTH that begins anew', hex`f0 06 19 04 15 0001 'm'`, {
    type: 'auth',
    reasonCode: 0x19,
    properties: { authenticationMethod: 'm' },
  }),
  vector(
    'AUTH with success and all properties',
    hex`f0 16 00 14 15 0001 'm' 16 0001 2a 1f 0002 'ok' 26 0001 'k' 0001 'v'`,
    {
      type: 'auth',
      reasonCode: 0,
      properties: {
        authenticationMethod: 'm',
        authenticationData: bytes(0x2a),
        reasonString: 'ok',
        userProperties: [['k', 'v']],
      },
    },
  ),
];
