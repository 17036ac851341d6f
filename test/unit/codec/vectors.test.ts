import { expect, test } from 'vitest';
import { type DecodedPacket, Decoder, encode, type ProtocolVersion } from '../../../src/codec';
import { hex, toHex } from '../../support/hex';
import { vectors as vectors3 } from './vectors-v3';
import { vectors as vectors5 } from './vectors-v5';

const vectors = [...vectors3, ...vectors5].flatMap(({ versions, ...rest }) =>
  versions.map((version) => [`v${version}: ${rest.name}`, { ...rest, version }] as const),
);

function decode(bytes: Uint8Array, protocolVersion: ProtocolVersion): DecodedPacket[] {
  const packets: DecodedPacket[] = [];
  new Decoder({ protocolVersion, onPacket: (packet) => packets.push(packet) }).push(bytes);
  return packets;
}

test.each(vectors)('encodes %s', (_title, { version, bytes, packet }) => {
  expect(toHex(encode(packet, version))).toBe(toHex(bytes));
});

test.each(vectors)('decodes %s', (_title, { version, bytes, packet }) => {
  expect(decode(bytes, version)).toEqual([packet]);
});

/** What a peer may send, though we write it in a shorter way. */
const longForms: [name: string, bytes: Uint8Array, packet: DecodedPacket][] = [
  ['PUBACK with success', hex`40 03 0001 00`, { type: 'puback', packetId: 1, reasonCode: 0 }],
  ['PUBACK without properties', hex`40 04 0001 00 00`, { type: 'puback', packetId: 1, reasonCode: 0 }],
  [
    'PUBREC with a failure, without properties',
    hex`50 04 0001 87 00`,
    { type: 'pubrec', packetId: 1, reasonCode: 0x87 },
  ],
  ['PUBREL without properties', hex`62 04 0001 92 00`, { type: 'pubrel', packetId: 1, reasonCode: 0x92 }],
  ['PUBCOMP with success', hex`70 03 0001 00`, { type: 'pubcomp', packetId: 1, reasonCode: 0 }],
  ['DISCONNECT with success', hex`e0 01 00`, { type: 'disconnect', reasonCode: 0 }],
  ['DISCONNECT without properties', hex`e0 02 81 00`, { type: 'disconnect', reasonCode: 0x81 }],
  ['AUTH with success, without properties', hex`f0 02 00 00`, { type: 'auth', reasonCode: 0 }],
];

test.each(longForms)('decodes v5: %s, written in full', (_name, bytes, packet) => {
  expect(decode(bytes, 5)).toEqual([packet]);
});

test('leaves room for what MQTT 3.1 leaves open: unused flags, and fields that are missing in CONNECT', () => {
  expect(decode(hex`ca 00`, 3)).toEqual([{ type: 'pingreq' }]);
  expect(decode(hex`6a 02 0001`, 3)).toEqual([{ type: 'pubrel', packetId: 1, reasonCode: 0 }]);
  expect(decode(hex`20 02 ff 00`, 3)).toEqual([{ type: 'connack', sessionPresent: false, reasonCode: 0 }]);
  expect(decode(hex`38 03 0001 'a'`, 3)).toMatchObject([{ qos: 0, dup: false }]);
  expect(decode(hex`82 06 0001 0001 'a' f1`, 3)).toMatchObject([
    { subscriptions: [{ filter: 'a', qos: 1 }] },
  ]);
  const connect = decode(hex`10 10  0006 'MQIsdp' 03 c3 003c  0002 'id'`, 4);
  expect(connect).toMatchObject([{ protocolVersion: 3, clientId: 'id', clean: true }]);
  expect(connect[0]).not.toHaveProperty('username');
  expect(connect[0]).not.toHaveProperty('password');
});

test('takes the two bytes with which a server of MQTT 3.1.1 refuses MQTT 5.0 for 0x84', () => {
  expect(decode(hex`20 02 00 01`, 5)).toEqual([{ type: 'connack', sessionPresent: false, reasonCode: 0x84 }]);
  expect(() => decode(hex`20 02 00 00`, 5)).toThrow('longer than what holds it');
  expect(() => decode(hex`20 03 00 01 00`, 5)).toThrow('reason code');
});

test('there are vectors for all packet types, and enough of them', () => {
  expect(new Set(vectors.map(([, { packet }]) => packet.type)).size).toBe(15);
  expect(vectors3.length + vectors5.length).toBeGreaterThanOrEqual(130);
});
