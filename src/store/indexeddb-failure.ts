/** What browsers say when IndexedDB fails, as errors that say what to do. */

import { MqttError, type StoreCode, StoreError } from '../errors';

/** What was tried. */
export type StoreVerb = 'open' | 'read' | 'write';

/** Codes and advice by the name of a DOMException, where the name says enough. */
const meanings: Readonly<Record<string, readonly [code: StoreCode, advice: string]>> = {
  QuotaExceededError: [
    'store-full',
    'the disk is full or the quota of this origin used up; free some space, or ask navigator.storage.persist() for more',
  ],
  VersionError: ['store-newer', 'a newer version of mqtide wrote it; reload the page to get that version'],
  NotFoundError: ['store-corrupt', 'it has another layout; delete it, or give the store another name'],
  DataError: ['store-corrupt', 'its contents cannot be read; clear(key) of the store removes the session'],
  NotReadableError: [
    'store-corrupt',
    'its contents cannot be read; clear(key) of the store removes the session',
  ],
};

/** Names with which browsers refuse to open a database at all: private mode, blocked cookies, frames of other sites. */
const denials = ['SecurityError', 'InvalidStateError', 'NotAllowedError'];

/** The error for what IndexedDB threw. */
export function storeErrorOf(error: unknown, verb: StoreVerb, database: string): MqttError {
  if (error instanceof MqttError) return error;
  const { name = '', message = String(error) } = error instanceof Object ? (error as Error) : {};
  const isDenied = verb === 'open' && denials.includes(name);
  const [code, advice] = isDenied
    ? ([
        'store-denied',
        'the browser allows this page no storage (private mode, blocked cookies, a sandboxed frame)',
      ] as const)
    : (meanings[name] ?? ['store-failed', message]);
  return new StoreError(code, `Could not ${verb} the database '${database}': ${advice}`, { cause: error });
}
