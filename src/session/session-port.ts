/** What a session is given, and whom it tells what it finds out. */

import type { MqttError } from '../errors';
import type { ProtocolVersion } from '../message';
import type { Deliver } from './incoming';
import type { LinkEnd } from './link-end';
import type { OutgoingOptions } from './outgoing';
import type { ServerLimits } from './server-limits';

/** How a session behaves; complete. */
export interface SessionOptions extends OutgoingOptions {
  /** QoS 1 and 2 messages in flight, also when the server would take more. */
  readonly maxInflight: number;
  /** Largest packet that we take, in bytes; in MQTT 5.0 CONNECT announces it. */
  readonly maximumPacketSize: number;
  /** Whether topics are aliased on the way out. */
  readonly topicAliases: boolean;
  /** False when nobody can restore the session: then it makes no store operations. */
  readonly recording: boolean;
}

/** What a transport says of itself; see the members of the same names of its `Connection`. */
export interface TransportTraits {
  readonly delayedAcks?: boolean | undefined;
  readonly zeroCopy?: boolean | undefined;
}

/** What an accepted connection brought. */
export interface Connected {
  /** The server resumed the session. */
  readonly sessionPresent: boolean;
  /** We had a session, and the server does not have it any more. */
  readonly sessionLost: boolean;
  readonly server: ServerLimits;
  readonly protocolVersion: ProtocolVersion;
}

/** Who learns what the session finds out. None of these may throw. */
export interface SessionPort {
  /** The server accepted the connection. */
  connected(result: Connected): void;
  /** A message for its takers; with a handle the session waits for `acknowledge`. */
  message: Deliver;
  /** A filter that had been granted is refused in the server's new session. */
  subscriptionLost(filter: string, error: MqttError): void;
  /** A message of an earlier page came to its end, and with which reason code of the server. */
  settled(key: string | undefined, error: Error | undefined, reasonCode: number, resent: boolean): void;
  /** The server continues enhanced authentication: answer with `authenticate` [v5 4.12]. */
  challenged(data: Uint8Array | undefined): void;
  /** The server accepted the authentication; during a connect `confirm` has to follow. */
  authenticated(data: Uint8Array | undefined): void;
  /** The link is over: flush what is left when `end.flush`, close the transport, call `closed`. */
  ended(end: LinkEnd): void;
  /** The machine slept while a link was up, which is being probed. */
  slept(): void;
}
