/** All that is around a client: an application, a store, a transport without a network, time, and a server. */

import { encode, type Packet } from '../../src/codec/index';
import { ConnectionError, MqttError, ProtocolError, RefusedError, StoreError } from '../../src/errors';
import {
  type Client,
  type ClientOptions,
  type Connection,
  createClient,
  type EnhancedAuth,
  type Message,
  type SessionStore,
  type StoreOperation,
  type StoreRecord,
  type Subscription,
  type Transport,
  type TransportOptions,
} from '../../src/index';
import { BaseConnection } from '../../src/transport/base-connection';
import { cutAt } from './bytes';
import { type ClientScript, type ClientStep, goodConnack, type Taker } from './client-script';
import { type FakeTime, settled } from './fake-time';
import { authenticationMethod, ScriptServer } from './script-server';
import { messageNumber, payloadOf, ServerEye } from './server-eye';
import { must } from './target';

/** A promise of the client. */
interface Pending {
  readonly what: string;
  state: 'pending' | 'resolved' | 'rejected';
  /** Aborts it, where that was prepared. */
  readonly controller: AbortController | undefined;
}

/** Rounds of answers after which nothing may be pending any more. */
const mostRounds = 300;

/** Milliseconds that pass in each of them: more than the longest delay between attempts. */
const roundTime = 2_500;

/** Longest time that `close` may take beyond what it was given, in milliseconds. */
const closeSlack = 20_000;

/** The client's end of a connection. */
class WorldConnection extends BaseConnection {
  bufferedAmount = 0;
  isOpen = true;
  readonly #world: {
    wrote(connection: WorldConnection, chunks: readonly Uint8Array[]): void;
    closed(): void;
  };

  constructor(world: {
    wrote(connection: WorldConnection, chunks: readonly Uint8Array[]): void;
    closed(): void;
  }) {
    super();
    this.#world = world;
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.isOpen) this.#world.wrote(this, chunks);
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#world.closed();
    queueMicrotask(() => this.ended());
  }

  destroy(): void {
    if (this.isOpen) this.#world.closed();
    this.isOpen = false;
    this.silenced();
  }

  feed(bytes: Uint8Array): void {
    if (this.isOpen) this.received(bytes);
  }

  end(error: Error | undefined): void {
    this.isOpen = false;
    this.ended(error);
  }

  uncongest(): void {
    this.bufferedAmount = 0;
    this.drained();
  }
}

/** A store whose writes wait until they are let through, or fail. */
class WorldStore implements SessionStore {
  readonly durable = new Map<string, StoreRecord>();
  readonly #waiting: {
    readonly operations: readonly StoreOperation[];
    readonly done: (error?: Error) => void;
  }[] = [];

  /** Told of what the client reads. */
  onLoad: (records: Iterable<StoreRecord>) => void = () => {};

  async load(): Promise<StoreRecord[]> {
    this.onLoad(this.durable.values());
    return [...this.durable.values()].map((record) => structuredClone(record));
  }

  write(_key: string, operations: readonly StoreOperation[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operations, done: (error) => (error ? reject(error) : resolve()) });
    });
  }

  async clear(): Promise<void> {
    this.durable.clear();
  }

  /** Whether a write waits. */
  get isBusy(): boolean {
    return this.#waiting.length > 0;
  }

  /** Lets writes through, one after the other. */
  async commit(count: number): Promise<void> {
    for (let left = count; left > 0; left--) {
      const first = this.#waiting.shift();
      if (first === undefined) return;
      const { operations, done } = first;
      for (const operation of operations) {
        if (operation.type === 'delete') this.durable.delete(`${operation.kind} ${operation.id}`);
        else
          this.durable.set(
            `${operation.record.kind} ${operation.record.id}`,
            structuredClone(operation.record),
          );
      }
      done();
      await settled();
    }
  }

  fail(): void {
    this.#waiting.shift()?.done(new StoreError('store-failed', 'the disk is full'));
  }

  publishRecord(message: number): Extract<StoreRecord, { kind: 'publish' }> | undefined {
    for (const record of this.durable.values()) {
      if (record.kind === 'publish' && record.key === String(message)) return record;
    }
    return undefined;
  }
}

/** See the head of this file. */
export class ClientWorld {
  readonly eye: ServerEye;
  readonly #script: ClientScript;
  readonly #time: FakeTime;
  readonly #bytewise: boolean;
  readonly #server: ScriptServer;
  readonly #store: WorldStore | undefined;
  readonly #client: Client;
  #connection: WorldConnection | undefined;
  #network: 'up' | 'refuses' | 'hangs' = 'up';
  #congestion = 0;
  /** From the end of the script on, nothing fails any more. */
  #isGood = false;
  #connack: Extract<Packet, { type: 'connack' }> | undefined;
  #number = 0;
  #pending: Pending[] = [];
  /** Subscriptions that were granted. */
  #subscriptions: Subscription<object>[] = [];
  /** Takers that take their time. */
  #takers: (() => void)[] = [];
  /** Messages that wait for `ack()`. */
  #unacknowledged: Message<object>[] = [];
  /** What went wrong where nobody could be told. */
  readonly #violations: unknown[] = [];

