/// <reference lib="esnext.disposable" preserve="true" />

/** {@link Client} of one tab: what it is asked for, the hub does. */

import { ConnectionError, MqttError, type RefusedError, UsageError } from '../errors';
import type {
  Client,
  ClientEvents,
  ClientOptions,
  ClientStats,
  CloseOptions,
  ConnectResult,
  Listener,
  Payload,
  PublishOptions,
  PublishResult,
  ServerLimits,
  Status,
  SubscribeOptions,
  Subscription,
  WaitOptions,
} from '../index';
import type { Message } from '../message';
import { Events } from './events';
import { filtersOf, wireFilter } from './guest';
import { lostWords } from './hub';
import { Inbox } from './inbox';
import { SharedMessage } from './message';
import { autoKey, isStored, Requests } from './requests';
import { Room, type RoomSetup } from './room';
import { asyncDispose, SharedSubscription, type SubscriptionHost } from './subscription';
import { atLimit, checkSignal, takeLimits } from './waiting';
import type { Call, State, ToHub, ToTab, WireMessage } from './wire';
import { fromWired, fromWireError, type WireError } from './wire-error';

/** How long `close` waits, in milliseconds, unless it is told otherwise. */
const defaultCloseTimeout = 5_000;

const noStats: ClientStats = {
  messagesSent: 0,
  messagesReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
  publishesFailed: 0,
  unreadDropped: 0,
  connections: 0,
  queued: 0,
  queuedBytes: 0,
  inFlight: 0,
  unacknowledged: 0,
};

type Handler = (message: Message<never>) => unknown;

/** See above. */
export class SharedClient implements Client {
  readonly #setup: RoomSetup;
  readonly #options: ClientOptions;
  readonly #events: Events;
  readonly #requests: Requests;
  readonly #inbox: Inbox;
  readonly #subscriptions = new Map<number, SharedSubscription>();
  readonly #subscriptionHost: SubscriptionHost;
  /** While this tab shares the connection. */
  #room: Room | undefined;
  #joining: Promise<void> | undefined;
  /** What the hub told last. */
  #state: State | undefined;
  #status: Status = { type: 'idle' };
  #closing: Promise<void> | undefined;
  /** Ends the wait in `close`. */
  #hurry: (() => void) | undefined;
  /** Messages that handlers, listeners and loops work on. */
  #busy = 0;
  #unreadDropped = 0;
  #lastSubscription = 0;
  #lastKey = 0;

