/** What may take how much memory. */

import { memoryInUse } from '../support/memory';
import { must } from './target';

/** Checks that what `make` builds, all of it kept alive, takes no more than so many bytes. */
export function mustTakeAtMost(limit: number, what: string, make: () => unknown): void {
  const before = memoryInUse();
  const kept = make();
  const taken = memoryInUse() - before;
  must(taken <= limit, `${what} takes ${taken} bytes, more than ${limit}`);
  must(kept !== undefined, `${what} is not there`);
}
