import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DecodedPacket, Decoder, encode, type ProtocolVersion } from '../../../src/codec';
import { Output } from '../../../src/codec/output';
import { packetSize, writePacket } from '../../../src/codec/writer';
import { arbitraryPacket, chunkSizes, cut } from '../../support/arbitrary-packets';
import { concat } from '../../support/hex';
import { same } from '../../support/same-packet';
import { isThorough } from '../../support/thoroughness';

/** Packets that are checked for each version. */
const runs = Number(process.env['MQTIDE_ROUND_TRIP_RUNS'] ?? (isThorough ? 10_000 : 4_000));

/** Packets of one stream: what follows a packet must not suffer from it. */
const perStream = 5;

describe.each<ProtocolVersion>([3, 4, 5])('version %i', (version) => {
  const streams = fc.array(arbitraryPacket(version), { minLength: perStream, maxLength: perStream });

  test('decodes what it encodes, whatever the packets and the cuts of the stream', {
    timeout: 120_000,
  }, () => {
    fc.assert(
      fc.property(streams, chunkSizes, (packets, sizes) => {
        const out = new Output();
        for (const packet of packets) writePacket(out, packet, version);
        const bytes = concat(out.take().flat());
        const decoded: DecodedPacket[] = [];
        const decoder = new Decoder({ protocolVersion: version, onPacket: (packet) => decoded.push(packet) });
        for (const chunk of cut(bytes, sizes)) decoder.push(chunk);
        if (!same(decoded, packets)) expect(decoded).toEqual(packets);
        // What a packet does not hold is no member of its object.
        if (decoded.some((packet) => Object.values(packet).includes(undefined))) {
          expect.fail('a property without a value was decoded');
        }
      }),
      { numRuns: Math.ceil(runs / perStream) },
    );
  });

  test('encodes to the size that it announces, and alike in all its ways', () => {
    fc.assert(
      fc.property(arbitraryPacket(version), (packet) => {
        const bytes = encode(packet, version);
        const out = new Output();
        writePacket(out, packet, version);
        expect(packetSize(packet, version)).toBe(bytes.length);
        expect(out.length).toBe(bytes.length);
        expect(same(concat(out.take().flat()), bytes)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
