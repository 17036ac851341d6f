/**
 * Messages that came to a tab: offered to its Subscriptions and `'message'` listeners. The hub hears of it when all
 * that took one have settled. One that nobody takes is held, for a while, for a taker to come.
 *
 * A message that was not acknowledged when its hub went comes again from the next one. The tab knows it by its packet
 * identifier and content: it is not handed out twice. Nor is one with `ack: 'received'` that comes again from the store,
 * without an identifier: that is known by its content.
 */

import { UsageError } from '../errors';
import { type Conclusion, Delivery, type DeliveryHost } from './delivery';
import { paramsIn } from './filters';
import { SharedMessage } from './message';
import { runHandler } from './run-handler';
import type { SharedSubscription, SubscriptionInbox } from './subscription';
import type { TabCore } from './tab-core';
import { timerFor } from './waiting';
import type { Target, WireDelivery, WireMessage } from './wire';

/** A message that the hub had in its store comes again from the next one, or a later one when that goes too soon. */
const hubsRemembered = 10;

/** Hands out what came. */
export class Inbox implements DeliveryHost, SubscriptionInbox {
  readonly #core: TabCore;
  readonly #subscriptions: ReadonlyMap<number, SharedSubscription>;
  /** Messages that the server may send again, by packet identifier. */
  readonly #known = new Map<number, Delivery>();
  /** Messages that the server knows to be received (`ack: 'received'`), by id, until all tabs are done with them. */
  readonly #ahead = new Map<number, Delivery>();
  /** Messages that wait for a taker, and the end of their patience. */
  readonly #held = new Map<Delivery, ReturnType<typeof setTimeout> | undefined>();
  /** Counts the hubs. */
  #hub = 0;
  /** Unread messages that were dropped: of QoS 0, and strays. */
  unreadDropped = 0;

  constructor(core: TabCore, subscriptions: ReadonlyMap<number, SharedSubscription>) {
    this.#core = core;
    this.#subscriptions = subscriptions;
  }

