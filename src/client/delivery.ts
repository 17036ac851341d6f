/**
 * One received message on its way through its takers. It is handled when all that took it have settled; only then,
 * and only if it has QoS 1 or 2, it is acknowledged.
 */

import type { DecodedPublishPacket } from '../codec/packet';
import type { ManualAck } from './received-message';

/** Reason code for a message whose handler failed [v5 3.4.2.1]. */
const handlerFailed = 0x83;

/** A message and the count of those who still work on it. */
export class Delivery {
  readonly packet: DecodedPublishPacket;
  readonly redelivered: boolean;
  /** For `message.ack()`. */
  readonly manualAck: ManualAck;
  /** Acknowledges when nobody claims it and no taker's settling does that (`ack: 'manual'`). */
  whenUnclaimed: (() => void) | undefined;
  /** Takers that have not settled. */
  #open = 0;
  #failed = false;
  #settled: ((reasonCode: number) => void) | undefined;

  /** @param settled called once when all takers have settled, with the reason code to acknowledge with */
  constructor(
    packet: DecodedPublishPacket,
    redelivered: boolean,
    manualAck: ManualAck,
    settled: ((reasonCode: number) => void) | undefined,
  ) {
    this.packet = packet;
    this.redelivered = redelivered;
    this.manualAck = manualAck;
    this.#settled = settled;
  }

  /** Somebody takes it. */
  take(): void {
    this.#open += 1;
  }

  /** A taker is done with it. */
  settle(failed = false): void {
    this.#open -= 1;
    this.#failed ||= failed;
    if (this.#open > 0) return;
    const settled = this.#settled;
    this.#settled = undefined;
    settled?.(this.#failed ? handlerFailed : 0);
  }

  /** Whether this many takers have it. */
  isHeldBy(takers: number): boolean {
    return this.#open === takers;
  }
}
