/** Arguments of the application's calls. */

import { UsageError } from '../errors';

/** Bytes that are ours: what the caller does with its own, after the call, must not matter. */
export function ownPayload(payload: unknown): unknown {
  if (ArrayBuffer.isView(payload))
    return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength).slice();
  return payload instanceof ArrayBuffer ? payload.slice(0) : payload;
}

/** Checks that there are no options with other names. @throws UsageError */
export function checkNames(options: object | undefined, known: readonly string[]): void {
  if (options !== undefined && (typeof options !== 'object' || options === null))
    throw new UsageError('options: must be an object');
  for (const name of Object.keys(options ?? {}))
    if (!known.includes(name)) throw new UsageError(`options.${name}: there is no such option`);
}
