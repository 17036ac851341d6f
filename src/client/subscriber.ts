/** `client.subscribe` and `client.unsubscribe`: arguments, promises, and which Subscriptions share a filter. */

import { type MqttError, RefusedError, UsageError } from '../errors';
import type { Message, QoS } from '../message';
import type { FilterOutcome, SubscriptionOptions, SubscriptionRequest } from '../session/subscriptions';
import { refusalOfOutcome } from '../session/subscriptions';
import { compilePattern, type Pattern } from '../topic/pattern';
import { boolean, checkFunction, checkOptions, checkSignal, described, milliseconds, oneOf } from './check';
import type { Grant } from './client';
import { deferred } from './deferred';
import { atEndOfTask } from './end-of-task';
import type { SubscribeOptions, WaitOptions } from './options';
import type { Router } from './router';
import type { Runner } from './runner';
import { validateSubscribeProperties } from './subscribe-properties';
import { SubscriptionHandle, type SubscriptionHost } from './subscription-handle';
import { waiting } from './waiting';

/** What the subscriber needs from the client. */
export interface SubscriberHost {
  readonly runner: Runner;
  readonly router: Router<SubscriptionHandle>;
  readonly handleHost: Omit<SubscriptionHost, 'unsubscribe'>;
  /** Throws when the client takes no requests. */
  checkOpen(): void;
  /** A promise while the store is being read; undefined when that is done. */
  ready(): Promise<void> | undefined;
}

type AnyHandler = (message: Message<Record<string, string>>) => unknown;

/** Subscribes. */
export class Subscriber {
  readonly #host: SubscriberHost;
  readonly #handleHost: SubscriptionHost;

