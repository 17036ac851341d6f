/** MQTT over WebSocket in Node: the given constructor, else the package `ws`, else the global `WebSocket`. */

import { ProtocolError, UsageError } from '../errors';
import { eachAddress } from './node-addresses';
import { explainFailure, failureCode } from './node-failure';
import { PacedConnection } from './paced-connection';
import { portOf } from './scheme';
import { copyTlsOptions, type TlsOptions } from './tls-options';
import type { Connection, Transport } from './transport';
import {
  constructorIn,
  open,
  openWebSocket,
  type WebSocketConstructor,
  type WebSocketLike,
  type WebSocketTransportOptions,
} from './websocket';

/** Options of {@link nodeWebSocketTransport}. */
export interface NodeWebSocketTransportOptions extends WebSocketTransportOptions {
  /** See {@link TlsOptions}; `wss:` only. */
  readonly tls?: TlsOptions | undefined;
}

/** Constructor of the package `ws`: takes options that the W3C form has no place for. */
type WsConstructor = new (url: string, protocols: string[], options: object) => WebSocketLike;

/** What a WebSocket of the package `ws` runs over. */
interface Carrier {
  on(type: 'data', listener: (bytes: { readonly length: number }) => void): void;
}

/** The request of its handshake. */
interface WsRequest {
  on(type: 'socket', listener: (socket: Carrier) => void): void;
  end(): void;
}

/** The largest MQTT packet there can be, in bytes [v5 2.1.4]; `ws` would stop at 100 MiB. */
const largestPacket = 268_435_460;

/** Bytes of a frame beside the largest packet that is taken: a server may send many packets in one. */
const roomForOthers = 16 * 1_024 * 1_024;

/**
 * Bytes of the largest control frame [RFC 6455 5.5]: a ping may be of a proxy whose server is dead, and is no sign that
 * this one lives.
 */
const largestControl = 127;

/** How often a connection tells that a frame is on its way, in milliseconds. */
const betweenSigns = 500;

/** How often the buffer of a closed connection is looked at, in milliseconds. */
const betweenLooks = 10;

/** After so many looks, two seconds, what is left is not going to leave. */
const mostLooks = 200;

/** A transport over WebSockets that can have headers and TLS options. */
export function nodeWebSocketTransport(options: NodeWebSocketTransportOptions = {}): Transport {
  const given = constructorIn(options);
  const protocols = options.protocols && [...options.protocols];
  const tls = options.tls && copyTlsOptions(options.tls);
  return {
    async connect(url, attempt) {
      attempt.signal.throwIfAborted();
      const ws = given ? {} : await importWs();
      const Constructor = given ?? ws.WebSocket ?? globalWebSocket(ws.failure);
      const { headers } = attempt;
      let socket: WebSocketLike | undefined;
      let carrier: Carrier | undefined;
      let create = (address: string, offered: string[]): WebSocketLike => new Constructor(address, offered);
      const Ws = asWs(Constructor);
      if (Ws !== undefined) {
        const settings = {
          ...eachAddress,
          // Small packets do not shrink, and the memory it takes for a connection is large.
          perMessageDeflate: false,
          finishRequest: (request: WsRequest) => {
            request.on('socket', (given) => {
              carrier = given;
            });
            request.end();
          },
          // `ws` collects a frame before it hands it out.
          maxPayload: Math.min(largestPacket, attempt.maximumPacketSize ?? largestPacket) + roomForOthers,
          ...(headers !== undefined && { headers: { ...headers } }),
          ...(tls !== undefined && url.protocol === 'wss:' && tlsSettings(tls)),
        };
        create = (address, offered) => {
          socket = new Ws(address, offered, settings);
          return socket;
        };
      } else {
        if (headers !== undefined && Object.keys(headers).length > 0)
          throw needsWs('webSocket.headers', given, ws.failure);
        if (tls !== undefined && url.protocol === 'wss:') throw needsWs('tls', given, ws.failure);
      }
      const opened = await openWebSocket({
        url,
        protocols: protocols ?? attempt.protocols,
        signal: attempt.signal,
        create,
        explain,
        explainEnd: tooLarge,
      });
      // Views of what was read, where ArrayBuffers would be a copy of each message.
      if (socket) socket.binaryType = 'nodebuffer';
      // Others do not tell when bytes have left.
      const connection = Ws === undefined ? opened : new PacedConnection(opened, false);
      // A frame is handed out when all of it is there. Until then it is a sign of life, which has no bytes.
      let toldAt = performance.now();
      carrier?.on('data', ({ length }) => {
        const time = performance.now();
        if (length <= largestControl || time - toldAt < betweenSigns || socket?.readyState !== open) return;
        toldAt = time;
        connection.onData?.(new Uint8Array(0));
      });
      const { close } = connection;
      connection.close = async () => {
        await close.call(connection);
        await emptied(connection);
      };
      return connection;
    },
  };
}

