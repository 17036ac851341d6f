/**
 * Messages in the hands of tabs. One with QoS 1 or 2 is acknowledged once every tab that took it has settled or is gone.
 * When all of them are gone before any had settled, it waits for a taker, as one does that nobody took: the tab may be
 * reloading.
 */

import type { Message } from '../message';
import { namesOf, paramsIn } from './filters';
import type { Guest, Targets } from './guest';
import type { HeldSubscription } from './holdings';
import type { HubCore } from './hub-core';
import { toWireMessage, weightOf } from './message';
import type { Outcome, Target } from './wire';

/** Reason code for a message whose handler failed [v5 3.4.2.1]. */
const handlerFailed = 0x83;

/** How often tabs that have messages in hand are asked whether they are there, in milliseconds. */
const pingInterval = 5_000;

/** Pings in a row without an answer, after which a tab does not count: it is frozen, or hangs. */
const mostUnanswered = 2;

/**
 * QoS 0 messages on their way to a tab, by weight: what is beyond it is dropped, since a tab that hangs must not fill the
 * memory. A burst of the server is far below; it is the tab that drops what its loops do not read.
 */
const mostOnTheWay = 16 * 1_024 * 1_024;

/** What is done with has left the store after that time at the latest, in milliseconds. */
const longestWrite = 1_000;

/** A QoS 1 or 2 message that tabs work on. */
interface Pending {
  /** Under which tabs know it; 0 until they do. */
  id: number;
  readonly message: Message;
  readonly packetId: number | undefined;
  /** Tabs that are not done with it. */
  readonly waiting: Targets;
  /** Whether it was handled in any tab. */
  hasSettled: boolean;
  hasFailed: boolean;
  /** For a client that acknowledges by itself. */
  readonly done: (() => void) | undefined;
}

/** A message whose only takers are gone. */
interface Orphan {
  readonly pending: Pending;
  /** What they were; empty when it has had none. */
  readonly targets: readonly Target[];
  /** Ends its wait. */
  stop: () => void;
}

/** See above. */
export class Deliveries {
  readonly #core: HubCore;
  /** Says that a tab does not answer. */
  readonly #lost: (tab: string) => void;
  /** By their ids. */
  readonly #pending = new Map<number, Pending>();
  readonly #orphans = new Set<Orphan>();
  /** What tabs have of another hub has other ids. */
  #lastId = Date.now() * 1_000;
  /** Whether tabs are about to be asked whether they are there. */
  #isPinging = false;

  constructor(core: HubCore, lost: (tab: string) => void) {
    this.#core = core;
    this.#lost = lost;
  }

