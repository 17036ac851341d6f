/** {@link Subscription}: one call of `subscribe`. */

import { ConnectionError } from '../errors';
import type { Message, QoS } from '../message';
import type { SubscriptionOptions } from '../session/subscriptions';
import type { Pattern } from '../topic/pattern';
import { asyncDispose } from './async-dispose';
import type { Grant, Subscription } from './client';
import type { Delivery } from './delivery';
import { HandlerTaker, IteratorTaker, type ParamsOfTopic, secondIterator, type TakerHost } from './taker';

/** What a handle needs from the client. */
export interface SubscriptionHost extends TakerHost {
  /** Ends the Subscription on the wire, where no other needs it. */
  unsubscribe(handle: SubscriptionHandle): Promise<void>;
  /** A taker has appeared: messages that nobody took may be its. */
  reclaim(): void;
  /** Messages that were let go: others may take them. */
  release(deliveries: readonly Delivery[]): void;
}

/** Where it stands: before SUBACK, granted, or over. */
type HandleState = 'pending' | 'active' | 'ended';

/** One Subscription. */
export class SubscriptionHandle implements Subscription {
  readonly patterns: readonly Pattern[];
  readonly options: SubscriptionOptions;
  readonly #host: SubscriptionHost;
  readonly #handler: HandlerTaker | undefined;
  /** While an iterator reads, and provisionally until the turn after `subscribe` resolved. */
  #iterator: IteratorTaker | undefined;
  /** Whether the application has the iterator. */
  #iterated = false;
  #state: HandleState = 'pending';
  #grants: readonly Grant[] = [];

  constructor(
    patterns: readonly Pattern[],
    options: SubscriptionOptions,
    handler: ((message: Message<Record<string, string>>) => unknown) | undefined,
    host: SubscriptionHost,
  ) {
    this.patterns = patterns;
    this.options = options;
    this.#host = host;
    if (handler) this.#handler = new HandlerTaker(handler, host);
    else this.#iterator = this.#newIterator();
  }

  get filter(): string {
    return this.patterns[0]?.pattern ?? '';
  }

  get qos(): QoS {
    return this.#grants[0]?.qos ?? 0;
  }

  get grants(): readonly Grant[] {
    return this.#grants;
  }

  /** Whether its handler or loop works on a message. */
  get isBusy(): boolean {
    return this.#handler?.isBusy ?? (this.#iterated && (this.#iterator?.isBusy ?? false));
  }

  /** Whether it is over. */
  get hasEnded(): boolean {
    return this.#state === 'ended';
  }

  /** Takes a message if it wants it now. */
  offer(delivery: Delivery, params: ParamsOfTopic): boolean {
    return (this.#handler ?? this.#iterator)?.offer(delivery, params) ?? false;
  }

  /** The server has answered. */
  granted(grants: readonly Grant[]): void {
    this.#grants = grants;
    if (this.#state === 'pending') this.#state = 'active';
  }

  /** The turn after `subscribe` resolved is over: without an iterator nothing is collected. */
  settleDown(): void {
    if (this.#handler || this.#iterated || !this.#iterator) return;
    const released = this.#iterator.release();
    this.#iterator = undefined;
    this.#host.release(released);
  }

  /** It is over: a loop that reads ends, with the error if there is one. */
  end(error?: Error): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#handler?.end();
    if (this.#iterated) this.#iterator?.finish(error);
    else this.settleDown();
  }

  unsubscribe(): Promise<void> {
    if (this.#state === 'ended') return Promise.resolve();
    return this.#host.unsubscribe(this);
  }

  [asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  [Symbol.asyncIterator](): AsyncIterator<Message<Record<string, string>>, undefined> {
    if (this.#iterated || this.#handler) throw secondIterator();
    this.#iterated = true;
    const provisional = this.#iterator;
    if (provisional) return provisional;
    const iterator = this.#newIterator();
    this.#iterator = iterator;
    if (this.#state === 'ended') iterator.finish();
    else this.#host.reclaim();
    return iterator;
  }

  #newIterator(): IteratorTaker {
    return new IteratorTaker(this.#host, () => {
      const released = this.#iterator?.release() ?? [];
      // The loop does not wait for the server; what fails now concerns nobody.
      this.unsubscribe().catch((error: unknown) => {
        if (!(error instanceof ConnectionError)) this.#host.failed(error);
      });
      this.#host.release(released);
    });
  }
}
