/** The hub's client offers a message to one Subscription after the other: they are put together again, for one post a tab. */

import type { Message } from '../message';
import type { Deliveries } from './deliveries';
import type { Guest, Targets } from './guest';
import type { HeldSubscription } from './holdings';
import type { HubCore } from './hub-core';
import { packetIds } from './packet-ids';

/** Retained topics remembered for a Subscription; beyond it, it may be sent some again. */
const maximumRetained = 10_000;

/** A message that is being offered. */
interface Offer {
  readonly message: Message;
  /** See {@link packetIds}. */
  readonly packetId: number | undefined;
  /** Subscriptions that it was offered to. */
  readonly asked: Set<HeldSubscription>;
  readonly targets: Targets;
  /** For a client that acknowledges by itself: what it waits for, and ends that. */
  promise: Promise<void> | undefined;
  done: (() => void) | undefined;
}

/** Handler of all Subscriptions that the hub makes. @returns what the client has to wait for */
export type Take = (guest: Guest, held: HeldSubscription, message: Message) => Promise<void> | undefined;

/** See above. */
export function offers(core: HubCore, deliveries: Deliveries): Take {
  const idOf = packetIds(core);
  let offer: Offer | undefined;

  const flush = () => {
    if (!offer) return;
    const { message, packetId, targets, done } = offer;
    offer = undefined;
    core.counted();
    deliveries.deliver(message, targets, packetId, done);
  };

  const begin = (message: Message): Offer => {
    flush();
    queueMicrotask(flush);
    const begun: Offer = {
      message,
      // Now: the next packet may have an empty payload, too.
      packetId: idOf(message),
      asked: new Set(),
      targets: new Map(),
      promise: undefined,
      done: undefined,
    };
    if (message.qos > 0 && core.options.ack === 'received')
      begun.promise = new Promise((resolve) => {
        begun.done = resolve;
      });
    return begun;
  };

  /** Another tab that subscribes makes the server send retained messages again. */
  const hadRetained = ({ options, retained }: HeldSubscription, { retain, topic }: Message): boolean => {
    if (!retain || options.retainAsPublished) return false;
    // One such Subscription, and RETAIN does not tell old messages from new ones.
    if (core.holdings.arePublished) return false;
    if (retained.has(topic)) return true;
    if (retained.size >= maximumRetained) retained.clear();
    retained.add(topic);
    return false;
  };

  return (guest, held, message) => {
    if (!offer || !isOf(offer, message) || offer.asked.has(held)) offer = begin(message);
    const { targets, asked, promise } = offer;
    asked.add(held);
    if (guest.subscriptions.get(held.id) === held && !hadRetained(held, message)) {
      const pattern = [...held.patterns.values()].join();
      const target = { subscription: held.id, pattern, params: message.params };
      targets.set(guest, [...(targets.get(guest) ?? []), target]);
    }
    return promise;
  };
}

/** Whether it is the message that is being offered. An empty payload is the same object in all of them. */
function isOf({ message }: Offer, { payload, topic, properties, qos }: Message): boolean {
  return (
    message.payload === payload &&
    message.topic === topic &&
    message.qos === qos &&
    message.properties === properties
  );
}
