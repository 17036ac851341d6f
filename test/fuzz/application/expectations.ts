/** What must have become of the messages and Subscriptions of an application, told from its own calls and their outcomes. */

import type { Message, PublishResult, Subscription } from '../../../src/index';
import { must } from '../target';
import type { Qos, Taker } from './script';

/** A message that the application published. */
export interface Published {
  readonly text: string;
  readonly qos: Qos;
  readonly topic: string;
  readonly until: 'stored' | 'acknowledged';
  /** Place in the order of the calls. */
  readonly number: number;
  /** Whether it has the key of an earlier one, which it may have joined. */
  readonly mayJoin: boolean;
  result?: PublishResult;
  error?: unknown;
  /** What it failed with after its promise had settled. */
  failure?: unknown;
  /** How often the server forwarded it. */
  arrivals: number;
}

/** A message of somebody else. */
interface Witnessed {
  readonly topic: string;
  readonly qos: Qos;
  readonly at: number;
  readonly era: number;
  /** The filters that the server had of the client then: in a new session they come only after CONNACK. */
  readonly held: ReadonlyMap<string, Qos>;
}

/** A Subscription of the application, from its call on. */
export interface Listening {
  readonly name: string;
  readonly filters: readonly string[];
  /** Those that were not refused, given up or unsubscribed from since. */
  wanted: readonly string[];
  readonly qos: Qos;
  readonly taker: Taker;
  state: 'asked' | 'granted' | 'over';
  subscription?: Subscription<object>;
  grantedAt: number;
  /** The eras in which each message was taken. */
  readonly taken: Map<string, number[]>;
}

/** Circumstances on which an expectation depends. */
export interface Circumstances {
  readonly clean: boolean;
  readonly sessionLost: 'resend' | 'reject';
}

/** See the head of this file. */
export class Expectations {
  readonly published = new Map<string, Published>();
  readonly witnessed = new Map<string, Witnessed>();
  readonly listening: Listening[] = [];
  /** Counts the ends of sessions, on either side: what was promised within one is over with it. */
  era = 0;
  /** Whether MQTT misled the client about its session, so that nothing can be told of what the server had for it. */
  isMisled = false;
  readonly #circumstances: Circumstances;
  /** The number of the message that arrived last, by topic and QoS. */
  readonly #last = new Map<string, number>();
  /** Messages without a key that were told as failed after their promise had settled. */
  #failedLater = 0;

  constructor(circumstances: Circumstances) {
    this.#circumstances = circumstances;
  }

  /** The server forwards a message of the application. */
  forwarded(text: string, topic: string, qos: Qos): void {
    const message = this.published.get(text);
    must(message !== undefined, () => `the server got ${text}, which nobody published`);
    message.arrivals += 1;
    must(message.topic === topic && message.qos === qos, () => `${text} arrived as ${topic} at QoS ${qos}`);
    if (message.arrivals > 1) return;
    const line = `${topic} at QoS ${qos}`;
    const last = this.#last.get(line) ?? 0;
    must(last < message.number, () => `up-${last} overtook ${text} to ${line}`);
    this.#last.set(line, message.number);
  }

  /** A Subscription gets a message. */
  took(one: Listening, message: Message<object>): void {
    const text = message.text();
    const { filters, name, taken } = one;
    must(
      filters.some((filter) => matches(filter, message.topic)),
      () => `${name} of ${filters} got ${message.topic}`,
    );
    const eras = [...(taken.get(text) ?? []), this.era];
    taken.set(text, eras);
    // What a lost session made the application send again is two messages to the server.
    if (message.qos < 2 || (this.published.get(text)?.arrivals ?? 0) > 1) return;
    // A handler that fails or takes too long leaves its message unacknowledged: it comes again, to all who share it.
    if (this.listening.some(({ taker }) => mayFail.has(taker))) return;
    must(eras.at(-2) !== this.era, () => `${name} got ${text} twice at QoS 2 while its session lived`);
  }

  /** A filter is not the application's any more: refused, given up or unsubscribed from. */
  unwanted(filter: string, listening: readonly Listening[] = this.listening): void {
    for (const one of listening)
      one.wanted = one.wanted.filter((wanted) => onWire(wanted) !== onWire(filter));
  }

  /** The client is closed: its Subscriptions end with it. */
  closed(): void {
    this.era += 1;
    for (const one of this.listening) if (one.state === 'granted') one.state = 'over';
  }

  /** A message failed after its promise had settled: a server that often enough hangs up on it cannot stand it. */
  failed(key: string | undefined, error: unknown): void {
    const message = key === undefined ? undefined : this.published.get(key);
    if (message === undefined) this.#failedLater += 1;
    else message.failure = error;
  }

