/**
 * What a session keeps, as records that a store writes and reads back.
 *
 * A record is named by its `kind` and `id`. Values are plain data that survive a structured clone; times are wall
 * clock milliseconds since 1970.
 */

import type { Bytes, ProtocolVersion, PublishProperties, QoS } from '../message';

/** An outgoing message: it waits while `packetId` is 0, and is in flight otherwise. */
export interface PublishRecord {
  readonly kind: 'publish';
  /** Its place in the order in which messages were accepted. */
  readonly id: number;
  /** Packet identifier of the flow, 0 without one. */
  readonly packetId: number;
  readonly topic: string;
  readonly payload: Uint8Array;
  /** 1 or 2. */
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties?: PublishProperties | undefined;
  /** The application's name for this message. */
  readonly key?: string | undefined;
  /** When it is too late for a first send. */
  readonly expiresAt?: number | undefined;
  /** It was sent in a session that the server lost, and waits to be sent as new. */
  readonly again?: boolean | undefined;
  /** It is sent anew although an earlier session may have delivered it. */
  readonly resent?: boolean | undefined;
}

/** An outgoing QoS 2 message whose PUBREC came; added to its {@link PublishRecord} so that the payload is written once. */
export interface ReleaseRecord {
  readonly kind: 'release';
  /** `id` of the message. */
  readonly id: number;
  /** Its place in the order in which PUBRECs came. */
  readonly order: number;
}

/** An incoming QoS 2 identifier between PUBREC and PUBREL. */
export interface IncomingRecord {
  readonly kind: 'incoming';
  /** The packet identifier. */
  readonly id: number;
}

/** A message that was acknowledged before its takers were done with it. It is no part of the MQTT session. */
export interface InboxRecord {
  readonly kind: 'inbox';
  /** Its place in the order of arrival. */
  readonly id: number;
  readonly topic: string;
  readonly payload: Bytes;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties?: PublishProperties | undefined;
}

/** A key of a message that was delivered, so that a later page does not publish it again. No part of the MQTT session. */
export interface KeyRecord {
  readonly kind: 'key';
  /** The key. */
  readonly id: string;
  /** Reason code of PUBACK or PUBCOMP. */
  readonly reasonCode: number;
  /** It was sent anew although an earlier session may have delivered it. */
  readonly resent?: boolean | undefined;
  /** When the key is free again. */
  readonly until: number;
}

/** A record of the client's own. */
export type OwnRecord = InboxRecord | KeyRecord;

/** A subscription that the server granted. */
export interface SubscriptionRecord {
  readonly kind: 'subscription';
  /** The filter as it is on the wire. */
  readonly id: string;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
  /** Subscription Identifier; on the wire where the server takes them. */
  readonly identifier: number;
}

/** That a session exists at the server. */
export interface SessionRecord {
  readonly kind: 'session';
  readonly id: 0;
  /** Version that made it; it is resumed with no other. */
  readonly protocolVersion: ProtocolVersion;
  /** Client identifier under which the server knows it. */
  readonly clientId: string;
  /** Not all filters were subscribed to again in it: the next connection has to do that. */
  readonly resubscribe?: boolean | undefined;
  /** An identifier of it can only be freed by a clean start, which the next connection has to ask for. */
  readonly cleanStart?: boolean | undefined;
  /** Highest Subscription Identifier that the server may know: none up to it is given to another filter. */
  readonly lastIdentifier?: number | undefined;
}

/** Takes down what has become known of the server's session; nothing where there is none. */
export type Note = (news: Partial<SessionRecord>) => void;

/** One record of a session. */
export type StoreRecord =
  | PublishRecord
  | ReleaseRecord
  | IncomingRecord
  | OwnRecord
  | SubscriptionRecord
  | SessionRecord;

/** The kinds of records. */
export type RecordKind = StoreRecord['kind'];

/** One write. A batch of them is applied whole or not at all, in order. */
export type StoreOperation =
  | { readonly type: 'put'; readonly record: StoreRecord }
  | { readonly type: 'delete'; readonly kind: RecordKind; readonly id: number | string };

/** All records of a session, in any order. */
export type Records = readonly StoreRecord[];
