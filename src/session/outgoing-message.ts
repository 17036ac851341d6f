/** A message on its way to the server, and who wants to know how it ends. */

import type { AckProperties } from '../codec/packet';
import type { PublishProperties, QoS } from '../message';
import type { Link } from './link';
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
 * | `queued`   | never sent in this session; has no identifier   | a free slot and identifier  |
 * | `sent`     | PUBLISH sent, waits for PUBACK or PUBREC        | PUBACK, PUBREC              |
 * | `released` | PUBREL sent, waits for PUBCOMP (QoS 2)          | PUBCOMP                     |
 * | `done`     | settled, or withdrawn                           |                             |
 */
export type OutgoingState = 'queued' | 'sent' | 'released' | 'done';

/** What is published, complete and valid. */
export interface OutgoingContent {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties?: PublishProperties | undefined;
  /** The application's name for it. */
  readonly key?: string | undefined;
}

/** One outgoing message with its state. */
export class OutgoingMessage {
  readonly content: OutgoingContent;
  /** Place in the order of acceptance; it is kept on resends. */
  order = 0;
  state: OutgoingState = 'queued';
  /** Packet identifier, 0 while queued. */
  packetId = 0;
  /** Wall time from which on a first send is too late; Infinity without expiry. */
  expiresAt: number;
  /** True once its PUBLISH was handed to a transport: then a resend sets DUP. */
  reached = false;
  /** The link on which it holds a slot of the send quota. */
  slot: Link | undefined;
  /** Place in the order in which PUBRECs came; from the first one on. */
  released = 0;
  /** Sent anew after the server lost a session that may have delivered it. */
  resent = false;
  /** Connections in a row that ended with it as the only message on its way. */
  fatal = 0;
  /** Undefined for a message of an earlier page, and once the caller gave up. */
  listener: PublishListener | undefined;

  constructor(content: OutgoingContent, expiresAt: number, listener: PublishListener | undefined) {
    this.content = content;
    this.expiresAt = expiresAt;
    this.listener = listener;
  }

  /** Bytes that it counts for in the queue. */
  get size(): number {
    return this.content.payload.length + this.content.topic.length + 64;
  }

  /** The message as a record. */
  record(): PublishRecord {
    const { topic, payload, qos, retain, properties, key } = this.content;
    return {
      kind: 'publish',
      id: this.order,
      packetId: this.packetId,
      topic,
      payload,
      qos: qos === 2 ? 2 : 1,
      retain,
      properties,
      key,
      expiresAt: this.expiresAt === Number.POSITIVE_INFINITY ? undefined : this.expiresAt,
      resent: this.resent || undefined,
    };
  }

  /** The message that a record describes. */
  static restored(record: PublishRecord): OutgoingMessage {
    const message = new OutgoingMessage(record, record.expiresAt ?? Number.POSITIVE_INFINITY, undefined);
    message.order = record.id;
    message.packetId = record.packetId;
    message.state = record.packetId === 0 ? 'queued' : 'sent';
    // Whether its bytes left is unknown after a crash, so they may have.
    message.reached = record.packetId !== 0;
    message.resent = record.resent ?? false;
    return message;
  }
}