  /** A message came for these tabs, of which some may be gone. @param targets undefined when no Subscription is for it */
  deliver(
    message: Message,
    targets: Targets | undefined,
    packetId: number | undefined,
    done?: () => void,
  ): void {
    const waiting = targets ?? new Map<Guest, Target[]>();
    const gone = [...waiting].filter(([guest]) => guest.isGone);
    for (const [guest] of gone) waiting.delete(guest);
    if (message.qos === 0) {
      this.#send(message, waiting, 0);
      return;
    }
    const pending = { id: 0, message, packetId, waiting, hasSettled: false, hasFailed: false, done };
    if (waiting.size > 0 || (targets && gone.length === 0)) this.#wait(pending);
    else
      this.#orphan(
        pending,
        gone.flatMap(([, list]) => list),
      );
  }

  /** A tab is done with a message. */
  settled(guest: Guest, id: number, outcome: Outcome): void {
    const pending = this.#pending.get(id);
    if (!pending?.waiting.delete(guest)) return;
    pending.hasSettled ||= outcome !== 'unclaimed';
    pending.hasFailed ||= outcome === 'failed';
    if (pending.waiting.size > 0) return;
    this.#pending.delete(id);
    this.#finish(pending);
  }

  /** A tab acknowledges a message by hand. */
  acknowledge(id: number, reasonCode: number): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (pending) this.#acknowledge(pending, reasonCode);
  }

  /** A tab is gone: it does not count any more. */
  dismiss(guest: Guest): void {
    for (const [id, pending] of this.#pending) {
      const targets = pending.waiting.get(guest);
      if (!targets) continue;
      pending.waiting.delete(guest);
      if (pending.waiting.size > 0) continue;
      this.#pending.delete(id);
      if (pending.hasSettled) this.#finish(pending);
      else this.#orphan(pending, targets);
    }
  }

  /** The connection is over: nothing can be acknowledged any more. */
  clear(): void {
    this.#pending.clear();
    for (const { stop } of this.#orphans) stop();
    this.#orphans.clear();
  }

  /** A new Subscription takes what an equal one of a tab that is gone had, and what none was for. */
  adopt(guest: Guest, { id, patterns }: HeldSubscription): void {
    const pattern = namesOf(patterns).join();
    for (const orphan of this.#orphans) {
      const { pending, targets, stop } = orphan;
      const wasHad = targets.length > 0;
      const params = wasHad
        ? targets.find((one) => one.pattern === pattern)?.params
        : paramsIn(patterns, pending.message.topic);
      if (!params) continue;
      this.#orphans.delete(orphan);
      stop();
      pending.waiting.set(guest, [{ subscription: id, pattern, params }]);
      this.#wait(pending, wasHad);
    }
  }

  /** Sends a QoS 1 or 2 message to tabs and waits for them. */
  #wait(pending: Pending, again = false): void {
    const { message, waiting, packetId } = pending;
    if (waiting.size === 0) {
      this.#finish(pending);
      return;
    }
    if (pending.id === 0) {
      this.#lastId += 1;
      pending.id = this.#lastId;
    }
    this.#pending.set(pending.id, pending);
    this.#send(message, waiting, pending.id, packetId, again);
    this.#pingLater();
  }

  #send(message: Message, targets: Targets, id: number, packetId?: number, again = false): void {
    const plain = { ...toWireMessage(message), redelivered: again || message.redelivered };
    const weight = id === 0 ? weightOf(plain) : 0;
    for (const [guest, list] of targets) {
      if (weight > 0 && guest.onTheWay >= mostOnTheWay) {
        this.#core.unreadDropped += 1;
        continue;
      }
      guest.onTheWay += weight;
      guest.post({ type: 'message', delivery: { id, packetId, again, message: plain, targets: [...list] } });
    }
  }

  #finish(pending: Pending): void {
    this.#acknowledge(pending, pending.hasFailed ? handlerFailed : 0);
  }

  #acknowledge({ id, message, done }: Pending, reasonCode: number): void {
    if (this.#core.state === 'over') return;
    try {
      if (done) {
        done();
        this.#core.endings.later(longestWrite, () => this.#core.broadcast({ type: 'done', delivery: id }));
      } else message.ack(reasonCode);
    } catch {
      // MQTT 3.1.1 has no reason codes.
      message.ack();
    }
    this.#core.counted();
  }

  #orphan(pending: Pending, targets: readonly Target[]): void {
    const { client, endings, unclaimedTimeout } = this.#core;
    const orphan: Orphan = { pending, targets, stop: () => {} };
    const wait = () => {
      orphan.stop = endings.later(unclaimedTimeout, () => {
        this.#orphans.delete(orphan);
        this.#finish(pending);
        this.#core.emit('unclaimed', toWireMessage(pending.message));
      });
    };
    this.#orphans.add(orphan);
    // Takers come once there is a connection: `connectShared` resolves then.
    if (client.status.type === 'connected') wait();
    else orphan.stop = client.on('connect', wait, { once: true });
  }

  /** A frozen tab must not hold up what the others wait for: the server sends no more than our Receive Maximum. */
  #pingLater(): void {
    if (this.#isPinging || this.#pending.size === 0) return;
    this.#isPinging = true;
    this.#core.endings.later(pingInterval, () => {
      this.#isPinging = false;
      for (const guest of new Set([...this.#pending.values()].flatMap(({ waiting }) => [...waiting.keys()])))
        this.#ping(guest);
      this.#pingLater();
    });
  }

  #ping(guest: Guest): void {
    if (guest.unanswered >= mostUnanswered) this.#lost(guest.id);
    else {
      guest.unanswered += 1;
      guest.post({ type: 'ping' });
    }
  }
}
