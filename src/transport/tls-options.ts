/** TLS options, for Node; named as in `node:tls`, yet without its types, which a browser's project does not have. */

import { UsageError } from '../errors';

/** How `mqtts:`, `tls:` and `wss:` connections are secured; Node, Deno and Bun only. */
export interface TlsOptions {
  /** Certificate authorities to trust instead of the well-known ones, in PEM. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** The client's certificate chain, in PEM. */
  readonly cert?: string | Uint8Array | undefined;
  /** The client's private key, in PEM. */
  readonly key?: string | Uint8Array | undefined;
  /** The client's certificate and key, in PKCS#12. */
  readonly pfx?: Uint8Array | undefined;
  /** Decrypts `key` or `pfx`. */
  readonly passphrase?: string | undefined;
  /** Name to ask for and to verify the certificate against; @default the host of the URL. */
  readonly servername?: string | undefined;
  /** False accepts any certificate: for tests only. @default true */
  readonly rejectUnauthorized?: boolean | undefined;
  /** Application protocols to offer (ALPN), e.g. `['mqtt']` where MQTT shares port 443; @default none. */
  readonly alpnProtocols?: readonly string[] | undefined;
}

/**
 * Copies the options, so that later changes have no effect.
 *
 * @throws UsageError for a member of the wrong type. Node would find it too, but its message repeats the value, which
 * may be a passphrase
 */
export function copyTlsOptions(tls: TlsOptions): TlsOptions {
  const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized, alpnProtocols, ...unknown } = tls;
  for (const member of Object.keys(unknown))
    throw new UsageError(`tls.${member}: there is no such option; one of ${known}`);
  check('ca', (Array.isArray(ca) ? ca : [ca]).every(isPem), `${pem}, or a list of such`);
  check('cert', isPem(cert), pem);
  check('key', isPem(key), pem);
  check('pfx', pfx === undefined || pfx instanceof Uint8Array, 'a Uint8Array');
  check('passphrase', isString(passphrase), 'a string');
  check('servername', isString(servername), 'a string');
  check('rejectUnauthorized', ['undefined', 'boolean'].includes(typeof rejectUnauthorized), 'true or false');
  check('alpnProtocols', alpnProtocols === undefined || isStrings(alpnProtocols), 'a list of strings');
  return { ...tls };
}

/** All members. */
const known = 'ca, cert, key, pfx, passphrase, servername, rejectUnauthorized, alpnProtocols';

const pem = "PEM: what is in the file, with its '-----BEGIN' line, not the file's name";

function check(member: keyof TlsOptions, holds: boolean, kind: string): void {
  if (!holds) throw new UsageError(`tls.${member}: must be ${kind}`);
}

function isString(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

function isStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** Node takes any text for `ca`, and trusts nobody when there is no certificate in it. */
function isPem(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('-----BEGIN ');
  return value === undefined || value instanceof Uint8Array;
}
