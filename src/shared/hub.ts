/**
 * The hub: it lives in the tab that holds the connection, owns the client, and serves all tabs as its guests.
 *
 * A QoS 1 or 2 message is acknowledged once every tab that took it has settled or is gone. When all of them are gone
 * before any had settled, the message waits for a taker, as one does that nobody took: the tab may be reloading.
 */

import { ConnectionError, MqttError, type RefusedError, UsageError } from '../errors';
import type { Client, ClientEvents, ClientOptions, CloseOptions, Status, SubscribeOptions } from '../index';
import type { Message } from '../message';
import { filtersOf, Guest, type HeldSubscription, type Targets, wireFilter } from './guest';
import { toWireMessage } from './message';
import { abortedCode, autoKey } from './requests';
import { timerFor } from './waiting';
import type { Answers, Call, Counters, State, Target, ToHub, ToTab, WireGrant } from './wire';
import { growingCounters } from './wire';
import { toWired, toWireError } from './wire-error';

/** What the hub is made from. */
export interface HubSetup {
  readonly client: Client;
  readonly options: ClientOptions;
  /** What the last hub told, if there was one. */
  readonly before: State | undefined;
}

/** What becomes of the connection when its tab goes. */
export const lostWords = 'The tab that held the connection is gone; another one takes over';

/** Reason code for a message whose handler failed [v5 3.4.2.1]. */
const handlerFailed = 0x83;

/** How often tabs learn the counters, in milliseconds. */
const statsInterval = 1_000;

/** Retained topics remembered for a Subscription; beyond it, it may be sent some again. */
const maximumRetained = 10_000;

/** How long tabs may take to say what they are subscribed to when a hub takes over, in milliseconds. */
const gatheringTime = 500;

/** How often tabs that have messages in hand are asked whether they are there, in milliseconds. */
const pingInterval = 5_000;

/** Pings in a row without an answer, after which a tab does not count: it is frozen, or hangs. */
const mostUnanswered = 2;

/** After a steal the one that was stolen from may come back for a moment, in milliseconds: then we insist. */
const contestedFor = 60_000;

/** A message that guests work on. */
interface Pending {
  readonly message: Message;
  readonly packetId: number | undefined;
  readonly waiting: Targets;
  hasSettled: boolean;
  hasFailed: boolean;
  /** For a client that acknowledges by itself. */
  readonly done: (() => void) | undefined;
}

/** A message whose only takers are gone. */
interface Orphan {
  readonly pending: Pending;
  /** What named wildcards matched, by pattern. */
  readonly params: ReadonlyMap<string, Record<string, string>>;
  readonly timer: ReturnType<typeof setTimeout> | undefined;
}

/** A message that is being offered to one Subscription after the other. */
interface Offer {
  readonly message: Message;
  /** Subscriptions that it was offered to. */
  readonly asked: Set<HeldSubscription>;
  readonly targets: Targets;
  readonly done: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
}

/** See above. */
export class Hub {
  readonly #client: Client;
  readonly #options: ClientOptions;
  readonly #before: State | undefined;
  readonly #guests = new Map<string, Guest>();
  /** Tabs that are gone, as long as they may come back. */
  readonly #ghosts = new Set<Guest>();
  readonly #pending = new Map<number, Pending>();
  readonly #orphans = new Set<Orphan>();
  /** Packets by payload: a message does not tell its identifier. */
  readonly #packets = new WeakMap<
    Uint8Array,
    { readonly packetId?: number | undefined; readonly topic: string }
  >();
  readonly #stops: (() => void)[] = [];
  #offer: Offer | undefined;
  #lastDelivery = 0;
  #unreadDropped = 0;
  #statsTimer: ReturnType<typeof setTimeout> | undefined;
  /** While messages are in the hands of tabs. */
  #pingTimer: ReturnType<typeof setTimeout> | undefined;
  #state: 'open' | 'leaving' | 'over' = 'open';
  /** Whether it goes on where another hub ended. */
  readonly #takesOver: boolean;
  /** Tabs that have said what they want. */
  readonly #ready = new Set<string>();
  /** While it waits to connect: tabs that have not. */
  #awaited: Set<string> | undefined;
  /** When it began, in milliseconds since 1970. */
  readonly #since = Date.now();
  /** Monotonic time until which another client on our session is the one whose lock was stolen. */
  #contestedUntil = 0;

