/**
 * The receiving side of a Subscription: a handler that is called for one message after the other, or a queue that one
 * iterator reads.
 */

import { ConnectionError } from '../errors';
import type { Message } from '../message';
import { Fifo } from '../session/fifo';
import type { Delivery } from './delivery';
import { ReceivedMessage } from './received-message';

/** What the application's code needs to run in. */
export interface HandlerHost {
  /** Reports an exception of the application's code. */
  failed(error: unknown): void;
  /** Milliseconds until a handler counts as failed. */
  readonly handlerTimeout: number;
  /** The application works on a message; `settled` follows. */
  started(): void;
  /** It is done with it. */
  settled(): void;
}

/** What a taker needs from the client. */
export interface TakerHost extends HandlerHost {
  /** Unread QoS 0 messages kept. */
  readonly maxUnread: number;
  /** An unread QoS 0 message was dropped. */
  dropped(): void;
}

/** A message as applications see it, where the names of wildcards are not known. */
export type AnyMessage = Message<Record<string, string>>;

/** Params of a topic under the pattern that the message came for. */
export type ParamsOfTopic = (topic: string) => Record<string, string>;

/** Takes messages for a Subscription. */
export interface Taker {
  /** Takes a message. @returns false when it takes none */
  offer(delivery: Delivery, params: ParamsOfTopic): boolean;
  /** Takes no more. @returns what nobody has worked on, for other takers */
  release(): Delivery[];
}

type Result = IteratorResult<AnyMessage, undefined>;

interface Unread {
  readonly delivery: Delivery;
  readonly params: ParamsOfTopic;
  /** Place in the order of arrival. */
  readonly order: number;
}

/** Messages that wait to be read. QoS 0 is bounded here, QoS 1 and 2 by the Receive Maximum: they are unacknowledged. */
class UnreadQueue {
  readonly #qos0 = new Fifo<Unread>();
  readonly #others = new Fifo<Unread>();
  readonly #host: TakerHost;
  #order = 0;

  constructor(host: TakerHost) {
    this.#host = host;
  }

