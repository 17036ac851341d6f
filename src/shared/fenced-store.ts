/**
 * A store that a tab writes to only while it holds the connection. A tab that hung or was frozen may have lost it
 * without having heard of that; so after a while without a look at the lock it looks first.
 */

import { StoreError } from '../errors';
import type { SessionStore } from '../index';

/**
 * How long a look at the lock holds good, in milliseconds. Nobody steals it from a tab that was alive so lately: see
 * `silenceAllowed` in `lookout.ts`.
 */
const leaseTime = 2_000;

/** What the fence needs to know. */
export interface Tenure {
  /** What this tab has heard. */
  isOurs(): boolean;
  /** Looks at the lock. */
  look(): Promise<boolean>;
  /** Whether another tab had the connection before: should it have the session still, it must not. */
  readonly takesOver: boolean;
}

/** See above. */
export function fencedStore(store: SessionStore, tenure: Tenure): SessionStore {
  let lookedAt = performance.now();
  const check = (isOurs: boolean) => {
    if (!isOurs) throw new StoreError('store-taken', 'Another tab has taken the session over');
  };
  const look = async () => {
    check((await tenure.look()) && tenure.isOurs());
    lookedAt = performance.now();
  };
  /** @returns a promise only when it has to look */
  const enter = (): Promise<void> | undefined => {
    check(tenure.isOurs());
    return performance.now() - lookedAt < leaseTime ? undefined : look();
  };
  const acquire = store.acquire?.bind(store);
  return {
    ...(acquire && {
      async acquire(key, options) {
        // At any age: what it steals would else be that of the tab which took over while this one was frozen.
        await look();
        return acquire(key, { ...options, steal: tenure.takesOver });
      },
    }),
    load: (key) => store.load(key),
    write(key, operations) {
      const entering = enter();
      return entering ? entering.then(() => store.write(key, operations)) : store.write(key, operations);
    },
    async clear(key) {
      await enter();
      await store.clear(key);
    },
  };
}