  constructor(setup: RoomSetup) {
    this.#setup = setup;
    const { options } = setup;
    this.#options = options;
    this.#events = new Events((name) => {
      if (name === 'message') this.#inbox.reclaim();
      if (name === 'packet') this.#wantPackets();
    });
    const handlerHost = {
      handlerTimeout: options.handlerTimeout ?? 60_000,
      failed: (error: unknown) => this.#events.failure(error),
      busy: (change: 1 | -1) => {
        this.#busy += change;
        this.#lookAround();
      },
    };
    this.#inbox = new Inbox(
      {
        ...handlerHost,
        ack: options.ack ?? 'handled',
        unclaimedTimeout: options.unclaimedTimeout ?? 10_000,
        protocolVersion: () => this.protocolVersion,
        post: (item) => this.#post(item),
      },
      this.#events,
      this.#subscriptions,
    );
    this.#requests = new Requests((item) => this.#post(item));
    this.#subscriptionHost = {
      ...handlerHost,
      maxUnread: options.queue?.maxUnread ?? 1_000,
      unreadDropped: () => {
        this.#unreadDropped += 1;
      },
      messageOf: (delivery, params) => this.#inbox.messageOf(delivery, params),
      reclaim: () => this.#inbox.reclaim(),
      release: (deliveries) => this.#inbox.release(deliveries),
      end: async (subscription) => {
        this.#drop(subscription);
        if (this.#room) await this.#requests.ask({ method: 'end', subscription: subscription.id });
      },
    };
  }

  get status(): Status {
    return this.#status;
  }

  get clientId(): string {
    return this.#state?.clientId ?? this.#options.clientId ?? '';
  }

  get protocolVersion(): 3 | 4 | 5 | undefined {
    return this.#status.type === 'connected' ? this.#state?.protocolVersion : undefined;
  }

  get server(): ServerLimits | undefined {
    return this.#status.type === 'connected' ? this.#state?.server : undefined;
  }

  get stats(): ClientStats {
    const stats = this.#state?.stats ?? noStats;
    return { ...stats, unreadDropped: stats.unreadDropped + this.#unreadDropped };
  }

  async connect(options?: { signal?: AbortSignal | undefined }): Promise<ConnectResult> {
    checkNames(options, ['signal']);
    const { limits } = takeLimits(options);
    await this.#closing;
    if (!this.#room) {
      this.#setStatus({ type: 'idle' });
      const room = new Room(this.#setup, {
        state: () => this.#state,
        receive: (item) => {
          if (this.#room === room) this.#receive(item);
        },
        unspeakable: (item, error) => this.#requests.unspeakable(item, error),
      });
      this.#room = room;
      this.#joining = room.join();
    }
    await this.#joining;
    return this.#requests.ask({ method: 'connect' }, limits);
  }

  publish(topic: string, payload: Payload, options?: PublishOptions): Promise<PublishResult> {
    const published = this.#publish(topic, payload, options);
    // An ignored publish must not raise an unhandled rejection.
    published.catch(() => {});
    return published;
  }

  async #publish(topic: string, payload: unknown, given: PublishOptions | undefined): Promise<PublishResult> {
    const { limits, others } = takeLimits(given);
    this.#checkOpen();
    let call: Call & { method: 'publish' } = {
      method: 'publish',
      topic,
      payload: ownPayload(payload),
      options: others,
    };
    if (isStored(call) && given?.key === undefined) {
      this.#lastKey += 1;
      call = { ...call, options: { ...others, key: `${autoKey}${this.#room?.id}:${this.#lastKey}` } };
    }
    return this.#requests.ask(call, limits);
  }

  subscribe(
    filter: string | readonly string[],
    optionsOrHandler?: SubscribeOptions | ((message: never) => unknown),
    handler?: (message: never) => unknown,
  ): Promise<Subscription<never>> {
    return this.#subscribe(
      filter,
      optionsOrHandler as SubscribeOptions | Handler,
      handler as Handler,
    ) as Promise<Subscription<never>>;
  }

  async #subscribe(
    filters: unknown,
    optionsOrHandler: SubscribeOptions | Handler | undefined,
    lastHandler: Handler | undefined,
  ): Promise<Subscription> {
    const isHandler = typeof optionsOrHandler === 'function';
    if (isHandler && lastHandler !== undefined)
      throw new UsageError('handler: comes after the options; nothing comes after the handler');
    const handler = isHandler ? optionsOrHandler : lastHandler;
    if (handler !== undefined && typeof handler !== 'function')
      throw new UsageError('handler: must be a function');
    const { limits, others } = takeLimits(isHandler ? undefined : optionsOrHandler);
    this.#checkOpen();
    this.#lastSubscription += 1;
    const id = this.#lastSubscription;
    const patterns = filtersOf(filters);
    const subscription = new SharedSubscription(id, patterns, others, handler, this.#subscriptionHost);
    this.#subscriptions.set(id, subscription);
    const ask = { method: 'subscribe', subscription: id, filters, options: others, again: false } as const;
    try {
      const grants = await this.#requests.ask(ask, limits);
      subscription.granted(
        grants.map(({ filter, qos, error }) => ({
          filter,
          qos,
          error: error && (fromWireError(error) as RefusedError),
        })),
      );
    } catch (error) {
      this.#drop(subscription, error instanceof Error ? error : undefined);
      throw error;
    }
    setTimeout(() => subscription.settleDown());
    return subscription;
  }

  async unsubscribe(filter: string | readonly string[], options?: WaitOptions): Promise<void> {
    const { limits, others } = takeLimits(options);
    checkNames(others, []);
    this.#checkOpen();
    const wire = new Set(filtersOf(filter).map(wireFilter));
    for (const subscription of [...this.#subscriptions.values()])
      if (subscription.without(wire)) this.#drop(subscription);
    await this.#requests.ask({ method: 'unsubscribe', filters: filter }, limits);
  }

  async reauthenticate(): Promise<void> {
    this.#checkOpen();
    await this.#requests.ask({ method: 'reauthenticate' });
  }

  on<Name extends keyof ClientEvents>(
    event: Name,
    listener: Listener<Name>,
    options?: { once?: boolean | undefined; signal?: AbortSignal | undefined },
  ): () => void {
    checkNames(options, ['once', 'signal']);
    checkSignal(options?.signal);
    return this.#events.on(event, listener, options);
  }

  async close(options?: CloseOptions): Promise<void> {
    const { force = false, timeout = defaultCloseTimeout } = options ?? {};
    checkNames(options, ['force', 'timeout', 'reasonCode', 'properties']);
    takeLimits({ timeout });
    if (this.#closing) {
      if (force) this.#hurry?.();
      return this.#closing;
    }
    if (!this.#room) {
      if (this.#status.type !== 'closed') this.#ended(undefined);
      return;
    }
    this.#closing = this.#close(options, force ? 0 : timeout).finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  [asyncDispose](): Promise<void> {
    return this.close();
  }

  // --- closing

  async #close(options: CloseOptions | undefined, timeout: number): Promise<void> {
    if (timeout > 0 && this.#status.type === 'connected') {
      await new Promise<void>((resolve) => {
        const stop = atLimit({ timeout }, 'close', () => resolve());
        this.#hurry = () => {
          stop();
          resolve();
        };
        this.#lookAround();
      });
      this.#hurry = undefined;
    }
    const room = this.#room;
    this.#room = undefined;
    this.#joining = undefined;
    this.#end(undefined);
    await room?.leave(options, timeout);
    this.#ended(undefined);
  }

  /** Ends the wait in `close` when there is nothing to wait for. */
  #lookAround(): void {
    if (this.#busy === 0 && !this.#requests.isPublishing) this.#hurry?.();
  }

  /** Everything that waits ends. */
  #end(error: MqttError | undefined): void {
    const keeps = this.#options.clean === false || this.#options.store !== undefined;
    this.#requests.rejectAll((call) =>
      keeps && isStored(call)
        ? new ConnectionError('still-stored', 'The client was closed; the message stays and will be sent', {
            cause: error,
          })
        : closedError(error),
    );
    this.#endSubscriptions(error);
  }

  #endSubscriptions(error: MqttError | undefined): void {
    for (const subscription of [...this.#subscriptions.values()]) this.#drop(subscription, error);
    this.#inbox.clear();
  }

  #ended(error: MqttError | undefined): void {
    this.#state = undefined;
    this.#setStatus(error ? { type: 'closed', error } : { type: 'closed' });
    this.#events.emit('close', { error });
  }

  #checkOpen(): void {
    if (this.#closing || !this.#room) throw closedError(undefined);
  }

  // --- the hub

  #post(item: ToHub): boolean {
    return this.#room?.post(item) ?? false;
  }

  #receive(item: ToTab): void {
    switch (item.type) {
      case 'welcome':
        this.#welcomed();
        break;
      case 'refused':
        this.#refused(fromWireError(item.error) as MqttError);
        break;
      case 'state':
        this.#state = item.state;
        break;
      case 'answer':
        this.#requests.answered(item.id, item.value);
        this.#lookAround();
        break;
      case 'failure':
        this.#requests.failed(item.id, fromWireError(item.error));
        this.#lookAround();
        break;
      case 'message':
        this.#inbox.receive(item.delivery);
        break;
      case 'released':
        this.#inbox.released(item.packetId);
        break;
      case 'ended': {
        const subscription = this.#subscriptions.get(item.subscription);
        if (subscription) this.#drop(subscription, fromWireError(item.error));
        break;
      }
      case 'event':
        this.#event(item.name, item.event);
        break;
    }
  }

  /** There is a hub, perhaps a new one: it learns what this tab has and wants. */
  #welcomed(): void {
    if (this.#status.type === 'connected') {
      const error = new ConnectionError('lost', lostWords);
      this.#events.emit('disconnect', { error, willReconnect: true });
    }
    if (this.#state) this.#setStatus(fromWired<Status>(this.#state.status));
    this.#inbox.hubChanged();
    this.#requests.hubChanged();
    this.#wantPackets();
    for (const subscription of this.#subscriptions.values())
      if (subscription.isGranted) this.#subscribeAgain(subscription);
    this.#post({ type: 'ready' });
    this.#requests.askAgain();
  }

  #subscribeAgain(subscription: SharedSubscription): void {
    const { id, patterns, options } = subscription;
    this.#requests
      .ask({ method: 'subscribe', subscription: id, filters: patterns, options, again: true })
      .catch((error: unknown) => {
        if (!(error instanceof MqttError) || !this.#subscriptions.has(id)) return;
        this.#drop(subscription, error);
        this.#events.emit('error', error);
      });
  }

  /** This tab gave other options than the others. */
  #refused(error: MqttError): void {
    const room = this.#room;
    this.#room = undefined;
    this.#joining = undefined;
    this.#requests.rejectAll(() => error);
    this.#end(error);
    room?.leave({ force: true }, 0).catch(() => {});
    this.#ended(error);
  }

  #event(name: keyof ClientEvents, event: unknown): void {
    switch (name) {
      case 'status':
        this.#setStatus(fromWired<Status>(event as State['status']));
        break;
      case 'error':
        this.#events.emit('error', fromWireError(event as WireError));
        break;
      case 'unclaimed':
        this.#events.emit('unclaimed', new SharedMessage(event as WireMessage, {}, undefined));
        break;
      case 'close': {
        const { error } = fromWired<ClientEvents['close']>(event as never);
        this.#endSubscriptions(error);
        this.#events.emit('close', { error });
        break;
      }
      default:
        this.#events.emit(name, fromWired(event as never));
    }
  }

  #setStatus(status: Status): void {
    if (JSON.stringify(status) === JSON.stringify(this.#status)) return;
    this.#status = Object.freeze(status);
    this.#events.emit('status', status);
  }

  #wantPackets(): void {
    if (this.#room) this.#post({ type: 'packets', wanted: this.#events.has('packet') });
  }

  #drop(subscription: SharedSubscription, error?: Error): void {
    this.#subscriptions.delete(subscription.id);
    subscription.end(error);
  }
}

function closedError(error: MqttError | undefined): ConnectionError {
  return new ConnectionError('closed', 'The client is closed; connect() opens it again', { cause: error });
}

/** Bytes that are ours: what the caller does with its own, after the call, must not matter. */
function ownPayload(payload: unknown): unknown {
  if (ArrayBuffer.isView(payload))
    return new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength).slice();
  return payload instanceof ArrayBuffer ? payload.slice(0) : payload;
}

function checkNames(options: object | undefined, known: readonly string[]): void {
  if (options !== undefined && (typeof options !== 'object' || options === null))
    throw new UsageError('options: must be an object');
  for (const name of Object.keys(options ?? {}))
    if (!known.includes(name)) throw new UsageError(`options.${name}: there is no such option`);
}
