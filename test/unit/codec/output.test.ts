import { describe, expect, test } from 'vitest';
import { type Frame, frameLimit, Output } from '../../../src/codec/output';

/** Appends a packet of so many bytes, all of one value, with a payload by reference if there is one. */
function append(out: Output, size: number, value: number, payload?: Uint8Array): void {
  const offset = out.begin(size, size + (payload?.length ?? 0));
  out.bytes.fill(value, offset, offset + size);
  if (payload) out.reference(payload);
}

/** The values in a frame, each with how many bytes of it follow each other: `1x10 2x5`. */
function shortly(frame: Frame): string {
  const runs: [value: number, count: number][] = [];
  for (const value of frame.flatMap((chunk) => [...chunk])) {
    const last = runs.at(-1);
    if (last?.[0] === value) last[1] += 1;
    else runs.push([value, 1]);
  }
  return runs.map(([value, count]) => `${value}x${count}`).join(' ');
}

describe('an output', () => {
  test('holds what was appended since the last look, in one frame while it fits', () => {
    const out = new Output();
    expect(out.take()).toEqual([]);
    for (const first of [1, 3]) {
      append(out, 10, first);
      append(out, 500, first + 1);
      expect(out.length).toBe(510);
      expect(out.take().map(shortly)).toEqual([`${first}x10 ${first + 1}x500`]);
      expect(out.length).toBe(0);
      expect(out.take()).toEqual([]);
    }
  });

  test('begins a frame with a packet that the one before has no room for', () => {
    const out = new Output();
    append(out, frameLimit - 10, 1);
    append(out, 10, 2);
    append(out, 1, 3);
    append(out, frameLimit, 4);
    append(out, frameLimit + 1, 5);
    append(out, 1, 6);
    expect(out.take().map(shortly)).toEqual([
      `1x${frameLimit - 10} 2x10`,
      '3x1',
      `4x${frameLimit}`,
      `5x${frameLimit + 1}`,
      '6x1',
    ]);
  });

  test('counts what it refers to, and cuts no packet in two', () => {
    const out = new Output();
    const payload = new Uint8Array(30_000).fill(9);
    for (const value of [1, 2, 3]) append(out, 5, value, payload);
    expect(out.length).toBe(3 * 30_005);
    const frames = out.take();
    expect(frames.map(shortly)).toEqual(['1x5 9x30000 2x5 9x30000', '3x5 9x30000']);
    expect(frames.flat().filter((chunk) => chunk === payload)).toHaveLength(3);
  });

  test('writes no byte twice: what was taken may still be on its way', () => {
    const out = new Output();
    const taken: Frame[] = [];
    const expected: string[] = [];
    for (let count = 0; count < 500; count += 1) {
      const size = 1 + ((count * 7_919) % 2_000);
      append(out, size, count % 256);
      taken.push(...out.take());
      expected.push(`${count % 256}x${size}`);
    }
    expect(taken.map(shortly)).toEqual(expected);
  });

  test('keeps little while little is sent at a time, however often', () => {
    const out = new Output();
    for (let count = 0; count < 50_000; count += 1) {
      append(out, 2, 1);
      out.take();
    }
    expect(out.bytes.length).toBeLessThanOrEqual(256);
  });

  test('has large slabs for many packets at a time, which few frames lie in two of', () => {
    const out = new Output();
    let frames: Frame[] = [];
    for (let turn = 0; turn < 10; turn += 1) {
      for (let count = 0; count < 2_000; count += 1) append(out, 50, 1);
      frames = out.take();
    }
    expect(frames.length).toBeLessThanOrEqual(3);
    expect(frames.flat()).toHaveLength(frames.length);
  });

  test('keeps neither more than a frame nor a large packet while nothing is sent', () => {
    const out = new Output();
    for (const size of [10, 100_000, 1_000_000, 10]) {
      append(out, size, 1);
      out.take();
      expect(out.bytes.length).toBeLessThanOrEqual(frameLimit);
    }
  });

  test('grows from a few bytes: an idle connection holds no more than it needs', () => {
    const out = new Output();
    append(out, 10, 1);
    expect(out.bytes.length).toBe(256);
    for (let count = 0; count < 100; count += 1) append(out, 200, 2);
    expect(out.bytes.length).toBeLessThanOrEqual(frameLimit);
    expect(out.take().map(shortly)).toEqual(['1x10 2x20000']);
  });

  test('has a frame of few chunks once it is as large as a frame', () => {
    const out = new Output();
    for (let count = 0; count < 10_000; count += 1) append(out, 100, 1);
    for (const frame of out.take().slice(2)) expect(frame).toHaveLength(1);
  });
});
