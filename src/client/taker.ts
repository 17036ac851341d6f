/**
 * The receiving side of a Subscription: a handler that is called for one message after the other, or a queue that one
 * iterator reads.
 */

import { ConnectionError, UsageError } from '../errors';
import type { Message } from '../message';
import type { Delivery } from './delivery';
import { ReceivedMessage } from './received-message';

/** What a taker needs from the client. */
export interface TakerHost {
  /** Reports an exception of the application's code. */
  failed(error: unknown): void;
  /** Milliseconds until a handler counts as failed. */
  readonly handlerTimeout: number;
  /** Unread QoS 0 messages kept. */
  readonly maxUnread: number;
  /** An unread QoS 0 message was dropped. */
  dropped(): void;
  /** A message is done with. */
  settled(): void;
}

/** Params of a topic under the pattern that the message came for. */
export type ParamsOfTopic = (topic: string) => Record<string, string>;

interface Unread {
  readonly delivery: Delivery;
  readonly params: ParamsOfTopic;
}

/** Messages that wait to be read. QoS 0 is bounded here, QoS 1 and 2 by the Receive Maximum: they are unacknowledged. */
class UnreadQueue {
  readonly #items: Unread[] = [];
  readonly #host: TakerHost;
  #qos0 = 0;

  constructor(host: TakerHost) {
    this.#host = host;
  }

  push(unread: Unread): void {
    this.#items.push(unread);
    if (unread.delivery.packet.qos !== 0) return;
    this.#qos0 += 1;
    if (this.#qos0 <= this.#host.maxUnread) return;
    const oldest = this.#items.findIndex(({ delivery }) => delivery.packet.qos === 0);
    this.#qos0 -= 1;
    this.#items.splice(oldest, 1)[0]?.delivery.settle();
    this.#host.dropped();
  }

  shift(): Unread | undefined {
    const next = this.#items.shift();
    if (next?.delivery.packet.qos === 0) this.#qos0 -= 1;
    return next;
  }

  drain(): Unread[] {
    this.#qos0 = 0;
    return this.#items.splice(0);
  }
}

/** Calls a handler, one message at a time. */
export class HandlerTaker {
  readonly #handler: (message: Message<Record<string, string>>) => unknown;
  readonly #host: TakerHost;
  /** Messages that wait for the running handler. */
  readonly #waiting: UnreadQueue;
  #running = false;
  #ended = false;

  constructor(handler: (message: Message<Record<string, string>>) => unknown, host: TakerHost) {
    this.#handler = handler;
    this.#host = host;
    this.#waiting = new UnreadQueue(host);
  }

  /** Takes a message. @returns false when it takes none */
  offer(delivery: Delivery, params: ParamsOfTopic): boolean {
    if (this.#ended) return false;
    delivery.take();
    if (this.#running) this.#waiting.push({ delivery, params });
    else this.#run(delivery, params);
    return true;
  }

  /** Takes no more; what waits is let go, what runs goes on. */
  end(): void {
    this.#ended = true;
    for (const { delivery } of this.#waiting.drain()) delivery.settle();
  }

  /** Whether a handler runs. */
  get isBusy(): boolean {
    return this.#running;
  }

  #run(delivery: Delivery, params: ParamsOfTopic): void {
    let result: unknown;
    try {
      result = this.#handler(messageOf(delivery, params));
    } catch (error) {
      delivery.settle(true);
      this.#host.failed(error);
      return;
    }
    if (!isThenable(result)) {
      delivery.settle();
      return;
    }
    this.#running = true;
    let open = true;
    const done = (failed: boolean, error?: unknown) => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      this.#running = false;
      delivery.settle(failed);
      if (failed) this.#host.failed(error);
      this.#next();
      this.#host.settled();
    };
    const { handlerTimeout } = this.#host;
    const timer = timeoutFor(handlerTimeout, () => {
      const message = `A handler for '${delivery.packet.topic}' did not settle within ${handlerTimeout} ms; the message was acknowledged as failed`;
      done(true, new ConnectionError('timeout', message));
    });
    result.then(
      () => done(false),
      (error: unknown) => done(true, error),
    );
  }

  #next(): void {
    while (!this.#running) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#run(next.delivery, next.params);
    }
  }
}

/** Collects messages for one iterator. */
export class IteratorTaker implements AsyncIterator<Message<Record<string, string>>, undefined> {
  readonly #host: TakerHost;
  /** Called when the loop is left. */
  readonly #left: () => void;
  readonly #unread: UnreadQueue;
  /** The message that the loop works on. */
  #inHand: Delivery | undefined;
  /** Calls of `next` that wait. */
  readonly #readers: {
    resolve(result: IteratorResult<Message<Record<string, string>>, undefined>): void;
    reject(reason: unknown): void;
  }[] = [];
  #ended = false;
  #error: Error | undefined;

