/** Eclipse Mosquitto for tests: found on this machine, started on free ports of 127.0.0.1, ended on every exit path. */

import { spawn } from 'node:child_process';
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { accessSync, constants, mkdtempSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import getPort from 'get-port';
import { encode } from '../../src/codec/index';

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
  readonly ports?: ((attempt: number) => Promise<readonly [number, number]>) | undefined;
}

/** Attempts until a port that somebody else takes between our look and its start counts as a failure. */
const attempts = 5;

/** Milliseconds until it must listen; it takes some twenty. */
const startTimeout = 10_000;

/** Where Debian puts it, which is not in everybody's PATH. */
const systemDirectories = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin'];

/**
 * Looks for the program: MOSQUITTO_PATH, then PATH, then where packages put it.
 *
 * @throws Error when MOSQUITTO_PATH names no program
 */
export function findMosquitto(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const named = environment['MOSQUITTO_PATH'];
  if (named !== undefined && named !== '') {
    if (!isExecutable(named)) throw new Error(`MOSQUITTO_PATH is ${named}, which is no program`);
    return named;
  }
  const directories = [...(environment['PATH'] ?? '').split(delimiter).filter(Boolean), ...systemDirectories];
  return directories.map((directory) => join(directory, 'mosquitto')).find(isExecutable);
}

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
  const ports = options.ports ?? freePorts;
  for (let attempt = 1; ; attempt++) {
    const [port, wsPort] = await ports(attempt);
    const started = await tryToStart(path, port, wsPort, options);
    if (typeof started !== 'string') return started;
    if (attempt === attempts || !portTaken.test(started)) {
      throw new Error(`${path} did not start${started === '' ? '' : `:\n${started}`}`);
    }
  }
}

/** How it says that a port is in use: the first of its own listeners, the second of the WebSocket library. */
const portTaken = /Address already in use|Unable to create websockets listener/;

/** What it says once it listens on all ports. */
const listens = /mosquitto version \S+ running/;

/**
 * Runs the program ($1) with the configuration in its directory ($2) until standard input ends, which it does however
 * this process ends; then kills it and removes the directory.
 */
const guard = `
exec 3<&0 </dev/null
"$1" -c "$2/mosquitto.conf" 2>&1 &
broker=$!
(cat <&3 >/dev/null; kill -9 $broker) 2>/dev/null &
wait $broker
kill $! 2>/dev/null
rm -rf "$2"
`;

/** @returns the broker, or what it wrote when it ended instead */
async function tryToStart(
  path: string,
  port: number,
  wsPort: number,
  { config = [], users, awake = false }: MosquittoOptions,
): Promise<Mosquitto | string> {
  const directory = mkdtempSync(join(tmpdir(), 'mqtide-mosquitto-'));
  const passwords = join(directory, 'passwords');
  const lines = [
    ...config,
    'persistence false',
    // Unbuffered, unlike standard output.
    'log_dest stderr',
    // Else it leaves root behind and cannot read its own directory.
    `user ${userInfo().username}`,
    ...(users ? ['allow_anonymous false', `password_file ${passwords}`] : ['allow_anonymous true']),
    `listener ${port} 127.0.0.1`,
    `listener ${wsPort} 127.0.0.1`,
    'protocol websockets',
    // Else it binds every address.
    'socket_domain ipv4',
  ];
  writeFileSync(join(directory, 'mosquitto.conf'), `${lines.join('\n')}\n`);
  if (users) writeFileSync(passwords, passwordFile(users), { mode: 0o600 });

  const child = spawn('sh', ['-c', guard, 'sh', path, directory], {
    // Away from the terminal's signals: the guard itself must live to the end.
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let log = '';
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
  let pinging: Socket | undefined;
  const close = () => {
    pinging?.destroy();
    child.stdin.destroy();
    return ended;
  };
  const isListening = new Promise<boolean>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (listens.test(log)) resolve(true);
    });
    ended.then(() => resolve(false)).catch(() => resolve(false));
  });
  let timer: NodeJS.Timeout | undefined;
  const isLate = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), startTimeout);
  });
  const outcome = await Promise.race([isListening, isLate]);
  clearTimeout(timer);
  if (outcome !== true) {
    await close();
    return outcome === 'late' ? `${log}(not listening within ${startTimeout} ms)` : log;
  }
  if (awake) pinging = pinger(port);
  return {
    port,
    wsPort,
    url: `mqtt://127.0.0.1:${port}`,
    wsUrl: `ws://127.0.0.1:${wsPort}/mqtt`,
    get log() {
      return log;
    },
    close,
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

async function freePorts(): Promise<[number, number]> {
  const port = await getPort({ host: '127.0.0.1' });
  return [port, await getPort({ host: '127.0.0.1', exclude: [port] })];
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

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
