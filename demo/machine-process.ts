/** The process that publishes this machine's figures, seen from its parent. */

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How long the process may take to say good-bye, in ms. */
const patience = 3_000;

/** Starts, kills and stops `demo/machine.ts`; at most one process at a time. */
export class MachineProcess {
  readonly #url: string;
  #child: ChildProcess | undefined;

  /** @param url of the broker, `mqtt://...` */
  constructor(url: string) {
    this.#url = url;
  }

  /** The process identifier, while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the process, unless it runs. The channel between the two ends it when this process dies. */
  start(): void {
    if (this.#child !== undefined) return;
    const child = fork(fileURLToPath(new URL('./machine.ts', import.meta.url)), ['--url', this.#url], {
      execArgv: ['--import', import.meta.resolve('tsx')],
    });
    this.#child = child;
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
  }

  /** Kills the process without a warning, so that the broker publishes its will. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  /** Lets the process publish that it is going; it is killed when that takes too long. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const timer = setTimeout(() => child.kill('SIGKILL'), patience);
    if (child.connected) child.disconnect();
    await exited;
    clearTimeout(timer);
  }
}
