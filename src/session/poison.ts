/**
 * Finds the message that the server cannot stand, so that it is not replayed for ever.
 *
 * A connection that ends while publishes are on their way says little: any of them may be the cause, or none. One that
 * ends long after the last of them says nothing. So after a second such end in a row they go out one at a time, each
 * only after the server has answered a ping on the new link, or stood for a while without. A message after which alone
 * the connection ends three times in a row, or once with a reason code that says "this message", is the cause.
 */

import type { OutgoingMessage } from './outgoing-message';

/** Ends in a row, with one message alone on its way, that make it the cause. */
const fatalEnds = 3;

/** Ends in a row until messages go one at a time. */
const suspiciousEnds = 2;

/** How long after a PUBLISH an end may be its effect, in milliseconds. */
const longestEffect = 10_000;

/** How long a link has to stand when the server does not answer pings, in milliseconds; shorter than it is given to. */
const longestProof = 1_000;

/** DISCONNECT reason codes that speak of the packet just received [v5 3.14.2.1]. */
const namingCodes: ReadonlySet<number> = new Set([0x81, 0x82, 0x90, 0x95, 0x99, 0x9a, 0x9b]);

/** Those that speak of something else: the server's state, ours, another connection. */
const otherCodes: ReadonlySet<number> = new Set([0x89, 0x8b, 0x8d, 0x8e, 0x9c, 0x9d, 0x9f, 0xa0]);

/** What is suspected, across links. */
export class Poison {
  /** Messages that were on their way when connections ended; they go one at a time. */
  readonly #suspects = new Set<OutgoingMessage>();
  /** Links in a row that ended with several messages on their way and no acknowledgement. */
  #stalls = 0;
  /** Monotonic time until which replay waits for the answer to a ping; Infinity when it does not. */
  probingUntil = Infinity;

  /** Whether one more message may go out beside what is on its way. */
  allows(onTheWay: number): boolean {
    return this.#suspects.size === 0 || (this.probingUntil === Infinity && onTheWay === 0);
  }

  /** A link is up: with a suspect to replay, the server has to prove first that it keeps it without. */
  connected(monotonic: number): void {
    if (this.#suspects.size > 0) this.probingUntil = monotonic + longestProof;
  }

  /** The message came further than the connection ever got with a poisonous one. */
  acquit(message: OutgoingMessage): void {
    message.fatal = 0;
    if (this.#suspects.size > 0) this.#suspects.delete(message);
  }

  /**
   * The server, or the network, ended a link.
   *
   * @param onTheWay publishes sent on it and not acknowledged
   * @param progressed whether any publish was acknowledged on it
   * @param elapsed milliseconds since the last of them was written
   * @returns the message that is the cause, when it is known
   */
  judge(
    onTheWay: readonly OutgoingMessage[],
    progressed: boolean,
    elapsed: number,
    reasonCode: number | undefined,
  ): OutgoingMessage | undefined {
    const [first, second] = onTheWay;
    if (!first || otherCodes.has(reasonCode ?? 0)) return undefined;
    const isNamed = reasonCode !== undefined && namingCodes.has(reasonCode);
    if (!isNamed && elapsed > longestEffect) {
      this.#stalls = 0;
      onTheWay.forEach(this.acquit, this);
      return undefined;
    }
    if (second) this.#stalls = progressed ? 0 : this.#stalls + 1;
    else first.fatal += 1;
    const ends = second ? this.#stalls : first.fatal;
    if (!second && (isNamed || ends >= fatalEnds)) return first;
    if (isNamed || ends >= suspiciousEnds) for (const message of onTheWay) this.#suspects.add(message);
    return undefined;
  }
}
