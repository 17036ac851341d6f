/** What the hub knows of one tab. */

import type { HeldSubscription, Holdings } from './holdings';
import type { Target, ToTab } from './wire';

/** A tab. */
export class Guest {
  readonly id: string;
  /** Counts its stays. */
  readonly visit: number;
  readonly post: (item: ToTab) => void;
  readonly #subscriptions = new Map<number, HeldSubscription>();
  readonly #holdings: Holdings;
  /** Ends calls that have a limit, by their ids. */
  readonly aborts = new Map<number, AbortController>();
  /** Stops showing packets; undefined while they are not wanted. */
  stopPackets: (() => void) | undefined;
  /** Pings in a row that it has not answered. */
  unanswered = 0;
  /** Weight of the QoS 0 messages that are on their way. */
  onTheWay = 0;
  /** Its tab is gone; what it was subscribed to is kept for a while, in case that comes back. */
  isGone = false;

  constructor(id: string, visit: number, post: (item: ToTab) => void, holdings: Holdings) {
    this.#holdings = holdings;
    this.id = id;
    this.visit = visit;
    this.post = post;
  }

  /** Its Subscriptions, by their ids. */
  get subscriptions(): ReadonlyMap<number, HeldSubscription> {
    return this.#subscriptions;
  }

  /** It is subscribed from now on, instead of what had the id before. */
  hold(held: HeldSubscription): void {
    this.release(held.id);
    this.#subscriptions.set(held.id, held);
    this.#holdings.count(held, 1);
  }

  /** A Subscription is over. */
  release(id: number): void {
    const held = this.#subscriptions.get(id);
    if (this.#subscriptions.delete(id) && held) this.#holdings.count(held, -1);
  }
}

/** The takers of a message, by tab. */
export type Targets = Map<Guest, Target[]>;
