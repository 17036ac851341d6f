/** The class behind {@link Client}: it holds the parts together and has little to say itself. */

import { boolean, checkOptions } from '../check';
import { ConnectionError, type MqttError, UsageError } from '../errors';
import type { QoS } from '../message';
import { Fifo } from '../session/fifo';
import type { PacketTap } from '../session/link';
import type { ServerLimits } from '../session/server-limits';
import type { SessionPort } from '../session/session';
import { allSchemes, parseServerUrl, type Scheme } from '../transport/scheme';
import type { Transport } from '../transport/transport';
import { asyncDispose } from './async-dispose';
import type {
  Client,
  ClientEvents,
  ClientStats,
  ConnectResult,
  Listener,
  PublishResult,
  Status,
  Subscription,
} from './client';
import { resolveCloseOptions } from './close-options';
import { Connector } from './connector';
import type { Core, WaitingCall } from './core';
import { deferred, ignoreRejection } from './deferred';
import { Emitter } from './emitter';
import { Inbox } from './inbox';
import { masked } from './masked';
import type {
  ClientOptions,
  CloseOptions,
  Payload,
  PublishOptions,
  SubscribeOptions,
  WaitOptions,
} from './options';
import { Publisher } from './publisher';
import { type ResolvedOptions, resolveOptions } from './resolve-options';
import { Router } from './router';
import { closedError, Runner } from './runner';
import { Subscriber } from './subscriber';
import type { SubscriptionHandle } from './subscription-handle';
import { checkSignal, waiting } from './waiting';

/** Events that tell why a client could not connect. */
const tellingOfFailure = ['status', 'close'] as const;

/** What an environment can connect with. */
export interface Platform {
  readonly schemes: readonly Scheme[];
  /** Checks the options that only some environments have, and gives the choice of transport by URL. */
  transports(options: ClientOptions): (url: URL) => Transport;
}

/** What became of a `connect` that waited for `close`. */
interface Reopened {
  readonly opened: Promise<ConnectResult>;
}

