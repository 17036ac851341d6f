/** Bare sockets of Node: TCP, and WebSocket by `ws`. */

import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { BareSocket } from './raw';

/** A TCP socket. */
export function tcpSocket(): BareSocket {
  let socket: Socket;
  return {
    open(url, onData) {
      const { hostname, port } = new URL(url);
      socket = connect({ host: hostname, port: Number(port), noDelay: true });
      socket.on('data', onData);
      return new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    },
    write: (bytes) => socket.write(bytes),
    drained: () =>
      socket.writableNeedDrain ? new Promise((resolve) => socket.once('drain', resolve)) : undefined,
    close: () => socket.destroy(),
  };
}

/** A WebSocket. */
export function webSocket(): BareSocket {
  let socket: WebSocket;
  return {
    open(url, onData) {
      socket = new WebSocket(url, 'mqtt', { perMessageDeflate: false });
      socket.on('message', onData);
      return new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    },
    write: (bytes) => socket.send(bytes),
    async drained() {
      while (socket.bufferedAmount > 512 * 1_024) await new Promise((resolve) => setImmediate(resolve));
    },
    close: () => socket.terminate(),
  };
}
