/**
 * The one place where the session meets the transport, the store and the clock.
 *
 * Flush: the first output of a task leaves in a microtask, more output of the same task at its end. So one publish
 * leaves at once, and ten thousand leave as few frames. Whether it is the same task is told by the time since the last
 * flush: a callback at the end of each task would cost more than all else that one publish takes.
 *
 * Store: a batch with store operations leaves once they are durable; batches leave in order; one without operations
 * may overtake those that wait. One write is under way at a time, and the next takes all that came meanwhile: so a
 * write that fails is followed by none that needs it.
 */

import { frameLimit, referenceFrom } from '../codec/output';
import type { ConnectPacket, Packet } from '../codec/packet';
import { ConnectionError, MqttError, ProtocolError, StoreError } from '../errors';
import type { PacketTap } from '../session/link';
import type { Now } from '../session/now';
import { Session, type SessionOptions, type SessionPort } from '../session/session';
import type { Batch } from '../session/turn';
import type { Release, SessionStore } from '../store/store';
import type { Connection } from '../transport/transport';
import type { PublishResult } from './client';
import { type Clock, longestDelay, now } from './clock';
import { type Deferred, deferred } from './deferred';
import { atEndOfTask } from './end-of-task';
import { isThenable } from './thenable';
import { waiting } from './waiting';

/** Bytes in the transport's buffer from which on publishers wait. */
const highWaterMark = 512 * 1_024;

/** Output so soon after a flush is taken for more of the same task, in milliseconds. */
const sameTask = 0.25;

/** How often a transport without drain events is looked at while publishers wait, in milliseconds. */
const drainPoll = 10;

/** A network that is slower is taken for a dead one, where nothing is seen of a large frame before it has left; bytes a millisecond. */
const slowest = 32;

/** Longest time that the store may take, in milliseconds; a disk that hangs must not hang the client. */
const storeTimeout = 15_000;

/**
 * Acknowledgements that may be on their way to the server. With each packet identifier in use, of its side and of ours,
 * an honest one has 131,070 of them due, and asks for no more before it has read some. So it need not be slowed down
 * by a pause, which could leave both sides waiting for the other to read.
 */
const mostAnswers = 262_144;

/** How long the server may take to read on, and then to close its end after DISCONNECT, in milliseconds. */
const closeGrace = 2_000;

/** The result of every QoS 0 publish: one object, one promise. */
export const writtenResult: PublishResult = Object.freeze({ reasonCode: 0 });
export const writtenPromise: Promise<PublishResult> = Promise.resolve(writtenResult);

/** Counters of the wire. */
export interface WireCounts {
  bytesSent: number;
  bytesReceived: number;
}

/** Ownership of the stored session, from the wish for it to its end. */
interface Ownership {
  /** Aborted at its end. */
  readonly ending: AbortController;
  /** What gives it back; undefined for a store that knows no owners. */
  readonly acquired: Promise<Release | undefined>;
  /** Set when another has taken it: nothing is written any more. */
  lost?: StoreError;
}

