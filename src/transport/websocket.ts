/** MQTT over WebSocket, with any constructor of the W3C form [v5 6, v3 6]. */

import { ConnectionError, MalformedPacketError, UsageError } from '../errors';
import type { Bytes } from '../message';
import { BaseConnection } from './base-connection';
import { portOf, serverName } from './scheme';
import type { Connection, Transport } from './transport';

/** What is needed of a WebSocket, beside its events. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly protocol: string;
  send(data: Bytes): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open', listener: () => void): void;
  removeEventListener(type: 'open', listener: () => void): void;
}

/** The global `WebSocket`, that of the package `ws`, or another of the same form. */
export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

/** Options of {@link webSocketTransport}. */
export interface WebSocketTransportOptions {
  /**
   * Makes the sockets. The second type is what TypeScript sees in objects without this option: the `constructor` that
   * every object inherits, which is ignored.
   *
   * @default the global `WebSocket`, looked up at each connect
   */
  readonly constructor?: WebSocketConstructor | typeof Object.prototype.constructor | undefined;
  /**
   * Subprotocols to offer instead of MQTT's own, one of which the server must select; an empty list offers none.
   *
   * @default `mqtt`, for MQTT 3.1 `mqttv3.1`
   */
  readonly protocols?: readonly string[] | undefined;
}

/** A transport over W3C WebSockets. */
export function webSocketTransport(options: WebSocketTransportOptions = {}): Transport {
  const given = constructorIn(options);
  const protocols = options.protocols && [...options.protocols];
  return {
    async connect(url, attempt) {
      if (attempt.headers)
        throw new UsageError('webSocket.headers: a browser lets nobody set them', 'unsupported');
      const Constructor = given ?? globalWebSocket();
      return openWebSocket({
        url,
        protocols: protocols ?? attempt.protocols,
        signal: attempt.signal,
        create: (address, offered) => new Constructor(address, offered),
        explain: explainInBrowser,
      });
    },
  };
}

/** The constructor in the options: an own member, because every object inherits one. */
export function constructorIn(options: WebSocketTransportOptions): WebSocketConstructor | undefined {
  const given = Object.hasOwn(options, 'constructor') ? options.constructor : undefined;
  if (given === undefined) return undefined;
  try {
    // Throws unless `new` works with it, and does not call it.
    Reflect.construct(Object, [], given);
  } catch {
    throw noWebSockets();
  }
  return given as WebSocketConstructor;
}

const noWebSockets = () => new UsageError('webSocket.constructor: must be a constructor of WebSockets');

function globalWebSocket(): WebSocketConstructor {
  const { WebSocket } = globalThis as { WebSocket?: WebSocketConstructor };
  if (WebSocket !== undefined) return WebSocket;
  throw new UsageError('there is no global WebSocket here; give one as webSocket.constructor', 'unsupported');
}

/** What {@link openWebSocket} needs. */
export interface WebSocketAttempt {
  readonly url: URL;
  /** Subprotocols to offer. */
  readonly protocols: readonly string[];
  readonly signal: AbortSignal;
  /** Makes the socket. */
  readonly create: (address: string, protocols: string[]) => WebSocketLike;
  /** Says what may be wrong when no connection could be made; an error when it is the caller's own doing. */
  readonly explain: (url: URL, cause: unknown) => string | UsageError;
  /** Says what ended an open connection where its error tells more than that it was lost. */
  readonly explainEnd?: (cause: unknown) => Error | undefined;
}

/** Opens a WebSocket and makes a connection of it; see `Transport.connect`. */
export function openWebSocket(attempt: WebSocketAttempt): Promise<Connection> {
  const { url, signal } = attempt;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const offered = [...attempt.protocols];
    const socket = create(attempt, offered);
    const connection = new WebSocketConnection(socket, serverName(url), attempt.explainEnd);
    const failed = () => fail(unreachable(attempt, connection.cause));
    const fail = (error: unknown) => {
      // Else it is open, or dropped.
      if (connection.onClose !== failed) return;
      connection.onClose = undefined;
      connection.destroy();
      reject(error);
    };
    connection.onClose = failed;
    signal.addEventListener('abort', () => fail(signal.reason));
    // What a policy of the page or a blocked port forbids has no close event in Chromium and WebKit.
    socket.addEventListener('error', failed);
    socket.addEventListener('open', () => {
      // Firefox and WebKit open a connection for which the server selected no subprotocol.
      if (offered.length > 0 && !offered.includes(socket.protocol))
        fail(new ConnectionError('subprotocol', refusedProtocol(url, offered, socket.protocol)));
      else {
        connection.onClose = undefined;
        resolve(connection);
      }
    });
  });
}

/** What happens at a socket. Members that an event does not have are undefined. */
interface SocketEvent {
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
  readonly wasClean?: boolean;
  readonly error?: unknown;
}

/** A WebSocket as it is used here: with its events, and with what only some have. */
interface Socket extends Omit<WebSocketLike, 'addEventListener' | 'removeEventListener' | 'send'> {
  readonly bufferedAmount?: number;
  addEventListener(type: string, listener: (event: SocketEvent) => void): void;
  /** `done` is an addition of the package `ws`, called when the bytes have left; others ignore it. */
  send(data: Uint8Array, done?: () => void): void;
  /** Only the package `ws` and its like: drops the connection without a handshake. */
  terminate?(): void;
}

/** `WebSocket.OPEN`, which not every constructor has. */
export const open = 1;

