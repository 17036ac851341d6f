import { describe, expect, test } from 'vitest';
import { encode, type Packet, type PublishProperties, UsageError } from '../../../src/codec';
import { Output, referenceFrom } from '../../../src/codec/output';
import { packetSize, publishSize, writeAck, writePacket, writePublish } from '../../../src/codec/writer';
import { concat, hex, toHex } from '../../support/hex';
import { decode } from './codec-asserts';

const nothing = new Uint8Array(0);
const properties: PublishProperties = {
  contentType: 'text/plain',
  userProperties: [['a', 'é']],
  correlationData: hex`0102`,
};

/** A payload that claims to be as long as no packet can be. */
function endless(): Uint8Array {
  return Object.defineProperty(new Uint8Array(0), 'length', { value: 268_435_456 });
}

function taken(out: Output): string {
  return toHex(concat(out.take().flat()));
}

describe('writePacket', () => {
  test('appends packet after packet', () => {
    const out = new Output();
    writePacket(out, { type: 'pingreq' }, 4);
    writePacket(out, { type: 'puback', packetId: 7, reasonCode: 0 }, 4);
    expect(taken(out)).toBe('c00040020007');
  });

  test('appends nothing when it throws', () => {
    const publish = {
      type: 'publish',
      topic: 'a',
      payload: nothing,
      qos: 0,
      retain: false,
      dup: false,
    } as const;
    const bad: readonly [Packet, 3 | 4 | 5][] = [
      [{ ...publish, topic: 'a/+' }, 5],
      [{ ...publish, payload: endless() }, 5],
      [{ ...publish, properties: { userProperties: [['a', '\ud800']] } }, 5],
      [{ ...publish, properties }, 4],
      [{ type: 'unsubscribe', packetId: 1, filters: ['a', 'b', ''] }, 5],
      [{ type: 'suback', packetId: 1, reasonCodes: [0, 1, 99] }, 5],
      [{ type: 'disconnect', reasonCode: 0, properties: { reasonString: '\0' } }, 5],
      [{ type: 'auth', reasonCode: 0 }, 4],
    ];
    const out = new Output();
    writePacket(out, { type: 'pingreq' }, 5);
    for (const [packet, version] of bad) {
      expect(() => writePacket(out, packet, version)).toThrow(UsageError);
      expect(() => packetSize(packet, version)).toThrow(UsageError);
    }
    expect(out.length).toBe(2);
    expect(taken(out)).toBe('c000');
  });
});

describe('writePublish', () => {
  test('writes what encode writes, for every flag and version', () => {
    for (const version of [3, 4, 5] as const) {
      for (const qos of [0, 1, 2] as const) {
        for (const retain of [false, true]) {
          for (const dup of qos > 0 ? [false, true] : [false]) {
            for (const size of [0, 1, 100, referenceFrom - 1, referenceFrom, 70_000]) {
              const payload = new Uint8Array(size).fill(0x41);
              const bag = version === 5 ? properties : undefined;
              const out = new Output();
              writePublish(out, 'topic/é', payload, qos, retain, dup, 513, bag, version);
              const packet: Packet = {
                type: 'publish',
                topic: 'topic/é',
                payload,
                qos,
                retain,
                dup,
                packetId: qos > 0 ? 513 : undefined,
                properties: bag,
              };
              expect(out.length).toBe(publishSize('topic/é', payload, qos, bag, version));
              const bytes = concat(out.take().flat());
              expect(Buffer.compare(bytes, encode(packet, version))).toBe(0);
            }
          }
        }
      }
    }
  });

  test('copies a small payload and refers to a large one', () => {
    const out = new Output();
    const small = new Uint8Array(referenceFrom - 1);
    const large = new Uint8Array(referenceFrom);
    writePublish(out, 'a', small, 0, false, false, 0, undefined, 5);
    writePublish(out, 'a', large, 0, false, false, 0, undefined, 5);
    const chunks = out.take().flat();
    expect(chunks).toContain(large);
    expect(chunks).not.toContain(small);
  });

  test('knows no properties before MQTT 5.0', () => {
    const out = new Output();
    writePublish(out, 'a', nothing, 0, false, false, 0, properties, 4);
    expect(taken(out)).toBe('3003000161');
    expect(publishSize('a', nothing, 0, properties, 4)).toBe(5);
  });

  test('appends nothing to what is too long for MQTT', () => {
    const out = new Output();
    expect(() => writePublish(out, 'a', endless(), 0, false, false, 0, undefined, 5)).toThrow('too long');
    expect(() => publishSize('a', endless(), 0, undefined, 5)).toThrow('too long');
    expect(out.length).toBe(0);
  });

  test('writes each topic right, however many there are', () => {
    const out = new Output();
    const topics = Array.from(
      { length: 3_000 },
      (_, index) => `device/${index * 7}/${'x'.repeat(index % 150)}/é`,
    );
    // Again and again, so that some are kept, some not, and the cache begins anew.
    const all = [...topics, ...topics.slice(0, 300), ...topics, ...topics];
    for (const topic of all) writePublish(out, topic, nothing, 0, false, false, 0, undefined, 4);
    const packets = decode(concat(out.take().flat()), 4);
    expect(packets.map((packet) => (packet.type === 'publish' ? packet.topic : ''))).toEqual(all);
  });

  test('appends nothing when topic or properties cannot be written', () => {
    const out = new Output();
    for (const topic of ['bad/+', 'bad/\0', 'bad/\ud800']) {
      expect(() => writePublish(out, topic, nothing, 0, false, false, 0, undefined, 4)).toThrow(UsageError);
      expect(() => publishSize(topic, nothing, 0, undefined, 4)).toThrow(UsageError);
    }
    const bad = { contentType: '\0' };
    expect(() => writePublish(out, 'a', nothing, 0, false, false, 0, bad, 5)).toThrow(UsageError);
    expect(out.length).toBe(0);
  });
});

