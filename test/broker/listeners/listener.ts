/** What all listeners have in common. */

import type { AddressInfo, Server, Socket } from 'node:net';
import type { FaultPlan } from '../faults';
import type { Wire, WireEvents } from '../wire';

/** Takes a new network connection; the plan is given when it had to be known before. */
export type Accept = (wire: Wire, plan?: FaultPlan) => WireEvents;

/** An open port. */
export interface Listener {
  readonly port: number;
  /** Takes no new connection, and resolves when the old ones are gone: those still there after `grace` ms are dropped. */
  close(grace: number): Promise<void>;
}

/** Opens a port, and keeps track of the sockets so that closing it can end. */
export async function listen(server: Server, host: string, port: number): Promise<Listener> {
  const sockets = new Set<Socket>();
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  server.on('connection', track);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      // A connection that could not be taken, for want of descriptors say, is none of the others' business.
      server.on('error', () => {});
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: (grace) =>
      new Promise((resolve) => {
        const drop = () => {
          for (const socket of sockets) socket.destroy();
        };
        const timer = setTimeout(drop, grace);
        server.close(() => {
          clearTimeout(timer);
          resolve();
        });
        if (grace === 0) drop();
      }),
  };
}
