/** The computations of SCRAM on Web Crypto [RFC 5802 3]. */

import type { Bytes } from '../message';
import { subtleCrypto } from '../web-crypto';

/** Hash functions of the SCRAM methods, named as Web Crypto and the methods do. */
export type ScramHash = 'SHA-1' | 'SHA-256' | 'SHA-512';

/** Size of each hash in bits. */
const bits: Readonly<Record<ScramHash, number>> = { 'SHA-1': 160, 'SHA-256': 256, 'SHA-512': 512 };

/** Tells whether a method exists for the hash. */
export function isScramHash(hash: unknown): hash is ScramHash {
  return typeof hash === 'string' && Object.hasOwn(bits, hash);
}

const encoder = new TextEncoder();

/** What one exchange needs of the password. */
export interface Proofs {
  /** Shows the server that we know the password. */
  readonly clientProof: Bytes;
  /** What the server must send to show that it knows the password. */
  readonly serverSignature: Bytes;
}

/**
 * Derives both proofs from the password.
 *
 * @param authMessage client-first-bare, server-first and client-final-without-proof, joined by commas
 */
export async function deriveProofs(
  hash: ScramHash,
  password: string,
  salt: Bytes,
  iterations: number,
  authMessage: string,
): Promise<Proofs> {
  const subtle = subtleCrypto('scram');
  const hmac = async (key: Bytes, message: Bytes): Promise<Bytes> => {
    const imported = await subtle.importKey('raw', key, { name: 'HMAC', hash }, false, ['sign']);
    return new Uint8Array(await subtle.sign('HMAC', imported, message));
  };
  const passwordKey = await subtle.importKey('raw', encoder.encode(password), 'PBKDF2', false, [
    'deriveBits',
  ]);
  const saltedPassword = new Uint8Array(
    await subtle.deriveBits({ name: 'PBKDF2', hash, salt, iterations }, passwordKey, bits[hash]),
  );
  const message = encoder.encode(authMessage);

  const clientKey = await hmac(saltedPassword, encoder.encode('Client Key'));
  const storedKey = new Uint8Array(await subtle.digest(hash, clientKey));
  const clientSignature = await hmac(storedKey, message);
  const serverKey = await hmac(saltedPassword, encoder.encode('Server Key'));
  return {
    clientProof: clientKey.map((byte, index) => byte ^ (clientSignature[index] ?? 0)),
    serverSignature: await hmac(serverKey, message),
  };
}

/** Compares in a time that depends on the lengths alone, so that a guess learns nothing from it. */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= (a[index] ?? 0) ^ (b[index] ?? 0);
  return difference === 0;
}
