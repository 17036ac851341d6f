/// <reference lib="esnext.disposable" preserve="true" />

/** {@link Subscription} of a tab: its handler or iterator takes what the hub sends for it. */

import { ConnectionError, UsageError } from '../errors';
import type { Grant, Subscription } from '../index';
import type { Message, QoS } from '../message';
import type { Delivery } from './delivery';
import { isThenable } from './events';
import { wireFilter } from './guest';
import { timerFor } from './waiting';

/** `Symbol.asyncDispose`, also where the environment does not have it: then under the name that polyfills use. */
export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as typeof Symbol.asyncDispose);

/** What a handler or listener needs to run in. */
export interface HandlerHost {
  /** Milliseconds until a handler counts as failed. */
  readonly handlerTimeout: number;
  /** Reports an exception of the application's code. */
  failed(error: unknown): void;
  /** The application works on a message (1), or is done with it (-1). */
  busy(change: 1 | -1): void;
}

/** What a Subscription needs of its tab. */
export interface SubscriptionHost extends HandlerHost {
  /** Unread QoS 0 messages kept. */
  readonly maxUnread: number;
  /** An unread QoS 0 message was dropped. */
  unreadDropped(): void;
  messageOf(delivery: Delivery, params: Record<string, string>): Message;
  /** An iterator has appeared: messages that nobody took may be its. */
  reclaim(): void;
  /** Messages that were let go: others may take them. */
  release(deliveries: readonly Delivery[]): void;
  /** Ends the Subscription at the hub. */
  end(subscription: SharedSubscription): Promise<void>;
}

/** A message for this Subscription. */
interface Unread {
  readonly delivery: Delivery;
  readonly params: Record<string, string>;
}

type Handler = (message: Message<never>) => unknown;

type Result = IteratorResult<Message, undefined>;

/** One call of `subscribe` in a tab. */
export class SharedSubscription implements Subscription {
  readonly id: number;
  /** The filters that it still has, as they were given. */
  patterns: readonly string[];
  /** What was asked for. */
  readonly options: object | undefined;
  readonly #handler: Handler | undefined;
  readonly #host: SubscriptionHost;
  /** Messages that wait for the handler or the iterator. */
  #unread: Unread[] = [];
  /** Those of them with QoS 0. */
  #unreadQos0 = 0;
  /**
   * Without a handler messages are collected: from the call on, `'for now'`; from the turn after it resolved only for
   * an `iterator`.
   */
  #collects: 'for now' | 'iterator' | 'no' = 'for now';
  #isRunning = false;
  /** The message that the loop works on. */
  #inHand: Delivery | undefined;
  /** Calls of `next` that wait. */
  readonly #readers: { resolve(result: Result): void; reject(reason: unknown): void }[] = [];
  #state: 'open' | 'ended' = 'open';
  /** Why it ended, until an iterator tells. */
  #error: Error | undefined;
  #grants: readonly Grant[] | undefined;

  constructor(
    id: number,
    patterns: readonly string[],
    options: object | undefined,
    handler: Handler | undefined,
    host: SubscriptionHost,
  ) {
    this.id = id;
    this.patterns = patterns;
    this.options = options;
    this.#handler = handler;
    this.#host = host;
  }

  get filter(): string {
    return this.grants[0]?.filter ?? '';
  }

  get qos(): QoS {
    return this.grants[0]?.qos ?? 0;
  }

  get grants(): readonly Grant[] {
    return this.#grants ?? [];
  }

  /** Whether the server has answered. */
  get isGranted(): boolean {
    return this.#grants !== undefined;
  }

  /** The server has answered. */
  granted(grants: readonly Grant[]): void {
    this.#grants = grants;
    const refused = grants.filter(({ error }) => error).map(({ filter }) => filter);
    this.patterns = this.patterns.filter((pattern) => !refused.includes(pattern));
  }

  /** Some filters are unsubscribed from. @returns whether it has no other ones */
  without(filters: ReadonlySet<string>): boolean {
    const rest = this.patterns.filter((pattern) => !filters.has(wireFilter(pattern)));
    const isOver = rest.length === 0 && this.patterns.length > 0;
    this.patterns = rest;
    return isOver;
  }

