import { expect, test } from 'vitest';
import { type DecodedPacket, Decoder, MqttError, type ProtocolVersion } from '../../../src/codec';
import { concat, hex } from '../../support/hex';
import { expectation, faults } from './faults';

const cases = faults.flatMap(({ versions, ...rest }) =>
  versions.map((version) => [`v${version}: ${rest.name}`, { ...rest, version }] as const),
);

/** Pushes chunks until one is refused; returns what came before it and the error. */
function refuse(chunks: Iterable<Uint8Array>, protocolVersion: ProtocolVersion) {
  const packets: DecodedPacket[] = [];
  const decoder = new Decoder({ protocolVersion, onPacket: (packet) => packets.push(packet) });
  for (const chunk of chunks) {
    try {
      decoder.push(chunk);
    } catch (error) {
      return { packets, error, decoder };
    }
  }
  return { packets, error: undefined, decoder };
}

test.each(cases)('refuses %s', (_title, { bytes, version, kind }) => {
  const { packets, error } = refuse([bytes], version);
  expect(error).toBeInstanceOf(MqttError);
  expect(error).toMatchObject(expectation[kind]);
  expect(packets).toEqual([]);
});

test.each(cases)('refuses the same way byte by byte: %s', (_title, { bytes, version, kind }) => {
  const chunks = Array.from(bytes, (byte) => Uint8Array.of(byte));
  expect(refuse(chunks, version).error).toMatchObject(expectation[kind]);
});

test.each(cases)('delivers what came before, and nothing after: %s', (_title, { bytes, version, kind }) => {
  const ping = hex`c0 00`;
  const { packets, error, decoder } = refuse([concat([ping, ping, bytes, ping])], version);
  expect(error).toMatchObject(expectation[kind]);
  expect(packets).toEqual([{ type: 'pingreq' }, { type: 'pingreq' }]);
  expect(() => decoder.push(ping)).toThrow(error as Error);
  expect(packets).toHaveLength(2);
});

test('there are enough of them', () => {
  expect(faults.length).toBeGreaterThanOrEqual(80);
});
