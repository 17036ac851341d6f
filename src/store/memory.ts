/** A store in memory: sessions survive their client, not the page. */

import { type Owners, own } from './owners';
import type { Records, SessionStore, StoreOperation, StoreRecord } from './store';

/** Records of one session by kind and id. */
type Session = Map<StoreRecord['kind'], Map<number | string, StoreRecord>>;

/**
 * Makes a store that keeps sessions in memory. Given to several clients, one after the other, it hands the session
 * over from one to the next.
 */
export function memoryStore(): SessionStore {
  const sessions = new Map<string, Session>();
  const owners: Owners = new Map();
  return {
    async load(key): Promise<Records> {
      const session = sessions.get(key);
      return session ? [...session.values()].flatMap((records) => [...records.values()]) : [];
    },
    write(key, operations): void {
      let session = sessions.get(key);
      if (!session) {
        session = new Map();
        sessions.set(key, session);
      }
      for (const operation of operations) apply(session, operation);
    },
    async clear(key): Promise<void> {
      sessions.delete(key);
    },
    acquire: async (key) => own(owners, key),
  };
}

function apply(session: Session, operation: StoreOperation): void {
  if (operation.type === 'delete') {
    session.get(operation.kind)?.delete(operation.id);
    return;
  }
  const { record } = operation;
  const records = session.get(record.kind);
  if (records) records.set(record.id, record);
  else session.set(record.kind, new Map([[record.id, record]]));
}
