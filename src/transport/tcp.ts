/** MQTT over TCP (`mqtt:`, `tcp:`) and TLS (`mqtts:`, `tls:`), in Node, Deno and Bun [v5 4.2, v3 4.2]. */

import { connect as connectTcp, isIP, type Socket } from 'node:net';
import {
  type ConnectionOptions,
  connect as connectTls,
  createSecureContext,
  type SecureContextOptions,
} from 'node:tls';
import { ConnectionError, UsageError } from '../errors';
import { BaseConnection } from './base-connection';
import { eachAddress } from './node-addresses';
import { explainFailure, failureCode } from './node-failure';
import { PacedConnection } from './paced-connection';
import { portOf, serverName } from './scheme';
import { copyTlsOptions, type TlsOptions } from './tls-options';
import type { Connection, Transport } from './transport';

/** Options of {@link tcpTransport}. */
export interface TcpTransportOptions {
  /** See {@link TlsOptions}; not used by `mqtt:` and `tcp:`. */
  readonly tls?: TlsOptions | undefined;
}

/** A transport over TCP and TLS sockets. */
export function tcpTransport(options: TcpTransportOptions = {}): Transport {
  const tls = copyTlsOptions(options.tls ?? {});
  return {
    connect: (url, { signal }) =>
      new Promise<Connection>((resolve, reject) => {
        signal.throwIfAborted();
        const secure = url.protocol === 'mqtts:' || url.protocol === 'tls:';
        const socket = secure ? openTls(url, tls) : connectTcp(address(url));

        const settle = () => {
          signal.removeEventListener('abort', abort);
          socket.removeListener(opened, open);
          socket.removeListener('error', refuse);
          socket.removeListener('close', refuse);
        };
        const open = () => {
          settle();
          resolve(new PacedConnection(new TcpConnection(socket, serverName(url)), true));
        };
        const fail = (error: unknown) => {
          settle();
          discard(socket);
          reject(error);
        };
        // A close without an error before it: the server hung up within the handshake.
        const refuse = (cause: unknown) => fail(unreachable(url, cause instanceof Error ? cause : undefined));
        const abort = () => fail(signal.reason);

        const opened = secure ? 'secureConnect' : 'connect';
        socket.on(opened, open).on('error', refuse).on('close', refuse);
        signal.addEventListener('abort', abort);
      }),
  };
}

/** Where to connect to, as `node:net` wants it. */
function address(url: URL) {
  return {
    ...eachAddress,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: portOf(url),
    // Frames are made above, of whole packets: there is nothing to wait for.
    noDelay: true,
  } as const;
}

/** Tries keys and certificates. @throws UsageError for what cannot be used, such as a passphrase that does not fit */
export function tryTls(tls: TlsOptions): void {
  const copy = copyTlsOptions(tls);
  usable(() => createSecureContext(secretsOf(copy)));
}

function openTls(url: URL, tls: TlsOptions): Socket {
  const { noDelay, ...where } = address(url);
  const { host } = where;
  const { alpnProtocols, rejectUnauthorized } = tls;
  // An IP address is no name to ask for [RFC 6066 3].
  const servername = tls.servername ?? (isIP(host) === 0 ? host : undefined);
  const options: ConnectionOptions = {
    ...where,
    ...secretsOf(tls),
    ...(servername !== undefined && { servername }),
    ...(rejectUnauthorized !== undefined && { rejectUnauthorized }),
    ...(alpnProtocols !== undefined && { ALPNProtocols: [...alpnProtocols] }),
  };
  return usable(() => connectTls(options).setNoDelay(noDelay));
}

/** Keys and certificates, as `node:tls` wants them. */
function secretsOf({ ca, cert, key, pfx, passphrase }: TlsOptions): SecureContextOptions {
  return {
    ...(ca !== undefined && { ca: (Array.isArray(ca) ? ca : [ca]).map(pem) }),
    ...(cert !== undefined && { cert: pem(cert) }),
    ...(key !== undefined && { key: pem(key) }),
    ...(pfx !== undefined && { pfx: pem(pfx) }),
    ...(passphrase !== undefined && { passphrase }),
  };
}

/** @throws UsageError where the options cannot be used: it never came to a connection */
function usable<Value>(use: () => Value): Value {
  try {
    return use();
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : 'cannot be used';
    throw new UsageError(`tls: ${words}`, 'invalid-argument', { cause });
  }
}

/** Text stays text; bytes become what the types of `node:tls` ask for. */
function pem(value: string | Uint8Array): string | Buffer {
  return typeof value === 'string' ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

/** Drops a socket that nobody listens to any more. */
function discard(socket: Socket): void {
  socket.removeAllListeners();
  // An EventEmitter without a listener for errors throws them.
  socket.on('error', () => undefined);
  socket.destroy();
}

function unreachable(url: URL, cause: Error | undefined): ConnectionError {
  // A server that is spoken to in the wrong way just hangs up.
  const hangsUp = cause === undefined || failureCode(cause) === 'ECONNRESET';
  const hint = hangsUp ? '; check that the scheme of the URL is that of the port' : '';
  return new ConnectionError(
    'unreachable',
    `could not connect to ${serverName(url)}: ${explainFailure(cause)}${hint}`,
    { cause },
  );
}

/** One open TCP or TLS connection. */
class TcpConnection extends BaseConnection {
  readonly delayedAcks = true;
  readonly zeroCopy = true;
  readonly #socket: Socket;
  /** False from `close()` and `destroy()` on. */
  #writable = true;
  readonly #sent = () => this.drained();

  constructor(socket: Socket, server: string) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      // Receivers get an Uint8Array that is no Buffer, whose slice() would not copy. Node never writes to a chunk
      // again: each read gets memory of its own (only the `onread` option reuses a buffer).
      this.received(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    });
    socket.on('end', () => this.#gone());
    socket.on('close', () => this.#gone());
    socket.on('error', (cause) => {
      this.#gone(
        new ConnectionError('lost', `the connection to ${server} was lost: ${explainFailure(cause)}`, {
          cause,
        }),
      );
    });
  }

  write(chunks: readonly Uint8Array[]): void {
    if (!this.#writable) return;
    const socket = this.#socket;
    const { length } = chunks;
    // All chunks in one system call.
    if (length > 1) socket.cork();
    for (const [index, chunk] of chunks.entries()) {
      socket.write(chunk, index === length - 1 ? this.#sent : undefined);
    }
    if (length > 1) socket.uncork();
  }

  get bufferedAmount(): number {
    return this.#socket.writableLength;
  }

  close(): void | Promise<void> {
    if (!this.#writable) return undefined;
    this.#writable = false;
    // TLS has more to do before bytes are with the system, which sends them also when the process is gone.
    return new Promise((resolve) => {
      this.#socket.end(() => resolve());
    });
  }

  destroy(): void {
    this.silenced();
    this.#drop();
  }

  #drop(): void {
    this.#writable = false;
    discard(this.#socket);
  }

  /** The peer's end, or an error: what was not sent yet has nobody to go to. */
  #gone(error?: Error): void {
    this.#drop();
    this.ended(error);
  }
}
