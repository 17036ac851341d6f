/** Packets in one line, for tests that send them and expect them. What is left out is what a plain packet has. */

import type {
  AckPacket,
  AckProperties,
  AuthPacket,
  AuthProperties,
  ConnackPacket,
  ConnackProperties,
  ConnectPacket,
  DisconnectPacket,
  DisconnectProperties,
  PingPacket,
  PublishPacket,
  SubscribeAckPacket,
  SubscribePacket,
  SubscribePacketProperties,
  UnsubscribePacket,
} from '../../src/codec/packet';
import type { QoS } from '../../src/message';

const encoder = new TextEncoder();

export function connect(fields: Partial<ConnectPacket> = {}): ConnectPacket {
  return { type: 'connect', protocolVersion: 5, clientId: 'client', clean: false, keepAlive: 0, ...fields };
}

/** An accepting CONNACK; with a `reasonCode` a refusing one. */
export function connack(fields: Partial<ConnackPacket> & ConnackProperties = {}): ConnackPacket {
  const { sessionPresent = false, reasonCode = 0, properties, type: _type, ...rest } = fields;
  const all = { ...properties, ...rest };
  return {
    type: 'connack',
    sessionPresent,
    reasonCode,
    properties: Object.keys(all).length > 0 ? all : undefined,
  };
}

/** Without a packet identifier the QoS is 0. */
export function publish(
  topic: string,
  packetId = 0,
  qos: QoS = packetId === 0 ? 0 : 1,
  fields: Partial<PublishPacket> & { text?: string } = {},
): PublishPacket {
  const { text = '', ...rest } = fields;
  return {
    type: 'publish',
    topic,
    payload: encoder.encode(text),
    qos,
    retain: false,
    dup: false,
    packetId: packetId === 0 ? undefined : packetId,
    ...rest,
  };
}

function ack(type: AckPacket['type']) {
  return (packetId: number, reasonCode = 0, properties?: AckProperties): AckPacket => ({
    type,
    packetId,
    reasonCode,
    properties,
  });
}

export const puback = ack('puback');
export const pubrec = ack('pubrec');
export const pubrel = ack('pubrel');
export const pubcomp = ack('pubcomp');

/** SUBSCRIBE of plain filters with QoS 0. */
export function subscribe(
  packetId: number,
  filters: readonly string[],
  properties?: SubscribePacketProperties,
  qos: QoS = 0,
): SubscribePacket {
  const options = { qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
  return {
    type: 'subscribe',
    packetId,
    subscriptions: filters.map((filter) => ({ filter, ...options })),
    properties,
  };
}

export function suback(packetId: number, ...reasonCodes: number[]): SubscribeAckPacket {
  return { type: 'suback', packetId, reasonCodes };
}

export function unsubscribe(packetId: number, ...filters: string[]): UnsubscribePacket {
  return { type: 'unsubscribe', packetId, filters };
}

export function unsuback(packetId: number, ...reasonCodes: number[]): SubscribeAckPacket {
  return { type: 'unsuback', packetId, reasonCodes };
}

export const pingreq: PingPacket = { type: 'pingreq' };
export const pingresp: PingPacket = { type: 'pingresp' };

export function disconnect(reasonCode = 0, properties?: DisconnectProperties): DisconnectPacket {
  return { type: 'disconnect', reasonCode, properties };
}

export function auth(reasonCode: number, properties?: AuthProperties): AuthPacket {
  return { type: 'auth', reasonCode, properties };
}
