import { describe, expect, test } from 'vitest';
import { type ConnackPacket, type ConnectPacket, encode, type ProtocolVersion } from '../../../src/codec';
import { reasonCodes } from '../../support/arbitrary-packets';
import { hex, toHex } from '../../support/hex';
import {
  decode,
  expectBytes,
  expectFault,
  expectMalformed,
  expectProtocolError,
  expectRefused,
} from './codec-asserts';

const connect3: ConnectPacket = {
  type: 'connect',
  protocolVersion: 3,
  clientId: 'c',
  clean: true,
  keepAlive: 10,
};
const connect4: ConnectPacket = { ...connect3, protocolVersion: 4 };
const connect5: ConnectPacket = { ...connect3, protocolVersion: 5 };
const will = { topic: 'w', payload: hex`'bye'`, qos: 0, retain: false } as const;
const password = hex`'key'`;

/** Offset of the Connect Flags in a CONNECT of less than 128 bytes. */
const flagsAt = (version: ProtocolVersion) => (version === 3 ? 11 : 9);

function flagsOf(packet: ConnectPacket): number | undefined {
  return encode(packet, packet.protocolVersion)[flagsAt(packet.protocolVersion)];
}

describe('CONNECT', () => {
  test('begins with the protocol name MQTT, and any other name is refused [v5 MQTT-3.1.2-1]', () => {
    expect(toHex(encode(connect5, 5)).slice(4, 18)).toBe(toHex(hex`0004 'MQTT' 05`));
    expect(toHex(encode(connect4, 4)).slice(4, 18)).toBe(toHex(hex`0004 'MQTT' 04`));
    expect(toHex(encode(connect3, 3)).slice(4, 22)).toBe(toHex(hex`0006 'MQIsdp' 03`));
    const unsupported = { code: 'unsupported-protocol-version', reasonCode: 0x84 };
    expectFault(hex`10 0e 0004 'MQTU' 05 02 000a 00 0001 'c'`, 5, unsupported);
    expectFault(hex`10 0e 0004 'MQTT' 02 02 000a 00 0001 'c'`, 5, unsupported);
  });

  test('is written for the version that it names', () => {
    expectRefused(connect4, 5, 'protocolVersion');
    expectRefused(connect5, 4, 'protocolVersion');
  });

  test('with the reserved flag is malformed [v5 MQTT-3.1.2-3, v3 MQTT-3.1.2-3]', () => {
    expectMalformed(hex`10 0e 0004 'MQTT' 05 03 000a 00 0001 'c'`, 5);
    expectMalformed(hex`10 0d 0004 'MQTT' 04 03 000a 0001 'c'`, 4);
  });

  test('with a will holds will properties, topic and payload [v5 MQTT-3.1.2-9]', () => {
    expectBytes(
      { ...connect5, will },
      5,
      hex`10 17 0004 'MQTT' 05 06 000a 00 0001 'c' 00 0001 'w' 0003 'bye'`,
    );
    expectMalformed(hex`10 0e 0004 'MQTT' 05 06 000a 00 0001 'c'`, 5);
  });

  test('of MQTT 3.1.1 with a will holds will topic and message [v3 MQTT-3.1.2-9]', () => {
    expectBytes({ ...connect4, will }, 4, hex`10 15 0004 'MQTT' 04 06 000a 0001 'c' 0001 'w' 0003 'bye'`);
    expectMalformed(hex`10 0d 0004 'MQTT' 04 06 000a 0001 'c'`, 4);
  });

  test('without a will has no will QoS [v5 MQTT-3.1.2-11, v3 MQTT-3.1.2-11, v3 MQTT-3.1.2-13]', () => {
    for (const packet of [connect3, connect4, connect5]) expect(flagsOf(packet)).toBe(0x02);
    expectMalformed(hex`10 0e 0004 'MQTT' 05 0a 000a 00 0001 'c'`, 5);
    expectMalformed(hex`10 0d 0004 'MQTT' 04 12 000a 0001 'c'`, 4);
  });

  test('without a will has no will RETAIN [v5 MQTT-3.1.2-13, v3 MQTT-3.1.2-11, v3 MQTT-3.1.2-15]', () => {
    for (const packet of [connect3, connect4, connect5]) {
      expect(flagsOf({ ...packet, username: 'u', password })).toBe(0xc2);
    }
    expectMalformed(hex`10 0e 0004 'MQTT' 05 22 000a 00 0001 'c'`, 5);
    expectMalformed(hex`10 0d 0004 'MQTT' 04 22 000a 0001 'c'`, 4);
  });

  test('without a will has no will fields in its payload [v3 MQTT-3.1.2-11]', () => {
    expectBytes(connect4, 4, hex`10 0d 0004 'MQTT' 04 02 000a 0001 'c'`);
    expectMalformed(hex`10 13 0004 'MQTT' 04 02 000a 0001 'c' 0001 'w' 0001 'x'`, 4);
  });

  test('carries will QoS 0, 1 and 2, and refuses 3 [v5 MQTT-3.1.2-12, v3 MQTT-3.1.2-14]', () => {
    for (const packet of [connect3, connect4, connect5]) {
      const flags = ([0, 1, 2] as const).map((qos) => flagsOf({ ...packet, will: { ...will, qos } }));
      expect(flags).toEqual([0x06, 0x0e, 0x16]);
      for (const qos of [3, -1, 1.5, '1', undefined]) {
        expectRefused({ ...packet, will: { ...will, qos } }, packet.protocolVersion, 'will.qos');
      }
    }
    expectMalformed(hex`10 15 0004 'MQTT' 05 1e 000a 00 0001 'c' 00 0001 'w' 0001 'x'`, 5);
    expectMalformed(hex`10 13 0004 'MQTT' 04 1e 000a 0001 'c' 0001 'w' 0001 'x'`, 4);
  });

  test('without a user name has neither its flag nor the field [v5 MQTT-3.1.2-16, v3 MQTT-3.1.2-18]', () => {
    expectBytes(connect5, 5, hex`10 0e 0004 'MQTT' 05 02 000a 00 0001 'c'`);
    expectBytes(connect4, 4, hex`10 0d 0004 'MQTT' 04 02 000a 0001 'c'`);
    expectMalformed(hex`10 11 0004 'MQTT' 05 02 000a 00 0001 'c' 0001 'u'`, 5);
    expectMalformed(hex`10 10 0004 'MQTT' 04 02 000a 0001 'c' 0001 'u'`, 4);
  });

  test('with a user name, even an empty one, has its flag and the field [v5 MQTT-3.1.2-17, v3 MQTT-3.1.2-19]', () => {
    expectBytes({ ...connect5, username: '' }, 5, hex`10 10 0004 'MQTT' 05 82 000a 00 0001 'c' 0000`);
    expectBytes({ ...connect4, username: 'u' }, 4, hex`10 10 0004 'MQTT' 04 82 000a 0001 'c' 0001 'u'`);
    expectMalformed(hex`10 0e 0004 'MQTT' 05 82 000a 00 0001 'c'`, 5);
    expectMalformed(hex`10 0d 0004 'MQTT' 04 82 000a 0001 'c'`, 4);
  });

  test('without a password has neither its flag nor the field [v5 MQTT-3.1.2-18, v3 MQTT-3.1.2-20]', () => {
    expectBytes({ ...connect5, username: 'u' }, 5, hex`10 11 0004 'MQTT' 05 82 000a 00 0001 'c' 0001 'u'`);
    expectBytes({ ...connect4, username: 'u' }, 4, hex`10 10 0004 'MQTT' 04 82 000a 0001 'c' 0001 'u'`);
    expectMalformed(hex`10 14 0004 'MQTT' 05 82 000a 00 0001 'c' 0001 'u' 0001 'p'`, 5);
    expectMalformed(hex`10 13 0004 'MQTT' 04 82 000a 0001 'c' 0001 'u' 0001 'p'`, 4);
  });

  test('with a password, even an empty one without a user name, has its flag and the field [v5 MQTT-3.1.2-19]', () => {
    const bytes = hex`10 10 0004 'MQTT' 05 42 000a 00 0001 'c' 0000`;
    expectBytes({ ...connect5, password: new Uint8Array(0) }, 5, bytes);
    expectMalformed(hex`10 0e 0004 'MQTT' 05 42 000a 00 0001 'c'`, 5);
  });

  test('of MQTT 3.1.1 with user name and password has flag and field of the password [v3 MQTT-3.1.2-21]', () => {
    const bytes = hex`10 15 0004 'MQTT' 04 c2 000a 0001 'c' 0001 'u' 0003 'key'`;
    expectBytes({ ...connect4, username: 'u', password }, 4, bytes);
    expectMalformed(hex`10 10 0004 'MQTT' 04 c2 000a 0001 'c' 0001 'u'`, 4);
  });

  test('of MQTT 3.1.1 with a password alone is refused in both directions [v3 MQTT-3.1.2-22]', () => {
    expectRefused({ ...connect4, password }, 4, 'password without username', 'needs-mqtt-5');
    expectRefused({ ...connect3, password }, 3, 'password without username', 'needs-mqtt-5');
    expectMalformed(hex`10 12 0004 'MQTT' 04 42 000a 0001 'c' 0003 'key'`, 4);
  });

  test('orders its payload: client identifier, will, user name, password [v5 MQTT-3.1.3-1]', () => {
    const packet = {
      ...connect5,
      password,
      username: 'u',
      will: { ...will, properties: { willDelayInterval: 1 } },
    };
    expectBytes(
      packet,
      5,
      hex`10 24 0004 'MQTT' 05 c6 000a 00 0001 'c' 05 18 00000001 0001 'w' 0003 'bye' 0001 'u' 0003 'key'`,
    );
  });

  test('of MQTT 3.1.1 orders its payload the same way [v3 MQTT-3.1.3-1]', () => {
    const bytes = hex`10 1d 0004 'MQTT' 04 c6 000a 0001 'c' 0001 'w' 0003 'bye' 0001 'u' 0003 'key'`;
    expectBytes({ ...connect4, password, username: 'u', will }, 4, bytes);
  });

  test('always holds the client identifier, first and though it is empty [v5 MQTT-3.1.3-3, v3 MQTT-3.1.3-3]', () => {
    expectBytes(
      { ...connect5, clientId: '', username: 'u' },
      5,
      hex`10 10 0004 'MQTT' 05 82 000a 00 0000 0001 'u'`,
    );
    expectBytes(
      { ...connect4, clientId: '', username: 'u' },
      4,
      hex`10 0f 0004 'MQTT' 04 82 000a 0000 0001 'u'`,
    );
    expectMalformed(hex`10 0b 0004 'MQTT' 05 02 000a 00`, 5);
    expectMalformed(hex`10 0a 0004 'MQTT' 04 02 000a`, 4);
    for (const packet of [connect4, connect5]) {
      expectRefused({ ...packet, clientId: undefined }, packet.protocolVersion, 'clientId: must be a string');
    }
  });

  test('writes the client identifier in UTF-8 and refuses one that cannot be [v5 MQTT-3.1.3-4, v3 MQTT-3.1.3-4]', () => {
    expectBytes({ ...connect5, clientId: 'é' }, 5, hex`10 0f 0004 'MQTT' 05 02 000a 00 0002 c3a9`);
    expectBytes({ ...connect4, clientId: 'é' }, 4, hex`10 0e 0004 'MQTT' 04 02 000a 0002 c3a9`);
    for (const packet of [connect4, connect5]) {
      expectRefused({ ...packet, clientId: 'c\ud800' }, packet.protocolVersion, 'clientId');
    }
    expectMalformed(hex`10 0e 0004 'MQTT' 05 02 000a 00 0001 ff`, 5);
    expectMalformed(hex`10 0d 0004 'MQTT' 04 02 000a 0001 ff`, 4);
  });

  test('writes the will topic in UTF-8 and refuses one that cannot be [v5 MQTT-3.1.3-11, v3 MQTT-3.1.3-10]', () => {
    const bytes5 = hex`10 18 0004 'MQTT' 05 06 000a 00 0001 'c' 00 0002 c3a9 0003 'bye'`;
    expectBytes({ ...connect5, will: { ...will, topic: 'é' } }, 5, bytes5);
    const bytes4 = hex`10 16 0004 'MQTT' 04 06 000a 0001 'c' 0002 c3a9 0003 'bye'`;
    expectBytes({ ...connect4, will: { ...will, topic: 'é' } }, 4, bytes4);
    for (const packet of [connect4, connect5]) {
      for (const topic of ['w\ud800', '', 'a/+', '#', 'w\0']) {
        expectRefused({ ...packet, will: { ...will, topic } }, packet.protocolVersion, 'will.topic');
      }
    }
    expectMalformed(hex`10 14 0004 'MQTT' 05 06 000a 00 0001 'c' 00 0001 c3 0000`, 5);
    expectMalformed(hex`10 12 0004 'MQTT' 04 06 000a 0001 'c' 0001 c3 0000`, 4);
  });

  test('writes the user name in UTF-8 and refuses one that cannot be [v5 MQTT-3.1.3-12, v3 MQTT-3.1.3-11]', () => {
    expectBytes({ ...connect5, username: 'é' }, 5, hex`10 12 0004 'MQTT' 05 82 000a 00 0001 'c' 0002 c3a9`);
    expectBytes({ ...connect4, username: 'é' }, 4, hex`10 11 0004 'MQTT' 04 82 000a 0001 'c' 0002 c3a9`);
    for (const packet of [connect4, connect5]) {
      expectRefused({ ...packet, username: '\udfff' }, packet.protocolVersion, 'username');
    }
    expectMalformed(hex`10 11 0004 'MQTT' 05 82 000a 00 0001 'c' 0001 ff`, 5);
    expectMalformed(hex`10 10 0004 'MQTT' 04 82 000a 0001 'c' 0001 ff`, 4);
  });

  test('is refused with fields of a wrong type or range', () => {
    for (const version of [3, 4, 5] as const) {
      const packet = { ...connect4, protocolVersion: version };
      for (const keepAlive of [-1, 65_536, 1.5, Number.NaN, '60', undefined]) {
        expectRefused({ ...packet, keepAlive }, version, 'keepAlive: must be an integer from 0 to 65535');
      }
      expectRefused({ ...packet, clean: 1 }, version, 'clean: must be true or false');
      expectRefused({ ...packet, username: 'u', password: 'key' }, version, 'password: must be a Uint8Array');
      const long = new Uint8Array(65_536);
      expectRefused(
        { ...packet, username: 'u', password: long },
        version,
        'password: must not hold more than 65535',
      );
      expectRefused({ ...packet, will: 'bye' }, version, 'will: must be an object');
      expectRefused({ ...packet, will: null }, version, 'will: must be an object');
      expectRefused(
        { ...packet, will: { ...will, payload: 'bye' } },
        version,
        'will.payload: must be a Uint8Array',
      );
      expectRefused({ ...packet, will: { ...will, payload: long } }, version, 'will.payload: must not hold');
      expectRefused(
        { ...packet, will: { ...will, retain: 0 } },
        version,
        'will.retain: must be true or false',
      );
    }
  });

  test('before MQTT 5.0 has no properties', () => {
    for (const version of [3, 4] as const) {
      const packet = { ...connect4, protocolVersion: version };
      expectRefused(
        { ...packet, properties: { receiveMaximum: 1 } },
        version,
        'receiveMaximum',
        'needs-mqtt-5',
      );
      const delayed = { ...will, properties: { willDelayInterval: 1 } };
      expectRefused(
        { ...packet, will: delayed },
        version,
        'will.properties.willDelayInterval',
        'needs-mqtt-5',
      );
      expect(() => encode({ ...packet, properties: {} }, version)).not.toThrow();
      expect(() => encode({ ...packet, properties: { receiveMaximum: undefined } }, version)).not.toThrow();
    }
  });
});