  constructor({ client, options, before }: HubSetup) {
    this.#client = client;
    this.#options = options;
    this.#before = before;
    this.#takesOver = before !== undefined && before.status.type !== 'closed';
    this.#listen();
  }

  /**
   * Goes on where the last hub ended, if there was one: connects, once all tabs that live have said what they are
   * subscribed to. What the server has for them would else be handed out to the first ones only.
   */
  takeOver(tabs: readonly string[]): void {
    if (!this.#takesOver) return;
    this.#forgetUnused(this.#before?.filters ?? []);
    this.#awaited = new Set(tabs);
    for (const id of this.#ready) this.#awaited.delete(id);
    const timer = setTimeout(() => this.#connect(), gatheringTime);
    this.#stops.push(() => clearTimeout(timer));
    this.#arrived(undefined);
  }

  #arrived(id: string | undefined): void {
    if (id !== undefined) this.#ready.add(id);
    if (id !== undefined) this.#awaited?.delete(id);
    if (this.#awaited?.size === 0) this.#connect();
  }

  #connect(): void {
    if (!this.#awaited || this.#state !== 'open') return;
    this.#awaited = undefined;
    this.#client.connect().catch(() => {});
  }

  get #unclaimedTimeout(): number {
    return this.#options.unclaimedTimeout ?? 10_000;
  }

  /** Whether any tab but this one is a guest. */
  hasOthers(own: string): boolean {
    return [...this.#guests.keys()].some((id) => id !== own);
  }

  /** The lock was stolen for this hub: who had it may not know yet. */
  contested(): void {
    this.#contestedUntil = performance.now() + contestedFor;
  }

  /** Answers a tab that says hello again during the same visit. @returns whether it does */
  greet(id: string, visit: number): boolean {
    const guest = this.#guests.get(id);
    if (guest?.visit !== visit) return false;
    guest.post({ type: 'pong' });
    return true;
  }

  /** Takes a tab as a guest. */
  admit(id: string, visit: number, post: (item: ToTab) => void): void {
    // It has not noticed that it was one, or was another hub's meanwhile.
    this.lost(id);
    const guest = new Guest(id, visit, post);
    this.#guests.set(id, guest);
    post({ type: 'state', state: this.#stateNow() });
    post({ type: 'welcome', visit });
  }

  /** A tab is gone without a word: it may be reloading. What it was subscribed to is kept for as long as messages are. */
  lost(id: string): void {
    const guest = this.#guests.get(id);
    if (!guest || this.#state !== 'open') return;
    guest.isGone = true;
    this.#ghosts.add(guest);
    this.#dismiss(guest);
    this.#arrived(id);
    const timer = timerFor(this.#unclaimedTimeout, () => this.#forget(guest));
    this.#stops.push(() => clearTimeout(timer));
  }

  #forget(guest: Guest): void {
    this.#ghosts.delete(guest);
    for (const held of guest.subscriptions.values()) held.real?.unsubscribe().catch(() => {});
    guest.subscriptions.clear();
    this.#told();
  }

  #dismiss(guest: Guest): void {
    this.#guests.delete(guest.id);
    guest.stopPackets?.();
    for (const [delivery, pending] of this.#pending) {
      const targets = pending.waiting.get(guest);
      if (!targets) continue;
      pending.waiting.delete(guest);
      if (pending.waiting.size > 0) continue;
      this.#pending.delete(delivery);
      if (pending.hasSettled) this.#finish(pending);
      else this.#orphan(pending, targets);
    }
    this.#told();
  }

  /** A tab says something. @returns false when it is no guest */
  receive(id: string, item: ToHub): boolean {
    const guest = this.#guests.get(id);
    if (!guest || this.#state !== 'open') return this.#state !== 'open';
    guest.unanswered = 0;
    this.#received(guest, item);
    return true;
  }

  #received(guest: Guest, item: ToHub): void {
    switch (item.type) {
      case 'call':
        this.#call(guest, item.id, item.call, item.limited);
        break;
      case 'abort':
        guest.aborts.get(item.id)?.abort(aborted());
        break;
      case 'settled':
        this.#settled(guest, item.delivery, item.failed);
        break;
      case 'ack':
        this.#acknowledge(item.delivery, item.reasonCode);
        break;
      case 'arrived':
        guest.onTheWay -= item.count;
        break;
      case 'packets':
        this.#showPackets(guest, item.wanted);
        break;
      case 'ready':
        this.#arrived(guest.id);
        break;
      case 'ping':
        guest.post({ type: 'pong' });
        break;
      case 'pong':
        break;
      case 'bye':
        this.#dismiss(guest);
        this.#forget(guest);
        guest.post({ type: 'farewell' });
        break;
    }
  }

  /** The connection ends with the last tab. */
  async close(options: CloseOptions | undefined): Promise<void> {
    await this.#leave(options);
  }

  /**
   * Another tab takes over: the session stays as it is. With a store of the application's, all that is under way is in
   * it; without one, it is better done with.
   */
  async handOver(timeout: number): Promise<void> {
    await this.#leave(this.#options.store ? { force: true } : { timeout: Math.min(timeout, 2_000) });
  }

  /** The lock is another tab's: what this client would write is not its own any more. */
  abandon(): void {
    this.#state = 'over';
    this.#leave({ force: true }).catch(() => {});
  }

  async #leave(options: CloseOptions | undefined): Promise<void> {
    if (this.#state === 'open') this.#state = 'leaving';
    for (const stop of this.#stops) stop();
    clearTimeout(this.#statsTimer);
    clearTimeout(this.#pingTimer);
    try {
      await this.#client.close(options);
    } finally {
      this.#state = 'over';
      for (const { timer } of this.#orphans) clearTimeout(timer);
    }
  }

  // --- calls

  #call(guest: Guest, id: number, call: Call, limited: boolean): void {
    let signal: AbortSignal | undefined;
    if (limited) {
      const abort = new AbortController();
      guest.aborts.set(id, abort);
      signal = abort.signal;
    }
    this.#perform(guest, call, signal).then(
      (value) => {
        guest.aborts.delete(id);
        // The last hub had it, or we have: what a handed over client leaves open is asked again at the next.
        if (this.#state !== 'over') guest.post({ type: 'answer', id, value });
        this.#told();
      },
      (error: unknown) => {
        guest.aborts.delete(id);
        // A tab that is a guest anew has asked again.
        if (this.#state === 'open' && !guest.isGone)
          guest.post({ type: 'failure', id, error: toWireError(error) });
        this.#told();
      },
    );
  }

  #perform(guest: Guest, call: Call, signal: AbortSignal | undefined): Promise<Answers[keyof Answers]> {
    switch (call.method) {
      case 'connect':
        return this.#client.connect();
      case 'reauthenticate':
        return this.#client.reauthenticate() as Promise<undefined>;
      case 'publish': {
        const options = signal ? { ...call.options, signal } : call.options;
        return this.#client.publish(call.topic, call.payload as string, options);
      }
      case 'subscribe':
        return this.#subscribe(guest, call, signal);
      case 'end':
        return this.#end(guest, call.subscription);
      case 'unsubscribe':
        return this.#unsubscribe(guest, filtersOf(call.filters), call.filters);
    }
  }

  async #subscribe(
    guest: Guest,
    call: Call & { method: 'subscribe' },
    signal: AbortSignal | undefined,
  ): Promise<readonly WireGrant[]> {
    const patterns = new Map(filtersOf(call.filters).map((pattern) => [wireFilter(pattern), pattern]));
    const isShared = [...patterns.keys()].some((filter) => this.#has(filter));
    const options: SubscribeOptions = { ...call.options };
    // For this tab the subscription is new, if not for the server.
    if (options.retainHandling === 1 && isShared && !call.again) options.retainHandling = 0;
    const held: HeldSubscription = {
      id: call.subscription,
      patterns,
      options,
      real: undefined,
      retained: new Set(),
    };
    guest.subscriptions.set(held.id, held);
    this.#adopt(guest, held);
    try {
      held.real = await this.#subscribed(guest, held, call.filters as string[], call.again, signal);
    } catch (error) {
      guest.subscriptions.delete(held.id);
      throw error;
    }
    // It may have ended meanwhile.
    if (guest.subscriptions.get(held.id) !== held) await held.real.unsubscribe();
    return held.real.grants.map(({ filter, qos, error }) => ({
      filter,
      qos,
      error: error && toWireError(error),
    }));
  }

  async #subscribed(
    guest: Guest,
    held: HeldSubscription,
    filters: string | readonly string[],
    isAgain: boolean,
    signal: AbortSignal | undefined,
  ) {
    const take = (message: Message) => this.#take(guest, held, message);
    const options = { ...held.options, signal };
    // A session that was resumed knows it: then the tab has had what is retained.
    const careful = { ...options, retainHandling: 1 } as const;
    const isCareful = isAgain && options.retainHandling !== 2 && this.#before?.protocolVersion === 5;
    try {
      return await this.#client.subscribe(filters, isCareful ? careful : options, take);
    } catch (error) {
      const needsMqtt5 = error instanceof UsageError && error.code === 'needs-mqtt-5';
      if (!isCareful || !needsMqtt5) throw error;
      return await this.#client.subscribe(filters, options, take);
    }
  }

  async #end(guest: Guest, subscription: number): Promise<undefined> {
    const held = guest.subscriptions.get(subscription);
    guest.subscriptions.delete(subscription);
    await held?.real?.unsubscribe();
  }

  async #unsubscribe(guest: Guest, filters: readonly string[], argument: unknown): Promise<undefined> {
    const wire = new Set(filters.map(wireFilter));
    const unknown = [...wire].filter((filter) => !this.#has(filter));
    for (const held of [...guest.subscriptions.values()]) {
      const rest = [...held.patterns].filter(([filter]) => !wire.has(filter));
      if (rest.length === held.patterns.size) continue;
      if (rest.length === 0) {
        await this.#end(guest, held.id);
        continue;
      }
      // The tab goes on with its other filters, under the same Subscription.
      const { real, options } = held;
      const retainHandling = this.#client.protocolVersion === 5 ? 2 : 0;
      const next: HeldSubscription = {
        ...held,
        patterns: new Map(rest),
        options: { ...options, retainHandling },
        real: undefined,
      };
      guest.subscriptions.set(held.id, next);
      const patterns = rest.map(([, pattern]) => pattern);
      next.real = await this.#subscribed(guest, next, patterns, false, undefined);
      await real?.unsubscribe();
    }
    // Also what is wrong is the client's to say.
    if (unknown.length > 0 || wire.size === 0)
      await this.#client.unsubscribe(unknown.length > 0 ? unknown : (argument as string[]));
  }

  /** Whether any tab is subscribed to a filter. */
  #has(filter: string): boolean {
    return [...this.#guests.values(), ...this.#ghosts].some((guest) => guest.has(filter));
  }

  /** Once tabs have said what they want: what only tabs wanted that are gone is not wanted any more. */
  #forgetUnused(filters: readonly string[]): void {
    if (filters.length === 0) return;
    const timer = timerFor(this.#unclaimedTimeout, () => {
      const unused = filters.filter((filter) => !this.#has(filter));
      if (unused.length > 0) this.#client.unsubscribe(unused).catch(() => {});
    });
    this.#stops.push(() => clearTimeout(timer));
  }

  // --- messages

  /** The client offers a message to one Subscription after the other: they are put together again, for one post a tab. */
  #take(guest: Guest, held: HeldSubscription, message: Message): Promise<void> | undefined {
    if (!this.#isOffered(held, message)) {
      this.#flush();
      this.#offer = {
        message,
        asked: new Set(),
        targets: new Map(),
        done: message.qos > 0 && this.#options.ack === 'received' ? deferred() : undefined,
      };
      queueMicrotask(() => this.#flush());
    }
    const { targets, asked, done } = this.#offer as Offer;
    asked.add(held);
    if (guest.subscriptions.get(held.id) === held && !this.#hadRetained(held, message)) {
      const pattern = [...held.patterns.values()].join();
      const target = { subscription: held.id, pattern, params: message.params };
      targets.set(guest, [...(targets.get(guest) ?? []), target]);
    }
    return done?.promise;
  }

  /** Whether it is the message that is being offered. An empty payload is the same object in all of them. */
  #isOffered(held: HeldSubscription, { payload, topic, properties, qos }: Message): boolean {
    const { message, asked } = this.#offer ?? {};
    return (
      message?.payload === payload &&
      message.topic === topic &&
      message.qos === qos &&
      message.properties === properties &&
      asked?.has(held) === false
    );
  }

  #hadRetained({ options, retained }: HeldSubscription, { retain, topic }: Message): boolean {
    if (!retain || options.retainAsPublished) return false;
    // One such Subscription, and RETAIN does not tell old messages from new ones.
    const isAmbiguous = [...this.#guests.values()].some((guest) =>
      [...guest.subscriptions.values()].some((held) => held.options.retainAsPublished),
    );
    if (isAmbiguous) return false;
    if (retained.has(topic)) return true;
    if (retained.size >= maximumRetained) retained.clear();
    retained.add(topic);
    return false;
  }

  #flush(): void {
    const offer = this.#offer;
    if (!offer) return;
    this.#offer = undefined;
    const { message, targets, done } = offer;
    this.#told();
    const gone = [...targets].filter(([guest]) => guest.isGone);
    for (const [guest] of gone) targets.delete(guest);
    if (message.qos === 0) {
      this.#send(message, targets, 0);
      return;
    }
    const packet = this.#packets.get(message.payload);
    const pending = {
      message,
      // All empty payloads are one object: then it is that of the last packet. An alias stands for any topic.
      packetId: packet && (packet.topic || message.topic) === message.topic ? packet.packetId : undefined,
      waiting: targets,
      hasSettled: false,
      hasFailed: false,
      done: done?.resolve,
    };
    if (targets.size === 0 && gone.length > 0)
      this.#orphan(
        pending,
        gone.flatMap(([, list]) => list),
      );
    else this.#wait(pending);
  }

