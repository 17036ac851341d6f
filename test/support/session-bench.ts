/**
 * A session on a test bench: a store, a clock and a server that only do what the test says. No socket, no sleep.
 *
 * Each input is one turn: what it leaves to do is taken as a batch at once, given to the store, and what may be
 * written then is decoded as the server would. `turn` makes several inputs one turn.
 */

import { expect } from 'vitest';
import { Decoder } from '../../src/codec/decoder';
import { encode } from '../../src/codec/encode';
import type {
  ConnackPacket,
  ConnackProperties,
  ConnectPacket,
  DecodedPublishPacket,
  Packet,
} from '../../src/codec/packet';
import { type MqttError, StoreError } from '../../src/errors';
import type { ProtocolVersion, QoS } from '../../src/message';
import type { IncomingMessage } from '../../src/session/incoming-message';
import type { LinkEnd } from '../../src/session/link-end';
import type { Now } from '../../src/session/now';
import type { OutgoingContent, OutgoingMessage } from '../../src/session/outgoing-message';
import type { RecordKind, StoreOperation, StoreRecord } from '../../src/session/records';
import { type Connected, Session, type SessionOptions, type SessionPort } from '../../src/session/session';
import type {
  FilterOutcome,
  SubscriptionOptions,
  SubscriptionRequest,
} from '../../src/session/subscriptions';
import type { Batch } from '../../src/session/turn';
import { concat } from './hex';
import { connack, connect, puback } from './packet-makers';

/** A publish of the application, and what became of it. */
export interface Published {
  message: OutgoingMessage;
  accepted: boolean;
  /** `acknowledged 0`, `refused 135`, `failed expired`; undefined while it is open. */
  outcome: string | undefined;
  resent: boolean;
  error: Error | undefined;
}

/** A SUBSCRIBE or UNSUBSCRIBE of the application, and what became of it. */
export interface Requested {
  request: SubscriptionRequest;
  /** Undefined while it is open. */
  outcomes: readonly FilterOutcome[] | undefined;
}

/** A message that the session handed out. */
export interface Delivered {
  readonly packet: DecodedPublishPacket;
  /** Undefined with QoS 0. */
  readonly message: IncomingMessage | undefined;
  readonly redelivered: boolean;
}

/** How a bench is set up. */
export interface BenchOptions extends Partial<SessionOptions> {
  readonly version?: ProtocolVersion;
  /** `none`: nothing is recorded; `sync`: durable at once; `manual`: durable when the test says `commit`. */
  readonly store?: 'none' | 'sync' | 'manual';
  /** The transport confirms with a delay what came, as TCP does. */
  readonly delayedAcks?: boolean;
}

/** What the store holds for certain. */
export class StoreDouble {
  readonly #records = new Map<string, StoreRecord>();
  /** Batches of operations written, for those who count. */
  writes = 0;

  apply(operations: readonly StoreOperation[]): void {
    if (operations.length > 0) this.writes += 1;
    for (const operation of operations) {
      if (operation.type === 'delete') this.#records.delete(`${operation.kind} ${operation.id}`);
      else {
        const { record } = operation;
        this.#records.set(`${record.kind} ${record.id}`, copyOf(record));
      }
    }
  }

  /** The records of one kind. */
  list<Kind extends RecordKind>(kind: Kind): Extract<StoreRecord, { kind: Kind }>[] {
    return [...this.#records.values()].filter(
      (record): record is Extract<StoreRecord, { kind: Kind }> => record.kind === kind,
    );
  }

  /** All records, in no order that anybody may count on. */
  all(): StoreRecord[] {
    return [...this.#records.values()].reverse().map((record) => structuredClone(record));
  }

  copy(): StoreDouble {
    const copy = new StoreDouble();
    copy.apply(this.all().map((record) => ({ type: 'put', record })));
    return copy;
  }
}

/** A record as it is now; a clone in depth of each would take most of the time of the tests with all identifiers. */
function copyOf(record: StoreRecord): StoreRecord {
  return 'properties' in record && record.properties ? structuredClone(record) : { ...record };
}

/** A batch that waits for the store, or for those before it. */
interface Waiting {
  readonly batch: Batch;
  state: 'writing' | 'durable';
}

const encoder = new TextEncoder();

/** See the head of this file. */
export class SessionBench {
  readonly version: ProtocolVersion;
  readonly options: SessionOptions;
  store = new StoreDouble();
  session: Session;
  /** The monotonic clock of a page that has been open for a while. */
  now: Now = { monotonic: 5_000_000, wall: 1_700_000_000_000 };

