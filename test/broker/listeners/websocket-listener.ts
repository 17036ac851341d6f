/** Listens for MQTT over WebSocket, on any path [v5 6, v3 6]. */

import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { FaultPlan } from '../faults';
import type { TlsOptions } from '../options';
import { type Accept, type Listener, listen } from './listener';
import { WebSocketWire } from './websocket-wire';

/** What the listener needs beside its port. */
export interface WebSocketListenerOptions {
  readonly accept: Accept;
  /** The faults of the connection that is about to be made. */
  readonly takePlan: () => FaultPlan;
  /** Whether a client must offer a subprotocol. */
  readonly subprotocol: 'required' | 'optional';
  readonly tls?: TlsOptions | undefined;
}

/** In order of preference; the second is that of MQTT 3.1. */
const subprotocols = ['mqtt', 'mqttv3.1'];

/** Opens the port. */
export async function listenWebSocket(
  host: string,
  port: number,
  options: WebSocketListenerOptions,
): Promise<Listener> {
  const { tls } = options;
  const server: Server =
    tls === undefined ? createServer() : createTlsServer({ key: tls.key, cert: tls.cert });
  server.on('request', (_request, response) => {
    response.writeHead(426, { 'content-type': 'text/plain', upgrade: 'websocket' });
    response.end('MQTT over WebSocket is spoken here, with the subprotocol mqtt.\n');
  });
  server.on('upgrade', (request, socket, head) => upgrade(request, socket, head, options));
  return listen(server, host, port);
}

function upgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { accept, takePlan, subprotocol, tls }: WebSocketListenerOptions,
): void {
  socket.on('error', () => {});
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  const selected = subprotocols.find((name) => offered.includes(name));
  if (selected === undefined && subprotocol === 'required') {
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    return;
  }
  const plan = takePlan();
  const answer = plan.subprotocol === undefined ? selected : plan.subprotocol;
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    // [v5 MQTT-6.0.0-4, v3 MQTT-6.0.0-4]
    handleProtocols: () => answer ?? false,
  });
  server.handleUpgrade(request, socket, head, (webSocket) => {
    const address = `${request.socket.remoteAddress}:${request.socket.remotePort}`;
    const wire = new WebSocketWire(webSocket, tls === undefined ? 'ws' : 'wss', address);
    wire.attach(accept(wire, plan));
  });
}
