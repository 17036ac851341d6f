/** `client.publish`: arguments, promises and keys; the flows are the session's. */

import { boolean, checkOptions, choice, text } from '../check';
import { publishSize, validatePublishProperties } from '../codec/client-packets';
import { referenceFrom } from '../codec/output';
import type { AckProperties } from '../codec/packet';
import { ConnectionError, StoreError, UsageError } from '../errors';
import type { PublishProperties } from '../message';
import type { Fifo } from '../session/fifo';
import type { OutgoingContent, OutgoingMessage, PublishListener } from '../session/outgoing-message';
import type { OwnRecords } from '../session/own-records';
import { checkFilled, checkTopicName } from '../topic/topic-name';
import type { PublishResult } from './client';
import { now } from './clock';
import type { Core, WaitingCall } from './core';
import { type Deferred, deferred, ignoreRejection } from './deferred';
import type { Payload, PublishOptions, WaitOptions } from './options';
import { ownProperties } from './own-properties';
import { passingBytes } from './payload';
import { writtenPromise, writtenResult } from './runner';
import { checkWait, waiting } from './waiting';

/** For how long after its end a key still names its message, in milliseconds. */
const keyLifetime = 600_000;

/** Keys remembered after their end: beyond it the oldest go early. */
const maximumKeys = 10_000;

/** A payload of up to this size fits into a packet with any topic, if there are no properties. */
const alwaysFits = 268_369_900;

const knownOptions = ['qos', 'retain', 'properties', 'until', 'key', 'signal', 'timeout'] as const;

const qosOf = choice(0, 1, 2);
const untilOf = choice('stored', 'acknowledged');

/** Publishes. */
export class Publisher {
  readonly #core: Core;
  /** Whether QoS 0 waits for a connection now, or is dropped without one. */
  readonly #keepsQos0: () => boolean;
  /** Keys of messages that have not ended. */
  readonly #pending = new Map<string, Ticket>();
  /** Keys of messages that were delivered, oldest first, until the wall time from which they are free again. */
  readonly #completed = new Map<string, { readonly ticket: Ticket; readonly until: number }>();
  /** A good topic, the last that was checked: most publishes go where the one before went. */
  #topic = 'a';
  /** First sends. */
  sent = 0;
  /** Publishes that failed. */
  failures = 0;

  constructor(core: Core, keepsQos0: () => boolean) {
    this.#core = core;
    this.#keepsQos0 = keepsQos0;
  }

  /** See `Client.publish`. */
  publish(
    topic: string,
    payload: Payload,
    options: PublishOptions | undefined,
    callback: unknown,
  ): Promise<PublishResult> {
    try {
      // As other clients have one.
      if (callback !== undefined) throw new UsageError('publish: takes no callback; await it');
      if (topic !== this.#topic) {
        checkTopicName(topic, 'topic');
        this.#topic = topic;
      }
      const bytes = passingBytes(payload, 'payload');
      if (bytes.length > alwaysFits) publishSize(topic, bytes, 2, undefined, 5);
      if (options !== undefined) return this.#publish(topic, bytes, options, typeof payload === 'string');
      return this.#publish0(topic, bytes, false, undefined, options);
    } catch (error) {
      this.#count(error);
      const promise = Promise.reject(error);
      ignoreRejection(promise);
      return promise;
    }
  }

  /** Messages of an earlier page, those that were delivered lately too: their keys name them again. */
  adopt(messages: Iterable<OutgoingMessage>): void {
    const records = [...this.#own.values()].filter((record) => record.kind === 'key');
    for (const { id: key, reasonCode, resent, until } of records.sort((a, b) => a.until - b.until)) {
      if (isOver(until)) {
        this.#own.delete('key', key);
        continue;
      }
      const ticket = this.#pending.get(key) ?? new Ticket(this, key);
      ticket.resolve(resultOf(reasonCode, undefined, resent));
      this.#pending.delete(key);
      this.#completed.set(key, { ticket, until });
    }
    for (const { key } of messages) if (key !== undefined) this.#adopt(key);
  }

  /**
   * The client is closed.
   * @param error for those who wait for what was there before them: the session does not know them
   * @param isRead whether what keys name is in the store, and `adopt` will have it again
   */
  closed(error: Error, isRead: boolean): void {
    for (const [key, ticket] of [...this.#pending]) {
      // Else it waits for the next connect.
      if (!ticket.isStored) continue;
      ticket.failed(error);
      if (isRead) this.#pending.delete(key);
    }
    if (isRead) this.#completed.clear();
  }

  /** A message without a promise of its own came to its end. */
  settled(key: string | undefined, error: Error | undefined, reasonCode: number, resent: boolean): void {
    const ticket = key === undefined ? undefined : this.#pending.get(key);
    if (!ticket) this.#count(error);
    else if (error) ticket.failed(error);
    else ticket.acknowledged(reasonCode, undefined, resent);
  }

  /** A ticket is done: with a result its key names it for a while. */
  done(ticket: Ticket, error: unknown, result?: PublishResult): void {
    const isStillStored = error instanceof ConnectionError && error.code === 'still-stored';
    if (!isStillStored) this.#count(error);
    const { key, isStored, callers, hearers, message } = ticket;
    if (key !== undefined && this.#pending.get(key) === ticket) {
      // What failed may be tried again at once.
      this.#pending.delete(key);
      if (isStillStored) this.#adopt(key);
      if (result) {
        const until = Date.now() + keyLifetime;
        this.#completed.set(key, { ticket, until });
        const { reasonCode, resent } = result;
        this.#own.put({ kind: 'key', id: key, reasonCode, resent, until });
      }
    }
    // Nobody hears of it by a promise. What has no listener is the closed client's, or was taken back.
    if (error && !(isStored ? hearers : callers) && message?.listener)
      this.#core.emitter.emit('settled', { key, error: error as Error });
  }

  /** See `Runner.left`. */
  get left(): Promise<unknown> | undefined {
    return this.#core.runner.left;
  }

  get #own(): OwnRecords {
    return this.#core.runner.session.own;
  }

  #adopt(key: string): void {
    const ticket = this.#pending.get(key) ?? new Ticket(this, key);
    this.#pending.set(key, ticket);
    ticket.accepted();
  }

