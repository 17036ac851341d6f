/** What stands for a store where the application gives none: the session then lives and ends with its client. */

import type { SessionStore } from './store';

/** Keeps nothing; a session that nobody can restore gives it nothing to keep. */
export const noStore: SessionStore = {
  load: async () => [],
  write: () => {},
  clear: async () => {},
};
