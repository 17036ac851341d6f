/**
 * The four messages of SCRAM as text [RFC 5802 5, 7]. Pure: no cryptography and no state.
 *
 *   client-first   n,,n=user,r=fyko...                      (GS2 header "n,,": no channel binding, no authzid)
 *   server-first   r=fyko...3rfc,s=QSXC...,i=4096
 *   client-final   c=biws,r=fyko...3rfc,p=v0X8...
 *   server-final   v=rmF9...   or   e=invalid-proof
 */

import { ProtocolError, RefusedError } from '../errors';
import type { Bytes } from '../message';
import { fromBase64, toBase64 } from './base64';

/** GS2 header: this client does not support channel binding (a page cannot see its TLS channel) [RFC 5802 6]. */
export const gs2Header = 'n,,';

/** The GS2 header in client-final, base64 of "n,,". */
const channelBinding = 'c=biws';

/** What server-first says. */
export interface ServerFirst {
  /** Nonce of both sides, ours first. */
  readonly nonce: string;
  readonly salt: Bytes;
  /** A positive whole number, unbounded: the caller compares it with what it is ready to compute. */
  readonly iterations: number;
}

/** Reason codes for the server-error-values [RFC 5802 7]; others are 0x87, Not authorized. */
const reasonCodes: Readonly<Record<string, number>> = {
  'invalid-proof': 0x86,
  'unknown-user': 0x86,
  'invalid-username-encoding': 0x86,
  'channel-bindings-dont-match': 0x8c,
  'server-does-support-channel-binding': 0x8c,
  'channel-binding-not-supported': 0x8c,
  'unsupported-channel-binding-type': 0x8c,
  'no-resources': 0x97,
  'other-error': 0x80,
};

/** How much of a server-error-value is repeated: the server chooses its length. */
const longestWords = 100;

/** Printable ASCII without the comma [RFC 5802 7 "printable"]. */
const printable = /^[!-+\--~]+$/;
/** A letter, "=", and at least one character; NUL is the only one left to exclude [RFC 5802 7 "attr-val"]. */
const attributeForm = /^[A-Za-z]=[^\0]+$/;
const wholeNumber = /^[1-9][0-9]*$/;

// U+FEFF is a character like any other; ill-formed UTF-8 must not pass as U+FFFD.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The error for a server that does not keep to SCRAM; `reasonCode` is what the client tells it. */
export function authenticationFailed(message: string, reasonCode = 0x82, cause?: unknown): ProtocolError {
  return new ProtocolError(`scram: ${message}`, 'authentication-failed', reasonCode, cause);
}

/** client-first-message-bare: escapes what separates attributes [RFC 5802 5.1 "n"]. */
export function clientFirstBare(username: string, nonce: string): string {
  return `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`;
}

/** client-final-message-without-proof. */
export function clientFinalWithoutProof(nonce: string): string {
  return `${channelBinding},r=${nonce}`;
}

/** client-final-message. */
export function clientFinal(withoutProof: string, proof: Uint8Array): string {
  return `${withoutProof},p=${toBase64(proof)}`;
}

/**
 * Reads a message of the server as text.
 *
 * @param name for the error: `'server-first-message'` or `'server-final-message'`
 * @throws ProtocolError `'authentication-failed'` when there is none, or it is not UTF-8
 */
export function readText(data: Uint8Array | undefined, name: string): string {
  if (data === undefined || data.length === 0) throw authenticationFailed(`the server sent no ${name}`);
  try {
    return decoder.decode(data);
  } catch (cause) {
    throw authenticationFailed(`the ${name} is not UTF-8`, 0x82, cause);
  }
}

/**
 * Reads server-first and checks that its nonce continues ours [RFC 5802 5.1 "r"].
 *
 * @throws RefusedError when it is `e=`; ProtocolError `'authentication-failed'` when it is anything else
 */
export function readServerFirst(text: string, clientNonce: string): ServerFirst {
  const [r, s, i] = readAttributes(text, ['r', 's', 'i'], 'server-first-message');
  if (!printable.test(r))
    throw authenticationFailed('the nonce of the server-first-message is not printable');
  // Without an own part of the server an eavesdropper could replay its side.
  if (!r.startsWith(clientNonce) || r.length === clientNonce.length) {
    throw authenticationFailed('the nonce of the server does not continue ours');
  }
  const salt = fromBase64(s);
  if (salt === undefined) throw authenticationFailed('the salt is not base64, or is empty');
  if (!wholeNumber.test(i)) throw authenticationFailed('the iteration count is not a positive number');
  return { nonce: r, salt, iterations: Number(i) };
}

/**
 * Reads server-final.
 *
 * @returns the server signature
 * @throws RefusedError when it is `e=`; ProtocolError `'authentication-failed'` when it is anything else
 */
export function readServerFinal(text: string): Bytes {
  const [v] = readAttributes(text, ['v'], 'server-final-message');
  const signature = fromBase64(v);
  if (signature === undefined) throw authenticationFailed('the server signature is not base64');
  return signature;
}

/** Values of the attributes that a message must begin with, in their fixed order [RFC 5802 5.1]. */
function readAttributes<const Names extends readonly string[]>(
  text: string,
  names: Names,
  message: string,
): { [Name in keyof Names]: string } {
  const attributes = text.split(',');
  for (const attribute of attributes) {
    // [RFC 5802 5.1 "m"] an extension that must be understood ends the exchange
    if (attribute.startsWith('m='))
      throw authenticationFailed(`the ${message} asks for an extension (m=)`, 0x83);
    if (!attributeForm.test(attribute))
      throw authenticationFailed(`the ${message} is not a list of attributes`);
  }
  const first = attributes[0] ?? '';
  if (first.startsWith('e=')) throw refused(first.slice(2));
  // What follows the named ones are optional extensions, to be ignored [RFC 5802 5.1].
  return names.map((name, index) => {
    const attribute = attributes[index] ?? '';
    if (!attribute.startsWith(`${name}=`))
      throw authenticationFailed(`the ${message} lacks ${name}= in its place`);
    return attribute.slice(2);
  }) as { [Name in keyof Names]: string };
}

/** The error for a server-error-value. */
function refused(value: string): RefusedError {
  const reasonCode = Object.hasOwn(reasonCodes, value) ? reasonCodes[value] : undefined;
  return new RefusedError(reasonCode ?? 0x87, 'the server refused the authentication', {
    reasonString: value.slice(0, longestWords),
  });
}
