import { describe, expect, test } from 'vitest';
import { encode, type Packet, type ProtocolVersion } from '../../../src/codec';
import { reasonCodes } from '../../support/arbitrary-packets';
import { hex, toHex } from '../../support/hex';
import { decode, expectBytes, expectMalformed, expectProtocolError, expectRefused } from './codec-asserts';

/** The shortest packet of each type, but PUBLISH. */
function shortest(version: ProtocolVersion): Packet[] {
  const options = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
  const packets: Packet[] = [
    { type: 'connect', protocolVersion: version, clientId: 'c', clean: true, keepAlive: 0 },
    { type: 'connack', sessionPresent: false, reasonCode: 0 },
    { type: 'puback', packetId: 1, reasonCode: 0 },
    { type: 'pubrec', packetId: 1, reasonCode: 0 },
    { type: 'pubrel', packetId: 1, reasonCode: 0 },
    { type: 'pubcomp', packetId: 1, reasonCode: 0 },
    { type: 'subscribe', packetId: 1, subscriptions: [{ filter: 'a', ...options }] },
    { type: 'suback', packetId: 1, reasonCodes: [0] },
    { type: 'unsubscribe', packetId: 1, filters: ['a'] },
    { type: 'unsuback', packetId: 1, reasonCodes: version === 5 ? [0] : [] },
    { type: 'pingreq' },
    { type: 'pingresp' },
    { type: 'disconnect', reasonCode: 0 },
  ];
  return version === 5 ? [...packets, { type: 'auth', reasonCode: 0 }] : packets;
}

const firstBytes = {
  connect: 0x10,
  connack: 0x20,
  publish: 0x30,
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
  subscribe: 0x82,
  suback: 0x90,
  unsubscribe: 0xa2,
  unsuback: 0xb0,
  pingreq: 0xc0,
  pingresp: 0xd0,
  disconnect: 0xe0,
  auth: 0xf0,
} as const;

describe('the fixed header', () => {
  test('has the flags that are listed for each type [v5 MQTT-2.1.3-1, v3 MQTT-2.2.2-1]', () => {
    for (const version of [3, 4, 5] as const) {
      for (const packet of shortest(version)) {
        expect(encode(packet, version)[0], packet.type).toBe(firstBytes[packet.type]);
      }
    }
  });

  test('with any other reserved flags is malformed [v5 MQTT-2.1.3-1, v3 MQTT-2.2.2-2]', () => {
    for (const version of [4, 5] as const) {
      for (const packet of shortest(version)) {
        const bytes = encode(packet, version);
        for (let flags = 0; flags < 16; flags++) {
          const first = (firstBytes[packet.type] & 0xf0) | flags;
          const changed = Uint8Array.from(bytes);
          changed[0] = first;
          if (first === firstBytes[packet.type]) expect(decode(changed, version)).toHaveLength(1);
          else expectMalformed(changed, version);
        }
      }
    }
  });

  test('has a Remaining Length of the fewest bytes [v5 MQTT-1.5.5-1]', () => {
    const sizes = [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152];
    const expected = ['03', '04', '7f', '8001', 'ff7f', '808001', 'ffff7f', '80808001'];
    // Two bytes for the length of the topic, one for itself.
    const encoded = sizes.map((size) => {
      const payload = new Uint8Array(Math.max(0, size - 3, size < 3 ? size : 0));
      const bytes = encode({ type: 'publish', topic: 'a', payload, qos: 0, retain: false, dup: false }, 4);
      return toHex(bytes.subarray(1, bytes.length - 3 - payload.length));
    });
    expect(encoded).toEqual(expected);
  });

  test('with a Remaining Length in more bytes than needed is malformed [v5 MQTT-1.5.5-1]', () => {
    for (const version of [3, 4, 5] as const) {
      for (const size of [hex`8000`, hex`808000`, hex`80808000`, hex`ff00`, hex`ffff00`, hex`ffffff00`]) {
        expectMalformed(Uint8Array.of(0x30, ...size, 0, 1, 0x61), version);
      }
      expectMalformed(hex`30 80808080 01`, version);
      expectMalformed(hex`30 ffffffff 7f`, version);
    }
  });
});

describe('variable byte integers in properties', () => {
  test('take the fewest bytes [v5 MQTT-1.5.5-1]', () => {
    const values = [1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455];
    const expected = ['01', '7f', '8001', 'ff7f', '808001', 'ffff7f', '80808001', 'ffffff7f'];
    const written = values.map((subscriptionIdentifier) => {
      const entry = {
        filter: 'a',
        qos: 0,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
      } as const;
      const packet: Packet = {
        type: 'subscribe',
        packetId: 1,
        subscriptions: [entry],
        properties: { subscriptionIdentifier },
      };
      const bytes = encode(packet, 5);
      expect(decode(bytes, 5)).toEqual([packet]);
      return toHex(bytes.subarray(6, -4));
    });
    expect(written).toEqual(expected);
  });

  test('in more bytes than needed are malformed [v5 MQTT-1.5.5-1]', () => {
    expectMalformed(hex`30 07 0001 'a' 03 0b 8100`, 5);
    expectMalformed(hex`30 08 0001 'a' 04 0b 818000`, 5);
    expectMalformed(hex`30 0a 0001 'a' 06 0b 8080808001`, 5);
    expectMalformed(hex`30 05 0001 'a' 8000`, 5);
  });
});

describe('PINGREQ and PINGRESP', () => {
  test('are two bytes in every version', () => {
    for (const version of [3, 4, 5] as const) {
      expectBytes({ type: 'pingreq' }, version, hex`c0 00`);
      expectBytes({ type: 'pingresp' }, version, hex`d0 00`);
    }
  });
});

