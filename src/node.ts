/** Entry `mqtide` for Node, Deno and Bun: WebSocket, TCP and TLS. */

import type { Client } from './client/client';
import { factoryFor } from './client/factory';
import type { ClientOptions, ServerUrls } from './client/options';
import { type NodeWebSocketTransportOptions, nodeWebSocketTransport } from './transport/node-websocket';
import { allSchemes } from './transport/scheme';
import { tcpTransport, tryTls } from './transport/tcp';
import type { Transport } from './transport/transport';

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
export { memoryStore } from './store/memory';

const factory = factoryFor({
  schemes: allSchemes,
  transports({ webSocket, tls }) {
    if (!webSocket && !tls) return plainTransports;
    if (tls) tryTls(tls);
    return transportsWith({ ...webSocket, tls });
  },
});

function transportsWith(options: NodeWebSocketTransportOptions): (url: URL) => Transport {
  const web = nodeWebSocketTransport(options);
  const tcp = tcpTransport(options);
  return (url) => (url.protocol === 'ws:' || url.protocol === 'wss:' ? web : tcp);
}

/** For all clients without options of their own. */
const plainTransports = transportsWith({});

/** See the browser's `createClient`: the same, with `mqtt:`, `tcp:`, `mqtts:` and `tls:` too. */
export function createClient(url: ServerUrls, options?: ClientOptions): Client {
  return factory.createClient(url, options);
}

/** See the browser's `connect`: the same, with `mqtt:`, `tcp:`, `mqtts:` and `tls:` too. */
export function connect(url: ServerUrls, options?: ClientOptions): Promise<Client> {
  return factory.connect(url, options);
}
