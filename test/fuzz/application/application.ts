/** An application: all that it calls and hears of its client, and what it expects by that. */

import { MqttError, RefusedError } from '../../../src/errors';
import {
  type Client,
  type ClientEvents,
  type ClientOptions,
  createClient,
  type Message,
  memoryStore,
  type SessionStore,
  type Status,
  type Subscription,
} from '../../../src/index';
import type { Random } from '../random';
import { must } from '../target';
import { Expectations, type Listening } from './expectations';
import { clientId, type Hosts } from './hosts';
import type { Action, ApplicationScript, Taker } from './script';

/** A promise of the client. */
interface Pending {
  readonly what: string;
  state: 'pending' | 'settled';
  /** Loops last as long as their Subscriptions. */
  readonly isLoop: boolean;
  /** Aborts it, where that was prepared. */
  readonly controller: AbortController | undefined;
}

/** What may follow each status. */
const nextStatus: Readonly<Record<Status['type'], readonly Status['type'][]>> = {
  idle: ['connecting', 'closed'],
  connecting: ['connecting', 'connected', 'reconnecting', 'closed'],
  connected: ['reconnecting', 'closed'],
  reconnecting: ['connecting', 'closed'],
  closed: ['connecting'],
};

/** Milliseconds; `slow` handlers sometimes take longer. */
const handlerTimeout = 5_000;

const looping: ReadonlySet<Taker> = new Set<Taker>(['loop', 'leaves', 'lingers']);

/** See the head of this file. */
export class Application {
  readonly client: Client;
  readonly expectations: Expectations;
  /** Whether it was ever closed. */
  wasClosed = false;
  /** From here on it reacts to nothing, and takes no message for long. */
  isCalm = false;
  /** What went wrong where nobody could be told. */
  readonly violations: unknown[] = [];
  readonly #script: ApplicationScript;
  readonly #random: Random;
  readonly #note: (what: string) => void;
  readonly #pending: Pending[] = [];
  #status: Status['type'] = 'idle';
  #publishes = 0;
  /** Keys of messages. */
  readonly #keys: string[] = [];
  /** Calls of listeners and handlers so far. */
  #occasions = 0;
  #isReacting = false;

  constructor(script: ApplicationScript, random: Random, hosts: Hosts, note: (what: string) => void) {
    const { clean, sessionLost } = script;
    this.#script = script;
    this.#random = random;
    this.#note = note;
    this.expectations = new Expectations({ clean, sessionLost });
    this.client = createClient(
      script.hosts.map((host) => `ws://${host}/`),
      { ...this.#options(), transport: hosts.transport() },
    );
    this.#listen(hosts);
  }

  /** Promises that have not settled, by name. */
  pending(loops: 'with loops' | 'without loops'): string[] {
    const open = this.#pending.filter(({ state }) => state === 'pending');
    return open.filter(({ isLoop }) => !isLoop || loops === 'with loops').map(({ what }) => what);
  }

  perform(action: Action): void {
    switch (action.do) {
      case 'publish':
        return this.#publish(action);
      case 'subscribe':
        return this.#subscribe(action);
      case 'unsubscribe':
        return this.#unsubscribe(action);
      case 'endSubscription':
        return this.#endSubscription(action.pick);
      case 'connect':
        return this.connect(action.abortable);
      case 'close':
        return this.close(action.force, action.timeout);
      case 'abort':
        return this.#abort(action.pick);
    }
  }

  connect(abortable = false): void {
    const controller = abortable ? new AbortController() : undefined;
    this.#watch('connect', () => this.client.connect({ signal: controller?.signal }), controller);
  }

  close(force: boolean, timeout: number): void {
    this.#watch(force ? 'close by force' : `close in ${timeout} ms`, () =>
      this.client.close({ force, timeout }),
    );
  }

