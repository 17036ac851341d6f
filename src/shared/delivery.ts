/** A message in one tab, and the takers there that still work on it. */

import type { Outcome, WireDelivery, WireMessage } from './wire';

/** What the tab says of it in the end. */
export type Conclusion =
  | { readonly type: 'settled'; readonly outcome: Outcome }
  | { readonly type: 'ack'; readonly reasonCode: number };

/** What becomes of a message. */
export interface DeliveryHost {
  /** All takers have settled. */
  settled(delivery: Delivery): void;
}

/** See above. */
export class Delivery {
  readonly message: WireMessage;
  readonly targets: WireDelivery['targets'];
  /** Under which the hub waits for it; 0 for QoS 0, which nobody waits for. */
  id: number;
  /** Which hub that is. */
  hub: number;
  /** Set once the tab is done with it. */
  conclusion: Conclusion | undefined;
  /** Whether the server will not send it again, though it was not acknowledged: nobody hears of its end. */
  isStray = false;
  /** Whether a taker failed. */
  hasFailed = false;
  /** Takers that have not settled. */
  #open = 0;
  /** Whether any taker has worked on it. */
  #wasHandled = false;
  readonly #host: DeliveryHost;

  constructor({ id, message, targets }: WireDelivery, hub: number, host: DeliveryHost) {
    this.id = id;
    this.hub = hub;
    this.message = message;
    this.targets = targets;
    this.#host = host;
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
