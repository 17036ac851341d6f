/** Who gets a message: overlapping subscriptions of one session become one copy, or one each [v5 3.3.4]. */

import type { QoS } from '../../src/codec/packet';
import type { BrokerMessage } from './message';
import type { Delivery } from './outbound';
import type { Session } from './session';
import type { Subscription } from './subscriptions';

/** The copies of one message. */
export interface Route {
  readonly deliveries: readonly (readonly [Session, Delivery])[];
  /** True when nobody subscribes. */
  readonly isEmpty: boolean;
}

/** What the subscriptions of one session add up to. */
interface Merged {
  qos: QoS;
  retain: boolean;
  identifiers: number[];
}

/** Gathers the subscriptions that match. */
export class RouteBuilder {
  readonly #message: BrokerMessage;
  readonly #policy: 'one' | 'each';
  readonly #merged = new Map<Session, Merged>();
  readonly #deliveries: [Session, Delivery][] = [];
  #matched = false;

  constructor(message: BrokerMessage, policy: 'one' | 'each') {
    this.#message = message;
    this.#policy = policy;
  }

  add(subscription: Subscription): void {
    const { session, qos, noLocal, identifier, shareName, retainAsPublished } = subscription;
    this.#matched = true;
    if (noLocal && this.#message.publisher === session.clientId) return; // [v5 MQTT-3.8.3-3]
    const retain = retainAsPublished && this.#message.retain; // [v5 MQTT-3.3.1-12, v5 MQTT-3.3.1-13]
    const merged = this.#merged.get(session);
    if (shareName !== undefined || this.#policy === 'each' || merged === undefined) {
      const own = { qos, retain, identifiers: identifier === undefined ? [] : [identifier] };
      if (shareName === undefined && this.#policy === 'one') this.#merged.set(session, own);
      else this.#push(session, own);
      return;
    }
    // [v5 MQTT-3.3.4-2, v5 MQTT-3.3.4-4] the highest QoS, and every identifier
    merged.qos = Math.max(merged.qos, qos) as QoS;
    merged.retain ||= retain;
    if (identifier !== undefined) merged.identifiers.push(identifier);
  }

  build(): Route {
    for (const [session, merged] of this.#merged) this.#push(session, merged);
    return { deliveries: this.#deliveries, isEmpty: !this.#matched };
  }

  #push(session: Session, { qos, retain, identifiers }: Merged): void {
    const message = this.#message;
    const lower = Math.min(message.qos, qos) as QoS; // [v5 MQTT-3.8.4-8]
    const delivery = { message, qos: lower, retain, subscriptionIdentifiers: identifiers };
    this.#deliveries.push([session, delivery]);
  }
}
