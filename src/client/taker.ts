/**
 * The receiving side of a Subscription: a handler that is called for one message after the other, or a queue that one
 * iterator reads.
 */

import type { DecodedPublishPacket } from '../codec/packet';
import { Fifo } from '../session/fifo';
import type { Delivery } from './delivery';
import type { Inbox, Work } from './inbox';
import { type AnyMessage, type Params, ReceivedMessage } from './received-message';

type Result = IteratorResult<AnyMessage, undefined>;

interface Unread {
  readonly delivery: Delivery;
  readonly params: Params;
  /** Place in the order of arrival. */
  readonly order: number;
}

/**
 * Messages that wait. QoS 0 is bounded by the taker, QoS 1 and 2 by the Receive Maximum: they are unacknowledged. What is
 * left of earlier sessions is bounded as QoS 0 is: the server counts it no more.
 */
interface Backlog {
  readonly qos0: Fifo<Unread>;
  readonly others: Fifo<Unread>;
  /** Place of the message that came last. */
  order: number;
  /** The connection on which those of earlier sessions were counted last. */
  counted: number;
}

/** Takes messages for a Subscription. */
export abstract class Taker {
  protected readonly inbox: Inbox;
  protected hasEnded = false;
  /** From the first message on that has to wait: with most handlers none ever does. */
  #backlog: Backlog | undefined;
  /** Whether retained messages come again with each new session, which then says what is retained now. */
  readonly #retainedAgain: boolean;

  constructor(inbox: Inbox, retainAsPublished: boolean) {
    this.inbox = inbox;
    this.#retainedAgain = !retainAsPublished;
  }

  /** Handles a message with QoS 0 that nobody else wants, if it can at once. @returns false when it is to be offered */
  handle(_packet: DecodedPublishPacket, _params: Params): boolean {
    return false;
  }

  /** Takes a message, unless it takes none any more. */
  offer(delivery: Delivery, params: Params): void {
    if (this.hasEnded) return;
    delivery.take();
    if (this.work(delivery, params)) return;
    this.#backlog ??= { qos0: new Fifo(), others: new Fifo(), order: 0, counted: 0 };
    const backlog = this.#backlog;
    const { qos0, others } = backlog;
    backlog.order += 1;
    const unread = { delivery, params, order: backlog.order };
    if (delivery.packet.qos > 0) {
      others.push(unread);
      if (backlog.counted !== this.inbox.connections) this.#dropStrays(backlog);
      return;
    }
    qos0.push(unread);
    if (qos0.length > this.inbox.maxUnread) this.#drop(qos0.shift());
  }

  /** Takes no more. @returns what nobody has worked on, for other takers */
  release(): Delivery[] {
    this.hasEnded = true;
    const { qos0, others } = this.#backlog ?? {};
    const all = [...(qos0?.drain() ?? []), ...(others?.drain() ?? [])];
    return all.sort((a, b) => a.order - b.order).map(({ delivery }) => delivery);
  }

  /** The message that waits longest. */
  protected shift(): Unread | undefined {
    if (!this.#backlog) return undefined;
    const { qos0, others } = this.#backlog;
    for (;;) {
      const first = qos0.peek();
      const other = others.peek();
      const next = (first && !(other && other.order < first.order) ? qos0 : others).shift();
      if (!next || !this.#comesAgain(next.delivery)) return next;
      this.#drop(next);
    }
  }

  /** Whether the session has been replaced by one in which the same topic's retained message is sent anew. */
  #comesAgain({ packet, incoming }: Delivery): boolean {
    return packet.retain && this.#retainedAgain && !this.hasEnded && incoming?.isStray === true;
  }

  /** Once a connection, on which Receive Maximum bounds what comes. The oldest go, as in {@link Inbox.connected}. */
  #dropStrays(backlog: Backlog): void {
    const { others } = backlog;
    backlog.counted = this.inbox.connections;
    const isStray = ({ delivery }: Unread) => delivery.incoming?.isStray === true;
    const all = others.drain();
    let tooMany = all.filter(isStray).length - this.inbox.mostStrays;
    for (const unread of all) {
      if (tooMany > 0 && isStray(unread)) {
        tooMany -= 1;
        this.#drop(unread);
      } else others.push(unread);
    }
  }

