import { describe, expect, test } from 'vitest';
import { encode, type SubscribePacket, type SubscriptionEntry } from '../../../src/codec';
import { reasonCodes } from '../../support/arbitrary-packets';
import { hex, toHex } from '../../support/hex';
import { decode, expectBytes, expectMalformed, expectProtocolError, expectRefused } from './codec-asserts';

const versions = [3, 4, 5] as const;
const entry: SubscriptionEntry = {
  filter: 'a',
  qos: 0,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
};
const subscribe: SubscribePacket = { type: 'subscribe', packetId: 1, subscriptions: [entry] };
const unsubscribe = { type: 'unsubscribe', packetId: 1, filters: ['a'] } as const;

const withEntry = (change: object) => ({ ...subscribe, subscriptions: [entry, { ...entry, ...change }] });

describe('SUBSCRIBE', () => {
  test('begins with 0x82, and no other flags pass [v5 MQTT-3.8.1-1, v3 MQTT-3.8.1-1]', () => {
    expectBytes(subscribe, 4, hex`82 06 0001 0001 'a' 00`);
    expectBytes(subscribe, 5, hex`82 07 0001 00 0001 'a' 00`);
    for (let flags = 0; flags < 16; flags++) {
      if (flags === 2) continue;
      expectMalformed(Uint8Array.of(0x80 | flags, 6, 0, 1, 0, 1, 0x61, 0), 4);
      expectMalformed(Uint8Array.of(0x80 | flags, 7, 0, 1, 0, 0, 1, 0x61, 0), 5);
    }
  });

  test('has a packet identifier that is not 0 [v3 MQTT-2.3.1-1]', () => {
    for (const version of versions) {
      expectRefused({ ...subscribe, packetId: 0 }, version, 'packetId');
      expectProtocolError(hex`82 06 0000 0001 'a' 00`, version);
    }
  });

  test('has its filters in UTF-8 [v5 MQTT-3.8.3-1, v3 MQTT-3.8.3-1]', () => {
    expectBytes(
      { ...subscribe, subscriptions: [{ ...entry, filter: 'é/+' }] },
      4,
      hex`82 09 0001 0004 c3a9 '/+' 00`,
    );
    for (const version of versions) {
      expectRefused(withEntry({ filter: 'a\ud800' }), version, 'subscriptions[1].filter');
      expectMalformed(hex`82 07 0001 00 0001 ff 00`, 5);
      expectMalformed(hex`82 06 0001 0001 ff 00`, 4);
    }
  });

  test('has at least one filter [v5 MQTT-3.8.3-2, v3 MQTT-3.8.3-3]', () => {
    for (const version of versions) {
      expectRefused(
        { ...subscribe, subscriptions: [] },
        version,
        'subscriptions: must hold at least one entry',
      );
      expectRefused({ ...subscribe, subscriptions: undefined }, version, 'subscriptions: must be an array');
      expectRefused({ ...subscribe, subscriptions: 'a' }, version, 'subscriptions: must be an array');
    }
    expectProtocolError(hex`82 03 0001 00`, 5);
    expectProtocolError(hex`82 02 0001`, 4);
    expectProtocolError(hex`82 02 0001`, 3);
  });

  test('has no empty filter [v5 MQTT-4.7.3-1, v3 MQTT-4.7.3-1]', () => {
    for (const version of versions) expectRefused(withEntry({ filter: '' }), version, 'must not be empty');
    expectMalformed(hex`82 06 0001 00 0000 00`, 5);
    expectMalformed(hex`82 05 0001 0000 00`, 4);
  });

  test('with reserved bits in its options is malformed [v5 MQTT-3.8.3-5]', () => {
    for (const options of ['40', '80', 'c0', '41', 'ff'])
      expectMalformed(hex`82 07 0001 00 0001 'a' ${options}`, 5);
  });

  test('of MQTT 3.1.1 with upper bits or QoS 3 is malformed [v3 MQTT-3.8.3-4]', () => {
    for (const options of ['03', '04', '08', '10', '80', 'ff'])
      expectMalformed(hex`82 06 0001 0001 'a' ${options}`, 4);
  });

  test('never asks for QoS 3 or Retain Handling 3', () => {
    for (const version of versions) expectRefused(withEntry({ qos: 3 }), version, 'subscriptions[1].qos');
    expectRefused(withEntry({ retainHandling: 3 }), 5, 'subscriptions[1].retainHandling');
    expectProtocolError(hex`82 07 0001 00 0001 'a' 03`, 5);
    expectProtocolError(hex`82 07 0001 00 0001 'a' 30`, 5);
  });

  test('has no No Local on a shared subscription [v5 MQTT-3.8.3-4]', () => {
    expectRefused(withEntry({ filter: '$share/g/a', noLocal: true }), 5, 'subscriptions[1].noLocal');
    expectProtocolError(hex`82 10 0001 00 000a '$share/g/a' 04`, 5);
    expectBytes(
      { ...subscribe, subscriptions: [{ ...entry, filter: '$share/g/a' }] },
      5,
      hex`82 10 0001 00 000a '$share/g/a' 00`,
    );
  });

  test('has its new options in MQTT 5.0 only, and takes them for unset when they are missing', () => {
    for (const version of [3, 4] as const) {
      for (const change of [{ noLocal: true }, { retainAsPublished: true }, { retainHandling: 1 }]) {
        expectRefused(withEntry(change), version, 'subscriptions[1]', 'needs-mqtt-5');
      }
    }
    const short = { ...subscribe, subscriptions: [{ filter: 'a', qos: 0 }] } as unknown as SubscribePacket;
    expect(toHex(encode(short, 5))).toBe(toHex(encode(subscribe, 5)));
    expect(toHex(encode(short, 4))).toBe(toHex(encode(subscribe, 4)));
  });

  test('is refused with entries of a wrong type', () => {
    expectRefused({ ...subscribe, subscriptions: ['a'] }, 5, 'subscriptions[0]: must be an object');
    expectRefused({ ...subscribe, subscriptions: [null] }, 5, 'subscriptions[0]: must be an object');
    expectRefused({ ...subscribe, subscriptions: new Array(2) }, 5, 'subscriptions[0]: must be an object');
    expectRefused({ ...unsubscribe, filters: new Array(2) }, 5, 'filters[0]: must be a string');
    expectRefused({ type: 'suback', packetId: 1, reasonCodes: new Array(2) }, 5, 'reasonCodes[0]');
    expectRefused(withEntry({ noLocal: 1 }), 5, 'subscriptions[1].noLocal');
    expectRefused(withEntry({ retainAsPublished: 'yes' }), 5, 'subscriptions[1].retainAsPublished');
    expectRefused(withEntry({ filter: 7 }), 5, 'subscriptions[1].filter');
  });

  test('has a Subscription Identifier from 1 to 268,435,455', () => {
    for (const subscriptionIdentifier of [0, 268_435_456, 1.5, [1]]) {
      expectRefused(
        { ...subscribe, properties: { subscriptionIdentifier } },
        5,
        'properties.subscriptionIdentifier',
      );
    }
    expectRefused(
      { ...subscribe, properties: { subscriptionIdentifiers: [1] } },
      5,
      'does not exist in this packet',
    );
  });
});

