/// <reference lib="esnext.disposable" preserve="true" />

/** {@link Subscription} of a tab: its handler or iterator takes what the hub sends for it. */

import { UsageError } from '../errors';
import type { Grant, Subscription } from '../index';
import type { Message, QoS } from '../message';
import type { Pattern } from '../topic/pattern';
import { asyncDispose } from './async-dispose';
import type { Delivery } from './delivery';
import { runHandler } from './run-handler';
import type { TabCore } from './tab-core';
import { Unread, type UnreadMessage } from './unread';

/** What a Subscription needs of the messages that came to its tab. */
export interface SubscriptionInbox {
  /** An unread message is one too many. */
  drop(delivery: Delivery): void;
  messageOf(delivery: Delivery, params: Readonly<Record<string, string>>): Message;
  /** An iterator has appeared: messages that nobody took may be its. */
  reclaim(taker: SharedSubscription): void;
  /** Messages that were let go: others may take them. */
  release(deliveries: readonly Delivery[]): void;
}

/** What the application runs for each message. */
export type Handler = (message: Message<never>) => unknown;

/** A call of `next` that waits. */
interface Reader {
  resolve(result: IteratorResult<Message, undefined>): void;
  reject(reason: unknown): void;
}

/** One call of `subscribe` in a tab. */
export class SharedSubscription implements Subscription {
  readonly id: number;
  /** The filters that it still has. */
  patterns: readonly Pattern[];
  /** Empty until the server has answered. */
  grants: readonly Grant[] = [];
  /** What was asked for. */
  readonly options: object | undefined;
  readonly #handler: Handler | undefined;
  readonly #core: TabCore;
  readonly #inbox: SubscriptionInbox;
  /** Ends it at the hub. */
  readonly #unsubscribe: (subscription: SharedSubscription) => Promise<void>;
  /** What waits for its handler or its iterator. */
  readonly unread = new Unread();
  /**
   * Without a handler messages are collected: from the call on, `'for now'`; from the turn after it resolved only for
   * an `iterator`.
   */
  #collects: 'for now' | 'iterator' | 'no' = 'for now';
  #isRunning = false;
  /** The message that the loop works on. */
  #inHand: Delivery | undefined;
  /** Whether `close` waits for the loop to be done with it. */
  #isAwaited = false;
  /** Calls of `next` that wait. */
  readonly #readers: Reader[] = [];
  #state: 'open' | 'ended' = 'open';
  /** Why it ended, until an iterator tells. */
  #error: Error | undefined;

  constructor(
    id: number,
    patterns: readonly Pattern[],
    options: object | undefined,
    handler: Handler | undefined,
    core: TabCore,
    inbox: SubscriptionInbox,
    unsubscribe: (subscription: SharedSubscription) => Promise<void>,
  ) {
    this.id = id;
    this.patterns = patterns;
    this.options = options;
    this.#handler = handler;
    this.#core = core;
    this.#inbox = inbox;
    this.#unsubscribe = unsubscribe;
  }

  get filter(): string {
    return this.grants[0]?.filter ?? '';
  }

  get qos(): QoS {
    return this.grants[0]?.qos ?? 0;
  }

  /** The server has answered. */
  granted(grants: readonly Grant[]): void {
    this.grants = grants;
    const refused = grants.filter(({ error }) => error).map(({ filter }) => filter);
    this.patterns = this.patterns.filter(({ pattern }) => !refused.includes(pattern));
  }

  /** Some filters are unsubscribed from. @returns whether it has no other ones */
  without(filters: ReadonlySet<string>): boolean {
    const hadAny = this.patterns.length > 0;
    this.patterns = this.patterns.filter(({ filter }) => !filters.has(filter));
    return hadAny && this.patterns.length === 0;
  }

  /** Takes a message if it wants it now. */
  offer(delivery: Delivery, params: Readonly<Record<string, string>>): void {
    if (this.#state === 'ended' || (!this.#handler && this.#collects === 'no')) return;
    delivery.take();
    const dropped = this.unread.push({ delivery, params }, this.#core.options.queue?.maxUnread ?? 1_000);
    if (dropped) this.#inbox.drop(dropped);
    this.#pump();
  }

  /** The turn after `subscribe` resolved is over: without an iterator nothing is collected. */
  settleDown(): void {
    if (this.#handler || this.#collects !== 'for now') return;
    this.#collects = 'no';
    this.#release();
  }

  /** It is over: a loop that reads ends once it has read what is there, with the error if there is one. */
  end(error?: Error): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#error = error;
    // Nobody has to read on: what is in hand may stay there for ever.
    this.#rest();
    if (this.#collects === 'iterator') this.#pump();
    else this.#release();
  }

  unsubscribe(): Promise<void> {
    return this.#state === 'ended' ? Promise.resolve() : this.#unsubscribe(this);
  }

  /** With a name of its own it is left alone by frameworks that put proxies in the place of plain objects. */
  get [Symbol.toStringTag](): string {
    return 'Subscription';
  }

  [asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Message, undefined> {
    if (this.#handler || this.#collects === 'iterator') {
      throw new UsageError(
        `The Subscription has ${this.#handler ? 'a handler' : 'an iterator'} already; subscribe again for another one`,
        'in-use',
      );
    }
    this.#collects = 'iterator';
    if (this.#state === 'open') this.#inbox.reclaim(this);
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () => {
        const { activity } = this.#core;
        // Until the next message is in hand: `close` would else not wait for it.
        activity.began();
        this.#putDown();
        const result = new Promise<IteratorResult<Message, undefined>>((resolve, reject) => {
          this.#readers.push({ resolve, reject });
          this.#pump();
        });
        activity.ended();
        return result;
      },
      return: async () => {
        this.#putDown();
        // The loop does not wait for the server.
        this.unsubscribe().catch(() => {});
        this.#release();
        return { done: true, value: undefined };
      },
    };
  }

  /** Hands out what there is to who waits for it. */
  #pump(): void {
    if (this.#handler) this.#run(this.#handler as (message: Message) => unknown);
    else this.#feed();
  }

  #run(handler: (message: Message) => unknown): void {
    while (!this.#isRunning) {
      const next = this.unread.shift();
      if (!next) return;
      this.#isRunning = true;
      const message = this.#inbox.messageOf(next.delivery, next.params);
      this.#isRunning = runHandler(this.#core, handler, message, next.delivery, () => {
        this.#isRunning = false;
        this.#pump();
      });
    }
  }

  #feed(): void {
    while (this.#readers.length > 0) {
      const next = this.unread.shift();
      if (!next && this.#state === 'open') return;
      const reader = this.#readers.shift();
      if (next) reader?.resolve({ done: false, value: this.#hand(next) });
      else this.#conclude(reader);
    }
  }

  #hand({ delivery, params }: UnreadMessage): Message {
    // `next` may have been called several times in advance.
    this.#putDown();
    this.#inHand = delivery;
    this.#isAwaited = true;
    this.#core.activity.began();
    return this.#inbox.messageOf(delivery, params);
  }

  #putDown(): void {
    const delivery = this.#inHand;
    this.#inHand = undefined;
    delivery?.settle();
    this.#rest();
  }

  #rest(): void {
    if (this.#isAwaited) this.#core.activity.ended();
    this.#isAwaited = false;
  }

  /** The error is told once. */
  #conclude(reader: Reader | undefined): void {
    const error = this.#error;
    this.#error = undefined;
    if (error) reader?.reject(error);
    else reader?.resolve({ done: true, value: undefined });
  }

  /** Lets go of what nobody has worked on; code that runs goes on. */
  #release(): void {
    this.#inbox.release(this.unread.clear());
  }
}
