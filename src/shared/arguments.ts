/** Arguments of the application's calls. */

import { UsageError } from '../errors';

/**
 * An argument as it is now: what the caller does with its own, after the call, must not matter.
 * @throws UsageError for what cannot be sent to another tab
 */
export function ownArgument<Value>(value: Value): Value {
  try {
    return typeof value === 'string' ? value : structuredClone(value);
  } catch (cause) {
    const words = 'An argument is nothing that can be sent to another tab: functions and the like cannot';
    throw new UsageError(words, 'invalid-argument', { cause });
  }
}

/** The same for bytes, without the buffer around them. */
export function ownPayload(payload: unknown): unknown {
  return ArrayBuffer.isView(payload)
    ? new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength).slice()
    : ownArgument(payload);
}

/** Checks that there are no options with other names. @throws UsageError */
export function checkNames(options: object | undefined, known: readonly string[]): void {
  if (options !== undefined && (typeof options !== 'object' || options === null))
    throw new UsageError('options: must be an object');
  for (const name of Object.keys(options ?? {}))
    if (!known.includes(name)) throw new UsageError(`options.${name}: there is no such option`);
}
