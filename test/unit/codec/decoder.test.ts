import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  type DecodedPacket,
  Decoder,
  type DecoderOptions,
  encode,
  type Packet,
  UsageError,
} from '../../../src/codec';
import { concat, hex } from '../../support/hex';
import { vectors as vectors3 } from './vectors-v3';
import { vectors as vectors5 } from './vectors-v5';

function collect(options: Partial<DecoderOptions> = {}) {
  const packets: DecodedPacket[] = [];
  const decoder = new Decoder({ protocolVersion: 5, onPacket: (packet) => packets.push(packet), ...options });
  return { packets, decoder };
}

afterEach(() => vi.unstubAllGlobals());

function thrown(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

function publish(topic: string, payload: Uint8Array, version: 4 | 5 = 5): Uint8Array {
  return encode({ type: 'publish', topic, payload, qos: 0, retain: false, dup: false }, version);
}

describe('a stream of packets', () => {
  const small = vectors5.filter(({ bytes }) => bytes.length < 100);
  const stream = concat(small.map(({ bytes }) => bytes));
  const expected = small.map(({ packet }) => packet);

  test('is the same in one chunk and byte by byte', () => {
    const whole = collect();
    whole.decoder.push(stream);
    expect(whole.packets).toEqual(expected);
    const single = collect();
    for (const byte of stream) single.decoder.push(Uint8Array.of(byte));
    expect(single.packets).toEqual(expected);
  });

  test('may be cut in two at every byte', () => {
    for (let at = 0; at <= stream.length; at++) {
      const { packets, decoder } = collect();
      decoder.push(stream.subarray(0, at));
      decoder.push(stream.subarray(at));
      expect(packets.length, `cut at ${at}`).toBe(expected.length);
    }
  });

  test('may be cut in three at every pair of bytes of a packet, the header included', () => {
    const bytes = encode(
      {
        type: 'publish',
        topic: 't',
        payload: new Uint8Array(150).fill(1),
        qos: 1,
        retain: false,
        dup: false,
        packetId: 9,
      },
      5,
    );
    const alone = collect();
    alone.decoder.push(bytes);
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const { packets, decoder } = collect();
        decoder.push(bytes.slice(0, first));
        decoder.push(bytes.slice(first, second));
        decoder.push(bytes.slice(second));
        if (packets.length !== 1) expect(packets, `${first}, ${second}`).toEqual(alone.packets);
      }
    }
  });

  test('decodes each packet as soon as its last byte is there', () => {
    const { packets, decoder } = collect();
    let complete = 0;
    for (const { bytes } of small) {
      for (const byte of bytes.subarray(0, -1)) decoder.push(Uint8Array.of(byte));
      expect(packets).toHaveLength(complete);
      decoder.push(bytes.subarray(-1));
      expect(packets).toHaveLength(++complete);
    }
  });

  test('takes empty chunks', () => {
    const { packets, decoder } = collect();
    decoder.push(new Uint8Array(0));
    const transferred = new Uint8Array(8);
    structuredClone(transferred, { transfer: [transferred.buffer] });
    decoder.push(transferred);
    decoder.push(Buffer.alloc(0));
    decoder.push(hex`c0`);
    decoder.push(new Uint8Array(0));
    decoder.push(hex`00`);
    expect(packets).toEqual([{ type: 'pingreq' }]);
  });

  test('may hold a large packet in chunks of any size, followed by another', () => {
    const payload = Uint8Array.from({ length: 300_000 }, (_, index) => index & 0xff);
    const bytes = concat([publish('large', payload), hex`d0 00`]);
    for (const size of [7, 1_000, 65_536, 299_999]) {
      const { packets, decoder } = collect();
      for (let at = 0; at < bytes.length; at += size) decoder.push(bytes.slice(at, at + size));
      expect(packets).toHaveLength(2);
      const [first] = packets;
      expect(first?.type === 'publish' && Buffer.compare(first.payload, payload)).toBe(0);
    }
  });
});

