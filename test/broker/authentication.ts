/** Who may connect: user name and password, and the methods of enhanced authentication [v5 4.12]. */

import { timingSafeEqual } from 'node:crypto';
import type { LoginRequest, Settings, User } from './options';
import { type ScramAccount, ScramExchange, scramAccount, scramHashes } from './scram';

/** What an exchange answers to the client's data. */
export type AuthStep =
  | { type: 'continue'; data: Uint8Array | undefined }
  | { type: 'success'; data: Uint8Array | undefined; username: string | undefined }
  | { type: 'failure'; reasonCode: number; why: string };

/** One run of an authentication method. */
export interface AuthExchange {
  /** Takes the client's data; undefined when it sent none. */
  next(data: Uint8Array | undefined): AuthStep;
}

/** Knows the users. */
export class Authenticator {
  readonly #settings: Settings;
  readonly #users = new Map<string, User>();
  /** SCRAM secrets by method and user; made when first asked for, because they are slow on purpose. */
  readonly #accounts = new Map<string, ScramAccount>();

  constructor(settings: Settings) {
    this.#settings = settings;
    for (const user of settings.users) this.#users.set(user.username, user);
  }

  user(username: string | undefined): User | undefined {
    return username === undefined ? undefined : this.#users.get(username);
  }

  /** Undefined lets the client in, a reason code does not. */
  login(request: LoginRequest): number | undefined {
    const { allowAnonymous, login } = this.#settings;
    if (login !== undefined) {
      const answer = login(request);
      return answer === true ? undefined : answer;
    }
    if (request.username === undefined) return allowAnonymous ? undefined : 0x87;
    if (this.#users.size === 0) return allowAnonymous ? undefined : 0x86;
    const user = this.#users.get(request.username);
    const known = user !== undefined && samePassword(user.password, request.password);
    return known ? undefined : 0x86;
  }

  /** Begins an exchange; undefined for a method that is not supported. */
  exchange(method: string): AuthExchange | undefined {
    const custom = this.#settings.authenticationMethods.get(method);
    if (custom !== undefined) return custom();
    const hash = scramHashes.get(method);
    if (hash === undefined || this.#users.size === 0) return undefined;
    return new ScramExchange(hash, (username) => this.#account(method, hash, username));
  }

  #account(method: string, hash: string, username: string): ScramAccount | undefined {
    const user = this.#users.get(username);
    if (user === undefined) return undefined;
    const key = `${method}\0${username}`;
    let account = this.#accounts.get(key);
    if (account === undefined) {
      account = scramAccount(hash, user.password, this.#settings.scramIterations);
      this.#accounts.set(key, account);
    }
    return account;
  }
}

function samePassword(expected: string, given: Uint8Array | undefined): boolean {
  if (given === undefined) return false;
  const bytes = new TextEncoder().encode(expected);
  return bytes.length === given.length && timingSafeEqual(bytes, given);
}
