/** What a connection needs from the network below it: TCP, TLS, WebSocket or a test's recorder. */

/** Kind of transport below a connection. */
export type WireKind = 'tcp' | 'tls' | 'ws' | 'wss' | 'memory';

/** One open network connection, as the broker writes to it. */
export interface Wire {
  readonly kind: WireKind;
  /** Address of the peer, for logs. */
  readonly remoteAddress: string;
  /** Bytes accepted by `write` that have not left yet. */
  readonly bufferedAmount: number;
  /** Sends the chunks in order; on a WebSocket they become one binary message. */
  write(chunks: readonly Uint8Array[]): void;
  /** Sends text: a WebSocket text frame, which MQTT forbids; elsewhere the bytes of the text. */
  writeText(text: string): void;
  /** Sends what is buffered, then closes in an orderly way. */
  end(): void;
  /** Drops the connection at once. */
  destroy(): void;
}

/** What the network tells the connection above it. */
export interface WireEvents {
  /** Bytes arrived. */
  received(chunk: Uint8Array): void;
  /** `bufferedAmount` has come down. */
  drained(): void;
  /** The peer sent what MQTT does not allow on this transport, such as a WebSocket text frame. */
  violated(): void;
  /** The connection ended, by whomever. */
  closed(): void;
}
