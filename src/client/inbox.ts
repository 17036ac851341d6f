/**
 * Received messages: offered to Subscriptions and `'message'` listeners, acknowledged when all that took them have
 * settled. A QoS 1 or 2 message that nobody takes is held, for a while, for a taker to come.
 *
 * What is acknowledged before its takers are done (`ack: 'received'`, or early by hand) is saved whole before: after a
 * crash the server would not send it again. It is handed out again then, whatever became of the MQTT session.
 * With `ack: 'received'` no more than `queue.maxUnread` are acknowledged ahead of their takers; further ones wait for
 * them, so that Receive Maximum slows the server down.
 *
 * A stray is unread, and its session is lost: the server will not send it again, and nobody can acknowledge it. It is
 * handed out all the same, in its place, since there is no other of it: dropped, it would be lost. But each session
 * could leave as many as Receive Maximum allows, without end. So beyond `mostStrays` of a Subscription the oldest are
 * let go and counted; those that nobody has taken are given up as if their time were over. What is acknowledged is no
 * stray. A retained one that is sent anew in the new session gives way to that.
 */

import type { DecodedPublishPacket } from '../codec/packet';
import { ConnectionError, UsageError } from '../errors';
import type { IncomingMessage } from '../session/incoming-message';
import { timeoutFor } from './clock';
import type { Core } from './core';
import { Delivery, type DeliveryHost } from './delivery';
import { type AnyMessage, type ManualAck, type Params, ReceivedMessage } from './received-message';
import type { Router } from './router';
import { isThenable } from './thenable';

/** Where messages are offered. */
type Targets = Router<{
  handle(packet: DecodedPublishPacket, params: Params): boolean;
  offer(delivery: Delivery, params: Params): void;
}>;

/** Messages that handlers, listeners and loops work on; a new count after each `clear`. */
export interface Work {
  open: number;
}

/** The patience with a handler: it runs out while the client is open, and begins anew with the next connection. */
type Patience = (isOpen: boolean) => void;

/** Hands out what is received. */
export class Inbox implements DeliveryHost {
  readonly #core: Core;
  readonly #router: Targets;
  readonly #ack: Core['options']['ack'];
  /** Messages that wait for a taker, and until when; oldest first, since all wait equally long. */
  readonly #unclaimed = new Map<Delivery, number>();
  /** Messages that were acknowledged on receipt, until they are done with. */
  readonly #ahead = new Set<Delivery>();
  /** Messages that are to be acknowledged on receipt when there are fewer of those. */
  readonly #behind = new Set<Delivery>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Place of the message that was saved last in the order of arrival. */
  #order = 0;
  /** Connections that the server accepted. */
  connections = 0;
  /** Messages received. */
  received = 0;
  /** Unread messages that were dropped: of QoS 0, and strays. */
  unreadDropped = 0;
  #work: Work = { open: 0 };
  /** With handlers that go on. */
  readonly #patience = new Set<Patience>();

  constructor(core: Core, router: Targets) {
    this.#core = core;
    this.#ack = core.options.ack;
    this.#router = router;
  }

  /** Unread QoS 0 messages kept for each Subscription, and of QoS 1 and 2 that may be acknowledged on receipt. */
  get maxUnread(): number {
    return this.#core.options.queue.maxUnread;
  }

  /** Messages that code of the application works on, and that `close` waits for. */
  get busy(): number {
    return this.#work.open;
  }

  /** Strays kept for each Subscription, and of those without one. */
  get mostStrays(): number {
    const { receiveMaximum = 0 } = this.#core.options.connect.properties ?? {};
    return Math.max(this.maxUnread, receiveMaximum);
  }

