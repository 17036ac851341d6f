import { describe, expect, test } from 'vitest';
import { encode, type PublishPacket, type PublishProperties, UsageError } from '../../../src/codec';
import { validatePublishProperties } from '../../../src/codec/writer';
import { hex, toHex } from '../../support/hex';
import {
  decode,
  expectBytes,
  expectFault,
  expectMalformed,
  expectProtocolError,
  expectRefused,
} from './codec-asserts';

const publish: PublishPacket = {
  type: 'publish',
  topic: 'a',
  payload: new Uint8Array(0),
  qos: 0,
  retain: false,
  dup: false,
};
const versions = [3, 4, 5] as const;

describe('PUBLISH', () => {
  test('of QoS 0 has no packet identifier [v5 MQTT-2.2.1-2, v3 MQTT-2.3.1-5]', () => {
    expectBytes({ ...publish, payload: hex`0001` }, 5, hex`30 06 0001 'a' 00 0001`);
    expectBytes({ ...publish, payload: hex`0001` }, 4, hex`30 05 0001 'a' 0001`);
    for (const version of versions) {
      expectRefused({ ...publish, packetId: 1 }, version, 'packetId: must not be given with QoS 0');
      const [packet] = decode(encode(publish, version), version);
      expect(packet).not.toHaveProperty('packetId');
    }
  });

  test('of QoS 1 and 2 has a packet identifier that is not 0 [v3 MQTT-2.3.1-1]', () => {
    for (const version of versions) {
      for (const qos of [1, 2] as const) {
        for (const packetId of [0, -1, 65_536, 1.5, '1', undefined]) {
          const message = 'packetId: must be an integer from 1 to 65535';
          expectRefused({ ...publish, qos, packetId }, version, message);
        }
        const [packet] = decode(encode({ ...publish, qos, packetId: 65_535 }, version), version);
        expect(packet).toMatchObject({ qos, packetId: 65_535 });
      }
      expectProtocolError(hex`32 05 0001 'a' 0000`, version);
      expectProtocolError(hex`34 05 0001 'a' 0000`, version);
    }
  });

  test('of QoS 0 has no DUP [v5 MQTT-3.3.1-2, v3 MQTT-3.3.1-2]', () => {
    for (const version of versions)
      expectRefused({ ...publish, dup: true }, version, 'dup: must be false with QoS 0');
    expectMalformed(hex`38 04 0001 'a' 00`, 5);
    expectMalformed(hex`38 03 0001 'a'`, 4);
    expectMalformed(hex`39 03 0001 'a'`, 4);
  });

  test('never has QoS 3 [v5 MQTT-3.3.1-4, v3 MQTT-3.3.1-4]', () => {
    for (const version of versions) {
      for (const qos of [3, -1, 0.5, '1', true, undefined]) {
        expectRefused({ ...publish, qos, packetId: 1 }, version, 'qos: must be an integer from 0 to 2');
      }
      for (const first of ['36', '37', '3e', '3f'])
        expectMalformed(hex`${first} 06 0001 'a' 0001 00`, version);
    }
  });

  test('begins with its topic in UTF-8 [v5 MQTT-3.3.2-1, v3 MQTT-3.3.2-1]', () => {
    expectBytes({ ...publish, topic: 'a/é' }, 5, hex`30 07 0004 'a/' c3a9 00`);
    expectBytes({ ...publish, topic: 'a/é' }, 4, hex`30 06 0004 'a/' c3a9`);
    for (const version of versions) {
      expectRefused({ ...publish, topic: 'a\ud800' }, version, 'topic');
      expectMalformed(hex`30 04 0002 'a' e9`, version);
    }
  });

  test('has no wildcard in its topic [v5 MQTT-3.3.2-2, v3 MQTT-3.3.2-2, v5 MQTT-4.7.0-1, v3 MQTT-4.7.1-1]', () => {
    for (const version of versions) {
      for (const topic of ['+', '#', 'a/+/b', 'a+b', 'a/#', '#é', `${'long/'.repeat(30)}+`]) {
        expectRefused({ ...publish, topic }, version, 'topic: must not contain + or #');
      }
      expectMalformed(hex`30 06 0003 'a/+' 00`, version);
      expectMalformed(hex`30 06 0003 'a#b' 00`, version);
      expectMalformed(hex`30 07 0004 c3a9 '/#' 00`, version);
    }
  });

  test('has a topic, or in MQTT 5.0 an alias for it [v5 MQTT-4.7.3-1, v3 MQTT-4.7.3-1]', () => {
    for (const version of versions)
      expectRefused({ ...publish, topic: '' }, version, 'topic: must not be empty');
    expectProtocolError(hex`30 02 0000`, 4);
    expectProtocolError(hex`30 03 0000 00`, 5);
    expectProtocolError(hex`30 05 0000 02 01 01`, 5);
    expectBytes({ ...publish, topic: '', properties: { topicAlias: 3 } }, 5, hex`30 06 0000 03 23 0003`);
  });

  test('never has Topic Alias 0 [v5 MQTT-3.3.2-8]', () => {
    expectRefused({ ...publish, properties: { topicAlias: 0 } }, 5, 'properties.topicAlias');
    // Only of what may repeat there can be none.
    expectRefused({ ...publish, properties: { topicAlias: [] } }, 5, 'properties.topicAlias');
    expectRefused({ ...publish, properties: { contentType: [] } }, 5, 'properties.contentType');
    expectRefused({ ...publish, properties: { foo: [] } }, 5, 'properties.foo');
    expect(() => validatePublishProperties({ topicAlias: 0 })).toThrow(UsageError);
    expectFault(hex`30 07 0001 'a' 03 23 0000`, 5, { code: 'topic-alias-invalid', reasonCode: 0x94 });
  });

  test('has its Response Topic in UTF-8 [v5 MQTT-3.3.2-13]', () => {
    const bytes = hex`30 0a 0001 'a' 06 08 0003 'r' c3a9`;
    expectBytes({ ...publish, properties: { responseTopic: 'ré' } }, 5, bytes);
    expectRefused({ ...publish, properties: { responseTopic: 'r\udc00' } }, 5, 'properties.responseTopic');
    expectMalformed(hex`30 09 0001 'a' 05 08 0002 'r' e9`, 5);
  });

  test('has no wildcard in its Response Topic [v5 MQTT-3.3.2-14]', () => {
    for (const responseTopic of ['+', 'r/#', 'r+']) {
      expectRefused({ ...publish, properties: { responseTopic } }, 5, 'must not contain + or #');
      expect(() => validatePublishProperties({ responseTopic })).toThrow('wildcards');
    }
    expectMalformed(hex`30 0a 0001 'a' 06 08 0003 'r/+'`, 5);
  });

  test('has its Content Type in UTF-8 [v5 MQTT-3.3.2-19]', () => {
    const bytes = hex`30 0a 0001 'a' 06 03 0003 't' c3a9`;
    expectBytes({ ...publish, properties: { contentType: 'té' } }, 5, bytes);
    expectRefused({ ...publish, properties: { contentType: '\ud83d' } }, 5, 'properties.contentType');
    expectMalformed(hex`30 09 0001 'a' 05 03 0002 't' e9`, 5);
  });

  test('without properties has a Property Length of one zero byte [v5 MQTT-2.2.2-1]', () => {
    const bytes = '30040001' + '61' + '00';
    expect(toHex(encode(publish, 5))).toBe(bytes);
    expect(toHex(encode({ ...publish, properties: {} }, 5))).toBe(bytes);
    expect(toHex(encode({ ...publish, properties: { contentType: undefined } }, 5))).toBe(bytes);
    expect(toHex(encode({ ...publish, properties: { userProperties: [] } }, 5))).toBe(bytes);
    expect(decode(hex`30 04 0001 'a' 00`, 5)).toStrictEqual([publish]);
    expectMalformed(hex`30 03 0001 'a'`, 5);
  });

  test('does not take the bytes of the next packet for its own', () => {
    expectMalformed(hex`30 04 0001 'a' 05 02 00000001`, 5);
    expectMalformed(hex`30 05 0001 'a' 05 02 00000001`, 5);
    expectMalformed(hex`30 03 0002 'a' 62 00`, 4);
    expectMalformed(hex`32 04 0001 'a' 00 01 00`, 4);
  });

  test('is refused with fields of a wrong type', () => {
    for (const version of versions) {
      expectRefused({ ...publish, topic: 7 }, version, 'topic: must be a string');
      expectRefused({ ...publish, payload: 'text' }, version, 'payload: must be a Uint8Array');
      expectRefused({ ...publish, payload: [1, 2] }, version, 'payload: must be a Uint8Array');
      expectRefused({ ...publish, payload: new Uint16Array(1) }, version, 'payload: must be a Uint8Array');
      expectRefused({ ...publish, payload: new DataView(new ArrayBuffer(1)) }, version, 'payload');
      expectRefused({ ...publish, retain: 1 }, version, 'retain: must be true or false');
      expectRefused({ ...publish, dup: undefined }, version, 'dup: must be true or false');
    }
  });

  test('takes a Buffer for a payload', () => {
    const packet = { ...publish, payload: Buffer.from('hi') };
    expect(toHex(encode(packet, 4))).toBe(toHex(hex`30 05 0001 'a' 'hi'`));
  });

  test('before MQTT 5.0 has no properties', () => {
    for (const version of [3, 4] as const) {
      expectRefused(
        { ...publish, properties: { topicAlias: 1 } },
        version,
        'properties.topicAlias',
        'needs-mqtt-5',
      );
      expect(toHex(encode({ ...publish, properties: {} }, version))).toBe('3003000161');
    }
  });
});

