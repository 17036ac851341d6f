import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import type { ClientOptions } from '../../../src/index';
import { MqttError } from '../../../src/index';
import { createClient } from '../../../src/node';
import { hex } from '../../support/hex';
import { waitFor } from '../../support/wait-for';

/** The server's end of a connection, TCP or WebSocket. */
interface Peer {
  send(bytes: Uint8Array): void;
  /** Ends the connection: as it should be, or with a reset. */
  end(how: 'orderly' | 'reset'): void;
  readonly closed: boolean;
}

/** What a server does to each connection, once CONNECT came. */
type Behaviour = (peer: Peer) => void;

/** Exceptions and rejections that nobody caught. */
const uncaught: unknown[] = [];
const note = (error: unknown) => void uncaught.push(error);

beforeEach(() => {
  uncaught.length = 0;
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
});

afterEach(async () => {
  // Two turns: a rejection is reported at the end of the one in which nobody looked.
  for (let turn = 0; turn < 2; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  process.off('uncaughtException', note);
  process.off('unhandledRejection', note);
  expect(uncaught).toEqual([]);
});

async function tcpServer(behave: Behaviour, when: 'on CONNECT' | 'on connection' = 'on CONNECT') {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    const peer: Peer = {
      send: (bytes) => void (socket.destroyed || socket.write(bytes)),
      end: (how) => (how === 'reset' ? socket.resetAndDestroy() : socket.end()),
      get closed() {
        return socket.destroyed;
      },
    };
    if (when === 'on connection') behave(peer);
    else socket.once('data', () => behave(peer));
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

async function wsServer(behave: (peer: Peer, socket: WebSocket) => void, protocol: string | false = 'mqtt') {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => protocol });
  const sockets = new Set<WebSocket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    const peer: Peer = {
      send: (bytes) => socket.send(bytes),
      end: (how) => (how === 'reset' ? socket.terminate() : socket.close(1000)),
      get closed() {
        return socket.readyState !== socket.OPEN;
      },
    };
    socket.once('message', () => behave(peer, socket));
  });
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.terminate();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/mqtt`, sockets };
}

/** How long attempts may take here, in milliseconds. */
const connectTimeout = 250;

function open(url: string, options: ClientOptions = {}) {
  const client = createClient(url, { connectTimeout, ...options });
  onTestFinished(() => client.close({ force: true }));
  return client;
}

/** What connect rejects with, in time. */
async function failure(url: string, options: ClientOptions = {}): Promise<MqttError> {
  const client = open(url, options);
  const publish = client.publish('a', 'b', { qos: 1 }).catch((error: unknown) => error);
  const started = performance.now();
  const error: unknown = await client.connect().then(
    () => 'it connected',
    (error: unknown) => error,
  );
  expect(performance.now() - started).toBeLessThan(2 * connectTimeout + 500);
  expect(error).toBeInstanceOf(MqttError);
  // Nothing is left pending.
  expect(client.status).toEqual({ type: 'closed', error });
  expect(await publish).toMatchObject({ code: 'closed', cause: error });
  return error as MqttError;
}

/** Sends the same bytes again and again, for as long as the connection lasts. */
function flood(bytes: Uint8Array): Behaviour {
  return (peer) => {
    const timer = setInterval(() => {
      if (peer.closed) clearInterval(timer);
      else peer.send(bytes);
    }, 1);
    onTestFinished(() => clearInterval(timer));
  };
}

/** Sends and hangs up. */
function lastWords(bytes: Uint8Array): Behaviour {
  return (peer) => {
    peer.send(bytes);
    peer.end('orderly');
  };
}

const malformed = { name: 'MalformedPacketError', code: 'malformed-packet' };
const protocolError = { name: 'ProtocolError', code: 'protocol-error' };
const lost = { name: 'ConnectionError', code: 'lost' };
const timeout = { name: 'ConnectionError', code: 'timeout' };

const connack5 = hex`20 03 00 00 00`;
const connack4 = hex`20 02 00 00`;

/** Answers to CONNECT, and the error that each makes. */
const answers: [name: string, behave: Behaviour, expected: { name: string; code: string }][] = [
  ['garbage', (peer) => peer.send(hex`de ad be ef 00 01 02`), malformed],
  ['zeros', (peer) => peer.send(new Uint8Array(100)), malformed],
  ['text of another protocol', (peer) => peer.send(hex`'HTTP/1.1 400 Bad Request'`), malformed],
  ['a close', (peer) => peer.end('orderly'), lost],
  ['a reset', (peer) => peer.end('reset'), lost],
  ['silence', () => undefined, timeout],
  ['half a CONNACK, then silence', (peer) => peer.send(hex`20 03 00`), timeout],
  ['half a CONNACK, then a close', lastWords(hex`20 03`), lost],
  [
    'a huge length, then silence',
    (peer) => peer.send(hex`30 ff ff ff 7f`),
    { name: 'ProtocolError', code: 'packet-too-large' },
  ],
  ['a huge CONNACK, then silence', (peer) => peer.send(hex`20 ff ff 03`), timeout],
  ['a length of five bytes', (peer) => peer.send(hex`20 ff ff ff ff 01`), malformed],
  ['endless PINGRESPs', flood(hex`d0 00`), protocolError],
  ['SUBACK', (peer) => peer.send(hex`90 04 0001 00 00`), protocolError],
  ['PUBLISH', (peer) => peer.send(hex`30 04 0001 'a' 00`), protocolError],
  ['DISCONNECT', (peer) => peer.send(hex`e0 00`), protocolError],
  ['DISCONNECT and more', (peer) => peer.send(hex`e0 00 30 04 0001 'a' 00`), protocolError],
  ['CONNECT', (peer) => peer.send(hex`10 0d 0004 'MQTT' 05 02 003c 00 0000`), protocolError],
  ['AUTH that nobody asked for', (peer) => peer.send(hex`f0 06 18 04 15 0001 'x'`), protocolError],
  ['CONNACK with flags', (peer) => peer.send(hex`21 03 00 00 00`), malformed],
  ['CONNACK with an unknown code', (peer) => peer.send(hex`20 03 00 ff 00`), protocolError],
  ['CONNACK with a session and a refusal', (peer) => peer.send(hex`20 03 01 87 00`), protocolError],
  ['CONNACK with a session that never was', (peer) => peer.send(hex`20 03 01 00 00`), protocolError],
  ['CONNACK with Receive Maximum 0', (peer) => peer.send(hex`20 06 00 00 03 21 0000`), protocolError],
];

describe.each(['tcp', 'ws'] as const)('a server over %s that answers CONNECT', (kind) => {
  test.each(answers)('with %s fails the connect with a typed error', async (_, behave, expected) => {
    const { url, sockets } = await (kind === 'tcp' ? tcpServer(behave) : wsServer(behave));
    const error = await failure(url, { protocolVersion: 5 });
    expect(error).toMatchObject(expected);
    await waitFor(() => sockets.size === 0, { what: 'the end of all sockets' });
  });

  test('one byte at a time, for ever, fails in time', async () => {
    let at = 0;
    // A CONNACK with a reason string that does not end.
    const dribble: Behaviour = (peer) => {
      const head = hex`20 ff ff 01 00 00 fb ff 01 1f ff f0`;
      const timer = setInterval(() => {
        if (peer.closed) clearInterval(timer);
        else peer.send(Uint8Array.of(head[at++] ?? 0x61));
      }, 1);
      onTestFinished(() => clearInterval(timer));
    };
    const { url } = await (kind === 'tcp' ? tcpServer(dribble) : wsServer(dribble));
    expect(await failure(url)).toMatchObject({ code: 'timeout' });
    expect(at).toBeGreaterThan(5);
  });

  test.each([5, 4] as const)(
    'twice with CONNACK is left: it broke the protocol (version %i) [v3 MQTT-4.8.0-1]',
    async (protocolVersion) => {
      const connack = protocolVersion === 5 ? connack5 : connack4;
      let connections = 0;
      const behave: Behaviour = (peer) => {
        connections += 1;
        peer.send(connack);
        setTimeout(() => peer.send(connack), 5);
      };
      const { url, sockets } = await (kind === 'tcp' ? tcpServer(behave) : wsServer(behave));
      const client = open(url, { protocolVersion, reconnect: false });
      const ended = new Promise((resolve) => client.on('disconnect', resolve));
      await client.connect();
      expect(await ended).toMatchObject({ error: { name: 'ProtocolError' }, willReconnect: false });
      expect(connections).toBe(1);
      await waitFor(() => sockets.size === 0);
    },
  );

  test('and goes on after its DISCONNECT is not listened to', async () => {
    const behave: Behaviour = (peer) => {
      peer.send(connack5);
      setTimeout(() => peer.send(hex`e0 01 8b 30 04 0001 'a' 00 ff ff ff ff ff`), 5);
    };
    const { url, sockets } = await (kind === 'tcp' ? tcpServer(behave) : wsServer(behave));
    const client = open(url, { reconnect: false });
    const messages: unknown[] = [];
    client.on('message', (message) => messages.push(message));
    const ended = new Promise((resolve) => client.on('disconnect', resolve));
    await client.connect();
    expect(await ended).toMatchObject({ reasonCode: 0x8b, error: { code: 'server-shutting-down' } });
    await waitFor(() => sockets.size === 0);
    expect(messages).toEqual([]);
  });

  test('and then floods it with PINGRESPs is borne', async () => {
    const behave: Behaviour = (peer) => {
      peer.send(connack5);
      flood(hex`${'d000'.repeat(1_000)}`)(peer);
    };
    const { url } = await (kind === 'tcp' ? tcpServer(behave) : wsServer(behave));
    const client = open(url);
    await client.connect();
    await waitFor(() => client.stats.bytesReceived > 40_000);
    expect(client.status.type).toBe('connected');
  });

  test('and sends half a packet, then nothing, is found dead', async () => {
    const behave: Behaviour = (peer) => {
      peer.send(connack5);
      setTimeout(() => peer.send(hex`30 10 0001`), 5);
    };
    const { url, sockets } = await (kind === 'tcp' ? tcpServer(behave) : wsServer(behave));
    const client = open(url, { keepAlive: 1, reconnect: false });
    const ended = new Promise((resolve) => client.on('disconnect', resolve));
    await client.connect();
    expect(await ended).toMatchObject({ error: { name: 'ConnectionError', code: 'keep-alive' } });
    await waitFor(() => sockets.size === 0);
  });
});

describe('a TCP server', () => {
  test('that speaks before it is spoken to gets no further', async () => {
    const { url, sockets } = await tcpServer(
      (peer) => peer.send(hex`'220 mail.example ESMTP' 0d0a`),
      'on connection',
    );
    expect(await failure(url, { protocolVersion: 5 })).toBeInstanceOf(MqttError);
    await waitFor(() => sockets.size === 0);
  });

  test('that hangs up before CONNECT is told from one that was never reached', async () => {
    const { url } = await tcpServer((peer) => peer.end('reset'), 'on connection');
    expect(['lost', 'unreachable']).toContain((await failure(url, { protocolVersion: 5 })).code);
  });

  test('that is not there fails at once', async () => {
    const { url, sockets } = await tcpServer(() => undefined);
    const { port } = new URL(url);
    const server = createServer();
    // A port that was free a moment ago.
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const free = (server.address() as AddressInfo).port;
    await new Promise((resolve) => server.close(resolve));
    expect(free).not.toBe(Number(port));
    expect(await failure(`mqtt://127.0.0.1:${free}`)).toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining(`127.0.0.1:${free}`),
    });
    expect(sockets.size).toBe(0);
  });

  test('that answers with return code 1 in two bytes gets 3.1.1', async () => {
    let connections = 0;
    const { url } = await tcpServer((peer) => {
      connections += 1;
      peer.send(connections === 1 ? hex`20 02 00 01` : connack4);
      if (connections === 1) peer.end('orderly');
    });
    const client = open(url);
    await expect(client.connect()).resolves.toMatchObject({ protocolVersion: 4 });
  });
});

