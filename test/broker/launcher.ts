/**
 * Notices the end of whoever started this process: `npm run` ends on SIGTERM and takes its shell along, but not what
 * runs in it, which would keep the ports.
 */

import { readFileSync } from 'node:fs';

/** Milliseconds between two looks. */
const interval = 250;

/** The parent of a process; undefined where that cannot be told. */
function parentOf(pid: number): number | undefined {
  try {
    // The second field is a name in parentheses, which may hold anything.
    const [, parent] = /\) \S+ (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return parent === undefined ? undefined : Number(parent);
  } catch {
    return undefined;
  }
}

/** Our parent and its parent: between npm's shell and us is the loader of TypeScript. */
function ancestors(): string {
  return `${process.ppid} ${parentOf(process.ppid) ?? '?'}`;
}

/** Calls `action` once when npm started this process and is gone. The watch does not keep the process alive. */
export function onLauncherGone(action: () => void): void {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const before = ancestors();
  const timer = setInterval(() => {
    if (ancestors() === before) return;
    clearInterval(timer);
    action();
  }, interval);
  timer.unref();
}
