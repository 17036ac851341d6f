/** SCRAM as a method of enhanced authentication [RFC 5802, RFC 7677, v5 4.12]. */

import { UsageError } from '../errors';
import type { EnhancedAuth } from '../index';
import { subtleCrypto } from '../web-crypto';
import { clientNonce } from './client-nonce';
import { saslprep } from './saslprep';
import { minimumIterations, ScramExchange, type ScramSettings } from './scram-exchange';
import { isScramHash, type ScramHash } from './scram-keys';
import { authenticationFailed } from './scram-messages';

/** Above every count in use (OWASP: 1,300,000 for SHA-1), and still only seconds of work that a server can ask for. */
const defaultMaximumIterations = 2_000_000;

/** What Web Crypto takes for PBKDF2: 32 bits. */
const largestMaximumIterations = 4_294_967_295;

/** Options of `scram()`. */
export interface ScramOptions {
  /** Name of the user; prepared by SASLprep, not empty. */
  username: string;
  /**
   * The password, or a function that is asked for it at the start of each exchange (each connection and each
   * re-authentication). Prepared by SASLprep, not empty.
   */
  password: string | (() => string | Promise<string>);
  /** Hash function; gives the method `SCRAM-SHA-256`, `SCRAM-SHA-512` or `SCRAM-SHA-1`. @default 'SHA-256' */
  hash?: ScramHash | undefined;
  /**
   * Most PBKDF2 iterations that a server may ask for; each costs time of this device, and a hostile server asks for
   * many. At least 4,096. @default 2_000_000
   */
  maximumIterations?: number | undefined;
}

/**
 * Authenticates by SCRAM: neither side sends the password, and the server proves that it knows it too. For the
 * option `authenticate`; serves one client, for its reconnects and `reauthenticate()` as well.
 *
 * User name and password are prepared by SASLprep (RFC 4013): non-ASCII spaces become spaces, invisible characters
 * are dropped, NFKC is applied; control, private use, tagging and display-changing characters, lone surrogates and
 * text that mixes directions are refused. Characters newer than Unicode 3.2 are let through.
 *
 * The exchange fails, and the connection with it: with a `ProtocolError` of code `'authentication-failed'` when the
 * server's nonce, salt, iteration count (below 4,096 or above `maximumIterations`) or signature is wrong or missing,
 * with a `RefusedError` when the server reports an error, with a `UsageError` when the password cannot be prepared,
 * and with whatever the password function throws. There is no channel binding: use TLS.
 *
 * @throws UsageError `'unsupported'` outside of a secure context (a page that was not loaded over https or from
 * localhost), `'invalid-argument'` for a wrong option
 */
export function scram(options: ScramOptions): EnhancedAuth {
  return scramWith(options, clientNonce);
}

/** `scram()` with the nonce of the caller's choice, so that the vectors of the RFCs can be checked. Not public. */
export function scramWith(options: ScramOptions, newNonce: () => string): EnhancedAuth {
  subtleCrypto('scram');
  const { password, ...settings } = resolveOptions(options, newNonce);
  let current: ScramExchange | undefined;
  const exchange = (): ScramExchange => {
    if (current === undefined) throw authenticationFailed('a message of the server came before any exchange');
    return current;
  };
  return {
    method: `SCRAM-${settings.hash}`,
    async start() {
      const started = new ScramExchange(settings);
      current = started;
      const answer: unknown = typeof password === 'string' ? password : await password();
      if (typeof answer !== 'string') throw new UsageError('scram: the password function must give a string');
      return started.clientFirst(answer);
    },
    async challenge(data) {
      return exchange().clientFinal(data);
    },
    success(data) {
      exchange().verify(data);
    },
  };
}

function resolveOptions(
  options: ScramOptions,
  newNonce: () => string,
): ScramSettings & Pick<ScramOptions, 'password'> {
  if (typeof options !== 'object' || options === null)
    throw new UsageError('scram: options must be an object');
  const {
    username,
    password,
    hash = 'SHA-256',
    maximumIterations = defaultMaximumIterations,
    ...unknown
  } = options;
  for (const name of Object.keys(unknown)) throw new UsageError(`scram: there is no option ${name}`);
  if (typeof username !== 'string') throw new UsageError('scram: username must be a string');
  if (typeof password !== 'string' && typeof password !== 'function') {
    throw new UsageError('scram: password must be a string, or a function that gives one');
  }
  if (!isScramHash(hash)) throw new UsageError("scram: hash must be 'SHA-256', 'SHA-512' or 'SHA-1'");
  if (
    !Number.isInteger(maximumIterations) ||
    maximumIterations < minimumIterations ||
    maximumIterations > largestMaximumIterations
  ) {
    throw new UsageError(
      `scram: maximumIterations must be a whole number from ${minimumIterations} to ${largestMaximumIterations}`,
    );
  }
  // A password that is known now is checked now: the error comes from the line that made the mistake.
  if (typeof password === 'string') saslprep(password, 'password');
  return { username: saslprep(username, 'username'), password, hash, maximumIterations, newNonce };
}
