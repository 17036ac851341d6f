/** What a client takes, as it says in CONNECT [v5 3.1.2.11]. */

import type { ConnectPacketProperties } from '../../src/codec/packet';

/** The limits of one connection. */
export interface ClientLimits {
  /** PUBLISH packets with QoS > 0 at one time. */
  readonly receiveMaximum: number;
  /** Bytes of a packet; infinite without a limit. */
  readonly maximumPacketSize: number;
  /** 0 for no aliases. */
  readonly topicAliasMaximum: number;
  readonly requestProblemInformation: boolean;
}

/** The limits that CONNECT names, and what the protocol assumes for the others. */
export function limitsOf(properties: ConnectPacketProperties | undefined): ClientLimits {
  return {
    receiveMaximum: properties?.receiveMaximum ?? 65_535,
    maximumPacketSize: properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    topicAliasMaximum: properties?.topicAliasMaximum ?? 0,
    requestProblemInformation: properties?.requestProblemInformation ?? true,
  };
}
