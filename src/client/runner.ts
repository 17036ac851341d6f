/**
 * The one place where the session meets the transport, the store and the clock.
 *
 * Flush: the first output of a task leaves in a microtask, more output of the same task at its end. So one publish
 * leaves at once, and ten thousand leave as few frames.
 *
 * Store: a batch with store operations leaves once they are durable; batches leave in order; one without operations
 * may overtake those that wait.
 */

import { Decoder } from '../codec/decoder';
import { frameLimit } from '../codec/output';
import type { ConnectPacket, Packet } from '../codec/packet';
import { ConnectionError, MqttError, StoreError } from '../errors';
import { Session, type SessionOptions, type SessionPort } from '../session/session';
import type { Batch } from '../session/turn';
import type { SessionStore } from '../store/store';
import type { Connection } from '../transport/transport';
import { longestDelay, now } from './clock';
import { type Deferred, deferred } from './deferred';
import { atEndOfTask } from './end-of-task';

/** Bytes in the transport's buffer from which on publishers wait. */
const highWaterMark = 512 * 1_024;

/** How often a transport without drain events is looked at while publishers wait, in milliseconds. */
const drainPoll = 10;

/** Longest time that the store may take for a batch, in milliseconds; a disk that hangs must not hang the client. */
const storeTimeout = 15_000;

/** A batch that waits for the store, or for those before it. */
interface WaitingBatch {
  readonly batch: Batch;
  state: 'writing' | 'durable' | 'failed';
  error?: MqttError;
}

/** Counters of the wire. */
export interface WireCounts {
  bytesSent: number;
  bytesReceived: number;
}

/** Called for every packet that goes in or out. */
export type PacketTap = (direction: 'in' | 'out', packet: Packet) => void;

/** Runs a session. */
export class Runner {
  readonly session: Session;
  readonly counts: WireCounts = { bytesSent: 0, bytesReceived: 0 };
  /** Called after each flush, when set. */
  afterFlush: (() => void) | undefined;
  readonly #store: SessionStore;
  readonly #storeKey: string;
  #connection: Connection | undefined;
  /** Batches in order that wait for the store. */
  #waiting: WaitingBatch[] = [];
  /** Whether a flush is due: in a microtask, or at the end of the task. */
  #due: 'no' | 'microtask' | 'task' = 'no';
  /** Whether this task has flushed once. */
  #flushed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Monotonic time that the timer is set for. */
  #timerAt = Number.POSITIVE_INFINITY;
  #drainTimer: ReturnType<typeof setTimeout> | undefined;
  /** Publishers that wait for the next flush. */
  #nextFlush: Deferred<void> | undefined;
  /** Publishers that wait for the transport's buffer to shrink. */
  #drained: Deferred<void> | undefined;
  #tap: PacketTap | undefined;
  #outgoingTap: Decoder | undefined;

  constructor(options: SessionOptions, port: SessionPort, store: SessionStore, storeKey: string) {
    this.session = new Session(options, port);
    this.#store = store;
    this.#storeKey = storeKey;
  }