describe('writeAck', () => {
  test('writes the shortest form', () => {
    const out = new Output();
    writeAck(out, 'puback', 0x1234, 0, 4);
    writeAck(out, 'pubrec', 2, 0, 5);
    writeAck(out, 'pubrel', 3, 0x92, 5);
    const words = { reasonString: 'x' };
    writePacket(out, { type: 'pubcomp', packetId: 0xffff, reasonCode: 0x92, properties: words }, 5);
    writePacket(out, { type: 'puback', packetId: 4, reasonCode: 0, properties: words }, 5);
    expect(taken(out)).toBe(
      toHex(
        hex`40 02 1234  50 02 0002  62 03 0003 92  70 08 ffff 92 04 1f 0001 'x'  40 08 0004 00 04 1f 0001 'x'`,
      ),
    );
  });

  test('has no reason before MQTT 5.0', () => {
    const out = new Output();
    writeAck(out, 'puback', 1, 0x87, 4);
    writeAck(out, 'pubrec', 1, 0x87, 3);
    expect(taken(out)).toBe('4002000150020001');
  });
});

describe('encode', () => {
  test('has room for the longest strings, wherever they stand', () => {
    for (const text of ['x'.repeat(65_535), 'é'.repeat(32_767), '漢'.repeat(21_845)]) {
      const entry = {
        filter: text,
        qos: 0,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
      } as const;
      const packets: Packet[] = [
        {
          type: 'connect',
          protocolVersion: 5,
          clientId: text,
          clean: true,
          keepAlive: 0,
          username: text,
          password: new Uint8Array(65_535).fill(7),
          properties: { userProperties: [[text, text]] },
        },
        { type: 'subscribe', packetId: 1, subscriptions: [entry, entry, entry] },
        { type: 'disconnect', reasonCode: 0, properties: { reasonString: text } },
        { type: 'publish', topic: text, payload: nothing, qos: 0, retain: false, dup: false },
      ];
      for (const packet of packets) expect(decode(encode(packet, 5), 5)).toEqual([packet]);
    }
  });

  test('has room wherever the buffer of its fields ends', () => {
    for (let size = 230; size < 560; size += 1) {
      // A large packet before makes the buffer begin anew, small.
      encode({ type: 'disconnect', reasonCode: 0, properties: { reasonString: 'x'.repeat(5_000) } }, 5);
      const text = 'x'.repeat(size);
      const packets: Packet[] = [
        { type: 'suback', packetId: 1, reasonCodes: Array<number>(size).fill(2) },
        { type: 'disconnect', reasonCode: 0, properties: { reasonString: text } },
        { type: 'auth', reasonCode: 0x18, properties: { authenticationMethod: text, reasonString: 'x' } },
        {
          type: 'publish',
          topic: 'a',
          payload: nothing,
          qos: 0,
          retain: false,
          dup: false,
          properties: { contentType: text, subscriptionIdentifiers: [268_435_455, 268_435_455, 1] },
        },
      ];
      for (const packet of packets) expect(decode(encode(packet, 5), 5)).toEqual([packet]);
    }
  });

  test('gives bytes that later calls leave alone', () => {
    const packets = Array.from(
      { length: 2_000 },
      (_, index): Packet => ({
        type: 'publish',
        topic: `t/${index}`,
        payload: new Uint8Array(index % 90).fill(index),
        qos: 0,
        retain: false,
        dup: false,
      }),
    );
    const encoded = packets.map((packet) => encode(packet, 5));
    expect(decode(concat(encoded), 5)).toEqual(packets);
  });

  test('survives the transfer of its memory to another thread', () => {
    const ping = encode({ type: 'pingreq' }, 5);
    structuredClone(ping, { transfer: [ping.buffer] });
    expect(ping.length).toBe(0);
    expect(toHex(encode({ type: 'pingresp' }, 5))).toBe('d000');
  });

  test('keeps a large packet in an array of its own', () => {
    const payload = new Uint8Array(100_000);
    const bytes = encode({ type: 'publish', topic: 'a', payload, qos: 0, retain: false, dup: false }, 4);
    expect(bytes.buffer.byteLength).toBe(bytes.length);
    expect(toHex(encode({ type: 'pingresp' }, 5))).toBe('d000');
  });
});