  #publish(
    topic: string,
    payload: Uint8Array,
    options: PublishOptions,
    isOwn: boolean,
  ): Promise<PublishResult> {
    checkOptions(options, 'options', knownOptions);
    const qos = qosOf(options.qos, 'options.qos') ?? 0;
    const retain = boolean(options.retain, 'options.retain') ?? false;
    const properties = checkedProperties(options.properties);
    if (properties) publishSize(topic, payload, 2, properties, 5);
    const until = untilOf(options.until, 'options.until');
    const key = text(options.key, 'options.key');
    checkWait(options);
    if (qos === 0 && (key !== undefined || until === 'stored')) {
      throw new UsageError(
        `options.${key === undefined ? "until: 'stored'" : 'key'}: needs QoS 1 or 2; QoS 0 is not stored`,
      );
    }
    if (qos === 0) return this.#publish0(topic, payload, retain, properties, options);

    const line = this.#core.line(true);
    let ticket = key === undefined ? undefined : this.#named(key);
    if (!ticket) {
      ticket = new Ticket(this, key);
      if (key !== undefined) this.#pending.set(key, ticket);
      // Large text has an array of its own, see passingBytes. An array is free at the end of the promise, whatever it waits for.
      const isFreeLate = until !== 'stored' && !options.signal && options.timeout === undefined;
      const lent = payload.length >= referenceFrom && (isOwn || isFreeLate);
      this.#start(ticket, { topic, payload, qos, retain, properties, key, lent }, line);
    }
    return this.#wait(ticket, options, until === 'stored' ? 0 : 1);
  }

  #publish0(
    topic: string,
    payload: Uint8Array,
    retain: boolean,
    properties: PublishProperties | undefined,
    wait: WaitOptions | undefined,
  ): Promise<PublishResult> {
    const { runner, options } = this.#core;
    const line = this.#core.line(false);
    if (runner.session.isConnected && runner.holdsMore(options.queue.maxBytes)) {
      throw new ConnectionError(
        'queue-full',
        'More than queue.maxBytes wait in the transport; await publish() to keep its pace',
      );
    }
    if (!line) {
      if (runner.session.outgoing.publishNow(topic, payload, retain, properties)) {
        this.sent += 1;
        runner.touch();
        const written = runner.written(payload.length);
        return wait ? waiting(written, wait, undefined, 'publish') : written;
      }
      if (!this.#keepsQos0()) {
        throw new ConnectionError(
          'dropped',
          "The QoS 0 message was dropped: there is no connection; queue.qos0: 'queue' keeps it, QoS 1 is stored",
        );
      }
    }
    const ticket = new Ticket(this, undefined);
    this.#start(ticket, { topic, payload, qos: 0, retain, properties }, line);
    return this.#wait(ticket, wait ?? {}, 1);
  }

  /** Gives a message to the session once the client is open; one that has to be stored waits for the store, too. */
  #start(ticket: Ticket, content: OutgoingContent, line: Fifo<WaitingCall> | undefined): void {
    if (!line) {
      this.#hand(ticket, content);
      return;
    }
    // Meanwhile the caller's array may change.
    const kept = { ...content, payload: content.payload.slice() };
    line.push((error) => {
      // Stored: an earlier page published it under this key.
      if (ticket.isDone || ticket.isStored) return;
      // One of QoS 0 only waited behind others.
      if (error && (content.qos > 0 || !(error instanceof StoreError))) ticket.failed(error);
      else this.#hand(ticket, kept);
    });
  }

  #hand(ticket: Ticket, content: OutgoingContent): void {
    const { runner } = this.#core;
    // Reading the clock takes as long as half of all the rest.
    ticket.message = runner.session.outgoing.publish(content, ticket, content.properties && now());
    runner.touch();
  }

  /** Takes the message back if it was never sent. @returns whether it was */
  #withdraw({ message, isStored }: Ticket): boolean {
    const { runner } = this.#core;
    if (message ? !runner.session.outgoing.withdraw(message) : isStored) return false;
    runner.touch();
    return true;
  }

  /**
   * The promise for one caller: the ticket's, or one that may give up before it.
   * @param hears 1 for a caller who waits for the end of the message, 0 for one who waits until it is stored
   */
  #wait(ticket: Ticket, wait: WaitOptions, hears: 0 | 1): Promise<PublishResult> {
    const promise = hears ? ticket.promise : ticket.stored();
    ticket.callers += 1;
    ticket.hearers += hears;
    // What most calls ask for makes no closure.
    if (!wait.signal && wait.timeout === undefined) return promise;
    const giveUp = (reason: unknown) => {
      ticket.callers -= 1;
      ticket.hearers -= hears;
      if (ticket.callers === 0 && this.#withdraw(ticket)) {
        ticket.failed(reason);
        return undefined;
      }
      const message = 'Gave up waiting; the message stays and will be delivered';
      return new ConnectionError('still-stored', message, { cause: reason });
    };
    return waiting(promise, wait, giveUp, 'publish');
  }

  /** The message that a key names now. */
  #named(key: string): Ticket | undefined {
    for (const [name, { until }] of this.#completed) {
      if (!isOver(until) && this.#completed.size <= maximumKeys) break;
      this.#completed.delete(name);
      this.#own.delete('key', name);
    }
    const known = this.#completed.get(key);
    return this.#pending.get(key) ?? (known && !isOver(known.until) ? known.ticket : undefined);
  }

  #count(error: unknown): void {
    if (error === undefined) this.sent += 1;
    else this.failures += 1;
    const { emitter } = this.#core;
    // A promise that nobody looks at must not hide it.
    if (error instanceof UsageError && emitter.has('error')) emitter.emit('error', error);
  }
}

