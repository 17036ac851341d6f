/** Messages that wait for the handler or the iterator of a Subscription; those with QoS 0 are bounded. */

import type { Delivery } from './delivery';

/** A message for one Subscription. */
export interface UnreadMessage {
  readonly delivery: Delivery;
  readonly params: Readonly<Record<string, string>>;
}

interface Entry extends UnreadMessage {
  /** Place in the order of arrival. */
  readonly order: number;
}

/** First in, first out, at the same cost whatever waits; an array's `shift` does not. */
class Line {
  #new: Entry[] = [];
  /** What comes next, the oldest last. */
  #next: Entry[] = [];

  get length(): number {
    return this.#new.length + this.#next.length;
  }

  push(entry: Entry): void {
    this.#new.push(entry);
  }

  peek(): Entry | undefined {
    if (this.#next.length === 0) this.#next = this.#new.splice(0).reverse();
    return this.#next.at(-1);
  }

  shift(): Entry | undefined {
    this.peek();
    return this.#next.pop();
  }

  drain(): Entry[] {
    return [...this.#next.splice(0).reverse(), ...this.#new.splice(0)];
  }
}

/** See above. */
export class Unread {
  readonly #qos0 = new Line();
  /** Those with QoS 1 and 2. */
  readonly #others = new Line();
  /** Place of the one that came last. */
  #order = 0;

  /** Adds one. @returns the oldest with QoS 0, when it is one too many */
  push(message: UnreadMessage, maximum: number): Delivery | undefined {
    this.#order += 1;
    const line = message.delivery.message.qos === 0 ? this.#qos0 : this.#others;
    line.push({ ...message, order: this.#order });
    return this.#qos0.length > maximum ? this.#qos0.shift()?.delivery : undefined;
  }

  /** Takes the oldest. */
  shift(): UnreadMessage | undefined {
    const first = this.#qos0.peek();
    const other = this.#others.peek();
    return (first && !(other && other.order < first.order) ? this.#qos0 : this.#others).shift();
  }

  /** Takes the oldest strays, but for so many: the server sends none of QoS 0. */
  dropStrays(most: number): Delivery[] {
    const all = this.#others.drain();
    const strays = new Set(all.filter(({ delivery }) => delivery.isStray).slice(0, -most));
    for (const entry of all) if (!strays.has(entry)) this.#others.push(entry);
    return [...strays].map(({ delivery }) => delivery);
  }

  /** Takes all. */
  clear(): Delivery[] {
    const all = [...this.#qos0.drain(), ...this.#others.drain()];
    return all.sort((a, b) => a.order - b.order).map(({ delivery }) => delivery);
  }
}
