/**
 * Keep alive of one connection [v5 3.1.2.10]: when to ping, and when the peer is dead.
 *
 * Browsers delay the timers of hidden tabs, to once a minute at worst, and laptops sleep. So:
 * 1. A ping goes out after 0.4 of the interval without sending: the next look, even a minute late, still comes well
 *    within the one and a half intervals after which the server drops us (keep alive 60 s and above).
 * 2. How late looks were sets what to expect: a ping goes out sooner when the next look could come after the interval.
 * 3. A look that comes late does not declare the peer dead: what it sent may be waiting to be read. It pings again,
 *    once; if the next look is late as well and still nothing came, all looks are late here.
 * 4. Anything received proves that the peer lives, not PINGRESP alone. To a client that only sends nothing proves it,
 *    so a ping also goes out after an interval without receiving.
 * 5. When the wall clock ran ahead of the monotonic one, or a look is later than any throttling makes it, the machine
 *    slept or the page was frozen: ping at once and wait a short time only. Sending anything is a look, too.
 * 6. An answer waits behind a large message. While that is seen to leave, the peer lives; what the system and the network
 *    hold of it is not seen, and may take some seconds more.
 * 7. Of a large message that comes a browser shows nothing before it is whole, and the answer waits behind it. A link that
 *    dies before it answered a ping may be one of these, and the next one gets the same message: it waits longer, and
 *    pings meanwhile, so that the server does not take us for dead. When something comes after the first while, and not
 *    behind a large message, that is over: the link is not held up, and if it dies it is just dead. To learn it soon such
 *    a link pings more often: it may be one that the network forgets when it is idle.
 */

import type { Now } from './now';

/** Share of the interval without sending after which a ping goes out. */
const idleShare = 0.4;
/** The same as long as the link may be held up like the one before it. */
const doubtfulShare = 0.1;
/** Longest wait for an answer to a ping, in milliseconds. */
const longestWait = 30_000;
/** Shortest wait, in milliseconds: a slow network still answers in it. */
const shortestWait = 1_000;
/** So many times longer does a link wait when the one before it died without an answer. */
const morePatience = 4;
/** Longest that it waits then, in milliseconds: 16 MiB come in it at 56 kB/s. It may be dead all the same. */
const mostPatience = 300_000;
/** Shortest wait after a sleep or a sign that the link may be dead, in milliseconds. */
const shortestProbe = 1_500;
/** Longest such wait, in milliseconds. */
const longestProbe = 5_000;
/** Within these, how many times what the server took to answer CONNECT. */
const probePatience = 4;
/** How far a look may be late without being called late, in milliseconds. Who was busy for longer has not read yet what came. */
const usualLateness = 100;
/** What is kept of a lateness when looks come in time again. */
const memory = 0.75;
/** Wall time that passes without monotonic time is a sleep from here on, in milliseconds. */
const sleepFrom = 5_000;
/** A look that is so late comes after a sleep or a freeze, in milliseconds: browsers let timers wait for a minute. */
const frozenFrom = 90_000;

/** What the connection has to do after a look at the clock. */
export type KeepAliveAction = 'wait' | 'ping' | 'slept' | 'dead';

/** Keep alive state of one link. */
export class KeepAlive {
  /** Longest silence that was agreed on, in milliseconds; Infinity: keep alive is off. */
  readonly #interval: number;
  /** How long an answer may take usually, in milliseconds. */
  readonly #wait: number;
  /** How long it may take when the link may be dead, in milliseconds. */
  readonly #probeWait: number;
  /** How long the answer to the last ping may take. */
  #patience = 0;
  /** How many links in a row died while they may have been held up; -1 once this one is not, so that its death is no first. */
  silences: number;
  /** Monotonic time of the last bytes sent. */
  #sentAt: number;
  /** Monotonic time up to which what comes may be from before a large message, or have waited behind one. */
  #heldUntil: number;
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

