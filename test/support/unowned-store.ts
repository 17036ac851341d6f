/** A store for pages that go without a word: it knows no owners, so that the next page may come at once. */

import { memoryStore, type SessionStore } from '../../src/index';

/** See above. */
export function unownedStore(): SessionStore {
  const { load, write, clear } = memoryStore();
  return { load, write, clear };
}
