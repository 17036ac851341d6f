/** How a link ended. */

import type { MqttError } from '../errors';

/** Why a link is over, and what is known of it. */
export interface LinkEnd {
  /** What happened. */
  readonly error: MqttError;
  /** `server`: it said so; `us`: we ended it; `network`: it ended without a word; `silence`: the peer is dead. */
  readonly by: 'server' | 'us' | 'network' | 'silence';
  /** Whether there are last bytes (DISCONNECT) to write before the transport is closed in an orderly way. */
  readonly flush: boolean;
  /** The server's reason code in CONNACK or DISCONNECT, in the numbers of MQTT 5.0. */
  readonly reasonCode: number | undefined;
  /** Another server to use, in the server's words [v5 4.11]. */
  readonly serverReference?: string | undefined;
  /** Set when the next connect follows at once; true when it has to ask for a clean start. */
  readonly cleanStart?: boolean | undefined;
  /** Whether the server sent anything at all. */
  readonly answered: boolean;
  /** Whether the server had accepted the connection. */
  readonly wasConnected: boolean;
}
