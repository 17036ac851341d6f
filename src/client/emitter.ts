/** Events of a client. A listener's own exception never reaches the code that emits. */

import { described } from '../check';
import { UsageError } from '../errors';
import type { ClientEvents, Listener } from './client';
import { reportUncaught } from './report-uncaught';
import { isThenable } from './thenable';
import { whenAborted } from './when-aborted';

/** A listener with its registration: the same function may listen twice. */
interface Entry<Name extends keyof ClientEvents> {
  readonly listener: Listener<Name>;
  readonly off: () => void;
  readonly once: boolean;
}

/** Ends of earlier messages that are kept for a listener: as many as the queue holds by default. */
const mostEarly = 10_000;

const names: readonly (keyof ClientEvents)[] = [
  'status',
  'connect',
  'disconnect',
  'reconnecting',
  'message',
  'unclaimed',
  'settled',
  'error',
  'packet',
  'close',
];

/** Calls listeners. */
export class Emitter {
  /** Of the events that ever had one: most clients listen to few. */
  readonly #listeners: { [Name in keyof ClientEvents]?: Set<Entry<never>> } = {};
  readonly #changed: (event: keyof ClientEvents) => void;
  /** Events that are to be told; the first is being told. */
  #due: (() => void)[] = [];
  /** Ends of messages of an earlier page: they may come before `connect` resolves, so before anybody listens. */
  readonly #early: ClientEvents['settled'][] = [];

  /** @param changed called when an event got a listener or lost one */
  constructor(changed: (event: keyof ClientEvents) => void) {
    this.#changed = changed;
  }

  /** See `Client.on`. */
  on<Name extends keyof ClientEvents>(
    event: Name,
    listener: Listener<Name>,
    options: { once?: boolean | undefined; signal?: AbortSignal | undefined } = {},
  ): () => void {
    if (!names.includes(event)) {
      const named = typeof event === 'string' ? `'${event}'` : described(event);
      throw new UsageError(`event: there is no event ${named}; one of ${names.join(', ')}`);
    }
    if (typeof listener !== 'function')
      throw new UsageError(`listener: must be a function, not ${described(listener)}`);
    const { once = false, signal } = options;
    this.#listeners[event] ??= new Set();
    const entries: Set<Entry<never>> = this.#listeners[event];
    let callOff: (() => void) | undefined;
    const off = (): void => {
      callOff?.();
      if (entries.delete(entry)) this.#changed(event);
    };
    const entry: Entry<Name> = { listener, off, once };
    entries.add(entry);
    callOff = whenAborted(signal, off);
    this.#changed(event);
    if (event === 'settled' && this.#early.length > 0) {
      queueMicrotask(() => {
        for (const early of this.#early.splice(0)) this.emit('settled', early);
      });
    }
    return off;
  }

  /** Whether anyone listens. */
  has(event: keyof ClientEvents): boolean {
    return (this.#listeners[event]?.size ?? 0) > 0;
  }

  /**
   * Calls all listeners of an event, those that were there when it began. What they cause is told when all have heard
   * of it: so all hear the same order.
   */
  emit<Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]): void {
    if (!this.has(name)) {
      if (name === 'settled' && this.#early.length < mostEarly)
        this.#early.push(event as ClientEvents['settled']);
      return;
    }
    this.#due.push(() => this.#tell(name, event));
    if (this.#due.length > 1) return;
    try {
      for (const tell of this.#due) tell();
    } finally {
      this.#due = [];
    }
  }

  #tell<Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]): void {
    const failed = (error: unknown) => {
      if (name === 'error') reportUncaught(error);
      else this.failure(error);
    };
    for (const call of this.calls(name)) {
      try {
        const result = call(event);
        if (isThenable(result)) result.then(undefined, failed);
      } catch (error) {
        failed(error);
      }
    }
  }

  /** The listeners of an event as functions that may throw, for a caller who waits for what they return. */
  calls<Name extends keyof ClientEvents>(name: Name): ((event: ClientEvents[Name]) => unknown)[] {
    const entries = this.#listeners[name] as Set<Entry<Name>> | undefined;
    return [...(entries ?? [])].map((entry) => (event) => {
      // Taken off meanwhile.
      if (!entries?.has(entry)) return undefined;
      if (entry.once) entry.off();
      return entry.listener(event);
    });
  }

  /** An exception of the application's own code: to `'error'`, else to where uncaught exceptions go. */
  failure(error: unknown): void {
    if (!this.has('error')) {
      reportUncaught(error);
      return;
    }
    const words = `A handler or listener failed with ${typeof error === 'string' ? error : described(error)}`;
    this.emit('error', error instanceof Error ? error : new Error(words, { cause: error }));
  }
}
