/** Eclipse Mosquitto for tests: found on this machine, started on free ports of 127.0.0.1, ended on every exit path. */

import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { encode } from '../../src/codec/index';
import { type Environment, findProgram, freePorts, startOnPorts, startProgram } from './broker-program';

/** What to run where it is missing. */
export const howToGetMosquitto =
  'Mosquitto is missing; to get it: `apt-get install mosquitto`, or set MOSQUITTO_PATH';

/** A running Mosquitto. */
export interface Mosquitto {
  /** TCP port. */
  readonly port: number;
  /** WebSocket port. */
  readonly wsPort: number;
  readonly url: string;
  readonly wsUrl: string;
  /** What it wrote so far. */
  readonly log: string;
  /** Ends it and removes its directory. */
  close(): Promise<void>;
}

/** How to start it. */
export interface MosquittoOptions {
  /** Lines of its configuration, beside the listeners: `'max_inflight_messages 5'`. */
  readonly config?: readonly string[] | undefined;
  /** Passwords by user name; nobody else is let in then. */
  readonly users?: Readonly<Record<string, string>> | undefined;
  /**
   * Keeps it busy. It hands a large message to a WebSocket 4 KiB at a time, one piece a turn of its loop, which turns ten
   * times a second when nothing comes in: 1 MiB takes half a minute. @default false
   */
  readonly awake?: boolean | undefined;
  /** Program to run. @default what {@link findMosquitto} finds */
  readonly path?: string | undefined;
  /** Ports of an attempt, TCP and WebSocket. @default free ones */
  readonly ports?: ((attempt: number) => Promise<readonly number[]>) | undefined;
}

/** Milliseconds until it must listen; it takes some twenty. */
const startTimeout = 10_000;

/**
 * Looks for the program: MOSQUITTO_PATH, then PATH, then where packages put it.
 *
 * @throws Error when MOSQUITTO_PATH names no program
 */
export const findMosquitto = (environment?: Environment): string | undefined =>
  findProgram('mosquitto', 'MOSQUITTO_PATH', environment);

/** Whether MQTIDE_REQUIRE_BROKERS, a list such as `mosquitto`, names Mosquitto. */
export function requiresMosquitto(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  const names = (environment['MQTIDE_REQUIRE_BROKERS'] ?? '').split(',').flatMap((name) => name.trim() || []);
  const unknown = names.find((name) => name !== 'mosquitto');
  if (unknown !== undefined) {
    throw new Error(
      `MQTIDE_REQUIRE_BROKERS names ${unknown}, which is no broker to require (known: mosquitto)`,
    );
  }
  return names.length > 0;
}

/**
 * Starts it and waits until it listens. The caller closes it; it ends in any case when this process does.
 *
 * @throws Error with what it wrote, when it does not start
 */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const path = options.path ?? findMosquitto();
  if (path === undefined) throw new Error(howToGetMosquitto);
  const ports = options.ports ?? (() => freePorts(2));
  return startOnPorts(path, portTaken, async (attempt) => {
    const [port = 0, wsPort = 0] = await ports(attempt);
    return tryToStart(path, port, wsPort, options);
  });
}

/** How it says that a port is in use: the first of its own listeners, the second of the WebSocket library. */
const portTaken = /Address already in use|Unable to create websockets listener/;

/** What it says once it listens on all ports. */
const listens = /mosquitto version \S+ running/;

/** @returns the broker, or what it wrote when it ended instead */
async function tryToStart(
  path: string,
  port: number,
  wsPort: number,
  { config = [], users, awake = false }: MosquittoOptions,
): Promise<Mosquitto | string> {
  const started = await startProgram({
    path,
    args: (directory) => ['-c', `${directory}/mosquitto.conf`],
    files: (directory) => ({
      'mosquitto.conf': [
        ...config,
        'persistence false',
        // Unbuffered, unlike standard output.
        'log_dest stderr',
        // Else it leaves root behind and cannot read its own directory.
        `user ${userInfo().username}`,
        ...(users
          ? ['allow_anonymous false', `password_file ${directory}/passwords`]
          : ['allow_anonymous true']),
        `listener ${port} 127.0.0.1`,
        `listener ${wsPort} 127.0.0.1`,
        'protocol websockets',
        // Else it binds every address.
        'socket_domain ipv4',
        '',
      ].join('\n'),
      ...(users && { passwords: passwordFile(users) }),
    }),
    ready: listens,
    timeout: startTimeout,
  });
  if (typeof started === 'string') return started;
  const pinging = awake ? pinger(port) : undefined;
  return {
    port,
    wsPort,
    url: `mqtt://127.0.0.1:${port}`,
    wsUrl: `ws://127.0.0.1:${wsPort}/mqtt`,
    get log() {
      return started.log;
    },
    close() {
      pinging?.destroy();
      return started.close();
    },
  };
}

/** Milliseconds between an answer to a ping and the next ping. */
const pingPause = 1;

/** A client that pings for as long as the broker runs and the socket is not destroyed. */
function pinger(port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const ping = encode({ type: 'pingreq' }, 4);
  let timer: NodeJS.Timeout | undefined;
  socket.write(
    encode({ type: 'connect', protocolVersion: 4, clientId: 'awake', clean: true, keepAlive: 0 }, 4),
  );
  socket.on('data', () => {
    timer = setTimeout(() => socket.write(ping), pingPause);
  });
  socket.on('close', () => clearTimeout(timer));
  // The broker has ended, and others tell of it.
  socket.on('error', () => undefined);
  return socket;
}

/** As `mosquitto_passwd` writes it: PBKDF2 with SHA-512. */
function passwordFile(users: Readonly<Record<string, string>>): string {
  const iterations = 101;
  return Object.entries(users)
    .map(([name, password]) => {
      const salt = randomBytes(12);
      const hash = pbkdf2Sync(password, salt, iterations, 64, 'sha512');
      return `${name}:$7$${iterations}$${salt.toString('base64')}$${hash.toString('base64')}\n`;
    })
    .join('');
}
