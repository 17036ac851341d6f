/// <reference lib="esnext.disposable" preserve="true" />

/** {@link Client} of one tab: what it is asked for, the hub does. */

import { ConnectionError, type MqttError, UsageError } from '../errors';
import type {
  Client,
  ClientEvents,
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
import { Activity } from './activity';
import { checkNames, ownArgument, ownPayload } from './arguments';
import { asyncDispose } from './async-dispose';
import { unsupported } from './environment';
import { Events } from './events';
import { patternsOf } from './filters';
import { lostWords } from './hub-core';
import { SharedMessage } from './message';
import type { RoomSetup } from './office';
import { autoKey, isStored, Requests } from './requests';
import { Room } from './room';
import type { Handler } from './subscription';
import { TabSubscriptions } from './tab-subscriptions';
import { atLimit, takeLimits } from './waiting';
import {
  type Call,
  type Counters,
  counters,
  type State,
  type ToHub,
  type ToTab,
  type WireMessage,
} from './wire';
import { fromWired, fromWireError, type WireError } from './wire-error';

/** How long `close` waits, in milliseconds, unless it is told otherwise. */
const defaultCloseTimeout = 5_000;

/** See above. */
export class SharedClient implements Client {
  readonly #setup: RoomSetup;
  readonly #model: Client;
  readonly #events = new Events((name) => {
    if (name === 'message') this.#subscriptions.inbox.reclaim();
    if (name === 'packet') this.#wantPackets();
  });
  readonly #requests = new Requests((item) => this.#post(item));
  readonly #activity = new Activity(() => this.#requests.isPublishing);
  readonly #subscriptions: TabSubscriptions;
  /** While this tab shares the connection. */
  #room: Room | undefined;
  #joining: Promise<void> | undefined;
  /** What the hub told last. */
  #state: State | undefined;
  #status: Status = { type: 'idle' };
  #closing: Promise<void> | undefined;
  /** What it leaves, or has left. */
  #left: Room | undefined;
  /** Whether it is not to wait any more. */
  #isHurried = false;
  /** While `connect` waits for that: resolves when this tab shares the connection again. */
  #reopening: Promise<void> | undefined;
  /** Calls of `connect` that have not settled. */
  #waitingForConnect = 0;
  /** As the server knows the connection that is, or was last. */
  #clientId: string | undefined;
  /** Whether `'connect'` told of a connection since this tab shares it. */
  #wasTold = false;
  /** Until a hub that is new to this tab has told where the connection stands. */
  #isNewHub = false;
  #lastKey = 0;

  /** @param model is never connected: it knows what arguments a client takes */
  constructor(setup: RoomSetup, model: Client) {
    this.#setup = setup;
    this.#model = model;
    this.#subscriptions = new TabSubscriptions({
      options: setup.options,
      events: this.#events,
      requests: this.#requests,
      activity: this.#activity,
      post: (item) => this.#post(item),
      protocolVersion: () => this.protocolVersion,
      checkOpen: () => this.#checkOpen(),
      opened: (opening, limits) => this.#opened(opening, limits),
    });
  }

  get status(): Status {
    return this.#status;
  }

  get clientId(): string {
    return this.#clientId ?? this.#setup.options.clientId ?? '';
  }

  get protocolVersion(): 3 | 4 | 5 | undefined {
    return this.#status.type === 'connected' ? this.#state?.protocolVersion : undefined;
  }

  get server(): ServerLimits | undefined {
    return this.#status.type === 'connected' ? this.#state?.server : undefined;
  }

  get stats(): ClientStats {
    const stats = this.#state?.stats ?? (Object.fromEntries(counters.map((name) => [name, 0])) as Counters);
    return { ...stats, unreadDropped: stats.unreadDropped + this.#subscriptions.inbox.unreadDropped };
  }

  connect(options?: { signal?: AbortSignal | undefined }): Promise<ConnectResult> {
    let limits: WaitOptions;
    try {
      checkNames(options, ['signal']);
      limits = takeLimits(options).limits;
    } catch (error) {
      return Promise.reject(error);
    }
    // Who watches events, or closes, need not look at the promise; for all others a failure must not be silent.
    const isWatched = this.#events.has('status') || this.#events.has('close');
    const promise: Promise<ConnectResult> = new Promise((resolve, reject) => {
      this.#connectWithin(limits).then(resolve, (error: unknown) => {
        if (isWatched || (error instanceof ConnectionError && error.code === 'closed'))
          promise.catch(() => {});
        reject(error);
      });
    });
    return promise;
  }

  async #connectWithin(limits: WaitOptions): Promise<ConnectResult> {
    this.#waitingForConnect += 1;
    let stop = () => {};
    const limit = new Promise<never>((_resolve, reject) => {
      stop = atLimit(limits, 'connect', reject);
    });
    const connected = this.#connect();
    try {
      return await Promise.race([connected, limit]);
    } finally {
      stop();
      this.#waitingForConnect -= 1;
      // An aborted connect leaves nothing behind. A connection that others wait for, or have had, is not its business.
      const isAlone = this.#waitingForConnect === 0 && !this.#closing;
      if (limits.signal?.aborted && isAlone && !this.#wasTold) this.close({ force: true }).catch(() => {});
    }
  }

  async #connect(): Promise<ConnectResult> {
    if (this.#closing) {
      this.#reopening ??= this.#reopen(this.#closing);
      await this.#reopening;
      this.#checkOpen();
    }
    this.#joining ??= this.#join();
    const joining = this.#joining;
    await joining;
    // It may have been closed meanwhile.
    if (this.#joining !== joining) throw closedError();
    return this.#askConnection();
  }

  /** Joins the others when it is closed, unless it is closed once more before, or nobody waits for it any longer. */
  #reopen(closing: Promise<void>): Promise<void> {
    const again = () => {
      const isWanted = this.#reopening === reopening && this.#waitingForConnect > 0;
      if (this.#reopening === reopening) this.#reopening = undefined;
      if (!isWanted) throw closedError();
      this.#joining ??= this.#join();
    };
    const reopening: Promise<void> = closing.then(again, again);
    return reopening;
  }

  /** Waits for the connection. One that was open before this tab came is told of. */
  async #askConnection(): Promise<ConnectResult> {
    const result = await this.#requests.ask({ method: 'connect' });
    if (!this.#wasTold && this.#status.type === 'connected') this.#connected(result);
    return result;
  }

  #connected(result: ConnectResult): void {
    this.#wasTold = true;
    this.#events.emit('connect', result);
  }

  /** @throws UsageError where the browser says that locks or channels are not for this page */
  async #join(): Promise<void> {
    this.#setStatus({ type: 'idle' });
    let room: Room | undefined;
    try {
      room = new Room(this.#setup, {
        state: () => this.#state,
        receive: (item) => {
          if (this.#room === room) this.#receive(item);
        },
      });
      this.#room = room;
      await room.join();
    } catch (cause) {
      if (this.#room === room) await this.#leave();
      throw unsupported('Web Locks or channels for this page', cause);
    }
  }

  /** This tab does not share the connection any more. @param said see {@link Room.leave} */
  #leave(
    options: CloseOptions = { force: true },
    timeout = 0,
    said?: (isInHands: boolean) => void,
  ): Promise<void> | undefined {
    const room = this.#room;
    this.#left = room;
    this.#room = undefined;
    this.#joining = undefined;
    this.#wasTold = false;
    return room?.leave(options, timeout, said);
  }

  publish(
    topic: string,
    payload: Payload,
    options?: PublishOptions,
    callback?: unknown,
  ): Promise<PublishResult> {
    const published = this.#publish(topic, payload, options, callback);
    // An ignored publish must not raise an unhandled rejection, nor hide what is wrong with it.
    published.catch((error: unknown) => {
      if (error instanceof UsageError && this.#events.has('error')) this.#events.emit('error', error);
    });
    return published;
  }

  async #publish(
    topic: string,
    payload: unknown,
    given: PublishOptions | undefined,
    callback: unknown,
  ): Promise<PublishResult> {
    // As other clients have one.
    if (callback !== undefined) throw new UsageError('publish: takes no callback; await it');
    const { limits, others } = takeLimits(given);
    const opening = this.#checkOpen();
    let call: Call & { method: 'publish' } = {
      method: 'publish',
      topic: ownArgument(topic),
      payload: ownPayload(payload),
      options: others,
    };
    if (opening) await this.#opened(opening, limits);
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
    const subscribed: Promise<Subscription> = this.#subscriptions.subscribe(
      filter,
      optionsOrHandler as SubscribeOptions | Handler,
      handler as Handler,
    );
    return subscribed as Promise<Subscription<never>>;
  }

  async unsubscribe(filter: string | readonly string[], options?: WaitOptions): Promise<void> {
    checkNames(options, ['signal', 'timeout']);
    const { limits } = takeLimits(options);
    const opening = this.#checkOpen();
    patternsOf(filter);
    const filters = ownArgument(filter);
    if (opening) await this.#opened(opening, limits);
    await this.#subscriptions.unsubscribe(filters, limits);
  }

  async reauthenticate(): Promise<void> {
    const opening = this.#checkOpen();
    if (opening) await this.#opened(opening, {});
    await this.#requests.ask({ method: 'reauthenticate' });
  }

  on<Name extends keyof ClientEvents>(
    event: Name,
    listener: Listener<Name>,
    options?: { once?: boolean | undefined; signal?: AbortSignal | undefined },
  ): () => void {
    // Says what is wrong.
    this.#model.on(event, listener, options)();
    return this.#events.on(event, listener, options);
  }

  async close(options?: CloseOptions): Promise<void> {
    const { force = false, timeout = defaultCloseTimeout } = options ?? {};
    this.#reopening = undefined;
    if (this.#closing || !this.#room) {
      await this.#checkClose(options);
      if (force) this.#hurry();
      if (!this.#room && !this.#closing) this.#ended(undefined);
      return this.#closing;
    }
    this.#isHurried = force;
    this.#closing = this.#checkClose(options)
      .then(() => this.#close(options, timeout))
      .finally(() => {
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

  /** Says what is wrong: a hub elsewhere would not, and the client that is here has to stay open then. */
  async #checkClose(options: CloseOptions | undefined): Promise<void> {
    await this.#model.close(options);
    if (options?.properties && (this.protocolVersion ?? 5) < 5)
      throw new UsageError('options.properties: MQTT 5.0 introduced them', 'needs-mqtt-5');
  }

  async #close(options: CloseOptions | undefined, timeout: number): Promise<void> {
    const end = performance.now() + timeout;
    if (timeout > 0 && !this.#isHurried && this.#status.type === 'connected')
      await this.#activity.end(timeout);
    const rest = this.#isHurried ? 0 : Math.max(end - performance.now(), 0);
    const left = this.#leave({ ...options, timeout: rest }, rest, (isSaid) => this.#rejectAll(isSaid));
    this.#subscriptions.end(undefined);
    await left;
    this.#ended(undefined);
  }

  /** Ends the waits of a `close` that is under way. */
  #hurry(): void {
    this.#isHurried = true;
    this.#activity.hurry();
    this.#left?.leave({ force: true }, 0).catch(() => {});
  }

  /** Everything that waits ends. @param isInHands see {@link Room.leave} */
  #rejectAll(isInHands: boolean): void {
    const { clean, store } = this.#setup.options;
    const isKept = isInHands && (clean === false || store !== undefined);
    this.#requests.rejectAll((call, wasAsked) =>
      isKept && wasAsked && isStored(call)
        ? new ConnectionError('still-stored', 'The client was closed; the message stays and will be sent')
        : closedError(),
    );
  }

  #checkOpen(): Promise<void> | undefined {
    if (this.#reopening) return this.#reopening;
    if (this.#closing || !this.#room) throw closedError();
    return undefined;
  }

  async #opened(opening: Promise<void>, { signal }: WaitOptions): Promise<void> {
    await opening;
    signal?.throwIfAborted();
    this.#checkOpen();
  }

  #ended(error: MqttError | undefined): void {
    const { type } = this.#status;
    this.#state = undefined;
    if (type === 'closed') return;
    this.#setStatus(error ? { type: 'closed', error } : { type: 'closed' });
    if (type === 'connected') this.#events.emit('disconnect', { error, willReconnect: false });
    this.#events.emit('close', { error });
  }

  // --- the hub

  #post(item: ToHub): boolean {
    return this.#room?.post(item) ?? false;
  }

  #receive(item: ToTab): void {
    const { inbox } = this.#subscriptions;
    switch (item.type) {
      case 'welcome':
        this.#welcomed();
        break;
      case 'refused':
        this.#refused(fromWireError(item.error) as MqttError);
        break;
      case 'state':
        this.#told(item.state);
        break;
      case 'answer':
        if (item.error) this.#requests.failed(item.id, fromWireError(item.error));
        else this.#requests.answered(item.id, item.value);
        this.#activity.look();
        break;
      case 'message':
        inbox.receive(item.delivery);
        break;
      case 'released':
        inbox.released(item.packetId);
        break;
      case 'done':
        inbox.done(item.delivery);
        break;
      case 'ended':
        this.#subscriptions.ended(item.subscription, fromWireError(item.error));
        break;
      case 'event':
        this.#event(item.name, item.event);
        break;
    }
  }

  /** There is a hub, perhaps a new one: it learns what this tab has and wants. */
  #welcomed(): void {
    this.#isNewHub = true;
    this.#subscriptions.inbox.hubChanged();
    this.#requests.hubChanged();
    this.#wantPackets();
    this.#subscriptions.subscribeAgain();
    this.#post({ type: 'ready' });
    this.#requests.askAgain();
  }

  /** The hub tells where the connection stands. A new one may have the same connection still. */
  #told(state: State): void {
    const before = this.#status;
    this.#state = { ...state, filters: state.filters ?? this.#state?.filters };
    this.#clientId = state.clientId;
    this.#setStatus(fromWired<Status>(state.status));
    const isLost = this.#isNewHub && before.type === 'connected' && this.#status !== before;
    this.#isNewHub = false;
    if (!isLost) return;
    const error = new ConnectionError('lost', lostWords);
    this.#events.emit('disconnect', { error, willReconnect: true });
    if (this.#status.type !== 'connected') return;
    // This tab has missed the event.
    this.#wasTold = false;
    this.#askConnection().catch(() => {});
  }

  /** This tab gave other options than the others. */
  #refused(error: MqttError): void {
    this.#leave()?.catch(() => {});
    this.#requests.rejectAll(() => error);
    this.#subscriptions.end(error);
    this.#ended(error);
  }

  #event(name: keyof ClientEvents, event: unknown): void {
    switch (name) {
      case 'error':
        this.#events.emit('error', fromWireError(event as WireError));
        break;
      case 'unclaimed':
        this.#events.emit('unclaimed', new SharedMessage(event as WireMessage, {}, undefined));
        break;
      case 'close': {
        const { error } = fromWired<ClientEvents['close']>(event as never);
        this.#subscriptions.end(error);
        this.#events.emit('close', { error });
        break;
      }
      case 'connect': {
        const result = fromWired<ConnectResult>(event as never);
        this.#subscriptions.inbox.connected(!result.sessionPresent);
        this.#connected(result);
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
}

function closedError(): ConnectionError {
  return new ConnectionError('closed', 'The client is closed; connect() opens it again');
}