describe('SUBACK', () => {
  test('carries the Subscribe Reason Codes and no others [v5 MQTT-3.9.3-2]', () => {
    const listed: readonly number[] = reasonCodes.suback;
    for (let code = 0; code <= 255; code++) {
      const packet = { type: 'suback', packetId: 1, reasonCodes: [0, code] } as const;
      const bytes = Uint8Array.of(0x90, 5, 0, 1, 0, 0, code);
      if (listed.includes(code)) {
        expectBytes({ ...packet, reasonCodes: [0, code] }, 5, bytes);
      } else {
        expectRefused(packet, 5, 'reasonCodes[1]: must be one of the reason codes of SUBACK');
        expectProtocolError(bytes, 5);
      }
    }
  });

  test('of MQTT 3.1.1 carries 0x00, 0x01, 0x02 and 0x80 only [v3 MQTT-3.9.3-2]', () => {
    for (let code = 0; code <= 255; code++) {
      const packet = { type: 'suback', packetId: 1, reasonCodes: [code] } as const;
      const bytes = Uint8Array.of(0x90, 3, 0, 1, code);
      if ([0, 1, 2, 0x80].includes(code)) expectBytes({ ...packet, reasonCodes: [code] }, 4, bytes);
      else expectProtocolError(bytes, 4);
    }
    expectRefused({ type: 'suback', packetId: 1, reasonCodes: [3] }, 4, 'reasonCodes[0]');
    expectRefused({ type: 'suback', packetId: 1, reasonCodes: [0x87] }, 4, 'reasonCodes[0]', 'needs-mqtt-5');
  });

  test('has at least one code', () => {
    for (const version of versions) {
      expectRefused({ type: 'suback', packetId: 1, reasonCodes: [] }, version, 'reasonCodes: must hold');
    }
    expectProtocolError(hex`90 03 0001 00`, 5);
    expectProtocolError(hex`90 02 0001`, 4);
  });
});

