import { describe, expect, test } from 'vitest';
import { type AckPacket, encode } from '../../../src/codec';
import { reasonCodes } from '../../support/arbitrary-packets';
import { hex, toHex } from '../../support/hex';
import { decode, expectBytes, expectMalformed, expectProtocolError, expectRefused } from './codec-asserts';

const firstBytes = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;

/** Every listed reason code passes in both directions, every other is refused in both. */
function expectListedCodesOnly(type: AckPacket['type']): void {
  const listed: readonly number[] = reasonCodes[type];
  for (let reasonCode = 0; reasonCode <= 255; reasonCode++) {
    const packet = { type, packetId: 1, reasonCode };
    const bytes = Uint8Array.of(firstBytes[type], 3, 0, 1, reasonCode);
    if (listed.includes(reasonCode)) {
      expect(decode(bytes, 5)).toEqual([packet]);
      if (reasonCode !== 0) expect(toHex(encode(packet, 5))).toBe(toHex(bytes));
    } else {
      expectRefused(packet, 5, `reason codes of ${type.toUpperCase()}`);
      expectProtocolError(bytes, 5);
    }
  }
}

describe('reason codes', () => {
  test('of PUBACK are those of its table [v5 MQTT-3.4.2-1]', () => expectListedCodesOnly('puback'));
  test('of PUBREC are those of its table [v5 MQTT-3.5.2-1]', () => expectListedCodesOnly('pubrec'));
  test('of PUBREL are 0x00 and 0x92 [v5 MQTT-3.6.2-1]', () => expectListedCodesOnly('pubrel'));
  test('of PUBCOMP are 0x00 and 0x92 [v5 MQTT-3.7.2-1]', () => expectListedCodesOnly('pubcomp'));

  test('are whole numbers', () => {
    for (const reasonCode of [undefined, null, '0', 16.5, Number.NaN, -1, 256, [0]]) {
      expectRefused({ type: 'puback', packetId: 1, reasonCode }, 5, 'reasonCode');
    }
  });

  test('do not exist before MQTT 5.0', () => {
    for (const version of [3, 4] as const) {
      for (const type of ['puback', 'pubrec'] as const) {
        expectRefused({ type, packetId: 1, reasonCode: 0x80 }, version, 'reasonCode', 'needs-mqtt-5');
      }
      expectBytes({ type: 'pubcomp', packetId: 1, reasonCode: 0 }, version, hex`70 02 0001`);
      expectMalformed(hex`40 03 0001 00`, version);
    }
  });
});

test('PUBREL begins with 0x62, and no other flags pass [v5 MQTT-3.6.1-1, v3 MQTT-3.6.1-1]', () => {
  for (const version of [3, 4, 5] as const) {
    expectBytes({ type: 'pubrel', packetId: 7, reasonCode: 0 }, version, hex`62 02 0007`);
  }
  for (const version of [4, 5] as const) {
    for (let flags = 0; flags < 16; flags++) {
      if (flags !== 2) expectMalformed(Uint8Array.of(0x60 | flags, 2, 0, 7), version);
    }
  }
});

test('packet identifiers are never 0', () => {
  for (const version of [3, 4, 5] as const) {
    for (const type of ['puback', 'pubrec', 'pubrel', 'pubcomp'] as const) {
      for (const packetId of [0, 65_536, undefined, '7']) {
        expectRefused({ type, packetId, reasonCode: 0 }, version, 'packetId');
      }
      expectProtocolError(Uint8Array.of(firstBytes[type], 2, 0, 0), version);
    }
  }
});

test('what says nothing is left out [v5 MQTT-2.2.2-1]', () => {
  const packet = { type: 'puback', packetId: 1, reasonCode: 0x10 } as const;
  expect(toHex(encode({ ...packet, properties: {} }, 5))).toBe('4003000110');
  expect(toHex(encode({ ...packet, properties: { reasonString: '' } }, 5))).toBe('4007000110031f0000');
  expect(decode(hex`40 04 0001 10 00`, 5)).toEqual([packet]);
});
