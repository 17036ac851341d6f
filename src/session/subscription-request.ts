/** Filters as they stand on the wire, and the requests that make and end them. */

import type { MqttError } from '../errors';
import type { QoS, UserProperties } from '../message';
import type { Suspect } from './poison';

/** What is asked for with a filter. */
export interface SubscriptionOptions {
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
  /** User properties of the SUBSCRIBE packet. */
  readonly userProperties?: UserProperties | undefined;
}

/** A filter and what is asked for with it. */
export interface AskedSubscription extends SubscriptionOptions {
  readonly filter: string;
}

/** One filter on the wire, from its first SUBSCRIBE to its UNSUBSCRIBE. */
export interface WireSubscription {
  /** As it was granted last, or asked for first: what a new session is asked for when nobody was granted it since. */
  asked: AskedSubscription;
  /** Its Subscription Identifier for life. */
  readonly identifier: number;
  /** True once the server granted it: then it is subscribed to again in a new session. */
  granted: boolean;
  /** A store, or an earlier `connect()`, left it, and nobody was granted it since: it stays though nobody wants it. */
  left: boolean;
  /** Requests for it that were not decided: the server may grant them, or have done so. */
  open: number;
  /** The parts of requests, decided or not, that somebody has not given up, oldest first. */
  readonly wanted: Set<RequestPart>;
  /** How many of those ask for QoS 0, 1 and 2: thousands may share a filter. */
  readonly counts: [number, number, number];
  /** The part that {@link asked} is of. */
  newest: RequestPart | undefined;
  /** See {@link Suspect}: as a part of what is subscribed to again. */
  fatal: number;
}

/** The outcome for one filter: a reason code of the server, or why it was not sent. */
export type FilterOutcome = number | MqttError;

/** Learns the outcome of a request, one entry a filter, in order. */
export type RequestListener = (outcomes: readonly FilterOutcome[]) => void;

/** A SUBSCRIBE or UNSUBSCRIBE of the application, for one filter or several, that is not settled yet. */
export interface SubscriptionRequest {
  readonly type: 'subscribe' | 'unsubscribe';
  /** One for each filter. */
  parts: readonly RequestPart[];
  /** Undefined once the caller gave up. */
  listener: RequestListener | undefined;
  /** Parts without an outcome. */
  open: number;
  /** Whether any packet of it was ever written. */
  sent: boolean;
}

/** One filter of a request. */
export class RequestPart implements Suspect {
  readonly request: SubscriptionRequest;
  readonly asked: AskedSubscription;
  /** The highest QoS that it or any before it asks for: what goes out, unless those were given up. */
  qos: QoS;
  /** What a SUBSCRIBE is for. */
  readonly subscription: WireSubscription | undefined;
  fatal = 0;
  outcome: FilterOutcome | undefined = undefined;
  /** What links may end because of: it, or the subscription that it renews, which outlives the renewal. */
  readonly suspect: Suspect;

  constructor(
    request: SubscriptionRequest,
    asked: AskedSubscription,
    subscription: WireSubscription | undefined,
    isRenewal: boolean,
  ) {
    this.request = request;
    this.asked = asked;
    this.qos = asked.qos;
    this.subscription = subscription;
    this.suspect = (isRenewal && subscription) || this;
  }
}

/** A filter that is new here, or that somebody left. */
export function subscriptionOf(
  asked: AskedSubscription,
  identifier: number,
  left: boolean,
): WireSubscription {
  return {
    asked,
    identifier,
    granted: left,
    left,
    open: 0,
    wanted: new Set(),
    counts: [0, 0, 0],
    newest: undefined,
    fatal: 0,
  };
}

/** The highest QoS that anybody asks for. */
export function highestQos({ counts: [, one, two] }: WireSubscription): QoS {
  return two > 0 ? 2 : one > 0 ? 1 : 0;
}

/** What goes out: with the highest QoS asked for. */
export function sentOf(part: RequestPart): AskedSubscription {
  const { asked, qos, subscription } = part;
  const most = subscription?.wanted.has(part) ? highestQos(subscription) : qos;
  const sent = Math.min(qos, most) as QoS;
  // Mostly as it was asked: no copy is kept then.
  return sent === asked.qos ? asked : { ...asked, qos: sent };
}

/** What a new session is asked for: the highest QoS of those who were granted the filter, the newest other options. */
export function askedOf(subscription: WireSubscription): AskedSubscription {
  let qos: QoS = 0;
  let newest: RequestPart | undefined;
  for (const part of subscription.wanted) {
    if (part.outcome === undefined) continue;
    newest = part;
    if (part.asked.qos > qos) qos = part.asked.qos;
  }
  subscription.newest = newest;
  return newest ? { ...newest.asked, qos } : subscription.asked;
}

/** A request with a part for each entry, and their subscriptions if it is to subscribe, or to renew all of them. */
export function requestOf(
  type: SubscriptionRequest['type'],
  entries: readonly AskedSubscription[],
  listener: RequestListener | undefined,
  subscriptions?: readonly WireSubscription[],
  isRenewal = false,
): SubscriptionRequest {
  const request: SubscriptionRequest = { type, parts: [], listener, open: entries.length, sent: false };
  // Not pushed one by one: an array that grows has room for 17.
  request.parts = entries.map(
    (asked, index) => new RequestPart(request, asked, subscriptions?.[index], isRenewal),
  );
  return request;
}
