/**
 * Subscriptions as they stand on the wire: one per filter, and the requests that make and end them.
 *
 * A request is settled once, by SUBACK or UNSUBACK; what was cut off before goes out again on the next link, in order.
 * When the server has a new session, all granted filters are subscribed to again.
 */

import type { SubscribeAckPacket, SubscribePacketProperties, SubscriptionEntry } from '../codec/packet';
import { MqttError, ProtocolError, RefusedError, UsageError } from '../errors';
import type { QoS, UserProperties } from '../message';
import { parseSharedFilter } from '../topic/topic-filter';
import { Fifo } from './fifo';
import type { Link } from './link';
import type { PacketIds } from './packet-ids';
import type { SubscriptionRecord } from './records';
import type { Turn } from './turn';

/** Filters in one SUBSCRIBE before MQTT 5.0: known services take no more than eight. */
const filtersPerPacket = 8;

/** Highest Subscription Identifier [v5 3.8.2.1.2]. */
const highestIdentifier = 268_435_455;

/** What is asked for with a filter. */
export interface SubscriptionOptions {
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
  /** User properties of the SUBSCRIBE packet. */
  readonly userProperties?: UserProperties | undefined;
}

/** One filter on the wire. */
export interface WireSubscription extends SubscriptionOptions {
  readonly filter: string;
  /** Its Subscription Identifier for life, 0 before it got one. */
  identifier: number;
  /** True once the server granted it: then it is subscribed to again in a new session. */
  granted: boolean;
}

/** The outcome for one filter: a reason code of the server, or why it was not sent. */
export type FilterOutcome = number | MqttError;

/** Learns the outcome of a request, one entry a filter, in order. */
export type RequestListener = (outcomes: readonly FilterOutcome[]) => void;

/** A SUBSCRIBE or UNSUBSCRIBE of the application that is not settled yet. */
export interface SubscriptionRequest {
  readonly type: 'subscribe' | 'unsubscribe';
  readonly entries: readonly WireSubscription[];
  readonly userProperties: UserProperties | undefined;
  /** Undefined once the caller gave up. */
  listener: RequestListener | undefined;
  readonly outcomes: (FilterOutcome | undefined)[];
  /** Index of the first entry that is not sent on this link. */
  next: number;
  /** Whether any packet of it was ever written. */
  sent: boolean;
  /** Made by a new session of the server, not by the application. */
  readonly again: boolean;
}

/** What waits for one SUBACK or UNSUBACK. */
interface SentRequest {
  readonly request: SubscriptionRequest;
  readonly from: number;
  readonly count: number;
}

/** Tells that a filter which had been granted is refused in a new session. */
export type SubscriptionLost = (filter: string, error: MqttError) => void;

/** The subscribing part of a session. */
export class Subscriptions {
  readonly #turn: Turn;
  readonly #ids: PacketIds;
  readonly #lost: SubscriptionLost;
  /** By filter as it is on the wire. */
  readonly #table = new Map<string, WireSubscription>();
  /** Unsettled requests, oldest first. */
  readonly #requests = new Set<SubscriptionRequest>();
  /** Requests that have packets to send. */
  readonly #unsent = new Fifo<SubscriptionRequest>();
  /** Packets of this link that wait for their answer, by identifier. */
  readonly #sent = new Map<number, SentRequest>();
  #lastIdentifier = 0;
  #link: Link | undefined;

  constructor(turn: Turn, ids: PacketIds, lost: SubscriptionLost) {
    this.#turn = turn;
    this.#ids = ids;
    this.#lost = lost;
  }

  /** The subscription of a filter, if there is one. */
  get(filter: string): WireSubscription | undefined {
    return this.#table.get(filter);
  }

  /** All subscriptions. */
  values(): Iterable<WireSubscription> {
    return this.#table.values();
  }

