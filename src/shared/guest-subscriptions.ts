/** What tabs are subscribed to, as the hub subscribes for them: each Subscription of a tab is one of its client. */

import { type RefusedError, UsageError } from '../errors';
import type { Grant, SubscribeOptions, Subscription } from '../index';
import type { Pattern } from '../topic/pattern';
import type { Deliveries } from './deliveries';
import { namesOf, patternsOf, wireFilters } from './filters';
import type { Guest } from './guest';
import type { HeldSubscription } from './holdings';
import type { HubCore } from './hub-core';
import { offers } from './offers';
import type { Call } from './wire';
import { toWired, toWireError, type Wired } from './wire-error';

/** See above. */
export class GuestSubscriptions {
  readonly #core: HubCore;
  readonly #deliveries: Deliveries;
  /** Takes a message that the client offers to a Subscription. */
  readonly #take: ReturnType<typeof offers>;

  constructor(core: HubCore, deliveries: Deliveries) {
    this.#core = core;
    this.#deliveries = deliveries;
    this.#take = offers(core, deliveries);
  }

  /** Subscribes for a tab. */
  async subscribe(
    guest: Guest,
    { subscription: id, filters, options: asked, again }: Call & { method: 'subscribe' },
    signal: AbortSignal | undefined,
  ): Promise<readonly Wired<Grant>[]> {
    const patterns = patternsOf(filters);
    const options: SubscribeOptions = { ...asked };
    // For this tab the subscription is new, if not for the server. Before MQTT 5.0 the option is refused.
    const isV5 = (this.#core.client.protocolVersion ?? 5) === 5;
    if (options.retainHandling === 1 && isV5 && !again && this.#isNewTo(guest, patterns))
      options.retainHandling = 0;
    const held: HeldSubscription = { id, patterns, options, real: undefined, retained: new Set() };
    this.#deliveries.adopt(guest, held);
    const { grants } = await this.#hold(guest, held, filters as string[], again, signal);
    return grants.map((grant) => toWired<Grant>(grant));
  }

  /** Whether any filter is one that other tabs have subscribed to, and this one has not. */
  #isNewTo(guest: Guest, patterns: readonly Pattern[]): boolean {
    const own = wireFilters([...guest.subscriptions.values()].flatMap((held) => held.patterns));
    return patterns.some(({ filter }) => this.#core.holdings.has(filter) && !own.has(filter));
  }

  /** Ends one Subscription of a tab. */
  async end(guest: Guest, id: number): Promise<undefined> {
    const held = guest.subscriptions.get(id);
    guest.release(id);
    await held?.real?.unsubscribe();
  }

  /** Ends all Subscriptions of a tab with these filters. */
  async unsubscribe(guest: Guest, argument: unknown): Promise<undefined> {
    const wire = wireFilters(patternsOf(argument));
    const unknown = [...wire].filter((filter) => !this.#core.holdings.has(filter));
    for (const held of [...guest.subscriptions.values()]) {
      const rest = held.patterns.filter(({ filter }) => !wire.has(filter));
      if (rest.length === 0) await this.end(guest, held.id);
      else if (rest.length < held.patterns.length) await this.#goOn(guest, held, rest);
    }
    // Also what is wrong is the client's to say.
    if (unknown.length > 0 || wire.size === 0)
      await this.#core.client.unsubscribe(unknown.length > 0 ? unknown : (argument as string[]));
  }

  /** Ends all Subscriptions of a tab. */
  endAll(guest: Guest): void {
    for (const { id, real } of guest.subscriptions.values()) {
      guest.release(id);
      real?.unsubscribe().catch(() => {});
    }
  }

  /** The server has a new session: what is retained comes anew, and may not be what it was. */
  sessionLost(): void {
    for (const { retained } of this.#core.subscriptions) retained.clear();
  }

  /** The connection is over, and with it all that tabs were subscribed to. */
  clear(): void {
    const { guests, ghosts } = this.#core;
    for (const guest of [...guests.values(), ...ghosts])
      for (const id of guest.subscriptions.keys()) guest.release(id);
    this.#deliveries.clear();
  }

  /**
   * An error that no promise tells. That of a Subscription which the server refuses in a new session names the filter:
   * its tabs hear of it, and of its end.
   *
   * @returns whether it is such a one
   */
  refused(error: Error): boolean {
    if ((error as Partial<RefusedError>).reasonCode === undefined) return false;
    let isTaken = false;
    const wired = toWireError(error);
    for (const guest of this.#core.guests.values())
      for (const { id, patterns } of guest.subscriptions.values()) {
        if (!patterns.some(({ filter }) => error.message.includes(`'${filter}'`))) continue;
        isTaken = true;
        guest.post({ type: 'event', name: 'error', event: wired });
        if (wireFilters(patterns).size > 1) continue;
        guest.release(id);
        guest.post({ type: 'ended', subscription: id, error: wired });
      }
    return isTaken;
  }

  /** A tab goes on with some filters of a Subscription. */
  async #goOn(guest: Guest, held: HeldSubscription, patterns: readonly Pattern[]): Promise<void> {
    const retainHandling = this.#core.client.protocolVersion === 5 ? 2 : 0;
    const next: HeldSubscription = {
      ...held,
      patterns,
      options: { ...held.options, retainHandling },
      real: undefined,
    };
    try {
      await this.#hold(guest, next, namesOf(patterns), false, undefined);
    } catch (error) {
      guest.post({ type: 'ended', subscription: held.id, error: toWireError(error) });
      throw error;
    } finally {
      await held.real?.unsubscribe();
    }
  }

  /** Subscribes, unless the tab ends it meanwhile. */
  async #hold(
    guest: Guest,
    held: HeldSubscription,
    filters: string | readonly string[],
    again: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Subscription> {
    const { subscriptions } = guest;
    const { id } = held;
    guest.hold(held);
    try {
      held.real = await this.#subscribe(guest, held, filters, again, signal);
    } catch (error) {
      if (subscriptions.get(id) === held) guest.release(id);
      throw error;
    }
    if (subscriptions.get(id) !== held) await held.real.unsubscribe();
    return held.real;
  }

  async #subscribe(
    guest: Guest,
    held: HeldSubscription,
    filters: string | readonly string[],
    isAgain: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Subscription> {
    const { client, before, gatheredToRead } = this.#core;
    if (gatheredToRead) await gatheredToRead;
    const subscribe = (options: SubscribeOptions) =>
      client.subscribe(filters, { ...options, signal }, (message) => this.#take(guest, held, message));
    const { options } = held;
    const isCareful = isAgain && options.retainHandling !== 2 && before?.protocolVersion === 5;
    try {
      // A session that was resumed knows it: then the tab has had what is retained.
      return await subscribe(isCareful ? { ...options, retainHandling: 1 } : options);
    } catch (error) {
      const needsMqtt5 = error instanceof UsageError && error.code === 'needs-mqtt-5';
      if (!isCareful || !needsMqtt5) throw error;
      return await subscribe(options);
    }
  }
}
