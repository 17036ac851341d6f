/** What CONNACK tells an MQTT 5.0 client: the limits that differ from what the protocol assumes [v5 3.2.2.3]. */

import type { ConnackProperties } from '../../src/codec/packet';
import type { Connection } from './connection';
import type { Settings } from './options';

/** What is known of the one connection. */
export interface ConnackFacts {
  readonly connection: Connection;
  /** The client identifier, when the broker made it [v5 MQTT-3.1.3-7]. */
  readonly assigned: string | undefined;
  /** Seconds, when another session expiry was granted than asked for. */
  readonly expiry: number | undefined;
  /** Seconds, when another keep alive holds than asked for. */
  readonly keepAlive: number | undefined;
  /** Whether the client asked for Response Information [v5 MQTT-3.1.2-28]. */
  readonly responseInformation: boolean;
  readonly authenticationData: Uint8Array | undefined;
}

/** The properties of an accepting CONNACK. */
export function connackProperties(settings: Settings, facts: ConnackFacts): ConnackProperties {
  const { connection, assigned, expiry, keepAlive, authenticationData } = facts;
  const { maximumQoS, maximumPacketSize, topicAliasMaximum, receiveMaximum } = settings;
  const properties: ConnackProperties = {};
  if (expiry !== undefined) properties.sessionExpiryInterval = expiry;
  if (receiveMaximum !== 65_535) properties.receiveMaximum = receiveMaximum;
  if (maximumQoS !== 2) properties.maximumQoS = maximumQoS; // [v5 MQTT-3.2.2-9]
  if (!settings.retainAvailable) properties.retainAvailable = false;
  if (maximumPacketSize !== undefined) properties.maximumPacketSize = maximumPacketSize;
  if (assigned !== undefined) properties.assignedClientIdentifier = assigned;
  if (topicAliasMaximum > 0) properties.topicAliasMaximum = topicAliasMaximum;
  if (!settings.wildcardSubscriptionAvailable) properties.wildcardSubscriptionAvailable = false;
  if (!settings.subscriptionIdentifierAvailable) properties.subscriptionIdentifierAvailable = false;
  if (!settings.sharedSubscriptionAvailable) properties.sharedSubscriptionAvailable = false;
  if (keepAlive !== undefined) properties.serverKeepAlive = keepAlive;
  if (facts.responseInformation && settings.responseInformation !== undefined) {
    properties.responseInformation = settings.responseInformation.replaceAll('%c', () => connection.clientId);
  }
  // [v5 MQTT-4.12.0-5, v5 MQTT-4.12.0-6]
  if (connection.authMethod !== undefined) properties.authenticationMethod = connection.authMethod;
  if (authenticationData !== undefined) properties.authenticationData = authenticationData;
  if (settings.diagnostics === 'full') {
    properties.reasonString = 'welcome';
    properties.userProperties = [['broker', 'mqtide']];
  }
  return properties;
}