  /** Subscribes, or subscribes again with other options. Routing must be in place before. */
  subscribe(
    entries: readonly ({ readonly filter: string } & SubscriptionOptions)[],
    listener: RequestListener,
  ): SubscriptionRequest {
    const wire = entries.map((entry) => {
      const known = this.#table.get(entry.filter);
      const identifier = known?.identifier ?? this.#takeIdentifier();
      const subscription = { ...entry, identifier, granted: known?.granted ?? false };
      this.#table.set(entry.filter, subscription);
      return subscription;
    });
    return this.#add({
      type: 'subscribe',
      entries: wire,
      userProperties: entries[0]?.userProperties,
      listener,
    });
  }

  /** Unsubscribes; from this call on the filters are not subscribed to again. */
  unsubscribe(
    filters: readonly string[],
    userProperties: UserProperties | undefined,
    listener: RequestListener | undefined,
  ): SubscriptionRequest {
    const wire = filters.map((filter) => {
      const known = this.#table.get(filter);
      this.#table.delete(filter);
      if (known?.granted) this.#turn.delete('subscription', filter);
      return known ?? { filter, ...defaultOptions, identifier: 0, granted: false };
    });
    return this.#add({ type: 'unsubscribe', entries: wire, userProperties, listener });
  }

  /**
   * The caller gave up.
   * @returns true when the request was never sent and is gone; false when its outcome will still take effect
   */
  withdraw(request: SubscriptionRequest): boolean {
    request.listener = undefined;
    if (request.sent) return false;
    this.#requests.delete(request);
    if (request.type === 'subscribe') this.#dropUngranted(request.entries);
    return true;
  }

  /** Ends all requests with an error. */
  abandon(error: MqttError): void {
    for (const request of [...this.#requests]) {
      this.#requests.delete(request);
      if (request.type === 'subscribe') this.#dropUngranted(request.entries);
      request.listener?.(request.entries.map(() => error));
    }
  }

  /** Forgets all subscriptions. */
  clear(): void {
    for (const { filter, granted } of this.#table.values()) {
      if (granted) this.#turn.delete('subscription', filter);
    }
    this.#table.clear();
  }

  /** Brings back what a store kept. */
  restore(records: readonly SubscriptionRecord[]): void {
    for (const { id, qos, noLocal, retainAsPublished, retainHandling, identifier } of records) {
      this.#lastIdentifier = Math.max(this.#lastIdentifier, identifier);
      this.#table.set(id, {
        filter: id,
        qos,
        noLocal,
        retainAsPublished,
        retainHandling,
        identifier,
        granted: true,
      });
    }
  }

  /** A link is up: unsettled requests go out, and all granted filters when the server has a new session. */
  connected(link: Link, resumed: boolean): void {
    this.#link = link;
    this.#unsent.drain();
    const waiting = [...this.#requests];
    if (!resumed) this.#again();
    for (const request of waiting) this.#unsent.push(request);
    this.pump();
  }

  /** The link is gone: requests that were not answered go out again on the next one. */
  detached(): void {
    this.#link = undefined;
    for (const request of this.#requests) if (request.again) this.#requests.delete(request);
    for (const packetId of this.#sent.keys()) this.#ids.release(packetId);
    this.#sent.clear();
    for (const request of this.#requests) {
      request.next = 0;
      request.outcomes.fill(undefined);
    }
  }

  /** Sends requests as identifiers allow. */
  pump(): void {
    if (!this.#link) return;
    for (let request = this.#unsent.peek(); request; request = this.#unsent.peek()) {
      while (this.#requests.has(request) && request.next < request.entries.length) {
        if (!this.#send(request, this.#link)) return;
      }
      this.#unsent.shift();
    }
  }

  /** SUBACK or UNSUBACK [v5 3.9, 3.11]. */
  acknowledged(packet: SubscribeAckPacket, link: Link): void {
    const sent = this.#sent.get(packet.packetId);
    if (!sent) return;
    const { request, from, count } = sent;
    const type = packet.type === 'suback' ? 'subscribe' : 'unsubscribe';
    if (request.type !== type) {
      throw new ProtocolError(`The server answered ${request.type} ${packet.packetId} with ${packet.type}`);
    }
    const codes =
      link.protocolVersion === 5 || type === 'subscribe' ? packet.reasonCodes : Array(count).fill(0);
    // [v5 MQTT-3.8.4-6, MQTT-3.11.3-1] one code a filter
    if (codes.length !== count) {
      throw new ProtocolError(`The server answered ${count} filter(s) with ${codes.length} reason code(s)`);
    }
    this.#sent.delete(packet.packetId);
    this.#ids.release(packet.packetId);
    for (const [index, code] of codes.entries()) {
      request.outcomes[from + index] = code;
      const entry = request.entries[from + index];
      if (entry && type === 'subscribe') this.#decided(request, entry, code);
    }
    this.#settle(request);
    this.pump();
  }

  #add(
    asked: Pick<SubscriptionRequest, 'type' | 'entries' | 'userProperties' | 'listener'>,
  ): SubscriptionRequest {
    const request = this.#make(asked, false);
    if (this.#link) this.#unsent.push(request);
    this.pump();
    return request;
  }

  #make(
    asked: Pick<SubscriptionRequest, 'type' | 'entries' | 'userProperties' | 'listener'>,
    again: boolean,
  ): SubscriptionRequest {
    const request = { ...asked, outcomes: asked.entries.map(() => undefined), next: 0, sent: false, again };
    this.#requests.add(request);
    return request;
  }

  /** Subscribes again to everything that was granted, each filter on its own: one refusal concerns no other. */
  #again(): void {
    for (const entry of this.#table.values()) {
      if (!entry.granted) continue;
      const { filter, userProperties } = entry;
      const listener: RequestListener = ([outcome]) => {
        const error = outcome === undefined ? undefined : refusalOfOutcome(outcome, filter);
        if (error) this.#lost(filter, error);
      };
      const asked = { type: 'subscribe', entries: [entry], userProperties, listener } as const;
      this.#unsent.push(this.#make(asked, true));
    }
  }

  /** Sends the next packet of a request. @returns false when there is no identifier left */
  #send(request: SubscriptionRequest, link: Link): boolean {
    const packetId = this.#ids.takeForSubscribe();
    if (packetId === 0) return false;
    const from = request.next;
    const first = request.entries[from];
    if (!first) return false;
    const refusal = request.type === 'subscribe' ? refusalOf(first, link) : undefined;
    // With identifiers each filter needs a packet of its own: an identifier is the packet's.
    const perPacket =
      request.type === 'subscribe' && link.limits?.subscriptionIdentifierAvailable ? 1 : filtersPerPacket;
    const entries: WireSubscription[] = [];
    if (!refusal) {
      for (const entry of request.entries.slice(from, from + perPacket)) {
        if (request.type === 'subscribe' && refusalOf(entry, link)) break;
        entries.push(entry);
      }
    }
    const packet = packetOf(request, entries, packetId, link);
    const size = refusal ? 0 : link.sizeOf(packet);
    if (refusal || !link.fits(size)) {
      this.#ids.release(packetId);
      const outcome =
        refusal ??
        new RefusedError(0x95, `The ${request.type} needs ${size} bytes, more than the server takes`);
      request.outcomes[from] = outcome;
      request.next += 1;
      if (request.type === 'subscribe') this.#decided(request, first, outcome);
      this.#settle(request);
      return true;
    }
    request.next += entries.length;
    request.sent = true;
    this.#sent.set(packetId, { request, from, count: entries.length });
    link.write(packet);
    return true;
  }

  #decided(request: SubscriptionRequest, entry: WireSubscription, outcome: FilterOutcome): void {
    const current = this.#table.get(entry.filter);
    if (!current) return;
    if (typeof outcome === 'number' && outcome < 0x80) {
      current.granted = true;
      if (this.#turn.recording) this.#turn.put(recordOf(current));
    } else if (request.again || !current.granted) {
      // A refused renewal leaves what was granted before; in a new session nothing was.
      this.#table.delete(entry.filter);
      this.#turn.delete('subscription', entry.filter);
    }
  }

  #settle(request: SubscriptionRequest): void {
    const outcomes: FilterOutcome[] = [];
    for (const outcome of request.outcomes) {
      if (outcome === undefined) return;
      outcomes.push(outcome);
    }
    this.#requests.delete(request);
    request.listener?.(outcomes);
  }

  #dropUngranted(entries: readonly WireSubscription[]): void {
    for (const { filter } of entries)
      if (this.#table.get(filter)?.granted === false) this.#table.delete(filter);
  }

  #takeIdentifier(): number {
    this.#lastIdentifier = this.#lastIdentifier === highestIdentifier ? 1 : this.#lastIdentifier + 1;
    return this.#lastIdentifier;
  }
}