describe('validatePublishProperties', () => {
  test('refuses Subscription Identifiers, which a client never sends [v5 MQTT-3.3.4-6]', () => {
    expect(() => validatePublishProperties({ subscriptionIdentifiers: [1] })).toThrow(
      'properties.subscriptionIdentifiers: must not be given',
    );
    expect(() => validatePublishProperties({ subscriptionIdentifiers: [] })).toThrow(UsageError);
  });

  test('takes what a client may send, and names what it does not take', () => {
    validatePublishProperties(undefined);
    validatePublishProperties({
      payloadFormatIndicator: 1,
      messageExpiryInterval: 0xffff_ffff,
      topicAlias: 65_535,
      responseTopic: 'r',
      correlationData: new Uint8Array(65_535),
      userProperties: [['a', 'b']],
      contentType: 't',
    });
    const refused: readonly [properties: unknown, message: string][] = [
      ['text', 'options.properties: must be an object'],
      [null, 'options.properties: must be an object'],
      [{ contenttype: 't' }, 'options.properties.contenttype: does not exist in this packet'],
      [{ reasonString: 't' }, 'options.properties.reasonString: does not exist in this packet'],
      [{ constructor: 't' }, 'options.properties.constructor: does not exist in this packet'],
      [
        { payloadFormatIndicator: 2 },
        'options.properties.payloadFormatIndicator: must be an integer from 0 to 1',
      ],
      [{ messageExpiryInterval: -1 }, 'messageExpiryInterval: must be an integer from 0 to 4294967295'],
      [{ messageExpiryInterval: 2 ** 32 }, 'messageExpiryInterval: must be an integer'],
      [{ messageExpiryInterval: '60' }, 'messageExpiryInterval: must be an integer'],
      [{ topicAlias: 65_536 }, 'topicAlias: must be an integer from 1 to 65535'],
      [{ correlationData: 'text' }, 'correlationData: must be a Uint8Array'],
      [{ correlationData: new Uint8Array(65_536) }, 'correlationData: must not hold more than 65535 bytes'],
      [{ userProperties: [['a', 'b'], ['c']] }, 'userProperties: must be [name, value] pairs'],
      [{ userProperties: { a: 'b' } }, 'userProperties: must be [name, value] pairs'],
      [{ contentType: null }, 'contentType: must be a string'],
    ];
    for (const [properties, message] of refused) {
      expect(() => validatePublishProperties(properties as PublishProperties, 'options.properties')).toThrow(
        message,
      );
    }
  });
});
