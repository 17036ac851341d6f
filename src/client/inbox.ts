/**
 * Received messages: offered to Subscriptions and `'message'` listeners, acknowledged when all that took them have
 * settled. A QoS 1 or 2 message that nobody takes is held, for a while, for a taker to come.
 *
 * What is acknowledged before its takers are done (`ack: 'received'`, or early by hand) is saved whole before: after a
 * crash the server would not send it again. It is handed out again then, whatever became of the MQTT session.
 */

import type { DecodedPublishPacket } from '../codec/packet';
import { UsageError } from '../errors';
import type { IncomingMessage } from '../session/incoming-message';
import type { OwnRecords } from '../session/own-records';
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
  readonly records: OwnRecords;
  /** Records have changed. */
  touch(): void;
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
  /** Place of the message that was saved last in the order of arrival. */
  #order = 0;
  /** Messages received. */
  received = 0;

  constructor(host: InboxHost, router: Router<SubscriptionHandle>, emitter: Emitter) {
    this.#host = host;
    this.#router = router;
    this.#emitter = emitter;
  }

  /** A message came. */
  deliver(packet: DecodedPublishPacket, incoming: IncomingMessage | undefined, redelivered: boolean): void {
    this.received += 1;
    const delivery = new Delivery(packet, incoming, redelivered, this);
    const isTaken = this.#offer(delivery);
    if (this.#host.ack === 'received') this.#acknowledge(delivery, 0);
    if (!isTaken) this.#hold(delivery);
  }

  /** Messages that were acknowledged and not done with when the page was left. They are held from `connected` on. */
  restore(): void {
    const records = [...this.#host.records.values()].filter((record) => record.kind === 'inbox');
    for (const { kind: _, id, ...content } of records.sort((a, b) => a.id - b.id)) {
      this.#order = id;
      const packet = { ...content, type: 'publish', dup: false } as const;
      const delivery = new Delivery(packet, undefined, true, this, id);
      if (!this.#offer(delivery)) this.#unclaimed.set(delivery, Number.POSITIVE_INFINITY);
    }
  }

  /** The server accepted the connection: takers will come now, if they come at all. */
  connected(): void {
    for (const [delivery, until] of this.#unclaimed)
      if (until === Number.POSITIVE_INFINITY) this.#hold(delivery);
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

  /** The client is closed: nothing is acknowledged any more, and only what the server will not send again is held. */
  clear(): void {
    if (this.#host.ack === 'manual') this.#host.forget(undefined);
    for (const delivery of this.#unclaimed.keys()) {
      if (delivery.keptAs !== undefined) this.#unclaimed.set(delivery, Number.POSITIVE_INFINITY);
      else {
        if (delivery.incoming) this.#host.forget(delivery.incoming);
        this.#unclaimed.delete(delivery);
      }
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** See {@link DeliveryHost}. */
  handled(delivery: Delivery, reasonCode: number): void {
    if (this.#host.ack === 'handled') this.#acknowledge(delivery, reasonCode);
    this.#discard(delivery);
  }

  /** See {@link DeliveryHost}. */
  manualAck(delivery: Delivery): ManualAck {
    if (this.#host.ack !== 'manual') return undefined;
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

  #acknowledge(delivery: Delivery, reasonCode: number): void {
    const { incoming } = delivery;
    if (!incoming) return;
    if (!delivery.hasSettled && incoming.decision < 0) this.#keep(delivery);
    this.#host.acknowledge(incoming, reasonCode);
  }

  /** Saves a message that is about to be acknowledged, where that makes sense. */
  #keep(delivery: Delivery): void {
    const { topic, payload, qos, retain, properties } = delivery.packet;
    const id = this.#order + 1;
    if (!this.#host.records.put({ kind: 'inbox', id, topic, payload, qos, retain, properties })) return;
    this.#order = id;
    delivery.keptAs = id;
  }

  #discard(delivery: Delivery): void {
    if (delivery.keptAs === undefined) return;
    this.#host.records.delete('inbox', delivery.keptAs);
    this.#host.touch();
    delivery.keptAs = undefined;
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
      for (const call of listeners) {
        delivery.take();
        runHandler(call, message, delivery, this.#host);
      }
    }
    return !delivery.letGo();
  }

  #hold(delivery: Delivery): void {
    if (delivery.packet.qos === 0) return;
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

  #giveUp(delivery: Delivery): void {
    const { packet, incoming, redelivered } = delivery;
    // Nobody else does it, with `ack: 'manual'` neither.
    if (incoming) this.#host.acknowledge(incoming, 0);
    this.#discard(delivery);
    this.#emitter.emit('unclaimed', new ReceivedMessage(packet, {}, redelivered, undefined));
  }
}
