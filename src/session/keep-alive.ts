/**
 * Keep alive of one connection [v5 3.1.2.10]: when to ping, and when the peer is dead.
 *
 * Browsers delay the timers of hidden tabs, to once a minute at worst, and laptops sleep. So:
 * 1. A ping goes out after half the interval without sending: the next look, even a minute late, still comes within
 *    the one and a half intervals after which the server drops us (keep alive 60 s and above).
 * 2. How late looks were sets what to expect: a ping goes out sooner when the next look could come after the interval.
 * 3. A look that comes late does not declare the peer dead: what it sent may be waiting to be read. It pings again,
 *    once; if the next look is late as well and still nothing came, all looks are late here.
 * 4. Anything received proves that the peer lives, not PINGRESP alone. To a client that only sends nothing proves it,
 *    so a ping also goes out after an interval without receiving.
 * 5. When the wall clock ran ahead of the monotonic one, the machine slept: ping at once and wait a short time only.
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
/** What is kept of a lateness when looks come in time again. */
const memory = 0.75;
/** Wall time that passes without monotonic time is a sleep from here on, in milliseconds. */
const sleepFrom = 5_000;

/** What the connection has to do after a look at the clock. */
export type KeepAliveAction = 'wait' | 'ping' | 'dead';

/** Keep alive state of one link. */
export class KeepAlive {
  /** Longest silence that was agreed on, in milliseconds; Infinity: keep alive is off. */
  readonly #interval: number;
  /** How long an answer may take, in milliseconds. */
  readonly #wait: number;
  /** Monotonic time of the last bytes sent. */
  #sentAt: number;
  /** Monotonic time of the last bytes received. */
  #receivedAt: number;
  /** Monotonic time until which the outstanding ping may be answered; 0 without one. */
  #answerUntil = 0;
  /** How late a look may be, in milliseconds. */
  #lateness = 0;
  /** Whether the missing answer was put down to a late look. */
  #excused = false;
  /** The time of the last look. */
  #looked: Now;

  /** @param seconds the keep alive that counts: the server's when it gave one; 0 turns it off */
  constructor(seconds: number, now: Now) {
    this.#interval = seconds === 0 ? Infinity : seconds * 1_000;
    this.#wait = Math.min(longestWait, Math.max(shortestWait, this.#interval / 2));
    this.#sentAt = now.monotonic;
    this.#receivedAt = now.monotonic;
    this.#looked = now;
  }

  /** Monotonic time of the next look; Infinity when there is none. */
  get deadline(): number {
    if (this.#answerUntil > 0) return this.#answerUntil;
    const half = this.#interval / 2;
    const idle = Math.max(Math.min(half, shortestWait), Math.min(half, this.#interval - this.#lateness));
    return Math.min(this.#sentAt + idle, this.#receivedAt + this.#interval);
  }

  /** Bytes went out. */
  sent(now: Now): void {
    this.#sentAt = now.monotonic;
  }

  /** Bytes came in. */
  received(now: Now): void {
    this.#receivedAt = now.monotonic;
    this.#answerUntil = 0;
    this.#excused = false;
  }

  /** A ping goes out, outside the rhythm: something suggests that the link may be dead. */
  probe(now: Now): void {
    this.#answerUntil = now.monotonic + Math.min(probeWait, this.#wait);
  }

  /** Looks at the clock. After `'ping'` the caller sends PINGREQ; the wait for the answer has begun. */
  look(now: Now): KeepAliveAction {
    const { deadline } = this;
    const passed = now.monotonic - this.#looked.monotonic;
    const slept = now.wall - this.#looked.wall - passed > sleepFrom;
    this.#looked = now;
    if (slept && this.#interval < Infinity) {
      this.probe(now);
      return 'ping';
    }
    const late = now.monotonic - deadline;
    if (late < 0) return 'wait';
    if (this.#answerUntil > 0) {
      if (late <= usualLateness || this.#excused) return 'dead';
      this.#excused = true;
    }
    this.#lateness = Math.min(this.#interval, Math.max(late, this.#lateness * memory));
    this.#answerUntil = now.monotonic + this.#wait;
    return 'ping';
  }
}