/** {@link Client}. */
export class MqttClient implements Client {
  readonly #options: ResolvedOptions;
  readonly #emitter = new Emitter((event) => {
    if (event === 'packet') this.#updateTap();
    if (event === 'message') this.#inbox.reclaim();
  });
  readonly #router = new Router<SubscriptionHandle>();
  readonly #runner: Runner;
  readonly #inbox: Inbox;
  readonly #publisher: Publisher;
  readonly #subscriber: Subscriber;
  readonly #connector: Connector;
  /** Reading the store: undefined before and after. */
  #restoring: Promise<void> | undefined;
  #restored: boolean;
  /** While `close` waits. */
  #closing: Promise<void> | undefined;
  /** While `connect` waits for that: resolves when the client is open again. */
  #reopening: Promise<Reopened> | undefined;
  /** Calls that wait for that, and for the store: they go on in their order. Undefined when none has to wait. */
  #line: Fifo<WaitingCall> | undefined;
  /** Ends the wait of `close`. */
  #hurry: (() => void) | undefined;
  /** Calls of `connect` that have not settled. */
  #waitingForConnect = 0;

  /** @throws UsageError for wrong arguments */
  constructor(url: unknown, options: ClientOptions | undefined, platform: Platform) {
    this.#options = resolveOptions(options);
    const { connect, queue, store, recording, topicAliases } = this.#options;
    const schemes = this.#options.transport ? allSchemes : platform.schemes;
    const list: unknown[] = Array.isArray(url) ? url : [url];
    if (list.length === 0) throw new UsageError('url: must not be an empty list');
    const targets = list.map((one, index) =>
      parseServerUrl(one as string | URL, Array.isArray(url) ? `url[${index}]` : 'url', schemes),
    );
    const transportFor = platform.transports(options ?? {});
    this.#restored = !recording;
    this.#runner = new Runner(
      {
        sessionLost: this.#options.sessionLost,
        maxInflight: this.#options.maxInflight,
        maximumPacketSize: connect.properties?.maximumPacketSize ?? Infinity,
        topicAliases: topicAliases === 'auto',
        recording,
        ...queue,
      },
      this.#port(),
      store,
      connect.clientId,
      this.#options.clock,
    );
    const core: Core = {
      options: this.#options,
      emitter: this.#emitter,
      runner: this.#runner,
      line: (needsStore) => this.#lineFor(needsStore),
    };
    this.#inbox = new Inbox(core, this.#router);
    this.#publisher = new Publisher(core, () => queue.qos0 === 'queue' || !this.#connector.hasConnected);
    this.#subscriber = new Subscriber(core, this.#router, this.#inbox);
    this.#connector = new Connector(
      {
        schemes,
        transportFor,
        accepted: () => this.#inbox.connected(),
        end: (error) => this.#end(error),
        ready: () => this.#ready(),
        // Last, as in resolve-options.ts.
        ...core,
      },
      targets,
    );
  }

  get status(): Status {
    return this.#connector.status;
  }

  get clientId(): string {
    return this.#runner.session.limits?.clientId ?? this.#options.connect.clientId;
  }

  get protocolVersion(): 3 | 4 | 5 | undefined {
    return this.status.type === 'connected' ? this.#runner.session.protocolVersion : undefined;
  }

  get server(): ServerLimits | undefined {
    return this.status.type === 'connected' ? this.#runner.session.limits : undefined;
  }

  get stats(): ClientStats {
    return {
      messagesSent: this.#publisher.sent,
      messagesReceived: this.#inbox.received,
      ...this.#runner.counts,
      publishesFailed: this.#publisher.failures,
      unreadDropped: this.#inbox.unreadDropped,
      connections: this.#inbox.connections,
      ...this.#runner.session.counts,
    };
  }

  connect(options?: { signal?: AbortSignal | undefined }): Promise<ConnectResult> {
    try {
      checkOptions(options, 'options', ['signal']);
      checkSignal(options?.signal);
    } catch (error) {
      return Promise.reject(error);
    }
    const { promise, resolve, reject } = deferred<ConnectResult>();
    // Who watches events, or closes, need not look at the promise; for all others a failure must not be silent.
    const isWatched = tellingOfFailure.some((event) => this.#emitter.has(event));
    this.#connect(options?.signal).then(resolve, (error: unknown) => {
      if (isWatched || (error instanceof ConnectionError && error.code === 'closed'))
        ignoreRejection(promise);
      reject(error);
    });
    return promise;
  }

  async #connect(signal: AbortSignal | undefined): Promise<ConnectResult> {
    signal?.throwIfAborted();
    this.#waitingForConnect += 1;
    let waits = true;
    const leave = () => {
      if (waits) this.#waitingForConnect -= 1;
      waits = false;
    };
    const closing = this.#closing;
    const opening = closing ? this.#reopen(closing).then(({ opened }) => opened) : this.#connector.open();
    try {
      return await waiting(opening, { signal }, () => {
        leave();
        // An aborted connect leaves no socket. A connection that others wait for, or have had, is not its business.
        if (this.#waitingForConnect === 0 && !this.#connector.hasConnected) this.#connector.stop();
      });
    } finally {
      leave();
    }
  }

  /** Opens the client when it is closed, unless it is closed once more before or nobody waits for it any longer. */
  #reopen(closing: Promise<void>): Promise<Reopened> {
    const reopening =
      this.#reopening ??
      closing.then(() => {
        const isWanted = this.#reopening === reopening && this.#waitingForConnect > 0;
        if (this.#reopening === reopening) this.#reopening = undefined;
        if (!isWanted) throw closedError();
        return { opened: this.#connector.open() };
      });
    this.#reopening = reopening;
    return reopening;
  }

  publish(
    topic: string,
    payload: Payload,
    options?: PublishOptions,
    callback?: unknown,
  ): Promise<PublishResult> {
    return this.#publisher.publish(topic, payload, options, callback);
  }

  subscribe(
    filter: string | readonly string[],
    optionsOrHandler?: SubscribeOptions | ((message: never) => unknown),
    handler?: (message: never) => unknown,
  ): Promise<Subscription<never>> {
    type Arguments = Parameters<Subscriber['subscribe']>;
    const subscribed: Promise<Subscription<Record<string, string>>> = this.#subscriber.subscribe(
      filter,
      optionsOrHandler as Arguments[1],
      handler as Arguments[2],
    );
    return subscribed as Promise<Subscription<never>>;
  }

  unsubscribe(filter: string | readonly string[], options?: WaitOptions): Promise<void> {
    return this.#subscriber.unsubscribe(filter, options);
  }

  reauthenticate(): Promise<void> {
    return this.#connector.reauthenticate();
  }

  on<Name extends keyof ClientEvents>(
    event: Name,
    listener: Listener<Name>,
    options?: { once?: boolean | undefined; signal?: AbortSignal | undefined },
  ): () => void {
    checkOptions(options, 'options', ['once', 'signal']);
    boolean(options?.once, 'options.once');
    checkSignal(options?.signal);
    return this.#emitter.on(event, listener, options);
  }

  async close(options?: CloseOptions): Promise<void> {
    const { force, timeout, reasonCode, properties } = resolveCloseOptions(
      options,
      this.protocolVersion ?? 5,
      this.#options.connect,
    );
    this.#reopening = undefined;
    this.#proceed(this.#line, closedError());
    if (this.#closing) {
      if (force) this.#hurry?.();
      return this.#closing;
    }
    this.#closing = this.#close(force ? 0 : timeout, reasonCode, properties).finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  /** With a name of its own it is left alone by frameworks that put proxies in the place of plain objects. */
  get [Symbol.toStringTag](): string {
    return 'Client';
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  // --- closing

  async #close(timeout: number, reasonCode: number, properties: CloseOptions['properties']): Promise<void> {
    const { session } = this.#runner;
    if (timeout > 0 && session.isConnected) {
      const idle = new Promise<void>((resolve) => {
        this.#hurry = resolve;
        this.#runner.afterFlush = () => {
          if (!session.isConnected || this.#isIdle()) resolve();
        };
        // What the session has yet to hand over counts, too, and a handler that calls this and goes on.
        this.#runner.touch();
      });
      await waiting(idle, { timeout }).catch(() => {});
      this.#hurry = undefined;
      this.#runner.afterFlush = undefined;
    }
    // With a clean session nobody comes back for it: the server need not keep it [v5 3.14.2.2.2].
    const end = this.#options.clean
      ? { ...properties, sessionExpiryInterval: properties?.sessionExpiryInterval ?? 0 }
      : properties;
    session.disconnect(reasonCode, end, closedError());
    this.#connector.stop();
    // Until the store is done with us, and the last bytes have left; what hangs must not hang this.
    const { released, left } = this.#runner;
    const gone = released.then(() => timeout && left);
    await waiting(gone, { timeout: Math.max(timeout, 1_000) }).catch(() => {});
  }

  #isIdle(): boolean {
    const { inFlight, queued } = this.#runner.session.counts;
    return inFlight + queued + this.#inbox.busy === 0 && this.#runner.isStored;
  }

  /** Everything that waits ends: the client is closed. */
  #end(error: MqttError | undefined): void {
    const { session } = this.#runner;
    const { clean, recording } = this.#options;
    // What the application's store holds outlives a failure, whatever becomes of the session.
    const keepMessages = !clean || (recording && error !== undefined);
    const errorOf = ({ qos }: { readonly qos: QoS }) =>
      keepMessages && qos > 0
        ? new ConnectionError('still-stored', 'The client was closed; the message stays and will be sent', {
            cause: error,
          })
        : closedError(error);
    session.abandon(errorOf, closedError(error), !clean, keepMessages);
    this.#publisher.closed(errorOf({ qos: 1 }), recording);
    this.#subscriber.endAll(error);
    this.#inbox.clear();
    this.#runner.stop();
    // What waits for the client to be opened again goes on waiting.
    if (!this.#reopening) this.#proceed(this.#line, closedError(error));
    if (!recording) return;
    // Others may have the stored session from now on: the next connect reads it anew.
    this.#restored = false;
    this.#restoring = undefined;
  }

  // --- calls that wait, and the store

  #lineFor(needsStore: boolean): Fifo<WaitingCall> | undefined {
    const { status } = this;
    if (!this.#reopening && (this.#closing || status.type === 'closed'))
      throw closedError(status.type === 'closed' ? status.error : undefined);
    if (this.#line) return this.#line;
    const ready = this.#reopening?.then(() => this.#restoring) ?? (needsStore ? this.#ready() : undefined);
    if (!ready) return undefined;
    const line = new Fifo<WaitingCall>();
    this.#line = line;
    ready.then(
      () => this.#proceed(line),
      (error: unknown) => this.#proceed(line, error),
    );
    return line;
  }

  /** Lets the calls of a line go on, or fail; those that come meanwhile are behind them. */
  #proceed(line: Fifo<WaitingCall> | undefined, error?: unknown): void {
    // Those of another one have had their answer.
    if (!line || this.#line !== line) return;
    for (let call = line.shift(); call; call = line.shift()) call(error);
    if (this.#line === line) this.#line = undefined;
  }

  /** Reads the store, unless that is done. */
  #ready(): Promise<void> | undefined {
    if (this.#restored || this.#restoring) return this.#restoring;
    const restoring = this.#runner
      .restore((error) => this.#connector.stop(error))
      .then(() => {
        // Closed meanwhile.
        if (this.#restoring !== restoring) throw closedError();
        this.#restored = true;
        this.#publisher.adopt(this.#runner.session.outgoing.pending());
        // For all that subscribe by then, not for the first of them.
        if (this.#line) this.#line.push((error) => error ?? this.#inbox.restore());
        else this.#inbox.restore();
        // What was restored may expire without a connection.
        this.#runner.touch();
      })
      .finally(() => {
        if (this.#restoring === restoring) this.#restoring = undefined;
      });
    this.#restoring = restoring;
    return restoring;
  }

  // --- the parts' view of the client

  #port(): SessionPort {
    return {
      connected: (result) => this.#connector.sessionConnected(result),
      message: (packet, message, redelivered) => this.#inbox.deliver(packet, message, redelivered),
      subscriptionLost: (filter, error) => {
        this.#subscriber.lost(filter, error);
        this.#emitter.emit('error', error);
      },
      settled: (key, error, reasonCode, resent) => {
        this.#publisher.settled(key, error, reasonCode, resent);
        this.#emitter.emit('settled', { key, error, resent: resent || undefined });
      },
      challenged: (data) => this.#connector.challenged(data),
      authenticated: (data) => this.#connector.authenticated(data),
      ended: (end) => this.#connector.sessionEnded(end),
      slept: () => this.#connector.woke(),
    };
  }

  #updateTap(): void {
    const emitter = this.#emitter;
    const tap: PacketTap = (direction, packet) =>
      emitter.emit('packet', { direction, packet: masked(packet) });
    this.#runner.tap(emitter.has('packet') ? tap : undefined);
  }
}
