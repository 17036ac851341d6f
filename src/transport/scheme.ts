/** Server URLs: which schemes there are, and what is taken out of a URL before it travels further. */

/** A URL scheme, with its colon as in `URL.protocol`. */
export type Scheme = 'ws:' | 'wss:' | 'mqtt:' | 'mqtts:' | 'tcp:' | 'tls:';

/** What a browser can use. */
export const webSchemes: readonly Scheme[] = ['ws:', 'wss:'];

/** What Node, Deno and Bun can use. */
export const allSchemes: readonly Scheme[] = ['ws:', 'wss:', 'mqtt:', 'mqtts:', 'tcp:', 'tls:'];

/** A server URL, taken apart. */
export interface ServerUrl {
  /** The URL without credentials; a copy. */
  readonly url: URL;
  /** User name of the URL, percent-decoded. */
  readonly username?: string | undefined;
  /** Password of the URL, percent-decoded. */
  readonly password?: string | undefined;
}

/**
 * Validates the URL of a server and takes the credentials out of it.
 *
 * @param argument how the caller's argument is called; it begins the message of an error
 * @param schemes what can be used here, {@link webSchemes} in a browser
 * @throws UsageError without any part of the URL that may be secret; `'unsupported'` for a scheme that only works elsewhere
 */
export function parseServerUrl(
  url: string | URL,
  argument: string,
  schemes: readonly Scheme[] = allSchemes,
): ServerUrl {
  void argument;
  void schemes;
  return { url: new URL(url) };
}

/** Scheme, host and port of a URL, for messages: nothing that may be secret. */
export function serverName(url: URL): string {
  return `${url.protocol}//${url.host}`;
}
