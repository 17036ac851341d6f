/** A message as it is handed out. */

import type { DecodedPublishPacket } from '../codec/packet';
import { UsageError } from '../errors';
import type { Bytes, Message, PublishProperties, QoS } from '../message';
import { noParams } from '../topic/pattern';

/** A message as applications see it, where the names of wildcards are not known. */
export type AnyMessage = Message<Record<string, string>>;

/** Params of a topic under a pattern; shared by many messages. */
export type Params = Readonly<Record<string, string>>;

/** What `message.ack()` does; undefined when acknowledging is not the application's. */
export type ManualAck = ((reasonCode: number) => void) | undefined;

/**
 * Where a message keeps its {@link ManualAck}, if it has one. Not in a #private field: that would take its time in each
 * message, and a framework's proxy would not get at it.
 */
const manualAck = Symbol('ack');

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Properties of a message without any: one object for all. */
const noProperties: PublishProperties = Object.freeze({});

/** Reason codes that PUBACK and PUBREC can carry [v5 3.4.2.1]. */
const ackReasonCodes: ReadonlySet<number> = new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]);

/** {@link Message} of a PUBLISH packet. Its members are its own, so that it logs and clones as one would expect. */
export class ReceivedMessage<Params> implements Message<Params> {
  readonly topic: string;
  readonly payload: Bytes;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly duplicate: boolean;
  readonly redelivered: boolean;
  readonly properties: PublishProperties;
  readonly params: Params;
  declare private readonly [manualAck]: ManualAck;

  constructor(packet: DecodedPublishPacket, params: Readonly<Params>, redelivered: boolean, ack?: ManualAck) {
    this.topic = packet.topic;
    this.payload = packet.payload;
    this.qos = packet.qos;
    this.retain = packet.retain;
    this.duplicate = packet.dup;
    this.redelivered = redelivered;
    this.properties = packet.properties ?? noProperties;
    // It may be changed by who gets it.
    this.params = params === noParams ? params : { ...params };
    if (ack) Object.defineProperty(this, manualAck, { value: ack });
  }

  text(): string {
    return decoder.decode(this.payload);
  }

  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T;
  }

  ack(reasonCode = 0): void {
    const ack = this[manualAck];
    if (!ack) {
      throw new UsageError(
        "message.ack: is only for ack: 'manual'; with the current option mqtide acknowledges",
        'unsupported',
      );
    }
    if (!ackReasonCodes.has(reasonCode)) {
      throw new UsageError(
        `reasonCode: PUBACK and PUBREC have no reason code ${String(reasonCode)} [v5 3.4.2.1]`,
      );
    }
    ack(reasonCode);
  }
}
