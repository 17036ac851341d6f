import { afterEach, expect, test, vi } from 'vitest';
import { acquireLock } from '../../../src/store/web-lock';
import { FakeOrigin } from '../../support/fake-tabs';

afterEach(() => {
  vi.unstubAllGlobals();
});

test('a session is taken from an owner that holds it when it is stolen, and the owner hears of it', async () => {
  const origin = new FakeOrigin();
  const { signal } = new AbortController();
  const acquire = (steal: boolean, lost: () => void) => {
    vi.stubGlobal('navigator', { locks: origin.locksOf(origin.open()) });
    return acquireLock('lock', 'key', false, { signal, lost, steal });
  };
  const lost = vi.fn();
  await acquire(false, lost);
  const release = await acquire(true, () => {});
  await vi.waitFor(() => expect(lost).toHaveBeenCalledOnce());
  await release();
  expect(origin.holderOf('lock')).toBeUndefined();
});
