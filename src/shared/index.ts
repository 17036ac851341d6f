/** Entry `mqtide/shared`: one connection for all tabs of an origin. */

import type { Client, ServerUrls } from '../index';
import { connectIn } from './connect';
import { thisEnvironment } from './environment';
import type { SharedOptions } from './options';

export type {
  Client,
  ClientStats,
  ConnectResult,
  Message,
  PublishResult,
  ServerLimits,
  Status,
  Subscription,
} from '../index';
export type { SharedOptions } from './options';

/**
 * Connects, together with all tabs of the origin that do the same: one of them holds the MQTT connection, and each has
 * a client of its own that works over it. When the tab with the connection is closed, crashes or does not answer,
 * another one takes over.
 *
 * A tab gets the messages that it subscribed to; a message is acknowledged when all tabs that took it are done with it.
 * What is published at QoS 1 and 2 goes out once, whichever tabs come and go, when the session outlives its tab:
 * `clean: false`, a `clientId` and a durable `store`. Without them a takeover is like a reload: what was in flight may
 * be sent twice, and messages that came meanwhile are missed. `close()` ends this tab's share; the connection ends with
 * the last one.
 *
 * Functions among the options (`credentials`, `authenticate`, `store`) are those of the tab that holds the connection:
 * each tab has to give them. Works in pages, dedicated and shared workers.
 *
 * @param url see `createClient`
 * @throws UsageError for wrong arguments, for options other than those of the tabs that are there, and where there are no
 * Web Locks or no BroadcastChannel; ConnectionError, PeerError when the connection fails
 */
export async function connectShared(url: ServerUrls, options?: SharedOptions): Promise<Client> {
  return connectIn(thisEnvironment(), url, options);
}