  push(delivery: Delivery, params: ParamsOfTopic): void {
    this.#order += 1;
    const isBounded = delivery.packet.qos === 0;
    (isBounded ? this.#qos0 : this.#others).push({ delivery, params, order: this.#order });
    if (!isBounded || this.#qos0.length <= this.#host.maxUnread) return;
    this.#qos0.shift()?.delivery.letGo();
    this.#host.dropped();
  }

  shift(): Unread | undefined {
    const first = this.#qos0.peek();
    const other = this.#others.peek();
    return (first && !(other && other.order < first.order) ? this.#qos0 : this.#others).shift();
  }

  drain(): Delivery[] {
    const all = [...this.#qos0.drain(), ...this.#others.drain()];
    return all.sort((a, b) => a.order - b.order).map(({ delivery }) => delivery);
  }
}

/**
 * Runs the application's code for a message that was taken for it; the message settles with it.
 *
 * @param ended called when code that goes on has ended; nothing is called for other code
 * @returns whether it goes on
 */
export function runHandler(
  handler: (message: AnyMessage) => unknown,
  message: AnyMessage,
  delivery: Delivery,
  host: HandlerHost,
  ended?: () => void,
): boolean {
  let promise: PromiseLike<unknown> | undefined;
  try {
    const result = handler(message);
    if (isThenable(result)) promise = result;
  } catch (error) {
    delivery.settle(true);
    host.failed(error);
    return false;
  }
  if (!promise) {
    delivery.settle();
    return false;
  }
  host.started();
  let open = true;
  const end = (failed: boolean, error?: unknown) => {
    if (!open) return;
    open = false;
    clearTimeout(timer);
    delivery.settle(failed);
    if (failed) host.failed(error);
    ended?.();
    host.settled();
  };
  const { handlerTimeout } = host;
  const timer = timeoutFor(handlerTimeout, () => {
    const words = `The handler of a message to '${message.topic}' did not settle within ${handlerTimeout} ms; the message counts as failed`;
    end(true, new ConnectionError('timeout', words));
  });
  Promise.resolve(promise).then(
    () => end(false),
    (error: unknown) => end(true, error),
  );
  return true;
}

/** Calls a handler, one message at a time. */
export class HandlerTaker implements Taker {
  readonly #handler: (message: AnyMessage) => unknown;
  readonly #host: TakerHost;
  /** Messages that wait for the running handler. */
  readonly #waiting: UnreadQueue;
  #running = false;
  #ended = false;

  constructor(handler: (message: AnyMessage) => unknown, host: TakerHost) {
    this.#handler = handler;
    this.#host = host;
    this.#waiting = new UnreadQueue(host);
  }

  offer(delivery: Delivery, params: ParamsOfTopic): boolean {
    if (this.#ended) return false;
    delivery.take();
    if (this.#running) this.#waiting.push(delivery, params);
    else {
      this.#run(delivery, params);
      this.#next();
    }
    return true;
  }

  /** What runs goes on. */
  release(): Delivery[] {
    this.#ended = true;
    return this.#waiting.drain();
  }

  #run(delivery: Delivery, params: ParamsOfTopic): void {
    this.#running = true;
    this.#running = runHandler(
      this.#handler,
      messageOf(delivery, params),
      delivery,
      this.#host,
      this.#handlerEnded,
    );
  }

  readonly #handlerEnded = (): void => {
    this.#running = false;
    this.#next();
  };

  #next(): void {
    while (!this.#running) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#run(next.delivery, next.params);
    }
  }
}

/** Collects messages for one iterator. */
export class IteratorTaker implements Taker, AsyncIterator<AnyMessage, undefined> {
  readonly #host: TakerHost;
  /** Called when the loop is left. */
  readonly #left: () => void;
  readonly #unread: UnreadQueue;
  /** The message that the loop works on. */
  #inHand: Delivery | undefined;
  /** Calls of `next` that wait. */
  readonly #readers: { resolve(result: Result): void; reject(reason: unknown): void }[] = [];
  #ended = false;
  #error: Error | undefined;

  constructor(host: TakerHost, left: () => void) {
    this.#host = host;
    this.#left = left;
    this.#unread = new UnreadQueue(host);
  }

  offer(delivery: Delivery, params: ParamsOfTopic): boolean {
    if (this.#ended) return false;
    delivery.take();
    const reader = this.#readers.shift();
    if (reader) reader.resolve(this.#hand(delivery, params));
    else this.#unread.push(delivery, params);
    return true;
  }

  /** No more messages come: the loop ends once it has read what is there, with the error if there is one. */
  finish(error?: Error): void {
    this.#ended = true;
    this.#error = error;
    for (const reader of this.#readers.splice(0)) this.#conclude(reader);
  }

  release(): Delivery[] {
    this.#ended = true;
    return this.#unread.drain();
  }

  next(): Promise<Result> {
    this.#putDown();
    const next = this.#unread.shift();
    if (next) return Promise.resolve(this.#hand(next.delivery, next.params));
    return new Promise((resolve, reject) => {
      if (this.#ended) this.#conclude({ resolve, reject });
      else this.#readers.push({ resolve, reject });
    });
  }

  return(): Promise<Result> {
    this.#putDown();
    this.#left();
    this.finish();
    return Promise.resolve({ done: true, value: undefined });
  }

  #hand(delivery: Delivery, params: ParamsOfTopic): Result {
    // `next` may have been called several times in advance.
    this.#putDown();
    this.#inHand = delivery;
    this.#host.started();
    return { done: false, value: messageOf(delivery, params) };
  }

  #putDown(): void {
    const delivery = this.#inHand;
    this.#inHand = undefined;
    if (!delivery) return;
    delivery.settle();
    this.#host.settled();
  }

  /** The error is told once. */
  #conclude({ resolve, reject }: { resolve(result: Result): void; reject(reason: unknown): void }): void {
    const error = this.#error;
    this.#error = undefined;
    if (error) reject(error);
    else resolve({ done: true, value: undefined });
  }
}

function messageOf(delivery: Delivery, params: ParamsOfTopic): AnyMessage {
  const { packet, redelivered } = delivery;
  return new ReceivedMessage(packet, params(packet.topic), redelivered, delivery.host.manualAck(delivery));
}

/** A timer; none for Infinity. */
export function timeoutFor(delay: number, callback: () => void): ReturnType<typeof setTimeout> | undefined {
  return delay === Number.POSITIVE_INFINITY
    ? undefined
    : setTimeout(callback, Math.min(delay, 2_147_483_647));
}

/** Whether a value is a promise, or as good as one. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
