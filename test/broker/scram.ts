/** The server's side of SCRAM [RFC 5802, RFC 7677]. */

import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AuthExchange, AuthStep } from './authentication';

/** Hash of each method. */
export const scramHashes: ReadonlyMap<string, string> = new Map([
  ['SCRAM-SHA-1', 'sha1'],
  ['SCRAM-SHA-256', 'sha256'],
  ['SCRAM-SHA-512', 'sha512'],
]);

/** What the server stores of a password. */
export interface ScramAccount {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** Derives what is stored from a password. */
export function scramAccount(
  hash: string,
  password: string,
  iterations: number,
  salt: Buffer = randomBytes(16),
): ScramAccount {
  const length = createHash(hash).digest().length;
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, iterations, length, hash);
  const clientKey = createHmac(hash, salted).update('Client Key').digest();
  return {
    salt,
    iterations,
    storedKey: createHash(hash).update(clientKey).digest(),
    serverKey: createHmac(hash, salted).update('Server Key').digest(),
  };
}

const failure = (why: string): AuthStep => ({ type: 'failure', reasonCode: 0x87, why });

/** One exchange: client-first, server-first, client-final, server-final. */
export class ScramExchange implements AuthExchange {
  readonly #hash: string;
  readonly #account: (username: string) => ScramAccount | undefined;
  readonly #serverNonce: string;
  /** Set by the client's first message. */
  #first: { username: string; account: ScramAccount; bare: string; nonce: string; reply: string } | undefined;
  #header = '';

  /** @param account secrets of a user, undefined for an unknown one */
  constructor(
    hash: string,
    account: (username: string) => ScramAccount | undefined,
    serverNonce = randomBytes(18).toString('base64'),
  ) {
    this.#hash = hash;
    this.#account = account;
    this.#serverNonce = serverNonce;
  }

  next(data: Uint8Array | undefined): AuthStep {
    const text = data === undefined ? '' : new TextDecoder().decode(data);
    if (this.#first !== undefined) return this.#final(text, this.#first);
    // The client may leave its first message to the first AUTH.
    return text === '' ? { type: 'continue', data: undefined } : this.#begin(text);
  }

  #begin(text: string): AuthStep {
    const parts = /^([ny],(?:a=[^,]*)?,)(n=([^,]*),r=([^,]+)(?:,.*)?)$/.exec(text);
    if (parts === null) return failure('not a SCRAM first message without channel binding');
    const [, header = '', bare = '', name = '', clientNonce = ''] = parts;
    const username = name.replaceAll('=2C', ',').replaceAll('=3D', '=');
    const account = this.#account(username);
    if (account === undefined) return failure('unknown user');
    const nonce = clientNonce + this.#serverNonce;
    const reply = `r=${nonce},s=${account.salt.toString('base64')},i=${account.iterations}`;
    this.#header = header;
    this.#first = { username, account, bare, nonce, reply };
    return { type: 'continue', data: Buffer.from(reply) };
  }

  #final(
    text: string,
    first: { username: string; account: ScramAccount; bare: string; nonce: string; reply: string },
  ): AuthStep {
    const parts = /^(c=([^,]*),r=([^,]*)(?:,.*)?),p=([^,]*)$/.exec(text);
    if (parts === null) return failure('not a SCRAM final message');
    const [, withoutProof = '', binding = '', nonce = '', proof = ''] = parts;
    if (nonce !== first.nonce) return failure('wrong nonce');
    if (binding !== Buffer.from(this.#header).toString('base64')) return failure('wrong channel binding');
    const message = `${first.bare},${first.reply},${withoutProof}`;
    const { storedKey, serverKey } = first.account;
    const signature = createHmac(this.#hash, storedKey).update(message).digest();
    const given = Buffer.from(proof, 'base64');
    if (given.length !== signature.length) return failure('wrong proof');
    const clientKey = signature.map((byte, index) => byte ^ (given[index] ?? 0));
    const key = createHash(this.#hash).update(clientKey).digest();
    if (!timingSafeEqual(key, storedKey)) return failure('wrong proof');
    const verifier = createHmac(this.#hash, serverKey).update(message).digest('base64');
    return { type: 'success', data: Buffer.from(`v=${verifier}`), username: first.username };
  }
}
