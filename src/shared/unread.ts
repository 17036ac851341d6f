/** Messages that wait for the handler or the iterator of a Subscription; those with QoS 0 are bounded. */

import type { Delivery } from './delivery';

/** A message for one Subscription. */
export interface UnreadMessage {
  readonly delivery: Delivery;
  readonly params: Readonly<Record<string, string>>;
}

/** See above. */
export class Unread {
  #messages: UnreadMessage[] = [];
  /** Those of them with QoS 0. */
  #qos0 = 0;

  /** Adds one. @returns the oldest with QoS 0, when it is one too many */
  push(message: UnreadMessage, maximum: number): Delivery | undefined {
    this.#messages.push(message);
    if (!isQos0(message)) return undefined;
    this.#qos0 += 1;
    if (this.#qos0 <= maximum) return undefined;
    this.#qos0 -= 1;
    return this.#messages.splice(this.#messages.findIndex(isQos0), 1)[0]?.delivery;
  }

  /** Takes the oldest. */
  shift(): UnreadMessage | undefined {
    const next = this.#messages.shift();
    if (next && isQos0(next)) this.#qos0 -= 1;
    return next;
  }

  /** Takes the oldest strays, but for so many. */
  dropStrays(most: number): Delivery[] {
    const strays = new Set(this.#messages.filter(({ delivery }) => delivery.isStray).slice(0, -most));
    this.#messages = this.#messages.filter((message) => !strays.has(message));
    return Array.from(strays, ({ delivery }) => delivery);
  }

  /** Takes all. */
  clear(): Delivery[] {
    this.#qos0 = 0;
    return this.#messages.splice(0).map(({ delivery }) => delivery);
  }
}

function isQos0({ delivery }: UnreadMessage): boolean {
  return delivery.message.qos === 0;
}
