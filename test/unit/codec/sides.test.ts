import { expect, test } from 'vitest';
import { type DecodedPacket, encode, type PacketType } from '../../../src/codec';
import { type ClientPacket, packetSize, writePacket } from '../../../src/codec/client-packets';
import { Output } from '../../../src/codec/output';
import { serverPacketDecoder } from '../../../src/codec/server-packets';
import { concat, toHex } from '../../support/hex';
import { vectors as vectors3 } from './vectors-v3';
import { vectors as vectors5 } from './vectors-v5';

const vectors = [...vectors3, ...vectors5].flatMap(({ versions, ...rest }) =>
  versions.map((version) => ({ ...rest, version })),
);

const fromClientsOnly: readonly PacketType[] = ['connect', 'subscribe', 'unsubscribe', 'pingreq'];

test("the client's decoder takes what servers send, and nothing that only clients do", () => {
  for (const { name, version, bytes, packet } of vectors) {
    const packets: DecodedPacket[] = [];
    const decoder = serverPacketDecoder({
      protocolVersion: version,
      onPacket: (decoded) => packets.push(decoded),
    });
    if (fromClientsOnly.includes(packet.type)) {
      let error: unknown;
      try {
        decoder.push(bytes);
      } catch (thrown) {
        error = thrown;
      }
      expect(error, name).toMatchObject({ name: 'ProtocolError', reasonCode: 0x82 });
      expect(packets).toEqual([]);
    } else {
      decoder.push(bytes);
      expect(packets, name).toEqual([packet]);
    }
  }
});

test("the client's writer writes what clients send as encode does, and carries nothing else", () => {
  const types: readonly PacketType[] = [...fromClientsOnly, 'disconnect', 'auth'];
  for (const { name, version, packet } of vectors) {
    const out = new Output();
    const write = () => writePacket(out, packet as ClientPacket, version);
    if (types.includes(packet.type)) {
      write();
      const bytes = encode(packet, version);
      expect(packetSize(packet as ClientPacket, version), name).toBe(bytes.length);
      expect(toHex(concat(out.take().flat())), name).toBe(toHex(bytes));
    } else {
      expect(write, name).toThrow(TypeError);
      expect(out.length).toBe(0);
    }
  }
});