  /** Nothing that was accepted is lost, and no QoS 2 message doubled behind the application's back. */
  checkPublished(): void {
    const { clean, sessionLost } = this.#circumstances;
    for (const message of this.published.values()) {
      const { text, qos, until, result, error, failure, arrivals } = message;
      // QoS 0 promises nothing.
      if (qos === 0 || message.mayJoin) continue;
      if (result !== undefined && until === 'acknowledged') {
        must(
          result.reasonCode >= 0x80 || arrivals > 0,
          () => `${text} at QoS ${qos} was acknowledged and is lost`,
        );
        must(
          qos < 2 || arrivals <= 1 || result.resent === true,
          () => `${text} at QoS 2 arrived ${arrivals} times`,
        );
      }
      const isGivenUp = error instanceof Error && 'code' in error && error.code === 'still-stored';
      if (!isGivenUp && (result === undefined || until === 'acknowledged')) continue;
      // With a clean session, or when a lost one rejects, what is stored may be given up.
      if (arrivals > 0 || failure !== undefined || clean || sessionLost === 'reject') continue;
      this.#failedLater -= 1;
      must(this.#failedLater >= 0, () => `${text} at QoS ${qos} was stored and is lost`);
    }
  }

  /**
   * The server has the subscriptions of the client, and no others.
   *
   * @param isExact false where the session may have some that the client let go, as `close()` leaves them there
   */
  checkSubscriptions(actual: ReadonlyMap<string, Qos>, isExact: boolean): void {
    const wanted = new Map<string, Qos>();
    for (const { wanted: filters, qos } of this.#granted()) {
      for (const filter of filters.map(onWire)) {
        if ((wanted.get(filter) ?? -1) < qos) wanted.set(filter, qos);
      }
    }
    for (const [filter, qos] of wanted) {
      const has = actual.get(filter);
      must(has !== undefined, () => `the server lacks ${filter}, it has ${[...actual.keys()]}`);
      must(has >= qos, () => `the server has ${filter} at QoS ${has}, not ${qos}`);
    }
    if (!isExact) return;
    for (const filter of actual.keys()) {
      must(
        wanted.has(filter),
        () => `the server has ${filter}, which nobody wants; wanted: ${[...wanted.keys()]}`,
      );
    }
  }

  /** Each Subscription got each probe of its filters once, and none after its end. */
  checkProbes(probes: ReadonlyMap<string, { readonly topic: string; readonly qos: Qos }>): void {
    for (const one of this.listening) {
      const { name, taker, qos, state, taken, wanted } = one;
      // It may get a few and leave.
      if (taker === 'leaves' && state === 'over') continue;
      for (const [text, probe] of probes) {
        // At QoS 0 it may be dropped on its way.
        if (Math.min(qos, probe.qos) === 0) continue;
        const isWanted = state === 'granted' && wanted.some((filter) => matches(filter, probe.topic));
        const times = taken.get(text)?.length ?? 0;
        must(
          times === (isWanted ? 1 : 0),
          () => `${name}, ${state}, ${taker}, of ${wanted} got ${text} ${times} times`,
        );
      }
    }
  }

  /** A Subscription that lasts has all that came since it was granted, unless a session was lost meanwhile. */
  checkWitnessed(): void {
    for (const { name, qos, grantedAt, wanted, taken } of this.#granted()) {
      if (qos === 0) continue;
      for (const [text, message] of this.witnessed) {
        if (message.at <= grantedAt || message.qos === 0 || message.era !== this.era) continue;
        const isHeld = (filter: string) => (message.held.get(onWire(filter)) ?? 0) > 0;
        if (!wanted.some((filter) => matches(filter, message.topic) && isHeld(filter))) continue;
        must(taken.has(text), () => `${name} of ${wanted} never got ${text} on ${message.topic}`);
      }
    }
  }

  #granted(): Listening[] {
    return this.listening.filter(({ state }) => state === 'granted');
  }
}

const mayFail: ReadonlySet<Taker> = new Set<Taker>(['throws', 'rejects', 'slow']);

/** A filter without the names of its wildcards. */
export function onWire(filter: string): string {
  return filter.replaceAll(/\+[^/]+/g, '+').replace(/#.+$/, '#');
}

/** Written anew here, so that it is not the code under test that tells what it should do [v5 4.7]. */
function matches(filter: string, topic: string): boolean {
  const levels = topic.split('/');
  const wanted = onWire(filter).split('/');
  for (const [index, level] of wanted.entries()) {
    if (level === '#') return true;
    if (index >= levels.length || (level !== '+' && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}