  /** A message came. */
  receive(wire: WireDelivery): void {
    const { id, packetId } = wire;
    const known = this.#find(wire);
    const delivery = known ?? new Delivery(wire, this.#hub, this);
    if (known) {
      this.#ahead.delete(known.id);
      known.id = id;
      known.hub = this.#hub;
    } else if (packetId !== undefined) {
      const former = this.#known.get(packetId);
      if (former) former.isStray = true;
      this.#known.set(packetId, delivery);
    }
    if (id !== 0 && this.#core.options.ack === 'received') this.#ahead.set(id, delivery);
    if (known) this.#tell(known);
    else this.#offer(delivery);
  }

  /** The message, if it has come before. */
  #find({ packetId, message, again }: WireDelivery): Delivery | undefined {
    if (!message.redelivered) return undefined;
    const known = packetId === undefined ? undefined : this.#known.get(packetId);
    if (known && isSame(known.message, message)) return known;
    // What the server sends may be another one, though it looks the same.
    if (packetId !== undefined && !again) return undefined;
    const same = [...this.#ahead.values()].filter(
      (one) => one.hub !== this.#hub && isSame(one.message, message),
    );
    return same.find(({ conclusion }) => !conclusion) ?? same[0];
  }

  /** All tabs are done with it. */
  done(id: number): void {
    this.#ahead.delete(id);
  }

  /** The server will not send it again. */
  released(packetId: number): void {
    this.#known.delete(packetId);
  }

  /**
   * There is a connection. What earlier ones left unread that the server will not send again is bounded, as it is in a
   * client: each could leave as many as Receive Maximum allows.
   */
  connected(isNewSession: boolean): void {
    if (isNewSession) {
      for (const delivery of this.#known.values()) delivery.isStray = true;
      this.#known.clear();
    }
    const { queue, properties } = this.#core.options;
    const most = Math.max(queue?.maxUnread ?? 1_000, properties?.receiveMaximum ?? 256);
    for (const { unread } of this.#subscriptions.values())
      for (const delivery of unread.dropStrays(most)) this.drop(delivery);
  }

  /** See {@link SubscriptionInbox}. */
  drop(delivery: Delivery): void {
    this.unreadDropped += 1;
    if (delivery.letGo()) this.#conclude(delivery, { type: 'settled', outcome: 'unclaimed' });
  }

  /** The hub that waited for messages is gone. */
  hubChanged(): void {
    // None of them has handed these out again: their store did not have them any more.
    for (const { id, conclusion, hub } of this.#ahead.values())
      if (conclusion && hub <= this.#hub - hubsRemembered) this.#ahead.delete(id);
    this.#hub += 1;
  }

  /** A taker has appeared: this Subscription, or a listener. */
  reclaim(taker?: SharedSubscription): void {
    for (const delivery of [...this.#held.keys()]) {
      // A taker that it is offered to may make another one appear, and that has had it by now.
      if (!this.#held.has(delivery)) continue;
      const targets = taker ? targetsOf(delivery, [taker]) : [];
      if (taker && targets.length === 0) continue;
      this.#letGo(delivery);
      this.#offer(delivery, targets);
    }
  }

  /** The tab leaves: nothing is held any more. */
  clear(): void {
    for (const delivery of [...this.#held.keys()]) this.#letGo(delivery);
    this.#known.clear();
    this.#ahead.clear();
  }

  /** See {@link DeliveryHost}. */
  settled(delivery: Delivery): void {
    // By hand it is acknowledged when the application says so.
    if (this.#core.options.ack === 'manual') return;
    this.#conclude(delivery, { type: 'settled', outcome: delivery.hasFailed ? 'failed' : 'handled' });
  }

  /** A taker had messages and let go of them unread: what nobody else had is offered as if it had just come. */
  release(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries)
      if (delivery.letGo()) this.#offer(delivery, targetsOf(delivery, this.#subscriptions.values()));
  }

  /** The message for one taker. */
  messageOf(delivery: Delivery, params: Readonly<Record<string, string>>): SharedMessage {
    if (this.#core.options.ack !== 'manual') return new SharedMessage(delivery.message, params, undefined);
    return new SharedMessage(delivery.message, params, (reasonCode) => {
      if (reasonCode !== 0 && (this.#core.protocolVersion() ?? 5) < 5) {
        throw new UsageError('reasonCode: MQTT 5.0 introduced it', 'needs-mqtt-5');
      }
      this.#conclude(delivery, { type: 'ack', reasonCode });
    });
  }

  #offer(delivery: Delivery, targets = delivery.targets): void {
    // Held by us meanwhile: a taker that settles at once must not end it for the next one.
    delivery.take();
    for (const { subscription, params } of targets)
      this.#subscriptions.get(subscription)?.offer(delivery, params);
    const listeners = this.#core.events.calls('message');
    if (listeners.length > 0) {
      const message = this.messageOf(delivery, {});
      for (const call of listeners) {
        delivery.take();
        runHandler(this.#core, call, message, delivery);
      }
    }
    if (!delivery.letGo() || delivery.message.qos === 0) return;
    const timer = timerFor(this.#core.options.unclaimedTimeout ?? 10_000, () => this.#giveUp(delivery));
    this.#held.set(delivery, timer);
  }

  #letGo(delivery: Delivery): void {
    clearTimeout(this.#held.get(delivery));
    this.#held.delete(delivery);
  }

  #giveUp(delivery: Delivery): void {
    this.#held.delete(delivery);
    // Nobody else does it, with `ack: 'manual'` neither.
    this.#conclude(delivery, { type: 'settled', outcome: 'unclaimed' });
    this.#core.events.emit('unclaimed', new SharedMessage(delivery.message, {}, undefined));
  }

  #conclude(delivery: Delivery, conclusion: Conclusion): void {
    delivery.conclusion = conclusion;
    this.#tell(delivery);
  }

  /** Tells what has become of a message, to the hub that waits for it: should that be gone, the server sends it again. */
  #tell(delivery: Delivery): void {
    const { id, hub, conclusion } = delivery;
    if (!conclusion || id === 0 || hub !== this.#hub) return;
    this.#core.post({ ...conclusion, delivery: id });
  }
}

/** The hub does not know what the tab has subscribed to since it sent the message. */
function targetsOf({ message, targets }: Delivery, takers: Iterable<SharedSubscription>): Target[] {
  return [...takers].flatMap((taker) => {
    const known = targets.find(({ subscription }) => subscription === taker.id);
    const params = known ? known.params : paramsIn(taker.patterns, message.topic);
    return params ? [{ subscription: taker.id, pattern: '', params }] : [];
  });
}

function isSame(one: WireMessage, other: WireMessage): boolean {
  return (
    one.topic === other.topic &&
    one.qos === other.qos &&
    one.payload.length === other.payload.length &&
    one.payload.every((byte, index) => byte === other.payload[index])
  );
}
