/**
 * What one turn of the session leaves to do: store operations and bytes, in order, as one batch.
 *
 * The runner gives the operations to the store in one call and the bytes to the transport once that is durable
 * (rule "saved before it matters"). A batch belongs to its link: bytes for a dead link are dropped.
 */

import type { Frame } from '../codec/output';
import type { Link } from './link';
import type { Now } from './now';
import type { OutgoingMessage } from './outgoing-message';
import type { RecordKind, StoreOperation, StoreRecord } from './records';

/** Packets that keep their order among themselves, whatever else overtakes what: a bit for each kind. */
export const acknowledgements = 1;
export const qos0Publishes = 2;
export const requests = 4;

/** Store operations and bytes that belong together. */
export interface Batch {
  /** To be applied whole or not at all; empty for a session that keeps nothing. */
  readonly operations: readonly StoreOperation[];
  /** Bytes to send once the operations are durable: each frame holds whole packets. */
  readonly frames: readonly Frame[];
  /** False when it may overtake batches that wait for the store: its bytes depend on no earlier ones. */
  readonly ordered: boolean;
  /** The connection that the bytes are for. */
  readonly link: Link | undefined;
  /** Publishes with bytes in the frames: from their write on, a resend sets DUP. */
  readonly sent: readonly OutgoingMessage[];
  /** Messages that become accepted with this batch. */
  readonly accepted: readonly OutgoingMessage[];
  /** Identifiers that are free once the batch is durable. */
  readonly freed: readonly number[];
  /** Kinds of packets among the bytes that keep their order. */
  readonly kinds: number;
}

/** Collects a {@link Batch}. */
export class Turn {
  /** False for a session that nobody can restore: then nothing is recorded. */
  readonly recording: boolean;
  /** The time of the last input that told it. */
  now: Now = { monotonic: 0, wall: 0 };
  #operations: StoreOperation[] = [];
  #sent: OutgoingMessage[] = [];
  #accepted: OutgoingMessage[] = [];
  #freed: number[] = [];
  #ordered = false;
  #kinds = 0;
  /** Batches that may be waiting for the store. */
  readonly #waiting = new Set<Batch>();

  constructor(recording: boolean) {
    this.recording = recording;
  }

  /** Saves a record. */
  put(record: StoreRecord): void {
    if (this.recording) this.#operations.push({ type: 'put', record });
  }

  /** Removes a record. */
  delete(kind: RecordKind, id: number | string): void {
    if (this.recording) this.#operations.push({ type: 'delete', kind, id });
  }

  /** Notes that the bytes of a QoS 1 or 2 publish are in this turn's output. */
  sent(message: OutgoingMessage): void {
    this.#sent.push(message);
    this.keepOrder();
  }

  /** Notes that a message is accepted once this turn is durable. */
  accepted(message: OutgoingMessage): void {
    this.#accepted.push(message);
  }

  /** Notes that an identifier is free once this turn is durable. */
  freed(packetId: number): void {
    this.#freed.push(packetId);
  }

  /** Bytes of this turn must not overtake earlier batches: they depend on the records or topic aliases of those. */
  keepOrder(): void {
    this.#ordered = true;
  }

  /** Packets of this kind are written, which must not overtake earlier ones of it. */
  keepOrderOf(kind: number): void {
    this.#kinds |= kind;
  }

  /** The link's output is gone. */
  dropped(): void {
    this.#sent = [];
    this.#ordered = false;
    this.#kinds = 0;
  }

  /** The batch was written, or could not be. */
  finished(batch: Batch): void {
    this.#waiting.delete(batch);
  }

  /** True when there is something beside bytes. */
  get pending(): boolean {
    return this.#operations.length > 0 || this.#freed.length > 0 || this.#accepted.length > 0;
  }

  /** True when the bytes of this turn may have to wait. */
  get ordered(): boolean {
    if (this.#ordered || this.#operations.length > 0) return true;
    for (const { kinds } of this.#waiting) if ((kinds & this.#kinds) !== 0) return true;
    return false;
  }

  /** Hands over what was collected, with the bytes of the link, and starts anew. */
  take(link: Link | undefined): Batch {
    const batch: Batch = {
      operations: this.#operations,
      frames: link?.output.take() ?? [],
      ordered: this.ordered,
      link,
      sent: this.#sent,
      accepted: this.#accepted,
      freed: this.#freed,
      kinds: this.#kinds,
    };
    if (batch.ordered) this.#waiting.add(batch);
    this.#operations = [];
    this.#sent = [];
    this.#accepted = [];
    this.#freed = [];
    this.#ordered = false;
    this.#kinds = 0;
    return batch;
  }
}
