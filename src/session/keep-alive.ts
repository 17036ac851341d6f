/**
 * Keep alive of one connection [v5 3.1.2.10]: when to ping, and when the peer is dead.
 *
 * Browsers delay the timers of hidden tabs, to once a minute at worst, and laptops sleep. So:
 * 1. A ping goes out after half the interval without sending: the next look, even a minute late, still comes within
 *    the one and a half intervals after which the server drops us (keep alive 60 s and above).
 * 2. A look that comes later than the looks before it never declares the peer dead: what it sent may be waiting to
 *    be read. It pings again, and remembers how late a timer can be.
 * 3. Anything received proves that the peer lives, not PINGRESP alone.
 * 4. When the wall clock ran ahead of the monotonic one, the machine slept: ping at once and wait a short time only.
 */

import type { Now } from './now';

/** Longest wait for an answer to a ping, in milliseconds. */
const longestWait = 30_000;
/** Shortest wait, in milliseconds: a slow network still answers in it. */
const shortestWait = 1_000;
/** Wait after a sleep or a sign that the network changed, in milliseconds. */
const probeWait = 5_000;
/** How far a timer may be late without being called late, in milliseconds. */
const usualLateness = 1_000;
/** Wall time that passes without monotonic time is a sleep from here on, in milliseconds. */
const sleepFrom = 5_000;

/** What the connection has to do after a look at the clock. */
export type KeepAliveAction = 'wait' | 'ping' | 'dead';

/** Keep alive state of one link. */
export class KeepAlive {
  /** Milliseconds of silence after which a ping goes out; 0: keep alive is off. */
  readonly #idle: number;
  /** How long an answer may take, in milliseconds. */
  readonly #wait: number;
  /** Monotonic time of the last bytes sent. */
  #sentAt: number;
  /** Monotonic time until which the outstanding ping may be answered; 0 without one. */
  #answerUntil = 0;
  /** How late the last look was, in milliseconds. */
  #lateness = 0;
  /** The time of the last look. */
  #looked: Now;

  /** @param seconds the keep alive that counts: the server's when it gave one; 0 turns it off */
  constructor(seconds: number, now: Now) {
    this.#idle = seconds * 500;
    this.#wait = Math.min(longestWait, Math.max(shortestWait, seconds * 500));
    this.#sentAt = now.monotonic;
    this.#looked = { ...now };
  }

  /** Monotonic time of the next look; Infinity when there is none. */
  get deadline(): number {
    if (this.#answerUntil > 0) return this.#answerUntil;
    return this.#idle === 0 ? Number.POSITIVE_INFINITY : this.#sentAt + this.#idle;
  }

  /** Bytes went out. */
  sent(now: Now): void {
    this.#sentAt = now.monotonic;
  }

  /** Bytes came in. */
  received(): void {
    this.#answerUntil = 0;
  }

  /** A ping goes out, outside the rhythm: something suggests that the link may be dead. */
  probe(now: Now): void {
    this.#answerUntil = now.monotonic + Math.min(probeWait, this.#wait);
  }

  /** Looks at the clock. After `'ping'` the caller sends PINGREQ; the wait for the answer has begun. */
  look(now: Now): KeepAliveAction {
    const slept = now.wall - this.#looked.wall - (now.monotonic - this.#looked.monotonic) > sleepFrom;
    const deadline = this.deadline;
    this.#looked = { monotonic: now.monotonic, wall: now.wall };
    if (slept && this.#idle > 0) {
      this.probe(now);
      return 'ping';
    }
    if (now.monotonic < deadline) return 'wait';
    const expected = Math.max(usualLateness, this.#lateness * 1.5);
    this.#lateness = now.monotonic - deadline;
    if (this.#answerUntil > 0 && this.#lateness <= expected) return 'dead';
    this.#answerUntil = now.monotonic + this.#wait;
    return 'ping';
  }
}