/** Runs a session. */
export class Runner {
  /** A new one after each `stop` if there is a store, which others may write meanwhile. */
  session: Session;
  readonly counts: WireCounts = { bytesSent: 0, bytesReceived: 0 };
  /** Of the last connection that was ended in order, where its last bytes have to be waited for: resolves when none are left. */
  left: Promise<unknown> | undefined;
  /** Called after each flush, when set. */
  afterFlush: (() => void) | undefined;
  readonly #options: SessionOptions;
  readonly #port: SessionPort;
  readonly #store: SessionStore;
  readonly #storeKey: string;
  /** The one of the last `restore`. */
  #ownership: Ownership | undefined;
  /** Settles when the last ownership that was given back is over. */
  #released: Promise<unknown> = Promise.resolve();
  /** Between `stop` and `start`. */
  #isStopped = false;
  #connection: Connection | undefined;
  /** Batches in order that wait for the store, or for those before them. */
  #waiting: Batch[] = [];
  /** Bytes in them. */
  #waitingBytes = 0;
  /** How many of them the write under way is for. */
  #writing = 0;
  /** Settles with the writes that took too long: they may still be applied, and nothing is read or written before. */
  #late: Promise<unknown> | undefined;
  /** For those who wait until nothing waits for the store. */
  #stored: Deferred<void> | undefined;
  /** Whether a flush is due: in a microtask, or at the end of the task. */
  #due: 'no' | 'microtask' | 'task' = 'no';
  /** Monotonic time of the end of the last flush. */
  #flushedAt = -Infinity;
  /** Monotonic time by which large frames should have left. */
  #largeUntil = 0;
  readonly #clock: Clock;
  /** Calls the timer off. */
  #cancel: (() => void) | undefined;
  /** Monotonic time that the timer is set for. */
  #timerAt = Infinity;
  /** Bytes in the transport's buffer when it was asked last; Infinity after a write. */
  #buffered = Infinity;
  /** Calls the next look at it off. */
  #cancelLook: (() => void) | undefined;
  /** For publishers that wait for the next flush, and for the transport's buffer to shrink. */
  #drained: Deferred<PublishResult> | undefined;
  /** Whether the next flush has arrays of the application. */
  #lends = false;
  /** Bytes sent by when the last flush with such an array is out. */
  #lentUntil = 0;
  /** Acknowledgements written, and bytes handed to the transport, when {@link mostAnswers} were reached last. */
  #seen = { answers: 0, bytes: 0 };
  /** Packets that were written since the last flush, for the tap. */
  #sentPackets: Packet[] = [];
  #tap: PacketTap | undefined;

  constructor(
    options: SessionOptions,
    port: SessionPort,
    store: SessionStore,
    storeKey: string,
    clock: Clock,
  ) {
    this.#clock = clock;
    this.session = new Session(options, port);
    this.#options = options;
    this.#port = port;
    this.#store = store;
    this.#storeKey = storeKey;
  }