  /** Sends a QoS 1 or 2 message to tabs and waits for them. */
  #wait(pending: Pending, again = false): void {
    const { message, waiting, packetId } = pending;
    if (waiting.size === 0) {
      this.#finish(pending);
      return;
    }
    this.#lastDelivery += 1;
    this.#pending.set(this.#lastDelivery, pending);
    this.#send(message, waiting, this.#lastDelivery, packetId, again);
    this.#pingTimer ??= setTimeout(() => this.#pingGuests(), pingInterval);
  }

  /** A frozen tab must not hold up what the others wait for: the server sends no more than our Receive Maximum. */
  #pingGuests(): void {
    this.#pingTimer = undefined;
    const busy = new Set([...this.#pending.values()].flatMap(({ waiting }) => [...waiting.keys()]));
    for (const guest of busy) {
      if (guest.unanswered >= mostUnanswered) this.lost(guest.id);
      else {
        guest.unanswered += 1;
        guest.post({ type: 'ping' });
      }
    }
    if (this.#pending.size > 0) this.#pingTimer = setTimeout(() => this.#pingGuests(), pingInterval);
  }

  #send(message: Message, targets: Targets, id: number, packetId?: number, again = false): void {
    const maxUnread = this.#options.queue?.maxUnread ?? 1_000;
    const plain = { ...toWireMessage(message), redelivered: again || message.redelivered };
    for (const [guest, list] of targets) {
      if (id === 0) {
        if (guest.onTheWay >= maxUnread) {
          this.#unreadDropped += 1;
          continue;
        }
        guest.onTheWay += 1;
      }
      guest.post({ type: 'message', delivery: { id, packetId, again, message: plain, targets: [...list] } });
    }
  }

  #settled(guest: Guest, delivery: number, failed: boolean): void {
    const pending = this.#pending.get(delivery);
    if (!pending?.waiting.delete(guest)) return;
    pending.hasSettled = true;
    pending.hasFailed ||= failed;
    if (pending.waiting.size > 0) return;
    // By hand it is acknowledged when the application says so.
    if (this.#options.ack !== 'manual') {
      this.#pending.delete(delivery);
      this.#finish(pending);
    }
  }

  #acknowledge(delivery: number, reasonCode: number): void {
    const pending = this.#pending.get(delivery);
    if (!pending) return;
    this.#pending.delete(delivery);
    if (pending.done) pending.done();
    else pending.message.ack(reasonCode);
  }

  #finish({ message, hasFailed, done }: Pending): void {
    if (this.#state === 'over') return;
    if (done) done();
    else message.ack(hasFailed && this.#client.protocolVersion === 5 ? handlerFailed : 0);
    this.#told();
  }

  #orphan(pending: Pending, targets: readonly Target[]): void {
    const params = new Map(targets.map(({ pattern, params }) => [pattern, params]));
    const timer = timerFor(this.#unclaimedTimeout, () => {
      this.#orphans.delete(orphan);
      this.#finish(pending);
      this.#event('unclaimed', toWireMessage(pending.message));
    });
    const orphan: Orphan = { pending, params, timer };
    this.#orphans.add(orphan);
  }

  /** A new Subscription takes what an equal one of a tab that is gone had. */
  #adopt(guest: Guest, held: HeldSubscription): void {
    const pattern = [...held.patterns.values()].join();
    for (const orphan of this.#orphans) {
      const params = orphan.params.get(pattern);
      if (!params) continue;
      this.#orphans.delete(orphan);
      clearTimeout(orphan.timer);
      orphan.pending.waiting.set(guest, [{ subscription: held.id, pattern, params }]);
      this.#wait(orphan.pending, true);
    }
  }

  // --- events

  #listen(): void {
    const on = <Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void) =>
      this.#stops.push(this.#client.on(name, listener));
    on('status', (status) => {
      if (status.type === 'closed' && this.#isContested(status.error)) return;
      this.#broadcast({ type: 'state', state: this.#stateNow() });
      this.#event('status', withoutQuery(toWired(status)));
    });
    on('connect', (result) => this.#event('connect', result));
    on('disconnect', (event) => this.#event('disconnect', toWired(event)));
    on('reconnecting', (event) => this.#event('reconnecting', toWired(event)));
    on('close', (event) => {
      if (!this.#isContested(event.error)) this.#event('close', toWired(event));
      else queueMicrotask(() => this.#client.connect().catch(() => {}));
    });
    on('unclaimed', (message) => this.#event('unclaimed', toWireMessage(message)));
    on('settled', (event) => {
      // Keys that tabs made mean nothing to the application; the publish that has it settles by itself.
      const key = event.key?.startsWith(autoKey) ? undefined : event.key;
      this.#event('settled', toWired({ ...event, key }));
    });
    on('error', (error) => this.#failed(error));
    on('packet', ({ direction, packet }) => {
      if (direction === 'in' && packet.type === 'publish') this.#packets.set(packet.payload, packet);
      // The server will not send it again once it had PUBACK, or answered PUBREC.
      if (direction === 'out' ? packet.type === 'puback' : packet.type === 'pubrel')
        this.#broadcast({ type: 'released', packetId: (packet as { packetId: number }).packetId });
    });
  }

  /** A Subscription that the server refuses in a new session ends; its error names the filter. */
  #failed(error: Error): void {
    const isRefusal = (error as Partial<RefusedError>).reasonCode !== undefined;
    let isTaken = false;
    for (const guest of this.#guests.values())
      for (const held of guest.subscriptions.values()) {
        const lost = [...held.patterns.keys()].filter((filter) => error.message.includes(`'${filter}'`));
        if (!isRefusal || lost.length === 0) continue;
        isTaken = true;
        guest.post({ type: 'event', name: 'error', event: toWireError(error) });
        if (held.patterns.size > 1) continue;
        guest.subscriptions.delete(held.id);
        guest.post({ type: 'ended', subscription: held.id, error: toWireError(error) });
      }
    if (!isTaken) this.#event('error', toWireError(error));
  }

  /** Whether the connection was taken over by the tab whose lock was stolen, which does not know it yet. */
  #isContested(error: MqttError | undefined): boolean {
    return error?.reasonCode === 0x8e && performance.now() < this.#contestedUntil;
  }

  #showPackets(guest: Guest, wanted: boolean): void {
    guest.stopPackets?.();
    guest.stopPackets = wanted
      ? this.#client.on('packet', (event) => guest.post({ type: 'event', name: 'packet', event }))
      : undefined;
  }

  #event(name: keyof ClientEvents, event: unknown): void {
    this.#broadcast({ type: 'event', name, event });
  }

  #broadcast(item: ToTab): void {
    if (this.#state === 'open') for (const guest of this.#guests.values()) guest.post(item);
  }

  /** Something happened that counts. */
  #told(): void {
    if (this.#state !== 'open') return;
    this.#statsTimer ??= setTimeout(() => {
      this.#statsTimer = undefined;
      this.#broadcast({ type: 'state', state: this.#stateNow() });
    }, statsInterval);
  }

  /** What tabs show until the client connects. */
  #gathering(): Status {
    const error = new ConnectionError('lost', lostWords);
    return { type: 'reconnecting', attempt: 1, delay: 0, nextAttemptAt: this.#since, error };
  }

  #stateNow(): State {
    const { status, clientId, protocolVersion, server, stats } = this.#client;
    const before = this.#before?.stats;
    const counters: Counters = {
      ...stats,
      unreadDropped: stats.unreadDropped + this.#unreadDropped,
    };
    const grown = growingCounters.map((name) => [name, counters[name] + (before?.[name] ?? 0)]);
    return {
      status: withoutQuery(toWired(this.#takesOver && status.type === 'idle' ? this.#gathering() : status)),
      clientId,
      protocolVersion,
      server,
      stats: { ...counters, ...Object.fromEntries(grown) },
      filters: [
        ...new Set(
          [...this.#guests.values()].flatMap((guest) =>
            [...guest.subscriptions.values()].flatMap(({ patterns }) => [...patterns.keys()]),
          ),
        ),
      ],
    };
  }
}

/** Why a call ends that its tab gave up. */
function aborted(): MqttError {
  return new MqttError(abortedCode, 'The tab waits no longer');
}

/** A status whose URL can travel: what is behind the path may be a signature. */
function withoutQuery(status: State['status']): State['status'] {
  return 'url' in status ? { ...status, url: status.url.replace(/[?#].*$/, '') } : status;
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
