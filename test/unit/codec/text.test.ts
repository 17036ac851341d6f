import { describe, expect, test } from 'vitest';
import type { Packet, ProtocolVersion } from '../../../src/codec';
import { hex, toHex } from '../../support/hex';
import { decode, expectBytes, expectMalformed, expectRefused } from './codec-asserts';

const versions: readonly ProtocolVersion[] = [3, 4, 5];

/** A PUBLISH of the version, with topic bytes of less than 100 bytes. */
function publishBytes(topic: Uint8Array, version: ProtocolVersion): Uint8Array {
  const properties = version === 5 ? '00' : '';
  const remaining = 2 + topic.length + properties.length / 2;
  const size = (value: number) => value.toString(16).padStart(2, '0');
  return hex`30 ${size(remaining)} 00 ${size(topic.length)} ${toHex(topic)} ${properties}`;
}

function publish(topic: string): Packet {
  return { type: 'publish', topic, payload: new Uint8Array(0), qos: 0, retain: false, dup: false };
}

/** All places of MQTT 5.0 that hold a string which is no topic. */
function packetsWith(text: string): Packet[] {
  const connect = { type: 'connect', protocolVersion: 5, clientId: 'c', clean: true, keepAlive: 0 } as const;
  const will = { topic: 'w', payload: new Uint8Array(0), qos: 0, retain: false } as const;
  const connack = { type: 'connack', sessionPresent: false, reasonCode: 0 } as const;
  const message = { ...publish('t'), type: 'publish' } as Extract<Packet, { type: 'publish' }>;
  const entry = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
  return [
    { ...connect, clientId: text },
    { ...connect, username: text },
    { ...connect, properties: { authenticationMethod: text } },
    { ...connect, properties: { userProperties: [['name', text]] } },
    { ...connect, will: { ...will, properties: { contentType: text } } },
    { ...connect, will: { ...will, topic: text } },
    { ...connack, properties: { assignedClientIdentifier: text } },
    { ...connack, properties: { reasonString: text } },
    { ...connack, properties: { responseInformation: text } },
    { ...connack, properties: { serverReference: text } },
    { ...message, topic: text },
    { ...message, properties: { contentType: text } },
    { ...message, properties: { responseTopic: text } },
    { ...message, properties: { userProperties: [[text, 'value']] } },
    { type: 'puback', packetId: 1, reasonCode: 0, properties: { reasonString: text } },
    { type: 'subscribe', packetId: 1, subscriptions: [{ ...entry, filter: text }] },
    { type: 'unsubscribe', packetId: 1, filters: ['a', text] },
  ];
}

const loneSurrogates = ['\ud800', 'a\udbff', '\udc00', 'x\udfffy', '\ud800\ud800\udc00', '\udc00\ud800'];

