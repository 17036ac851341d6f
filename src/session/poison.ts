/**
 * Finds the message that the server cannot stand, so that it is not replayed for ever.
 *
 * A connection that the server ends while publishes are on their way says little: any of them may be the cause, or
 * none. So after such an end they go out one at a time, each only after the server has answered a ping on the new
 * link. A message with which alone the connection ends three times in a row, or once with a reason code that says
 * "this message", is the cause.
 */

import type { OutgoingMessage } from './outgoing-message';

/** Ends in a row, with one message alone on its way, that make it the cause. */
const fatalEnds = 3;

/** Ends in a row without any acknowledgement, with several messages on their way, until they go one at a time. */
const stalledEnds = 2;

/** DISCONNECT reason codes that speak of the packet just received [v5 3.14.2.1]. */
const namingCodes: ReadonlySet<number> = new Set([0x81, 0x82, 0x90, 0x95, 0x99, 0x9a, 0x9b]);

/** What is suspected, across links. */
export class Poison {
  /** Messages that were on their way when the server ended the connection; they go one at a time. */
  readonly #suspects = new Set<OutgoingMessage>();
  /** Links in a row that ended without an acknowledgement. */
  #stalls = 0;
  /** True while replay waits for the answer to a ping. */
  probing = false;
  /** True once an identifier can only be freed by a new session: the server may remember it [v5 4.3.3]. */
  needsCleanStart = false;

  /** True while messages go one at a time. */
  get suspecting(): boolean {
    return this.#suspects.size > 0;
  }

  /** Whether one more message may go out beside what is on its way. */
  allows(onTheWay: boolean): boolean {
    return !onTheWay || this.#suspects.size === 0;
  }

  /** A link is up: with a suspect to replay, a ping has to be answered first. */
  connected(): void {
    this.probing = this.#suspects.size > 0;
  }

  /** The server answered a ping. @returns whether replay waited for it */
  alive(): boolean {
    const waited = this.probing;
    this.probing = false;
    return waited;
  }

  /** The message came further than the connection ever got with a poisonous one. */
  acquit(message: OutgoingMessage): void {
    if (this.#suspects.size > 0) this.#suspects.delete(message);
  }

  /**
   * The server ended a link.
   *
   * @param onTheWay publishes sent on it and not acknowledged
   * @param progressed whether any publish was acknowledged on it
   * @returns the message that is the cause, when it is known
   */
  judge(
    onTheWay: readonly OutgoingMessage[],
    progressed: boolean,
    reasonCode: number | undefined,
  ): OutgoingMessage | undefined {
    const named = reasonCode !== undefined && namingCodes.has(reasonCode);
    const [first, second] = onTheWay;
    if (!first || this.probing) return undefined;
    if (second) {
      this.#stalls = progressed ? 0 : this.#stalls + 1;
      if (named || this.#stalls >= stalledEnds) for (const message of onTheWay) this.#suspects.add(message);
      return undefined;
    }
    first.fatal += 1;
    if (!named && first.fatal < fatalEnds) {
      this.#suspects.add(first);
      return undefined;
    }
    this.#suspects.delete(first);
    this.needsCleanStart ||= first.content.qos === 2;
    return first;
  }
}
