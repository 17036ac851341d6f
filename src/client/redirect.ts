/** Where a server reference points [v5 4.11]. */

import { parseServerUrl } from '../transport/scheme';

/** `host`, `host:port` or `[address]:port`, and nothing else that a URL may hold. */
const reference = /^(\[[\da-f:.]+\]|[^\s:/?#@[\]\\]+)(:\d{1,5})?$/i;

/**
 * The URL of the first usable server that a reference names; several are separated by spaces.
 * Scheme, path and with them TLS stay those of the server that sent us: a redirect must not weaken a connection.
 *
 * @returns undefined when the reference names none
 */
export function redirectedUrl(from: URL, serverReference: string): URL | undefined {
  for (const name of serverReference.split(' ')) {
    if (!reference.test(name)) continue;
    try {
      const url = `${from.protocol}//${name}${from.pathname}${from.search}`;
      return parseServerUrl(url, 'serverReference').url;
    } catch {
      // It looks like a host and is none.
    }
  }
  return undefined;
}
