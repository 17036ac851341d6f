/** The process that publishes this machine's figures, seen from its parent. */

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How long the process may take to say good-bye, in ms. */
const patience = 3_000;

/** Starts, kills and stops `demo/machine.ts`; at most one process at a time. */
export class MachineProcess {
  readonly #url: string;
  #child: ChildProcess | undefined;
  /** Whether another one starts as soon as this one, which was killed, has ended. */
  #isWanted = false;

  /** @param url of the broker, `mqtt://...` */
  constructor(url: string) {
    this.#url = url;
  }

  /** The process identifier, while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Starts the process. The channel between the two ends it when this process dies.
   *
   * @throws Error when it runs
   */
  start(): void {
    this.#isWanted = this.#child?.killed === true;
    if (this.#isWanted) return;
    if (this.#child !== undefined) throw new Error('The process is running.');
    const child = fork(fileURLToPath(new URL('./machine.ts', import.meta.url)), ['--url', this.#url], {
      execArgv: ['--import', import.meta.resolve('tsx')],
    });
    this.#child = child;
    child.once('exit', () => {
      this.#child = undefined;
      if (this.#isWanted) this.start();
    });
  }

  /**
   * Kills the process without a warning, so that the broker publishes its will.
   *
   * @throws Error when none runs
   */
  kill(): void {
    if (this.#child === undefined) throw new Error('No process is running.');
    this.#isWanted = false;
    this.#child.kill('SIGKILL');
  }

  /** Lets the process publish that it is going; it is killed when that takes too long. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#isWanted = false;
    if (child === undefined) return;
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const timer = setTimeout(() => child.kill('SIGKILL'), patience);
    if (child.connected) child.disconnect();
    await exited;
    clearTimeout(timer);
  }
}