  /** A message came. */
  deliver(packet: DecodedPublishPacket, incoming: IncomingMessage | undefined, redelivered: boolean): void {
    this.received += 1;
    if (!incoming && this.#handleAlone(packet)) return;
    const delivery = new Delivery(packet, incoming, redelivered, this);
    const isTaken = this.#offer(delivery);
    if (this.#ack === 'received' && incoming && !delivery.hasSettled) {
      this.#behind.add(delivery);
      this.#acknowledgeAhead();
    }
    if (!isTaken) this.#hold(delivery);
  }

  /** Messages that were acknowledged and not done with when the page was left. They are held from `connected` on. */
  restore(): void {
    const records = [...this.#session.own.values()].filter((record) => record.kind === 'inbox');
    for (const { kind: _, id, ...content } of records.sort((a, b) => a.id - b.id)) {
      this.#order = id;
      const packet = { ...content, type: 'publish', dup: false } as const;
      const delivery = new Delivery(packet, undefined, true, this, id);
      this.#ahead.add(delivery);
      if (!this.#offer(delivery)) this.#unclaimed.set(delivery, Infinity);
    }
  }

  /** The server accepted the connection: takers will come now, if they come at all. */
  connected(): void {
    this.connections += 1;
    for (const patience of this.#patience) patience(true);
    for (const delivery of this.#behind) if (isGone(delivery)) this.#behind.delete(delivery);
    const strays = [...this.#unclaimed.keys()].filter(({ incoming }) => incoming?.isStray);
    for (const delivery of strays.slice(0, -this.mostStrays)) {
      this.#unclaimed.delete(delivery);
      this.#giveUp(delivery);
    }
    for (const [delivery, until] of this.#unclaimed) if (until === Infinity) this.#hold(delivery);
  }

  /** A taker has appeared. */
  reclaim(): void {
    for (const delivery of this.#unclaimed.keys()) {
      // Open: a handler that it is offered to has made another taker appear.
      if (!delivery.isOpen && this.#offer(delivery)) this.#unclaimed.delete(delivery);
    }
  }

  /** Messages that a taker had and let go of unread: what nobody else had is offered as if it had just come. */
  release(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      if (delivery.letGo() && !this.#offer(delivery)) this.#hold(delivery);
    }
  }

  /** The client is closed: nothing is acknowledged any more, and what is saved is restored by the next connect. */
  clear(): void {
    const { incoming } = this.#session;
    if (this.#ack === 'manual') incoming.forget(undefined);
    for (const delivery of this.#unclaimed.keys()) {
      if (delivery.keptAs === undefined && delivery.incoming) incoming.forget(delivery.incoming);
    }
    this.#unclaimed.clear();
    // A loop may hold some that nobody reads any more.
    this.#ahead.clear();
    this.#behind.clear();
    // Nobody waits for what still runs: no timer keeps a process alive for it.
    for (const patience of this.#patience) patience(false);
    this.#work = { open: 0 };
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** See {@link DeliveryHost}. */
  handled(delivery: Delivery, reasonCode: number): void {
    if (this.#ack !== 'manual') this.#acknowledge(delivery, this.#ack === 'handled' ? reasonCode : 0);
    this.#discard(delivery);
  }

  /** The message as a taker gets it. */
  messageOf(delivery: Delivery, params: Params): AnyMessage {
    const { packet, redelivered } = delivery;
    return new ReceivedMessage(packet, params, redelivered, this.#manualAck(delivery));
  }

  #manualAck(delivery: Delivery): ManualAck {
    if (this.#ack !== 'manual') return undefined;
    return (reasonCode) => {
      const { link } = delivery.incoming ?? {};
      if (reasonCode !== 0 && link && link.protocolVersion !== 5) {
        throw new UsageError(
          'reasonCode: MQTT 5.0 introduced it; the connection speaks an earlier version',
          'needs-mqtt-5',
        );
      }
      this.#acknowledge(delivery, reasonCode);
    };
  }

  /**
   * Runs the application's code for a message that was taken for it; the message settles with it.
   *
   * @param delivery undefined for a message with QoS 0 that nobody else has: nothing hangs on it
   * @param owner told when code that goes on has ended; of other code it is told nothing
   * @returns whether it goes on
   */
  run(
    handler: (message: AnyMessage) => unknown,
    message: AnyMessage,
    delivery: Delivery | undefined,
    owner?: { ended(): void },
  ): boolean {
    const { emitter, options } = this.#core;
    let promise: PromiseLike<unknown> | undefined;
    try {
      const result = handler(message);
      if (isThenable(result)) promise = result;
    } catch (error) {
      delivery?.settle(true);
      emitter.failure(error);
      return false;
    }
    if (!promise) {
      delivery?.settle();
      return false;
    }
    const work = this.begin();
    const end = (failed: boolean, error?: unknown) => {
      if (!this.#patience.delete(patience)) return;
      patience(false);
      delivery?.settle(failed);
      if (failed) emitter.failure(error);
      owner?.ended();
      this.settled(work);
    };
    const { handlerTimeout } = options;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const patience: Patience = (isOpen) => {
      if (!isOpen) timer = void clearTimeout(timer);
      else
        timer ??= timeoutFor(handlerTimeout, () => {
          const words = `The handler of a message to '${message.topic}' did not settle within ${handlerTimeout} ms; the message counts as failed`;
          end(true, new ConnectionError('timeout', words));
        });
    };
    patience(true);
    this.#patience.add(patience);
    Promise.resolve(promise).then(
      () => end(false),
      (error: unknown) => end(true, error),
    );
    return true;
  }

  /** The application's code begins to work on a message. @returns what `settled` needs */
  begin(): Work {
    this.#work.open += 1;
    return this.#work;
  }

  /** The application's code is done with a message. */
  settled(work: Work): void {
    work.open -= 1;
    // Looks whether `close` has waited for it, too.
    this.#core.runner.touch();
  }

  get #session() {
    return this.#core.runner.session;
  }

  #acknowledge(delivery: Delivery, reasonCode: number): void {
    const { incoming } = delivery;
    if (!incoming || incoming.decision >= 0) return;
    if (!delivery.hasSettled) this.#keep(delivery);
    this.#answer(incoming, reasonCode);
  }

  /** Acknowledges what came, as far as it may be ahead of its takers. */
  #acknowledgeAhead(): void {
    for (const next of this.#behind) {
      if (this.#ahead.size >= this.maxUnread) return;
      this.#behind.delete(next);
      if (isGone(next)) continue;
      this.#ahead.add(next);
      this.#acknowledge(next, 0);
    }
  }

  #answer(incoming: IncomingMessage, reasonCode: number): void {
    this.#session.incoming.acknowledge(incoming, reasonCode);
    this.#core.runner.touch();
  }

  /** Saves a message that is about to be acknowledged, where that makes sense. */
  #keep(delivery: Delivery): void {
    const { topic, payload, qos, retain, properties } = delivery.packet;
    const id = this.#order + 1;
    if (!this.#session.own.put({ kind: 'inbox', id, topic, payload, qos, retain, properties })) return;
    this.#order = id;
    delivery.keptAs = id;
  }

  #discard(delivery: Delivery): void {
    this.#behind.delete(delivery);
    if (this.#ahead.delete(delivery)) this.#acknowledgeAhead();
    if (delivery.keptAs === undefined) return;
    this.#session.own.delete('inbox', delivery.keptAs);
    this.#core.runner.touch();
    delivery.keptAs = undefined;
  }

  /** The usual case: a message with QoS 0 for one handler that waits for it. @returns false when it is to be offered */
  #handleAlone(packet: DecodedPublishPacket): boolean {
    if (this.#ack === 'manual' || this.#core.emitter.has('message')) return false;
    const targets = this.#router.match(packet);
    const [target] = targets;
    return targets.length === 1 && target !== undefined && target.handle.handle(packet, target.params);
  }

  /** @returns whether anybody took it */
  #offer(delivery: Delivery): boolean {
    // Held by us meanwhile: a taker that settles at once must not end it for the next one.
    delivery.take();
    for (const { handle, params } of this.#router.match(delivery.packet)) handle.offer(delivery, params);
    const { emitter } = this.#core;
    if (emitter.has('message')) {
      const message = this.messageOf(delivery, {});
      for (const call of emitter.calls('message')) {
        delivery.take();
        this.run(call, message, delivery);
      }
    }
    return !delivery.letGo();
  }

  #hold(delivery: Delivery): void {
    if (delivery.packet.qos === 0) return;
    const { unclaimedTimeout } = this.#core.options;
    this.#unclaimed.set(delivery, performance.now() + unclaimedTimeout);
    if (this.#timer === undefined) this.#arm(unclaimedTimeout);
  }

  #arm(delay: number): void {
    this.#timer = timeoutFor(delay, () => {
      this.#timer = undefined;
      const time = performance.now();
      for (const [delivery, until] of this.#unclaimed) {
        if (until > time) {
          this.#arm(until - time);
          return;
        }
        this.#unclaimed.delete(delivery);
        this.#giveUp(delivery);
      }
    });
  }

  #giveUp(delivery: Delivery): void {
    const { packet, incoming, redelivered } = delivery;
    // Nobody else does it, with `ack: 'manual'` neither.
    if (incoming) this.#answer(incoming, 0);
    this.#discard(delivery);
    this.#core.emitter.emit('unclaimed', new ReceivedMessage(packet, {}, redelivered));
  }
}

/** Whether nobody will work on it any more. */
function isGone({ incoming, isOpen }: Delivery): boolean {
  return incoming?.isStray === true && !isOpen;
}
