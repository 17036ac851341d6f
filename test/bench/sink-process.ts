/** Starts the sink and asks it. */

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SinkCounts, SinkPorts } from './sink';

/** A running sink. */
export interface Sink {
  readonly ports: SinkPorts;
  /** What came since the last question. */
  counts(): Promise<SinkCounts>;
  close(): void;
}

/** Starts a sink in a process of its own. */
export async function startSink(): Promise<Sink> {
  const child = fork(fileURLToPath(new URL('sink.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] });
  const ports = await message<SinkPorts>(child);
  return {
    ports,
    counts: () => {
      const counts = message<SinkCounts>(child);
      child.send('count');
      return counts;
    },
    close: () => child.disconnect(),
  };
}

/** The next message of a child. */
export function message<Value>(child: ChildProcess): Promise<Value> {
  return new Promise((resolve, reject) => {
    const gone = (code: number | null): void => reject(new Error(`a process of the bench ended: ${code}`));
    child.once('exit', gone);
    child.once('message', (value) => {
      child.off('exit', gone);
      resolve(value as Value);
    });
  });
}
