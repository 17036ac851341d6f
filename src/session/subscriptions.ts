/**
 * Subscriptions as they stand on the wire: one per filter, and the requests that make and end them.
 *
 * A request is settled once, by SUBACK or UNSUBACK; what was cut off before goes out again on the next link, in order.
 * When the server has a new session, all granted filters are subscribed to again.
 */

import type { SubscribeAckPacket, SubscribePacket, UnsubscribePacket } from '../codec/packet';
import { MqttError, ProtocolError, RefusedError } from '../errors';
import { Fifo } from './fifo';
import type { Link } from './link';
import type { OutgoingMessage } from './outgoing-message';
import { type PacketIds, wrongAnswer } from './packet-ids';
import type { Note, SubscriptionRecord } from './records';
import { refusalOfFilter, refusalOfSize } from './refusals';
import { RequestTrials } from './request-trials';
import {
  type AskedSubscription,
  askedOf,
  type FilterOutcome,
  highestQos,
  type RequestListener,
  type RequestPart,
  requestOf,
  type SubscriptionRequest,
  sentOf,
  subscriptionOf,
  type WireSubscription,
} from './subscription-request';
import { requests, type Turn } from './turn';

export type {
  AskedSubscription,
  FilterOutcome,
  RequestListener,
  SubscriptionOptions,
  SubscriptionRequest,
  WireSubscription,
} from './subscription-request';

/** Filters in one packet without Subscription Identifiers: known services take no more than eight. */
const filtersPerPacket = 8;

/** Highest Subscription Identifier [v5 3.8.2.1.2]. */
const highestIdentifier = 268_435_455;

/** Who learns that a filter which had been granted is refused in a new session. */
export interface SubscriptionsPort {
  subscriptionLost(filter: string, error: MqttError): void;
}

/** The subscribing part of a session. */
export class Subscriptions {
  readonly #turn: Turn;
  readonly #ids: PacketIds<OutgoingMessage | RequestPart[]>;
  readonly #port: SubscriptionsPort;
  readonly #note: Note;
  /** By filter as it is on the wire. */
  readonly #table = new Map<string, WireSubscription>();
  /** Unsettled requests of the application, oldest first. */
  readonly #requests = new Set<SubscriptionRequest>();
  /** Subscribes again in a new session of the server; undefined when that is done. */
  #again: SubscriptionRequest | undefined;
  /** What may have to be sent on this link. */
  #unsent = new Fifo<RequestPart>();
  /** What may be the cause that links end. */
  #trials = new RequestTrials();
  #lastIdentifier = 0;
  /** What {@link #lastIdentifier} was when one was sent that no server had seen. */
  #lastSent = 0;
  #link: Link | undefined;

  constructor(
    turn: Turn,
    ids: PacketIds<OutgoingMessage | RequestPart[]>,
    port: SubscriptionsPort,
    note: Note,
  ) {
    this.#turn = turn;
    this.#ids = ids;
    this.#port = port;
    this.#note = note;
  }

  /** Whether filters have to be subscribed to again. */
  get isResubscribing(): boolean {
    return this.#again !== undefined;
  }

  /** Highest Subscription Identifier that a server may know; undefined when it knows none. */
  get lastIdentifier(): number | undefined {
    return this.#lastSent || undefined;
  }

  /** The subscription of a filter, if there is one. */
  get(filter: string): WireSubscription | undefined {
    return this.#table.get(filter);
  }

