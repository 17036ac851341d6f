/**
 * Records of the client's own: they are no part of the MQTT session, and outlive it, but lie in the same store and are
 * written in the same batches, so that they become durable together with what they belong to.
 */

import type { OwnRecord } from './records';
import type { Turn } from './turn';

/** The client's records. */
export class OwnRecords {
  readonly #turn: Turn;
  readonly #records = new Map<string, OwnRecord>();

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  /** Brings back what a store kept. */
  restore(records: readonly OwnRecord[]): void {
    for (const record of records) this.#records.set(`${record.kind} ${record.id}`, record);
  }

  /** All of them, in no order. */
  values(): Iterable<OwnRecord> {
    return this.#records.values();
  }

  /** Saves a record. @returns false without a durable store: then there is nothing to delete later */
  put(record: OwnRecord): boolean {
    if (!this.#turn.recording) return false;
    this.#records.set(`${record.kind} ${record.id}`, record);
    this.#turn.put(record);
    return true;
  }

  /** Removes a record, if it is there. */
  delete(kind: OwnRecord['kind'], id: OwnRecord['id']): void {
    if (this.#records.delete(`${kind} ${id}`)) this.#turn.delete(kind, id);
  }
}
