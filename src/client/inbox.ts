/**
 * Received messages: offered to Subscriptions and `'message'` listeners, acknowledged when all that took them have
 * settled. A QoS 1 or 2 message that nobody takes is held, for a while, for a taker to come.
 */

import type { DecodedPublishPacket } from '../codec/packet';
import { ConnectionError } from '../errors';
import type { IncomingMessage } from '../session/incoming-message';
import { Delivery } from './delivery';
import type { Emitter } from './emitter';
import { ReceivedMessage } from './received-message';
import type { Router } from './router';
import type { SubscriptionHandle } from './subscription-handle';
import { isThenable, timeoutFor } from './taker';

/** What the inbox needs from the client. */
export interface InboxHost {
  readonly ack: 'handled' | 'received' | 'manual';
  readonly handlerTimeout: number;
  readonly unclaimedTimeout: number;
  /** Acknowledges to the server. */
  acknowledge(message: IncomingMessage, reasonCode: number): void;
  /** A listener is done with a message. */
  settled(): void;
}

/** A message that waits for a taker. */
interface Unclaimed {
  readonly delivery: Delivery;
  readonly until: number;
}

/** Hands out what is received. */
export class Inbox {
  readonly #host: InboxHost;
  readonly #router: Router<SubscriptionHandle>;
  readonly #emitter: Emitter;
  /** Oldest first; all wait equally long. */
  readonly #unclaimed = new Set<Unclaimed>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Listeners of `'message'` that have not settled. */
  #busyListeners = 0;
  /** Messages received. */
  received = 0;

  constructor(host: InboxHost, router: Router<SubscriptionHandle>, emitter: Emitter) {
    this.#host = host;
    this.#router = router;
    this.#emitter = emitter;
  }

  /** Whether a listener works on a message. */
  get isBusy(): boolean {
    return this.#busyListeners > 0;
  }

  /** A message came. */
  deliver(packet: DecodedPublishPacket, incoming: IncomingMessage | undefined, redelivered: boolean): void {
    this.received += 1;
    const { ack } = this.#host;
    if (incoming && ack === 'received') this.#host.acknowledge(incoming, 0);
    const settled =
      incoming && ack === 'handled'
        ? (reasonCode: number) => this.#host.acknowledge(incoming, reasonCode)
        : undefined;
    const delivery = new Delivery(
      packet,
      redelivered,
      ack === 'manual' ? this.#manualAck(incoming) : undefined,
      settled,
    );
    // Held by us while it is offered: a taker that settles at once must not end it for the next one.
    delivery.take();
    const taken = this.#offer(delivery);
    if (taken || !incoming || ack === 'received') delivery.settle();
    else this.#hold(delivery, incoming);
  }

  /** A taker has appeared. */
  reclaim(): void {
    for (const unclaimed of [...this.#unclaimed]) {
      if (!this.#offer(unclaimed.delivery)) continue;
      this.#unclaimed.delete(unclaimed);
      unclaimed.delivery.settle();
    }
  }

  /** Messages that a taker had and let go of unread. */
  release(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      // Whoever else has it decides; with nobody left it waits for a taker, as if it had just come.
      if (delivery.packet.qos === 0 || this.#host.ack === 'received' || !delivery.isHeldBy(1))
        delivery.settle();
      else if (this.#offer(delivery)) delivery.settle();
      else this.#wait(delivery);
    }
  }

  /** The client is closed: nothing is held any more, and nothing acknowledged. */
  clear(): void {
    this.#unclaimed.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #manualAck(incoming: IncomingMessage | undefined): (reasonCode: number) => void {
    return (reasonCode) => {
      if (incoming?.link) this.#host.acknowledge(incoming, reasonCode);
    };
  }

  #offer(delivery: Delivery): boolean {
    let taken = false;
    this.#router.route(delivery.packet, (handle, params) => {
      if (handle.offer(delivery, params)) taken = true;
    });
    if (!this.#emitter.has('message')) return taken;
    const { packet, redelivered, manualAck } = delivery;
    const message = new ReceivedMessage<Record<string, string>>(packet, {}, redelivered, manualAck);
    for (const call of this.#emitter.calls('message')) {
      taken = true;
      this.#call(() => call(message), delivery);
    }
    return taken;
  }

  #call(call: () => unknown, delivery: Delivery): void {
    let result: unknown;
    delivery.take();
    try {
      result = call();
    } catch (error) {
      delivery.settle(true);
      this.#emitter.failure(error);
      return;
    }
    if (!isThenable(result)) {
      delivery.settle();
      return;
    }
    this.#busyListeners += 1;
    let open = true;
    const done = (failed: boolean, error?: unknown) => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      this.#busyListeners -= 1;
      delivery.settle(failed);
      if (failed) this.#emitter.failure(error);
      this.#host.settled();
    };
    const { handlerTimeout } = this.#host;
    const timer = timeoutFor(handlerTimeout, () =>
      done(
        true,
        new ConnectionError('timeout', `A 'message' listener did not settle within ${handlerTimeout} ms`),
      ),
    );
    result.then(
      () => done(false),
      (error: unknown) => done(true, error),
    );
  }

  /** Keeps a message that nobody took; with `ack: 'manual'` its acknowledgement is ours then. */
  #hold(delivery: Delivery, incoming: IncomingMessage): void {
    if (this.#host.ack === 'manual') delivery.whenUnclaimed = () => this.#host.acknowledge(incoming, 0);
    this.#wait(delivery);
  }

  #wait(delivery: Delivery): void {
    const { unclaimedTimeout } = this.#host;
    this.#unclaimed.add({ delivery, until: performance.now() + unclaimedTimeout });
    if (this.#timer === undefined) this.#arm(unclaimedTimeout);
  }

  #arm(delay: number): void {
    this.#timer = timeoutFor(delay, () => {
      this.#timer = undefined;
      const time = performance.now();
      for (const unclaimed of this.#unclaimed) {
        if (unclaimed.until > time) {
          this.#arm(unclaimed.until - time);
          return;
        }
        this.#unclaimed.delete(unclaimed);
        this.#giveUp(unclaimed.delivery);
      }
    });
  }

  #giveUp(delivery: Delivery): void {
    delivery.whenUnclaimed?.();
    delivery.settle();
    const { packet, redelivered } = delivery;
    this.#emitter.emit('unclaimed', new ReceivedMessage(packet, {}, redelivered, undefined));
  }
}