describe('UNSUBSCRIBE', () => {
  test('begins with 0xA2, and no other flags pass [v5 MQTT-3.10.1-1, v3 MQTT-3.10.1-1]', () => {
    expectBytes({ ...unsubscribe, filters: ['a'] }, 4, hex`a2 05 0001 0001 'a'`);
    expectBytes({ ...unsubscribe, filters: ['a'] }, 5, hex`a2 06 0001 00 0001 'a'`);
    for (let flags = 0; flags < 16; flags++) {
      if (flags === 2) continue;
      expectMalformed(Uint8Array.of(0xa0 | flags, 5, 0, 1, 0, 1, 0x61), 4);
      expectMalformed(Uint8Array.of(0xa0 | flags, 6, 0, 1, 0, 0, 1, 0x61), 5);
    }
  });

  test('has a packet identifier that is not 0 [v3 MQTT-2.3.1-1]', () => {
    for (const version of versions) {
      expectRefused({ ...unsubscribe, packetId: 0 }, version, 'packetId');
      expectProtocolError(hex`a2 05 0000 0001 'a'`, version);
    }
  });

  test('has its filters in UTF-8, one behind the other [v5 MQTT-3.10.3-1, v3 MQTT-3.10.3-1]', () => {
    expectBytes({ ...unsubscribe, filters: ['é', '#'] }, 4, hex`a2 09 0001 0002 c3a9 0001 '#'`);
    expectBytes({ ...unsubscribe, filters: ['é', '#'] }, 5, hex`a2 0a 0001 00 0002 c3a9 0001 '#'`);
    for (const version of versions) {
      expectRefused({ ...unsubscribe, filters: ['a', '\udc00'] }, version, 'filters[1]');
      expectRefused({ ...unsubscribe, filters: ['a', ''] }, version, 'filters[1]: must not be empty');
      expectRefused({ ...unsubscribe, filters: [7] }, version, 'filters[0]: must be a string');
    }
    expectMalformed(hex`a2 05 0001 0001 80`, 4);
    expectMalformed(hex`a2 06 0001 00 0001 80`, 5);
  });

  test('has at least one filter [v5 MQTT-3.10.3-2, v3 MQTT-3.10.3-2]', () => {
    for (const version of versions) {
      expectRefused({ ...unsubscribe, filters: [] }, version, 'filters: must hold at least one entry');
      expectRefused({ ...unsubscribe, filters: 'a' }, version, 'filters: must be an array');
    }
    expectProtocolError(hex`a2 03 0001 00`, 5);
    expectProtocolError(hex`a2 02 0001`, 4);
  });
});

describe('UNSUBACK', () => {
  test('carries the Unsubscribe Reason Codes and no others [v5 MQTT-3.11.3-2]', () => {
    const listed: readonly number[] = reasonCodes.unsuback;
    for (let code = 0; code <= 255; code++) {
      const packet = { type: 'unsuback', packetId: 1, reasonCodes: [code] } as const;
      const bytes = Uint8Array.of(0xb0, 4, 0, 1, 0, code);
      if (listed.includes(code)) {
        expectBytes({ ...packet, reasonCodes: [code] }, 5, bytes);
      } else {
        expectRefused(packet, 5, 'reasonCodes[0]');
        expectProtocolError(bytes, 5);
      }
    }
    expectRefused({ type: 'unsuback', packetId: 1, reasonCodes: [] }, 5, 'reasonCodes: must hold');
  });

  test('has no reason codes before MQTT 5.0', () => {
    for (const version of [3, 4] as const) {
      expectRefused(
        { type: 'unsuback', packetId: 1, reasonCodes: [0] },
        version,
        'reasonCodes',
        'needs-mqtt-5',
      );
      expectRefused({ type: 'unsuback', packetId: 1 }, version, 'reasonCodes: must be an array');
      expect(decode(hex`b0 02 0001`, version)).toEqual([{ type: 'unsuback', packetId: 1, reasonCodes: [] }]);
      expectMalformed(hex`b0 03 0001 00`, version);
    }
  });
});
