import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { painter } from '../../../demo/page/painter';

/** What the browser would call with its next frame. */
let frame: (() => void) | undefined;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('requestAnimationFrame', (call: () => void) => {
    frame = call;
  });
});

afterEach(() => {
  frame = undefined;
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function nextFrame(): void {
  const call = frame;
  frame = undefined;
  call?.();
}

test('paints once with the next frame for all that asked before it', () => {
  const paint = vi.fn();
  const soon = painter(paint);
  for (let i = 0; i < 1_000; i += 1) soon();
  expect(paint).not.toHaveBeenCalled();
  nextFrame();
  expect(paint).toHaveBeenCalledOnce();
});

test('leaves a tenth of a second between two paintings, and forgets none that was asked for', () => {
  const paint = vi.fn();
  const soon = painter(paint);
  soon();
  nextFrame();
  soon();
  vi.advanceTimersByTime(99);
  nextFrame();
  expect(paint).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1);
  nextFrame();
  expect(paint).toHaveBeenCalledTimes(2);
});

test('leaves three times as long as a painting took', () => {
  // The browser's own part of the work comes after the call and before the next task.
  const paint = vi.fn();
  const soon = painter(paint);
  const now = vi.spyOn(performance, 'now').mockReturnValue(0);
  soon();
  nextFrame();
  now.mockReturnValue(200);
  vi.advanceTimersByTime(0);
  soon();
  vi.advanceTimersByTime(599);
  nextFrame();
  expect(paint).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1);
  nextFrame();
  expect(paint).toHaveBeenCalledTimes(2);
});

test('paints at once again after a rest', () => {
  const paint = vi.fn();
  const soon = painter(paint);
  soon();
  nextFrame();
  vi.advanceTimersByTime(100);
  expect(frame).toBeUndefined();
  soon();
  nextFrame();
  expect(paint).toHaveBeenCalledTimes(2);
});
