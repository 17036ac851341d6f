/** Events of a shared client. What a listener throws never reaches the code that emits. */

import type { ClientEvents, Listener } from '../index';
import { toWireError } from './wire-error';

type EventName = keyof ClientEvents;

/** A listener, as a function that may throw. */
type Call = (event: unknown) => unknown;

/** Ends of earlier messages that are kept for a listener: as many as the queue holds by default. */
const mostEarly = 10_000;

/** Calls listeners. */
export class Events {
  readonly #calls = new Map<EventName, Set<Call>>();
  readonly #changed: (name: EventName) => void;
  /** What `'settled'` told before anyone listened: the tab is connected before the application has it to listen to. */
  #early: ClientEvents['settled'][] = [];

  /** @param changed called when an event got a listener or lost one */
  constructor(changed: (name: EventName) => void) {
    this.#changed = changed;
  }

  /** See `Client.on`; the arguments are good. */
  on<Name extends EventName>(
    name: Name,
    listener: Listener<Name>,
    options: { once?: boolean | undefined; signal?: AbortSignal | undefined } = {},
  ): () => void {
    const calls = this.#calls.get(name) ?? new Set();
    this.#calls.set(name, calls);
    const { once, signal } = options;
    const off = () => {
      signal?.removeEventListener('abort', off);
      if (calls.delete(call)) this.#changed(name);
    };
    const call: Call = (event) => {
      // Taken off meanwhile.
      if (!calls.has(call)) return undefined;
      if (once) off();
      return listener(event as ClientEvents[Name]);
    };
    if (signal?.aborted) return off;
    calls.add(call);
    signal?.addEventListener('abort', off);
    this.#changed(name);
    if (name === 'settled' && this.#early.length > 0)
      queueMicrotask(() => {
        for (const early of this.#early.splice(0)) this.emit('settled', early);
      });
    return off;
  }

  /** Whether anyone listens. */
  has(name: EventName): boolean {
    return this.calls(name).length > 0;
  }

  /** The listeners as functions that may throw. */
  calls(name: EventName): Call[] {
    return [...(this.#calls.get(name) ?? [])];
  }

  /** Calls all listeners of an event. */
  emit<Name extends EventName>(name: Name, event: ClientEvents[Name]): void {
    if (name === 'settled' && !this.has(name)) {
      if (this.#early.length < mostEarly) this.#early.push(event as ClientEvents['settled']);
      return;
    }
    const failed = (error: unknown) => (name === 'error' ? reportUncaught(error) : this.failure(error));
    for (const call of this.calls(name)) {
      try {
        const result = call(event);
        if (isThenable(result)) result.then(undefined, failed);
      } catch (error) {
        failed(error);
      }
    }
  }

  /** An exception of the application's own code: to `'error'`, else to where uncaught exceptions go. */
  failure(error: unknown): void {
    if (!this.has('error')) reportUncaught(error);
    else
      this.emit(
        'error',
        error instanceof Error
          ? error
          : new Error(`A handler or listener failed with ${toWireError(error).message}`, { cause: error }),
      );
  }
}

/** Whether a value is a promise, or as good as one. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

function reportUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
