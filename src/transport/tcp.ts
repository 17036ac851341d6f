/** MQTT over TCP (`mqtt:`, `tcp:`) and TLS (`mqtts:`, `tls:`), in Node, Deno and Bun. */

import type { TlsOptions } from './tls-options';
import type { Connection, Transport, TransportOptions } from './transport';

/** Options of {@link tcpTransport}. */
export interface TcpTransportOptions {
  /** See {@link TlsOptions}; not used by `mqtt:` and `tcp:`. */
  readonly tls?: TlsOptions | undefined;
}

/** A transport over TCP and TLS sockets. */
export function tcpTransport(options: TcpTransportOptions = {}): Transport {
  void options;
  return {
    connect(url: URL, options: TransportOptions): Promise<Connection> {
      void options;
      return Promise.reject(new Error(url.host));
    },
  };
}