describe('the version', () => {
  test('is that of MQTT 3.1.1 until it is told or a CONNECT says it', () => {
    const decoder = new Decoder({ onPacket: () => {} });
    expect(decoder.protocolVersion).toBe(4);
    decoder.protocolVersion = 5;
    expect(decoder.protocolVersion).toBe(5);
  });

  test.each([
    [3, hex`10 0e 0006 'MQIsdp' 03 02 003c 0000`],
    [4, hex`10 0c 0004 'MQTT' 04 02 003c 0000`],
    [5, hex`10 0d 0004 'MQTT' 05 02 003c 00 0000`],
  ] as const)(
    'becomes %i with a CONNECT that says so, for the packets right behind it',
    (version, connect) => {
      const subscribe: Packet = {
        type: 'subscribe',
        packetId: 1,
        subscriptions: [{ filter: 'a', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
      };
      const { packets, decoder } = collect({ protocolVersion: version === 5 ? 4 : 5 });
      decoder.push(concat([connect, encode(subscribe, version)]));
      expect(decoder.protocolVersion).toBe(version);
      expect(packets[1]).toEqual(subscribe);
    },
  );

  test('is known as soon as CONNECT told it, even when the rest of CONNECT is bad', () => {
    const { decoder } = collect({ protocolVersion: 4 });
    expect(() => decoder.push(hex`10 0d 0004 'MQTT' 05 03 003c 00 0000`)).toThrow();
    expect(decoder.protocolVersion).toBe(5);
  });
});

describe('the size limit', () => {
  test('refuses a packet that is larger as soon as its length is known', () => {
    const { packets, decoder } = collect({ maximumPacketSize: 100 });
    decoder.push(hex`c0 00 30`);
    expect(thrown(() => decoder.push(hex`63`))).toMatchObject({
      name: 'ProtocolError',
      code: 'packet-too-large',
      reasonCode: 0x95,
    });
    expect(packets).toEqual([{ type: 'pingreq' }]);
  });

  test('comes before anything is allocated for the packet', () => {
    const sizes: unknown[] = [];
    const construct = (target: typeof Uint8Array, given: [number]) => {
      sizes.push(given[0]);
      return Reflect.construct(target, given);
    };
    const bytes = hex`30 ffffff7f`;
    vi.stubGlobal('Uint8Array', new Proxy(Uint8Array, { construct }));
    const { decoder } = collect({ maximumPacketSize: 100 });
    expect(() => decoder.push(bytes)).toThrow('larger');
    expect(sizes.filter((size) => typeof size === 'number' && size > 100)).toEqual([]);
  });

  test('counts the fixed header', () => {
    const { packets, decoder } = collect({ maximumPacketSize: 100 });
    decoder.push(publish('topic', new Uint8Array(90)));
    expect(packets).toHaveLength(1);
    expect(() => decoder.push(publish('topic', new Uint8Array(91)))).toThrow('larger');
  });

  test('is that of MQTT when none is given', () => {
    const { decoder } = collect();
    decoder.push(hex`30 ffffff7f`);
    expect(() => decoder.push(hex`00 01`)).not.toThrow();
  });

  test('an announced size allocates nothing: memory grows with what arrives', () => {
    const before = process.memoryUsage().arrayBuffers;
    const decoders = Array.from({ length: 100 }, () => {
      const { decoder } = collect();
      decoder.push(hex`30 ffffff7f 0001 'a' 00`);
      decoder.push(new Uint8Array(300));
      return decoder;
    });
    // 100 times 256 MiB were announced.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * 2 * 65_536);
    expect(decoders).toHaveLength(100);
  });
});

describe('after an error', () => {
  test('push throws the same error again, and nothing is delivered', () => {
    const { packets, decoder } = collect();
    const error = thrown(() => decoder.push(hex`c0 00 00 00 c0 00`));
    expect(error).toMatchObject({ code: 'malformed-packet' });
    expect(packets).toHaveLength(1);
    expect(thrown(() => decoder.push(hex`c0 00`))).toBe(error);
    decoder.stop();
    expect(thrown(() => decoder.push(hex`c0 00`))).toBe(error);
    expect(packets).toHaveLength(1);
  });

  test.each([
    ['text', hex`'H'`, 'wrong flags'],
    ['packet type 0', hex`00`, 'reserved'],
    ['PUBLISH with QoS 3', hex`36`, 'QoS 3'],
    ['PUBLISH with DUP and QoS 0', hex`38`, 'DUP'],
  ])('the first byte is enough to refuse what is no MQTT: %s', (_, first, words) => {
    const { decoder } = collect();
    expect(() => decoder.push(first)).toThrow(words);
  });

  test('an error of onPacket comes out of push, and the decoder is dead', () => {
    const failure = new Error('from the application');
    let calls = 0;
    const decoder = new Decoder({
      onPacket: () => {
        calls++;
        throw failure;
      },
    });
    expect(thrown(() => decoder.push(hex`c0 00 c0 00`))).toBe(failure);
    expect(thrown(() => decoder.push(hex`c0 00`))).toBe(failure);
    expect(calls).toBe(1);
  });

  test('push within onPacket is refused, as it would change the order', () => {
    const decoder: Decoder = new Decoder({ onPacket: () => decoder.push(hex`d0 00`) });
    expect(thrown(() => decoder.push(hex`c0 00`))).toMatchObject({ name: 'UsageError', code: 'in-use' });
  });
});

describe('stop', () => {
  test('ends delivery at once, even within a chunk', () => {
    const packets: DecodedPacket[] = [];
    const decoder: Decoder = new Decoder({
      onPacket: (packet) => {
        packets.push(packet);
        if (packet.type === 'pingresp') decoder.stop();
      },
    });
    decoder.push(hex`c0 00 d0 00 c0 00 00 00`);
    expect(packets.map(({ type }) => type)).toEqual(['pingreq', 'pingresp']);
    decoder.push(hex`c0 00 00 00`);
    expect(packets).toHaveLength(2);
  });

  test('ends delivery when the packet that led to it came in parts', () => {
    const packets: DecodedPacket[] = [];
    const decoder: Decoder = new Decoder({
      onPacket: (packet) => {
        packets.push(packet);
        decoder.stop();
      },
    });
    decoder.push(hex`c0`);
    decoder.push(hex`00 d0 00`);
    expect(packets).toEqual([{ type: 'pingreq' }]);
  });

  test('between chunks drops what is held', () => {
    const { packets, decoder } = collect();
    decoder.push(hex`c0`);
    decoder.stop();
    decoder.push(hex`00`);
    expect(packets).toEqual([]);
  });
});

describe('a payload', () => {
  function payloadOf(decoder: Decoder, packets: DecodedPacket[], chunk: Uint8Array) {
    decoder.push(chunk);
    const packet = packets.at(-1);
    if (packet?.type !== 'publish') throw new Error('no PUBLISH');
    return packet.payload;
  }

  test('is a view of a small chunk', () => {
    const { packets, decoder } = collect();
    const chunk = publish('a', new Uint8Array(100).fill(7)).slice();
    expect(payloadOf(decoder, packets, chunk).buffer).toBe(chunk.buffer);
  });

  test('is a view of a large chunk that it fills for a good part', () => {
    const { packets, decoder } = collect();
    const chunk = publish('a', new Uint8Array(60_000).fill(7)).slice();
    expect(payloadOf(decoder, packets, chunk).buffer).toBe(chunk.buffer);
  });

  test.each([1, 64, 65, 1_000, 4_096, 5_000, 15_000])(
    'of %i bytes in a chunk of 64 KiB is a copy that keeps little memory alive',
    (size) => {
      const { packets, decoder } = collect();
      const chunk = new Uint8Array(65_536);
      const one = publish(
        'a',
        Uint8Array.from({ length: size }, (_, index) => index & 0xff),
      );
      chunk.set(one);
      const payload = payloadOf(decoder, packets, chunk.subarray(0, one.length));
      expect(payload.buffer).not.toBe(chunk.buffer);
      expect(payload.buffer.byteLength).toBeLessThanOrEqual(Math.max(8_192, size * 4));
      expect(Array.from(payload)).toEqual(Array.from(one.subarray(-size)));
    },
  );

  test('that is the last of a chunk shares its copy with none', () => {
    const { packets, decoder } = collect();
    const chunk = new Uint8Array(65_536);
    const one = publish('a', Uint8Array.of(1, 2));
    const two = publish('a', Uint8Array.of(3, 4));
    chunk.set([...one, ...two]);
    const payload = payloadOf(decoder, packets, chunk.subarray(0, one.length));
    expect([[...payload], payload.buffer.byteLength]).toEqual([[1, 2], 2]);
    const last = payloadOf(decoder, packets, chunk.subarray(0, one.length + two.length));
    expect([...last]).toEqual([3, 4]);
  });

  test('is never overwritten by what comes later', () => {
    const { packets, decoder } = collect();
    const count = 500;
    for (let index = 0; index < count; index++) {
      const bytes = publish('a', new Uint8Array(1 + (index % 300)).fill(index & 0xff));
      // Whole, in two parts and byte by byte, in chunks that are small and large.
      const cuts = [bytes.length, 5, 1][index % 3] ?? 1;
      for (let at = 0; at < bytes.length; at += cuts) {
        const large = new Uint8Array(index % 2 === 0 ? 10_000 : bytes.length);
        large.set(bytes.subarray(at, at + cuts));
        decoder.push(large.subarray(0, Math.min(cuts, bytes.length - at)));
      }
    }
    expect(packets).toHaveLength(count);
    packets.forEach((packet, index) => {
      if (packet.type !== 'publish') throw new Error('no PUBLISH');
      expect(packet.payload.length).toBe(1 + (index % 300));
      expect(packet.payload.every((byte) => byte === (index & 0xff))).toBe(true);
    });
  });

  test('is a plain Uint8Array, also from chunks that are Buffers', () => {
    const { packets, decoder } = collect();
    for (const size of [0, 10, 1_000]) {
      const payload = payloadOf(decoder, packets, Buffer.from(publish('a', new Uint8Array(size))));
      expect(payload.constructor).toBe(Uint8Array);
      expect(payload.length).toBe(size);
    }
  });

  test.each([64, 5_000])('of %i bytes in a large Buffer is a copy, as binary properties are', (size) => {
    const { packets, decoder } = collect({ protocolVersion: 5 });
    const payload = Uint8Array.from({ length: size }, (_, index) => index & 0xff);
    const packet = { type: 'publish', topic: 'a', payload, qos: 0, retain: false, dup: false } as const;
    const bytes = encode({ ...packet, properties: { correlationData: payload } }, 5);
    const chunk = Buffer.alloc(100_000);
    chunk.set(bytes, 700);
    decoder.push(chunk.subarray(700, 700 + bytes.length));
    chunk.fill(0xee);
    expect(packets).toEqual([{ ...packet, properties: { correlationData: payload } }]);
    const [decoded] = packets;
    if (decoded?.type !== 'publish') throw new Error('no PUBLISH');
    expect(decoded.payload.constructor).toBe(Uint8Array);
    expect(decoded.properties?.correlationData?.constructor).toBe(Uint8Array);
  });

  test('respects the offset of its chunk', () => {
    const { packets, decoder } = collect();
    const chunk = new Uint8Array(1_000);
    const one = publish('a', hex`01 02 03`);
    chunk.set(one, 500);
    expect(Array.from(payloadOf(decoder, packets, chunk.subarray(500, 500 + one.length)))).toEqual([1, 2, 3]);
  });

  test('is a copy of memory that is shared with other threads', () => {
    const { packets, decoder } = collect();
    const one = publish('a', hex`01 02 03`);
    const chunk = new Uint8Array(new SharedArrayBuffer(one.length));
    chunk.set(one);
    const payload = payloadOf(decoder, packets, chunk);
    expect(payload.buffer).toBeInstanceOf(ArrayBuffer);
    expect(Array.from(payload)).toEqual([1, 2, 3]);
  });

  test('makes a Blob without a cast', async () => {
    const { packets, decoder } = collect();
    decoder.push(publish('a', hex`'hi'`));
    const [packet] = packets;
    if (packet?.type !== 'publish') throw new Error('no PUBLISH');
    // The types are what is tested here, with every run of the type checker.
    expect(await new Blob([packet.payload]).text()).toBe('hi');
  });
});

describe('topics', () => {
  test('that repeat are the same string, and never mixed up', () => {
    const { packets, decoder } = collect();
    const names = Array.from({ length: 2_000 }, (_, index) => `device/${index % 700}/é${index % 3}/state`);
    const ascii = names.map((name) => name.replace('é', 'e'));
    for (const name of [...names, ...ascii]) decoder.push(publish(name, new Uint8Array(0)));
    expect(packets.map((packet) => (packet.type === 'publish' ? packet.topic : ''))).toEqual([
      ...names,
      ...ascii,
    ]);
  });

  test('are checked although one of the same length was seen before', () => {
    const { decoder } = collect();
    decoder.push(publish('a/b', new Uint8Array(0)));
    expect(() => decoder.push(hex`30 06 0003 'a/+' 00`)).toThrow('wildcard');
  });
});

test('a megabyte in chunks of one byte is gathered without copying it again and again', () => {
  // Copying all that is held for each chunk would move 500 GB: the test would never come to its end.
  const bytes = publish('a', new Uint8Array(1_000_000));
  const { decoder, packets } = collect();
  const chunk = new Uint8Array(1);
  for (const byte of bytes) {
    chunk[0] = byte;
    decoder.push(chunk);
  }
  expect(packets).toHaveLength(1);
});

test('two megabytes of User Properties are gathered without copying them again and again', () => {
  // Copying the list for each entry would move 640 GB.
  const userProperties = Array<[string, string]>(400_000).fill(['', '']);
  const payload = new Uint8Array(0);
  const packet = { type: 'publish', topic: 'a', payload, qos: 0, retain: false, dup: false } as const;
  const { decoder, packets } = collect();
  decoder.push(encode({ ...packet, properties: { userProperties } }, 5));
  expect(packets).toHaveLength(1);
});

test('a packet has no member for what it does not hold', () => {
  for (const [vectors, version] of [
    [vectors3, 4],
    [vectors5, 5],
  ] as const) {
    const own = vectors.filter(({ versions }) => versions.includes(version));
    const { packets, decoder } = collect({ protocolVersion: version });
    decoder.push(concat(own.map(({ bytes }) => bytes)));
    for (const packet of packets) expect(Object.values(packet)).not.toContain(undefined);
  }
});

test('wrong options and arguments are refused', () => {
  const onPacket = () => {};
  expect(() => new Decoder({ onPacket, maximumPacketSize: 0 })).toThrow(UsageError);
  expect(() => new Decoder({ onPacket, protocolVersion: 6 as 5 })).toThrow(UsageError);
  expect(() => new Decoder({} as DecoderOptions)).toThrow(UsageError);
  const misspelt = { onPacket, maxPacketSize: 1_024 };
  expect(() => new Decoder(misspelt)).toThrow(
    'options.maxPacketSize: there is no such option; one of protocolVersion, maximumPacketSize, onPacket',
  );
  expect(() => Reflect.construct(Decoder, [])).toThrow(UsageError);
  const decoder = new Decoder({ onPacket });
  expect(() => decoder.push('chunk' as unknown as Uint8Array)).toThrow(UsageError);
  expect(() => decoder.push(new ArrayBuffer(2) as unknown as Uint8Array)).toThrow(
    'chunk: must be a Uint8Array',
  );
  expect(() => {
    decoder.protocolVersion = '5' as unknown as 5;
  }).toThrow(UsageError);
  decoder.push(hex`c0 00`);
});

test('the decoder takes every vector of MQTT 3.1 and 3.1.1 in one stream each', () => {
  for (const version of [3, 4] as const) {
    const own = vectors3.filter(({ versions }) => versions.includes(version));
    const { packets, decoder } = collect({ protocolVersion: version });
    decoder.push(concat(own.map(({ bytes }) => bytes)));
    expect(packets).toEqual(own.map(({ packet }) => packet));
  }
});