  #drop(unread: Unread | undefined): void {
    unread?.delivery.letGo();
    this.inbox.unreadDropped += 1;
  }

  /** Works on a message at once. @returns false when it has to wait */
  protected abstract work(delivery: Delivery, params: Params): boolean;
}

/** Calls a handler, one message at a time. */
export class HandlerTaker extends Taker {
  readonly #handler: (message: AnyMessage) => unknown;
  #running = false;

  constructor(handler: (message: AnyMessage) => unknown, inbox: Inbox, retainAsPublished: boolean) {
    super(inbox, retainAsPublished);
    this.#handler = handler;
  }

  override handle(packet: DecodedPublishPacket, params: Params): boolean {
    if (this.#running) return false;
    this.#run(new ReceivedMessage(packet, params, false), undefined);
    this.#next();
    return true;
  }

  protected work(delivery: Delivery, params: Params): boolean {
    if (this.#running) return false;
    this.#run(this.inbox.messageOf(delivery, params), delivery);
    this.#next();
    return true;
  }

  #run(message: AnyMessage, delivery: Delivery | undefined): void {
    this.#running = true;
    this.#running = this.inbox.run(this.#handler, message, delivery, this);
  }

  /** What the handler had to do for a message, and went on with, is done. */
  ended(): void {
    this.#running = false;
    this.#next();
  }

  #next(): void {
    while (!this.#running) {
      const next = this.shift();
      if (!next) return;
      this.#run(this.inbox.messageOf(next.delivery, next.params), next.delivery);
    }
  }
}

/** Collects messages for one iterator. */
export class IteratorTaker extends Taker implements AsyncIterableIterator<AnyMessage, undefined> {
  /** Called when the loop is left. */
  readonly #left: () => void;
  /** The message that the loop works on. */
  #inHand: Delivery | undefined;
  /** Set while `close` waits for the loop to be done with it. */
  #work: Work | undefined;
  /** Calls of `next` that wait. */
  readonly #readers: { resolve(result: Result): void; reject(reason: unknown): void }[] = [];
  #error: Error | undefined;

  constructor(inbox: Inbox, retainAsPublished: boolean, left: () => void) {
    super(inbox, retainAsPublished);
    this.#left = left;
  }

  /** No more messages come: the loop ends once it has read what is there, with the error if there is one. */
  finish(error?: Error): void {
    this.hasEnded = true;
    this.#error = error;
    // Nobody has to read on: what is in hand may stay there for ever.
    this.#rest();
    for (const reader of this.#readers.splice(0)) this.#conclude(reader);
  }

  next(): Promise<Result> {
    this.#putDown();
    const next = this.shift();
    if (next) return Promise.resolve(this.#hand(next.delivery, next.params));
    return new Promise((resolve, reject) => {
      if (this.hasEnded) this.#conclude({ resolve, reject });
      else this.#readers.push({ resolve, reject });
    });
  }

  return(): Promise<Result> {
    this.#putDown();
    this.#left();
    this.finish();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** As all iterators of the language, it can be looped over. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  protected work(delivery: Delivery, params: Params): boolean {
    const reader = this.#readers.shift();
    reader?.resolve(this.#hand(delivery, params));
    return reader !== undefined;
  }

  #hand(delivery: Delivery, params: Params): Result {
    // `next` may have been called several times in advance.
    this.#putDown();
    this.#inHand = delivery;
    this.#work = this.inbox.begin();
    return { done: false, value: this.inbox.messageOf(delivery, params) };
  }

  #putDown(): void {
    const delivery = this.#inHand;
    this.#inHand = undefined;
    delivery?.settle();
    this.#rest();
  }

  #rest(): void {
    if (this.#work) this.inbox.settled(this.#work);
    this.#work = undefined;
  }

  /** The error is told once. */
  #conclude({ resolve, reject }: { resolve(result: Result): void; reject(reason: unknown): void }): void {
    const error = this.#error;
    this.#error = undefined;
    if (error) reject(error);
    else resolve({ done: true, value: undefined });
  }
}
