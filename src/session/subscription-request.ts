/** Filters as they stand on the wire, and the requests that make and end them. */

import type { MqttError } from '../errors';
import type { QoS, UserProperties } from '../message';

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
  /** What was asked for last. */
  asked: AskedSubscription;
  /** Its Subscription Identifier for life. */
  readonly identifier: number;
  /** True once the server granted it: then it is subscribed to again in a new session. */
  granted: boolean;
  /** Requests for it that are not decided. */
  open: number;
}

/** The outcome for one filter: a reason code of the server, or why it was not sent. */
export type FilterOutcome = number | MqttError;

/** Learns the outcome of a request, one entry a filter, in order. */
export type RequestListener = (outcomes: readonly FilterOutcome[]) => void;

/** A SUBSCRIBE or UNSUBSCRIBE that is not settled yet. */
export interface SubscriptionRequest {
  readonly type: 'subscribe' | 'unsubscribe';
  readonly entries: readonly AskedSubscription[];
  /** The filters on the wire that a SUBSCRIBE is for, one an entry. */
  readonly subscriptions: readonly WireSubscription[];
  /** Undefined once the caller gave up. */
  listener: RequestListener | undefined;
  readonly outcomes: (FilterOutcome | undefined)[];
  /** Entries without an outcome. */
  open: number;
  /** Index of the first entry that was not looked at on this link. */
  next: number;
  /** Whether any packet of it was ever written. */
  sent: boolean;
}

/** A packet of a request that waits for its SUBACK or UNSUBACK. */
export class SentRequest {
  readonly request: SubscriptionRequest;
  /** Index of its first entry. */
  readonly from: number;
  /** Number of its entries. */
  readonly count: number;

  constructor(request: SubscriptionRequest, from: number, count: number) {
    this.request = request;
    this.from = from;
    this.count = count;
  }
}