const defaultOptions = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;

/** The error that an outcome of SUBSCRIBE or UNSUBSCRIBE means, if it means one. */
export function refusalOfOutcome(outcome: FilterOutcome, filter: string): MqttError | undefined {
  if (outcome instanceof MqttError) return outcome;
  return outcome < 0x80 ? undefined : new RefusedError(outcome, `The server refused the filter '${filter}'`);
}

function packetOf(
  request: SubscriptionRequest,
  entries: readonly WireSubscription[],
  packetId: number,
  link: Link,
) {
  const { type, userProperties } = request;
  if (type === 'unsubscribe') {
    const filters = entries.map(({ filter }) => filter);
    return { type, packetId, filters, properties: userProperties && { userProperties } } as const;
  }
  const properties: SubscribePacketProperties = {};
  if (userProperties) properties.userProperties = userProperties;
  const [first] = entries;
  if (link.limits?.subscriptionIdentifierAvailable && first)
    properties.subscriptionIdentifier = first.identifier;
  const subscriptions: SubscriptionEntry[] = entries.map(
    ({ filter, qos, noLocal, retainAsPublished, retainHandling }) => ({
      filter,
      qos,
      noLocal,
      retainAsPublished,
      retainHandling,
    }),
  );
  return {
    type,
    packetId,
    subscriptions,
    properties: link.protocolVersion === 5 ? properties : undefined,
  } as const;
}