  /**
   * @param seconds the keep alive that counts: the server's when it gave one; 0 turns it off
   * @param connectTime milliseconds from CONNECT to CONNACK
   * @param silences how many links before this one died without an answer
   */
  constructor(seconds: number, now: Now, connectTime: number, silences = 0) {
    this.#interval = seconds === 0 ? Infinity : seconds * 1_000;
    this.#wait = Math.min(longestWait, Math.max(shortestWait, this.#interval / 2));
    this.silences = silences;
    const probeWait = Math.max(shortestProbe, probePatience * connectTime);
    this.#probeWait = Math.min(this.#wait, longestProbe, probeWait);
    this.#sentAt = now.monotonic;
    this.#heldUntil = now.monotonic + this.#wait;
    this.#receivedAt = now.monotonic;
    this.#looked = now;
  }

  /** Monotonic time of the next look: now after a sleep; Infinity when there is none. */
  deadline(now: Now): number {
    return this.#slept(now) ? now.monotonic : this.#deadline;
  }

  get #deadline(): number {
    const isDoubtful = this.silences > 0;
    if (this.#answerUntil > 0) {
      return Math.min(this.#answerUntil, isDoubtful ? this.#sentAt + this.#interval * idleShare : Infinity);
    }
    const idle = this.#interval * (isDoubtful ? doubtfulShare : idleShare);
    const early = Math.max(Math.min(idle, shortestWait), Math.min(idle, this.#interval - this.#lateness));
    return Math.min(this.#sentAt + early, this.#receivedAt + this.#interval);
  }

  #slept({ monotonic, wall }: Now): boolean {
    const jump = wall - this.#looked.wall - (monotonic - this.#looked.monotonic);
    return this.#interval < Infinity && (jump > sleepFrom || monotonic - this.#deadline > frozenFrom);
  }

  /** Bytes went out. */
  sent(now: Now): void {
    this.#sentAt = now.monotonic;
  }

  /** Bytes came in. */
  received(now: Now): void {
    this.#receivedAt = now.monotonic;
    const isLate = this.#answerUntil > 0 && now.monotonic > this.#answerUntil - this.#patience + this.#wait;
    if (isLate) this.#heldUntil = now.monotonic + this.#wait;
    else if (now.monotonic > this.#heldUntil) this.silences = -1;
    this.#answerUntil = 0;
    this.#excused = false;
  }

  /**
   * Something suggests that the link may be dead: an answer is due soon.
   * @returns whether a ping has to go out for it
   */
  probe(now: Now): boolean {
    const until = now.monotonic + this.#probeWait;
    if (this.#answerUntil > 0 && this.#answerUntil <= until) return false;
    this.#answerUntil = until;
    this.#patience = this.#probeWait;
    return true;
  }

  /**
   * Looks at the clock. After `'ping'` the caller sends PINGREQ, after `'slept'` it probes.
   * @param flows whether bytes are seen to leave that an answer has to wait for
   */
  look(now: Now, flows = false): KeepAliveAction {
    const slept = this.#slept(now);
    const patient = this.#wait * morePatience ** Math.max(0, this.silences);
    const wait = Math.min(mostPatience, Math.max(flows ? longestWait : 0, patient));
    if (flows && this.#answerUntil > 0) this.#answerUntil = now.monotonic + wait;
    const late = now.monotonic - this.#deadline;
    this.#looked = now;
    if (slept) {
      // What was due meanwhile was never waited for.
      this.#answerUntil = 0;
      return 'slept';
    }
    if (late < 0) return 'wait';
    if (this.#answerUntil > now.monotonic) return 'ping';
    if (this.#answerUntil > 0) {
      if (late <= usualLateness || this.#excused) return 'dead';
      this.#excused = true;
    } else this.#patience = wait;
    this.#lateness = Math.min(this.#interval, Math.max(late, this.#lateness * memory));
    this.#answerUntil = now.monotonic + this.#patience;
    return 'ping';
  }
}
