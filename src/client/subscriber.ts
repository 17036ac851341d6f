/** `client.subscribe` and `client.unsubscribe`: arguments, promises, and which Subscriptions share a filter. */

import { boolean, callback, checkOptions, choice, unchecked } from '../check';
import { type MqttError, RefusedError, UsageError } from '../errors';
import type { QoS } from '../message';
import type { FilterOutcome, SubscriptionOptions } from '../session/subscriptions';
import { refusalOfOutcome } from '../session/subscriptions';
import { compilePattern, type Pattern } from '../topic/pattern';
import type { Grant } from './client';
import type { Core } from './core';
import { deferred } from './deferred';
import { atEndOfTask } from './end-of-task';
import type { Inbox } from './inbox';
import type { SubscribeOptions, WaitOptions } from './options';
import type { AnyMessage } from './received-message';
import type { Router } from './router';
import { type Rules, resolve } from './rules';
import { ownSubscribeProperties } from './subscribe-properties';
import { SubscriptionHandle } from './subscription-handle';
import { checkWait, waiting } from './waiting';

const rules = {
  qos: [choice(0, 1, 2), 0],
  noLocal: [boolean, false],
  retainAsPublished: [boolean, false],
  retainHandling: [choice(0, 1, 2), 0],
  properties: [ownSubscribeProperties],
  // See checkWait.
  signal: [unchecked<AbortSignal>],
  timeout: [unchecked<number>],
} as const satisfies Rules<keyof SubscribeOptions>;

type Handler = (message: AnyMessage) => unknown;

/** Subscribes. */
export class Subscriber {
  readonly #core: Core;
  readonly #router: Router<SubscriptionHandle>;
  readonly #inbox: Inbox;

  constructor(core: Core, router: Router<SubscriptionHandle>, inbox: Inbox) {
    this.#core = core;
    this.#router = router;
    this.#inbox = inbox;
  }

  /** See `Client.subscribe`. */
  async subscribe(
    filters: unknown,
    optionsOrHandler: SubscribeOptions | Handler | undefined,
    lastHandler: Handler | undefined,
  ): Promise<SubscriptionHandle> {
    const patterns = patternsOf(filters);
    const isHandler = typeof optionsOrHandler === 'function';
    if (isHandler && lastHandler !== undefined) {
      throw new UsageError('handler: comes after the options; nothing comes after the handler');
    }
    const handler = isHandler ? optionsOrHandler : lastHandler;
    callback(handler, 'handler');
    const options = isHandler ? undefined : optionsOrHandler;
    const { signal, timeout, properties: userProperties, ...asked } = resolve(options, 'options', rules);
    if (asked.noLocal && patterns.some(({ filter }) => filter.startsWith('$share/'))) {
      throw new UsageError('options.noLocal: a shared subscription cannot have it [v5 MQTT-3.8.3-4]');
    }
    const wait = { signal, timeout };
    const opening = this.#open('subscribe', wait);
    if (opening) await opening;
    return this.#subscribe(patterns, { userProperties, ...asked }, handler, wait);
  }

  /** See `Client.unsubscribe`. */
  async unsubscribe(filters: unknown, options: WaitOptions | undefined): Promise<void> {
    const wire = wireFilters(patternsOf(filters));
    checkOptions(options, 'options', ['signal', 'timeout']);
    const opening = this.#open('unsubscribe', options);
    if (opening) await opening;
    for (const filter of wire) this.lost(filter);
    await this.#send(wire, options ?? {});
  }

  /** A filter is over for all: with an error when the server refuses it in a new session. */
  lost(filter: string, error?: MqttError): void {
    const router = this.#router;
    for (const handle of [...(router.get(filter)?.handles.keys() ?? [])]) {
      // One that is not answered yet gets an answer of its own.
      if (error && handle.grants.length === 0) continue;
      this.#detach(filter, handle);
      // A Subscription goes on while it has other filters.
      if (handle.openFilters === 0) handle.end(error);
    }
  }

