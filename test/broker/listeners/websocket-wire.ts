/** A WebSocket below a connection. */

import type { WebSocket } from 'ws';
import type { Wire, WireEvents, WireKind } from '../wire';
import { lingerTime } from './socket-wire';

/** Close code for a frame of a type that is not taken [RFC 6455 7.4.1]. */
const unsupportedData = 1003;

/** Writes binary messages. */
export class WebSocketWire implements Wire {
  readonly kind: WireKind;
  readonly remoteAddress: string;
  readonly #socket: WebSocket;
  #events: WireEvents | undefined;
  #closeCode = 1000;

  constructor(socket: WebSocket, kind: WireKind, remoteAddress: string) {
    this.#socket = socket;
    this.kind = kind;
    this.remoteAddress = remoteAddress;
    socket.binaryType = 'nodebuffer';
    // What ends a WebSocket badly is followed by 'close'.
    socket.on('error', () => {});
  }

  /** Tells the connection what happens on the WebSocket. */
  attach(events: WireEvents): void {
    this.#events = events;
    this.#socket.on('message', (data, isBinary) => {
      if (!isBinary) {
        // [v5 MQTT-6.0.0-1, v3 MQTT-6.0.0-1]
        this.#closeCode = unsupportedData;
        events.violated();
        return;
      }
      const bytes = Array.isArray(data) ? Buffer.concat(data) : data;
      if (bytes instanceof ArrayBuffer) events.received(new Uint8Array(bytes));
      else events.received(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
    });
    this.#socket.on('close', () => events.closed());
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const [first] = chunks;
    const message = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
    this.#socket.send(message, { binary: true }, () => {
      if (this.#socket.bufferedAmount === 0) this.#events?.drained();
    });
  }

  writeText(text: string): void {
    this.#socket.send(text, { binary: false });
  }

  end(): void {
    this.#socket.close(this.#closeCode);
    const timer = setTimeout(() => this.#socket.terminate(), lingerTime);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  destroy(): void {
    this.#socket.terminate();
  }
}
