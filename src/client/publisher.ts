/** `client.publish`: arguments, promises and keys; the flows are the session's. */

import type { AckProperties } from '../codec/packet';
import { validatePublishProperties } from '../codec/writer';
import { ConnectionError, UsageError } from '../errors';
import type { PublishProperties, QoS } from '../message';
import type { OutgoingMessage, PublishListener } from '../session/outgoing-message';
import { checkTopicName } from '../topic/topic-name';
import { boolean, checkOptions, checkSignal, milliseconds, oneOf, text } from './check';
import type { PublishResult } from './client';
import { now } from './clock';
import { type Deferred, deferred, ignoreRejection } from './deferred';
import type { Payload, PublishOptions } from './options';
import { payloadBytes, settledBytes } from './payload';
import type { Runner } from './runner';
import { waiting } from './waiting';

/** For how long after its end a key still names its message, in milliseconds. */
const keyLifetime = 600_000;

/** Keys remembered after their end: beyond it the oldest go early. */
const maximumKeys = 10_000;

const knownOptions = ['qos', 'retain', 'properties', 'until', 'key', 'signal', 'timeout'] as const;

/** The result of every QoS 0 publish: one object, one promise. */
const writtenResult: PublishResult = Object.freeze({ reasonCode: 0 });
const writtenPromise: Promise<PublishResult> = Promise.resolve(writtenResult);

/** What the publisher needs to know of the client. */
export interface PublisherHost {
  readonly runner: Runner;
  /** Bytes that may wait in the transport before QoS 0 is refused. */
  readonly maxBytes: number;
  /** Whether QoS 0 waits for a connection now, or is dropped without one. */
  keepsQos0(): boolean;
  /** Throws when the client takes no publishes. */
  checkOpen(): void;
  /** A promise while the store is being read; undefined when that is done. */
  ready(): Promise<void> | undefined;
  /** A publish failed whose promise may have been ignored. */
  failed(error: unknown): void;
}

/** A message that a key names. */
interface Keyed {
  readonly ticket: Ticket;
  /** Monotonic time from which the key is free again; Infinity until the message's end. */
  until: number;
}

/** Publishes. */
export class Publisher {
  readonly #host: PublisherHost;
  readonly #keys = new Map<string, Keyed>();
  /** First sends. */
  sent = 0;
  /** Publishes that failed. */
  failures = 0;

  constructor(host: PublisherHost) {
    this.#host = host;
  }

  /** See `Client.publish`. */
  publish(topic: string, payload: Payload, options: PublishOptions | undefined): Promise<PublishResult> {
    try {
      checkTopicName(topic, 'topic');
      const bytes = payloadBytes(payload, 'payload');
      if (options === undefined) return this.#publish0(topic, payload, bytes, false, undefined, undefined);
      return this.#publish(topic, payload, bytes, options);
    } catch (error) {
      return this.#rejected(error);
    }
  }

  /** Messages of an earlier page: their keys name them again. */
  adopt(messages: Iterable<OutgoingMessage>): void {
    for (const message of messages) {
      const { key } = message.content;
      if (key === undefined) continue;
      const ticket = new Ticket(this, key);
      ticket.accepted();
      this.#keys.set(key, { ticket, until: Number.POSITIVE_INFINITY });
    }
  }

  /** A message without a promise of its own came to its end. */
  settled(key: string | undefined, error: Error | undefined): void {
    const ticket = key === undefined ? undefined : this.#keys.get(key)?.ticket;
    if (error) ticket?.failed(error);
    else ticket?.acknowledged(0, undefined, false);
  }

  /** A ticket is done: its key names it for a while. */
  done(ticket: Ticket, error: unknown): void {
    if (error === undefined) this.sent += 1;
    else this.#count(error);
    const keyed = ticket.key === undefined ? undefined : this.#keys.get(ticket.key);
    if (!keyed || keyed.ticket !== ticket || ticket.key === undefined) return;
    // What failed may be tried again at once.
    if (error !== undefined) this.#keys.delete(ticket.key);
    else keyed.until = performance.now() + keyLifetime;
  }

