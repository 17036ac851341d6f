/** Timers and listeners that end together. */

import { timerFor } from './waiting';

/** See above. */
export class Endings {
  readonly #stops = new Set<() => void>();

  /** What ends something. */
  add(...stops: (() => void)[]): void {
    for (const stop of stops) this.#stops.add(stop);
  }

  /** Calls back after a time, unless it ends before; never for Infinity. @returns ends it */
  later(delay: number, callback: () => void): () => void {
    const stop = () => {
      this.#stops.delete(stop);
      clearTimeout(timer);
    };
    const timer = timerFor(delay, () => {
      stop();
      callback();
    });
    this.#stops.add(stop);
    return stop;
  }

  /** Ends all of them. */
  end(): void {
    for (const stop of this.#stops) stop();
    this.#stops.clear();
  }
}
