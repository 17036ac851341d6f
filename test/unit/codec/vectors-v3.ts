/** Packets of MQTT 3.1.1 and 3.1 with their bytes, written by hand from the specification. */

import type { Packet, ProtocolVersion } from '../../../src/codec';
import { hex } from '../../support/hex';

/** A packet and the bytes that it has in some versions. */
export interface Vector {
  name: string;
  versions: readonly ProtocolVersion[];
  bytes: Uint8Array;
  packet: Packet;
}

const both = [3, 4] as const;
const bytes = (...values: number[]) => Uint8Array.from(values);
const entry = (filter: string, qos: 0 | 1 | 2) => ({
  filter,
  qos,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0 as const,
});

const connect311 = { type: 'connect', protocolVersion: 4, clientId: '', clean: true, keepAlive: 60 } as const;
const connect31 = { type: 'connect', protocolVersion: 3, clientId: '', clean: true, keepAlive: 60 } as const;
const publish = {
  type: 'publish',
  topic: 'a/b',
  payload: bytes(),
  qos: 0,
  retain: false,
  dup: false,
} as const;

export const vectors: readonly Vector[] = [
  // CONNECT [v3 3.1]
  {
    name: 'the shortest CONNECT of MQTT 3.1.1',
    versions: [4],
    bytes: hex`10 0c  0004 'MQTT' 04 02 003c  0000`,
    packet: connect311,
  },
  {
    name: 'CONNECT that resumes a session, with a client identifier',
    versions: [4],
    bytes: hex`10 0d  0004 'MQTT' 04 00 0000  0001 'a'`,
    packet: { ...connect311, clean: false, clientId: 'a', keepAlive: 0 },
  },
  {
    name: 'CONNECT with the longest keep alive',
    versions: [4],
    bytes: hex`10 0c  0004 'MQTT' 04 02 ffff  0000`,
    packet: { ...connect311, keepAlive: 65_535 },
  },
  {
    name: 'CONNECT with a user name',
    versions: [4],
    bytes: hex`10 11  0004 'MQTT' 04 82 003c  0001 'a' 0002 'me'`,
    packet: { ...connect311, clientId: 'a', username: 'me' },
  },
  {
    name: 'CONNECT with a user name and a password that are empty',
    versions: [4],
    bytes: hex`10 11  0004 'MQTT' 04 c2 003c  0001 'a' 0000 0000`,
    packet: { ...connect311, clientId: 'a', username: '', password: bytes() },
  },
  {
    name: 'CONNECT with a password of any bytes',
    versions: [4],
    bytes: hex`10 15  0004 'MQTT' 04 c2 003c  0001 'a' 0002 'me' 0002 00ff`,
    packet: { ...connect311, clientId: 'a', username: 'me', password: bytes(0x00, 0xff) },
  },
  {
    name: 'CONNECT with a will of QoS 0',
    versions: [4],
    bytes: hex`10 17  0004 'MQTT' 04 06 003c  0001 'a' 0003 'w/t' 0003 'bye'`,
    packet: {
      ...connect311,
      clientId: 'a',
      will: { topic: 'w/t', payload: bytes(0x62, 0x79, 0x65), qos: 0, retain: false },
    },
  },
  {
    name: 'CONNECT with a retained will of QoS 1',
    versions: [4],
    bytes: hex`10 17  0004 'MQTT' 04 2e 003c  0001 'a' 0003 'w/t' 0003 'bye'`,
    packet: {
      ...connect311,
      clientId: 'a',
      will: { topic: 'w/t', payload: bytes(0x62, 0x79, 0x65), qos: 1, retain: true },
    },
  },
  {
    name: 'CONNECT with an empty will of QoS 2',
    versions: [4],
    bytes: hex`10 14  0004 'MQTT' 04 16 003c  0001 'a' 0003 'w/t' 0000`,
    packet: { ...connect311, clientId: 'a', will: { topic: 'w/t', payload: bytes(), qos: 2, retain: false } },
  },
  {
    name: 'the flags and keep alive of figure 3.6, with all fields of the payload',
    versions: [4],
    bytes: hex`10 1e  0004 'MQTT' 04 ce 000a  0002 'id' 0001 'w' 0002 0001 0002 'me' 0003 'key'`,
    packet: {
      ...connect311,
      keepAlive: 10,
      clientId: 'id',
      will: { topic: 'w', payload: bytes(0, 1), qos: 1, retain: false },
      username: 'me',
      password: bytes(0x6b, 0x65, 0x79),
    },
  },
  {
    name: 'the shortest CONNECT of MQTT 3.1',
    versions: [3],
    bytes: hex`10 0e  0006 'MQIsdp' 03 02 003c  0000`,
    packet: connect31,
  },
  {
    name: 'CONNECT of MQTT 3.1 with all fields',
    versions: [3],
    bytes: hex`10 21  0006 'MQIsdp' 03 f6 000a  0002 'id' 0001 'w' 0003 'bye' 0002 'me' 0003 'key'`,
    packet: {
      ...connect31,
      keepAlive: 10,
      clientId: 'id',
      will: { topic: 'w', payload: bytes(0x62, 0x79, 0x65), qos: 2, retain: true },
      username: 'me',
      password: bytes(0x6b, 0x65, 0x79),
    },
  },

  // CONNACK [v3 3.2]
  {
    name: 'CONNACK that accepts',
    versions: both,
    bytes: hex`20 02 00 00`,
    packet: { type: 'connack', sessionPresent: false, reasonCode: 0 },
  },
  {
    name: 'CONNACK with a session',
    versions: [4],
    bytes: hex`20 02 01 00`,
    packet: { type: 'connack', sessionPresent: true, reasonCode: 0 },
  },
  {
    name: 'CONNACK: unacceptable protocol version',
    versions: both,
    bytes: hex`20 02 00 01`,
    packet: { type: 'connack', sessionPresent: false, reasonCode: 1 },
  },
  {
    name: 'CONNACK: identifier rejected',
    versions: both,
    bytes: hex`20 02 00 02`,
    packet: { type: 'connack', sessionPresent: false, reasonCode: 2 },
  },
  {
    name: 'CONNACK: server unavailable',
    versions: both,
    bytes: hex`20 02 00 03`,
    packet: { type: 'connack', sessionPresent: false, reasonCode: 3 },
  },
  {
    name: 'CONNACK: bad user name or password',
    versions: both,
    bytes: hex`20 02 00 04`,
    packet: { type: 'connack', sessionPresent: false, reasonCode: 4 },
  },
  {
    name: 'CONNACK: not authorized',
    versions: both,
    bytes: hex`20 02 00 05`,
    packet: { type: 'connack', sessionPresent: false, reasonCode: 5 },
  },

  // PUBLISH [v3 3.3]
  {
    name: 'PUBLISH of figure 3.11: topic a/b, packet identifier 10',
    versions: both,
    bytes: hex`32 07  0003 'a/b' 000a`,
    packet: { ...publish, qos: 1, packetId: 10 },
  },
  {
    name: 'PUBLISH of QoS 0 without a payload',
    versions: both,
    bytes: hex`30 05  0003 'a/b'`,
    packet: publish,
  },
  {
    name: 'PUBLISH of QoS 0 with a payload',
    versions: both,
    bytes: hex`30 07  0003 'a/b' 'hi'`,
    packet: { ...publish, payload: bytes(0x68, 0x69) },
  },
  {
    name: 'PUBLISH that is retained',
    versions: both,
    bytes: hex`31 06  0003 'a/b' 00`,
    packet: { ...publish, payload: bytes(0), retain: true },
  },
  {
    name: 'PUBLISH of QoS 1 sent again',
    versions: both,
    bytes: hex`3a 08  0003 'a/b' 1234 ff`,
    packet: { ...publish, payload: bytes(0xff), qos: 1, dup: true, packetId: 0x1234 },
  },
  {
    name: 'PUBLISH of QoS 2',
    versions: both,
    bytes: hex`34 07  0003 'a/b' 0001`,
    packet: { ...publish, qos: 2, packetId: 1 },
  },
  {
    name: 'PUBLISH with every flag',
    versions: both,
    bytes: hex`3d 07  0003 'a/b' ffff`,
    packet: { ...publish, qos: 2, retain: true, dup: true, packetId: 65_535 },
  },
  {
    name: 'PUBLISH with the topic of figure 1.2, A and U+2A6D4',
    versions: both,
    bytes: hex`30 07  0005 41 f0 aa 9b 94`,
    packet: { ...publish, topic: 'A\u{2A6D4}' },
  },
  {
    name: 'PUBLISH with a topic of characters of two, three and four bytes',
    versions: both,
    bytes: hex`30 0b  0009 c3a9 e6bca2 f09f9880`,
    packet: { ...publish, topic: 'é漢😀' },
  },
  {
    name: 'PUBLISH with a topic of the last characters of each length',
    versions: both,
    bytes: hex`30 0c  000a 7f dfbf efbfbf f48fbfbf`,
    packet: { ...publish, topic: '\u007f\u07ff\uffff\u{10ffff}' },
  },
  {
    name: 'PUBLISH with U+FEFF at the beginning of the topic and in it',
    versions: both,
    bytes: hex`30 0a  0008 efbbbf 'a' efbbbf 'b'`,
    packet: { ...publish, topic: '\uFEFFa\uFEFFb' },
  },
  {
    name: 'PUBLISH with blanks and empty levels in the topic',
    versions: both,
    bytes: hex`30 0a  0008 '/ a//b /'`,
    packet: { ...publish, topic: '/ a//b /' },
  },
  {
    name: 'PUBLISH to a topic that begins with $',
    versions: both,
    bytes: hex`30 08  0006 '$SYS/x'`,
    packet: { ...publish, topic: '$SYS/x' },
  },
  {
    name: 'PUBLISH with the longest remaining length of one byte, 127',
    versions: both,
    bytes: hex`30 7f  0003 'a/b' ${'5a'.repeat(122)}`,
    packet: { ...publish, payload: new Uint8Array(122).fill(0x5a) },
  },
  {
    name: 'PUBLISH with the shortest remaining length of two bytes, 128',
    versions: both,
    bytes: hex`30 8001  0003 'a/b' ${'5a'.repeat(123)}`,
    packet: { ...publish, payload: new Uint8Array(123).fill(0x5a) },
  },
  {
    name: 'PUBLISH with the longest remaining length of two bytes, 16,383',
    versions: both,
    bytes: hex`30 ff7f  0003 'a/b' ${'5a'.repeat(16_378)}`,
    packet: { ...publish, payload: new Uint8Array(16_378).fill(0x5a) },
  },
  {
    name: 'PUBLISH with the shortest remaining length of three bytes, 16,384',
    versions: both,
    bytes: hex`30 808001  0003 'a/b' ${'5a'.repeat(16_379)}`,
    packet: { ...publish, payload: new Uint8Array(16_379).fill(0x5a) },
  },

  // PUBACK, PUBREC, PUBREL, PUBCOMP [v3 3.4 to 3.7]
  {
    name: 'PUBACK',
    versions: both,
    bytes: hex`40 02 0001`,
    packet: { type: 'puback', packetId: 1, reasonCode: 0 },
  },
  {
    name: 'PUBREC',
    versions: both,
    bytes: hex`50 02 1234`,
    packet: { type: 'pubrec', packetId: 0x1234, reasonCode: 0 },
  },
  {
    name: 'PUBREL',
    versions: both,
    bytes: hex`62 02 00ff`,
    packet: { type: 'pubrel', packetId: 255, reasonCode: 0 },
  },
  {
    name: 'PUBCOMP',
    versions: both,
    bytes: hex`70 02 ffff`,
    packet: { type: 'pubcomp', packetId: 65_535, reasonCode: 0 },
  },

  // SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK [v3 3.8 to 3.11]
  {
    name: 'SUBSCRIBE of figures 3.21 and 3.23: a/b with QoS 1 and c/d with QoS 2',
    versions: both,
    bytes: hex`82 0e 000a  0003 'a/b' 01  0003 'c/d' 02`,
    packet: { type: 'subscribe', packetId: 10, subscriptions: [entry('a/b', 1), entry('c/d', 2)] },
  },
  {
    name: 'SUBSCRIBE with wildcards',
    versions: both,
    bytes: hex`82 0e 0001  0001 '#' 00  0005 '+/a/+' 00`,
    packet: { type: 'subscribe', packetId: 1, subscriptions: [entry('#', 0), entry('+/a/+', 0)] },
  },
  {
    name: 'SUBACK of figure 3.27: three return codes',
    versions: both,
    bytes: hex`90 05 000a 00 02 80`,
    packet: { type: 'suback', packetId: 10, reasonCodes: [0, 2, 0x80] },
  },
  {
    name: 'SUBACK with one return code',
    versions: both,
    bytes: hex`90 03 0001 01`,
    packet: { type: 'suback', packetId: 1, reasonCodes: [1] },
  },
  {
    name: 'UNSUBSCRIBE of figure 3.30: a/b and c/d',
    versions: both,
    bytes: hex`a2 0c 000a  0003 'a/b'  0003 'c/d'`,
    packet: { type: 'unsubscribe', packetId: 10, filters: ['a/b', 'c/d'] },
  },
  {
    name: 'UNSUBACK',
    versions: both,
    bytes: hex`b0 02 000a`,
    packet: { type: 'unsuback', packetId: 10, reasonCodes: [] },
  },

  // PINGREQ, PINGRESP, DISCONNECT [v3 3.12 to 3.14]
  { name: 'PINGREQ', versions: both, bytes: hex`c0 00`, packet: { type: 'pingreq' } },
  { name: 'PINGRESP', versions: both, bytes: hex`d0 00`, packet: { type: 'pingresp' } },
  { name: 'DISCONNECT', versions: both, bytes: hex`e0 00`, packet: { type: 'disconnect', reasonCode: 0 } },
];
