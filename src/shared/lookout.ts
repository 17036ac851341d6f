/** A visible tab looks whether the hub answers. One that does not loses its lock. */

import type { Environment } from './environment';

/** How often it looks, in milliseconds. */
const lookInterval = 1_000;

/** How long the hub may be silent until its lock is stolen, in milliseconds: more than a busy page needs. */
const silenceAllowed = 4_000;

/** See above. */
export class Lookout {
  readonly #environment: Environment;
  /** Asks the hub whether it is there. */
  readonly #ask: () => void;
  /** It is not. */
  readonly #steal: () => void;
  /** When the hub was heard last, in monotonic milliseconds. */
  #heardAt = 0;
  #lookedAt = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(environment: Environment, ask: () => void, steal: () => void) {
    this.#environment = environment;
    this.#ask = ask;
    this.#steal = steal;
  }

  /** Looks from now on, while the tab is visible. */
  start(): void {
    this.stop();
    if (this.#environment.isHidden()) return;
    this.heard();
    this.#lookedAt = this.#heardAt;
    this.#timer = setInterval(() => this.#look(), lookInterval);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The hub was heard. */
  heard(): void {
    this.#heardAt = performance.now();
  }

  #look(): void {
    const time = performance.now();
    // We may have slept ourselves: then the hub's answer waits behind this.
    const hasSlept = time - this.#lookedAt > 2 * lookInterval;
    this.#lookedAt = time;
    if (hasSlept) this.heard();
    const silence = time - this.#heardAt;
    if (silence > silenceAllowed) {
      this.heard();
      this.#steal();
    } else if (silence >= lookInterval) this.#ask();
  }
}