  /** Takes a message if it wants it now. */
  offer(delivery: Delivery, params: Record<string, string>): boolean {
    if (this.#state === 'ended' || (!this.#handler && this.#collects === 'no')) return false;
    delivery.take();
    this.#push({ delivery, params });
    this.#pump();
    return true;
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
    if (this.#collects === 'iterator') this.#pump();
    else this.#release();
  }

  unsubscribe(): Promise<void> {
    return this.#state === 'ended' ? Promise.resolve() : this.#host.end(this);
  }

  [asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> {
    if (this.#handler || this.#collects === 'iterator') {
      throw new UsageError(
        `The Subscription has ${this.#handler ? 'a handler' : 'an iterator'} already; subscribe again for another one`,
        'in-use',
      );
    }
    this.#collects = 'iterator';
    if (this.#state === 'open') this.#host.reclaim();
    return {
      next: () => {
        this.#putDown();
        return new Promise((resolve, reject) => {
          this.#readers.push({ resolve, reject });
          this.#pump();
        });
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

  #push(unread: Unread): void {
    this.#unread.push(unread);
    if (unread.delivery.message.qos > 0) return;
    this.#unreadQos0 += 1;
    if (this.#unreadQos0 <= this.#host.maxUnread) return;
    const oldest = this.#unread.findIndex(({ delivery }) => delivery.message.qos === 0);
    for (const { delivery } of this.#unread.splice(oldest, 1)) delivery.letGo();
    this.#unreadQos0 -= 1;
    this.#host.unreadDropped();
  }

  #shift(): Unread | undefined {
    const next = this.#unread.shift();
    if (next?.delivery.message.qos === 0) this.#unreadQos0 -= 1;
    return next;
  }

  /** Hands out what there is to who waits for it. */
  #pump(): void {
    if (this.#handler) {
      while (!this.#isRunning) {
        const next = this.#shift();
        if (!next) return;
        this.#isRunning = true;
        const message = this.#host.messageOf(next.delivery, next.params);
        this.#isRunning = runHandler(this.#handler as never, message, next.delivery, this.#host, () => {
          this.#isRunning = false;
          this.#pump();
        });
      }
      return;
    }
    for (let reader = this.#readers[0]; reader; reader = this.#readers[0]) {
      const next = this.#shift();
      if (!next && this.#state === 'open') return;
      this.#readers.shift();
      if (next) reader.resolve({ done: false, value: this.#hand(next) });
      else this.#conclude(reader);
    }
  }

  #hand({ delivery, params }: Unread): Message {
    // `next` may have been called several times in advance.
    this.#putDown();
    this.#inHand = delivery;
    this.#host.busy(1);
    return this.#host.messageOf(delivery, params);
  }

  #putDown(): void {
    const delivery = this.#inHand;
    this.#inHand = undefined;
    if (!delivery) return;
    this.#host.busy(-1);
    delivery.settle();
  }

  /** The error is told once. */
  #conclude({ resolve, reject }: { resolve(result: Result): void; reject(reason: unknown): void }): void {
    const error = this.#error;
    this.#error = undefined;
    if (error) reject(error);
    else resolve({ done: true, value: undefined });
  }

  /** Lets go of what nobody has worked on; code that runs goes on. */
  #release(): void {
    const released = this.#unread;
    this.#unread = [];
    this.#unreadQos0 = 0;
    this.#host.release(released.map(({ delivery }) => delivery));
  }
}

/**
 * Runs the application's code for a message that was taken for it; the message settles with it.
 *
 * @param ended called when code that goes on has ended; nothing is called for other code
 * @returns whether it goes on
 */
export function runHandler(
  handler: (message: Message) => unknown,
  message: Message,
  delivery: Delivery,
  host: HandlerHost,
  ended?: () => void,
): boolean {
  let result: unknown;
  try {
    result = handler(message);
  } catch (error) {
    delivery.settle(true);
    host.failed(error);
    return false;
  }
  if (!isThenable(result)) {
    delivery.settle();
    return false;
  }
  host.busy(1);
  let isOpen = true;
  const end = (failed: boolean, error?: unknown) => {
    if (!isOpen) return;
    isOpen = false;
    clearTimeout(timer);
    host.busy(-1);
    delivery.settle(failed);
    if (failed) host.failed(error);
    ended?.();
  };
  const timer = timerFor(host.handlerTimeout, () => {
    const words = `The handler of a message to '${message.topic}' did not settle within ${host.handlerTimeout} ms; the message counts as failed`;
    end(true, new ConnectionError('timeout', words));
  });
  Promise.resolve(result).then(
    () => end(false),
    (error: unknown) => end(true, error),
  );
  return true;
}