describe('CONNACK', () => {
  const connack: ConnackPacket = { type: 'connack', sessionPresent: false, reasonCode: 0 };

  test('has no flag but Session Present [v5 MQTT-3.2.2-1]', () => {
    expect(toHex(encode(connack, 5))).toBe('2003000000');
    expect(toHex(encode({ ...connack, sessionPresent: true }, 5))).toBe('2003010000');
    for (const flags of ['02', '80', 'fe', 'ff']) {
      expectMalformed(hex`20 03 ${flags} 00 00`, 5);
      expectMalformed(hex`20 02 ${flags} 00`, 4);
    }
    expectRefused({ ...connack, sessionPresent: 1 }, 5, 'sessionPresent: must be true or false');
  });

  test('carries the Connect Reason Codes and no others [v5 MQTT-3.2.2-8]', () => {
    const listed: readonly number[] = [0, ...reasonCodes.connack];
    for (let code = 0; code <= 255; code++) {
      if (listed.includes(code)) {
        expectBytes({ ...connack, reasonCode: code }, 5, Uint8Array.of(0x20, 3, 0, code, 0));
      } else {
        expectRefused(
          { ...connack, reasonCode: code },
          5,
          'reasonCode: must be one of the reason codes of CONNACK',
        );
        expectProtocolError(Uint8Array.of(0x20, 3, 0, code, 0), 5);
      }
    }
  });

  test('of MQTT 3.1.1 and 3.1 carries return codes 0 to 5', () => {
    for (const version of [3, 4] as const) {
      for (let code = 0; code <= 5; code++) {
        expectBytes({ ...connack, reasonCode: code }, version, Uint8Array.of(0x20, 2, 0, code));
      }
      expectRefused({ ...connack, reasonCode: 6 }, version, 'reasonCode');
      expectRefused({ ...connack, reasonCode: 0x87 }, version, 'reasonCode', 'needs-mqtt-5');
      expectProtocolError(hex`20 02 00 06`, version);
    }
  });

  test('that refuses has no session [v5 MQTT-3.2.2-6, v3 MQTT-3.2.2-4]', () => {
    expectRefused({ ...connack, sessionPresent: true, reasonCode: 0x87 }, 5, 'sessionPresent');
    expectRefused({ ...connack, sessionPresent: true, reasonCode: 5 }, 4, 'sessionPresent');
    expectProtocolError(hex`20 03 01 87 00`, 5);
    expectProtocolError(hex`20 02 01 05`, 4);
  });

  test('of MQTT 3.1 knows no session', () => {
    expectRefused({ ...connack, sessionPresent: true }, 3, 'sessionPresent');
    expect(decode(hex`20 02 01 00`, 3)).toEqual([connack]);
  });

  test('has its flags as booleans, and takes no numbers for them', () => {
    const properties = {
      retainAvailable: false,
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifierAvailable: false,
      sharedSubscriptionAvailable: true,
    };
    const bytes = encode({ ...connack, properties }, 5);
    expect(toHex(bytes)).toBe(toHex(hex`20 0b 00 00 08 25 00 28 01 29 00 2a 01`));
    expect(decode(bytes, 5)).toEqual([{ ...connack, properties }]);
    for (const flag of [0, 1, 'true', null]) {
      const refused = { ...connack, properties: { retainAvailable: flag } };
      expectRefused(refused, 5, 'properties.retainAvailable: must be true or false');
    }
    for (const bit of [true, false, 2]) {
      const refused = { ...connack, properties: { maximumQoS: bit } };
      expectRefused(refused, 5, 'properties.maximumQoS: must be an integer from 0 to 1');
    }
  });
});
