/** Time as the broker sees it: passed in, so that expiry, delays and keep alive can be tested without waiting. */

/** A timer that has not fired yet. */
export interface Timer {
  /** Prevents the timer from firing; a no-op once it fired. */
  cancel(): void;
}

/** Source of time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls `action` once, after at least `delay` milliseconds. */
  schedule(delay: number, action: () => void): Timer;
}

/** Node's timers hold at most this many milliseconds; a longer delay is armed again. */
const longestTimer = 2_147_483_647;

/** The clock of the machine. */
export const systemClock: Clock = {
  // Steady: a clock that is set while the broker runs ends no session.
  now: () => performance.timeOrigin + performance.now(),
  schedule(delay, action) {
    let handle: NodeJS.Timeout;
    let left = Math.max(0, delay);
    const arm = () => {
      const step = Math.min(left, longestTimer);
      left -= step;
      handle = setTimeout(() => (left > 0 ? arm() : action()), step);
    };
    arm();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** A clock that stands still until it is moved. */
export class FakeClock implements Clock {
  #now: number;
  #sequence = 0;
  readonly #timers = new Set<{ at: number; sequence: number; action: () => void }>();

  /** @param start milliseconds since the epoch at which the clock begins */
  constructor(start = 1_700_000_000_000) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  /** Timers that are armed. */
  get pending(): number {
    return this.#timers.size;
  }

  schedule(delay: number, action: () => void): Timer {
    const timer = { at: this.#now + Math.max(0, delay), sequence: this.#sequence++, action };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Moves the clock forward and fires what is due on the way, in order of time. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const next = this.#earliest();
      if (next === undefined || next.at > end) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.action();
    }
    this.#now = end;
  }

  #earliest() {
    let first: { at: number; sequence: number; action: () => void } | undefined;
    for (const timer of this.#timers) {
      const sooner = first === undefined || timer.at < first.at;
      if (sooner || (timer.at === first?.at && timer.sequence < first.sequence)) first = timer;
    }
    return first;
  }
}