  /** Ends all Subscriptions: the client is closed. */
  endAll(error: MqttError | undefined): void {
    const handles = new Set([...this.#router.values()].flatMap((route) => [...route.handles.keys()]));
    // None of them gets what another one lets go of.
    for (const handle of handles) this.#unroute(handle);
    for (const handle of handles) handle.end(error);
  }

  /** Checks that a request can be taken now. @returns a promise only while the store is being read */
  #open(what: string, options: WaitOptions = {}): Promise<void> | undefined {
    checkWait(options);
    this.#core.checkOpen();
    const ready = this.#core.ready();
    // All wait in the same way, so that they go on in the order of the calls.
    const wait = { ...options, timeout: options.timeout ?? Infinity };
    return ready && waiting(ready, what, wait).then(() => void this.#core.checkOpen());
  }

  async #subscribe(
    patterns: readonly Pattern[],
    options: SubscriptionOptions,
    handler: Handler | undefined,
    wait: WaitOptions,
  ): Promise<SubscriptionHandle> {
    const { runner } = this.#core;
    const router = this.#router;
    const handle = new SubscriptionHandle(
      patterns,
      options.retainAsPublished,
      handler,
      this.#inbox,
      (ended) => this.#unsubscribeHandle(ended),
    );
    // Routing is in place before SUBSCRIBE goes out: a PUBLISH may come before SUBACK.
    for (const { filter, params } of patterns) router.add(filter, handle, params);
    const settled = deferred<void>();
    const filters = wireFilters(patterns);
    handle.openFilters = filters.length;
    const entries = filters.map((filter) => ({ filter, ...options }));
    const request = runner.session.subscriptions.subscribe(entries, (outcomes) => {
      const error = this.#granted(handle, new Map(filters.map((filter, index) => [filter, outcomes[index]])));
      if (error) settled.reject(error);
      else settled.resolve();
    });
    handle.request = request;
    for (const filter of filters)
      router.identify(filter, runner.session.subscriptions.get(filter)?.identifier ?? 0);
    this.#inbox.reclaim();
    runner.touch();
    await waiting(settled.promise, 'subscribe', wait, (reason) => {
      this.#giveUp(handle, reason);
      return reason;
    });
    atEndOfTask(() => handle.settleDown());
    return handle;
  }

  /** Takes the server's answer. @returns the error when nothing was granted */
  #granted(
    handle: SubscriptionHandle,
    outcomes: ReadonlyMap<string, FilterOutcome | undefined>,
  ): MqttError | undefined {
    let refusal: MqttError | undefined;
    const grants = handle.patterns.map(({ pattern, filter }): Grant => {
      const outcome = outcomes.get(filter) ?? 0x80;
      const error = refusalOfOutcome(outcome, filter);
      if (!error) return { filter: pattern, qos: outcome as QoS };
      refusal ??= error;
      this.#detach(filter, handle);
      return {
        filter: pattern,
        error: error instanceof RefusedError ? error : new RefusedError(0x80, error.message),
      };
    });
    handle.grants = grants;
    // Its other filters, if there were any, may have been unsubscribed meanwhile.
    if (handle.openFilters === 0) handle.end(refusal);
    return grants.some(({ error }) => !error) ? undefined : refusal;
  }

  /** The caller waits no longer: what the server grants all the same is given back. */
  #giveUp(handle: SubscriptionHandle, reason: unknown): void {
    const { runner } = this.#core;
    const unneeded = this.#remove(handle);
    handle.end(reason instanceof Error ? reason : undefined);
    if (unneeded.length === 0) return;
    runner.session.subscriptions.unsubscribe(unneeded, undefined);
    runner.touch();
  }

  async #unsubscribeHandle(handle: SubscriptionHandle): Promise<void> {
    const unneeded = this.#remove(handle);
    handle.end();
    if (unneeded.length > 0) await this.#send(unneeded, {});
  }

  /** A Subscription is over. @returns the filters to unsubscribe from, since nobody needs them any more */
  #remove(handle: SubscriptionHandle): string[] {
    this.#unroute(handle);
    return handle.request ? this.#core.runner.session.subscriptions.withdraw(handle.request) : [];
  }

  #unroute(handle: SubscriptionHandle): void {
    for (const filter of wireFilters(handle.patterns)) this.#detach(filter, handle);
  }

  /** Takes one filter of a Subscription out of the routing. */
  #detach(filter: string, handle: SubscriptionHandle): void {
    if (this.#router.get(filter)?.handles.has(handle)) handle.openFilters -= 1;
    this.#router.remove(filter, handle);
  }

  async #send(filters: readonly string[], wait: WaitOptions): Promise<void> {
    const { runner } = this.#core;
    const settled = deferred<void>();
    const request = runner.session.subscriptions.unsubscribe(filters, (outcomes) => {
      for (const [index, outcome] of outcomes.entries()) {
        const error = refusalOfOutcome(outcome, filters[index] ?? '');
        if (error) settled.reject(error);
      }
      settled.resolve();
    });
    runner.touch();
    await waiting(settled.promise, 'unsubscribe', wait, (reason) => {
      // It takes effect all the same: the Subscriptions are over.
      request.listener = undefined;
      return reason;
    });
  }
}

function wireFilters(patterns: readonly Pattern[]): string[] {
  return [...new Set(patterns.map(({ filter }) => filter))];
}

/** Checks one filter or a list of them. */
function patternsOf(filters: unknown): Pattern[] {
  if (!Array.isArray(filters)) return [compilePattern(filters as string, 'filter')];
  if (filters.length === 0) throw new UsageError('filter: must not be an empty list');
  // Not `map`, which skips holes.
  return Array.from(filters, (filter, index) => compilePattern(filter, `filter[${index}]`));
}
