/** One owner for each session, in this page or process. */

import { StoreError } from '../errors';
import type { Release } from './store';

/** Keys of sessions that are open, and when each is released. */
export type Owners = Map<string, Promise<void>>;

/** Makes the caller the only owner. @throws StoreError when there is one */
export function own(owners: Owners, key: string): Release {
  if (owners.has(key)) throw inUse(key);
  let end = () => {};
  owners.set(key, new Promise<void>((resolve) => (end = resolve)));
  return () => {
    owners.delete(key);
    end();
  };
}

/** The error for a session that another client has. */
export function inUse(key: string): StoreError {
  return new StoreError(
    'store-in-use',
    `Session '${key}' is open in another client or page; close that one, or use another clientId`,
  );
}