  constructor(host: SubscriberHost) {
    this.#host = host;
    this.#handleHost = Object.assign(Object.create(host.handleHost), {
      unsubscribe: (handle: SubscriptionHandle) => this.#unsubscribeHandle(handle),
    });
  }

  /** See `Client.subscribe`. */
  async subscribe(
    filters: unknown,
    options: SubscribeOptions | undefined,
    handler: AnyHandler | undefined,
  ): Promise<SubscriptionHandle> {
    const patterns = filterList(filters).map((filter, index) =>
      compilePattern(filter, Array.isArray(filters) ? `filter[${index}]` : 'filter'),
    );
    checkFunction(handler, 'handler');
    const wanted = checkedOptions(options, patterns);
    const { signal } = options ?? {};
    const timeout = milliseconds(options?.timeout, 'options.timeout');
    checkSignal(signal, 'options.signal');
    signal?.throwIfAborted();
    this.#host.checkOpen();
    const ready = this.#host.ready();
    if (ready) {
      await ready;
      this.#host.checkOpen();
    }
    return this.#subscribe(patterns, wanted, handler, { signal, timeout });
  }

  /** See `Client.unsubscribe`. */
  async unsubscribe(filters: unknown, options: WaitOptions | undefined): Promise<void> {
    const patterns = filterList(filters).map((filter, index) =>
      compilePattern(filter, Array.isArray(filters) ? `filter[${index}]` : 'filter'),
    );
    checkOptions(options, 'options', ['signal', 'timeout']);
    const { signal } = options ?? {};
    const timeout = milliseconds(options?.timeout, 'options.timeout');
    checkSignal(signal, 'options.signal');
    signal?.throwIfAborted();
    this.#host.checkOpen();
    await this.#host.ready();
    const wire = [...new Set(patterns.map(({ filter }) => filter))];
    for (const filter of wire) {
      for (const handle of [...(this.#host.router.get(filter)?.handles.keys() ?? [])])
        this.#leave(handle, filter);
    }
    await this.#send(wire, { signal, timeout });
  }

  /** A filter that had been granted is refused in a new session of the server. */
  lost(filter: string, error: MqttError): SubscriptionHandle[] {
    const ended = [...(this.#host.router.get(filter)?.handles.keys() ?? [])];
    for (const handle of ended) this.#leave(handle, filter, error);
    return ended;
  }

  /** Ends all Subscriptions: the client is closed. */
  endAll(error: MqttError | undefined): void {
    for (const { filter, handles } of [...this.#host.router.values()]) {
      for (const handle of [...handles.keys()]) {
        this.#host.router.remove(filter, handle);
        handle.end(error);
      }
    }
  }

  /** Whether a handler or a loop works on a message. */
  get isBusy(): boolean {
    for (const { handles } of this.#host.router.values()) {
      for (const handle of handles.keys()) if (handle.isBusy) return true;
    }
    return false;
  }

  async #subscribe(
    patterns: readonly Pattern[],
    options: SubscriptionOptions,
    handler: AnyHandler | undefined,
    { signal, timeout }: { signal: AbortSignal | undefined; timeout: number | undefined },
  ): Promise<SubscriptionHandle> {
    const { runner, router } = this.#host;
    const handle = new SubscriptionHandle(patterns, options, handler, this.#handleHost);
    // Routing is in place before SUBSCRIBE goes out: a PUBLISH may come before SUBACK.
    for (const { filter, params } of patterns) router.add(filter, handle, params);
    const settled = deferred<SubscriptionHandle>();
    const entries = [...new Set(patterns.map(({ filter }) => filter))].map((filter) => ({
      ...options,
      filter,
      qos: this.#highestQos(filter, options.qos),
    }));
    const request = runner.session.subscribe(entries, (outcomes) => {
      const byFilter = new Map(entries.map(({ filter }, index) => [filter, outcomes[index] ?? 0x80]));
      const error = this.#granted(handle, byFilter);
      if (error) settled.reject(error);
      else settled.resolve(handle);
    });
    for (const { filter } of patterns) {
      const route = router.get(filter);
      if (route) router.identify(route, runner.session.subscription(filter)?.identifier ?? 0);
    }
    if (handler) this.#handleHost.reclaim();
    runner.touch();
    const granted = await waiting(settled.promise, {
      signal,
      timeout,
      what: 'subscribe',
      giveUp: (reason) => {
        this.#giveUp(handle, request, reason);
        return reason;
      },
    });
    atEndOfTask(() => handle.settleDown());
    return granted;
  }

  /** Takes the server's answer. @returns the error when nothing was granted */
  #granted(handle: SubscriptionHandle, outcomes: ReadonlyMap<string, FilterOutcome>): MqttError | undefined {
    let refusal: MqttError | undefined;
    const grants = handle.patterns.map(({ pattern, filter }): Grant => {
      const outcome = outcomes.get(filter) ?? 0x80;
      const error = refusalOfOutcome(outcome, filter);
      if (!error) return { filter: pattern, qos: outcome as QoS };
      refusal ??= error;
      return {
        filter: pattern,
        error: error instanceof RefusedError ? error : new RefusedError(0x80, error.message),
      };
    });
    const isGranted = grants.some(({ qos }) => qos !== undefined);
    for (const [index, { filter }] of handle.patterns.entries()) {
      if (grants[index]?.qos === undefined) this.#host.router.remove(filter, handle);
    }
    handle.granted(grants);
    if (isGranted) return undefined;
    handle.end(refusal);
    return refusal;
  }

  /** The caller waits no longer: what the server grants all the same is given back. */
  #giveUp(handle: SubscriptionHandle, request: SubscriptionRequest, reason: unknown): void {
    handle.end(reason instanceof Error ? reason : undefined);
    const unneeded = handle.patterns
      .map(({ filter }) => filter)
      .filter((filter) => this.#host.router.remove(filter, handle));
    if (this.#host.runner.session.withdrawRequest(request) || unneeded.length === 0) return;
    this.#host.runner.session.unsubscribe(unneeded, undefined, undefined);
    this.#host.runner.touch();
  }

  /** Ends a Subscription that lost one of its filters, unless it has others. */
  #leave(handle: SubscriptionHandle, filter: string, error?: MqttError): void {
    this.#host.router.remove(filter, handle);
    const remaining = handle.patterns.some((pattern) =>
      this.#host.router.get(pattern.filter)?.handles.has(handle),
    );
    if (!remaining) handle.end(error);
  }

  #unsubscribeHandle(handle: SubscriptionHandle): Promise<void> {
    const unneeded = [...new Set(handle.patterns.map(({ filter }) => filter))].filter((filter) =>
      this.#host.router.remove(filter, handle),
    );
    handle.end();
    if (unneeded.length === 0) return Promise.resolve();
    return this.#send(unneeded, { signal: undefined, timeout: undefined });
  }

  #send(
    filters: readonly string[],
    { signal, timeout }: { signal: AbortSignal | undefined; timeout: number | undefined },
  ): Promise<void> {
    const { runner } = this.#host;
    const settled = deferred<void>();
    const request = runner.session.unsubscribe(filters, undefined, (outcomes) => {
      const refused = outcomes.findIndex((outcome) => typeof outcome !== 'number' || outcome >= 0x80);
      const outcome = outcomes[refused];
      if (outcome === undefined) settled.resolve();
      else settled.reject(refusalOfOutcome(outcome, filters[refused] ?? ''));
    });
    runner.touch();
    return waiting(settled.promise, {
      signal,
      timeout,
      what: 'unsubscribe',
      giveUp: (reason) => {
        // It takes effect all the same: the Subscriptions are over.
        request.listener = undefined;
        return reason;
      },
    });
  }

  #highestQos(filter: string, qos: QoS): QoS {
    let highest = qos;
    for (const handle of this.#host.router.get(filter)?.handles.keys() ?? []) {
      if (handle.options.qos > highest) highest = handle.options.qos;
    }
    return highest;
  }
}

function filterList(filters: unknown): string[] {
  const list: unknown[] = Array.isArray(filters) ? filters : [filters];
  if (list.length === 0) throw new UsageError('filter: must not be an empty list');
  return list.map((filter, index) => {
    if (typeof filter === 'string') return filter;
    throw new UsageError(
      `${Array.isArray(filters) ? `filter[${index}]` : 'filter'}: must be a string, not ${described(filter)}`,
    );
  });
}

function checkedOptions(
  options: SubscribeOptions | undefined,
  patterns: readonly Pattern[],
): SubscriptionOptions {
  checkOptions(options, 'options', [
    'qos',
    'noLocal',
    'retainAsPublished',
    'retainHandling',
    'properties',
    'signal',
    'timeout',
  ]);
  const noLocal = boolean(options?.noLocal, 'options.noLocal') ?? false;
  if (noLocal && patterns.some(({ filter }) => filter.startsWith('$share/'))) {
    throw new UsageError('options.noLocal: a shared subscription cannot have it [v5 MQTT-3.8.3-4]');
  }
  return {
    qos: oneOf(options?.qos, 'options.qos', [0, 1, 2]) ?? 0,
    noLocal,
    retainAsPublished: boolean(options?.retainAsPublished, 'options.retainAsPublished') ?? false,
    retainHandling: oneOf(options?.retainHandling, 'options.retainHandling', [0, 1, 2]) ?? 0,
    userProperties: validateSubscribeProperties(options?.properties),
  };
}
