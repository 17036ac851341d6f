/** What the application works on in a tab, and the wait of `close` for its end. */

import { atLimit } from './waiting';

/** See above. */
export class Activity {
  /** Whether messages that were published wait for their end. */
  readonly #isPublishing: () => boolean;
  /** Messages that handlers, listeners and loops work on. */
  #busy = 0;
  /** Ends the wait. */
  hurry: () => void = () => {};

  constructor(isPublishing: () => boolean) {
    this.#isPublishing = isPublishing;
  }

  /** The application works on a message. */
  began(): void {
    this.#busy += 1;
  }

  /** The application is done with a message. */
  ended(): void {
    this.#busy -= 1;
    this.look();
  }

  /** Something has come to its end: perhaps it was the last. */
  look(): void {
    if (this.#busy === 0 && !this.#isPublishing()) this.hurry();
  }

  /** Waits until nothing is under way. @param timeout in milliseconds */
  end(timeout: number): Promise<void> {
    return new Promise<void>((resolve) => {
      const stop = atLimit({ timeout }, 'close', () => resolve());
      this.hurry = () => {
        stop();
        resolve();
      };
      this.look();
    });
  }
}