/** The promise of one message, and its listener in the session. */
export class Ticket implements PublishListener {
  readonly key: string | undefined;
  /** Callers that wait for it: the last one who gives up takes the message back, if that is possible. */
  callers = 0;
  /** Those who wait for its end: without any, `'settled'` tells of a failure. */
  hearers = 0;
  /** Once the session has it; never for one of an earlier page. */
  message: OutgoingMessage | undefined;
  /** Whether it has settled. */
  isDone = false;
  /** Whether the store has the message. */
  isStored = false;
  // Plain fields: private ones cost a good deal more to make.
  private readonly publisher: Publisher;
  private readonly end: Deferred<PublishResult> = deferred();
  private whenStored: Deferred<PublishResult> | undefined;

  constructor(publisher: Publisher, key: string | undefined) {
    this.publisher = publisher;
    this.key = key;
  }

  /** Settles with the message. */
  get promise(): Promise<PublishResult> {
    return this.end.promise;
  }

  /** Resolves once the message is accepted. */
  stored(): Promise<PublishResult> {
    if (this.isDone) return this.promise;
    if (this.isStored) return writtenPromise;
    this.whenStored ??= deferred();
    return this.whenStored.promise;
  }

  accepted(): void {
    this.isStored = true;
    this.whenStored?.resolve(writtenResult);
  }

  acknowledged(reasonCode: number, properties: AckProperties | undefined, resent: boolean): void {
    if (this.isDone) return;
    const result = resultOf(reasonCode, properties, resent || undefined);
    this.resolve(result);
    this.publisher.done(this, undefined, result);
  }

  /** It was delivered. */
  resolve(result: PublishResult): void {
    this.isDone = true;
    this.whenStored?.resolve(result);
    this.end.resolve(result);
  }

  failed(error: unknown): void {
    if (this.isDone) return;
    this.isDone = true;
    this.publisher.done(this, error);
    const settle = () => {
      for (const { promise, reject } of [this.end, this.whenStored ?? this.end]) {
        // An ignored publish must not raise an unhandled rejection.
        ignoreRejection(promise);
        reject(error);
      }
    };
    // The last bytes of a client that is closed may still be on their way out of the array.
    const { left } = this.publisher;
    if (this.message?.lent && left) left.then(settle);
    else settle();
  }
}

/** Whether a key is free again. A time that far ahead is of a clock that was set back since. */
function isOver(until: number): boolean {
  return Math.abs(until - Date.now() - keyLifetime) >= keyLifetime;
}

function resultOf(reasonCode: number, properties?: AckProperties, resent?: boolean): PublishResult {
  return reasonCode === 0 && !properties && !resent ? writtenResult : { reasonCode, properties, resent };
}

/** A copy of the caller's properties, checked. */
function checkedProperties(properties: PublishProperties | undefined): PublishProperties | undefined {
  if (properties === undefined) return undefined;
  const name = 'options.properties';
  validatePublishProperties(properties, name);
  if (properties.topicAlias !== undefined) {
    throw new UsageError(`${name}.topicAlias: is chosen by mqtide, see the option topicAliases`);
  }
  checkFilled(properties.responseTopic, `${name}.responseTopic`);
  return ownProperties(properties);
}
