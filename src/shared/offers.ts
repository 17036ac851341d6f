/**
 * The hub's client offers a message to one Subscription after the other, then to the listener here: that puts them
 * together again, for one post a tab.
 *
 * With `ack: 'received'` the client keeps a message in its store while anybody works on it. That is the listener, which
 * may work on many at the same time: a handler would get the next message when it is done with the last one.
 */

import type { Message } from '../message';
import type { Deliveries } from './deliveries';
import { namesOf } from './filters';
import type { Guest, Targets } from './guest';
import type { HeldSubscription } from './holdings';
import type { HubCore } from './hub-core';
import { packetIds } from './packet-ids';

/** Retained topics remembered for a Subscription; beyond it, it may be sent some again. */
const maximumRetained = 10_000;

/** Handler of all Subscriptions that the hub makes. */
export type Take = (guest: Guest, held: HeldSubscription, message: Message) => void;

/** See above. */
export function offers(core: HubCore, deliveries: Deliveries): Take {
  const idOf = packetIds(core);
  /** Takers of the message that is being offered; undefined when no Subscription is for it. */
  let targets: Targets | undefined;

  core.client.on('message', (message) => {
    const taken = targets;
    targets = undefined;
    core.counted();
    const deliver = (done?: () => void) => deliveries.deliver(message, taken, idOf(message), done);
    return core.options.ack === 'received' && message.qos > 0 ? new Promise<void>(deliver) : deliver();
  });

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
    targets ??= new Map();
    if (guest.subscriptions.get(held.id) !== held || hadRetained(held, message)) return;
    const target = { subscription: held.id, pattern: namesOf(held.patterns).join(), params: message.params };
    const known = targets.get(guest);
    if (known) known.push(target);
    else targets.set(guest, [target]);
  };
}