  constructor(script: ClientScript, time: FakeTime, bytewise: boolean) {
    this.#script = script;
    this.#time = time;
    this.#bytewise = bytewise;
    const store = script.store === 'slow' ? new WorldStore() : undefined;
    this.#store = store;
    this.eye = new ServerEye(
      store && {
        packetIdOf: (message) => store.publishRecord(message)?.packetId,
        isReleased: (message) => {
          const record = store.publishRecord(message);
          return record !== undefined && store.durable.has(`release ${record.id}`);
        },
        // With another `ack` the inbox of the application is saved, not the identifier alone.
        isIncoming: (packetId) => store.durable.has(`incoming ${packetId}`),
      },
    );
    if (store) {
      // It reads it anew after each close(): others may have had the session meanwhile.
      store.onLoad = (records) =>
        this.eye.reread(
          [...records].flatMap((record) => (record.kind === 'publish' ? messageNumber(record.payload) : [])),
        );
    }
    this.#server = new ScriptServer(this.eye, script.authentication !== 'none', (packet) => {
      const version = this.eye.connect?.protocolVersion;
      if (version !== undefined) this.#feed(encode(packet, version));
    });
    this.#client = createClient('ws://fuzz.test/', this.#options());
    this.#listen();
  }

  /** Plays the whole script. */
  async play(): Promise<void> {
    for (const step of this.#script.steps) {
      await this.#perform(step);
      await settled();
      this.#mustBeClean();
    }
  }

  /** Plays a good server until every promise has settled, then closes. */
  async end(): Promise<void> {
    this.#isGood = true;
    this.#network = 'up';
    this.#uncongest();
    // What came on this connection may have been half a packet.
    this.#drop(undefined);
    await settled();
    if (this.#script.reconnect !== false || this.#client.status.type !== 'connected') this.#connect(false);
    for (let round = 0; this.#isPending(); round++) {
      must(round < mostRounds, () => `never settled: ${this.#pendingNames()}`);
      await this.#exhaust();
      await this.#time.advance(roundTime);
      if (this.#client.status.type === 'closed' && this.#isPending()) this.#connect(false);
    }
    await this.#close(true, 0);
    while (this.#store?.isBusy) {
      await this.#store.commit(Number.POSITIVE_INFINITY);
    }
    this.#mustBeClean();
    must(this.#client.status.type === 'closed', `closed, yet the status is ${this.#client.status.type}`);
    must(this.#connection?.isOpen !== true, 'closed, yet a connection is open');
    must(this.#time.pending === 0, `closed, yet ${this.#time.pending} timers are set`);
  }

  // --- the application

  #options(): ClientOptions {
    const script = this.#script;
    const { protocolVersion, clean, ack, reconnect, maxInflight, maxMessages, qos0, overflow, maxUnread } =
      script;
    return {
      protocolVersion,
      clean,
      ack,
      reconnect,
      maxInflight,
      queue: { maxMessages, qos0, overflow, maxUnread, maxBytes: 20_000 },
      clientId: 'client',
      sessionLost: script.sessionLost,
      topicAliases: script.topicAliases,
      store: this.#store,
      transport: this.#transport(),
      authenticate: script.authentication === 'none' ? undefined : this.#authentication(),
      properties:
        protocolVersion === 5 ? { receiveMaximum: script.receiveMaximum, topicAliasMaximum: 3 } : undefined,
      handlerTimeout: 5_000,
      unclaimedTimeout: 1_000,
    };
  }

  #listen(): void {
    const client = this.#client;
    // Listeners' exceptions are reported, not thrown: so they are kept.
    const guarded =
      <T>(listener: (event: T) => void) =>
      (event: T): void => {
        try {
          listener(event);
        } catch (error) {
          this.#violations.push(error);
        }
      };
    client.on(
      'packet',
      guarded(({ direction, packet }) => {
        if (direction === 'out') return;
        if (packet.type === 'connack') this.#connack = packet;
        this.eye.received(packet);
      }),
    );
    client.on(
      'connect',
      guarded(({ sessionPresent }) => {
        must(this.#connack?.reasonCode === 0, 'connected without CONNACK');
        this.eye.connected(sessionPresent, this.#connack);
      }),
    );
    client.on(
      'disconnect',
      guarded(({ error }) => {
        must(!error?.message.includes('internal fault'), () => `${error?.message}: ${String(error?.cause)}`);
      }),
    );
    client.on('error', () => {});
  }

  async #perform(step: ClientStep): Promise<void> {
    switch (step.do) {
      case 'connect':
        this.#connect(step.abortable);
        return;
      case 'offer':
        this.#publish(step);
        return;
      case 'listen':
        this.#subscribe(step);
        return;
      case 'unlisten':
        this.#watch('unsubscribe', this.#client.unsubscribe(step.filters));
        return;
      case 'endSubscription': {
        const [subscription] = this.#subscriptions.splice(
          step.pick % Math.max(1, this.#subscriptions.length),
          1,
        );
        if (subscription) this.#watch('end of a Subscription', subscription.unsubscribe());
        return;
      }
      case 'settle': {
        const [taker] = this.#takers.splice(step.pick % Math.max(1, this.#takers.length), 1);
        taker?.();
        this.#unacknowledged.shift()?.ack();
        return;
      }
      case 'abort': {
        const abortable = this.#pending.filter(({ controller, state }) => controller && state === 'pending');
        abortable[step.pick % Math.max(1, abortable.length)]?.controller?.abort();
        return;
      }
      case 'closeClient':
        await this.#close(step.force, step.timeout);
        return;
      case 'reauthenticate':
        this.#watch('reauthenticate', this.#client.reauthenticate());
        return;
      case 'network':
        this.#network = step.mode;
        return;
      case 'congest':
        this.#congestion = step.bytes;
        if (step.bytes === 0) this.#uncongest();
        else if (this.#connection) this.#connection.bufferedAmount = step.bytes;
        return;
      case 'close':
        this.#drop(step.orderly ? undefined : new ConnectionError('lost', 'reset'));
        return;
      case 'commit':
        await this.#store?.commit(step.count);
        return;
      case 'failCommit':
        this.#store?.fail();
        return;
      case 'tick':
        await this.#time.advance(step.monotonic);
        this.#time.jump(step.wall - step.monotonic);
        return;
      default:
        await this.#serve(step);
    }
  }

  async #serve(
    step: Extract<ClientStep, { do: 'connack' | 'answer' | 'send' | 'ack' | 'bytes' }>,
  ): Promise<void> {
    if (step.do === 'connack') {
      this.#server.accept(step.connack);
      return;
    }
    if (this.#client.status.type !== 'connected') {
      this.#server.accept(goodConnack);
      await settled();
    }
    if (!this.eye.hasConnect) return;
    switch (step.do) {
      case 'answer':
        for (let count = step.count; count > 0; count--) {
          if (!this.#server.answer(step.inOrder ? 0 : step.pick, step.refuse)) return;
          await settled();
        }
        return;
      case 'send':
        this.#server.publish(step);
        return;
      case 'ack':
        this.#server.acknowledge(step);
        return;
      case 'bytes':
        this.#feed(step.bytes);
        return;
    }
  }

  #connect(abortable: boolean): void {
    const controller = abortable ? new AbortController() : undefined;
    this.#watch('connect', this.#client.connect({ signal: controller?.signal }), controller);
  }

  #publish(step: Extract<ClientStep, { do: 'offer' }>): void {
    const number = ++this.#number;
    const { qos, topic, retain, until, timeout, expiry } = step;
    const controller = step.abortable ? new AbortController() : undefined;
    const published = this.#client.publish(topic, payloadOf(number, topic, step.size), {
      qos,
      retain,
      timeout,
      signal: controller?.signal,
      until: qos === 0 ? undefined : until,
      key: qos === 0 ? undefined : String(number),
      properties: expiry === undefined ? undefined : { messageExpiryInterval: expiry },
    });
    this.#watch(`publish ${number} (QoS ${qos})`, published, controller);
    published.catch((error: unknown) => {
      // After any other error the flow goes on, and only its promise has ended.
      if (error instanceof RefusedError) this.eye.removed(number);
    });
  }

  #subscribe({ filters, qos, taker, abortable }: Extract<ClientStep, { do: 'listen' }>): void {
    const controller = abortable ? new AbortController() : undefined;
    const handler = taker === 'iterator' || taker === 'nobody' ? undefined : this.#handler(taker);
    const subscribed = this.#client.subscribe(
      [...new Set(filters)],
      { qos, signal: controller?.signal },
      handler,
    );
    this.#watch('subscribe', subscribed, controller);
    subscribed.then(
      (subscription) => {
        this.#subscriptions.push(subscription);
        if (taker === 'iterator') void this.#iterate(subscription);
      },
      () => {},
    );
  }

  #handler(taker: Taker): (message: Message<object>) => unknown {
    return (message) => {
      if (this.#script.ack === 'manual') this.#unacknowledged.push(message);
      if (taker === 'throws') throw new Error('a handler that throws');
      if (taker === 'rejects') return Promise.reject(new Error('a handler that rejects'));
      if (taker === 'later') return new Promise<void>((resolve) => this.#takers.push(resolve));
      return undefined;
    };
  }

  async #iterate(subscription: Subscription<object>): Promise<void> {
    try {
      for await (const message of subscription) {
        if (this.#script.ack === 'manual') message.ack();
        await new Promise<void>((resolve) => this.#takers.push(resolve));
      }
    } catch (error) {
      if (!(error instanceof MqttError)) this.#violations.push(error);
    }
  }

  /** Remembers a promise: it has to settle, and to reject with what it may. */
  #watch(what: string, promise: Promise<unknown>, controller?: AbortController): void {
    const pending: Pending = { what, state: 'pending', controller };
    this.#pending.push(pending);
    promise.then(
      () => {
        pending.state = 'resolved';
      },
      (error: unknown) => {
        pending.state = 'rejected';
        const isAbort = controller?.signal.aborted === true && error === controller.signal.reason;
        if (!isAbort && !(error instanceof MqttError)) this.#violations.push(error);
      },
    );
  }

  async #close(force: boolean, timeout: number): Promise<void> {
    let isClosed = false;
    const closing = this.#client.close({ force, timeout }).then(() => {
      isClosed = true;
    });
    closing.catch((error: unknown) => this.#violations.push(error));
    for (let passed = 0; !isClosed; passed += roundTime) {
      must(passed <= timeout + closeSlack, 'close() never settles');
      await settled();
      if (!isClosed) await this.#time.advance(roundTime);
    }
  }

  /** A method that any server passes, or that fails at a step until the end of the script. */
  #authentication(): EnhancedAuth {
    const step = (name: ClientScript['authentication']): void => {
      if (this.#isGood || this.#script.authentication !== name) return;
      throw new ProtocolError(`the method fails at ${name}`, 'authentication-failed', 0x83);
    };
    return {
      method: authenticationMethod,
      start: () => {
        step('start');
        return Uint8Array.of(1);
      },
      challenge: async () => {
        step('challenge');
        return Uint8Array.of(2);
      },
      success: () => step('success'),
    };
  }

  // --- transport, store, server

  #transport(): Transport {
    return {
      connect: (_url: URL, { signal }: TransportOptions): Promise<Connection> => {
        must(this.#connection?.isOpen !== true, 'a second connection is opened beside the first');
        if (this.#network === 'refuses') return Promise.reject(new ConnectionError('unreachable', 'refused'));
        if (this.#network === 'hangs') {
          return new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason));
          });
        }
        const connection: WorldConnection = new WorldConnection({
          wrote: (from, chunks) => this.#wrote(from, chunks),
          closed: () => this.eye.closed(),
        });
        connection.bufferedAmount = this.#congestion;
        this.#connection = connection;
        this.#connack = undefined;
        this.eye.opened();
        return Promise.resolve(connection);
      },
    };
  }

  #wrote(connection: WorldConnection, chunks: readonly Uint8Array[]): void {
    try {
      must(connection === this.#connection, 'bytes go to a connection of the past');
      this.eye.wrote(chunks);
    } catch (error) {
      this.#violations.push(error);
    }
  }

  #feed(bytes: Uint8Array): void {
    const connection = this.#connection;
    if (!connection) return;
    for (const chunk of this.#bytewise ? cutAt(bytes, [...bytes.keys()]) : [bytes.slice()])
      connection.feed(chunk);
  }

  #drop(error: Error | undefined): void {
    if (this.#connection?.isOpen !== true) return;
    this.eye.closed();
    this.#connection.end(error);
  }

  #uncongest(): void {
    this.#congestion = 0;
    this.#connection?.uncongest();
  }

  /** Answers, settles and commits until nothing is left to do. */
  async #exhaust(): Promise<void> {
    for (let round = 0; round < mostRounds; round++) {
      await this.#store?.commit(Number.POSITIVE_INFINITY);
      for (const taker of this.#takers.splice(0)) taker();
      for (const message of this.#unacknowledged.splice(0)) message.ack();
      await settled();
      this.#mustBeClean();
      if (this.#client.status.type === 'connecting') this.#server.accept(goodConnack);
      else if (!this.#server.answer(0, false)) return;
      await settled();
      if (this.#client.status.type === 'connecting') return;
    }
    must(false, 'the client never falls silent');
  }

  #isPending(): boolean {
    return this.#pending.some(({ state }) => state === 'pending');
  }

  #pendingNames(): string {
    const names = this.#pending.filter(({ state }) => state === 'pending').map(({ what }) => what);
    return `${names.join(', ')}; status ${this.#client.status.type}`;
  }

  /** Brings up what went wrong in callbacks. */
  #mustBeClean(): void {
    const [violation] = this.#violations;
    if (violation !== undefined) throw violation;
  }
}
