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

/** Store operations and bytes that belong together. The parts of the session add to it; complete once it was taken. */
export interface Batch {
  /** To be applied whole or not at all; empty for a session that keeps nothing. */
  readonly operations: StoreOperation[];
  /** Bytes to send once the operations are durable: each frame holds whole packets. */
  frames: readonly Frame[];
  /**
   * False when it may overtake batches that wait for the store. Set for bytes that depend on the records or topic aliases
   * of earlier ones; for those that depend on records of its own, when it is taken.
   */
  ordered: boolean;
  /** The connection that the bytes are for. */
  link: Link | undefined;
  /** QoS 1 and 2 publishes with bytes in the frames: from their write on, a resend sets DUP. */
  sent: OutgoingMessage[];
  /** Messages that become accepted with this batch. */
  readonly accepted: OutgoingMessage[];
  /** Identifiers that are free once the batch is durable. */
  readonly freed: number[];
  /** Kinds of packets among the bytes that must not overtake earlier ones of their kind. */
  kinds: number;
}

/** Collects a {@link Batch}. */
export class Turn {
  /** False for a session that nobody can restore: then nothing is recorded. */
  readonly recording: boolean;
  /** The time of the last input that told it. */
  now: Now = { monotonic: 0, wall: 0 };
  /** What was collected since the last one was taken. */
  batch = emptyBatch();
  /** Batches that may be waiting for the store. */
  readonly #waiting = new Set<Batch>();

  constructor(recording: boolean) {
    this.recording = recording;
  }

  /** Saves a record. */
  put(record: StoreRecord): void {
    if (this.recording) this.batch.operations.push({ type: 'put', record });
  }

  /** Removes a record. */
  delete(kind: RecordKind, id: number | string): void {
    if (this.recording) this.batch.operations.push({ type: 'delete', kind, id });
  }

  /** The link's output is gone; what it was for waits on the next link for the operations, where there are any. */
  dropped(): void {
    Object.assign(this.batch, { sent: [], ordered: false, kinds: this.pending ? this.batch.kinds : 0 });
  }

  /**
   * The batch was written, or could not be.
   * @returns false for one that waited for the store in another session
   */
  finished(batch: Batch): boolean {
    return this.#waiting.delete(batch) || !batch.ordered;
  }

  /** Whether any batch may be waiting for the store. */
  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** True when there is something beside bytes. */
  get pending(): boolean {
    const { operations, freed, accepted } = this.batch;
    return operations.length + freed.length + accepted.length > 0;
  }

  /** True when the bytes of this turn may have to wait. */
  get ordered(): boolean {
    const { ordered, operations, kinds } = this.batch;
    return (
      ordered || operations.length > 0 || [...this.#waiting].some((batch) => (batch.kinds & kinds) !== 0)
    );
  }

  /** Hands over what was collected, with the bytes of the link, and starts anew. */
  take(link: Link | undefined): Batch {
    const batch = this.batch;
    batch.ordered = this.ordered;
    batch.link = link;
    batch.frames = link?.output.take() ?? [];
    if (batch.ordered) this.#waiting.add(batch);
    this.batch = emptyBatch();
    return batch;
  }
}

function emptyBatch(): Batch {
  return {
    operations: [],
    frames: [],
    ordered: false,
    link: undefined,
    sent: [],
    accepted: [],
    freed: [],
    kinds: 0,
  };
}