  // What the session told its port.
  readonly connections: Connected[] = [];
  readonly delivered: Delivered[] = [];
  readonly lost: { filter: string; error: MqttError }[] = [];
  /** How often it told that the machine slept. */
  sleeps = 0;
  readonly settled: { key: string | undefined; error: Error | undefined }[] = [];
  readonly challenges: (Uint8Array | undefined)[] = [];
  readonly proofs: (Uint8Array | undefined)[] = [];
  readonly ends: LinkEnd[] = [];

  /** What the application does at once when a publish ends. */
  onOutcome: (() => void) | undefined;
  /** What the application does at once with a message. */
  onMessage: (() => void) | undefined;
  /** The transport stays open when the session has ended its link. */
  lingers = false;
  /** Thrown at what hands out messages: a bug of ours. */
  failing: Error | undefined;

  /** Packets on the wire of the current link that no test has looked at. */
  wire: Packet[] = [];
  /** All bytes on the wire of the current link, as they were written. */
  chunks: Uint8Array[] = [];
  /** How many writes they came in. */
  writes = 0;
  /** Batches taken, for those who look into them. */
  readonly batches: Batch[] = [];
  readonly #mode: 'none' | 'sync' | 'manual';
  readonly #delayedAcks: boolean;
  #waiting: Waiting[] = [];
  #decoder: Decoder | undefined;
  #isOpen = false;
  #depth = 0;

