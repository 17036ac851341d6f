/** Runs an enhanced authentication on one connection [v5 4.12]. */

import { type MqttError, ProtocolError } from '../errors';
import { now } from './clock';
import { type Deferred, deferred } from './deferred';
import type { EnhancedAuth } from './options';
import type { Runner } from './runner';
import { toMqttError } from './to-mqtt-error';

/** For messages. */
const theAuthentication = 'The authentication';

/** Exchanges that failed: trying again would fail again. */
const failures = new WeakSet<MqttError>();

/** One method on one connection: its first exchange and later ones. */
export class EnhancedAuthentication {
  readonly #method: EnhancedAuth;
  readonly #runner: Runner;
  /** The re-authentication that is under way. */
  #again: Deferred<void> | undefined;
  /** `waiting` for the server, `busy` while the method works, `over` with the connection. */
  #state: 'waiting' | 'busy' | 'over' = 'waiting';

  constructor(method: EnhancedAuth, runner: Runner) {
    this.#method = method;
    this.#runner = runner;
  }

  /** Whether an error came from an exchange: the server did not prove itself, or cannot be answered. */
  static isFailure(error: MqttError): boolean {
    return failures.has(error);
  }

  /** The data for CONNECT. */
  async start(): Promise<Uint8Array | undefined> {
    try {
      return await this.#method.start();
    } catch (error) {
      throw toMqttError(error, theAuthentication);
    }
  }

  /** Authenticates anew; while that is under way it joins it. */
  again(): Promise<void> {
    if (this.#again) return this.#again.promise;
    const again = deferred<void>();
    this.#again = again;
    this.#step(
      () => this.#method.start(),
      (data) => this.#runner.session.authenticate(data, true),
      false,
    );
    return again.promise;
  }

  /** The server goes on. */
  challenged(data: Uint8Array | undefined): void {
    this.#step(
      () => this.#method.challenge(data),
      (answer) => this.#runner.session.authenticate(answer, false),
    );
  }

  /** The server accepted us; now it has to prove itself. */
  succeeded(data: Uint8Array | undefined): void {
    this.#step(
      () => this.#method.success?.(data),
      () => {
        const again = this.#again;
        this.#again = undefined;
        if (again) again.resolve();
        else this.#runner.session.confirm(now());
      },
    );
  }

  /** The connection is over. */
  end(error: MqttError): void {
    this.#state = 'over';
    this.#again?.reject(error);
  }

  /** @param isFinal whether its failure is one of the exchange: then trying again would fail again */
  #step<Data>(ask: () => Data | Promise<Data>, use: (data: Data) => void, isFinal = true): void {
    // Answers take turns: a server that does not wait could have us work without end.
    if (this.#state === 'busy') {
      const error = new ProtocolError('The server went on with the authentication before it had our answer');
      this.#fail(error, error.reasonCode, true);
      return;
    }
    this.#state = 'busy';
    // In a promise, so that an exception is a rejection too.
    new Promise<Data>((resolve) => resolve(ask()))
      .then((data) => {
        if (this.#state === 'over') return;
        this.#state = 'waiting';
        use(data);
        this.#runner.touch();
      })
      .catch((error: unknown) => this.#fail(toMqttError(error, theAuthentication), 0x80, isFinal));
  }

  /** Only a server may say 0x87, "not authorized" [v5 3.14.2.1]. */
  #fail(error: MqttError, reasonCode: number, isFinal: boolean): void {
    if (this.#state === 'over') return;
    if (isFinal) failures.add(error);
    this.#runner.session.disconnect(reasonCode, undefined, error);
    this.#runner.touch();
  }
}
