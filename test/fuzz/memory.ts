/** Memory of this process, as far as a test can tell. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { must } from './target';

let collect: (() => void) | undefined;

/** Collects garbage; works without `--expose-gc` on the command line. */
function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}

/** Bytes in use once garbage is collected. */
export function memoryInUse(): number {
  collectGarbage();
  // A second time: what the first left to finalizers.
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Checks that what `make` builds, all of it kept alive, takes no more than so many bytes. */
export function mustTakeAtMost(limit: number, what: string, make: () => unknown): void {
  const before = memoryInUse();
  const kept = make();
  const taken = memoryInUse() - before;
  must(taken <= limit, `${what} takes ${taken} bytes, more than ${limit}`);
  must(kept !== undefined, `${what} is not there`);
}
