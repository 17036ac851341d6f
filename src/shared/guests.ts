/** The tabs that a hub serves, and for a while those that are gone without a word: they may be reloading. */

import type { Guest, HeldSubscription } from './guest';

/** See above. */
export class Guests {
  /** Those that are there, by the ids of their tabs. */
  readonly here = new Map<string, Guest>();
  /** Those that are gone, as long as they may come back. */
  readonly ghosts = new Set<Guest>();

  /** Subscriptions of all tabs that are there. */
  get subscriptions(): HeldSubscription[] {
    return [...this.here.values()].flatMap(({ subscriptions }) => [...subscriptions.values()]);
  }

  /** Filters that they are subscribed to, as they are on the wire. */
  get filters(): string[] {
    return [...new Set(this.subscriptions.flatMap(({ patterns }) => [...patterns.keys()]))];
  }

  /** Whether any tab is subscribed to a filter, one that may come back too. */
  has(filter: string): boolean {
    return [...this.here.values(), ...this.ghosts].some(({ subscriptions }) =>
      [...subscriptions.values()].some(({ patterns }) => patterns.has(filter)),
    );
  }
}
