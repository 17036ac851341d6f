/**
 * Messages that wait for their first send: bounded, and given up when they expire.
 *
 * A withdrawn message stays in its place as `done` and is skipped: removal from the middle is not free.
 */

import { ConnectionError, type MqttError } from '../errors';
import { Fifo } from './fifo';
import type { Now } from './now';
import type { OutgoingMessage } from './outgoing-message';

/** Messages taken out from which on the lines are cleared of them. */
const leastToClear = 100;

/** Bounds of the queue and what to do at them. */
export interface QueueOptions {
  /** Messages that may wait. */
  readonly maxMessages: number;
  /** Bytes that may wait, payloads and topics. */
  readonly maxBytes: number;
  /** What gives way when the queue is full: the new message or the oldest. */
  readonly overflow: 'reject' | 'drop-oldest';
}

/** The queue. */
export class WaitingQueue {
  /** Messages that wait. */
  length = 0;
  /** Bytes that wait. */
  bytes = 0;
  /** No message expires before this wall time. */
  nextExpiry = Infinity;
  readonly #options: QueueOptions;
  readonly #giveUp: (message: OutgoingMessage, error: MqttError) => void;
  /** QoS 0 waits for a connection only, so it has a line of its own. */
  readonly #qos0 = new Fifo<OutgoingMessage>();
  /** QoS 1 and 2. */
  readonly #stored = new Fifo<OutgoingMessage>();
  /** Messages taken out since the lines were cleared of them, at most. */
  #removed = 0;

  /** @param giveUp called for each message that the queue cannot keep; it is out of the queue then */
  constructor(options: QueueOptions, giveUp: (message: OutgoingMessage, error: MqttError) => void) {
    this.#options = options;
    this.#giveUp = giveUp;
  }

  /** All that wait, QoS 1 and 2 first. */
  *[Symbol.iterator](): Generator<OutgoingMessage> {
    for (const fifo of [this.#stored, this.#qos0]) {
      for (const message of fifo) if (message.state === 'queued') yield message;
    }
  }

  /** Takes a message at the end. @returns false when it was given up: there is no room */
  push(message: OutgoingMessage): boolean {
    const { maxMessages, maxBytes, overflow } = this.#options;
    const isFull = () => this.length >= maxMessages || this.bytes + message.size > maxBytes;
    if (overflow === 'drop-oldest' && message.size <= maxBytes) while (isFull() && this.#dropOldest()) {}
    if (isFull()) {
      this.#giveUp(
        message,
        new ConnectionError(
          'queue-full',
          `The queue has no room for ${message.size} bytes: ${this.length} messages (${this.bytes} bytes) wait to be sent; raise queue.maxMessages or queue.maxBytes, or publish less`,
        ),
      );
      return false;
    }
    this.restore(message);
    return true;
  }

  /** Takes a message that was accepted before, whatever the bounds. */
  restore(message: OutgoingMessage): void {
    (message.qos === 0 ? this.#qos0 : this.#stored).push(message);
    this.length += 1;
    this.bytes += message.size;
    this.nextExpiry = Math.min(this.nextExpiry, message.expiresAt);
  }

  /** Takes the next message of QoS 0, or else of QoS 1 and 2, unless it has expired: then the one after it. */
  shift(isQos0: boolean, now: Now): OutgoingMessage | undefined {
    const fifo = isQos0 ? this.#qos0 : this.#stored;
    for (let next = fifo.shift(); next; next = fifo.shift()) {
      if (next.state !== 'queued' || this.#hasExpired(next, now)) continue;
      this.#uncount(next);
      return next;
    }
    return undefined;
  }

  /** Takes a message out. */
  remove(message: OutgoingMessage): void {
    this.#uncount(message);
    message.state = 'done';
    this.#removed += 1;
    if (this.#removed < this.length + leastToClear) return;
    this.#removed = 0;
    for (const fifo of [this.#stored, this.#qos0]) {
      for (const other of fifo.drain()) if (other.state === 'queued') fifo.push(other);
    }
  }

  /** Whether a message of QoS 1 or 2 waits, a withdrawn one perhaps. */
  get holdsStored(): boolean {
    return this.#stored.length > 0;
  }

  /** Gives up what has expired. */
  expire(now: Now): void {
    if (now.wall < this.nextExpiry) return;
    this.nextExpiry = Infinity;
    for (const message of [...this]) {
      if (!this.#hasExpired(message, now)) this.nextExpiry = Math.min(this.nextExpiry, message.expiresAt);
    }
  }

  /** Gives up a message if it has expired. */
  #hasExpired(message: OutgoingMessage, now: Now): boolean {
    if (now.wall < message.expiresAt) return false;
    this.remove(message);
    this.#giveUp(
      message,
      new ConnectionError('expired', 'The message expired before it could be sent (messageExpiryInterval)'),
    );
    return true;
  }

  /** Gives up the message that has waited longest. */
  #dropOldest(): boolean {
    let message: OutgoingMessage | undefined;
    for (const fifo of [this.#qos0, this.#stored]) {
      while (fifo.peek()?.state === 'done') fifo.shift();
      const first = fifo.peek();
      if (first && !(message && message.order < first.order)) message = first;
    }
    if (!message) return false;
    this.remove(message);
    this.#giveUp(
      message,
      new ConnectionError(
        'dropped',
        "The message was dropped: the queue is full and queue.overflow is 'drop-oldest'",
      ),
    );
    return true;
  }

  #uncount(message: OutgoingMessage): void {
    this.length -= 1;
    this.bytes -= message.size;
  }
}
