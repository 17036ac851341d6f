/** What a connection does, noted for tests. */

import type { Connection } from '../../../src/transport/transport';

/** See {@link record}. */
export interface Recorded {
  readonly connection: Connection;
  /** All chunks, as they came. */
  readonly chunks: Uint8Array[];
  /** All bytes as text. */
  readonly text: string;
  /** Arguments of the calls of `onClose`. */
  readonly closes: (Error | undefined)[];
  /** What was still buffered at each call of `onDrain`. */
  readonly drains: readonly number[];
}

/** Sets the callbacks of a connection and notes what they are called with. */
export function record(connection: Connection): Recorded {
  const chunks: Uint8Array[] = [];
  const closes: (Error | undefined)[] = [];
  const drains: number[] = [];
  connection.onData = (chunk) => chunks.push(chunk);
  connection.onClose = (error) => closes.push(error);
  connection.onDrain = () => drains.push(connection.bufferedAmount);
  return {
    connection,
    chunks,
    get text() {
      return Buffer.concat(chunks).toString();
    },
    closes,
    drains,
  };
}

/** The bytes of a text. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error('it resolved');
    },
    (reason: unknown) => reason,
  );
}
