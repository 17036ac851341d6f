/** The hub: it lives in the tab that holds the connection, owns the client, and serves all tabs as its guests. */

import { MqttError } from '../errors';
import type { Client, ClientOptions, CloseOptions } from '../index';
import { answer } from './calls';
import { Deliveries } from './deliveries';
import { type Gathering, gathering } from './gathering';
import { Guest } from './guest';
import { GuestSubscriptions } from './guest-subscriptions';
import { HubCore } from './hub-core';
import { relayEvents } from './relay';
import { abortedCode } from './requests';
import type { State, ToHub, ToTab } from './wire';

/**
 * How long a client with `ack: 'received'` that has published all may take to close, in milliseconds: it would wait for
 * what tabs have in hand, as if that were its own.
 */
const longestClose = 100;

/** See above. */
export class Hub {
  readonly #core: HubCore;
  readonly #deliveries: Deliveries;
  readonly #subscriptions: GuestSubscriptions;
  readonly #gathering: Gathering;

  /** @param before what the last hub told, if there was one */
  constructor(client: Client, options: ClientOptions, before: State | undefined) {
    const core = new HubCore(client, options, before);
    this.#core = core;
    this.#deliveries = new Deliveries(core, (id) => this.lost(id));
    this.#subscriptions = new GuestSubscriptions(core, this.#deliveries);
    this.#gathering = gathering(core);
    relayEvents(core, this.#subscriptions);
  }

  /** Begins, or goes on where the last hub ended. @param tabs those that live */
  takeOver(tabs: readonly string[]): void {
    this.#gathering.begin(tabs);
  }

  /** Whether any tab but this one is a guest. */
  hasOthers(own: string): boolean {
    return [...this.#core.guests.keys()].some((id) => id !== own);
  }

  /** Takes a tab as a guest, unless it is one: it may say hello again during the same visit. */
  admit(id: string, visit: number, post: (item: ToTab) => void): void {
    if (this.#core.guests.get(id)?.visit === visit) {
      post({ type: 'pong' });
      return;
    }
    // It has not noticed that it was one, or was another hub's meanwhile: it has yet to say what it wants.
    this.#missed(id);
    this.#core.guests.set(id, new Guest(id, visit, post, this.#core.holdings));
    post({ type: 'welcome', visit });
    post({ type: 'state', state: this.#core.connection(this.#core.holdings.filters) });
  }

  /** A tab is gone without a word: it may be reloading. What it was subscribed to is kept for a while. */
  lost(id: string): void {
    this.#missed(id);
    this.#gathering.ready(id);
  }

  /** A tab says something. @returns false when it is no guest */
  receive(id: string, item: ToHub): boolean {
    const { guests, state } = this.#core;
    const guest = guests.get(id);
    if (!guest || state !== 'open') return state !== 'open';
    guest.unanswered = 0;
    this.#received(guest, item);
    return true;
  }

  /** The connection ends with the last tab. */
  async close(options: CloseOptions | undefined): Promise<void> {
    const core = this.#core;
    if (core.state === 'open') core.state = 'leaving';
    core.endings.end();
    const { client } = core;
    const { inFlight, queued } = client.stats;
    const isHurried = core.options.ack === 'received' && inFlight + queued === 0;
    const { timeout = longestClose } = options ?? {};
    try {
      await client.close(isHurried ? { ...options, timeout: Math.min(timeout, longestClose) } : options);
    } finally {
      core.state = 'over';
    }
  }

  /**
   * Another tab takes over: the session stays as it is. With a store of the application's, all that is under way is in
   * it; without one, it is better done with.
   */
  handOver(timeout: number): Promise<void> {
    return this.close(this.#core.options.store ? { force: true } : { timeout: Math.min(timeout, 2_000) });
  }

  /** The lock is another tab's: what this client would write is not its own any more. */
  abandon(): void {
    this.#core.state = 'over';
    this.close({ force: true }).catch(() => {});
  }

  #received(guest: Guest, item: ToHub): void {
    switch (item.type) {
      case 'call':
        void answer(this.#core, this.#subscriptions, guest, item);
        break;
      case 'abort':
        guest.aborts.get(item.id)?.abort(new MqttError(abortedCode, 'The tab waits no longer'));
        break;
      case 'settled':
        this.#deliveries.settled(guest, item.delivery, item.outcome);
        break;
      case 'ack':
        this.#deliveries.acknowledge(item.delivery, item.reasonCode);
        break;
      case 'arrived':
        guest.onTheWay -= item.weight;
        break;
      case 'packets':
        this.#showPackets(guest, item.wanted);
        break;
      case 'ready':
        this.#gathering.ready(guest.id);
        break;
      case 'ping':
        guest.post({ type: 'pong' });
        break;
      case 'bye':
        this.#dismiss(guest);
        this.#forget(guest);
        guest.post({ type: 'farewell' });
        break;
    }
  }

  #showPackets(guest: Guest, wanted: boolean): void {
    guest.stopPackets?.();
    guest.stopPackets = wanted
      ? this.#core.client.on('packet', (event) => guest.post({ type: 'event', name: 'packet', event }))
      : undefined;
  }

  /** A tab that was a guest is none any more, as far as it has not come again. */
  #missed(id: string): void {
    const { guests, ghosts, state, endings, ghostTime } = this.#core;
    const guest = guests.get(id);
    if (!guest || state !== 'open') return;
    guest.isGone = true;
    ghosts.add(guest);
    this.#dismiss(guest);
    endings.later(ghostTime, () => this.#forget(guest));
  }

  #dismiss(guest: Guest): void {
    this.#core.guests.delete(guest.id);
    this.#showPackets(guest, false);
    this.#deliveries.dismiss(guest);
    this.#core.counted();
  }

  #forget(guest: Guest): void {
    this.#core.ghosts.delete(guest);
    this.#subscriptions.endAll(guest);
    this.#core.counted();
  }
}
