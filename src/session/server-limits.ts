/** What the server told in CONNACK, complete with the defaults of the specification. */

import type { ConnackPacket, ConnectPacket } from '../codec/packet';
import type { QoS, UserProperties } from '../message';

/** What the server can do and what it granted, from CONNACK [v5 3.2.2.3]; defaults where it says nothing. */
export interface ServerLimits {
  /** Seconds for which the server keeps the session after a disconnect; undefined before MQTT 5.0. */
  readonly sessionExpiryInterval: number | undefined;
  /** QoS 1 and 2 messages that it takes at a time; 65,535 unless it says less. */
  readonly receiveMaximum: number;
  /** Highest QoS it takes. */
  readonly maximumQoS: QoS;
  /** Whether it takes retained messages. */
  readonly retainAvailable: boolean;
  /** Largest packet it takes, in bytes; Infinity without a limit. */
  readonly maximumPacketSize: number;
  /** Topic aliases it takes; 0 for none. */
  readonly topicAliasMaximum: number;
  /** Whether filters may hold wildcards. */
  readonly wildcardSubscriptionAvailable: boolean;
  /** Whether subscriptions may carry an identifier; false before MQTT 5.0. */
  readonly subscriptionIdentifierAvailable: boolean;
  /** Whether `$share/group/filter` can be subscribed to; false is only known in MQTT 5.0. */
  readonly sharedSubscriptionAvailable: boolean;
  /** Keep alive in force, in seconds: the server's when it gave one. */
  readonly keepAlive: number;
  /** Client identifier in force: the server's when it assigned one. */
  readonly clientId: string;
  /** Basis for response topics, when it was asked for. */
  readonly responseInformation: string | undefined;
  /** Another server to use. */
  readonly serverReference: string | undefined;
  /** The server's own words. */
  readonly reasonString: string | undefined;
  /** User properties of CONNACK. */
  readonly userProperties: UserProperties;
}

/** Reads the limits from an accepting CONNACK. */
export function serverLimits(packet: ConnackPacket, connect: ConnectPacket): ServerLimits {
  const { serverKeepAlive, assignedClientIdentifier, authenticationMethod, authenticationData, ...given } =
    packet.properties ?? {};
  const isV5 = connect.protocolVersion === 5;
  const ours = {
    sessionExpiryInterval: isV5 ? (connect.properties?.sessionExpiryInterval ?? 0) : undefined,
    subscriptionIdentifierAvailable: isV5,
    keepAlive: serverKeepAlive ?? connect.keepAlive,
    clientId: assignedClientIdentifier ?? connect.clientId,
  };
  // The decoder leaves out what did not come.
  return Object.assign({}, defaults, ours, given as Partial<ServerLimits>);
}

/** What the specification says for a server that says nothing. */
const defaults = {
  receiveMaximum: 65_535,
  maximumQoS: 2,
  retainAvailable: true,
  maximumPacketSize: Infinity,
  topicAliasMaximum: 0,
  wildcardSubscriptionAvailable: true,
  sharedSubscriptionAvailable: true,
  responseInformation: undefined,
  serverReference: undefined,
  reasonString: undefined,
  userProperties: [],
} as const;
