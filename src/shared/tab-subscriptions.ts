/** What the application of a tab is subscribed to. It outlives hubs: a new one is asked for all of it again. */

import { MqttError, UsageError } from '../errors';
import type { Grant, SubscribeOptions, WaitOptions } from '../index';
import { ownArgument } from './arguments';
import { namesOf, patternsOf, wireFilters } from './filters';
import { Inbox } from './inbox';
import { type Handler, SharedSubscription } from './subscription';
import type { TabCore } from './tab-core';
import { takeLimits } from './waiting';
import { fromWired } from './wire-error';

/** See above. */
export class TabSubscriptions {
  readonly #core: TabCore;
  readonly #open = new Map<number, SharedSubscription>();
  readonly inbox: Inbox;
  #lastId = 0;

  constructor(core: TabCore) {
    this.#core = core;
    this.inbox = new Inbox(core, this.#open);
  }

  /** See `Client.subscribe`. */
  async subscribe(
    given: unknown,
    optionsOrHandler: SubscribeOptions | Handler | undefined,
    lastHandler: Handler | undefined,
  ): Promise<SharedSubscription> {
    const isHandler = typeof optionsOrHandler === 'function';
    if (isHandler && lastHandler !== undefined)
      throw new UsageError('handler: comes after the options; nothing comes after the handler');
    const handler = isHandler ? optionsOrHandler : lastHandler;
    if (handler !== undefined && typeof handler !== 'function')
      throw new UsageError('handler: must be a function');
    const { limits, others: options } = takeLimits(isHandler ? undefined : optionsOrHandler);
    const opening = this.#core.checkOpen();
    const patterns = patternsOf(given);
    const filters = ownArgument(given);
    if (opening) await this.#core.opened(opening, limits);
    this.#lastId += 1;
    const id = this.#lastId;
    const subscription = new SharedSubscription(
      id,
      patterns,
      options,
      handler,
      this.#core,
      this.inbox,
      (ended) => this.#unsubscribe(ended),
    );
    this.#open.set(id, subscription);
    const { requests } = this.#core;
    try {
      const asked = requests.ask(
        { method: 'subscribe', subscription: id, filters, options, again: false },
        limits,
      );
      this.inbox.reclaim(subscription);
      const grants = await asked;
      subscription.granted(grants.map((grant) => fromWired<Grant>(grant)));
    } catch (error) {
      this.#drop(subscription, error instanceof Error ? error : undefined);
      throw error;
    }
    setTimeout(() => subscription.settleDown());
    return subscription;
  }

  /** See `Client.unsubscribe`. */
  async unsubscribe(filters: unknown, limits: WaitOptions): Promise<void> {
    const wire = wireFilters(patternsOf(filters));
    for (const subscription of this.#open.values()) if (subscription.without(wire)) this.#drop(subscription);
    await this.#core.requests.ask({ method: 'unsubscribe', filters }, limits);
  }

  /** Asks the hub that is there now for what an earlier one has granted. */
  subscribeAgain(): void {
    for (const subscription of this.#open.values())
      if (subscription.grants.length > 0) this.#subscribeAgain(subscription);
  }

  /** The hub has ended one. */
  ended(id: number, error: Error): void {
    const subscription = this.#open.get(id);
    if (subscription) this.#drop(subscription, error);
  }

  /** There is no connection any more: all end, and messages that wait for a taker wait in vain. */
  end(error: Error | undefined): void {
    for (const subscription of [...this.#open.values()]) this.#drop(subscription, error);
    this.inbox.clear();
  }

  #subscribeAgain(subscription: SharedSubscription): void {
    const { id, patterns, options } = subscription;
    const filters = namesOf(patterns);
    const { requests, events } = this.#core;
    requests.ask({ method: 'subscribe', subscription: id, filters, options, again: true }).then(
      (grants) => {
        for (const { filter, error } of grants.map((grant) => fromWired<Grant>(grant))) {
          if (!error || !this.#open.has(id)) continue;
          // It goes on with its other filters.
          subscription.without(wireFilters(patternsOf(filter)));
          events.emit('error', error);
        }
      },
      (error: unknown) => {
        if (!(error instanceof MqttError) || !this.#open.has(id)) return;
        this.#drop(subscription, error);
        events.emit('error', error);
      },
    );
  }

  async #unsubscribe(subscription: SharedSubscription): Promise<void> {
    this.#drop(subscription);
    await this.#core.requests.ask({ method: 'end', subscription: subscription.id });
  }

  #drop(subscription: SharedSubscription, error?: Error): void {
    this.#open.delete(subscription.id);
    subscription.end(error);
  }
}
