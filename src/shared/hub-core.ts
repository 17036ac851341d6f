/** What the parts of a hub share: its client, the tabs, and what all of them are told. */

import { ConnectionError } from '../errors';
import type { Client, ClientEvents, ClientOptions, Status } from '../index';
import { Endings } from './endings';
import type { Guest } from './guest';
import { type HeldSubscription, Holdings } from './holdings';
import { type Counters, counters, growing, type State, type ToTab } from './wire';
import { toWired } from './wire-error';

/** What becomes of the connection when its tab goes. */
export const lostWords = 'The tab that held the connection is gone; another one takes over';

/** A page that is not back by then, in milliseconds, is not reloading. */
const longestReload = 60_000;

/** How often tabs learn the counters, in milliseconds. */
const statsInterval = 1_000;

/** See above. */
export class HubCore {
  readonly client: Client;
  readonly options: ClientOptions;
  /** What the last hub told, if there was one. */
  readonly before: State | undefined;
  /** Whether it goes on where another hub ended. */
  readonly takesOver: boolean;
  /** How long messages wait for a taker, in milliseconds. */
  readonly unclaimedTimeout: number;
  /** How long tabs that are gone keep what they were subscribed to, in milliseconds. */
  readonly ghostTime: number;
  /** Tabs that are there, by their ids. */
  readonly guests = new Map<string, Guest>();
  /** Tabs that are gone without a word, as long as they may come back: they may be reloading. */
  readonly ghosts = new Set<Guest>();
  readonly holdings = new Holdings();
  /** Errors with which calls of tabs were answered. */
  readonly answered = new WeakSet<object>();
  /** Until the client may connect: resolves then. */
  gathered: Promise<void> | undefined;
  /** Ends with the hub. */
  readonly endings = new Endings();
  /** `'leaving'` while its client closes. */
  state: 'open' | 'leaving' | 'over' = 'open';
  /** QoS 0 messages that were dropped, since their tabs did not take them fast enough. */
  unreadDropped = 0;
  /** When the hub began, in milliseconds since 1970. */
  readonly #since = Date.now();
  /** While tabs are about to be told the counters. */
  #isDue = false;

  constructor(client: Client, options: ClientOptions, before: State | undefined) {
    this.client = client;
    this.options = options;
    this.before = before;
    this.takesOver = before !== undefined && before.status.type !== 'closed';
    this.unclaimedTimeout = options.unclaimedTimeout ?? 10_000;
    this.ghostTime = Math.min(this.unclaimedTimeout, longestReload);
  }

  /** Until the client may read its store: what that has received is for all tabs, not for the first ones. */
  get gatheredToRead(): Promise<void> | undefined {
    return this.options.ack === 'received' ? this.gathered : undefined;
  }

  /** What tabs that are there are subscribed to. */
  get subscriptions(): HeldSubscription[] {
    return [...this.guests.values()].flatMap(({ subscriptions }) => [...subscriptions.values()]);
  }

  /** Tells all tabs. */
  broadcast(item: ToTab): void {
    if (this.state === 'open') for (const guest of this.guests.values()) guest.post(item);
  }

  /** Something happened that tabs may listen to. */
  emit(name: keyof ClientEvents, event: unknown): void {
    this.broadcast({ type: 'event', name, event });
  }

  /** Something happened that counts: tabs are told soon. */
  counted(): void {
    if (this.#isDue || this.state !== 'open') return;
    this.#isDue = true;
    this.endings.later(statsInterval, () => {
      this.#isDue = false;
      this.tellState();
    });
  }

  /** Tells all tabs where the connection stands. */
  tellState(): void {
    this.broadcast({ type: 'state', state: this.connection(this.holdings.news) });
  }

  /** Where the connection stands. @param filters for those who may not know them */
  connection(filters: State['filters']): State {
    const { status, clientId, protocolVersion, server, stats } = this.client;
    const now: Counters = { ...stats, unreadDropped: stats.unreadDropped + this.unreadDropped };
    const before = this.before?.stats;
    const grown = counters.slice(0, growing).map((name) => [name, now[name] + (before?.[name] ?? 0)]);
    return {
      status: withoutQuery(toWired(this.takesOver && status.type === 'idle' ? this.#gathering() : status)),
      clientId,
      protocolVersion,
      server,
      stats: { ...now, ...Object.fromEntries(grown) },
      filters,
    };
  }

  /** What tabs show until the client connects. */
  #gathering(): Status {
    const error = new ConnectionError('lost', lostWords);
    return { type: 'reconnecting', attempt: 1, delay: 0, nextAttemptAt: this.#since, error };
  }
}

/** A status whose URL can travel: what is behind the path may be a signature. */
function withoutQuery(status: State['status']): State['status'] {
  return 'url' in status ? { ...status, url: status.url.replace(/[?#].*$/, '') } : status;
}
