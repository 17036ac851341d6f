/** One life of the application: a client of its own, on the store of the pages before it. */

import {
  type Client,
  createClient,
  type Message,
  type SessionStore,
  type Transport,
} from '../../../src/index';
import { messageNumber, payloadOf } from '../../fuzz/server-eye';
import type { Action } from './scenario';
import { clientId, type World } from './world';

/** A promise of the client. */
interface Pending {
  readonly what: string;
  isDone: boolean;
}

/** See the head of this file. */
export class Page {
  isAlive = true;
  readonly #world: World;
  readonly #number: number;
  readonly #client: Client;
  readonly #promises: Pending[] = [];
  /** Actions whose turn has come, in this page or an earlier one. */
  readonly #begun: Set<Action>;
  /** Actions whose promise has resolved, in this page or an earlier one. */
  readonly #done: Set<Action>;
  /** Keys of messages that were in the store when it was read: their ends are told by 'settled'. */
  #inherited: string[] | undefined;
  readonly #settled: string[] = [];

  constructor(world: World, number: number, store: SessionStore, transport: Transport, before?: Page) {
    this.#world = world;
    this.#number = number;
    this.#begun = new Set(before ? before.#begun : []);
    this.#done = new Set(before ? before.#done : []);
    const { version, ack, sessionLost, clientReceiveMaximum = 20 } = world.scenario;
    this.#client = createClient('ws://kill.test/', {
      protocolVersion: version,
      clientId,
      clean: false,
      keepAlive: 0,
      store: this.#watched(store),
      transport,
      ack,
      sessionLost,
      queue: { maxUnread: world.scenario.maxUnread },
      maxInflight: version === 5 ? undefined : world.scenario.receiveMaximum,
      properties: version === 5 ? { receiveMaximum: clientReceiveMaximum } : undefined,
      reconnect: { minDelay: 1, maxDelay: 2, initial: true },
    });
    this.#listen();
    const asksAgain = world.scenario.application === 'asks again';
    const { actions } = world.scenario;
    const isOver = (filter: string) =>
      [...this.#done].some((done) => done.do === 'unsubscribe' && done.filter === filter);
    // A server that forgets may do so before the grant is in the store: that much the application has to know.
    const isGranted = (action: Action & { readonly filter: string }) =>
      world.disk.records.has(`subscription ${action.filter}`) ||
      (this.#done.has(action) && world.scenario.store === 'slow' && !world.met.storing);
    const isDue = (action: Action) => {
      if (action.do === 'connect' || !this.#begun.has(action)) return true;
      if (action.do === 'publish') return asksAgain;
      if (action.do === 'unsubscribe') return !this.#done.has(action);
      return action.do === 'subscribe' && !isOver(action.filter) && (asksAgain || !isGranted(action));
    };
    this.#next(actions.filter(isDue));
  }

  /** Ends the page in good order. */
  close(): Pending {
    return this.#watch('close()', this.#client.close({ timeout: 1_000 }));
  }

  /** Publishes a message under its key. */
  publish(
    number: number,
    qos: 1 | 2,
    topic: string,
    until: 'stored' | 'acknowledged' = 'acknowledged',
  ): Pending {
    const { ledger } = this.#world;
    const promise = this.#client.publish(topic, payloadOf(number, topic, 0), {
      qos,
      until,
      key: String(number),
    });
    const told = promise.then(
      ({ resent }) => {
        if (!this.isAlive) return;
        ledger.told(number, { resent });
        ledger.kept(number, until);
      },
      (error: unknown) => {
        if (!this.isAlive) return;
        ledger.told(number, { failed: true });
        if (!this.#mayFail(error)) ledger.complain(`publish ${number}: ${String(error)}`);
      },
    );
    return this.#watch(`publish ${number}`, told);
  }

  /** Promises that have not settled. */
  unsettled(): string[] {
    return this.#promises.filter(({ isDone }) => !isDone).map(({ what }) => what);
  }

  /** Everything has happened that can: complains about what has not. */
  mustBeDone(filters: Iterable<string>): void {
    const { ledger, scenario } = this.#world;
    for (const what of this.unsettled()) ledger.complain(`${what} is pending`);
    if (this.#client.status.type !== 'connected')
      ledger.complain(`the client is ${this.#client.status.type}`);
    const missing = (this.#inherited ?? []).filter((key) => !this.#settled.includes(key));
    if (missing.length > 0) ledger.complain(`no 'settled' for ${missing.join(', ')} of an earlier page`);
    if (new Set(this.#settled).size < this.#settled.length)
      ledger.complain(`'settled' came twice: ${this.#settled.join(', ')}`);
    const wanted = new Set<string>();
    for (const action of scenario.actions) {
      if (action.do === 'subscribe') wanted.add(action.filter);
      else if (action.do === 'unsubscribe') wanted.delete(action.filter);
    }
    const are = [...filters].sort().join(' ');
    const should = [...wanted].sort().join(' ');
    if (are !== should) ledger.complain(`the server's subscriptions are [${are}], not [${should}]`);
    const counts = this.#client.stats;
    if (counts.inFlight + counts.queued + counts.unacknowledged > 0)
      ledger.complain(
        `${counts.inFlight} in flight, ${counts.queued} queued, ${counts.unacknowledged} unacknowledged are left`,
      );
  }

  // --- what the application does

  #next(actions: readonly Action[]): void {
    const [action, ...rest] = actions;
    if (!action) return;
    this.#world.later('application', () => {
      this.#begun.add(action);
      this.#perform(action);
      this.#next(rest);
    });
  }

  #perform(action: Action): void {
    const { ledger, scenario } = this.#world;
    const done = () => {
      if (this.isAlive) this.#done.add(action);
    };
    switch (action.do) {
      case 'connect':
        this.#watch('connect', this.#client.connect());
        return;
      case 'publish': {
        const { number, qos, topic } = action;
        ledger.asked(number, qos, topic);
        this.publish(number, qos, topic, scenario.until);
        return;
      }
      case 'subscribe':
        this.#watch(
          `subscribe ${action.filter}`,
          this.#client.subscribe(action.filter, { qos: 2 }, ...this.#handlers()).then(done),
        );
        return;
      case 'unsubscribe':
        this.#watch(`unsubscribe ${action.filter}`, this.#client.unsubscribe(action.filter).then(done));
        return;
      case 'send':
        this.#world.offer(action.number, action.qos);
    }
  }

  /** Who asks again has handlers; who goes on listens, since the server and the store know the subscriptions. */
  #handlers(): [] | [(message: Message<object>) => unknown] {
    return this.#world.scenario.application === 'asks again' ? [(message) => this.#handle(message)] : [];
  }

  #mayFail(error: unknown): boolean {
    const { code } = error as { code?: unknown };
    const { scenario } = this.#world;
    return (
      (code === 'poison' && scenario.poison !== undefined) ||
      (code === 'session-lost' && scenario.sessionLost === 'reject') ||
      (code === 'store-failed' && this.#world.mayFail)
    );
  }

  #handle(message: Message<object>): Promise<void> | undefined {
    if (!this.isAlive) return undefined;
    const { ledger, scenario } = this.#world;
    const number = messageNumber(message.payload);
    ledger.delivered(number, this.#number, message.redelivered);
    if (scenario.handlers === 'immediate') {
      if (scenario.ack === 'manual') message.ack();
      ledger.handled(number);
      return undefined;
    }
    return new Promise((resolve) => {
      const end = () => {
        ledger.handled(number);
        resolve();
      };
      if (scenario.ack !== 'manual') this.#world.later('handler', end);
      else
        this.#world.later('handler', () => {
          message.ack();
          this.#world.later('handler', end);
        });
    });
  }

  // --- what the client says

  #listen(): void {
    const client = this.#client;
    const { ledger } = this.#world;
    // Listeners' exceptions are reported to 'error', not thrown.
    const guarded =
      <T>(listener: (event: T) => void) =>
      (event: T): void => {
        if (!this.isAlive) return;
        try {
          listener(event);
        } catch (error) {
          ledger.complain(String(error));
        }
      };
    let connack: Parameters<World['connected']>[1] | undefined;
    client.on(
      'packet',
      guarded(({ direction, packet }) => {
        if (direction === 'out') return;
        if (packet.type === 'connack') {
          connack = packet;
          // Of a connection that only clears the server's session nothing else is told.
          if (packet.reasonCode === 0 && !packet.sessionPresent) this.#world.eye.renewed();
        }
        this.#world.eye.received(packet);
      }),
    );
    client.on(
      'connect',
      guarded(({ sessionPresent }) => {
        if (connack) this.#world.connected(sessionPresent, connack);
      }),
    );
    if (this.#handlers().length === 0) client.on('message', (message) => this.#handle(message));
    client.on(
      'settled',
      guarded(({ key, error, resent }) => {
        this.#settled.push(String(key));
        ledger.told(Number(key), { resent, failed: error !== undefined });
        if (error && !this.#mayFail(error)) ledger.complain(`settled ${key}: ${String(error)}`);
      }),
    );
    client.on(
      'error',
      guarded((error) => {
        // A server that closes again and again is reported as such.
        if (this.#world.scenario.poison === undefined) ledger.complain(`'error': ${String(error)}`);
      }),
    );
    client.on(
      'disconnect',
      guarded(({ error }) => {
        if (error?.message.includes('internal fault')) ledger.complain(`${error.message}`);
      }),
    );
  }

  /** Notes what an earlier page left behind, as the client reads it. */
  #watched(store: SessionStore): SessionStore {
    return {
      write: (key, operations) => store.write(key, operations),
      clear: (key) => store.clear(key),
      load: async (key) => {
        const records = await store.load(key);
        this.#inherited = records.flatMap((record) =>
          record.kind === 'publish' && record.key !== undefined ? [record.key] : [],
        );
        return records;
      },
    };
  }

  #watch(what: string, promise: Promise<unknown>): Pending {
    const pending: Pending = { what, isDone: false };
    this.#promises.push(pending);
    promise.then(
      () => {
        pending.isDone = true;
      },
      (error: unknown) => {
        pending.isDone = true;
        if (this.isAlive && !this.#mayFail(error))
          this.#world.ledger.complain(`${what} failed: ${String(error)}`);
      },
    );
    return pending;
  }
}
