/** Records as they come back from a disk: whoever wrote them, they are what the session expects, or are refused. */

import { StoreError } from '../errors';
import type { RecordKind, Records, StoreRecord } from '../session/records';

type Test = (value: unknown) => boolean;

const count: Test = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const time: Test = (value) => typeof value === 'number' && value >= 0;
const text: Test = (value) => typeof value === 'string';
const flag: Test = (value) => typeof value === 'boolean';
// They may come from another realm, as in a test runner with a DOM.
const bytes: Test = (value) => Object.prototype.toString.call(value) === '[object Uint8Array]';
const oneOf =
  (...values: readonly unknown[]): Test =>
  (value) =>
    values.includes(value);
const optional =
  (test: Test): Test =>
  (value) =>
    value === undefined || test(value);
const listOf =
  (test: Test): Test =>
  (value) =>
    Array.isArray(value) && value.every(test);

/** An object of which these members are right; others are let be. */
const having =
  (members: Readonly<Record<string, Test>>): Test =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(members).every(([name, test]) => test((value as Record<string, unknown>)[name]));

const properties = optional(
  having({
    payloadFormatIndicator: optional(oneOf(0, 1)),
    messageExpiryInterval: optional(count),
    topicAlias: optional(count),
    responseTopic: optional(text),
    correlationData: optional(bytes),
    userProperties: optional(listOf((pair) => listOf(text)(pair) && (pair as unknown[]).length === 2)),
    subscriptionIdentifiers: optional(listOf(count)),
    contentType: optional(text),
  }),
);

/** What is published, in either direction. */
const message = { id: count, topic: text, payload: bytes, qos: oneOf(0, 1, 2), retain: flag, properties };

/** The members of a record by its kind. */
const kinds: { readonly [Kind in RecordKind]: Test } = {
  publish: having({
    ...message,
    packetId: (value) => count(value) && (value as number) <= 0xffff,
    key: optional(text),
    expiresAt: optional(time),
    again: optional(flag),
    resent: optional(flag),
  }),
  release: having({ id: count, order: count }),
  incoming: having({ id: count }),
  inbox: having(message),
  key: having({ id: text, reasonCode: count, until: time }),
  subscription: having({
    id: text,
    qos: oneOf(0, 1, 2),
    noLocal: flag,
    retainAsPublished: flag,
    retainHandling: oneOf(0, 1, 2),
    identifier: count,
  }),
  session: having({
    id: oneOf(0),
    protocolVersion: oneOf(3, 4, 5),
    clientId: text,
    resubscribe: optional(flag),
    cleanStart: optional(flag),
    lastIdentifier: optional(count),
  }),
};

/**
 * The values, which are records.
 * @throws StoreError `'store-corrupt'` when one is none
 */
export function checkedRecords(values: readonly unknown[], key: string): Records {
  for (const value of values) {
    if (!isRecord(value)) throw corrupt(key);
  }
  return values as Records;
}

/** The error for a session that cannot be read. */
export function corrupt(key: string, cause?: unknown): StoreError {
  return new StoreError(
    'store-corrupt',
    `What is stored of session '${key}' is damaged; clear('${key}') of the store removes it, with its messages`,
    { cause },
  );
}

function isRecord(value: unknown): value is StoreRecord {
  const { kind } = (value ?? {}) as Partial<StoreRecord>;
  return typeof kind === 'string' && Object.hasOwn(kinds, kind) && kinds[kind](value);
}