  /**
   * Makes the stored session ours alone and reads it.
   *
   * @param lost called when another has taken it
   * @throws StoreError
   */
  async restore(lost: (error: StoreError) => void): Promise<void> {
    const ownership = this.#acquire(lost);
    const { signal } = ownership.ending;
    try {
      await waiting(ownership.acquired, { signal });
      if (this.#late) await waiting(this.#inTime('write', this.#late), { signal });
      this.#late = undefined;
      const records = this.#inTime('read', Promise.resolve(this.#store.load(this.#storeKey)));
      this.session.restore(await waiting(records, { signal }));
    } catch (error) {
      if (this.#ownership === ownership) this.#giveBack();
      throw storeError(error, 'read');
    }
  }

  /** Shows every packet to a tool; undefined stops that. */
  tap(tap: PacketTap | undefined): void {
    this.#tap = tap;
    this.#tapSession();
  }

  #tapSession(): void {
    const tap = this.#tap;
    // What a listener does must not come between the session's steps: what is written is shown when it leaves.
    this.session.tap(
      tap &&
        ((direction, packet) =>
          direction === 'in' ? tap(direction, packet) : this.#sentPackets.push(packet)),
    );
  }

  /** A transport is open: CONNECT goes out. */
  attach(connection: Connection, connect: ConnectPacket, isForced: boolean): void {
    // What waits leaves first, so that CONNECT does not wait for the store together with it.
    this.flush();
    // What waits for the store longer than its connection lasted goes nowhere.
    for (const batch of this.#waiting) batch.frames = [];
    this.#waitingBytes = 0;
    this.#connection = connection;
    this.#seen = { answers: 0, bytes: this.counts.bytesSent };
    this.#largeUntil = 0;
    this.#lentUntil = 0;
    connection.onData = (bytes) => {
      if (this.#connection !== connection) return;
      this.counts.bytesReceived += bytes.length;
      const time = now();
      this.session.receive(bytes, time);
      if (this.session.answers > this.#seen.answers + mostAnswers) this.#look(connection);
      if (this.session.hasOutput || this.afterFlush) this.touch();
      else this.#arm(time);
    };
    connection.onClose = (error) => {
      if (this.#connection !== connection) return;
      this.session.closed(error, now());
      this.touch();
    };
    connection.onDrain = () => this.#drain();
    this.session.opened(connect, now(), connection, isForced);
    this.flush();
  }

  /** Ends the connection after the session ended its link: with the last bytes, or without a word. */
  detach(orderly: boolean): void {
    const connection = this.#connection;
    if (!connection) return;
    if (orderly) this.flush();
    const lenders = orderly && this.#hasLent() ? this.#drained : undefined;
    // In this order: what the transport calls now concerns nobody any more.
    this.#connection = undefined;
    if (orderly) {
      let left = Infinity;
      let timer: ReturnType<typeof setTimeout> | undefined;
      const gone = deferred<void>();
      // A peer that keeps its end open must not keep ours open; one that still reads gets everything.
      const look = () => {
        const before = left;
        left = connection.bufferedAmount;
        if (left < before) timer = setTimeout(look, closeGrace);
        else {
          connection.destroy();
          gone.resolve();
        }
      };
      look();
      connection.onClose = () => {
        clearTimeout(timer);
        gone.resolve();
      };
      const leaving: unknown = connection.close();
      this.left = isThenable(leaving) ? Promise.race([leaving, gone.promise]).catch(() => {}) : undefined;
    } else connection.destroy();
    this.session.closed();
    if (lenders && this.left) {
      this.#drained = undefined;
      this.left.then(() => lenders.resolve(writtenResult));
    }
    this.#drain();
  }

  /** The client is open: sets the clock. */
  start(): void {
    if (this.#isStopped && this.#options.recording) {
      this.session = new Session(this.#options, this.#port);
      this.#tapSession();
    }
    this.#isStopped = false;
    this.#timerAt = Infinity;
    this.touch();
  }

  /** The client is closed: hands over what is left, gives the stored session back, and stops the clock. */
  stop(): void {
    this.flush();
    this.#isStopped = true;
    this.#giveBack();
    this.#cancel?.();
    // No deadline comes before it.
    this.#timerAt = -Infinity;
  }

  /** The session may have output: sees to a flush. To be called after every input to it. */
  touch(): void {
    if (this.#due !== 'no') return;
    const isMore = performance.now() - this.#flushedAt < sameTask;
    const due = isMore ? 'task' : 'microtask';
    const schedule = isMore ? atEndOfTask : queueMicrotask;
    this.#due = due;
    schedule(() => {
      if (this.#due === due) this.flush();
    });
  }

  /**
   * Resolves when what was written by now is with the transport, or leaves at the end of this task, and the transport
   * is not congested.
   * @param size of the payload: the application's array, if it is part of that, is free only once it has left
   */
  written(size: number): Promise<PublishResult> {
    const lends = size >= referenceFrom && this.#connection?.zeroCopy === true;
    this.#lends ||= lends;
    if (!lends && this.#due === 'task' && this.session.pendingBytes < frameLimit && !this.#isCongested())
      return writtenPromise;
    this.#drained ??= deferred();
    return this.#drained.promise;
  }

  /** Whether more bytes than these wait to be sent, here and in the transport. */
  holdsMore(than: number): boolean {
    return this.#transportHoldsMore(than - this.session.pendingBytes);
  }

  /** Hands over everything that is due, now. */
  flush(): void {
    this.#due = 'no';
    const time = now();
    for (let batch = this.session.takeBatch(); batch; batch = this.session.takeBatch()) {
      this.#commit(batch, time);
    }
    if (this.#lends) this.#lentUntil = this.counts.bytesSent + this.#waitingBytes;
    this.#lends = false;
    for (const packet of this.#sentPackets.splice(0)) this.#tap?.('out', packet);
    this.#drain();
    this.#arm(time);
    this.afterFlush?.();
    // The transport may have taken its time.
    this.#flushedAt = performance.now();
  }

  /** Whether nothing waits for the store. */
  get isStored(): boolean {
    return this.#waiting.length === 0;
  }

  /** Resolves after `stop`, when the store has everything, or has failed, and the session is another's to take. */
  get released(): Promise<unknown> {
    return this.#released;
  }

  #acquire(lost: (error: StoreError) => void): Ownership {
    const ending = new AbortController();
    const { signal } = ending;
    const store = this.#store;
    const ownership: Ownership = {
      ending,
      acquired: this.#released.then(() =>
        store.acquire?.(this.#storeKey, {
          signal,
          lost: (cause) => {
            ownership.lost ??= new StoreError(
              'store-taken',
              'Another page or client has taken the stored session over; this one writes nothing more',
              { cause },
            );
            if (!signal.aborted) lost(ownership.lost);
          },
        }),
      ),
    };
    this.#ownership = ownership;
    return ownership;
  }

  #giveBack(): void {
    const { ending, acquired } = this.#ownership ?? {};
    if (!ending || ending.signal.aborted) return;
    ending.abort(closedError());
    this.#stored ??= deferred();
    const releasing = this.#stored.promise.then(async () => (await acquired)?.());
    this.#settleStored();
    this.#released = releasing.catch(() => {});
  }

  #commit(batch: Batch, time: Now): void {
    // Too late: the stored session may be another's.
    if (this.#isStopped && batch.operations.length > 0) return;
    if (batch.operations.length === 0 && (!batch.ordered || this.isStored)) {
      this.#release(batch, time);
      return;
    }
    this.#waiting.push(batch);
    this.#waitingBytes += sizeOf(batch);
    if (this.#writing === 0) this.#write();
  }

  /** Writes all that waits, in one call. */
  #write(): void {
    const count = this.#waiting.length;
    const operations = this.#waiting.flatMap((batch) => batch.operations);
    const late = operations.length > 0 ? this.#late : undefined;
    let isLate = false;
    let isGiven = false;
    const write = (loss?: unknown) => {
      const lost = loss ?? this.#ownership?.lost;
      if (lost) throw lost;
      if (operations.length === 0 || isLate) return undefined;
      isGiven = true;
      return this.#store.write(this.#storeKey, operations);
    };
    let result: unknown;
    try {
      result = late ? late.then(write) : write();
    } catch (error) {
      result = Promise.reject(error);
    }
    if (!isThenable(result)) {
      this.#written(count);
      return;
    }
    this.#writing = count;
    // Whatever a store of the application gives, it is a whole promise from here on.
    const writing = Promise.resolve(result);
    const tooLong = () => {
      isLate = true;
      return storeError(undefined, 'write');
    };
    waiting(writing, { timeout: storeTimeout }, tooLong).then(
      () => {
        this.#written(count);
        this.touch();
      },
      (error: unknown) => {
        if (isLate) this.#putFirst(writing);
        else if (late) this.#late = undefined;
        this.#failed(storeError(error, 'write'), isLate && isGiven);
      },
    );
  }

  /** Gives the store nothing more to do before this has settled. */
  #putFirst(writing: Promise<unknown>): void {
    const over = () => {
      this.#late = undefined;
    };
    this.#late = writing.then(over, (reason: unknown) => (isLoss(reason) ? reason : over()));
  }

  #written(count: number): void {
    this.#writing = 0;
    for (const batch of this.#waiting.splice(0, count)) {
      this.#waitingBytes -= sizeOf(batch);
      this.#release(batch, now());
    }
    if (!this.isStored) this.#write();
    this.#settleStored();
  }

  /** Nothing that came after the failure is in the store either: all goes back to the session. */
  #failed(error: MqttError, mayBeApplied: boolean): void {
    this.#writing = 0;
    this.#waitingBytes = 0;
    this.session.commitFailed(this.#waiting.splice(0), error, mayBeApplied);
    this.#settleStored();
  }

  #settleStored(): void {
    if (!this.isStored) return;
    this.#stored?.resolve();
    this.#stored = undefined;
  }

  #inTime<Value>(verb: 'read' | 'write', promise: Promise<Value>): Promise<Value> {
    return waiting(promise, { timeout: storeTimeout }, () => storeError(undefined, verb));
  }

  #release(batch: Batch, time: Now): void {
    const mayWrite = this.session.committed(batch, time);
    const connection = this.#connection;
    if (!mayWrite || !connection) return;
    this.#buffered = Infinity;
    for (const frame of batch.frames) {
      const before = this.counts.bytesSent;
      for (const chunk of frame) this.counts.bytesSent += chunk.length;
      const size = this.counts.bytesSent - before;
      if (connection.coarse && size > frameLimit)
        this.#largeUntil = Math.max(this.#largeUntil, time.monotonic) + size / slowest;
      try {
        connection.write(frame);
      } catch (error) {
        // What wraps the sockets of this page, or a transport of the application: the bytes are missing from here on.
        this.session.closed(error as Error, time);
        return;
      }
    }
  }

  // --- waiting publishers

  /** Whether the connection may still read an array of the application. */
  #hasLent(): boolean {
    const connection = this.#connection;
    if (!connection || this.#lends) return this.#lends;
    return this.#lentUntil > 0 && this.counts.bytesSent - connection.bufferedAmount < this.#lentUntil;
  }

  #isCongested(): boolean {
    return this.#transportHoldsMore(highWaterMark - 1);
  }

  /**
   * What waits for the store counts, too. Only a write adds to the transport's buffer, and asking a browser for it takes
   * longer than the rest of a publish.
   */
  #transportHoldsMore(than: number): boolean {
    const left = this.#connection ? than - this.#waitingBytes : than;
    if (this.#buffered > left) this.#buffered = this.#connection?.bufferedAmount ?? 0;
    return this.#buffered > left;
  }

  /**
   * Lets go of the publishers that wait, when the transport is not congested, or gone. Browsers do not tell when a
   * WebSocket's buffer has shrunk, so it is looked at while someone waits.
   */
  #drain(): void {
    this.#cancelLook?.();
    if (!this.#drained) return;
    if (this.#isCongested() || this.#hasLent()) {
      this.#cancelLook = this.#clock(() => this.#drain(), drainPoll);
      return;
    }
    this.#drained.resolve(writtenResult);
    this.#drained = undefined;
  }

  /** Ends the connection of a server that asks for ever more and reads nothing: the answers would fill our memory. */
  #look({ bufferedAmount }: Connection): void {
    const { bytesSent } = this.counts;
    if (bytesSent - bufferedAmount < this.#seen.bytes) {
      const words = `The server reads nothing, and has asked for more than ${mostAnswers} acknowledgements`;
      this.session.drop(new ProtocolError(words));
    }
    this.#seen = { answers: this.session.answers, bytes: bytesSent };
  }

  // --- the clock

  #arm(time: Now): void {
    const deadline = this.session.deadline(time);
    // A timer that fires early only looks and is set again; setting it anew for each packet would cost more.
    if (deadline >= this.#timerAt) return;
    this.#cancel?.();
    this.#timerAt = deadline;
    const sent = () => this.counts.bytesSent - (this.#connection?.bufferedAmount ?? 0);
    const sentBefore = sent();
    const asked = this.counts.bytesSent;
    const delay = Math.min(longestDelay, Math.max(0, deadline - time.monotonic));
    this.#cancel = this.#clock(() => {
      this.#timerAt = Infinity;
      const time = now();
      // What was written since proves nothing: it is in the buffer for a moment even where nobody reads it.
      const isFull = sent() < asked;
      this.session.tick(time, isFull && (sent() > sentBefore || time.monotonic < this.#largeUntil));
      this.flush();
    }, Math.ceil(delay));
  }
}

function sizeOf({ frames }: Batch): number {
  return frames.flat().reduce((size, { length }) => size + length, 0);
}

/** Whether records that had been written before are gone, too. */
function isLoss(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'store-lost';
}

function storeError(error: unknown, verb: 'read' | 'write'): MqttError {
  if (error instanceof MqttError) return error;
  const why =
    error === undefined ? `took longer than ${storeTimeout / 1_000} seconds to ${verb}` : `could not ${verb}`;
  const words = error instanceof Error ? `: ${error.message}` : '';
  return new StoreError('store-failed', `The session store ${why}${words}`, { cause: error });
}

/** The error for a client that was closed. */
export function closedError(cause?: MqttError): ConnectionError {
  return cause === undefined
    ? new ConnectionError('closed', 'The client is closed; connect() opens it again')
    : new ConnectionError('closed', `The client was closed by an error: ${cause.message}`, { cause });
}
