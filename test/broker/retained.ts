/** Retained messages, one for each topic [v5 3.3.1.3]. */

import { matches } from '../../src/topic/topic-filter';
import { type BrokerMessage, isExpired } from './message';

const sysPrefix = '$SYS/';

/** The store of retained messages. */
export class RetainedStore {
  readonly #messages = new Map<string, BrokerMessage>();
  /** Messages of `$SYS` among them. */
  #sysCount = 0;
  readonly #maximum: number;

  /** @param maximum messages that are kept, those of `$SYS` not counted */
  constructor(maximum = Number.POSITIVE_INFINITY) {
    this.#maximum = maximum;
  }

  /** Messages held, those of `$SYS` included. */
  get size(): number {
    return this.#messages.size;
  }

  /** Messages held, those of `$SYS` not counted. */
  get ordinarySize(): number {
    return this.#messages.size - this.#sysCount;
  }

  /** False when a message for the topic would be one too many. */
  hasRoomFor(topic: string): boolean {
    return this.#messages.has(topic) || this.ordinarySize < this.#maximum;
  }

  /** Replaces what the topic holds; an empty payload removes it [v5 MQTT-3.3.1-5, v5 MQTT-3.3.1-6, v5 MQTT-3.3.1-7]. */
  set(message: BrokerMessage): void {
    this.delete(message.topic);
    if (message.payload.length === 0) return;
    if (message.topic.startsWith(sysPrefix)) this.#sysCount += 1;
    // A copy: the payload may be a view of a much larger chunk.
    this.#messages.set(message.topic, { ...message, payload: message.payload.slice() });
  }

  get(topic: string): BrokerMessage | undefined {
    return this.#messages.get(topic);
  }

  delete(topic: string): boolean {
    const existed = this.#messages.delete(topic);
    if (existed && topic.startsWith(sysPrefix)) this.#sysCount -= 1;
    return existed;
  }

  /** Forgets everything but `$SYS`. */
  clear(): void {
    for (const topic of this.#messages.keys()) if (!topic.startsWith(sysPrefix)) this.#messages.delete(topic);
  }

  /** Messages that match and have not expired, oldest first. */
  *match(filter: string, now: number): Iterable<BrokerMessage> {
    if (!filter.includes('+') && !filter.includes('#')) {
      const message = this.#messages.get(filter);
      if (message !== undefined && !isExpired(message, now)) yield message;
      return;
    }
    for (const message of this.#messages.values()) {
      if (matches(filter, message.topic) && !isExpired(message, now)) yield message;
    }
  }

  /** Forgets what has expired. */
  sweep(now: number): void {
    for (const [topic, message] of this.#messages) if (isExpired(message, now)) this.delete(topic);
  }

  [Symbol.iterator](): Iterator<BrokerMessage> {
    return this.#messages.values();
  }
}
