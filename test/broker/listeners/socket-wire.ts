/** A TCP or TLS socket below a connection. */

import type { Socket } from 'node:net';
import type { Wire, WireEvents, WireKind } from '../wire';

/**
 * Milliseconds in which a peer may close its side after ours was closed. Until then what it sends is read and dropped:
 * an unread byte would make the kernel reset the connection, and the peer lose the DISCONNECT that says why.
 */
export const lingerTime = 2_000;

/** Writes to a socket. */
export class SocketWire implements Wire {
  readonly kind: WireKind;
  readonly remoteAddress: string;
  readonly #socket: Socket;

  constructor(socket: Socket, kind: WireKind) {
    this.#socket = socket;
    this.kind = kind;
    this.remoteAddress = `${socket.remoteAddress}:${socket.remotePort}`;
    socket.setNoDelay(true);
  }

  /** Tells the connection what happens on the socket. */
  attach(events: WireEvents): void {
    const socket = this.#socket;
    socket.on('data', (chunk: Buffer) => {
      events.received(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    });
    socket.on('drain', () => events.drained());
    socket.on('close', () => events.closed());
    // A client that has gone is gone, although what it never read keeps the socket from closing.
    socket.on('end', () => {
      events.closed();
      this.end();
    });
  }

  get bufferedAmount(): number {
    return this.#socket.writableLength;
  }

  write(chunks: readonly Uint8Array[]): void {
    if (!this.#socket.writable) return;
    this.#socket.cork();
    for (const chunk of chunks) this.#socket.write(chunk);
    this.#socket.uncork();
  }

  writeText(text: string): void {
    this.write([new TextEncoder().encode(text)]);
  }

  end(): void {
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), lingerTime);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
