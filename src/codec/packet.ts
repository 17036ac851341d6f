/**
 * The fifteen control packets as one tagged union. `properties` exist in MQTT 5.0 only; where a version has no
 * reason code, `reasonCode` is 0.
 */

import type { Bytes, ProtocolVersion, PublishProperties, QoS, UserProperties } from '../message';

export type { ProtocolVersion, PublishProperties, QoS, UserProperties };

/** Properties of CONNECT [v5 3.1.2.11]. */
export interface ConnectPacketProperties {
  /** Seconds; 0xFFFFFFFF never expires [v5 3.1.2.11.2]. */
  sessionExpiryInterval?: number | undefined;
  /** 1 to 65,535 [v5 3.1.2.11.3]. */
  receiveMaximum?: number | undefined;
  /** Bytes, at least 1 [v5 3.1.2.11.4]. */
  maximumPacketSize?: number | undefined;
  /** 0 to 65,535 [v5 3.1.2.11.5]. */
  topicAliasMaximum?: number | undefined;
  /** Asks for Response Information in CONNACK [v5 3.1.2.11.6]. */
  requestResponseInformation?: boolean | undefined;
  /** Allows reason strings and user properties on failures [v5 3.1.2.11.7]. */
  requestProblemInformation?: boolean | undefined;
  userProperties?: UserProperties | undefined;
  /** Name of the method of enhanced authentication [v5 3.1.2.11.9]. */
  authenticationMethod?: string | undefined;
  /** Only together with `authenticationMethod` [v5 3.1.2.11.10]. */
  authenticationData?: Uint8Array | undefined;
}

/** Properties of a will [v5 3.1.3.2]. */
export interface WillProperties {
  /** Seconds by which the will is delayed [v5 3.1.3.2.2]. */
  willDelayInterval?: number | undefined;
  payloadFormatIndicator?: 0 | 1 | undefined;
  /** Seconds [v5 3.1.3.2.4]. */
  messageExpiryInterval?: number | undefined;
  contentType?: string | undefined;
  responseTopic?: string | undefined;
  correlationData?: Uint8Array | undefined;
  userProperties?: UserProperties | undefined;
}

/** Properties of CONNACK [v5 3.2.2.3]. */
export interface ConnackProperties {
  /** Seconds, when it differs from what was asked for [v5 3.2.2.3.2]. */
  sessionExpiryInterval?: number | undefined;
  receiveMaximum?: number | undefined;
  /** Highest QoS the server takes: 0 or 1; absent means 2 [v5 3.2.2.3.4]. */
  maximumQoS?: 0 | 1 | undefined;
  retainAvailable?: boolean | undefined;
  maximumPacketSize?: number | undefined;
  assignedClientIdentifier?: string | undefined;
  topicAliasMaximum?: number | undefined;
  reasonString?: string | undefined;
  userProperties?: UserProperties | undefined;
  wildcardSubscriptionAvailable?: boolean | undefined;
  subscriptionIdentifierAvailable?: boolean | undefined;
  sharedSubscriptionAvailable?: boolean | undefined;
  /** Seconds [v5 3.2.2.3.14]. */
  serverKeepAlive?: number | undefined;
  responseInformation?: string | undefined;
  serverReference?: string | undefined;
  authenticationMethod?: string | undefined;
  authenticationData?: Uint8Array | undefined;
}

/** Properties of PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK and UNSUBACK. */
export interface AckProperties {
  reasonString?: string | undefined;
  userProperties?: UserProperties | undefined;
}

/** Properties of SUBSCRIBE [v5 3.8.2.1]. */
export interface SubscribePacketProperties {
  /** 1 to 268,435,455 [v5 3.8.2.1.2]. */
  subscriptionIdentifier?: number | undefined;
  userProperties?: UserProperties | undefined;
}

/** Properties of UNSUBSCRIBE [v5 3.10.2.1]. */
export interface UnsubscribePacketProperties {
  userProperties?: UserProperties | undefined;
}

/** Properties of DISCONNECT [v5 3.14.2.2]. */
export interface DisconnectProperties {
  /** Seconds; from the client only [v5 3.14.2.2.2]. */
  sessionExpiryInterval?: number | undefined;
  reasonString?: string | undefined;
  userProperties?: UserProperties | undefined;
  /** From the server only [v5 3.14.2.2.5]. */
  serverReference?: string | undefined;
}

