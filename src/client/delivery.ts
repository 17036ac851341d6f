/**
 * One received message on its way through its takers. It is handled when all that took it have settled; only then,
 * and only if it has QoS 1 or 2, it is acknowledged.
 */

import type { DecodedPublishPacket } from '../codec/packet';
import type { IncomingMessage } from '../session/incoming-message';

/** Reason code for a message whose handler failed [v5 3.4.2.1]. */
const handlerFailed = 0x83;

/** Learns what becomes of a message. */
export interface DeliveryHost {
  /** All takers have settled; the reason code is what to acknowledge with. */
  handled(delivery: Delivery, reasonCode: number): void;
}

/** A message and the count of those who still work on it. */
export class Delivery {
  readonly packet: DecodedPublishPacket;
  /** What is to be acknowledged; undefined with QoS 0. */
  readonly incoming: IncomingMessage | undefined;
  readonly redelivered: boolean;
  readonly host: DeliveryHost;
  /** Where the store keeps it, since it was acknowledged before its takers were done. */
  keptAs: number | undefined;
  // Not #private: there is one of these for each message, and private fields take their time to be made.
  /** Takers that have not settled. */
  private open = 0;
  /** Whether any taker has worked on it. */
  private handled = false;
  private failed = false;

  constructor(
    packet: DecodedPublishPacket,
    incoming: IncomingMessage | undefined,
    redelivered: boolean,
    host: DeliveryHost,
    keptAs?: number,
  ) {
    this.packet = packet;
    this.incoming = incoming;
    this.redelivered = redelivered;
    this.host = host;
    this.keptAs = keptAs;
  }

  /** Whether all its takers are done with it. */
  get hasSettled(): boolean {
    return this.handled && this.open === 0;
  }

  /** Whether anybody has it, be it to offer it. */
  get isOpen(): boolean {
    return this.open > 0;
  }

  /** Somebody takes it. */
  take(): void {
    this.open += 1;
  }

  /** A taker is done with it. */
  settle(failed = false): void {
    this.handled = true;
    if (failed) this.failed = true;
    this.letGo();
  }

  /** A taker lets go of it without having worked on it. @returns whether nobody else has it or had it */
  letGo(): boolean {
    this.open -= 1;
    if (this.open > 0) return false;
    if (!this.handled) return true;
    this.host.handled(this, this.failed ? handlerFailed : 0);
    return false;
  }
}
