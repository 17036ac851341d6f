/** One owner for each session among all pages and workers of an origin: a Web Lock that is held while it is open. */

import { inUse, type Owners, own } from './owners';
import type { AcquireOptions, Release } from './store';

/**
 * For how long another owner is not taken for one that stays, in milliseconds: the page that this one replaces
 * (a reload) may go a little later than this one comes.
 */
const reloadGrace = 1_000;

/** Owners in this page, where there are no Web Locks. */
const owners: Owners = new Map();

/**
 * Takes the lock of a session.
 *
 * @param name names the lock
 * @param key names the session in errors
 * @param waits whether it waits for another owner to go
 * @throws StoreError, DOMException
 */
export function acquireLock(
  name: string,
  key: string,
  waits: boolean,
  options: AcquireOptions,
): Promise<Release> {
  const locks = globalThis.navigator?.locks as LockManager | undefined;
  // Only secure contexts have them: https and localhost.
  return locks ? acquireFrom(locks, name, key, waits, options) : acquireHere(name, key, waits, options);
}

function acquireFrom(
  locks: LockManager,
  name: string,
  key: string,
  waits: boolean,
  { signal, steal, lost }: AcquireOptions,
): Promise<Release> {
  return new Promise((resolve, reject) => {
    const ending = new AbortController();
    const abort = () => ending.abort(signal.reason);
    const timer = waits ? undefined : setTimeout(() => ending.abort(inUse(key)), reloadGrace);
    const stopWaiting = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
    let isHeld = false;
    const held: Promise<void> = locks.request(name, steal ? { steal } : { signal: ending.signal }, () => {
      stopWaiting();
      isHeld = true;
      return new Promise<void>((end) => {
        resolve(() => {
          end();
          return held;
        });
      });
    });
    held.catch((error: unknown) => {
      stopWaiting();
      // Someone has asked for the lock with `steal: true`.
      if (isHeld) lost(error);
      else reject(ending.signal.aborted ? ending.signal.reason : error);
    });
  });
}

async function acquireHere(
  name: string,
  key: string,
  waits: boolean,
  { signal }: AcquireOptions,
): Promise<Release> {
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
  aborted.catch(() => {});
  signal.throwIfAborted();
  while (waits && owners.has(name)) await Promise.race([owners.get(name), aborted]);
  try {
    return own(owners, name);
  } catch {
    throw inUse(key);
  }
}
