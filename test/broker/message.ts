/** An application message inside the broker. */

import type { PublishPacket, PublishProperties, QoS, WillPacket } from '../../src/codec/packet';

/** A message that the broker has accepted; never changed after it was made. */
export interface BrokerMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** QoS with which it was published. */
  readonly qos: QoS;
  /** RETAIN flag with which it was published. */
  readonly retain: boolean;
  /** Properties to forward: without alias, without subscription identifiers. */
  readonly properties: PublishProperties;
  /** Client identifier of the publisher; undefined for messages of the broker itself. */
  readonly publisher: string | undefined;
  /** When it arrived, in milliseconds of the broker's clock. */
  readonly receivedAt: number;
}

/** Makes the message of a PUBLISH whose topic is resolved already. */
export function messageOfPublish(
  packet: PublishPacket,
  topic: string,
  publisher: string,
  now: number,
): BrokerMessage {
  const {
    topicAlias: _alias,
    subscriptionIdentifiers: _identifiers,
    ...properties
  } = packet.properties ?? {};
  const { payload, qos, retain } = packet;
  return { topic, payload, qos, retain, properties, publisher, receivedAt: now };
}

/** Makes the message of a will at the time it is published: its expiry counts from then on [v5 3.1.3.2.4]. */
export function messageOfWill(will: WillPacket, publisher: string, now: number): BrokerMessage {
  const { willDelayInterval: _delay, ...properties } = will.properties ?? {};
  const { topic, payload, qos, retain } = will;
  return { topic, payload, qos, retain, properties, publisher, receivedAt: now };
}

/** True once the Message Expiry Interval has passed [v5 MQTT-3.3.2-5]. */
export function isExpired(message: BrokerMessage, now: number): boolean {
  const interval = message.properties.messageExpiryInterval;
  return interval !== undefined && now >= message.receivedAt + interval * 1_000;
}

/** The interval to forward: as received, less the whole seconds spent in the broker [v5 MQTT-3.3.2-6]. */
export function remainingExpiry(message: BrokerMessage, now: number): number | undefined {
  const interval = message.properties.messageExpiryInterval;
  if (interval === undefined) return undefined;
  return Math.max(0, interval - Math.floor((now - message.receivedAt) / 1_000));
}

/** Makes a message of the broker itself, retained. */
export function sysMessage(topic: string, text: string, now: number): BrokerMessage {
  const payload = new TextEncoder().encode(text);
  return { topic, payload, qos: 0, retain: true, properties: {}, publisher: undefined, receivedAt: now };
}