  /** Reads what the store kept. @throws StoreError */
  async restore(): Promise<void> {
    try {
      this.session.restore(await this.#store.load(this.#storeKey));
    } catch (error) {
      throw storeError(error, 'read');
    }
  }

  /** Shows every packet to a tool; undefined stops that. */
  tap(tap: PacketTap | undefined): void {
    if ((tap === undefined) === (this.#tap === undefined)) return;
    this.#tap = tap;
    this.session.tap = tap && ((packet) => tap('in', packet));
    if (!tap) this.#outgoingTap = undefined;
  }

  /** A transport is open: CONNECT goes out. */
  attach(connection: Connection, connect: ConnectPacket): void {
    this.#connection = connection;
    this.#outgoingTap = undefined;
    connection.onData = (bytes) => {
      if (this.#connection !== connection) return;
      this.counts.bytesReceived += bytes.length;
      this.session.receive(bytes, now());
      this.touch();
    };
    connection.onClose = (error) => {
      if (this.#connection !== connection) return;
      this.#connection = undefined;
      this.session.closed(error);
      this.#settleWaiters();
      this.touch();
    };
    connection.onDrain = () => this.#checkDrain();
    this.session.opened(connect, now());
    this.flush();
  }

  /** Ends the connection after the session ended its link: with the last bytes, or without a word. */
  detach(orderly: boolean): void {
    const connection = this.#connection;
    if (!connection) return;
    if (orderly) this.flush();
    this.#connection = undefined;
    // In this order: what the transport calls now concerns nobody any more.
    connection.onData = undefined;
    connection.onClose = undefined;
    connection.onDrain = undefined;
    if (orderly) connection.close();
    else connection.destroy();
    this.session.closed();
    this.#settleWaiters();
  }

  /** Stops the clock; the client is closed. */
  stop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#drainTimer);
    this.#timer = undefined;
    this.#drainTimer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  /** The session may have output: sees to a flush. To be called after every input to it. */
  touch(): void {
    if (this.#due !== 'no') return;
    if (this.#flushed) {
      this.#due = 'task';
      return;
    }
    this.#due = 'microtask';
    queueMicrotask(() => {
      if (this.#due !== 'microtask') return;
      this.#flushed = true;
      this.flush();
      atEndOfTask(() => {
        this.#flushed = false;
        if (this.#due === 'task') this.flush();
      });
    });
  }

  /**
   * Resolves when what was written by now is with the transport, or leaves at the end of this task, and the transport
   * is not congested. Undefined when that is so already.
   */
  written(): Promise<void> | undefined {
    if (this.#flushed && this.session.pendingBytes < frameLimit && !this.#isCongested()) return undefined;
    this.#nextFlush ??= deferred();
    return this.#nextFlush.promise;
  }

  /** Bytes that the transport has not sent yet. */
  get bufferedBytes(): number {
    return (this.#connection?.bufferedAmount ?? 0) + this.session.pendingBytes;
  }

  /** Hands over everything that is due, now. */
  flush(): void {
    this.#due = 'no';
    for (let batch = this.session.takeBatch(); batch; batch = this.session.takeBatch()) this.#commit(batch);
    this.#settleFlush();
    this.#arm();
    this.afterFlush?.();
  }

  /** Resolves when the store has everything. */
  async stored(): Promise<void> {
    while (this.#waiting.length > 0) {
      this.#stored ??= deferred();
      await this.#stored.promise;
    }
  }
  #stored: Deferred<void> | undefined;

  #commit(batch: Batch): void {
    if (batch.operations.length === 0) {
      if (!batch.ordered || this.#waiting.length === 0) this.#release(batch);
      else this.#waiting.push({ batch, state: 'durable' });
      return;
    }
    const waiting: WaitingBatch = { batch, state: 'writing' };
    let written: void | Promise<void>;
    try {
      written = this.#store.write(this.#storeKey, batch.operations);
    } catch (error) {
      written = Promise.reject(error);
    }
    if (written === undefined) {
      waiting.state = 'durable';
      if (this.#waiting.length === 0) this.#release(batch);
      else this.#waiting.push(waiting);
      return;
    }
    this.#waiting.push(waiting);
    const timer = setTimeout(() => settle(storeError(undefined, 'write')), storeTimeout);
    const settle = (error?: MqttError) => {
      clearTimeout(timer);
      if (waiting.state !== 'writing') return;
      waiting.state = error ? 'failed' : 'durable';
      if (error) waiting.error = error;
      this.#releaseWaiting();
      this.touch();
    };
    written.then(
      () => settle(),
      (error: unknown) => settle(storeError(error, 'write')),
    );
  }

  #releaseWaiting(): void {
    for (let first = this.#waiting[0]; first && first.state !== 'writing'; first = this.#waiting[0]) {
      this.#waiting.shift();
      if (first.error) this.session.commitFailed(first.batch, first.error);
      else this.#release(first.batch);
    }
    if (this.#waiting.length > 0) return;
    this.#stored?.resolve();
    this.#stored = undefined;
  }

  #release(batch: Batch): void {
    const mayWrite = this.session.committed(batch, now());
    const connection = this.#connection;
    if (!mayWrite || !connection) return;
    for (const frame of batch.frames) {
      for (const chunk of frame) this.counts.bytesSent += chunk.length;
      if (this.#tap) this.#showOutgoing(frame, batch);
      connection.write(frame);
    }
  }

  #showOutgoing(frame: readonly Uint8Array[], batch: Batch): void {
    const tap = this.#tap;
    if (!tap) return;
    this.#outgoingTap ??= new Decoder({
      protocolVersion: batch.link?.protocolVersion,
      onPacket: (packet) => tap('out', packet),
    });
    for (const chunk of frame) this.#outgoingTap.push(chunk);
  }

  // --- waiting publishers

  #isCongested(): boolean {
    return (this.#connection?.bufferedAmount ?? 0) >= highWaterMark;
  }

  #settleFlush(): void {
    const waiters = this.#nextFlush;
    if (!waiters) return;
    this.#nextFlush = undefined;
    if (!this.#isCongested()) {
      waiters.resolve();
      return;
    }
    this.#drained ??= deferred();
    this.#drained.promise.then(waiters.resolve);
    this.#pollDrain();
  }

  #checkDrain(): void {
    if (!this.#drained || this.#isCongested()) return;
    clearTimeout(this.#drainTimer);
    this.#drainTimer = undefined;
    this.#drained.resolve();
    this.#drained = undefined;
  }

  /** Browsers do not tell when a WebSocket's buffer has shrunk, so it is looked at while someone waits. */
  #pollDrain(): void {
    if (this.#drainTimer !== undefined) return;
    this.#drainTimer = setTimeout(() => {
      this.#drainTimer = undefined;
      this.#checkDrain();
      if (this.#drained) this.#pollDrain();
    }, drainPoll);
  }

  /** Nothing will leave any more: QoS 0 waits for nothing. */
  #settleWaiters(): void {
    this.#nextFlush?.resolve();
    this.#nextFlush = undefined;
    this.#checkDrain();
  }

  // --- the clock

  #arm(): void {
    const time = now();
    const deadline = this.session.deadline(time);
    // A timer that fires early only looks and is set again; setting it anew for each packet would cost more.
    if (deadline >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = deadline;
    const delay = Math.min(longestDelay, Math.max(0, deadline - time.monotonic));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.session.tick(now());
      this.flush();
    }, Math.ceil(delay));
  }
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
