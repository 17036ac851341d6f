/** A client of a run, behind a proxy of its own: it publishes its part and notes what arrives. */

import type { Client } from '../../src/client/client';
import { connect, memoryStore } from '../../src/node';
import type { SessionStore } from '../../src/store/store';
import { type RunningBroker, urlOf } from '../support/broker-kinds';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy';
import type { Plan, PlannedMessage, Side, StoreName } from './plan';
import type { Arrival, Sent } from './verdict';
import type { Watch } from './watch';

/** What both clients of a run have in common. */
export interface RunContext {
  readonly plan: Plan;
  /** Above all topics and client identifiers of the run. */
  readonly base: string;
  readonly broker: RunningBroker;
  readonly watch: Watch;
  /** Takes a line about what happens, or what makes one. */
  readonly trace: (side: Side, line: string | (() => string)) => void;
}

/** The other client. */
export const other = { left: 'right', right: 'left' } as const;

/** Seconds: short, since a dead link costs half as much again, but nothing that a busy machine exceeds. */
const keepAlive = 4;

/** Digits in front of a payload that number it; what is behind everything else on a topic has this instead. */
const digits = 4;
const marker = 'last';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A client in a run. */
export class Party {
  readonly side: Side;
  readonly client: Client;
  readonly proxy: FaultProxy;
  readonly sent: Sent[] = [];
  readonly arrivals: Arrival[] = [];
  /** Bytes of a handshake, CONNECT and CONNACK included. */
  readonly handshake: { readonly up: number; readonly down: number };
  /** Connections that ended, and attempts that failed. */
  ends = 0;
  /** Messages that were acknowledged before their handlers had settled. */
  early = 0;
  /** Filters that the server granted since this was set to 0. */
  granted = 0;
  /** Filters subscribed to. */
  #filters = 0;
  /** Handlers of QoS 1 and 2 messages under way. */
  #running = 0;
  readonly #context: RunContext;
  /** Last messages that arrived, by topic. */
  readonly #last = new Set<string>();
  /** Publishes under way. */
  #open = 0;

  /** Connects and subscribes. */
  static async open(context: RunContext, side: Side): Promise<Party> {
    const { plan, broker, base, trace, watch } = context;
    const { store, ack, qos0 } = plan.clients[side];
    const { receiveMaximum } = plan;
    const proxy = await startFaultProxy(broker.port(plan.transport));
    // Earlier versions cannot tell the server; and some servers do not keep to it.
    const announces = plan.protocolVersion === 5 && plan.broker === 'in-repo';
    const client = await connect(urlOf(plan.transport, proxy.port), {
      protocolVersion: plan.protocolVersion,
      clean: plan.clean,
      clientId: `${base}/${side}`,
      keepAlive,
      // The server of the other runs tells its own.
      ...(announces ? { properties: { receiveMaximum } } : { maxInflight: receiveMaximum }),
      reconnect: { minDelay: 1, maxDelay: 20 },
      queue: { qos0 },
      store: storeOf(store),
      ack,
    });
    const party = new Party(context, side, client, proxy);
    client.on('status', (status) => {
      if (status.type === 'reconnecting') party.ends += 1;
      if (status.type === 'closed') watch.end(status.error ?? new Error(`${side} closed`));
      const { type, ...details } = status;
      const words = 'error' in details ? details.error?.message : JSON.stringify(details);
      trace(side, `${type} ${words}`);
      watch.poke();
    });
    client.on('packet', ({ direction, packet }) => {
      if (packet.type === 'suback') party.granted += packet.reasonCodes.length;
      const { payload: _, ...rest } = 'payload' in packet ? packet : { payload: undefined, ...packet };
      trace(side, () => `${direction === 'in' ? '<-' : '->'} ${JSON.stringify(rest)}`);
      watch.poke();
    });
    client.on('error', (error) => trace(side, `error: ${error.message}`));
    await party.#subscribe();
    return party;
  }

  private constructor(context: RunContext, side: Side, client: Client, proxy: FaultProxy) {
    this.#context = context;
    this.side = side;
    this.client = client;
    this.proxy = proxy;
    this.handshake = { ...proxy.passed };
  }

  get isConnected(): boolean {
    return this.client.status.type === 'connected';
  }

  /** What it has published and the server has, or may have, without an end: the oldest of what has not ended. */
  get inFlight(): readonly Sent[] {
    const open = this.sent.filter(({ qos, outcome }) => qos > 0 && outcome === undefined);
    return open.slice(0, this.client.stats.inFlight);
  }

  /** Whether the server has granted all filters. */
  get isSubscribed(): boolean {
    return this.granted >= this.#filters;
  }

  /** Whether what was published has ended, and no handler is at work. */
  get isQuiet(): boolean {
    return this.#open === 0 && this.#running === 0;
  }

  /** Whether it got every message of QoS 1 and 2 that another has published. */
  hasGot({ sent }: Party): boolean {
    const got = new Set(this.arrivals.map(({ index }) => index));
    return sent.every(({ qos }, index) => qos === 0 || got.has(index));
  }

  /** Whether all that was to be published has ended. */
  get isDone(): boolean {
    return this.#open === 0 && this.sent.length === this.#messages.length;
  }

  /** Whether the last message of each topic has arrived. */
  get hasAll(): boolean {
    return this.#last.size === this.#topicsTo(this.side).length;
  }

