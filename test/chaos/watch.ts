/** Waiting for conditions that others announce: nothing polls, so that many runs share a process. */

/** Conditions that are looked at whenever something happened. */
export class Watch {
  /** Look whether their condition holds. */
  readonly #waiting = new Set<() => boolean>();
  /** End a wait before its time. */
  #enders = new Set<(error: Error) => void>();
  /** Ends everything when patience is over. */
  #timer: NodeJS.Timeout | undefined;
  /** Why everything has ended. */
  #over: Error | undefined;
  readonly #patience: number;
  /** A look is due in a microtask. */
  #due = false;

  /** @param patience milliseconds without {@link progress} after which every wait ends with an error */
  constructor(patience: number) {
    this.#patience = patience;
    this.progress();
  }

  /** Something happened: conditions are looked at once the running task is done with it. */
  poke(): void {
    if (this.#due) return;
    this.#due = true;
    queueMicrotask(() => {
      this.#due = false;
      for (const look of [...this.#waiting]) look();
    });
  }

  /** Something happened, and it was a step towards the end: patience starts over. */
  progress(): void {
    clearTimeout(this.#timer);
    if (this.#over) return;
    this.#timer = setTimeout(() => this.end(new Error(`nothing for ${this.#patience} ms`)), this.#patience);
    this.poke();
  }

  /** Resolves once the condition holds. @throws the error of {@link end} */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(this.#over);
      const look = () => {
        if (!condition()) return false;
        this.#waiting.delete(look);
        this.#enders.delete(reject);
        resolve();
        return true;
      };
      if (look()) return;
      this.#waiting.add(look);
      this.#enders.add(reject);
    });
  }

  /** Resolves after so many milliseconds, or when everything is over. */
  later(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#enders.delete(done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      if (this.#over) done();
      else this.#enders.add(done);
    });
  }

  /** Ends every wait, those to come included. */
  end(error: Error): void {
    clearTimeout(this.#timer);
    this.#over ??= error;
    for (const reject of this.#enders) reject(this.#over);
    this.#enders = new Set();
    this.#waiting.clear();
  }
}
