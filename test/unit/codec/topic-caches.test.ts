import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { encodedTopic } from '../../../src/codec/encoded-topics';
import { TopicCache } from '../../../src/codec/topic-cache';

/** Topic Names, each different, of one length. */
const names = (count: number, length: number, first: string) =>
  Array.from({ length: count }, (_, index) => `${first}${index}`.padEnd(length, '-'));

describe('the cache of Topic Names that came', () => {
  /** How often names were decoded. */
  function decodings() {
    const spy = vi.spyOn(TextDecoder.prototype, 'decode');
    onTestFinished(() => spy.mockRestore());
    return spy.mock.calls;
  }

  function read(cache: TopicCache, name: string): string {
    const bytes = new TextEncoder().encode(name);
    // Among others, as in a chunk: what is beside it must not count.
    const chunk = Uint8Array.from([0xff, ...bytes, 0xff]);
    return cache.read(chunk, new DataView(chunk.buffer), 1, 1 + bytes.length);
  }

  test('decodes a name once', () => {
    const calls = decodings();
    const cache = new TopicCache();
    const name = 'x'.repeat(128);
    for (let times = 0; times < 3; times += 1) expect(read(cache, name)).toBe(name);
    expect(calls).toHaveLength(1);
  });

  test.each([0, 1, 3, 4, 5, 7, 8, 9, 127, 128, 129])(
    'tells names of %i bytes apart, whichever byte differs',
    (size) => {
      const cache = new TopicCache();
      const first = 'x'.repeat(size);
      for (let index = 0; index < size; index += 1) {
        const other = `${first.slice(0, index)}y${first.slice(index + 1)}`;
        for (const name of [first, first, other, other, first]) expect(read(cache, name)).toBe(name);
      }
      expect(read(cache, first)).toBe(first);
    },
  );

  test('finds most of 500 names again that differ in a few bytes', () => {
    const calls = decodings();
    const cache = new TopicCache();
    const all = names(500, 30, 'site/a/sensor/');
    for (const name of all) read(cache, name);
    const decoded = calls.length;
    expect(decoded).toBe(500);
    for (const name of all) expect(read(cache, name)).toBe(name);
    // Two in one slot displace each other: of 500 in 1,024 slots some do.
    expect(calls.length - decoded).toBeLessThan(300);
  });

  test('keeps no long names, so that a server cannot fill our memory with them', () => {
    const calls = decodings();
    const cache = new TopicCache();
    const name = 'x'.repeat(129);
    for (let times = 0; times < 3; times += 1) expect(read(cache, name)).toBe(name);
    expect(calls).toHaveLength(3);
  });
});

describe('the cache of Topic Names that we send', () => {
  /** Whether a name is kept: what is not kept lies in a buffer that the next call uses again. */
  function isKept(name: string): boolean {
    encodedTopic(name);
    const bytes = encodedTopic(name);
    return encodedTopic(name) === bytes;
  }

  test('keeps short names only, and no more than a few hundred', () => {
    expect(isKept('y'.repeat(129))).toBe(false);
    const all = names(1_000, 128, 'kept/');
    for (const name of all) encodedTopic(name);
    const kept = all.filter(isKept);
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThanOrEqual(256);
    for (const name of all) {
      const bytes = encodedTopic(name);
      expect(new TextDecoder().decode(bytes.subarray(2))).toBe(name);
    }
  });

  test('begins anew when other names are in use', () => {
    for (const name of names(1_000, 20, 'old/')) encodedTopic(name);
    const later = names(100, 20, 'new/');
    for (let rounds = 0; rounds < 100 && !later.every(isKept); rounds += 1) later.forEach(encodedTopic);
    expect(later.every(isKept)).toBe(true);
  });
});
