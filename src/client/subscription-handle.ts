/** {@link Subscription}: one call of `subscribe`. */

import type { DecodedPublishPacket } from '../codec/packet';
import { UsageError } from '../errors';
import type { QoS } from '../message';
import type { SubscriptionRequest } from '../session/subscriptions';
import type { Pattern } from '../topic/pattern';
import { asyncDispose } from './async-dispose';
import type { Grant, Subscription } from './client';
import { ignoreRejection } from './deferred';
import type { Delivery } from './delivery';
import type { Inbox } from './inbox';
import type { AnyMessage, Params } from './received-message';
import { HandlerTaker, IteratorTaker, type Taker } from './taker';

/** One Subscription. */
export class SubscriptionHandle implements Subscription {
  readonly patterns: readonly Pattern[];
  readonly #inbox: Inbox;
  readonly #unsubscribe: (handle: SubscriptionHandle) => Promise<void>;
  readonly #hasHandler: boolean;
  readonly #retainAsPublished: boolean;
  /** The handler, or the iterator: provisional until the turn after `subscribe` resolved, later while one reads. */
  #taker: Taker | undefined;
  /** The iterator that the application has. */
  #iterator: IteratorTaker | undefined;
  /** Why it ended, until an iterator tells. */
  #error: Error | undefined;
  /** Set by its end, or when its caller gave up. */
  hasEnded = false;
  /** How many filters on the wire still lead here. */
  routes = 0;
  // Private: an application may make JSON of its state, Subscriptions included, and this leads to those of others.
  #request: SubscriptionRequest | undefined;
  /** What the server granted, from its answer on. */
  grants: readonly Grant[] = [];

  constructor(
    patterns: readonly Pattern[],
    retainAsPublished: boolean,
    handler: ((message: AnyMessage) => unknown) | undefined,
    inbox: Inbox,
    unsubscribe: (handle: SubscriptionHandle) => Promise<void>,
  ) {
    this.patterns = patterns;
    this.#inbox = inbox;
    this.#unsubscribe = unsubscribe;
    this.#hasHandler = handler !== undefined;
    this.#retainAsPublished = retainAsPublished;
    this.#taker = handler ? new HandlerTaker(handler, inbox, retainAsPublished) : this.#newIterator();
  }

  get filter(): string {
    return this.patterns[0]?.pattern ?? '';
  }

  get qos(): QoS {
    return this.grants[0]?.qos ?? 0;
  }

  /** What it asked the server for, once it has. */
  get request(): SubscriptionRequest | undefined {
    return this.#request;
  }

  set request(request) {
    this.#request = request;
  }

  /** See {@link Taker}. */
  handle(packet: DecodedPublishPacket, params: Params): boolean {
    return this.#taker?.handle(packet, params) ?? false;
  }

  /** Takes a message if it wants it now. */
  offer(delivery: Delivery, params: Params): void {
    this.#taker?.offer(delivery, params);
  }

  /** The turn after `subscribe` resolved is over: without an iterator nothing is collected. */
  settleDown(): void {
    if (!this.#hasHandler && !this.#iterator) this.#release();
  }

  /** It is over: a loop that reads ends, with the error if there is one. */
  end(error?: Error): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.#error = error;
    if (this.#iterator) this.#iterator.finish(error);
    else this.#release();
  }

  unsubscribe(): Promise<void> {
    return this.hasEnded ? Promise.resolve() : this.#unsubscribe(this);
  }

  /** With a name of its own it is left alone by frameworks that put proxies in the place of plain objects. */
  get [Symbol.toStringTag](): string {
    return 'Subscription';
  }

  [asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<AnyMessage, undefined> {
    if (this.#hasHandler || this.#iterator) {
      throw new UsageError(
        `The Subscription has ${this.#hasHandler ? 'a handler' : 'an iterator'} already; subscribe again for another one`,
        'in-use',
      );
    }
    const provisional = this.#taker as IteratorTaker | undefined;
    const iterator = provisional ?? this.#newIterator();
    this.#taker = iterator;
    this.#iterator = iterator;
    if (this.hasEnded) iterator.finish(this.#error);
    else if (!provisional) this.#inbox.reclaim();
    return iterator;
  }

  #newIterator(): IteratorTaker {
    return new IteratorTaker(this.#inbox, this.#retainAsPublished, () => {
      // The loop does not wait for the server; if it refuses, its messages are unclaimed.
      ignoreRejection(this.unsubscribe());
      this.#release();
    });
  }

  /** Lets go of what nobody has worked on; code that runs goes on. */
  #release(): void {
    const released = this.#taker?.release() ?? [];
    if (!this.#hasHandler) this.#taker = undefined;
    this.#inbox.release(released);
  }
}
