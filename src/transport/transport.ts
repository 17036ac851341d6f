/**
 * What the client needs from a network connection. Any object of this shape serves as `ClientOptions.transport`.
 */

/** How one connection is to be made. */
export interface TransportOptions {
  /** Aborts the attempt; once `connect` resolved it has no meaning any more. */
  readonly signal: AbortSignal;
  /** WebSocket subprotocols to offer; the server must select one of them. Ignored by TCP and TLS. */
  readonly protocols: readonly string[];
  /** Largest packet that the client takes, in bytes; undefined without a limit. */
  readonly maximumPacketSize?: number | undefined;
  /** HTTP headers of the WebSocket handshake; Node only. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Makes connections. */
export interface Transport {
  /**
   * Opens a connection.
   *
   * @returns a promise of an open connection; the caller sets its three callbacks in the same turn in which the promise resolves, and a
   * transport keeps what arrives until `onData` is set
   * @throws ConnectionError `'unreachable'` or `'subprotocol'`; the signal's reason when it is aborted, and then no socket is left behind
   */
  connect(url: URL, options: TransportOptions): Promise<Connection>;
}

/** One open connection; its callbacks never run inside a call to it. */
export interface Connection {
  /**
   * Sends whole packets, at most once per frame: a WebSocket makes one binary message of the chunks of a call.
   * The chunks must not change afterwards. A no-op once the connection is closed.
   */
  write(chunks: readonly Uint8Array[]): void;
  /** Bytes accepted by `write` that have not left yet. While they leave it has to shrink: else the peer is taken for dead. */
  readonly bufferedAmount: number;
  /**
   * True where that shrinks only when all of a `write` has left, as in some browsers: what is large then gets the time
   * that a slow network takes for it.
   */
  readonly coarse?: boolean | undefined;
  /**
   * True where the system confirms received bytes with a delay unless something is sent (TCP): a PINGREQ then draws out
   * acknowledgements that the server's TCP holds back meanwhile. Default false.
   */
  readonly delayedAcks?: boolean | undefined;
  /**
   * True where `write` copies nothing, so that it pays to give it a large payload at QoS 0 in the application's own array;
   * who publishes it waits until `bufferedAmount` tells that it has left. Else such a payload is copied at the call.
   * Default false.
   */
  readonly zeroCopy?: boolean | undefined;
  /** Called with the bytes that arrived, in any cut. The chunk belongs to the receiver and is never overwritten. */
  onData: ((chunk: Uint8Array) => void) | undefined;
  /** Called when `bufferedAmount` has come down again; a transport that cannot tell never calls it, and is polled. */
  onDrain: (() => void) | undefined;
  /**
   * Called once when the connection ended, by whomever; not after `destroy()`.
   * Without an error the peer ended it in an orderly way.
   */
  onClose: ((error?: Error) => void) | undefined;
  /**
   * Sends what is buffered, then ends the connection in an orderly way.
   *
   * @returns where the end of the process loses what is buffered: a promise that resolves when that has left, or cannot
   */
  close(): void | Promise<void>;
  /** Drops the connection at once, without a handshake, and calls nothing any more. */
  destroy(): void;
}