describe('DISCONNECT', () => {
  test('with reserved flags is malformed [v5 MQTT-3.14.1-1, v3 MQTT-3.14.1-1]', () => {
    for (let flags = 1; flags < 16; flags++) {
      expectMalformed(Uint8Array.of(0xe0 | flags, 0), 5);
      expectMalformed(Uint8Array.of(0xe0 | flags, 0), 4);
    }
  });

  test('carries the Disconnect Reason Codes and no others [v5 MQTT-3.14.2-1]', () => {
    // 0x8C is listed in table 2-6, though not in table 3-10.
    const listed: readonly number[] = [...reasonCodes.disconnect, 0x8c];
    for (let reasonCode = 0; reasonCode <= 255; reasonCode++) {
      const packet = { type: 'disconnect', reasonCode } as const;
      const bytes = Uint8Array.of(0xe0, 1, reasonCode);
      if (listed.includes(reasonCode)) {
        expect(decode(bytes, 5)).toEqual([packet]);
        expect(toHex(encode(packet, 5))).toBe(reasonCode === 0 ? 'e000' : toHex(bytes));
      } else {
        expectRefused(packet, 5, 'reason codes of DISCONNECT');
        expectProtocolError(bytes, 5);
      }
    }
  });

  test('before MQTT 5.0 says nothing but itself', () => {
    for (const version of [3, 4] as const) {
      expectBytes({ type: 'disconnect', reasonCode: 0 }, version, hex`e0 00`);
      expectRefused({ type: 'disconnect', reasonCode: 4 }, version, 'reasonCode', 'needs-mqtt-5');
      const explained = { type: 'disconnect', reasonCode: 0, properties: { reasonString: 'bye' } };
      expectRefused(explained, version, 'properties.reasonString', 'needs-mqtt-5');
      expectMalformed(hex`e0 01 00`, version);
    }
  });
});

describe('AUTH', () => {
  test('begins with 0xF0, and no other flags pass [v5 MQTT-3.15.1-1]', () => {
    expectBytes({ type: 'auth', reasonCode: 0 }, 5, hex`f0 00`);
    for (let flags = 1; flags < 16; flags++) expectMalformed(Uint8Array.of(0xf0 | flags, 0), 5);
  });

  test('carries 0x00, 0x18 and 0x19 and no other reason code [v5 MQTT-3.15.2-1]', () => {
    const properties = { authenticationMethod: 'm' };
    for (let reasonCode = 0; reasonCode <= 255; reasonCode++) {
      const packet = { type: 'auth', reasonCode, properties } as const;
      const bytes = Uint8Array.of(0xf0, 6, reasonCode, 4, 0x15, 0, 1, 0x6d);
      if ([0x00, 0x18, 0x19].includes(reasonCode)) {
        expectBytes(packet, 5, bytes);
      } else {
        expectRefused(packet, 5, 'reason codes of AUTH');
        expectProtocolError(bytes, 5);
      }
    }
  });

  test('names its method, unless it is a success that says nothing', () => {
    expectRefused({ type: 'auth', reasonCode: 0x18 }, 5, 'authenticationMethod');
    expectRefused(
      { type: 'auth', reasonCode: 0, properties: { reasonString: 'x' } },
      5,
      'authenticationMethod',
    );
    const data = { authenticationData: Uint8Array.of(1) };
    expectRefused({ type: 'auth', reasonCode: 0x18, properties: data }, 5, 'needs authenticationMethod');
  });

  test('does not exist before MQTT 5.0', () => {
    for (const version of [3, 4] as const) {
      expectRefused({ type: 'auth', reasonCode: 0 }, version, 'AUTH', 'needs-mqtt-5');
      expectMalformed(hex`f0 00`, version);
    }
  });
});

describe('packets', () => {
  test('that are none are refused', () => {
    for (const packet of [undefined, null, 'pingreq', 7, [], {}]) expectRefused(packet, 5, 'must be');
    for (const type of ['ping', 'constructor', '__proto__', 'toString', undefined, null, 12]) {
      expectRefused({ type }, 5, 'type: must be the type of an MQTT packet');
    }
  });

  test('are encoded for versions 3, 4 and 5 only', () => {
    for (const version of [0, 6, '5', undefined, null]) {
      expectRefused(
        { type: 'pingreq' },
        version as ProtocolVersion,
        'protocolVersion: must be an integer from 3 to 5',
      );
    }
  });

  test('have the properties of their own type only', () => {
    for (const packet of shortest(5)) {
      if (packet.type === 'pingreq' || packet.type === 'pingresp') continue;
      for (const name of ['willDelayInterval', 'nonsense', '__proto__x', 'toString']) {
        expectRefused({ ...packet, properties: { [name]: 1 } }, 5, `properties.${name}: does not exist`);
      }
      for (const [properties, what] of [
        ['text', 'a string'],
        [null, 'null'],
        [[], 'an array'],
        [new Map([['contentType', 'text/plain']]), 'a Map'],
        [Promise.resolve({}), 'a Promise'],
        [new Date(0), 'a Date'],
        [new Uint8Array(0), 'a Uint8Array'],
      ] as const) {
        expectRefused({ ...packet, properties }, 5, `properties: must be an object, not ${what}`);
      }
    }
  });

  test('do not read properties that an object inherits', () => {
    const inherited: object = Object.create({ contentType: 7, nonsense: 1 });
    const packet = {
      type: 'publish',
      topic: 'a',
      payload: new Uint8Array(0),
      qos: 0,
      retain: false,
      dup: false,
    };
    expect(toHex(encode({ ...packet, properties: inherited } as Packet, 5))).toBe('3004000161' + '00');
  });
});
