/** What the codec's tests say: these bytes, this packet, this refusal. */

import { expect } from 'vitest';
import { type DecodedPacket, Decoder, encode, type Packet, type ProtocolVersion } from '../../../src/codec';
import { toHex } from '../../support/hex';

/** The packets in some bytes. */
export function decode(bytes: Uint8Array, protocolVersion: ProtocolVersion): DecodedPacket[] {
  const packets: DecodedPacket[] = [];
  new Decoder({ protocolVersion, onPacket: (packet) => packets.push(packet) }).push(bytes);
  return packets;
}

/** The packet encodes to these bytes, and they decode to the packet. */
export function expectBytes(packet: Packet, protocolVersion: ProtocolVersion, bytes: Uint8Array): void {
  expect(toHex(encode(packet, protocolVersion))).toBe(toHex(bytes));
  expect(decode(bytes, protocolVersion)).toEqual([packet]);
}

/** Decoding the bytes ends with 0x81. */
export function expectMalformed(bytes: Uint8Array, protocolVersion: ProtocolVersion): void {
  expectFault(bytes, protocolVersion, {
    name: 'MalformedPacketError',
    code: 'malformed-packet',
    reasonCode: 0x81,
  });
}

/** Decoding the bytes ends with 0x82. */
export function expectProtocolError(bytes: Uint8Array, protocolVersion: ProtocolVersion): void {
  expectFault(bytes, protocolVersion, { name: 'ProtocolError', code: 'protocol-error', reasonCode: 0x82 });
}

/** Decoding the bytes ends with an error that has these members. */
export function expectFault(bytes: Uint8Array, protocolVersion: ProtocolVersion, members: object): void {
  let fault: unknown;
  try {
    decode(bytes, protocolVersion);
  } catch (error) {
    fault = error;
  }
  expect(fault, toHex(bytes)).toMatchObject(members);
}

/**
 * Encoding the packet is refused with a message that holds `message`. The packet may be what the types forbid, as
 * JavaScript callers may give anything.
 */
export function expectRefused(
  packet: unknown,
  protocolVersion: ProtocolVersion,
  message: string,
  code = 'invalid-argument',
): void {
  let refusal: unknown;
  try {
    encode(packet as Packet, protocolVersion);
  } catch (error) {
    refusal = error;
  }
  expect(refusal, JSON.stringify(packet)).toMatchObject({
    name: 'UsageError',
    code,
    message: expect.stringContaining(message),
  });
}