function recordOf(entry: WireSubscription): SubscriptionRecord {
  const { filter, qos, noLocal, retainAsPublished, retainHandling, identifier } = entry;
  return { kind: 'subscription', id: filter, qos, noLocal, retainAsPublished, retainHandling, identifier };
}

/** Why this server cannot take a filter, checked when it is about to go out. */
function refusalOf(entry: WireSubscription, link: Link): MqttError | undefined {
  const { filter, noLocal, retainAsPublished, retainHandling, userProperties } = entry;
  const { limits, protocolVersion } = link;
  if (protocolVersion !== 5) {
    if (!noLocal && !retainAsPublished && retainHandling === 0 && !userProperties) return undefined;
    return new UsageError(
      `The subscription to '${filter}' has options or properties that MQTT 5.0 introduced; the connection speaks ${protocolVersion === 4 ? '3.1.1' : '3.1'}. Leave them out, or set protocolVersion: 5`,
      'needs-mqtt-5',
    );
  }
  if (!limits) return undefined;
  const shared = parseSharedFilter(filter);
  if (shared && !limits.sharedSubscriptionAvailable) {
    return new RefusedError(0x9e, `The server has no shared subscriptions, which '${filter}' asks for`);
  }
  if (!limits.wildcardSubscriptionAvailable && /[+#]/.test(shared?.filter ?? filter)) {
    return new RefusedError(0xa2, `The server takes no wildcards, which '${filter}' has`);
  }
  return undefined;
}
