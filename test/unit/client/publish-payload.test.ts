import { describe, expect, test } from 'vitest';
import { connected, idle } from '../../support/fake-client';
import { turn } from '../../support/fake-server';

const bytes = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
const part = (length: number) => bytes.slice(8, 8 + length);

const kinds: [name: string, payload: string | ArrayBuffer | ArrayBufferView, expected: Uint8Array][] = [
  ['a string', 'ü€😀', new TextEncoder().encode('ü€😀')],
  ['an empty string', '', new Uint8Array(0)],
  ['an ArrayBuffer', part(8).buffer, part(8)],
  ['an empty ArrayBuffer', new ArrayBuffer(0), new Uint8Array(0)],
  ['a Uint8Array', part(8), part(8)],
  ['an empty Uint8Array', new Uint8Array(0), new Uint8Array(0)],
  ['a part of an ArrayBuffer', new Uint8Array(bytes.buffer, 8, 4), part(4)],
  ['a Uint8ClampedArray', new Uint8ClampedArray(bytes.buffer, 8, 4), part(4)],
  ['an Int8Array', new Int8Array(bytes.buffer, 8, 4), part(4)],
  ['a Uint16Array', new Uint16Array(bytes.buffer, 8, 2), part(4)],
  ['an Int16Array', new Int16Array(bytes.buffer, 8, 2), part(4)],
  ['a Uint32Array', new Uint32Array(bytes.buffer, 8, 1), part(4)],
  ['an Int32Array', new Int32Array(bytes.buffer, 8, 1), part(4)],
  ['a Float32Array', new Float32Array(bytes.buffer, 8, 1), part(4)],
  ['a Float64Array', new Float64Array(bytes.buffer, 8, 1), part(8)],
  ['a BigInt64Array', new BigInt64Array(bytes.buffer, 8, 1), part(8)],
  ['a BigUint64Array', new BigUint64Array(bytes.buffer, 8, 1), part(8)],
  ['a DataView', new DataView(bytes.buffer, 8, 3), part(3)],
  ['a Buffer', Buffer.from(bytes.buffer, 8, 3), part(3)],
  ['a view of shared memory', new Uint8Array(new SharedArrayBuffer(3)).fill(7), Uint8Array.of(7, 7, 7)],
  [
    'a large view of shared memory',
    new Uint8Array(new SharedArrayBuffer(70_000)).fill(7),
    new Uint8Array(70_000).fill(7),
  ],
];

describe('a payload', () => {
  test.each(kinds)('may be %s', async (_name, payload, expected) => {
    const { client, server } = await connected();
    await Promise.all(([0, 1, 2] as const).map((qos) => client.publish('a', payload, { qos })));
    await turn();
    for (const packet of server.link.packets('publish')) expect(packet.payload).toEqual(expected);
    expect(server.link.packets('publish')).toHaveLength(3);
  });

  test('of another realm is taken, too', async () => {
    const { runInNewContext } = await import('node:vm');
    const { client, server } = await connected();
    await client.publish('a', runInNewContext('new Uint8Array([1, 2]).buffer'));
    await client.publish('a', runInNewContext('new Uint8Array([1, 2])'));
    await turn();
    for (const { payload } of server.link.packets('publish')) expect(payload).toEqual(Uint8Array.of(1, 2));
  });

  test.each([
    ['connected', 1],
    ['connected', 4_095],
    ['idle', 4_096],
    ['idle', 70_000],
  ])('for a client that is %s, of %i bytes, is copied at the call', async (state, size) => {
    for (const array of [new Uint8Array(size), Buffer.alloc(size)]) {
      const { client, server } = state === 'connected' ? await connected() : idle();
      const publishes = ([0, 1, 2] as const).map((qos) => {
        array.fill(qos + 1);
        return client.publish('a', array, { qos });
      });
      array.fill(9);
      await client.connect();
      await Promise.all(publishes);
      await turn();
      const sent = server.link.packets('publish').map(({ qos, payload }) => [qos, new Set(payload)]);
      expect(sent).toHaveLength(3);
      for (const [qos, values] of sent) expect(values).toEqual(new Set([Number(qos) + 1]));
    }
  });

  test('that was transferred away is a UsageError, not an empty message', async () => {
    const { client, server } = await connected();
    for (const make of [Uint8Array, DataView, Buffer.from, (buffer: ArrayBuffer) => buffer]) {
      const buffer = new ArrayBuffer(8);
      const payload: Uint8Array = Reflect.has(make, 'prototype')
        ? Reflect.construct(make as Uint8ArrayConstructor, [buffer])
        : (make as (buffer: ArrayBuffer) => Uint8Array)(buffer);
      structuredClone(buffer, { transfer: [buffer] });
      await expect(client.publish('a', payload)).rejects.toMatchObject({
        name: 'UsageError',
        message: expect.stringMatching(/^payload: .*transferred/),
      });
    }
    expect(server.link.packets('publish')).toEqual([]);
  });

  test('that no packet can hold is a UsageError', async () => {
    const { client } = idle();
    // With the topic, an identifier and the length of no properties it is one byte too many.
    const payload = new ArrayBuffer(268_435_455 - 9);
    for (const qos of [0, 1, 2] as const)
      await expect(client.publish('topic', payload, { qos })).rejects.toMatchObject({ name: 'UsageError' });
    expect(client.stats).toMatchObject({ queued: 0, inFlight: 0 });
  });
});
