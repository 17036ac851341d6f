/** A store whose every move is a step of the world, and which outlives the page. */

import type { SessionStore, StoreOperation, StoreRecord } from '../../../src/store/store';
import { messageNumber } from '../../fuzz/server-eye';

/** What the store does and when; see the world. */
export interface StoreHost {
  /** False when the page of the caller is dead. */
  readonly isAlive: boolean;
  /** Something is about to happen at once. @returns false when the page died of it */
  happens(): boolean;
  later(lane: 'load' | 'durable' | 'confirm', run: () => void): void;
  durable(operations: readonly StoreOperation[]): void;
}

/** What is on the disk. */
export class Disk {
  readonly records = new Map<string, StoreRecord>();
  /** The write that was handed over and is not durable. */
  writing: readonly StoreOperation[] | undefined;
  /** The next write is refused. */
  failing = false;

  apply(operations: readonly StoreOperation[]): void {
    this.writing = undefined;
    for (const operation of operations) {
      if (operation.type === 'delete') this.records.delete(`${operation.kind} ${operation.id}`);
      else {
        const { record } = operation;
        this.records.set(`${record.kind} ${record.id}`, structuredClone(record));
      }
    }
  }

  /** The record of a message, told apart by its number. */
  publish(number: number): Extract<StoreRecord, { kind: 'publish' }> | undefined {
    for (const record of this.records.values())
      if (record.kind === 'publish' && messageNumber(record.payload) === number) return record;
    return undefined;
  }

  of<Kind extends StoreRecord['kind']>(kind: Kind): Extract<StoreRecord, { kind: Kind }>[] {
    return [...this.records.values()].filter(
      (record): record is Extract<StoreRecord, { kind: Kind }> => record.kind === kind,
    );
  }
}

/** The store of one page. */
export function stepStore(disk: Disk, mode: 'slow' | 'sync', host: StoreHost): SessionStore {
  const refuse = (): boolean => {
    const { failing } = disk;
    disk.failing = false;
    return failing;
  };
  return {
    load: () =>
      new Promise((resolve) => {
        if (!host.isAlive) return;
        host.later('load', () =>
          resolve([...disk.records.values()].map((record) => structuredClone(record))),
        );
      }),
    write(_key, operations) {
      if (mode === 'sync') {
        if (!host.happens()) return;
        if (refuse()) throw new Error('the disk is full');
        disk.apply(operations);
        host.durable(operations);
        return;
      }
      return new Promise((resolve, reject) => {
        if (!host.isAlive) return;
        disk.writing = operations;
        host.later('durable', () => {
          if (refuse()) {
            disk.writing = undefined;
            host.later('confirm', () => reject(new Error('the disk is full')));
            return;
          }
          disk.apply(operations);
          host.durable(operations);
          host.later('confirm', resolve);
        });
      });
    },
    async clear() {
      disk.records.clear();
    },
  };
}