  #publish({
    qos,
    topic,
    keyed,
    again,
    until,
    abortable,
    timeout,
  }: Extract<Action, { do: 'publish' }>): void {
    const number = ++this.#publishes;
    const text = `up-${number}`;
    const earlier = again === undefined ? undefined : this.#keys[again % Math.max(1, this.#keys.length)];
    const key = keyed ? (earlier ?? text) : undefined;
    if (key === text) this.#keys.push(text);
    const controller = abortable ? new AbortController() : undefined;
    const message = { text, qos, topic, until, number, mayJoin: earlier !== undefined, arrivals: 0 };
    const { published } = this.expectations;
    published.set(text, message);
    const options = { qos, key, until, signal: controller?.signal, timeout };
    this.#watch(
      `publish ${text} at QoS ${qos} to ${topic} until ${until}`,
      () => this.client.publish(topic, text, options),
      controller,
    )
      .then((result) => Object.assign(message, { result }))
      .catch((error: unknown) => {
        Object.assign(message, { error });
        // The message that it joined has ended: nothing else tells of that.
        if (key !== undefined && key !== text && error instanceof RefusedError) {
          this.expectations.failed(key, error);
        }
      });
  }

  #subscribe(action: Extract<Action, { do: 'subscribe' }>): void {
    const { filters, qos, taker, abortable, timeout } = action;
    const { listening } = this.expectations;
    const one: Listening = {
      name: `subscription ${listening.length + 1}`,
      filters,
      wanted: filters,
      qos,
      taker,
      state: 'asked',
      grantedAt: 0,
      taken: new Map(),
    };
    listening.push(one);
    const controller = abortable ? new AbortController() : undefined;
    const handler = looping.has(taker) ? undefined : (message: Message<object>) => this.#handle(one, message);
    const options = { qos, signal: controller?.signal, timeout };
    this.#watch(
      `${one.name} of ${filters} at QoS ${qos}, ${taker}`,
      () => this.client.subscribe(filters, options, handler),
      controller,
    ).then(
      (subscription) => this.#granted(one, subscription),
      () => {
        one.state = 'over';
      },
    );
  }

  #granted(one: Listening, subscription: Subscription<object>): void {
    // Closed in the same task.
    if (this.client.status.type === 'closed') {
      one.state = 'over';
      return;
    }
    one.state = 'granted';
    one.subscription = subscription;
    one.grantedAt = performance.now();
    const refused = subscription.grants.filter(({ error }) => error !== undefined);
    for (const { filter } of refused) this.expectations.unwanted(filter, [one]);
    if (!looping.has(one.taker)) return;
    const over = () => {
      one.state = 'over';
    };
    this.#watch(`loop of ${one.name}`, () => this.#loop(one, subscription), undefined, true).then(over, over);
  }

  #endSubscription(pick: number): void {
    const granted = this.expectations.listening.filter(({ state }) => state === 'granted');
    const one = granted[pick % Math.max(1, granted.length)];
    const subscription = one?.subscription;
    if (one === undefined || subscription === undefined) return;
    one.state = 'over';
    this.#watch(`end of ${one.name}`, () => subscription.unsubscribe());
  }

  #unsubscribe({ filters, abortable }: Extract<Action, { do: 'unsubscribe' }>): void {
    const controller = abortable ? new AbortController() : undefined;
    const before = [...this.expectations.listening];
    this.#watch(
      `unsubscribe ${filters}`,
      () => this.client.unsubscribe(filters, { signal: controller?.signal }),
      controller,
    );
    for (const filter of filters) this.expectations.unwanted(filter, before);
  }

  #abort(pick: number): void {
    const open = this.#pending.filter(({ controller, state }) => controller && state === 'pending');
    const one = open[pick % Math.max(1, open.length)];
    if (one === undefined) return;
    this.#note(`abort ${one.what}`);
    one.controller?.abort();
  }

  // --- taking messages

  #handle(one: Listening, message: Message<object>): unknown {
    this.#take(one, message);
    switch (one.taker) {
      case 'throws':
        throw new Error('the handler throws');
      case 'rejects':
        return Promise.reject(new Error('the handler rejects'));
      case 'slow':
        return this.#pause(this.isCalm ? 20 : this.#random.pick([1, 20, 300, handlerTimeout + 4_000]));
      case 'acts':
        return this.#occasion('handler');
      default:
        return undefined;
    }
  }

  async #loop(one: Listening, subscription: Subscription<object>): Promise<void> {
    let count = 0;
    for await (const message of subscription) {
      this.#take(one, message);
      count += 1;
      if (one.taker === 'leaves' && count > 2) {
        this.#note(`${one.name} leaves its loop`);
        one.state = 'over';
        return;
      }
      if (one.taker === 'lingers' && count > 1 && !this.isCalm) await this.#pause(3_000);
      else if (this.#random.chance(0.5)) await this.#pause(2);
    }
  }

  #take(one: Listening, message: Message<object>): void {
    this.#note(`${one.name} gets ${message.text()} on ${message.topic} at QoS ${message.qos}`);
    this.#guarded(() => this.expectations.took(one, message));
    if (this.#script.ack !== 'manual') return;
    const acknowledge = () => this.#guarded(() => message.ack());
    if (this.#random.chance(0.7)) acknowledge();
    else setTimeout(acknowledge, this.#random.pick([1, 50]));
  }

  // --- what the client tells

  #listen(hosts: Hosts): void {
    this.#on('status', ({ type }) => {
      must(nextStatus[this.#status].includes(type), () => `after ${this.#status} comes ${type}`);
      this.#status = type;
      if (type !== 'closed') return;
      this.wasClosed = true;
      this.expectations.closed();
    });
    this.#on('connect', ({ sessionPresent }) => {
      if (!sessionPresent) this.expectations.era += 1;
      if (!hosts.met(sessionPresent)) return;
      this.#note('takes a new session for its old one');
      this.expectations.isMisled = true;
    });
    this.#on('disconnect', ({ error }) => mustBeNoFault(error));
    this.#on('error', (error) => {
      mustBeNoFault(error);
      const filter = error instanceof RefusedError ? lostFilter(error) : undefined;
      if (filter !== undefined) this.expectations.unwanted(filter);
    });
    this.#on('settled', ({ key, error }) => {
      if (error !== undefined) this.expectations.failed(key, error);
    });
    for (const event of ['reconnecting', 'unclaimed', 'close'] as const) this.#on(event, () => {});
  }

  #on<Name extends keyof ClientEvents>(name: Name, listener: (event: ClientEvents[Name]) => void): void {
    this.client.on(name, (event) => {
      // The status tells as much.
      if (name !== 'reconnecting') this.#note(`hears ${name}${describe(event)}`);
      this.#guarded(() => listener(event));
      this.#occasion(name);
    });
  }

  /** A time at which the application may call the client from within the client. */
  #occasion(where: string): void {
    if (this.isCalm || this.#isReacting) return;
    this.#occasions += 1;
    this.#isReacting = true;
    for (const { at, action } of this.#script.reactions) {
      if (at !== this.#occasions) continue;
      this.#note(`reacts in ${where}`);
      this.#guarded(() => this.perform(action));
    }
    this.#isReacting = false;
  }

  // --- promises

  #watch<Result>(
    what: string,
    call: () => Promise<Result>,
    controller?: AbortController,
    isLoop = false,
  ): Promise<Result> {
    this.#note(what);
    const pending: Pending = { what, state: 'pending', isLoop, controller };
    this.#pending.push(pending);
    const promise = call();
    promise.then(
      () => {
        pending.state = 'settled';
        this.#note(`done: ${what}`);
      },
      (error: unknown) => {
        pending.state = 'settled';
        this.#note(`failed: ${what}: ${String(error)}`);
        const isAbort = controller?.signal.aborted === true && error === controller.signal.reason;
        this.#guarded(() => must(isAbort || error instanceof MqttError, () => `${what}: ${String(error)}`));
      },
    );
    return promise;
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
  }

  /** The client reports what its callbacks throw in its own way: so it is kept here. */
  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.violations.push(error);
    }
  }

  // --- options

  #options(): ClientOptions {
    const script = this.#script;
    const { protocolVersion, clean, ack, reconnect, maxInflight, connectTimeout, keepAlive } = script;
    const { topicAliases, sessionLost, qos0, maxUnread, receiveMaximum } = script;
    return {
      protocolVersion,
      clean,
      ack,
      reconnect,
      maxInflight,
      connectTimeout,
      keepAlive,
      topicAliases,
      sessionLost,
      clientId,
      queue: { qos0, maxUnread },
      store: this.#store(),
      properties: protocolVersion === 5 ? { receiveMaximum } : undefined,
      credentials: script.credentials ? () => this.#credentials() : undefined,
      handlerTimeout,
      unclaimedTimeout: 1_000,
    };
  }

  async #credentials(): Promise<{ username: string }> {
    await this.#pause(this.#random.pick([0, 5]));
    return { username: 'somebody' };
  }

  #store(): SessionStore | undefined {
    if (this.#script.store === 'default') return undefined;
    const store = memoryStore();
    if (this.#script.store === 'memory') return store;
    return {
      load: async (key) => {
        await this.#pause(5);
        return store.load(key);
      },
      write: async (key, operations) => {
        const copies = structuredClone(operations);
        await this.#pause(this.#random.pick([0, 2, 20]));
        await store.write(key, copies);
      },
      clear: (key) => store.clear(key),
    };
  }
}

function mustBeNoFault(error: Error | undefined): void {
  must(
    error?.message.includes('internal fault') !== true,
    () => `${error?.message}: ${String(error?.cause)}`,
  );
}

/** The filter that an error says is lost: it has no field for it. */
function lostFilter({ message }: RefusedError): string | undefined {
  const [, refused, givenUp] =
    /refused the filter '([^']+)'|arrives; '([^']+)' was given up/.exec(message) ?? [];
  return refused ?? givenUp;
}

/** The members of an event that tell most. */
function describe(event: unknown): string {
  if (event instanceof Error) return `: ${event.message}`;
  if (typeof event !== 'object' || event === null) return '';
  const words = ['type', 'attempt', 'url', 'sessionPresent', 'topic', 'key', 'reasonCode', 'error'] as const;
  const known: Partial<Record<string, unknown>> = { ...event };
  const told = words.filter((word) => known[word] !== undefined);
  return told.map((word) => ` ${word} ${String(known[word])}`).join(',');
}
