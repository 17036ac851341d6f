/** Which filters tabs are subscribed to, those that may come back too, counted: there may be thousands of them. */

import type { SubscribeOptions, Subscription } from '../index';
import type { Pattern } from '../topic/pattern';

/** One Subscription of a tab, as the hub holds it. */
export interface HeldSubscription {
  readonly id: number;
  readonly patterns: readonly Pattern[];
  readonly options: SubscribeOptions;
  /** Undefined until it is granted. */
  real: Subscription | undefined;
  /** Topics of retained messages that it has had: another tab that subscribes makes the server send them again. */
  readonly retained: Set<string>;
}

/** See above. */
export class Holdings {
  /** Subscriptions by filter, as it is on the wire. */
  readonly #counts = new Map<string, number>();
  /** Subscriptions with Retain As Published. */
  #published = 0;
  /** Whether there are other filters than tabs were told. */
  #hasChanged = false;

  /** A Subscription begins, or with -1 ends. */
  count({ patterns, options }: HeldSubscription, by: 1 | -1): void {
    this.#hasChanged = true;
    if (options.retainAsPublished) this.#published += by;
    for (const { filter } of patterns) {
      const count = (this.#counts.get(filter) ?? 0) + by;
      if (count > 0) this.#counts.set(filter, count);
      else this.#counts.delete(filter);
    }
  }

  /** Whether any tab is subscribed to a filter. */
  has(filter: string): boolean {
    return this.#counts.has(filter);
  }

  /** Whether any Subscription has Retain As Published. */
  get arePublished(): boolean {
    return this.#published > 0;
  }

  get filters(): string[] {
    return [...this.#counts.keys()];
  }

  /** The filters, when tabs do not know them. */
  get news(): string[] | undefined {
    if (!this.#hasChanged) return undefined;
    this.#hasChanged = false;
    return this.filters;
  }
}
