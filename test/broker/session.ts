/** The state that outlives a connection [v5 4.1, v3 3.1.2.4]. */

import type { ProtocolVersion } from '../../src/codec/packet';
import type { Timer } from './clock';
import type { Connection } from './connection';
import type { BrokerMessage } from './message';
import { Outbound } from './outbound';
import type { Subscription } from './subscriptions';
import type { PendingWill } from './wills';

/** What the broker knows of one client identifier. */
export class Session {
  readonly clientId: string;
  /** Version of the latest connection. */
  protocolVersion: ProtocolVersion = 5;
  /** Seconds that the session outlives its connection; infinite for 0xFFFFFFFF and for 3.1.1. */
  expiryInterval = 0;
  /** The connection, while there is one. */
  connection: Connection | undefined;

  /** Subscriptions by filter, as the client wrote it [v5 MQTT-3.10.4-1]. */
  readonly subscriptions = new Map<string, Subscription>();
  /** Messages to the client. */
  readonly outbound = new Outbound();
  /**
   * QoS 2 messages from the client that wait for PUBREL, by identifier [v5 MQTT-4.3.3-10]; undefined where nothing is
   * left to forward.
   */
  readonly received = new Map<number, BrokerMessage | undefined>();
  /** Messages that found the queue full. */
  dropped = 0;

  /** The will that waits for its delay, while the client is away. */
  pendingWill: PendingWill | undefined;
  /** Ends the session, while the client is away. */
  expiryTimer: Timer | undefined;

  constructor(clientId: string) {
    this.clientId = clientId;
  }

  /** Whether the session goes with its connection. */
  get endsWithConnection(): boolean {
    return this.expiryInterval === 0;
  }
}