  /** Subscribes, or subscribes again with other options. Routing must be in place before. */
  subscribe(entries: readonly AskedSubscription[], listener: RequestListener): SubscriptionRequest {
    const subscriptions = entries.map((asked) => {
      let subscription = this.#table.get(asked.filter);
      if (!subscription) {
        this.#lastIdentifier = (this.#lastIdentifier % highestIdentifier) + 1;
        subscription = subscriptionOf(asked, this.#lastIdentifier, false);
        this.#table.set(asked.filter, subscription);
      }
      subscription.open += 1;
      return subscription;
    });
    const request = requestOf('subscribe', entries, listener, subscriptions);
    for (const part of request.parts) {
      const { asked, subscription } = part;
      if (!subscription) continue;
      subscription.wanted.add(part);
      subscription.counts[asked.qos] += 1;
      part.qos = highestQos(subscription);
    }
    return this.#add(request);
  }

  /** Unsubscribes; from this call on the filters are not subscribed to again. */
  unsubscribe(filters: readonly string[], listener: RequestListener | undefined): SubscriptionRequest {
    for (const filter of filters) {
      const subscription = this.#table.get(filter);
      if (!subscription) continue;
      if (subscription.granted) this.#turn.delete('subscription', filter);
      this.#trials.acquit(subscription);
      this.#table.delete(filter);
    }
    const entries = filters.map((filter) => ({ filter, ...plainOptions }));
    return this.#add(requestOf('unsubscribe', entries, listener));
  }

  /**
   * Nobody wants the filters of a SUBSCRIBE for its sake any more, be it decided or not. It is gone if it was never
   * sent; else its outcome will still take effect, without a word.
   * @returns the filters to unsubscribe from: the server has them, or may, and nobody else wants them
   */
  withdraw(request: SubscriptionRequest): string[] {
    request.listener = undefined;
    if (!request.sent) this.#drop(request);
    for (const part of request.parts) this.#unwanted(part);
    const unneeded = request.parts.filter(
      ({ subscription }) => subscription && this.#isUnneeded(subscription),
    );
    return unneeded.map(({ asked }) => asked.filter);
  }

  /** Ends all requests with an error; unless the session is kept it forgets all subscriptions. */
  abandon(error: MqttError, keep: boolean): void {
    for (const request of this.#requests) {
      const { listener } = request;
      this.#drop(request);
      listener?.(request.parts.map(() => error));
    }
    this.#trials = new RequestTrials();
    for (const [filter, subscription] of this.#table) {
      subscription.left = true;
      subscription.open = 0;
      subscription.wanted.clear();
      subscription.counts.fill(0);
      if (!keep && subscription.granted) this.#turn.delete('subscription', filter);
      if (!keep || !subscription.granted) this.#table.delete(filter);
    }
  }

  /**
   * Brings back what a store kept.
   * @param lastIdentifier which filters that are no more may have had; records of old do not tell
   */
  restore(records: readonly SubscriptionRecord[], lastIdentifier = 0): void {
    this.#lastIdentifier = lastIdentifier;
    for (const { kind: _, id: filter, identifier, ...options } of records) {
      this.#lastIdentifier = Math.max(this.#lastIdentifier, identifier);
      this.#table.set(filter, subscriptionOf({ filter, ...options }, identifier, true));
    }
    this.#lastSent = this.#lastIdentifier;
  }

  /** What a store should hold. */
  *records(): Generator<SubscriptionRecord> {
    for (const subscription of this.#table.values()) if (subscription.granted) yield recordOf(subscription);
  }

  /** A link is up: unsettled requests go out, and before them all granted filters when those have to. */
  connected(link: Link, resubscribe: boolean): void {
    this.#link = link;
    this.#unsent = new Fifo();
    this.#trials.opened();
    this.#again = undefined;
    const granted = [...this.#table.values()].filter((subscription) => subscription.granted);
    if (resubscribe && granted.length > 0) {
      const asked = granted.map(askedOf);
      this.#again = requestOf('subscribe', asked, undefined, granted, true);
      this.#queue(this.#again);
    }
    for (const request of this.#requests) {
      // What was given up after it was sent need not be sent again.
      if (request.type === 'subscribe' && !request.listener) this.#forget(request);
      else this.#queue(request);
    }
    this.#trials.begin(link, this.#turn.now.monotonic);
    this.pump();
  }

  /** The link is gone: requests that were not answered go out again on the next one. @returns what was not answered */
  detached(): RequestPart[] {
    this.#link = undefined;
    const parts: RequestPart[] = [];
    for (const [packetId, flow] of [...this.#ids]) {
      if (!Array.isArray(flow)) continue;
      parts.push(...flow);
      this.#ids.free(packetId);
    }
    return parts;
  }

  /** The server or the network ended a link, before these were answered: decides the one that is the cause. */
  judge(parts: readonly RequestPart[], link: Link, reasonCode: number | undefined): void {
    const cause = this.#trials.judge(parts, link, this.#turn.now.monotonic, reasonCode);
    if (!cause) return;
    const verb = cause.request.type.toUpperCase();
    this.#decide(
      cause,
      new RefusedError(
        Math.max(reasonCode ?? 0, 0x80),
        `The server closes the connection whenever this ${verb} arrives; '${cause.asked.filter}' was given up`,
        { code: 'poison' },
      ),
    );
  }

  /** Sends requests as identifiers allow. */
  pump(): void {
    const link = this.#link;
    // Each packet of the server comes here, and next to none finds something to do.
    if (!link || (this.#unsent.length === 0 && this.#trials.isIdle)) return;
    // A refusal may make the application close the client.
    while (this.#link === link && this.#ids.hasForSubscribe && !this.#trials.isTrying) {
      const part = this.#unsent.shift() ?? this.#trials.next(link, this.#turn.now.monotonic);
      if (!part) break;
      // Else answered on an earlier link, or withdrawn.
      if (part.outcome === undefined) this.#send(part, link);
    }
    link.holdsPublishes = this.#trials.holdsPublishes(link);
    this.#trials.settle();
  }

  /** SUBACK or UNSUBACK [v5 3.9, 3.11]. */
  acknowledged(packet: SubscribeAckPacket, link: Link): void {
    const parts = this.#ids.get(packet.packetId);
    if (!parts) return;
    const isSuback = packet.type === 'suback';
    if (!Array.isArray(parts) || isSuback !== (parts[0]?.request.type === 'subscribe')) {
      throw wrongAnswer(packet);
    }
    // Before MQTT 5.0 UNSUBACK has no codes: it says that all is well.
    const codes = isSuback || link.protocolVersion === 5 ? packet.reasonCodes : parts.map(() => 0);
    // [v5 MQTT-3.8.4-6, MQTT-3.11.3-1] one code a filter
    if (codes.length !== parts.length) {
      throw new ProtocolError(
        `The server answered ${parts.length} filter(s) with ${codes.length} reason code(s)`,
      );
    }
    this.#ids.free(packet.packetId);
    link.requests -= 1;
    parts.forEach((part, index) => {
      this.#decide(part, codes[index] ?? 0x80);
    });
  }

  #add(request: SubscriptionRequest): SubscriptionRequest {
    this.#requests.add(request);
    if (this.#link) this.#queue(request);
    this.pump();
    return request;
  }

  #queue(request: SubscriptionRequest): void {
    for (const part of request.parts) if (!this.#trials.takes(part)) this.#unsent.push(part);
  }

  /** Sends a packet for a filter, and for those after it that can go along; or decides that it cannot be sent. */
  #send(first: RequestPart, link: Link): void {
    const { request, subscription } = first;
    const { type } = request;
    const { userProperties } = first.asked;
    const refusalOf = ({ asked, subscription }: RequestPart) => {
      const current = this.#table.get(asked.filter);
      // A later request for its filter has been answered, or is to undo it: it must not undo that.
      if (subscription ? current !== subscription : current?.granted) return 0;
      return subscription && refusalOfFilter(link, asked);
    };
    // An identifier is the packet's, so with one each filter needs a packet of its own.
    const isIdentified = type === 'subscribe' && link.limits?.subscriptionIdentifierAvailable;
    const identifier = isIdentified ? subscription?.identifier : undefined;
    const parts = [first];
    let packet = packetOf(type, parts, identifier, link);
    const refusal = refusalOf(first) ?? refusalOfSize(link, type, link.sizeOf(packet));
    if (refusal !== undefined) {
      this.#decide(first, refusal);
      return;
    }
    // A suspect has nothing behind it here.
    while (!isIdentified && parts.length < filtersPerPacket) {
      const next = this.#unsent.peek();
      const goesAlong =
        next?.request === request &&
        next.outcome === undefined &&
        next.asked.userProperties === userProperties &&
        refusalOf(next) === undefined;
      if (!goesAlong) break;
      const larger = packetOf(type, [...parts, next], identifier, link);
      if (!link.fits(link.sizeOf(larger))) break;
      packet = larger;
      parts.push(next);
      this.#unsent.shift();
    }
    request.sent = true;
    if (identifier !== undefined && identifier > this.#lastSent) {
      // Saved before the server learns of it; the others that wait will need no record of their own.
      this.#lastSent = this.#lastIdentifier;
      this.#note({ lastIdentifier: this.lastIdentifier });
    }
    packet.packetId = this.#ids.take(parts);
    this.#turn.batch.kinds |= requests;
    link.requests += 1;
    link.write(packet);
  }

  /** Notes the outcome of one filter; with the last one the request is settled. */
  #decide(part: RequestPart, outcome: FilterOutcome): void {
    const { request, subscription } = part;
    part.outcome = outcome;
    request.open -= 1;
    this.#trials.acquit(part.suspect);
    const isAgain = request === this.#again;
    if (subscription) {
      if (!isAgain) subscription.open -= 1;
      const { filter } = subscription.asked;
      const error = refusalOfOutcome(outcome, filter);
      if (this.#table.get(filter) !== subscription) {
        // Unsubscribed since.
      } else if (!error) {
        subscription.granted = true;
        if (subscription.wanted.has(part)) {
          subscription.left = false;
          subscription.asked = sentOf(part);
          subscription.newest = part;
        }
        if (!isAgain) this.#turn.put(recordOf(subscription));
      } else if (isAgain) {
        // In a new session nothing is left of what was granted; elsewhere a refused renewal leaves it.
        subscription.granted = false;
        this.#turn.delete('subscription', filter);
        for (const one of subscription.wanted) {
          // Whoever waits for the rest of his request learns of it with that; a new request gets its own answer.
          if (one.outcome === undefined) continue;
          one.outcome = error;
          this.#unwanted(one);
        }
        this.#port.subscriptionLost(filter, error);
      } else this.#unwanted(part);
      if (error && this.#isUnneeded(subscription)) this.unsubscribe([filter], undefined);
    }
    if (request.open > 0) return;
    if (isAgain) {
      this.#again = undefined;
      this.#note({ resubscribe: undefined });
    } else {
      const { listener } = request;
      this.#requests.delete(request);
      // The request stays for as long as what it asked for: nothing of its caller does.
      request.listener = undefined;
      listener?.(request.parts.map((one) => one.outcome ?? 0x80));
    }
  }

  #forget(request: SubscriptionRequest): void {
    this.#requests.delete(request);
    for (const part of request.parts) this.#trials.acquit(part.suspect);
  }

  /** Forgets a request that was never decided. */
  #drop(request: SubscriptionRequest): void {
    this.#forget(request);
    request.listener = undefined;
    for (const part of request.parts) {
      const { subscription, outcome } = part;
      part.outcome ??= 0x80;
      if (subscription && outcome === undefined) subscription.open -= 1;
    }
  }

  /** Nobody waits for a part of a request any more, or has what it was granted. */
  #unwanted(part: RequestPart): void {
    const { asked, subscription } = part;
    if (!subscription?.wanted.delete(part)) return;
    subscription.counts[asked.qos] -= 1;
    if (!this.#turn.recording || !subscription.granted || this.#table.get(asked.filter) !== subscription)
      return;
    // Others ask for as much, and how is up to a newer one: thousands may share a filter.
    if (part !== subscription.newest && subscription.counts[asked.qos] > 0) return;
    const before = JSON.stringify(subscription.asked);
    subscription.asked = askedOf(subscription);
    if (JSON.stringify(subscription.asked) !== before) this.#turn.put(recordOf(subscription));
  }

  /** Whether the server has, or may have, a subscription that nobody wants any more; one that it has not is forgotten. */
  #isUnneeded(subscription: WireSubscription): boolean {
    const { asked, granted, left, open, wanted } = subscription;
    if (wanted.size > 0 || this.#table.get(asked.filter) !== subscription) return false;
    if (!granted && open === 0) this.#table.delete(asked.filter);
    return open > 0 || (granted && !left);
  }
}

const plainOptions = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;

/** The error that an outcome of SUBSCRIBE or UNSUBSCRIBE means, if it means one. */
export function refusalOfOutcome(outcome: FilterOutcome, filter: string): MqttError | undefined {
  if (outcome instanceof MqttError) return outcome;
  return outcome < 0x80 ? undefined : new RefusedError(outcome, `The server refused the filter '${filter}'`);
}

/** The packet for some parts of a request, with an identifier that is not its own yet. */
function packetOf(
  type: SubscriptionRequest['type'],
  parts: readonly RequestPart[],
  subscriptionIdentifier: number | undefined,
  link: Link,
): SubscribePacket | UnsubscribePacket {
  const subscriptions = parts.map(sentOf);
  const packetId = 1;
  if (type === 'unsubscribe') return { type, packetId, filters: subscriptions.map(({ filter }) => filter) };
  const userProperties = subscriptions[0]?.userProperties;
  const properties = link.protocolVersion === 5 ? { subscriptionIdentifier, userProperties } : undefined;
  return { type, packetId, subscriptions, properties };
}

function recordOf({ asked, identifier }: WireSubscription): SubscriptionRecord {
  const { filter, qos, noLocal, retainAsPublished, retainHandling } = asked;
  return { kind: 'subscription', id: filter, qos, noLocal, retainAsPublished, retainHandling, identifier };
}
