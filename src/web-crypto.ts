/** Web Crypto of this environment: browsers, workers, Node, Deno and Bun have it. */

import { UsageError } from './errors';

/** `SubtleCrypto`, a name that the types of Node 20 do not have. */
export type Subtle = typeof globalThis.crypto.subtle;

/**
 * Web Crypto, where there is one.
 *
 * @param caller the function that needs it; it begins the message
 * @throws UsageError `'unsupported'` where there is none: in a page that was not loaded over https or from localhost
 */
export function subtleCrypto(caller: string): Subtle {
  // The types promise it everywhere, but it is missing outside of secure contexts.
  const subtle: Subtle | undefined = globalThis.crypto?.subtle;
  if (subtle === undefined) {
    throw new UsageError(
      `${caller}: needs a secure context (https: or localhost), which has Web Crypto`,
      'unsupported',
    );
  }
  return subtle;
}