  constructor({ version = 5, store = 'none', delayedAcks = false, ...options }: BenchOptions = {}) {
    this.version = version;
    this.#mode = store;
    this.#delayedAcks = delayedAcks;
    this.options = {
      maxInflight: 1_000,
      maximumPacketSize: 100_000,
      topicAliases: false,
      recording: store !== 'none',
      maxMessages: 100,
      maxBytes: 100_000,
      overflow: 'reject',
      sessionLost: 'resend',
      ...options,
    };
    this.session = new Session(this.options, this.#port());
  }

  // --- turns and the store

  /** Several inputs as one turn. */
  turn<Result>(work: () => Result): Result {
    this.#depth += 1;
    try {
      return work();
    } finally {
      this.#depth -= 1;
      if (this.#depth === 0) this.flush();
    }
  }

  /** Takes what there is to do. */
  flush(): void {
    for (let batch = this.session.takeBatch(); batch; batch = this.session.takeBatch()) {
      this.batches.push(batch);
      const writes = batch.operations.length > 0;
      if (writes && this.#mode === 'none') throw new Error('a session that records nothing writes records');
      if (writes && this.#mode === 'manual') this.#waiting.push({ batch, state: 'writing' });
      else {
        this.store.apply(batch.operations);
        if (batch.ordered && this.#waiting.length > 0) this.#waiting.push({ batch, state: 'durable' });
        else this.#release(batch);
      }
    }
  }

  /** Makes the next batches durable, all of them unless a number is given. */
  commit(count = Number.POSITIVE_INFINITY): void {
    for (let left = count; left > 0 && this.#waiting.length > 0; left -= 1) {
      const first = this.#waiting.shift();
      if (!first) return;
      if (first.state === 'writing') this.store.apply(first.batch.operations);
      this.#release(first.batch);
      this.#releaseDurable();
      this.flush();
    }
  }

  /**
   * The store fails to write the next batches, in one write.
   * @param applied it only seemed to fail: it took too long, and they are in the store all the same
   */
  failCommit(count = 1, applied = false): StoreError {
    const error = new StoreError('store-failed', 'the disk is full');
    const failed = this.#waiting.splice(0, count).filter(({ state }) => state === 'writing');
    if (failed.length < count) throw new Error('fewer batches wait for the store');
    const batches = failed.map(({ batch }) => batch);
    if (applied) for (const { operations } of batches) this.store.apply(operations);
    this.turn(() => this.session.commitFailed(batches, error, applied));
    this.#releaseDurable();
    this.flush();
    return error;
  }

  /** Batches that wait for the store, or for those before them. */
  get waiting(): number {
    return this.#waiting.length;
  }

  #releaseDurable(): void {
    for (let first = this.#waiting[0]; first?.state === 'durable'; first = this.#waiting[0]) {
      this.#waiting.shift();
      this.#release(first.batch);
    }
  }

  #release(batch: Batch): void {
    if (!this.session.committed(batch, this.now) || !this.#isOpen) return;
    for (const frame of batch.frames) {
      this.writes += 1;
      for (const chunk of frame) {
        this.chunks.push(chunk);
        this.#decoder?.push(chunk.slice());
      }
    }
  }

  /** The page dies with what the store does not hold, and a new one comes up. */
  crash(): void {
    this.#waiting = [];
    this.#isOpen = false;
    this.wire = [];
    this.session = new Session(this.options, this.#port());
    this.session.restore(this.store.all());
  }

  // --- the connection

  /** A transport opens: CONNECT goes out. */
  open(fields: Partial<ConnectPacket> = {}): void {
    this.wire = [];
    this.chunks = [];
    this.writes = 0;
    this.#isOpen = true;
    this.#decoder = new Decoder({
      protocolVersion: this.version,
      onPacket: (packet) => this.wire.push(packet),
    });
    this.turn(() =>
      this.session.opened(connect({ protocolVersion: this.version, ...fields }), this.now, {
        delayedAcks: this.#delayedAcks,
      }),
    );
  }

  /** The server answers CONNECT. */
  accept(fields: Partial<ConnackPacket> & ConnackProperties = {}): void {
    this.receive(connack(fields));
  }

  /** A connection that stands; its CONNECT is looked at already. */
  connect(
    fields: Partial<ConnackPacket> & ConnackProperties = {},
    connectFields: Partial<ConnectPacket> = {},
  ): void {
    this.open(connectFields);
    this.commit();
    expect(this.take().map(({ type }) => type)).toEqual(['connect']);
    this.accept(fields);
  }

  /** A connection on which the server resumes the session. */
  resume(fields: Partial<ConnackPacket> & ConnackProperties = {}): void {
    this.connect({ sessionPresent: this.version > 3, ...fields });
  }

  /** The transport breaks, a while after the last packet. */
  cut(error?: Error): void {
    this.pass(60_000);
    this.kill(error);
  }

  /** The transport breaks now. */
  kill(error?: Error): void {
    this.#isOpen = false;
    this.turn(() => this.session.closed(error, this.now));
  }

  /** The server sends packets, in one chunk. */
  receive(...packets: Packet[]): void {
    this.receiveBytes(concat(packets.map((packet) => encode(packet, this.version))));
  }

  /** The server sends packets, in chunks of one byte. */
  receiveBytewise(...packets: Packet[]): void {
    for (const packet of packets) {
      for (const byte of encode(packet, this.version)) this.receiveBytes(Uint8Array.of(byte));
    }
  }

  /** The server sends bytes. */
  receiveBytes(bytes: Uint8Array): void {
    this.turn(() => this.session.receive(bytes, this.now));
  }

  // --- the application

  publish(topic: string, qos: QoS = 0, fields: Partial<OutgoingContent> & { text?: string } = {}): Published {
    const { text = '', ...rest } = fields;
    const content = { topic, payload: encoder.encode(text), qos, retain: false, ...rest };
    const published: Omit<Published, 'message'> = {
      accepted: false,
      outcome: undefined,
      resent: false,
      error: undefined,
    };
    const end = (outcome: string) => {
      if (published.outcome !== undefined) throw new Error(`${topic} ends twice: ${outcome}`);
      published.outcome = outcome;
      this.onOutcome?.();
    };
    const message = this.turn(() =>
      this.session.outgoing.publish(
        content,
        {
          accepted: () => {
            if (published.accepted) throw new Error(`${topic} is accepted twice`);
            published.accepted = true;
          },
          acknowledged: (reasonCode, _properties, resent) => {
            published.resent = resent;
            end(`acknowledged ${reasonCode}`);
          },
          failed: (error) => {
            published.error = error;
            end(`failed ${'code' in error ? error.code : error.message}`);
          },
        },
        this.now,
      ),
    );
    return Object.assign(published, { message });
  }

  /** Several publishes in one turn: `a1` is topic `a` with QoS 1. */
  publishAll(...names: string[]): Published[] {
    return this.turn(() => names.map((name) => this.publish(name, Number(name.slice(-1)) as QoS)));
  }

  withdraw({ message }: Published): boolean {
    return this.turn(() => this.session.outgoing.withdraw(message));
  }

  subscribe(filters: string | readonly string[], options: Partial<SubscriptionOptions> = {}): Requested {
    const defaults = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    const entries = [filters].flat().map((filter) => ({ filter, ...defaults, ...options }));
    return this.#request((listener) => this.session.subscriptions.subscribe(entries, listener));
  }

  unsubscribe(...filters: string[]): Requested {
    return this.#request((listener) => this.session.subscriptions.unsubscribe(filters, listener));
  }

  #request(
    start: (listener: (outcomes: readonly FilterOutcome[]) => void) => SubscriptionRequest,
  ): Requested {
    const requested: Omit<Requested, 'request'> = { outcomes: undefined };
    const request = this.turn(() =>
      start((outcomes) => {
        if (requested.outcomes) throw new Error('a request ends twice');
        requested.outcomes = outcomes;
      }),
    );
    return Object.assign(requested, { request });
  }

  /** The takers of a delivered message have settled; without an index, of the one delivered last. */
  acknowledge(index = this.delivered.length - 1, reasonCode = 0): void {
    const message = this.delivered[index]?.message;
    if (!message) throw new Error(`nothing to acknowledge at ${index}`);
    this.turn(() => this.session.incoming.acknowledge(message, reasonCode));
  }

  // --- the clock

  /** Time passes; the session does not look at the clock. */
  pass(milliseconds: number, wall = milliseconds): void {
    this.now = { monotonic: this.now.monotonic + milliseconds, wall: this.now.wall + wall };
  }

  /** The session looks at the clock. */
  tick(): void {
    this.turn(() => this.session.tick(this.now));
  }

  // --- what is asserted

  /** All bytes on the wire of the current link. */
  get bytes(): Uint8Array {
    return concat(this.chunks);
  }

  /** Takes the packets on the wire. */
  take(): Packet[] {
    return this.wire.splice(0);
  }

  /** The server got exactly these packets since the last look. */
  expectSent(...packets: Packet[]): void {
    expect(this.take().map(plain)).toEqual(packets.map(plain));
  }

  /** The server got packets of exactly these types and identifiers since the last look: `publish 1`. */
  expectFlow(...expected: string[]): void {
    expect(this.take().map(shortly)).toEqual(expected);
  }

  expectNothingSent(): void {
    this.expectFlow();
  }

  /** We ended the link with this reason code: in MQTT 5.0 with DISCONNECT as the last word, before without one. */
  expectClosedBy(reasonCode: number): LinkEnd {
    const end = this.lastEnd();
    const words = this.wire.map(shortly).filter((packet) => packet.startsWith('disconnect'));
    expect(words).toEqual(this.version === 5 ? [`disconnect 0x${reasonCode.toString(16)}`] : []);
    if (this.version === 5) expect(this.wire.at(-1)?.type).toBe('disconnect');
    expect(end.by).toBe('us');
    expect(end.error.reasonCode).toBe(reasonCode);
    expect(this.session.isConnected).toBe(false);
    return end;
  }

  /** How the last link ended. */
  lastEnd(): LinkEnd {
    const end = this.ends.at(-1);
    if (!end) throw new Error('no link has ended');
    return end;
  }

  /** Topics of what was delivered since the start. */
  get topics(): string[] {
    return this.delivered.map(({ packet }) => packet.topic);
  }

  #port(): SessionPort {
    const port: SessionPort = {
      connected: (result) => this.connections.push(result),
      message: (packet, message, redelivered) => {
        if (this.failing) throw this.failing;
        this.delivered.push({ packet, message, redelivered });
        this.onMessage?.();
      },
      subscriptionLost: (filter, error) => this.lost.push({ filter, error }),
      settled: (key, error) => this.settled.push({ key, error }),
      challenged: (data) => this.challenges.push(data),
      authenticated: (data) => this.proofs.push(data),
      ended: (end) => {
        this.ends.push(end);
        if (this.lingers) return;
        // As the runner does it: the last bytes leave, then the transport is gone.
        if (end.flush) this.flush();
        this.#isOpen = false;
        this.session.closed();
      },
      slept: () => {
        this.sleeps += 1;
      },
    };
    return port;
  }
}

/** Publishes and acknowledges with QoS 1 so that these identifiers, which are the next ones, are used and free again. */
export function spend(bench: SessionBench, from: number, to: number): void {
  for (let next = from; next <= to; next += 500) {
    const count = Math.min(500, to + 1 - next);
    bench.publishAll(...Array<string>(count).fill('x1'));
    bench.receive(...Array.from({ length: count }, (_, index) => puback(next + index)));
    bench.take();
  }
}

/** A packet as it is compared: bytes as text, without what is undefined. */
function plain(packet: Packet): unknown {
  return JSON.parse(
    JSON.stringify(packet, (_, value: unknown) =>
      value instanceof Uint8Array ? new TextDecoder().decode(value) : value,
    ),
  );
}

/** A packet in a few words. */
export function shortly(packet: Packet): string {
  switch (packet.type) {
    case 'publish': {
      const name = packet.packetId === undefined ? packet.topic : `${packet.topic} ${packet.packetId}`;
      return `publish ${name}${packet.dup ? ' dup' : ''}`;
    }
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return `${packet.type} ${packet.packetId}${code(packet.reasonCode)}`;
    case 'subscribe':
      return `subscribe ${packet.packetId} ${packet.subscriptions.map(({ filter }) => filter).join(' ')}`;
    case 'unsubscribe':
      return `unsubscribe ${packet.packetId} ${packet.filters.join(' ')}`;
    case 'disconnect':
    case 'auth':
      return `${packet.type}${code(packet.reasonCode)}`;
    default:
      return packet.type;
  }
}

function code(reasonCode: number): string {
  return reasonCode === 0 ? '' : ` 0x${reasonCode.toString(16)}`;
}
