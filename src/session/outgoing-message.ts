/** A message on its way to the server, and who wants to know how it ends. */

import type { AckProperties } from '../codec/packet';
import { StoreError } from '../errors';
import type { PublishProperties, QoS } from '../message';
import type { Link } from './link';
import type { Now } from './now';
import type { PublishRecord } from './records';

/** Learns what becomes of a message. Exactly one of `acknowledged` and `failed` is called, once. */
export interface PublishListener {
  /** The message is in the store: from here on it survives what the store survives. */
  accepted?(): void;
  /** The bytes of a QoS 0 message were written, or the server acknowledged a QoS 1 or 2 message. */
  acknowledged(reasonCode: number, properties: AckProperties | undefined, resent: boolean): void;
  /** It will not be sent, or the server refused it. */
  failed(error: Error): void;
}

/**
 * Where a message stands:
 *
 * | state      | meaning                                         | left by                     |
 * |------------|-------------------------------------------------|-----------------------------|
 * | `queued`   | never sent                                      | a free slot and identifier  |
 * | `sent`     | PUBLISH sent, waits for PUBACK or PUBREC        | PUBACK, PUBREC              |
 * | `released` | PUBREL sent, waits for PUBCOMP (QoS 2)          | PUBCOMP, a lost session     |
 * | `done`     | settled, or withdrawn                           |                             |
 *
 * A lost session makes `released` `sent` again, without an identifier until it goes out anew.
 */
export type OutgoingState = 'queued' | 'sent' | 'released' | 'done';

/** Payloads share arrays of this size where they fit: to make one for each takes longer than to copy it. */
const slabSize = 8_192;

const noBytes = new Uint8Array(0);

/** Holds the payloads of messages, and room for more from `slabUsed` on. */
let slab = noBytes;
let slabUsed = 0;

/** What is published, complete and valid. */
export interface OutgoingContent {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties?: PublishProperties | undefined;
  /** The application's name for it. */
  readonly key?: string | undefined;
  /** Whether the payload stays as it is until the listener hears how the message ends. */
  readonly lent?: boolean | undefined;
}

/** One outgoing message with its state. */
export class OutgoingMessage {
  readonly topic: string;
  readonly qos: QoS;
  readonly retain: boolean;
  /** The application's name for it. */
  readonly key: string | undefined;
  /** Place in the order of the calls; it is kept on resends. */
  order = 0;
  state: OutgoingState = 'queued';
  /** It is in the session, and in its store. */
  accepted = false;
  /** Packet identifier, 0 while it has none. */
  packetId = 0;
  /** Wall time from which on a first send is too late; Infinity without expiry. */
  readonly expiresAt: number;
  /** The properties that its PUBLISH carries: as given, but for the seconds left at the first send. */
  properties: PublishProperties | undefined;
  /** True once its PUBLISH was handed to a transport in this session: then a resend sets DUP. */
  reached = false;
  /** The link on which it holds a slot of the send quota. */
  slot: Link | undefined;
  /** Place in the order in which PUBRECs came; from the first one on. */
  released = 0;
  /** Sent anew after the server lost a session that may have delivered it. */
  resent = false;
  /** Connections in a row that ended right after its PUBLISH, with no other on its way. */
  fatal = 0;
  /** See {@link OutgoingContent.lent}. */
  readonly lent: boolean | undefined;
  /** Undefined for a message of an earlier page, and once the caller gave up. */
  listener: PublishListener | undefined;
  // Plain fields: private ones cost a good deal more to make.
  /** Holds the payload, perhaps among those of others. */
  private bytes: Uint8Array;
  /** Where the payload begins in it; -1 while the array is the caller's. */
  private start = -1;
  /** Bytes of the payload. */
  private readonly length: number;

  constructor(content: OutgoingContent, expiresAt: number, listener: PublishListener | undefined) {
    const { topic, payload, qos, retain, properties, key, lent } = content;
    this.topic = topic;
    this.qos = qos;
    this.retain = retain;
    this.key = key;
    this.lent = lent;
    this.properties = properties;
    this.bytes = payload;
    this.length = payload.length;
    this.expiresAt = expiresAt;
    this.listener = listener;
  }

  get payload(): Uint8Array {
    const { bytes, start, length } = this;
    return start < 0 ? bytes : bytes.subarray(start, start + length);
  }

  /** False once the caller has transferred the array of the payload. */
  get isIntact(): boolean {
    return this.payload.length === this.length;
  }

  /** Bytes that it counts for in the queue. */
  get size(): number {
    return this.length + this.topic.length + 64;
  }

  /** Makes the payload its own: the caller's array may change from here on. */
  keepPayload(): void {
    const { bytes, length } = this;
    if (this.start >= 0) return;
    this.start = 0;
    if (length > slabSize) {
      this.bytes = new Uint8Array(bytes);
      return;
    }
    if (slabUsed + length > slab.length) {
      slab = new Uint8Array(slabSize);
      slabUsed = 0;
    }
    slab.set(bytes, slabUsed);
    this.bytes = slab;
    this.start = slabUsed;
    slabUsed += length;
  }

  /** It is over: it does not keep alive what it was about for who still knows it, by its key or its place in a queue. */
  end(): void {
    this.state = 'done';
    this.bytes = noBytes;
    this.properties = undefined;
    this.slot = undefined;
  }

  /** Writes the seconds that are left into its properties; at least 1, since 0 would mean "for ever" to some. */
  updateExpiry(now: Now): void {
    if (this.expiresAt === Infinity) return;
    const left = Math.max(1, Math.ceil((this.expiresAt - now.wall) / 1_000));
    // A clock that was set back gives it no more time than it ever had.
    const messageExpiryInterval = Math.min(left, this.properties?.messageExpiryInterval ?? left);
    this.properties = { ...this.properties, messageExpiryInterval };
  }

  /** The message as a record. */
  record(): PublishRecord {
    const { topic, payload, qos, retain, properties, key, packetId, expiresAt } = this;
    return {
      kind: 'publish',
      id: this.order,
      packetId,
      topic,
      payload,
      qos,
      retain,
      key,
      properties,
      expiresAt: expiresAt === Infinity ? undefined : expiresAt,
      again: (this.state === 'sent' && packetId === 0) || undefined,
      resent: this.resent || undefined,
    };
  }

  /** The message that a record describes. @throws StoreError for a record without what it is about */
  static restored(record: PublishRecord): OutgoingMessage {
    // Only stores of the application need this: ours look into every member.
    if (typeof record.topic !== 'string' || !ArrayBuffer.isView(record.payload)) {
      throw new StoreError(
        'store-corrupt',
        'The session store gave a message without topic or payload; clear() of the store removes the session',
      );
    }
    const message = new OutgoingMessage(record, record.expiresAt ?? Infinity, undefined);
    message.order = record.id;
    message.accepted = true;
    message.packetId = record.packetId;
    message.state = record.packetId === 0 && !record.again ? 'queued' : 'sent';
    // Whether its bytes left is unknown after a crash, so they may have.
    message.reached = record.packetId !== 0;
    message.resent = record.resent ?? false;
    return message;
  }
}
