/** Requests on one topic and their answers on another, matched by an identifier that both carry. */

import { ConnectionError, UsageError } from '../errors';
import type { Client, Message, Subscription, WaitOptions } from '../index';

/** How long an answer may take when the caller does not say, in milliseconds. */
const defaultTimeout = 10_000;

/** Longest delay that timers take, in milliseconds. */
const longestDelay = 2_147_483_647;

/** Where requests go, where answers come from, and how to read one. */
export interface ExchangeOptions<Answer> {
  readonly request: string;
  readonly answer: string;
  readonly qos: 0 | 1;
  /** Reads an answer. What it throws reaches the client's `'error'`. */
  readonly read: (message: Message) => { readonly id: string; readonly answer: Answer };
}

interface Waiting<Answer> {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** Asks and waits. The topic of the answers is subscribed to with the first request. */
export class Exchange<Answer> {
  readonly #client: Client;
  readonly #options: ExchangeOptions<Answer>;
  readonly #waiting = new Map<string, Waiting<Answer>>();
  /** What the answers come by, from the first request on; undefined when that was refused or the client closed. */
  #subscription: Promise<Subscription> | undefined;
  /** The same, once the service has granted it. */
  #granted: Subscription | undefined;
  /** The same, when an answer did not come by it. */
  #doubtful: Subscription | undefined;

  constructor(client: Client, options: ExchangeOptions<Answer>) {
    this.#client = client;
    this.#options = options;
    client.on('close', () => {
      this.#forget();
      const error = new ConnectionError('closed', `The client was closed before ${options.answer} answered`);
      for (const { reject } of this.#waiting.values()) reject(error);
    });
  }

  /** Whether a request with this identifier waits for its answer. */
  isWaiting(id: string): boolean {
    return this.#waiting.has(id);
  }

  /**
   * Sends a request and waits for its answer.
   *
   * @param id different from those that wait
   * @param text makes the request, when it is about to leave
   * @throws ConnectionError `'timeout'`, `'closed'`; `signal.reason`; what `subscribe` and `publish` throw
   */
  async ask(id: string, text: () => string, options: WaitOptions): Promise<Answer> {
    checkWait(options);
    const { signal, timeout = defaultTimeout } = options;
    signal?.throwIfAborted();
    const { request, qos } = this.#options;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let aborted: (() => void) | undefined;
    try {
      return await new Promise<Answer>((resolve, reject) => {
        aborted = () => reject(signal?.reason);
        signal?.addEventListener('abort', aborted);
        if (timeout <= longestDelay) timer = setTimeout(() => reject(this.#tooLate(timeout)), timeout);
        this.#waiting.set(id, { resolve, reject });
        this.#subscribe()
          .then(() => {
            if (this.#waiting.has(id)) return this.#client.publish(request, text(), { qos });
            return undefined;
          })
          .catch(reject);
      });
    } finally {
      clearTimeout(timer);
      if (aborted) signal?.removeEventListener('abort', aborted);
      this.#waiting.delete(id);
    }
  }

  #subscribe(): Promise<Subscription> {
    const former = this.#doubtful;
    if (this.#subscription && !former) return this.#subscription;
    this.#forget();
    const { answer, read } = this.#options;
    const subscription = this.#client.subscribe(answer, { qos: 1 }, (message) => {
      const { id, answer } = read(message);
      this.#waiting.get(id)?.resolve(answer);
    });
    this.#subscription = subscription;
    subscription
      .then(
        (granted) => {
          if (this.#subscription === subscription) this.#granted = granted;
        },
        () => {
          if (this.#subscription === subscription) this.#forget();
        },
      )
      .then(() => former?.unsubscribe())
      // It is over here, whatever the service says.
      .catch(() => {});
    return subscription;
  }

  /** The next request subscribes. */
  #forget(): void {
    this.#subscription = undefined;
    this.#granted = undefined;
    this.#doubtful = undefined;
  }

  #tooLate(timeout: number): ConnectionError {
    // It may have ended unnoticed: the next request takes another.
    this.#doubtful = this.#granted;
    return new ConnectionError('timeout', `No answer on ${this.#options.answer} within ${timeout} ms`);
  }
}

/** @throws UsageError for options that are none, or wrong */
function checkWait(options: unknown): asserts options is WaitOptions {
  // A Map or a Promise would be taken for no options at all.
  if (Object.prototype.toString.call(options) !== '[object Object]')
    throw new UsageError('options: must be an object');
  const { signal, timeout = 0, ...unknown } = options as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(unknown))
    throw new UsageError(`options.${name}: there is no such option; one of signal, timeout`);
  if (signal !== undefined && typeof (signal as Partial<AbortSignal> | null)?.throwIfAborted !== 'function')
    throw new UsageError('options.signal: must be an AbortSignal');
  if (typeof timeout !== 'number' || !(timeout >= 0))
    throw new UsageError('options.timeout: must be a number of milliseconds of at least 0');
}