  #publish(
    topic: string,
    payload: Payload,
    bytes: Uint8Array,
    options: PublishOptions,
  ): Promise<PublishResult> {
    checkOptions(options, 'options', knownOptions);
    const qos = oneOf(options.qos, 'options.qos', [0, 1, 2]) ?? 0;
    const retain = boolean(options.retain, 'options.retain') ?? false;
    const properties = checkedProperties(options.properties);
    const until = oneOf(options.until, 'options.until', ['stored', 'acknowledged']) ?? 'acknowledged';
    const key = text(options.key, 'options.key');
    const timeout = milliseconds(options.timeout, 'options.timeout');
    const { signal } = options;
    checkSignal(signal, 'options.signal');
    if (qos === 0 && (key !== undefined || until === 'stored')) {
      throw new UsageError(
        `options.${key === undefined ? "until: 'stored'" : 'key'}: needs QoS 1 or 2; QoS 0 is not stored`,
      );
    }
    signal?.throwIfAborted();
    if (qos === 0) return this.#publish0(topic, payload, bytes, retain, properties, { signal, timeout });

    const known = key === undefined ? undefined : this.#named(key);
    if (known) return this.#wait(known, until, { signal, timeout }, undefined);
    this.#host.checkOpen();
    const ticket = new Ticket(this, key);
    if (key !== undefined) this.#keys.set(key, { ticket, until: Number.POSITIVE_INFINITY });
    const content = { topic, payload: settledBytes(bytes, payload), qos, retain, properties, key };
    let message: OutgoingMessage | undefined;
    const start = () => {
      if (ticket.isDone) return;
      message = this.#host.runner.session.publish(content, ticket, now());
      this.#host.runner.touch();
    };
    const ready = this.#host.ready();
    if (ready) {
      ready.then(
        () => {
          const earlier = key === undefined ? undefined : this.#keys.get(key)?.ticket;
          if (earlier && earlier !== ticket) earlier.joinedBy(ticket);
          else start();
        },
        (error: unknown) => ticket.failed(error),
      );
    } else start();
    const withdraw = () => {
      if (message ? !this.#host.runner.session.withdraw(message) : false) return false;
      this.#host.runner.touch();
      ticket.withdrawn();
      if (key !== undefined && this.#keys.get(key)?.ticket === ticket) this.#keys.delete(key);
      return true;
    };
    return this.#wait(ticket, until, { signal, timeout }, withdraw);
  }

  #publish0(
    topic: string,
    payload: Payload,
    bytes: Uint8Array,
    retain: boolean,
    properties: PublishProperties | undefined,
    wait: { signal: AbortSignal | undefined; timeout: number | undefined } | undefined,
  ): Promise<PublishResult> {
    const { runner } = this.#host;
    this.#host.checkOpen();
    if (runner.session.isConnected && runner.bufferedBytes > this.#host.maxBytes) {
      throw new ConnectionError(
        'queue-full',
        'More than queue.maxBytes wait in the transport; await publish() to keep its pace',
      );
    }
    if (runner.session.publishNow(topic, bytes, retain, properties)) {
      this.sent += 1;
      runner.touch();
      const written = runner.written();
      if (!written) return writtenPromise;
      const result = written.then(() => writtenResult);
      return wait?.signal || wait?.timeout !== undefined
        ? waiting(result, { ...wait, what: 'publish', giveUp: (reason) => reason })
        : result;
    }
    if (!this.#host.keepsQos0()) {
      throw new ConnectionError(
        'dropped',
        "The QoS 0 message was dropped: there is no connection; queue.qos0: 'queue' keeps it, QoS 1 is stored",
      );
    }
    const ticket = new Ticket(this, undefined);
    const content = { topic, payload: settledBytes(bytes, payload), qos: 0 as QoS, retain, properties };
    const message = runner.session.publish(content, ticket, now());
    runner.touch();
    return this.#wait(ticket, 'acknowledged', wait ?? { signal: undefined, timeout: undefined }, () => {
      if (!runner.session.withdraw(message)) return false;
      ticket.withdrawn();
      return true;
    });
  }

  /** The promise for the caller: the ticket's, or one that may give up before it. */
  #wait(
    ticket: Ticket,
    until: 'stored' | 'acknowledged',
    { signal, timeout }: { signal: AbortSignal | undefined; timeout: number | undefined },
    withdraw: (() => boolean) | undefined,
  ): Promise<PublishResult> {
    const promise = until === 'stored' ? ticket.stored() : ticket.promise;
    if (signal === undefined && timeout === undefined) return promise;
    return waiting(promise, {
      signal,
      timeout,
      what: 'publish',
      giveUp: (reason) => {
        if (withdraw?.()) return reason;
        return new ConnectionError(
          'still-stored',
          'Gave up waiting; the message stays and will be delivered',
          {
            cause: reason,
          },
        );
      },
    });
  }

  /** The message that a key names now. */
  #named(key: string): Ticket | undefined {
    const time = performance.now();
    for (const [name, { until }] of this.#keys) {
      if (until > time && (until === Number.POSITIVE_INFINITY || this.#keys.size <= maximumKeys)) break;
      this.#keys.delete(name);
    }
    const keyed = this.#keys.get(key);
    if (keyed && keyed.until <= time) this.#keys.delete(key);
    return keyed && keyed.until > time ? keyed.ticket : undefined;
  }

  #count(error: unknown): void {
    this.failures += 1;
    if (error instanceof UsageError) this.#host.failed(error);
  }

  #rejected(error: unknown): Promise<never> {
    this.#count(error);
    const promise = Promise.reject(error);
    ignoreRejection(promise);
    return promise;
  }
}

