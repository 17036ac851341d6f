/** A message as it is handed out in a tab. */

import { UsageError } from '../errors';
import type { Bytes, Message, PublishProperties, QoS } from '../message';
import type { WireMessage } from './wire';

/** What `message.ack()` does; undefined when acknowledging is not the application's. */
export type ManualAck = ((reasonCode: number) => void) | undefined;

/** Where a message keeps its {@link ManualAck}. Not in a #private field, which a framework's proxy would not get at. */
const manualAck = Symbol('ack');

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Reason codes that PUBACK and PUBREC can carry [v5 3.4.2.1]. */
const ackReasonCodes: readonly number[] = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];

/** {@link Message} that came from the hub. */
export class SharedMessage implements Message {
  declare readonly topic: string;
  declare readonly payload: Bytes;
  declare readonly qos: QoS;
  declare readonly retain: boolean;
  declare readonly duplicate: boolean;
  declare readonly redelivered: boolean;
  declare readonly properties: PublishProperties;
  declare readonly params: Readonly<Record<string, string>>;
  declare private readonly [manualAck]: ManualAck;

  constructor(message: WireMessage, params: Readonly<Record<string, string>>, ack: ManualAck) {
    Object.assign(this, message, { params });
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
    if (!ack) throw new UsageError("message.ack: is only for ack: 'manual'", 'unsupported');
    if (!ackReasonCodes.includes(reasonCode)) {
      throw new UsageError(
        `reasonCode: PUBACK and PUBREC have no reason code ${String(reasonCode)} [v5 3.4.2.1]`,
      );
    }
    ack(reasonCode);
  }
}

/** About the bytes that a message takes on its way to a tab. */
export function weightOf({ topic, payload, properties }: WireMessage): number {
  const { userProperties = [] } = properties;
  return 500 + topic.length + payload.length + userProperties.flat().join('').length;
}

/** What of a message can travel. The bytes get a buffer of their own: a clone of a view copies all that it views. */
export function toWireMessage(message: Message): WireMessage {
  const { params: _params, ...wire } = message;
  const { payload, properties } = wire;
  const { correlationData } = properties;
  return {
    ...wire,
    payload: payload.slice(),
    properties: correlationData ? { ...properties, correlationData: correlationData.slice() } : properties,
  };
}