/** Properties of AUTH [v5 3.15.2.2]. */
export interface AuthProperties {
  authenticationMethod?: string | undefined;
  authenticationData?: Uint8Array | undefined;
  reasonString?: string | undefined;
  userProperties?: UserProperties | undefined;
}

/** The will of a CONNECT packet [v5 3.1.2.5]. */
export interface WillPacket {
  topic: string;
  payload: Uint8Array;
  qos: QoS;
  retain: boolean;
  properties?: WillProperties | undefined;
}

/** CONNECT [v5 3.1, v3 3.1]. */
export interface ConnectPacket {
  type: 'connect';
  protocolVersion: ProtocolVersion;
  clientId: string;
  /** Clean Start in MQTT 5.0, Clean Session before. */
  clean: boolean;
  /** Seconds, 0 to 65,535. */
  keepAlive: number;
  username?: string | undefined;
  password?: Uint8Array | undefined;
  will?: WillPacket | undefined;
  properties?: ConnectPacketProperties | undefined;
}

/** CONNACK [v5 3.2, v3 3.2]; `reasonCode` is the return code 0 to 5 in MQTT 3.1.1 and 3.1. */
export interface ConnackPacket {
  type: 'connack';
  sessionPresent: boolean;
  reasonCode: number;
  properties?: ConnackProperties | undefined;
}

/** PUBLISH [v5 3.3, v3 3.3]; `packetId` exactly when `qos` is 1 or 2. */
export interface PublishPacket {
  type: 'publish';
  topic: string;
  payload: Uint8Array;
  qos: QoS;
  retain: boolean;
  dup: boolean;
  packetId?: number | undefined;
  properties?: PublishProperties | undefined;
}

/** PUBLISH as the decoder hands it out. */
export interface DecodedPublishPacket extends PublishPacket {
  payload: Bytes;
}

/** PUBACK, PUBREC, PUBREL or PUBCOMP [v5 3.4 to 3.7]. */
export interface AckPacket {
  type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp';
  packetId: number;
  reasonCode: number;
  properties?: AckProperties | undefined;
}

/** One filter of a SUBSCRIBE with its options [v5 3.8.3.1]. */
export interface SubscriptionEntry {
  filter: string;
  qos: QoS;
  /** MQTT 5.0 only, false elsewhere. */
  noLocal: boolean;
  /** MQTT 5.0 only, false elsewhere. */
  retainAsPublished: boolean;
  /** MQTT 5.0 only, 0 elsewhere: 0 send retained messages, 1 only for a new subscription, 2 never. */
  retainHandling: 0 | 1 | 2;
}

/** SUBSCRIBE [v5 3.8, v3 3.8]. */
export interface SubscribePacket {
  type: 'subscribe';
  packetId: number;
  subscriptions: SubscriptionEntry[];
  properties?: SubscribePacketProperties | undefined;
}

/** SUBACK or UNSUBACK [v5 3.9, 3.11]; UNSUBACK has no reason codes before MQTT 5.0. */
export interface SubscribeAckPacket {
  type: 'suback' | 'unsuback';
  packetId: number;
  reasonCodes: number[];
  properties?: AckProperties | undefined;
}

/** UNSUBSCRIBE [v5 3.10, v3 3.10]. */
export interface UnsubscribePacket {
  type: 'unsubscribe';
  packetId: number;
  filters: string[];
  properties?: UnsubscribePacketProperties | undefined;
}

/** PINGREQ or PINGRESP [v5 3.12, 3.13]. */
export interface PingPacket {
  type: 'pingreq' | 'pingresp';
}

/** DISCONNECT [v5 3.14, v3 3.14]. */
export interface DisconnectPacket {
  type: 'disconnect';
  reasonCode: number;
  properties?: DisconnectProperties | undefined;
}

/** AUTH, MQTT 5.0 only [v5 3.15]. */
export interface AuthPacket {
  type: 'auth';
  reasonCode: number;
  properties?: AuthProperties | undefined;
}

/** Any MQTT control packet, told apart by `type`. */
export type Packet =
  | ConnectPacket
  | ConnackPacket
  | PublishPacket
  | AckPacket
  | SubscribePacket
  | SubscribeAckPacket
  | UnsubscribePacket
  | PingPacket
  | DisconnectPacket
  | AuthPacket;

/** Any packet as the decoder hands it out. */
export type DecodedPacket = Exclude<Packet, PublishPacket> | DecodedPublishPacket;

/** The `type` of a packet. */
export type PacketType = Packet['type'];
