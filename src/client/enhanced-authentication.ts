/** Runs an enhanced authentication on one connection [v5 4.12]. */

import { ConnectionError, MqttError } from '../errors';
import { now } from './clock';
import { type Deferred, deferred, ignoreRejection } from './deferred';
import type { EnhancedAuth } from './options';
import type { Runner } from './runner';

/** Failures of a method: trying again would fail again. */
const failures = new WeakSet<MqttError>();

/** One method on one connection: its first exchange and later ones. */
export class EnhancedAuthentication {
  readonly #method: EnhancedAuth;
  readonly #runner: Runner;
  /** The re-authentication that is under way. */
  #again: Deferred<void> | undefined;
  #isOver = false;

  constructor(method: EnhancedAuth, runner: Runner) {
    this.#method = method;
    this.#runner = runner;
  }

  /** Whether an error came from the method. */
  static isFailure(error: MqttError): boolean {
    return failures.has(error);
  }

  get method(): string {
    return this.#method.method;
  }

  /** The data for CONNECT. */
  async start(): Promise<Uint8Array | undefined> {
    try {
      return await this.#method.start();
    } catch (error) {
      throw failure(error);
    }
  }

  /** Authenticates anew; while that is under way it joins it. */
  again(): Promise<void> {
    if (this.#again) return this.#again.promise;
    const again = deferred<void>();
    this.#again = again;
    ignoreRejection(again.promise);
    this.#step(
      () => this.#method.start(),
      (data) => this.#runner.session.authenticate(data, true),
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
    this.#isOver = true;
    this.#again?.reject(error);
    this.#again = undefined;
  }

  #step<Data>(ask: () => Data | Promise<Data>, use: (data: Data) => void): void {
    // In a promise, so that an exception is a rejection too.
    new Promise<Data>((resolve) => resolve(ask())).then(
      (data) => {
        if (this.#isOver) return;
        use(data);
        this.#runner.touch();
      },
      (error: unknown) => {
        if (this.#isOver) return;
        this.#runner.session.disconnect(0x87, undefined, failure(error));
        this.#runner.touch();
      },
    );
  }
}

function failure(error: unknown): MqttError {
  const words = error instanceof Error ? error.message : String(error);
  const typed =
    error instanceof MqttError
      ? error
      : new ConnectionError('unreachable', `The authentication failed: ${words}`, { cause: error });
  failures.add(typed);
  return typed;
}