  constructor(host: TakerHost, left: () => void) {
    this.#host = host;
    this.#left = left;
    this.#unread = new UnreadQueue(host);
  }

  /** Takes a message. @returns false when it takes none */
  offer(delivery: Delivery, params: ParamsOfTopic): boolean {
    if (this.#ended) return false;
    delivery.take();
    const reader = this.#readers.shift();
    if (reader) {
      this.#inHand = delivery;
      reader.resolve({ done: false, value: messageOf(delivery, params) });
      return true;
    }
    this.#unread.push({ delivery, params });
    return true;
  }

  /** No more messages come: the loop ends once it has read what is there, with the error if there is one. */
  finish(error?: Error): void {
    this.#ended = true;
    this.#error ??= error;
    for (const reader of this.#readers.splice(0)) this.#conclude(reader);
  }

  /** Lets go of everything unread. @returns the messages, for other takers */
  release(): Delivery[] {
    this.#ended = true;
    return this.#unread.drain().map(({ delivery }) => delivery);
  }

  /** Whether the loop works on a message. */
  get isBusy(): boolean {
    return this.#inHand !== undefined;
  }

  next(): Promise<IteratorResult<Message<Record<string, string>>, undefined>> {
    this.#putDown();
    const next = this.#unread.shift();
    if (next) {
      const { delivery, params } = next;
      this.#inHand = delivery;
      return Promise.resolve({ done: false, value: messageOf(delivery, params) });
    }
    return new Promise((resolve, reject) => {
      if (this.#ended) this.#conclude({ resolve, reject });
      else this.#readers.push({ resolve, reject });
    });
  }

  return(): Promise<IteratorResult<Message<Record<string, string>>, undefined>> {
    this.#putDown();
    this.#left();
    for (const reader of this.#readers.splice(0)) reader.resolve({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }

  #conclude(reader: {
    resolve(result: { done: true; value: undefined }): void;
    reject(reason: unknown): void;
  }): void {
    const error = this.#error;
    this.#error = undefined;
    if (error) reader.reject(error);
    else reader.resolve({ done: true, value: undefined });
  }

  #putDown(): void {
    if (!this.#inHand) return;
    this.#inHand.settle();
    this.#inHand = undefined;
    this.#host.settled();
  }
}

/** The error of a second iterator. */
export function secondIterator(): UsageError {
  return new UsageError('A Subscription has one iterator; subscribe again for a second one', 'in-use');
}

function messageOf(delivery: Delivery, params: ParamsOfTopic): Message<Record<string, string>> {
  const { packet, redelivered, manualAck } = delivery;
  return new ReceivedMessage(packet, params(packet.topic), redelivered, manualAck);
}

/** A timer; none for Infinity. */
export function timeoutFor(delay: number, callback: () => void): ReturnType<typeof setTimeout> | undefined {
  return delay === Number.POSITIVE_INFINITY
    ? undefined
    : setTimeout(callback, Math.min(delay, 2_147_483_647));
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
