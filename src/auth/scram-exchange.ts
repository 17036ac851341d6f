/**
 * One exchange of SCRAM, from our first message to the server's last.
 *
 *   state       event                  next
 *   created     clientFirst()          started
 *   started     clientFinal(data)      deriving     answered once the keys are there
 *   answered    verify(data)           done
 *
 * Any other event, and any error, leads to `failed`: an exchange that went wrong can only be begun anew.
 */

import type { Bytes } from '../message';
import { saslprep } from './saslprep';
import { deriveProofs, equalInConstantTime, type ScramHash } from './scram-keys';
import {
  authenticationFailed,
  clientFinal,
  clientFinalWithoutProof,
  clientFirstBare,
  gs2Header,
  readServerFinal,
  readServerFirst,
  readText,
} from './scram-messages';

/** Fewer iterations make a stolen exchange cheap to guess from [RFC 5802 5.1 "i", RFC 7677 4]. */
export const minimumIterations = 4_096;

/** What all exchanges of one `scram()` share. */
export interface ScramSettings {
  readonly hash: ScramHash;
  /** Prepared already. */
  readonly username: string;
  readonly maximumIterations: number;
  /** Makes the client nonce: printable ASCII without a comma, new each time. */
  readonly newNonce: () => string;
}

const encoder = new TextEncoder();

type ScramState = 'created' | 'started' | 'deriving' | 'answered' | 'done' | 'failed';

/** See the head of this file. */
export class ScramExchange {
  readonly #settings: ScramSettings;
  /** See the table at the head of this file. */
  #state: ScramState = 'created';
  /** Our part of the nonce; from creation. */
  readonly #nonce: string;
  /** client-first-message-bare; from creation. */
  readonly #clientFirstBare: string;
  /** Prepared password; from `clientFirst` until the keys are derived. */
  #password = '';
  /** What the server must prove itself with; from `answered`. */
  #serverSignature: Bytes | undefined;

  constructor(settings: ScramSettings) {
    this.#settings = settings;
    this.#nonce = settings.newNonce();
    this.#clientFirstBare = clientFirstBare(settings.username, this.#nonce);
  }

  /**
   * Begins the exchange: client-first-message.
   *
   * @throws UsageError when the password cannot be prepared
   */
  clientFirst(password: string): Bytes {
    this.#step('created', 'failed');
    this.#password = saslprep(password, 'password');
    this.#state = 'started';
    return encoder.encode(gs2Header + this.#clientFirstBare);
  }

  /**
   * Answers server-first-message with client-final-message.
   *
   * @throws ProtocolError `'authentication-failed'`, RefusedError
   */
  async clientFinal(data: Uint8Array | undefined): Promise<Bytes> {
    this.#step('started', 'failed');
    const password = this.#password;
    this.#password = '';
    const serverFirst = readText(data, 'server-first-message');
    const { nonce, salt, iterations } = readServerFirst(serverFirst, this.#nonce);
    this.#checkIterations(iterations);
    const withoutProof = clientFinalWithoutProof(nonce);
    const authMessage = `${this.#clientFirstBare},${serverFirst},${withoutProof}`;

    this.#state = 'deriving';
    const proofs = await deriveProofs(this.#settings.hash, password, salt, iterations, authMessage);
    this.#step('deriving', 'answered');
    this.#serverSignature = proofs.serverSignature;
    return encoder.encode(clientFinal(withoutProof, proofs.clientProof));
  }

  /**
   * Checks server-final-message: only a server that knows the password can have written it.
   *
   * @throws ProtocolError `'authentication-failed'`, RefusedError
   */
  verify(data: Uint8Array | undefined): void {
    this.#step('answered', 'failed');
    const signature = readServerFinal(readText(data, 'server-final-message'));
    if (this.#serverSignature === undefined || !equalInConstantTime(signature, this.#serverSignature)) {
      throw authenticationFailed('the server did not prove that it knows the password', 0x83);
    }
    this.#state = 'done';
  }

  /** Goes on from `from` only; the caller leaves `failed` again when its step went well. */
  #step(from: ScramState, to: ScramState): void {
    const state = this.#state;
    this.#state = state === from ? to : 'failed';
    if (state !== from) throw authenticationFailed(`a message of the server came out of order (${state})`);
  }

  #checkIterations(iterations: number): void {
    const { maximumIterations } = this.#settings;
    if (iterations < minimumIterations) {
      throw authenticationFailed(`${iterations} iterations are fewer than ${minimumIterations}`, 0x83);
    }
    if (iterations > maximumIterations) {
      throw authenticationFailed(
        `the server asks for more iterations than ${maximumIterations}; if that is meant, raise maximumIterations`,
        0x83,
      );
    }
  }
}