describe('strings', () => {
  test('with a lone surrogate are refused wherever they stand [v5 MQTT-1.5.4-1, v3 MQTT-1.5.3-1]', () => {
    for (const text of loneSurrogates) {
      for (const packet of packetsWith(text)) expectRefused(packet, 5, 'surrogate');
      for (const version of versions) expectRefused(publish(text), version, 'surrogate');
    }
  });

  test('that are ill-formed UTF-8 are malformed [v5 MQTT-1.5.4-1, v3 MQTT-1.5.3-1]', () => {
    const illFormed = [
      hex`80`,
      hex`'a' bf 'b'`,
      hex`c3`,
      hex`c3 28`,
      hex`c0 80`,
      hex`c1 bf`,
      hex`e2 82`,
      hex`e2 28 a1`,
      hex`e0 80 af`,
      hex`e0 9f bf`,
      hex`ed a0 80`,
      hex`ed bf bf`,
      hex`ed a0 81 ed b0 80`,
      hex`f0 82 82 ac`,
      hex`f0 8f bf bf`,
      hex`f4 90 80 80`,
      hex`f8 88 80 80 80`,
      hex`fc 84 80 80 80 80`,
      hex`fe`,
      hex`ff`,
    ];
    for (const version of versions) {
      for (const bytes of illFormed) {
        expectMalformed(publishBytes(bytes, version), version);
        // Behind more characters than are decoded one by one, too.
        expectMalformed(publishBytes(hex`'${'long '.repeat(8)}' ${toHex(bytes)}`, version), version);
      }
    }
  });

  test('with U+0000 are refused wherever they stand [v5 MQTT-1.5.4-2, v3 MQTT-1.5.3-2]', () => {
    for (const text of ['\0', 'a\0', '\0a', 'a\0b']) {
      for (const packet of packetsWith(text)) expectRefused(packet, 5, 'U+0000');
      for (const version of versions) expectRefused(publish(text), version, 'U+0000');
    }
  });

  test('with U+0000 are malformed [v5 MQTT-1.5.4-2, v3 MQTT-1.5.3-2]', () => {
    for (const version of versions) {
      for (const bytes of [hex`00`, hex`'a' 00`, hex`00 'a'`, hex`c3a9 00`, hex`'${'x'.repeat(60)}' 00`]) {
        expectMalformed(publishBytes(bytes, version), version);
      }
    }
  });

  test('keep U+FEFF at the beginning and inside [v5 MQTT-1.5.4-3, v3 MQTT-1.5.3-3]', () => {
    for (const version of versions) {
      expectBytes(publish('\uFEFF'), version, publishBytes(hex`efbbbf`, version));
      expectBytes(publish('\uFEFFa/\uFEFF'), version, publishBytes(hex`efbbbf 'a/' efbbbf`, version));
      const long = 'x'.repeat(50);
      expectBytes(publish(`\uFEFF${long}`), version, publishBytes(hex`efbbbf '${long}'`, version));
    }
  });

  test('of one to four bytes a character keep their first and last code points', () => {
    for (const version of versions) {
      for (const [text, bytes] of [
        ['\u0001\u007f', hex`01 7f`],
        ['\u0080\u07ff', hex`c280 dfbf`],
        ['\u0800\ud7ff\ue000\uffff', hex`e0a080 ed9fbf ee8080 efbfbf`],
        ['\u{10000}\u{10ffff}', hex`f0908080 f48fbfbf`],
      ] as const) {
        expectBytes(publish(text), version, publishBytes(bytes, version));
      }
    }
  });

  test('keep control characters and noncharacters, which are allowed though unwise', () => {
    for (const version of versions) {
      expectBytes(
        publish('\u0001\u001f\u007f\ufdd0\uffff'),
        version,
        publishBytes(hex`01 1f 7f efb790 efbfbf`, version),
      );
    }
  });

  test('take up to 65,535 bytes, counted in UTF-8 [v5 MQTT-4.7.3-3, v3 MQTT-4.7.3-3]', () => {
    for (const version of versions) {
      for (const text of ['a'.repeat(65_535), 'é'.repeat(32_767), '漢'.repeat(21_845), '😀'.repeat(16_383)]) {
        const [packet] = decode(encodeTopic(text, version), version);
        expect(packet).toMatchObject({ topic: text });
      }
      for (const text of ['a'.repeat(65_536), 'é'.repeat(32_768), '漢'.repeat(21_846), '😀'.repeat(16_384)]) {
        expectRefused(publish(text), version, 'must not be longer than 65535 bytes');
      }
    }
  });

  test('that are none are refused', () => {
    for (const text of [undefined, null, 7, {}, ['a'], new Uint8Array(2)]) {
      for (const packet of packetsWith(text as unknown as string)) {
        if (packet.type === 'connect' && text === undefined) continue;
        if ('properties' in packet && text === undefined) continue;
        expectRefused(packet, 5, 'must be a string');
      }
    }
  });
});

describe('string pairs', () => {
  test('get the checks of strings in both halves [v5 MQTT-1.5.7-1]', () => {
    const withPair = (pair: unknown) => ({
      ...publish('t'),
      properties: { userProperties: [['a', 'b'], pair] },
    });
    for (const [bad, rule] of [
      ['\ud800', 'be well-formed'],
      ['x\0', 'not contain the null character'],
    ]) {
      expectRefused(withPair([bad, 'v']), 5, `properties.userProperties: must ${rule}`);
      expectRefused(withPair(['n', bad]), 5, `properties.userProperties: must ${rule}`);
    }
    for (const bad of [['a'], ['a', 'b', 'c'], 'ab', { a: 'b' }, null]) {
      expectRefused(withPair(bad), 5, 'properties.userProperties: must be [name, value] pairs');
    }
    expectRefused(withPair(['n', 1]), 5, 'properties.userProperties: must be a string');
    expectMalformed(hex`30 0b 0001 'a' 07 26 0001 80 0001 'v'`, 5);
    expectMalformed(hex`30 0b 0001 'a' 07 26 0001 'n' 0001 80`, 5);
    expectMalformed(hex`30 0b 0001 'a' 07 26 0001 00 0001 'v'`, 5);
    expectMalformed(hex`30 0b 0001 'a' 07 26 0001 'n' 0001 00`, 5);
  });
});

/** A PUBLISH by another encoder, for topics of any length. */
function encodeTopic(topic: string, version: ProtocolVersion): Uint8Array {
  const bytes = new TextEncoder().encode(topic);
  const length = bytes.length.toString(16).padStart(4, '0');
  const properties = version === 5 ? '00' : '';
  let rest = 2 + bytes.length + properties.length / 2;
  let size = '';
  do {
    size += ((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0)).toString(16).padStart(2, '0');
    rest >>= 7;
  } while (rest > 0);
  return hex`30 ${size} ${length} ${toHex(bytes)} ${properties}`;
}
