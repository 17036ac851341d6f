/** `client.subscribe` and `client.unsubscribe`: arguments, promises, and which Subscriptions share a filter. */

import { boolean, callback, checkOptions, choice, unchecked } from '../check';
import { type MqttError, RefusedError, UsageError } from '../errors';
import type { QoS } from '../message';
import type { FilterOutcome, SubscriptionOptions } from '../session/subscriptions';
import { refusalOfOutcome } from '../session/subscriptions';
import { compilePattern, type Pattern } from '../topic/pattern';
import type { Grant } from './client';
import type { Core } from './core';
import { type Deferred, deferred, ignoreRejection } from './deferred';
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
  /** For all Subscriptions: one of its own for each would keep alive all that its call had. */
  readonly #unsubscribe = (handle: SubscriptionHandle) => this.#end(handle);

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
    const handle = new SubscriptionHandle(
      patterns,
      asked.retainAsPublished,
      handler,
      this.#inbox,
      this.#unsubscribe,
    );
    const call = (settled: Deferred<void>) => {
      // Else given up.
      if (!handle.hasEnded) this.#ask(handle, { userProperties, ...asked }, settled);
    };
    await this.#enter('subscribe', wait, call, (reason) => {
      // What the server grants all the same is given back.
      ignoreRejection(this.#end(handle, reason instanceof Error ? reason : undefined));
    });
    atEndOfTask(() => handle.settleDown());
    return handle;
  }

  /** See `Client.unsubscribe`. */
  async unsubscribe(filters: unknown, options: WaitOptions | undefined): Promise<void> {
    const wire = wireFilters(patternsOf(filters));
    checkOptions(options, 'options', ['signal', 'timeout']);
    // Given up, it takes effect all the same.
    await this.#enter('unsubscribe', options ?? {}, (settled) => {
      for (const filter of wire) this.lost(filter);
      this.#send(wire, settled);
    });
  }

  /** A filter is over for all: with an error when the server refuses it in a new session. */
  lost(filter: string, error?: MqttError): void {
    const router = this.#router;
    for (const handle of [...(router.get(filter)?.handles.keys() ?? [])]) {
      // One that is not answered yet gets an answer of its own.
      if (error && handle.grants.length === 0) continue;
      this.#detach(filter, handle);
      // A Subscription goes on while it has other filters.
      if (handle.routes === 0) handle.end(error);
    }
  }

  /** Ends all Subscriptions: the client is closed. */
  endAll(error: MqttError | undefined): void {
    const handles = new Set([...this.#router.values()].flatMap((route) => [...route.handles.keys()]));
    // None of them gets what another one lets go of.
    for (const handle of handles) this.#unroute(handle);
    for (const handle of handles) handle.end(error);
  }

  /** Makes a call, now or behind those that wait. @returns a promise of its end */
  #enter(
    what: string,
    wait: WaitOptions,
    call: (settled: Deferred<void>) => void,
    giveUp?: (reason: unknown) => unknown,
  ): Promise<void> {
    checkWait(wait);
    const line = this.#core.line(true);
    const settled = deferred<void>();
    if (line) line.push((error) => (error ? settled.reject(error) : call(settled)));
    else call(settled);
    return waiting(settled.promise, wait, giveUp, what);
  }

  /** Asks the server for a Subscription. */
  #ask(handle: SubscriptionHandle, options: SubscriptionOptions, settled: Deferred<void>): void {
    const { runner } = this.#core;
    const router = this.#router;
    const { patterns } = handle;
    // Routing is in place before SUBSCRIBE goes out: a PUBLISH may come before SUBACK.
    for (const { filter, params } of patterns) router.add(filter, handle, params);
    const filters = wireFilters(patterns);
    handle.routes = filters.length;
    const entries = filters.map((filter) => ({ filter, ...options }));
    handle.request = runner.session.subscriptions.subscribe(entries, (outcomes) => {
      const error = this.#granted(handle, new Map(filters.map((filter, index) => [filter, outcomes[index]])));
      if (error) settled.reject(error);
      else settled.resolve();
    });
    for (const filter of filters)
      router.identify(filter, runner.session.subscriptions.get(filter)?.identifier ?? 0);
    this.#inbox.reclaim();
    runner.touch();
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
    if (handle.routes === 0) handle.end(refusal);
    return grants.some(({ error }) => !error) ? undefined : refusal;
  }

  async #end(handle: SubscriptionHandle, error?: Error): Promise<void> {
    this.#unroute(handle);
    const { request } = handle;
    // Those that nobody needs any more.
    const unneeded = request ? this.#core.runner.session.subscriptions.withdraw(request) : [];
    handle.end(error);
    if (unneeded.length === 0) return;
    const settled = deferred<void>();
    this.#send(unneeded, settled);
    await settled.promise;
  }

  #unroute(handle: SubscriptionHandle): void {
    for (const { filter } of handle.patterns) this.#detach(filter, handle);
  }

  /** Takes one filter of a Subscription out of the routing. */
  #detach(filter: string, handle: SubscriptionHandle): void {
    if (this.#router.remove(filter, handle)) handle.routes -= 1;
  }

  #send(filters: readonly string[], settled: Deferred<void>): void {
    const { runner } = this.#core;
    runner.session.subscriptions.unsubscribe(filters, (outcomes) => {
      outcomes.forEach((outcome, index) => {
        const error = refusalOfOutcome(outcome, filters[index] ?? '');
        if (error) settled.reject(error);
      });
      settled.resolve();
    });
    runner.touch();
  }
}

function wireFilters(patterns: readonly Pattern[]): string[] {
  return [...new Set(patterns.map(({ filter }) => filter))];
}

/** Checks one filter or a list of them. */
function patternsOf(filters: unknown): Pattern[] {
  if (!Array.isArray(filters)) return [compilePattern(filters as string, 'filter')];
  if (filters.length === 0) throw new UsageError('filter: must not be an empty list');
  // A copy, since `map` skips holes.
  return [...filters].map((filter, index) => compilePattern(filter, `filter[${index}]`));
}
