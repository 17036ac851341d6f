/** What became of every message, whoever saw it; complains about what must not be. */

import type { StoreOperation } from '../../../src/store/store';
import { messageNumber } from '../../fuzz/server-eye';

/** A message of the application. */
interface Sent {
  readonly qos: 1 | 2;
  readonly topic: string;
  /** It was in the store. */
  stored: boolean;
  /** The application was told that it may have arrived twice. */
  resent: boolean;
  /** The application was told that it is given up. */
  failed: boolean;
  /** The page that lives now has asked for it. */
  asked: boolean;
  arrivals: number;
}

/** A message for the application. */
interface Received {
  readonly qos: 1 | 2;
  /** The server lost it together with the session, or may have. */
  excused: boolean;
  /** PUBACK or PUBREC has reached the server. */
  acknowledged: boolean;
  /** The store holds what keeps it from being delivered again. */
  sealed: boolean;
  /** Pages to whose handlers it came. */
  readonly pages: number[];
  handled: number;
}

/** See the head of this file. */
export class Ledger {
  /** What must not be. */
  readonly complaints: string[] = [];
  readonly sent = new Map<number, Sent>();
  readonly received = new Map<number, Received>();
  /** The server has lost a session. */
  forgotten = false;
  readonly #ack: 'handled' | 'received' | 'manual';
  /** Numbers of first arrivals, by topic. */
  readonly #order = new Map<string, number[]>();
  /** Incoming messages by the identifier that the server gave them last, QoS 2. */
  readonly #incoming = new Map<number, number>();
  /** Messages that the store keeps for their handlers. */
  readonly #inbox = new Map<number | string, number>();

  constructor(ack: 'handled' | 'received' | 'manual') {
    this.#ack = ack;
  }

  complain(what: string): void {
    this.complaints.push(what);
  }

  // --- outgoing

  /** The application publishes. */
  asked(number: number, qos: 1 | 2, topic: string): void {
    const fates = { stored: false, resent: false, failed: false, arrivals: 0 };
    this.sent.set(number, { ...(this.sent.get(number) ?? { qos, topic, ...fates }), asked: true });
  }

  /** The page is gone, and what only it knew. */
  died(): void {
    for (const sent of this.sent.values()) sent.asked = false;
  }

  /** The application is told that a message may have arrived twice, or that it is given up. */
  told(number: number, fate: { readonly resent?: boolean | undefined; readonly failed?: boolean }): void {
    const sent = this.sent.get(number);
    if (!sent) return;
    sent.resent ||= fate.resent ?? false;
    sent.failed ||= fate.failed ?? false;
  }

  /** A message has reached those who want it. */
  arrived(number: number): void {
    const sent = this.sent.get(number);
    if (!sent) return this.complain(`message ${number} arrived, which nobody sent`);
    sent.arrivals += 1;
    if (sent.arrivals > 1) return;
    const order = this.#order.get(sent.topic) ?? [];
    this.#order.set(sent.topic, order);
    const last = order.at(-1) ?? 0;
    if (number < last) this.complain(`message ${number} arrived after message ${last}`);
    order.push(number);
  }

  /** A promise of the application resolved. */
  kept(number: number, until: 'stored' | 'acknowledged'): void {
    const sent = this.sent.get(number);
    if (!sent) return;
    if (until === 'stored' && !sent.stored) this.complain(`message ${number} is said to be stored`);
    if (until === 'acknowledged' && sent.arrivals === 0)
      this.complain(`message ${number} is said to have arrived`);
  }

  // --- incoming

  /** The server has a message for the client. */
  offered(number: number, qos: 1 | 2): void {
    const fates = { excused: false, acknowledged: false, sealed: false, pages: [], handled: 0 };
    this.received.set(number, { qos, ...fates });
  }

  /** The server gives it an identifier. */
  identified(packetId: number, number: number): void {
    this.#incoming.set(packetId, number);
  }

  /** PUBACK or PUBREC reached the server. */
  acknowledged(packetId: number): void {
    const received = this.received.get(this.#incoming.get(packetId) ?? 0);
    if (received) received.acknowledged = true;
  }

  /** The application gets it. */
  delivered(number: number, page: number, redelivered: boolean): void {
    const received = this.received.get(number);
    if (!received) return this.complain(`message ${number} was delivered, which nobody sent`);
    const { pages, qos, acknowledged, sealed } = received;
    if (pages.length > 0 && !redelivered) this.complain(`message ${number} came again without a flag`);
    if (qos === 2 && pages.includes(page) && !this.forgotten)
      this.complain(`message ${number} of QoS 2 came twice to one page`);
    if (sealed) this.complain(`message ${number} came again although it was handled and acknowledged`);
    if (acknowledged && this.#ack === 'handled')
      this.complain(`message ${number} came again although it was acknowledged`);
    pages.push(page);
  }

  handled(number: number): void {
    const received = this.received.get(number);
    if (received) received.handled += 1;
  }

  /** The server loses the session: what it had not seen acknowledged is lost with it. */
  forgets(): void {
    this.forgotten = true;
    this.#incoming.clear();
    for (const received of this.received.values()) if (!received.acknowledged) received.excused = true;
  }

  // --- the store

  /** Operations have become durable. */
  durable(operations: readonly StoreOperation[]): void {
    for (const operation of operations) {
      if (operation.type === 'put') {
        const { record } = operation;
        if (record.kind === 'publish') {
          const sent = this.sent.get(messageNumber(record.payload));
          if (sent) sent.stored = true;
        } else if (record.kind === 'inbox') this.#inbox.set(record.id, messageNumber(record.payload));
        else if (record.kind === 'incoming' && this.#ack === 'handled')
          this.#seal(this.#incoming.get(record.id));
      } else if (operation.kind === 'inbox') {
        const number = this.#inbox.get(operation.id);
        this.#inbox.delete(operation.id);
        // Of QoS 1 the server may have sent another copy.
        if (![...this.#inbox.values()].includes(number ?? 0)) this.#seal(number);
      }
    }
  }

  #seal(number: number | undefined): void {
    const received = this.received.get(number ?? 0);
    // Of QoS 1 the server sends what it has not seen acknowledged.
    if (received && (received.qos === 2 || received.acknowledged)) received.sealed = true;
  }

  // --- the end

  /** Nothing moves any more: everything has to have happened. */
  close(): void {
    for (const [number, { qos, topic, stored, asked, failed, resent, arrivals }] of this.sent) {
      const what = `message ${number} of QoS ${qos}`;
      if (failed || topic === 'poison') continue;
      if ((stored || asked) && arrivals === 0) this.complain(`${what} is lost`);
      if (qos === 2 && arrivals > 1 && !(this.forgotten && resent))
        this.complain(`${what} arrived ${arrivals} times${resent ? ' and is marked' : ''}`);
    }
    for (const [number, { qos, excused, handled }] of this.received) {
      if (!excused && handled === 0) this.complain(`message ${number} of QoS ${qos} was never handled`);
    }
  }
}
