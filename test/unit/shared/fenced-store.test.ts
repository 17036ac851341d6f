import { afterEach, expect, test, vi } from 'vitest';
import { memoryStore, type SessionStore, StoreError } from '../../../src/index';
import { fencedStore } from '../../../src/shared/fenced-store';

afterEach(() => {
  vi.useRealTimers();
});

/** A store, and what decides whether it may be written to. */
function fence({ takesOver = false } = {}) {
  vi.useFakeTimers({ toFake: ['performance'] });
  const tenure = { isOurs: vi.fn(() => true), look: vi.fn(async () => true), takesOver };
  const inner = { ...memoryStore(), acquire: vi.fn(async () => () => {}) };
  return { tenure, inner, store: fencedStore(inner, tenure) };
}

test('a store of a tab that looked lately answers as it does without a fence', () => {
  const { store, tenure } = fence();
  expect(store.write('key', [])).toBeUndefined();
  expect(tenure.look).not.toHaveBeenCalled();
});

test('after a while the lock is looked at first, and that holds for a while', async () => {
  const { store, tenure } = fence();
  vi.advanceTimersByTime(2_000);
  await store.write('key', []);
  expect(tenure.look).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(1_999);
  expect(store.write('key', [])).toBeUndefined();
});

test('nothing is written once the lock turns out to be another tab’s', async () => {
  const { store, tenure, inner } = fence();
  const write = vi.spyOn(inner, 'write');
  tenure.look.mockResolvedValue(false);
  vi.advanceTimersByTime(5_000);
  await expect(store.write('key', [])).rejects.toMatchObject({ code: 'store-taken' });
  tenure.isOurs.mockReturnValue(false);
  expect(() => store.write('key', [])).toThrow(StoreError);
  await expect(store.clear('key')).rejects.toBeInstanceOf(StoreError);
  expect(write).not.toHaveBeenCalled();
});

test.each([true, false])(
  'the session is taken from its owner when the tab takes over: %s',
  async (takesOver) => {
    const { store, inner } = fence({ takesOver });
    const options = { signal: new AbortController().signal, lost: () => {} };
    await store.acquire?.('key', options);
    expect(inner.acquire).toHaveBeenCalledWith('key', { ...options, steal: takesOver });
  },
);

test('the session is not taken from its owner by a tab that was frozen before it could, and lost the lock', async () => {
  const { store, inner, tenure } = fence({ takesOver: true });
  tenure.look.mockResolvedValue(false);
  const options = { signal: new AbortController().signal, lost: () => {} };
  await expect(store.acquire?.('key', options)).rejects.toMatchObject({ code: 'store-taken' });
  expect(inner.acquire).not.toHaveBeenCalled();
});

test('a store that knows no owners is not asked for one', () => {
  const tenure = { isOurs: () => true, look: async () => true, takesOver: true };
  const store = { ...memoryStore(), acquire: undefined } as unknown as SessionStore;
  expect(fencedStore(store, tenure).acquire).toBeUndefined();
});
