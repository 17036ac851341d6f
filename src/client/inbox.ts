/**
 * Received messages: offered to Subscriptions and `'message'` listeners, acknowledged when all that took them have
 * settled. A QoS 1 or 2 message that nobody takes is held, for a while, for a taker to come.
 */

import type { DecodedPublishPacket } from '../codec/packet';
import { UsageError } from '../errors';
import type { IncomingMessage } from '../session/incoming-message';
import { Delivery, type DeliveryHost } from './delivery';
import type { Emitter } from './emitter';
import { type ManualAck, ReceivedMessage } from './received-message';
import type { Router } from './router';
import type { SubscriptionHandle } from './subscription-handle';
import { type AnyMessage, type HandlerHost, runHandler, timeoutFor } from './taker';

/** What the inbox needs from the client. */
export interface InboxHost extends HandlerHost {
  readonly ack: 'handled' | 'received' | 'manual';
  readonly unclaimedTimeout: number;
  /** Acknowledges to the server. */
  acknowledge(message: IncomingMessage, reasonCode: number): void;
  /** Without a link: a message will be delivered anew when the server sends it again; undefined means all. */
  forget(message: IncomingMessage | undefined): void;
}

/** Hands out what is received. */
export class Inbox implements DeliveryHost {
  readonly #host: InboxHost;
  readonly #router: Router<SubscriptionHandle>;
  readonly #emitter: Emitter;
  /** Messages that wait for a taker, and until when; oldest first, since all wait equally long. */
  readonly #unclaimed = new Map<Delivery, number>();
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
    if (incoming && this.#host.ack === 'received') this.#host.acknowledge(incoming, 0);
    const delivery = new Delivery(packet, incoming, redelivered, this);
    if (!this.#offer(delivery)) this.#hold(delivery);
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

  /** The client is closed: nothing is held any more, and nothing acknowledged; the server will send it again. */
  clear(): void {
    if (this.#host.ack === 'manual') this.#host.forget(undefined);
    for (const { incoming } of this.#unclaimed.keys()) this.#host.forget(incoming);
    this.#unclaimed.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** See {@link DeliveryHost}. */
  handled({ incoming }: Delivery, reasonCode: number): void {
    if (incoming && this.#host.ack === 'handled') this.#host.acknowledge(incoming, reasonCode);
  }

  /** See {@link DeliveryHost}. */
  manualAck({ incoming }: Delivery): ManualAck {
    if (this.#host.ack !== 'manual') return undefined;
    return (reasonCode) => {
      if (reasonCode !== 0 && incoming?.link && incoming.link.protocolVersion !== 5) {
        throw new UsageError(
          'reasonCode: MQTT 5.0 introduced it; the connection speaks an earlier version',
          'needs-mqtt-5',
        );
      }
      if (incoming) this.#host.acknowledge(incoming, reasonCode);
    };
  }

  /** @returns whether anybody took it */
  #offer(delivery: Delivery): boolean {
    // Held by us meanwhile: a taker that settles at once must not end it for the next one.
    delivery.take();
    for (const [handle, params] of this.#router.match(delivery.packet)) handle.offer(delivery, params);
    const listeners = this.#emitter.calls('message');
    if (listeners.length > 0) {
      const { packet, redelivered } = delivery;
      const message: AnyMessage = new ReceivedMessage(packet, {}, redelivered, this.manualAck(delivery));
      for (const call of listeners) this.#call(call, message, delivery);
    }
    return !delivery.letGo();
  }

  #call(listener: (message: AnyMessage) => unknown, message: AnyMessage, delivery: Delivery): void {
    delivery.take();
    const goesOn = runHandler(listener, message, delivery, this.#host, () => {
      this.#busyListeners -= 1;
    });
    if (goesOn) this.#busyListeners += 1;
  }

  #hold(delivery: Delivery): void {
    if (!delivery.incoming) return;
    const { unclaimedTimeout } = this.#host;
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

  #giveUp({ packet, incoming, redelivered }: Delivery): void {
    // Nobody else does it, with `ack: 'manual'` neither.
    if (incoming) this.#host.acknowledge(incoming, 0);
    this.#emitter.emit('unclaimed', new ReceivedMessage(packet, {}, redelivered, undefined));
  }
}
