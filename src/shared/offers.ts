/**
 * The hub's client offers a message to one Subscription after the other: they are put together again, for one post a tab.
 *
 * With `ack: 'received'` the client keeps a message in its store while anybody works on it. That is the listener here,
 * which may work on many at the same time; handlers would get the next message when they are done with the last one.
 */

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
  /** For a client that acknowledges by itself: ends its wait. */
  done: (() => void) | undefined;
}

/** Handler of all Subscriptions that the hub makes. */
export type Take = (guest: Guest, held: HeldSubscription, message: Message) => void;

/** See above. */
export function offers(core: HubCore, deliveries: Deliveries): Take {
  const idOf = packetIds(core);
  let offer: Offer | undefined;

  const flush = () => {
    if (!offer) return;
    const { message, packetId, targets, done, asked } = offer;
    offer = undefined;
    core.counted();
    deliveries.deliver(message, targets, packetId, done, asked.size > 0);
  };

  const begin = (message: Message): Offer => {
    flush();
    queueMicrotask(flush);
    return {
      message,
      // Now: the next packet may have an empty payload, too.
      packetId: idOf(message),
      asked: new Set(),
      targets: new Map(),
      done: undefined,
    };
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

  if (core.options.ack === 'received')
    core.client.on('message', (message) => {
      // Its Subscriptions were asked just now, if it has any.
      const taken = offer ?? begin(message);
      offer = taken;
      const done = new Promise<void>((resolve) => {
        taken.done = resolve;
      });
      flush();
      return message.qos > 0 && done;
    });

  return (guest, held, message) => {
    if (!offer || !isOf(offer, message) || offer.asked.has(held)) offer = begin(message);
    const { targets, asked } = offer;
    asked.add(held);
    if (guest.subscriptions.get(held.id) === held && !hadRetained(held, message)) {
      const pattern = [...held.patterns.values()].join();
      const target = { subscription: held.id, pattern, params: message.params };
      targets.set(guest, [...(targets.get(guest) ?? []), target]);
    }
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
