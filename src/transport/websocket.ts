/** MQTT over WebSocket, with any constructor of the W3C form. */

import type { Connection, Transport, TransportOptions } from './transport';

/** What is needed of a W3C WebSocket. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly protocol: string;
  readonly bufferedAmount: number;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
}

/** The global `WebSocket`, that of the package `ws`, or another of the same form. */
export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

/** Options of {@link webSocketTransport}. */
export interface WebSocketTransportOptions {
  /** Makes the sockets; @default the global `WebSocket`, looked up at each connect. */
  readonly constructor?: WebSocketConstructor | undefined;
  /** Subprotocols to offer instead of MQTT's own; an empty list offers none and expects none. */
  readonly protocols?: readonly string[] | undefined;
}

/** A transport over W3C WebSockets. */
export function webSocketTransport(options: WebSocketTransportOptions = {}): Transport {
  void options;
  return {
    connect(url: URL, options: TransportOptions): Promise<Connection> {
      void options;
      return Promise.reject(new Error(url.host));
    },
  };
}