  /** Publishes all messages, as many at a time as the window allows, and when `mayGoOn` allows. */
  async publishAll(mayGoOn: (isIdle: boolean) => boolean): Promise<void> {
    const { plan, watch } = this.#context;
    const { window } = plan.clients[this.side];
    for (const [index, message] of this.#messages.entries()) {
      await watch.until(() => this.#open < window && mayGoOn(this.#open === 0));
      this.#publish(index, message);
      watch.poke();
    }
  }

  /** Publishes what is behind everything else. */
  publishLast(): void {
    for (const topic of this.#topicsTo(other[this.side])) {
      // Whether it arrives is what counts.
      this.client.publish(topic, marker, { qos: topic.includes('/1/') ? 1 : 2 }).catch(() => undefined);
    }
  }

  /** A word on where it stands. */
  describe(): string {
    const { status, stats } = this.client;
    const { queued, inFlight, unacknowledged } = stats;
    const settled = this.sent.filter(({ outcome }) => outcome !== undefined).length;
    return `${this.side} ${status.type}, ${settled} of ${this.#messages.length} settled, ${queued} queued, ${inFlight} in flight, ${unacknowledged} unacknowledged, ${this.#last.size} of ${this.#topicsTo(this.side).length} last ones`;
  }

  async close(): Promise<void> {
    await this.client.close({ force: true });
    await this.proxy.close();
  }

  get #messages(): readonly PlannedMessage[] {
    return this.#context.plan.clients[this.side].messages;
  }

  /** Topics of QoS 1 and 2 that lead to a side, if somebody publishes to it. */
  #topicsTo(side: Side): string[] {
    const { plan, base } = this.#context;
    if (plan.clients[other[side]].messages.length === 0) return [];
    return [1, 2].flatMap((qos) =>
      Array.from({ length: plan.topics }, (_, topic) => `${base}/${side}/${qos}/${topic}`),
    );
  }

  #publish(index: number, { qos, topic, padding }: PlannedMessage): void {
    const { base, watch } = this.#context;
    const payload = new Uint8Array(digits + padding).fill(index);
    payload.set(encoder.encode(String(index).padStart(digits, '0')));
    const sent: Sent = { qos, topic, outcome: undefined };
    this.sent.push(sent);
    this.#open += 1;
    this.client
      .publish(`${base}/${other[this.side]}/${qos}/${topic}`, payload, { qos })
      .then(
        ({ resent = false }) => {
          sent.outcome = { resent };
        },
        (error: unknown) => {
          sent.outcome = error instanceof Error ? error : new Error(String(error));
        },
      )
      .finally(() => {
        this.#open -= 1;
        watch.progress();
      });
  }

  async #subscribe(): Promise<void> {
    const { plan, base } = this.#context;
    const own = `${base}/${this.side}`;
    const filters =
      plan.clients[this.side].subscriptions === 'one'
        ? [`${own}/+/+`]
        : [...this.#topicsTo(this.side), `${own}/0/+`];
    this.#filters = filters.length;
    for (const filter of filters) {
      await this.client.subscribe(filter, { qos: 2 }, (message) => {
        const [qos = 0, topic = 0] = message.topic
          .slice(own.length + 1)
          .split('/')
          .map(Number);
        this.#take(qos as 0 | 1 | 2, topic, message.payload);
        if (qos > 0) this.#running += 1;
        const settles = () => {
          if (qos > 0) this.#settles();
        };
        return plan.handlerTime === 0 ? settles() : this.#context.watch.later(plan.handlerTime).then(settles);
      });
    }
  }

  /** A handler is about to settle. */
  #settles(): void {
    const { ack } = this.#context.plan.clients[this.side];
    if (ack === 'handled' && this.client.stats.unacknowledged < this.#running) this.early += 1;
    this.#running -= 1;
  }

  /** Messages that the broker got from it again without DUP, as far as it tells. */
  get unmarked(): number {
    const { broker, base, plan } = this.#context;
    // In a session that the server forgot they go out as new.
    if (!broker.log || plan.scenario === 'forgotten') return 0;
    const seen = new Set<string>();
    let unmarked = 0;
    for (const { direction, clientId, packet } of broker.log) {
      if (direction !== 'in' || clientId !== `${base}/${this.side}` || packet.type !== 'publish') continue;
      const text = decoder.decode(packet.payload.subarray(0, digits));
      if (packet.qos === 0 || text === marker) continue;
      if (seen.has(text) && !packet.dup) unmarked += 1;
      seen.add(text);
    }
    return unmarked;
  }

  #take(qos: 0 | 1 | 2, topic: number, payload: Uint8Array): void {
    const { plan, watch } = this.#context;
    const text = decoder.decode(payload.subarray(0, digits));
    if (text === marker) this.#last.add(`${qos}/${topic}`);
    else {
      const index = Number(text);
      const rest = payload.subarray(digits);
      const isWhole =
        rest.length === plan.clients[other[this.side]].messages[index]?.padding &&
        rest.every((byte) => byte === (index & 0xff));
      this.arrivals.push({ qos, topic, index, isWhole });
    }
    watch.progress();
  }
}

function storeOf(name: StoreName): SessionStore | undefined {
  if (name === 'none') return undefined;
  return name === 'memory' ? memoryStore() : slowStore();
}

/** A store that takes a few turns for each write, like a disk. */
function slowStore(): SessionStore {
  const store = memoryStore();
  let last = Promise.resolve();
  return {
    load: (key) => store.load(key),
    write(key, operations) {
      last = last.then(async () => {
        for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
        await store.write(key, operations);
      });
      return last;
    },
    clear: (key) => store.clear(key),
  };
}
