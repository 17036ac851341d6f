/** Wills: published when a connection ends without DISCONNECT 0x00, at once or after a delay [v5 3.1.2.5]. */

import type { WillPacket } from '../../src/codec/packet';
import type { Clock, Timer } from './clock';
import { type BrokerMessage, messageOfWill } from './message';
import type { Session } from './session';

/** A will whose connection has ended and whose delay runs. */
export interface PendingWill {
  readonly will: WillPacket;
  readonly timer: Timer;
}

/** Publishes wills when their time has come. */
export class Wills {
  readonly #clock: Clock;
  readonly #publish: (message: BrokerMessage, session: Session) => void;

  /** @param publish called once for each will that is due */
  constructor(clock: Clock, publish: (message: BrokerMessage, session: Session) => void) {
    this.#clock = clock;
    this.#publish = publish;
  }

  /** The connection ended abnormally: the will is due now, or when its delay is over [v5 MQTT-3.1.2-8]. */
  connectionEnded(session: Session, will: WillPacket): void {
    const delay = will.properties?.willDelayInterval ?? 0;
    if (delay === 0 || session.endsWithConnection) return this.#send(session, will);
    const timer = this.#clock.schedule(delay * 1_000, () => {
      session.pendingWill = undefined;
      this.#send(session, will);
    });
    session.pendingWill = { will, timer };
  }

  /** The client is back in time: its will is never sent [v5 MQTT-3.1.3-9]. */
  resumed(session: Session): void {
    session.pendingWill?.timer.cancel();
    session.pendingWill = undefined;
  }

  /** The session ended: a will that still waits is due now [v5 3.1.2.5]. */
  sessionEnded(session: Session): void {
    const pending = session.pendingWill;
    if (pending === undefined) return;
    this.resumed(session);
    this.#send(session, pending.will);
  }

  #send(session: Session, will: WillPacket): void {
    this.#publish(messageOfWill(will, session.clientId, this.#clock.now()), session);
  }
}