describe('a WebSocket server', () => {
  test('that sends a text frame is left [v5 MQTT-6.0.0-1, v3 MQTT-6.0.0-1]', async () => {
    const { url, sockets } = await wsServer((_, socket) => socket.send('20030000'));
    expect(await failure(url)).toMatchObject({ name: 'MalformedPacketError' });
    await waitFor(() => sockets.size === 0);
  });

  test.each([
    ['no subprotocol', false],
    ['another subprotocol', 'chat'],
  ] as const)('that selects %s is left, with a word on what to check', async (_, protocol) => {
    const { url, sockets } = await wsServer((peer) => peer.send(connack5), protocol);
    expect(await failure(url)).toMatchObject({
      name: 'ConnectionError',
      code: 'subprotocol',
      message: expect.stringContaining('mqtt'),
    });
    await waitFor(() => sockets.size === 0);
  });

  test('that is none fails with a typed error', async () => {
    for (const answer of [
      'HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n',
      'HTTP/1.1 200 OK\r\n\r\n',
      'SSH-2.0-x\r\n',
    ]) {
      const { url } = await tcpServer(lastWords(new TextEncoder().encode(answer)));
      expect(await failure(url.replace('mqtt:', 'ws:'))).toMatchObject({
        name: 'ConnectionError',
        code: 'unreachable',
      });
    }
  });

  test('that never ends its handshake fails in time', async () => {
    const { url, sockets } = await tcpServer(() => undefined);
    expect(await failure(url.replace('mqtt:', 'ws:'))).toMatchObject({ code: 'timeout' });
    await waitFor(() => sockets.size === 0);
  });

  test('that closes with a code and words passes them on', async () => {
    const { url } = await wsServer((_, socket) => socket.close(1008, 'go away'));
    const error = await failure(url, { protocolVersion: 5 });
    const words = expect.stringContaining('1008: "go away"');
    expect(error).toMatchObject({ code: 'lost', message: words, cause: { message: words } });
  });

  test('that cuts CONNACK into frames of a byte is understood', async () => {
    const { url } = await wsServer((peer) => {
      for (const byte of connack5) peer.send(Uint8Array.of(byte));
    });
    await open(url).connect();
  });
});
