/**
 * Finds the packet that the server cannot stand, a PUBLISH or a request, so that it is not replayed for ever.
 *
 * A connection that ends while some are on their way says little: any of them may be the cause, or none. One that
 * ends long after the last of them says nothing. So after a second such end in a row they go out one at a time, each
 * only after the server has answered a ping on the new link, or stood for a while without. One after which alone the
 * connection ends three times in a row, or once with a reason code that says "this message", is the cause.
 */

import type { Link } from './link';

/** What may be the cause. */
export interface Suspect {
  /** Ends in a row after which it alone was on its way. */
  fatal: number;
}

/** Ends in a row, with one packet alone on its way, that make it the cause. */
const fatalEnds = 3;

/** Ends in a row until messages go one at a time. */
const suspiciousEnds = 2;

/** How long after a packet an end may be its effect, in milliseconds. */
export const longestEffect = 10_000;

/** How long a link has to stand when the server does not answer the ping, in milliseconds. */
const longestProof = 1_000;

/** DISCONNECT reason codes that speak of the message just received [v5 3.14.2.1]. */
export const namingCodes: ReadonlySet<number> = new Set([0x81, 0x82, 0x90, 0x95, 0x99, 0x9a, 0x9b]);

/** Those that speak of something else: the server's state, ours, another connection. */
const otherCodes: ReadonlySet<number> = new Set([0x89, 0x8b, 0x8d, 0x8e, 0x9c, 0x9d, 0x9f, 0xa0]);

/** What is suspected, across links. */
export class Poison<Item extends Suspect> {
  readonly #namingCodes: ReadonlySet<number>;
  /** What was on its way when connections ended; it goes one at a time. */
  readonly #suspects = new Set<Item>();
  /** Links in a row that ended with several on their way and no acknowledgement. */
  #stalls = 0;

  /** @param namingCodes reason codes with which one end is enough to convict what was alone on its way: none name requests */
  constructor(namingCodes: ReadonlySet<number> = new Set()) {
    this.#namingCodes = namingCodes;
  }

  /** Whether it has to go alone. */
  isSuspect(item: Item): boolean {
    return this.#suspects.has(item);
  }

  /** Whether one more publish may go out beside those that are on their way. */
  allows(link: Link): boolean {
    return this.#suspects.size === 0 || (link.probingUntil === Infinity && link.unanswered === 0);
  }

  /** A link is up: with a suspect to replay, the server has to prove first that it keeps it without. */
  connected(link: Link, monotonic: number): void {
    if (this.#suspects.size > 0) link.probingUntil = monotonic + longestProof;
  }

  /** It came further than the connection ever got with a poisonous one. */
  acquit(item: Item): void {
    item.fatal = 0;
    if (this.#suspects.size > 0) this.#suspects.delete(item);
  }

  /**
   * The server, or the network, ended a link.
   *
   * @param onTheWay what was sent on it and not acknowledged
   * @param accompanied whether something else that may be the cause was on its way
   * @param progressed whether any of its kind was acknowledged on it
   * @param elapsed milliseconds since the last of them was written
   * @returns the one that is the cause, when it is known
   */
  judge(
    onTheWay: readonly Item[],
    accompanied: boolean,
    progressed: boolean,
    elapsed: number,
    reasonCode: number | undefined,
  ): Item | undefined {
    const [first] = onTheWay;
    if (!first || otherCodes.has(reasonCode ?? 0)) return undefined;
    const isAlone = !accompanied && onTheWay.length === 1;
    const isNamed = reasonCode !== undefined && this.#namingCodes.has(reasonCode);
    if (!isNamed && elapsed > longestEffect) {
      this.#stalls = 0;
      onTheWay.forEach(this.acquit, this);
      return undefined;
    }
    if (isAlone) first.fatal += 1;
    else this.#stalls = progressed ? 0 : this.#stalls + 1;
    const ends = isAlone ? first.fatal : this.#stalls;
    if (isAlone && (isNamed || ends >= fatalEnds)) return first;
    if (isNamed || ends >= suspiciousEnds) for (const item of onTheWay) this.#suspects.add(item);
    return undefined;
  }
}
