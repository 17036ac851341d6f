import { describe, expect, test } from 'vitest';
import { FakeClock, systemClock } from '../../broker/clock';

describe('the fake clock', () => {
  test('fires in order of time, then of arming, those armed meanwhile included', () => {
    const clock = new FakeClock(0);
    const fired: string[] = [];
    clock.schedule(20, () => fired.push(`b${clock.now()}`));
    clock.schedule(10, () => {
      fired.push(`a${clock.now()}`);
      clock.schedule(5, () => fired.push(`c${clock.now()}`));
    });
    clock.schedule(20, () => fired.push(`d${clock.now()}`));
    const cancelled = clock.schedule(1, () => fired.push('never'));
    cancelled.cancel();
    clock.advance(20);
    expect(fired).toEqual(['a10', 'c15', 'b20', 'd20']);
    expect([clock.now(), clock.pending]).toEqual([20, 0]);
  });
});

describe('the clock of the machine', () => {
  test('fires, does not fire when cancelled, and can wait for longer than a timer of Node', async () => {
    const fired: string[] = [];
    const never = systemClock.schedule(2 ** 32, () => fired.push('never'));
    const cancelled = systemClock.schedule(0, () => fired.push('cancelled'));
    cancelled.cancel();
    await new Promise<void>((resolve) => systemClock.schedule(1, resolve));
    never.cancel();
    expect(fired).toEqual([]);
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(10_000);
  });
});
