/**
 * Draws out acknowledgements that TCP holds back.
 *
 * A server that writes each acknowledgement by itself with Nagle's algorithm on sends the first, and keeps the others
 * until our TCP has confirmed that one; which waits for something to send along, for 40 ms (Linux) to 200 ms
 * [RFC 1122 4.2.3.2, 4.2.3.4]. So when some came, others are due, and for a short while nothing came or went, a PINGREQ
 * carries the confirmation. Where that draws out nothing, the server is just slow: then the next while is longer.
 */

import type { Now } from './now';

/** First such while, in milliseconds: longer than a fast server takes between two acknowledgements. */
const shortest = 2;
/** Longest, in milliseconds: by then the confirmation is on its way. */
const longest = 64;

/** State of one link over TCP. */
export class Nudge {
  /** Monotonic time at which a PINGREQ is due; Infinity when none is. */
  deadline = Infinity;
  #patience = shortest;
  /** Whether a PINGREQ went out and nothing came since. */
  #asked = false;

  /**
   * Bytes came.
   * @param hasAcks whether acknowledgements were among them
   * @param isWaiting whether others are due, and nothing is about to be sent
   */
  received(hasAcks: boolean, isWaiting: boolean, now: Now): void {
    if (this.#asked) {
      this.#asked = false;
      this.#patience = hasAcks ? shortest : Math.min(longest, this.#patience * 2);
    }
    if (hasAcks) this.deadline = isWaiting ? now.monotonic + this.#patience : Infinity;
  }

  /** Bytes went out, and the confirmation with them. */
  sent(): void {
    this.deadline = Infinity;
  }

  /** Looks at the clock. @returns whether PINGREQ has to go out */
  look(now: Now): boolean {
    if (now.monotonic < this.deadline) return false;
    this.deadline = Infinity;
    this.#asked = true;
    return true;
  }
}
