/** A message in one tab, and the takers there that still work on it. */

import type { WireDelivery, WireMessage } from './wire';

/** What becomes of a message. */
export interface DeliveryHost {
  /** All takers have settled. */
  settled(delivery: Delivery): void;
}

/** See above. */
export class Delivery {
  readonly message: WireMessage;
  readonly targets: WireDelivery['targets'];
  readonly packetId: number | undefined;
  /** Under which the hub in office waits for it; 0 when it does not. */
  id: number;
  /** Whether a taker failed. */
  hasFailed = false;
  /** Takers that have not settled. */
  #open = 0;
  /** Whether any taker has worked on it. */
  #wasHandled = false;
  readonly #host: DeliveryHost;

  constructor({ id, message, targets, packetId }: WireDelivery, host: DeliveryHost) {
    this.id = id;
    this.message = message;
    this.targets = targets;
    this.packetId = packetId;
    this.#host = host;
  }

  /** Whether all its takers are done with it. */
  get hasSettled(): boolean {
    return this.#wasHandled && this.#open === 0;
  }

  /** Somebody takes it. */
  take(): void {
    this.#open += 1;
  }

  /** A taker is done with it. */
  settle(failed = false): void {
    this.#wasHandled = true;
    this.hasFailed ||= failed;
    this.letGo();
  }

  /** A taker lets go of it without having worked on it. @returns whether nobody else has it or had it */
  letGo(): boolean {
    this.#open -= 1;
    if (this.#open > 0) return false;
    if (this.#wasHandled) this.#host.settled(this);
    return !this.#wasHandled;
  }
}
