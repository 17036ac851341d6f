/** Where a server reference points [v5 4.11]. */

/**
 * The URL of the first server that a reference names (`host`, `host:port`, `[address]:port`, separated by spaces).
 * Scheme, path and with them TLS stay those of the server that sent us: a redirect must not weaken a connection.
 *
 * @returns undefined when the reference names none
 */
export function redirectedUrl(from: URL, serverReference: string): URL | undefined {
  const [first] = serverReference.trim().split(/\s+/);
  const match = first && /^(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@[\]\\]+)(?::(\d{1,5}))?$/.exec(first);
  if (!match?.[1]) return undefined;
  const url = new URL(from);
  try {
    // Assigning `host` ignores what is no host; a new URL tells.
    const target = new URL(
      `${from.protocol}//${match[1]}${match[2] === undefined ? '' : `:${match[2]}`}${from.pathname}`,
    );
    url.host = target.host;
    url.port = target.port;
    return url.hostname === target.hostname ? url : undefined;
  } catch {
    return undefined;
  }
}
