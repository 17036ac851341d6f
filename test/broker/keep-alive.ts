/** Ends a connection from which nothing comes [v5 MQTT-3.1.2-22, v3 MQTT-3.1.2-24]. */

import type { Clock, Timer } from './clock';

/** How many milliseconds of silence a second of keep alive allows: half as many again. */
const patience = 1_500;

/** Watches one connection. */
export class KeepAlive {
  readonly #clock: Clock;
  readonly #expired: () => void;
  /** Seconds, 0 for no watch. */
  #interval = 0;
  /** When the latest packet came. */
  #lastPacketAt = 0;
  #timer: Timer | undefined;

  /** @param expired called once, when the silence was too long */
  constructor(clock: Clock, expired: () => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** Begins to watch; packets that came before do not count. */
  start(interval: number): void {
    this.#interval = interval;
    this.received();
    if (interval > 0) this.#watch();
  }

  /** A packet came. */
  received(): void {
    this.#lastPacketAt = this.#clock.now();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** One timer for many packets: when it fires it looks how long the silence really was. */
  #watch(): void {
    const left = this.#lastPacketAt + this.#interval * patience - this.#clock.now();
    this.#timer = this.#clock.schedule(left, () => {
      if (this.#clock.now() < this.#lastPacketAt + this.#interval * patience) this.#watch();
      else this.#expired();
    });
  }
}
