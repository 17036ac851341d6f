/** Arguments of the application's calls. */

import { UsageError } from '../errors';

/**
 * An argument as it is now: what the caller does with its own, after the call, must not matter.
 * @throws UsageError for what cannot be sent to another tab
 */
export function ownArgument<Value>(value: Value): Value {
  try {
    return typeof value === 'string' ? value : structuredClone(plain(value) as Value);
  } catch (cause) {
    const words = 'An argument is nothing that can be sent to another tab: functions and the like cannot';
    throw new UsageError(words, 'invalid-argument', { cause });
  }
}

/** A copy of objects and arrays, all the way down: what a framework puts in their place, a proxy, cannot be cloned. */
function plain(value: unknown, depth = 0): unknown {
  // Deeper than anything that a client takes: a ring, perhaps.
  if (typeof value !== 'object' || value === null || depth > 8) return value;
  if (Array.isArray(value)) return value.map((one) => plain(one, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one, depth + 1)]));
}

/** The same for what can be published; bytes without the buffer around them. @throws UsageError for anything else */
export function ownPayload(payload: unknown): unknown {
  if (ArrayBuffer.isView(payload))
    return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength).slice();
  // What is shared memory, or a module, would be cloned and yet never arrive.
  if (typeof payload === 'string' || Object.prototype.toString.call(payload) === '[object ArrayBuffer]')
    return ownArgument(payload);
  throw new UsageError(
    'payload: must be a string, an ArrayBuffer or a view of one; JSON.stringify() makes a string of an object, blob.arrayBuffer() bytes of a Blob',
  );
}

/** Whether a value is an object with members, as options are: those of a Map or a Promise would be taken for none. */
export function isOptions(value: unknown): value is Record<string, unknown> {
  return /Object|Module/.test(Object.prototype.toString.call(value));
}

/** Checks that options are an object, or none. @throws UsageError */
export function checkOptions(options: unknown): void {
  if (options !== undefined && !isOptions(options)) throw new UsageError('options: must be an object');
}

/** The same, and that there are none with other names. @throws UsageError */
export function checkNames(options: unknown, known: readonly string[]): void {
  checkOptions(options);
  for (const name of Object.keys(options ?? {}))
    if (!known.includes(name))
      throw new UsageError(`options.${name}: there is no such option; one of ${known.join(', ')}`);
}