function create(attempt: WebSocketAttempt, offered: string[]): Socket {
  try {
    const socket: Partial<WebSocketLike> = attempt.create(attempt.url.href, offered);
    if (socket.addEventListener && socket.send) return socket as Socket;
    throw noWebSockets();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // The URL is a good one, which leaves the subprotocols.
    if (error instanceof Error && error.name === 'SyntaxError') {
      throw new UsageError('webSocket.protocols: must be different names without spaces and separators');
    }
    throw unreachable(attempt, error);
  }
}

/** One WebSocket. Its listeners stay: an EventEmitter without one for errors throws them. */
class WebSocketConnection extends BaseConnection {
  readonly coarse = true;
  /** What an error event brought; a close event follows it. */
  cause: unknown;
  readonly #socket: Socket;
  /** Whom it connects to, for messages. */
  readonly #server: string;
  readonly #sent = () => this.drained();
  readonly #explainEnd: WebSocketAttempt['explainEnd'];

  constructor(socket: Socket, server: string, explainEnd: WebSocketAttempt['explainEnd']) {
    super();
    this.#socket = socket;
    this.#server = server;
    this.#explainEnd = explainEnd;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }) => this.#message(data));
    socket.addEventListener('close', (event) => this.ended(this.#errorOf(event)));
    socket.addEventListener('error', ({ error }) => {
      this.cause = error;
      // Else `ws` waits for a close handshake that may never come.
      socket.terminate?.();
    });
  }

  write(chunks: readonly Uint8Array[]): void {
    const [first] = chunks;
    if (first === undefined || this.#socket.readyState !== open) return;
    this.#socket.send(chunks.length === 1 ? first : join(chunks), this.#sent);
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount ?? 0;
  }

  close(): void {
    if (this.#socket.readyState === open) this.#socket.close(1000);
  }

  destroy(): void {
    this.silenced();
    this.#drop();
  }

  #drop(): void {
    if (this.#socket.terminate) this.#socket.terminate();
    else this.#socket.close();
  }

  #message(data: unknown): void {
    if (ArrayBuffer.isView(data)) {
      this.received(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      // A buffer may be of another realm: a frame, or a test environment.
    } else if (
      data instanceof ArrayBuffer ||
      Object.prototype.toString.call(data) === '[object ArrayBuffer]'
    ) {
      this.received(new Uint8Array(data as ArrayBuffer));
    } else {
      this.#drop();
      this.ended(
        typeof data === 'string'
          ? // [v5 MQTT-6.0.0-1, v3 MQTT-6.0.0-1]
            new MalformedPacketError('the server sent a WebSocket text frame; MQTT uses binary frames')
          : new UsageError(
              "webSocket.constructor: its sockets ignore binaryType = 'arraybuffer'",
              'unsupported',
            ),
      );
    }
  }

  #errorOf({ code = 1006, reason = '', wasClean }: SocketEvent): Error | undefined {
    // 1005: an orderly close that gives no code.
    if (wasClean !== false && (code === 1000 || code === 1005)) return undefined;
    const known = this.#explainEnd?.(this.cause);
    if (known) return known;
    const words =
      reason === '' ? (code === 1006 ? ', without a close frame' : '') : `: ${JSON.stringify(reason)}`;
    return new ConnectionError(
      'lost',
      `the WebSocket to ${this.#server} was closed with code ${code}${words}`,
      {
        cause: this.cause,
      },
    );
  }
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

function refusedProtocol(url: URL, offered: readonly string[], selected: string): string {
  const other = selected && ` but ${JSON.stringify(selected)}`;
  return `${serverName(url)} opened a WebSocket, but selected none of the subprotocols ${offered.join(', ')}${other}: check that port and path are those of its MQTT listener (often /mqtt or /ws), or set webSocket.protocols to what it expects`;
}

/** The error of a handshake that failed. */
function unreachable(
  { url, protocols, explain }: WebSocketAttempt,
  cause: unknown,
): ConnectionError | UsageError {
  const words = cause instanceof Error ? cause.message : '';
  // This is how `ws` and Node 22 say it; browsers say nothing.
  if (/sent.*protocol/.test(words)) {
    return new ConnectionError('subprotocol', refusedProtocol(url, protocols, ''), { cause });
  }
  const explanation = explain(url, cause);
  if (typeof explanation !== 'string') return explanation;
  // Some engines repeat the whole URL in their error, and a URL may hold a signature or a token.
  const path = url.pathname + url.search;
  const safe = path === '/' || !words.includes(path);
  return new ConnectionError(
    'unreachable',
    `could not open a WebSocket to ${serverName(url)}: ${explanation}`,
    { cause: safe ? cause : undefined },
  );
}

/** A browser does not say why; what it does say, and what is wrong most often. */
function explainInBrowser(url: URL): string {
  const { location } = globalThis as { location?: { protocol: string } };
  // To the machine itself it may.
  const isLocal = /localhost$|^127\.|^\[::1]$/.test(url.hostname);
  if (url.protocol === 'ws:' && location?.protocol === 'https:' && !isLocal) {
    return 'a page that came by https: may only use wss:';
  }
  const port = portOf(url);
  if (port === 1883 || port === 8883) {
    return `port ${port} is usually that of MQTT without WebSocket; use the port of the WebSocket listener`;
  }
  return 'check host, port and path, that the server is up, selects the subprotocol and has a trusted certificate, and that neither the browser (blocked ports) nor the Content-Security-Policy of the page (connect-src) forbids it';
}