/** Resolves when what a connection has buffered is with the system, or is not going to be. */
async function emptied(connection: Connection): Promise<void> {
  for (let looks = 0; connection.bufferedAmount > 0 && looks < mostLooks; looks++) {
    await new Promise((resolve) => setTimeout(resolve, betweenLooks));
  }
}

/** The package `ws`, or why there is none. It is optional: whatever keeps it from loading, the global WebSocket may do. */
async function importWs(): Promise<{ WebSocket?: WebSocketConstructor; failure?: unknown }> {
  try {
    const { WebSocket } = await import('ws');
    return { WebSocket: WebSocket as WebSocketConstructor };
  } catch (failure) {
    return { failure };
  }
}

function globalWebSocket(failure: unknown): WebSocketConstructor {
  const { WebSocket } = globalThis as { WebSocket?: WebSocketConstructor };
  if (WebSocket !== undefined) return WebSocket;
  throw new UsageError(
    `ws: and wss: need a WebSocket, which this Node does not have: ${remedy(failure)}, or give one as webSocket.constructor`,
    'unsupported',
    { cause: failure },
  );
}

/** What to do about the package `ws`, which could not be imported. */
function remedy(failure: unknown): string {
  const words = failure instanceof Error ? failure.message : String(failure);
  const isAbsent = /MODULE_NOT_FOUND$/.test(failureCode(failure)) && /['"]ws['"]/.test(words);
  // It is there. A bundler may have wrapped it up in a way in which it does not run.
  return isAbsent
    ? 'npm install ws'
    : `the package ws could not be loaded (${words}); a bundler should leave it out`;
}

/** The constructor as that of the package `ws`, which alone takes options; undefined when it is another. */
function asWs(Constructor: WebSocketConstructor): WsConstructor | undefined {
  const prototype: unknown = Constructor.prototype;
  const isWs =
    typeof prototype === 'object' && prototype !== null && 'terminate' in prototype && 'on' in prototype;
  return isWs ? Constructor : undefined;
}

function needsWs(option: string, given: unknown, failure: unknown): UsageError {
  return new UsageError(
    given === undefined
      ? `${option}: needs the package ws, because the global WebSocket has no such option: ${remedy(failure)}`
      : `${option}: has no effect on webSocket.constructor; leave that out and npm install ws, or let the constructor see to it`,
    'unsupported',
    { cause: failure },
  );
}

/** The options as `node:tls` names them, without those that are undefined. */
function tlsSettings({ alpnProtocols, ...same }: TlsOptions): object {
  const settings = { ...same, ALPNProtocols: alpnProtocols && [...alpnProtocols] };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** The error for a frame that is too large. */
function tooLarge(cause: unknown): ProtocolError | undefined {
  if (failureCode(cause) !== 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return undefined;
  const words = 'a WebSocket frame is larger than maximumPacketSize, and much room for other packets, allow';
  return new ProtocolError(words, 'packet-too-large', 0x95);
}

function explain(url: URL, cause: unknown): string | UsageError {
  const code = failureCode(cause);
  const words = cause instanceof Error ? cause.message : '';
  // A key that is no PEM, a passphrase that does not fit.
  if (/^ERR_(OSSL|CRYPTO)_/.test(code)) return new UsageError(`tls: ${words}`, 'invalid-argument', { cause });
  // These tell the name of the header, not its value.
  if (/^ERR_(INVALID_HTTP_TOKEN|INVALID_CHAR|HTTP_INVALID_HEADER_VALUE)$/.test(code)) {
    return new UsageError(`webSocket.headers: ${words}`, 'invalid-argument', { cause });
  }
  const port = portOf(url);
  const hint =
    port === 1883 || port === 8883
      ? `; port ${port} is usually that of MQTT without WebSocket, for which there is ${port === 1883 ? 'mqtt:' : 'mqtts:'}`
      : code === 'ECONNRESET'
        ? // As a TLS listener does, and one of MQTT without WebSocket.
          '; check that the scheme of the URL is that of the port'
        : '';
  const reason =
    code === '' && words === ''
      ? // The global WebSocket is as silent as a browser's.
        'check host, port and path, that the server is up, selects the subprotocol and has a trusted certificate; with the package ws installed, errors tell more'
      : explainFailure(cause);
  return `${reason}${hint}`;
}
