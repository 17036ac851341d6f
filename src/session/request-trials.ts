/**
 * Finds the SUBSCRIBE or UNSUBSCRIBE that the server cannot stand, see {@link Poison}: requests that may be the cause
 * that links end wait here, and what follows on their filters, to go out after all others, alone on their way.
 */

import { Fifo } from './fifo';
import type { Link } from './link';
import { longestEffect, Poison, type Suspect } from './poison';
import type { RequestPart } from './subscription-request';

/** Whether a publish on its way may be the cause of what happens now. */
function isPublishing(link: Link, monotonic: number): boolean {
  return link.unanswered > 0 && monotonic - link.publishedAt <= longestEffect;
}

/** The requests under suspicion. */
export class RequestTrials {
  readonly #poison = new Poison<Suspect>();
  #waiting = new Fifo<RequestPart>();
  /** Filters of those, with the ends that they were alone for. */
  readonly #fatal = new Map<string, number>();
  /** The one that went out last. */
  #current: RequestPart | undefined;

  /** Whether there is no suspect. */
  get isIdle(): boolean {
    return this.#fatal.size === 0;
  }

  /** Whether a suspect is on its way. */
  get isTrying(): boolean {
    return this.#current !== undefined && this.#current.outcome === undefined;
  }

  /**
   * Whether publishes have to wait. Each suspect comes to an end with a packet of the server, or the time that it has
   * to answer a ping. What was never alone on its way when a link ended goes out before publishes, as if it were none.
   */
  holdsPublishes({ probingUntil }: Link): boolean {
    if (this.isTrying) return true;
    const next = this.#waiting.peek();
    return next !== undefined && (probingUntil === Infinity || this.#fatalOf(next) === 0);
  }

  /** A link is up: all requests come anew. */
  opened(): void {
    this.#waiting = new Fifo();
    this.#fatal.clear();
    this.#current = undefined;
  }

  /** Takes a request that is suspected, or whose filter is. @returns whether it did */
  takes(part: RequestPart): boolean {
    const { suspect } = part;
    const { filter } = part.asked;
    if (this.#poison.isSuspect(suspect)) {
      this.#fatal.set(filter, Math.max(this.#fatalOf(part), suspect.fatal));
    }
    if (!this.#fatal.has(filter)) return false;
    this.#waiting.push(part);
    return true;
  }

  /** All requests of before the link have come. */
  begin(link: Link, monotonic: number): void {
    if (this.#waiting.length === 0) return;
    // The likely ones come last, so that others wait for them as little as can be; those of one filter stay in order.
    this.#waiting = new Fifo([...this.#waiting].sort((a, b) => this.#fatalOf(a) - this.#fatalOf(b)));
    this.#poison.connected(link, monotonic);
  }

  /** The next suspect, when it would be alone on its way. */
  next(link: Link, monotonic: number): RequestPart | undefined {
    // A server that answers no publish must not starve us.
    if (link.probingUntil < Infinity || link.requests > 0 || isPublishing(link, monotonic)) return undefined;
    this.#current = this.#waiting.shift();
    return this.#current;
  }

  /** All that can go out has: without a suspect left their filters are like any others. */
  settle(): void {
    if (this.#waiting.length === 0 && !this.isTrying) this.#fatal.clear();
  }

  /** It was decided, withdrawn or unsubscribed from. */
  acquit(suspect: Suspect): void {
    this.#poison.acquit(suspect);
  }

  /**
   * The server or the network ended a link, before these were answered.
   * @returns the one that is the cause, when it is known
   */
  judge(
    parts: readonly RequestPart[],
    link: Link,
    monotonic: number,
    reasonCode: number | undefined,
  ): RequestPart | undefined {
    const suspects = parts.map(({ suspect }) => suspect);
    const elapsed = monotonic - link.requestedAt;
    const cause = this.#poison.judge(suspects, isPublishing(link, monotonic), false, elapsed, reasonCode);
    return cause && parts[0];
  }

  #fatalOf({ asked }: RequestPart): number {
    return this.#fatal.get(asked.filter) ?? 0;
  }
}
