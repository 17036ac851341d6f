/** aedes, a broker of MQTT 3.1 and 3.1.1 that knows no 5.0 and says so with CONNACK 1. */

import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { Aedes } from 'aedes';
import { createWebSocketStream, WebSocketServer } from 'ws';
import type { RunningBroker } from '../support/broker-kinds';

/** What it tells beside that. */
export interface RunningAedes extends RunningBroker {
  /** Connections that were made since it started. */
  readonly connections: number;
}

/** Starts it on free ports of 127.0.0.1; the caller closes it. */
export async function startAedes(): Promise<RunningAedes> {
  const aedes = await Aedes.createBroker();
  let connections = 0;
  const tcp = createServer((socket) => {
    connections += 1;
    aedes.handle(socket);
  });
  const http = createHttpServer();
  const webSockets = new WebSocketServer({ server: http });
  webSockets.on('connection', (socket, request) => {
    connections += 1;
    aedes.handle(createWebSocketStream(socket), request);
  });
  const ports = { TCP: await listen(tcp), WebSocket: await listen(http) };
  return {
    port: (transport) => ports[transport],
    get connections() {
      return connections;
    },
    async close() {
      await new Promise<void>((resolve) => aedes.close(resolve));
      for (const socket of webSockets.clients) socket.terminate();
      await Promise.all([tcp, http].map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
