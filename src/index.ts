/** Entry `mqtide` for browsers and workers: the client over WebSocket. */

import type { Client } from './client/client';
import { factoryFor } from './client/factory';
import type { ClientOptions, ServerUrls } from './client/options';
import { UsageError } from './errors';
import { webSchemes } from './transport/scheme';
import { webSocketTransport } from './transport/websocket';

export type {
  Client,
  ClientEvents,
  ClientStats,
  ConnectResult,
  Grant,
  Handler,
  Listener,
  PublishResult,
  Status,
  Subscription,
} from './client/client';
export type { Clock } from './client/clock';
export type {
  AuthenticationData,
  ClientOptions,
  CloseOptions,
  ConnectAttempt,
  ConnectProperties,
  Credentials,
  EnhancedAuth,
  Payload,
  PublishOptions,
  QueueOptions,
  ReconnectOptions,
  ServerUrls,
  SubscribeOptions,
  WaitOptions,
  WebSocketOptions,
  Will,
} from './client/options';
export type * from './codec/packet';
export type { ConnectionCode, ProtocolCode, StoreCode, UsageCode } from './errors';
export {
  ConnectionError,
  MalformedPacketError,
  MqttError,
  PeerError,
  ProtocolError,
  RefusedError,
  StoreError,
  UsageError,
} from './errors';
export type { Bytes, Message, ProtocolVersion, PublishProperties, QoS, UserProperties } from './message';
export type { ServerLimits } from './session/server-limits';
export { memoryStore } from './store/memory';
export type * from './store/store';
export type { ParamsOf } from './topic/params';
export type { TlsOptions } from './transport/tls-options';
export type { Connection, Transport, TransportOptions } from './transport/transport';
export type { WebSocketConstructor, WebSocketLike } from './transport/websocket';

const factory = factoryFor({
  schemes: webSchemes,
  transports({ webSocket, tls }) {
    if (tls !== undefined)
      throw new UsageError('options.tls: is for Node; a browser has its own certificates', 'unsupported');
    if (webSocket?.headers !== undefined) {
      throw new UsageError('options.webSocket.headers: a browser lets nobody set them', 'unsupported');
    }
    const transport = webSocketTransport(webSocket);
    return () => transport;
  },
});

/**
 * Makes a client. Nothing is opened; `subscribe` and `publish` may come before `connect`.
 *
 * @param url `ws:` or `wss:`, in Node also `mqtt:`, `tcp:`, `mqtts:` and `tls:`; several are tried in turn
 * @throws UsageError for wrong arguments
 */
export function createClient(url: ServerUrls, options?: ClientOptions): Client {
  return factory.createClient(url, options);
}

/**
 * Makes a client and connects it.
 *
 * @param url see {@link createClient}
 * @throws UsageError for wrong arguments; ConnectionError, PeerError when the connection fails
 */
export function connect(url: ServerUrls, options?: ClientOptions): Promise<Client> {
  return factory.connect(url, options);
}
