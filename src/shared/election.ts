/**
 * Which tab holds the connection: the one that holds a Web Lock. All others wait for it, and the browser gives it to the
 * next when its holder is closed, crashes, or lets go of it.
 *
 * A hidden tab that is given the lock lets a visible one go first: visible tabs hold a second, shared lock, by which
 * they are known. A lock can be stolen from a holder that does not answer.
 */

import type { Environment } from './environment';

/** What becomes of it. */
export interface ElectionHost {
  /** This tab holds the connection from now on. @param hasStolen whether the lock was stolen for it */
  elected(hasStolen: boolean): void;
  /** The lock was stolen: this tab must not touch the connection any more. */
  deposed(): void;
}

/** How long others hold back with stealing after somebody did, in milliseconds: by then the new hub was heard. */
const calmAfterSteal = 1_000;

/** See above. */
export class Election {
  readonly #environment: Environment;
  readonly #name: string;
  readonly #host: ElectionHost;
  /** Ends the wait for the lock. */
  #waiting = new AbortController();
  /** Lets go of the lock; set while it is held. */
  #release: (() => void) | undefined;
  /** Lets go of the lock of visible tabs; set while it is held or asked for. */
  #hide: (() => void) | undefined;
  /** Whether the next request steals. */
  #steals = false;
  #isOver = false;
  /** Counts candidacies, so that one which was overtaken notices. */
  #turn = 0;
  readonly #stopWatching: () => void;

  constructor(environment: Environment, name: string, host: ElectionHost) {
    this.#environment = environment;
    this.#name = name;
    this.#host = host;
    this.#stopWatching = environment.onVisibility(() => this.#showOrHide());
    this.#showOrHide();
    void this.#run();
  }

  /** Whether this tab holds the lock. */
  get isElected(): boolean {
    return this.#release !== undefined;
  }

  /** Takes the lock from its holder, unless another tab is at it. */
  async steal(): Promise<void> {
    const { locks } = this.#environment;
    await locks.request(`${this.#name} steal`, { ifAvailable: true }, async (lock) => {
      if (!lock || this.#isOver || this.isElected) return;
      this.#steals = true;
      this.#waiting.abort();
      await new Promise((resolve) => setTimeout(resolve, calmAfterSteal));
    });
  }

  /** Lets go of the lock and stands for it again, last in the row. */
  yield(): void {
    this.#release?.();
  }

  /** Lets go of the lock, or stops waiting for it. */
  end(): void {
    this.#isOver = true;
    this.#stopWatching();
    this.#hide?.();
    this.#release?.();
    this.#waiting.abort();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      this.#waiting = new AbortController();
      const options = this.#steals ? { steal: true } : { signal: this.#waiting.signal };
      const isSteal = this.#steals;
      this.#steals = false;
      this.#turn += 1;
      const turn = this.#turn;
      try {
        await this.#environment.locks.request(this.#name, options, () => this.#hold(turn, isSteal));
      } catch (error) {
        this.#turn += 1;
        const release = this.#release;
        if (release) {
          // It was ours, and it is no more.
          release();
          this.#host.deposed();
        } else if ((error as Error).name !== 'AbortError') {
          // The page is gone; should it be restored, it joins anew.
          return;
        }
      }
    }
  }

  async #hold(turn: number, isSteal: boolean): Promise<void> {
    if (!isSteal && (await this.#isVisibleTabWaiting())) return;
    if (turn !== this.#turn || this.#isOver) return;
    await new Promise<void>((resolve) => {
      this.#release = () => {
        this.#release = undefined;
        resolve();
      };
      this.#host.elected(isSteal);
    });
  }

  /** Whether this tab is hidden and a visible one waits behind it. */
  async #isVisibleTabWaiting(): Promise<boolean> {
    if (!this.#environment.isHidden()) return false;
    const { held = [], pending = [] } = await this.#environment.locks.query();
    const visible = new Set(
      held.filter(({ name }) => name === this.#visibleName).map(({ clientId }) => clientId),
    );
    return pending.some(({ name, clientId }) => name === this.#name && visible.has(clientId));
  }

  get #visibleName(): string {
    return `${this.#name} visible`;
  }

  #showOrHide(): void {
    if (this.#environment.isHidden()) {
      this.#hide?.();
      return;
    }
    if (this.#hide) return;
    const ending = new AbortController();
    const { signal } = ending;
    this.#hide = () => {
      this.#hide = undefined;
      ending.abort();
    };
    const hold = () => new Promise((end) => signal.addEventListener('abort', end));
    this.#environment.locks.request(this.#visibleName, { mode: 'shared', signal }, hold).catch(() => {});
  }
}
