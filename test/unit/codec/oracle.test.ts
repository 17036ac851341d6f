import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DecodedPacket, Decoder, encode, MqttError, type ProtocolVersion } from '../../../src/codec';
import { arbitraryPacket } from '../../support/arbitrary-packets';
import { toHex } from '../../support/hex';
import {
  oracleDecode,
  oracleEncode,
  oracleWrites,
  throughOracle,
  type Verdict,
} from '../../support/mqtt-packet-oracle';
import { same } from '../../support/same-packet';
import { isThorough } from '../../support/thoroughness';

/** Packets that are compared for each version and direction. */
const numRuns = Number(process.env['MQTIDE_ORACLE_RUNS'] ?? (isThorough ? 2_000 : 1_000));
const timeout = 30_000 + numRuns;

/** What we make of bytes: the packets, or why we refuse them. */
function decode(bytes: Uint8Array, protocolVersion: ProtocolVersion): DecodedPacket[] | string {
  const packets: DecodedPacket[] = [];
  try {
    new Decoder({ protocolVersion, onPacket: (packet) => packets.push(packet) }).push(bytes);
  } catch (error) {
    if (!(error instanceof MqttError)) throw error;
    return error.message;
  }
  return packets;
}

/** What the oracle refuses and we take, or take in another way, each with the clause that says so. */
const differences: readonly {
  clause: string;
  /** `reason` is the oracle's, empty when it takes the packet. */
  applies: (bytes: Uint8Array, version: ProtocolVersion, reason: string) => boolean;
}[] = [
  {
    clause: 'AUTH may leave out everything when it means success [v5 3.15.2.1]',
    applies: (bytes, version) => version === 5 && toHex(bytes) === 'f000',
  },
  {
    clause: 'reason code 0x8C belongs to DISCONNECT too [v5 2.4, table 2-6]',
    applies: (bytes, version) => version === 5 && bytes[0] === 0xe0 && bytes[2] === 0x8c,
  },
  {
    clause: 'a refusal of MQTT 3.1.1 is handed out as the reason code of the same meaning [v3 MQTT-3.1.2-2]',
    applies: (bytes, version) => version === 5 && toHex(bytes) === '20020001',
  },
  {
    clause: 'MQTT 3.1 has DUP, QoS and RETAIN in every packet, and does not use them in most [MQTT 3.1, 2.1]',
    applies: ([first = 0], version) =>
      version === 3 && first >> 4 !== 3 && (first & 15) !== flagsOf(first >> 4),
  },
  {
    clause: 'MQTT 3.1 gives DUP no meaning with QoS 0 [MQTT 3.1, 2.1]',
    applies: ([first = 0], version) => version === 3 && (first & 0xfe) === 0x38,
  },
  {
    clause: 'MQTT 3.1 does not use the first byte of CONNACK [MQTT 3.1, 3.2]',
    applies: (bytes, version) => version === 3 && bytes[0] === 0x20 && bytes[2] !== 0,
  },
  {
    clause: 'MQTT 3.1 does not use the upper bits of the requested QoS [MQTT 3.1, 3.8]',
    applies: (_bytes, version, reason) => version === 3 && reason.includes('bits 7-2 must be 0'),
  },
  {
    clause:
      'MQTT 3.1 does not use bit 0 of the CONNECT flags, and a user name or password may be missing [MQTT 3.1, 3.1]',
    applies: (bytes, _version, reason) =>
      toHex(bytes).includes('4d5149736470' + '03') && /flag bit 0|parse username|parse password/.test(reason),
  },
];

/** Flags that the oracle expects of a packet type [v3 2.2.2]. */
function flagsOf(type: number): number {
  return type === 6 || type === 8 || type === 10 ? 2 : 0;
}

function explained(bytes: Uint8Array, version: ProtocolVersion, verdict: Verdict): boolean {
  const reason = verdict.type === 'rejected' ? verdict.reason : '';
  return differences.some(({ applies }) => applies(bytes, version, reason));
}

/** One change to the body of a packet. */
interface Edit {
  kind: 'set' | 'flip' | 'insert' | 'delete' | 'truncate';
  /** Where, in 1/65,536 of the length. */
  place: number;
  value: number;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom<Edit['kind'][]>('set', 'set', 'flip', 'insert', 'delete', 'truncate'),
  place: fc.nat(65_535),
  value: fc.oneof(fc.constantFrom(0, 1, 2, 3, 0x7f, 0x80, 0xff), fc.nat(255)),
});

/** A packet with changes, and a remaining length that is right again. */
function mutate(packet: Uint8Array, edits: readonly Edit[], firstByte: number | undefined): Uint8Array {
  let header = 2;
  while (((packet[header - 1] ?? 0) & 0x80) !== 0) header++;
  const body = Array.from(packet.subarray(header));
  for (const { kind, place, value } of edits) {
    const at = Math.floor((place / 65_536) * (body.length + 1));
    if (kind === 'insert') body.splice(at, 0, value);
    else if (kind === 'delete') body.splice(at, 1);
    else if (kind === 'truncate') body.length = at;
    else if (at < body.length) body[at] = kind === 'set' ? value : (body[at] ?? 0) ^ (1 << (value & 7));
  }
  const size: number[] = [];
  let rest = body.length;
  do {
    size.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Uint8Array.from([firstByte ?? packet[0] ?? 0, ...size, ...body]);
}

describe.each<ProtocolVersion>([3, 4, 5])('version %i', (version) => {
  test('mqtt-packet decodes what we encode', { timeout }, () => {
    fc.assert(
      fc.property(arbitraryPacket(version), (packet) => {
        const bytes = encode(packet, version);
        const verdict = oracleDecode(bytes, version);
        if (explained(bytes, version, verdict)) return;
        const expected = { type: 'packet', packet: throughOracle(packet) };
        if (!same(verdict, expected)) expect(verdict, toHex(bytes)).toEqual(expected);
      }),
      { numRuns },
    );
  });

  test('we decode what mqtt-packet encodes', { timeout }, () => {
    fc.assert(
      fc.property(arbitraryPacket(version).filter(oracleWrites), (packet) => {
        const bytes = oracleEncode(packet, version);
        const packets = decode(bytes, version);
        const seen = typeof packets === 'string' ? packets : packets.map(throughOracle);
        const expected = [throughOracle(packet)];
        if (!same(seen, expected)) expect(seen, toHex(bytes)).toEqual(expected);
      }),
      { numRuns },
    );
  });

  test('we refuse whatever mqtt-packet refuses, but for listed differences, and read the rest alike', {
    timeout,
  }, () => {
    const small = arbitraryPacket(version).filter(
      (packet) => packet.type !== 'publish' || packet.payload.length < 64,
    );
    const firstByte = fc.option(fc.nat(255), { nil: undefined, freq: 9 });
    fc.assert(
      fc.property(
        small,
        fc.array(edit, { minLength: 1, maxLength: 3 }),
        firstByte,
        (packet, edits, first) => {
          const bytes = mutate(encode(packet, version), edits, first);
          const verdict = oracleDecode(bytes, version);
          const ours = decode(bytes, version);
          if (typeof ours === 'string' || explained(bytes, version, verdict)) return;
          const expected = { type: 'packet', packet: ours.map(throughOracle)[0] };
          if (!same(verdict, expected)) expect(verdict, toHex(bytes)).toEqual(expected);
        },
      ),
      { numRuns: 5 * numRuns },
    );
  });
});
