/**
 * What this server cannot take, checked when it is about to go out: the error says so with the reason code that the
 * server would send. What no server can take was refused at the call.
 */

import { type MqttError, RefusedError, UsageError } from '../errors';
import type { PublishProperties, QoS } from '../message';
import { parseSharedFilter } from '../topic/topic-filter';
import type { Link } from './link';
import type { AskedSubscription } from './subscription-request';

/** Why the server cannot take a message. */
export function refusalOfPublish(
  link: Link,
  topic: string,
  payload: Uint8Array,
  qos: QoS,
  retain: boolean,
  properties: PublishProperties | undefined,
): MqttError | undefined {
  const { limits } = link;
  if (link.protocolVersion !== 5) {
    const isPlain = !properties || Object.values(properties).every((value) => value === undefined);
    return isPlain ? undefined : needsMqtt5(link, 'The message has properties, which');
  }
  if (!limits) return undefined;
  // [v5 MQTT-3.2.2-11]
  if (qos > limits.maximumQoS) {
    return new RefusedError(
      0x9b,
      `The server takes QoS ${limits.maximumQoS} at most, the message has QoS ${qos}`,
    );
  }
  // [v5 MQTT-3.2.2-14]
  if (retain && !limits.retainAvailable) {
    return new RefusedError(0x9a, 'The server takes no retained messages');
  }
  return refusalOfSize(link, 'message', link.sizeOfPublish(topic, payload, qos, properties));
}

/** Why the server cannot take a packet of this size [v5 MQTT-3.2.2-15]. */
export function refusalOfSize(link: Link, what: string, size: number): MqttError | undefined {
  if (link.fits(size)) return undefined;
  return new RefusedError(
    0x95,
    `The ${what} needs ${size} bytes, the server takes ${link.limits?.maximumPacketSize}`,
  );
}

/** Why the server cannot take a filter with its options. */
export function refusalOfFilter(link: Link, asked: AskedSubscription): MqttError | undefined {
  const { filter, noLocal, retainAsPublished, retainHandling, userProperties } = asked;
  const { limits } = link;
  if (link.protocolVersion !== 5) {
    const isPlain = !noLocal && !retainAsPublished && retainHandling === 0 && !userProperties;
    return isPlain
      ? undefined
      : needsMqtt5(link, `The subscription to '${filter}' has options or properties that`);
  }
  const shared = parseSharedFilter(filter);
  if (shared && !limits?.sharedSubscriptionAvailable) {
    return new RefusedError(0x9e, `The server has no shared subscriptions, which '${filter}' asks for`);
  }
  if (!limits?.wildcardSubscriptionAvailable && /[+#]/.test(filter)) {
    return new RefusedError(0xa2, `The server takes no wildcards, which '${filter}' has`);
  }
  return undefined;
}

function needsMqtt5(link: Link, what: string): UsageError {
  return new UsageError(
    `${what} MQTT 5.0 introduced; the connection speaks ${link.protocolVersion === 4 ? '3.1.1' : '3.1'}. Leave them out, or set protocolVersion: 5`,
    'needs-mqtt-5',
  );
}
