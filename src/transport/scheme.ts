/** Server URLs: which schemes there are, and what is taken out of a URL before it travels further. */

import { UsageError } from '../errors';

/** A URL scheme, with its colon as in `URL.protocol`. */
export type Scheme = 'ws:' | 'wss:' | 'mqtt:' | 'mqtts:' | 'tcp:' | 'tls:';

/** What a browser can use. */
export const webSchemes: readonly Scheme[] = ['ws:', 'wss:'];

/** What Node, Deno and Bun can use. */
export const allSchemes: readonly Scheme[] = [...webSchemes, 'mqtt:', 'mqtts:', 'tcp:', 'tls:'];

/** A server URL, taken apart. */
export interface ServerUrl {
  /** The URL without credentials; a copy. */
  readonly url: URL;
  /** User name of the URL, percent-decoded. */
  readonly username: string | undefined;
  /** Password of the URL, percent-decoded. */
  readonly password: string | undefined;
}

/**
 * Validates the URL of a server and takes the credentials out of it.
 *
 * @param argument how the caller's argument is called, e.g. `'url'`; it begins the message
 * @param schemes what can be used here, {@link webSchemes} in a browser
 * @throws UsageError, `'unsupported'` for a scheme that works elsewhere; its message holds no part of the URL that may be secret
 */
export function parseServerUrl(
  url: string | URL,
  argument: string,
  schemes: readonly Scheme[] = allSchemes,
): ServerUrl {
  const parsed = parse(url, argument);
  checkScheme(parsed.protocol, argument, schemes);
  if (parsed.hostname === '') throw new UsageError(`${argument}: has no host; ${form}`);
  if (parsed.port === '0') throw new UsageError(`${argument}: port 0 cannot be connected to`);
  // A bare "#" is a fragment too; only `href` tells.
  if (parsed.href.includes('#')) {
    throw new UsageError(
      `${argument}: must not have a fragment, the part from # on; write %23 for a literal #`,
    );
  }
  const username = decode(parsed.username, 'user name', argument);
  const password = decode(parsed.password, 'password', argument);
  parsed.username = '';
  parsed.password = '';
  return { url: parsed, username, password };
}

/** What to write, for messages. */
const form = 'write scheme://host:port/path, for example wss://broker.example:8084/mqtt';

/** The error of `new URL` holds the whole URL, credentials included, and is therefore not passed on as a cause. */
function parse(url: unknown, argument: string): URL {
  // It may come from another realm, as in a test runner with a DOM.
  if (typeof url !== 'string' && Object.prototype.toString.call(url) !== '[object URL]') {
    throw new UsageError(`${argument}: must be a string or a URL, not ${url === null ? url : typeof url}`);
  }
  try {
    const parsed = new URL(url as URL);
    // The host of a scheme that browsers do not know stays as it was written: unchecked, and not in Punycode.
    if (parsed.hostname !== '') parsed.hostname = new URL(`http://${parsed.hostname}`).hostname;
    return parsed;
  } catch {
    throw new UsageError(`${argument}: is no valid URL; ${form}`);
  }
}

function checkScheme(scheme: string, argument: string, schemes: readonly Scheme[]): void {
  const isOf = (some: readonly string[]) => some.includes(scheme);
  if (isOf(schemes)) return;
  if (isOf(allSchemes)) {
    throw new UsageError(
      `${argument}: ${scheme} needs a TCP socket, which a browser does not have; use wss: or ws:, with the port and path of the server's WebSocket listener`,
      'unsupported',
    );
  }
  if (/^https?:$/.test(scheme)) {
    throw new UsageError(`${argument}: use ${scheme.replace('http', 'ws')} instead of ${scheme}`);
  }
  // Not named: of "user:password@host" the scheme is "user:".
  throw new UsageError(`${argument}: its scheme is none of ${schemes.join(' ')}; ${form}`);
}

function decode(text: string, what: string, argument: string): string | undefined {
  try {
    return decodeURIComponent(text) || undefined;
  } catch {
    throw new UsageError(
      `${argument}: the ${what} is not percent-encoded correctly; write %25 for a literal %`,
    );
  }
}

/** Ports that a URL does not show, by scheme. */
const defaultPorts: Readonly<Record<Scheme, number>> = {
  'ws:': 80,
  'wss:': 443,
  'mqtt:': 1883,
  'mqtts:': 8883,
  'tcp:': 1883,
  'tls:': 8883,
};

/** The port of a server URL. */
export function portOf(url: URL): number {
  return url.port === '' ? defaultPorts[url.protocol as Scheme] : Number(url.port);
}

/** Scheme, host and port of a server URL, for messages: nothing that may be secret. */
export function serverName(url: URL): string {
  return `${url.protocol}//${url.hostname}:${portOf(url)}`;
}
