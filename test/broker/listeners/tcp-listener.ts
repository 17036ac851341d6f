/** Listens for MQTT over TCP and over TLS. */

import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from '../options';
import type { WireEvents } from '../wire';
import { type Accept, type Listener, listen } from './listener';
import { SocketWire } from './socket-wire';

/** Opens the port. */
export async function listenTcp(
  host: string,
  port: number,
  accept: Accept,
  tls?: TlsOptions,
): Promise<Listener> {
  const onSocket = (socket: Socket) => {
    // What ends a socket badly is followed by 'close'.
    socket.on('error', () => {});
    const wire = new SocketWire(socket, tls === undefined ? 'tcp' : 'tls');
    const events: WireEvents = accept(wire);
    wire.attach(events);
  };
  const server: Server =
    tls === undefined ? createServer(onSocket) : createTlsServer({ key: tls.key, cert: tls.cert }, onSocket);
  return listen(server, host, port);
}