/** The promise of one message, and its listener in the session. */
export class Ticket implements PublishListener {
  readonly key: string | undefined;
  readonly #publisher: Publisher;
  readonly #end: Deferred<PublishResult> = deferred();
  #stored: Deferred<PublishResult> | undefined;
  #isStored = false;
  #isDone = false;

  constructor(publisher: Publisher, key: string | undefined) {
    this.#publisher = publisher;
    this.key = key;
  }

  /** Settles with the message. */
  get promise(): Promise<PublishResult> {
    return this.#end.promise;
  }

  /** Whether it has settled. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Resolves once the message is accepted. */
  stored(): Promise<PublishResult> {
    if (this.#isDone) return this.promise;
    if (this.#isStored) return writtenPromise;
    this.#stored ??= deferred();
    return this.#stored.promise;
  }

  accepted(): void {
    this.#isStored = true;
    this.#stored?.resolve(writtenResult);
    this.#stored = undefined;
  }

  acknowledged(reasonCode: number, properties: AckProperties | undefined, resent: boolean): void {
    const result: PublishResult =
      properties || resent ? { reasonCode, properties, resent: resent || undefined } : resultOf(reasonCode);
    if (!this.#finish(undefined)) return;
    this.#stored?.resolve(result);
    this.#end.resolve(result);
  }

  failed(error: unknown): void {
    if (!this.#finish(error)) return;
    // An ignored publish must not raise an unhandled rejection.
    ignoreRejection(this.#end.promise);
    this.#end.reject(error);
    if (!this.#stored) return;
    ignoreRejection(this.#stored.promise);
    this.#stored.reject(error);
  }

  /** The caller took it back before it was sent: nobody waits for it any more. */
  withdrawn(): void {
    this.#isDone = true;
  }

  /** It is the same message as another ticket's, which the store knew. */
  joinedBy(other: Ticket): void {
    if (this.#isStored) other.accepted();
    this.promise.then(
      ({ reasonCode, properties, resent }) => other.acknowledged(reasonCode, properties, resent ?? false),
      (error: unknown) => other.failed(error),
    );
  }

  #finish(error: unknown): boolean {
    if (this.#isDone) return false;
    this.#isDone = true;
    this.#publisher.done(this, error);
    return true;
  }
}

function resultOf(reasonCode: number): PublishResult {
  return reasonCode === 0 ? writtenResult : { reasonCode };
}

function checkedProperties(properties: PublishProperties | undefined): PublishProperties | undefined {
  if (properties === undefined) return undefined;
  validatePublishProperties(properties, 'options.properties');
  if (properties.topicAlias !== undefined) {
    throw new UsageError('options.properties.topicAlias: is chosen by mqtide, see the option topicAliases');
  }
  return { ...properties };
}
