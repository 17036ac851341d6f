import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { UsageError } from '../../../src/errors';
import {
  type NodeWebSocketTransportOptions,
  nodeWebSocketTransport,
} from '../../../src/transport/node-websocket';
import type { Transport, TransportOptions } from '../../../src/transport/transport';
import { webSocketTransport } from '../../../src/transport/websocket';
import { certificates } from '../../support/certificates';
import { startFaultProxy } from '../../support/fault-proxy';
import { waitFor } from '../../support/wait-for';
import { bytesOf, type Recorded, record, rejection } from './recorded';

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  vi.doUnmock('ws');
  vi.resetModules();
  vi.unstubAllGlobals();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A WebSocket server and its sockets. */
interface Peer {
  readonly port: number;
  readonly sockets: WebSocket[];
  readonly requests: IncomingMessage[];
  /** Frames of all sockets, text with a mark. */
  readonly frames: string[];
}

async function listen(server: Pick<Server, 'on' | 'listen' | 'address' | 'close'>): Promise<number> {
  const raw = new Set<Socket>();
  server.on('connection', (socket: Socket) => raw.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of raw) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** @param selects the subprotocol that it selects */
async function webSocketPeer({
  http = createServer(),
  selects = 'mqtt' as string | false,
}: {
  http?: Server;
  selects?: string | false;
} = {}): Promise<Peer> {
  const sockets: WebSocket[] = [];
  const requests: IncomingMessage[] = [];
  const frames: string[] = [];
  const server = new WebSocketServer({ server: http, handleProtocols: () => selects });
  server.on('connection', (socket, request) => {
    sockets.push(socket);
    requests.push(request);
    socket.on('message', (data, isBinary) => frames.push(`${isBinary ? '' : 'text:'}${String(data)}`));
    socket.on('error', () => undefined);
  });
  return { port: await listen(http), sockets, requests, frames };
}

/** From now on it is later. */
function skipTime(milliseconds: number): void {
  const { now } = performance;
  const later = vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + milliseconds);
  cleanups.push(() => later.mockRestore());
}

function open(transport: Transport, url: string, options: Partial<TransportOptions> = {}) {
  return transport.connect(new URL(url), {
    signal: new AbortController().signal,
    protocols: ['mqtt'],
    ...options,
  });
}

/** The ways in which Node gets at a WebSocket of the package `ws`. */
const transports = {
  'the constructor option': () => webSocketTransport({ constructor: WebSocket }),
  'the package ws, found by itself': () => nodeWebSocketTransport(),
};

test('a frame that no packets within the limit need ends the connection before it is collected', async () => {
  const peer = await webSocketPeer();
  const transport = nodeWebSocketTransport();
  const connection = await open(transport, `ws://127.0.0.1:${peer.port}`, { maximumPacketSize: 1_000 });
  cleanups.push(() => connection.destroy());
  const recorded = record(connection);
  const socket = await waitFor(() => peer.sockets[0], { what: 'the connection at the server' });
  const room = 16 * 1_024 * 1_024 + 1_000;
  // Signs of life are empty, and come where a frame takes its time.
  const sizes = () => recorded.chunks.map(({ length }) => length).filter((length) => length > 0);
  socket.send(new Uint8Array(room));
  await waitFor(() => sizes().length > 0);
  socket.send(new Uint8Array(room + 1));
  await waitFor(() => recorded.closes.length > 0);
  expect(recorded.closes).toMatchObject([{ name: 'ProtocolError', code: 'packet-too-large' }]);
  expect(sizes()).toEqual([room]);
});

describe.each(Object.entries(transports))('a WebSocket by %s', (_, transport) => {
  async function connect(url: string): Promise<Recorded> {
    const connection = await open(transport(), url);
    cleanups.push(() => connection.destroy());
    return record(connection);
  }

  /** The only socket of a server. */
  const socketOf = (peer: Peer) => waitFor(() => peer.sockets[0], { what: 'the connection at the server' });

  test('carries bytes both ways, one binary frame a call [v5 MQTT-6.0.0-1, v3 MQTT-6.0.0-1]', async () => {
    const peer = await webSocketPeer();
    const recorded = await connect(`ws://127.0.0.1:${peer.port}/mqtt`);
    recorded.connection.write([bytesOf('xonex').subarray(1, 4)]);
    recorded.connection.write([bytesOf('t'), bytesOf('wo')]);
    recorded.connection.write([]);
    recorded.connection.write([bytesOf('three')]);
    await waitFor(() => peer.frames.length === 3);
    expect(peer.frames).toEqual(['one', 'two', 'three']);
    const socket = await socketOf(peer);
    socket.send(bytesOf('answer '));
    await waitFor(() => recorded.text === 'answer ');
    expect(recorded.chunks.every((chunk) => chunk.constructor === Uint8Array)).toBe(true);
    expect(peer.requests[0]?.url).toBe('/mqtt');
  });

  test('offers the subprotocol, and no compression [v5 MQTT-6.0.0-3, v3 MQTT-6.0.0-3]', async () => {
    const peer = await webSocketPeer();
    await connect(`ws://127.0.0.1:${peer.port}`);
    expect(peer.requests[0]?.headers['sec-websocket-protocol']).toBe('mqtt');
  });

  test('does not take fragments of a frame apart or together [v5 MQTT-6.0.0-2, v3 MQTT-6.0.0-2]', async () => {
    const peer = await webSocketPeer();
    const recorded = await connect(`ws://127.0.0.1:${peer.port}`);
    const socket = await socketOf(peer);
    socket.send(bytesOf('ab'), { fin: false, binary: true });
    socket.send(bytesOf('cd'), { fin: true, binary: true });
    socket.send(bytesOf('ef'));
    await waitFor(() => recorded.text === 'abcdef');
  });

  test('is closed by a text frame [v5 MQTT-6.0.0-1, v3 MQTT-6.0.0-1]', async () => {
    const peer = await webSocketPeer();
    const recorded = await connect(`ws://127.0.0.1:${peer.port}`);
    const socket = await socketOf(peer);
    socket.send('text');
    await waitFor(() => recorded.closes.length > 0 && socket.readyState === WebSocket.CLOSED);
    expect(recorded.closes).toMatchObject([{ code: 'malformed-packet' }]);
    expect(recorded.chunks).toEqual([]);
  });

  test.each([false, 'other'] as const)('is refused when the server selects %j', async (selects) => {
    const peer = await webSocketPeer({ selects });
    const error = await rejection(connect(`ws://127.0.0.1:${peer.port}`));
    expect(error).toMatchObject({ name: 'ConnectionError', code: 'subprotocol' });
    await waitFor(() => peer.sockets.every((socket) => socket.readyState === WebSocket.CLOSED));
  });

  test('tells what it buffers, and when it has left', async () => {
    const peer = await webSocketPeer();
    const proxy = await startFaultProxy(peer.port);
    cleanups.push(() => proxy.close());
    const recorded = await connect(`ws://127.0.0.1:${proxy.port}`);
    proxy.pause();
    const size = 32 * 1024 * 1024;
    recorded.connection.write([new Uint8Array(size)]);
    await waitFor(() => proxy.connections === 1);
    expect(recorded.connection.bufferedAmount).toBeGreaterThan(1024 * 1024);
    proxy.heal();
    await waitFor(() => recorded.drains.length > 0 && recorded.connection.bufferedAmount === 0);
    await waitFor(() => peer.frames[0]?.length === size);
  });

  test('ends without an error when the server closes it in order, after the last bytes', async () => {
    const peer = await webSocketPeer();
    const recorded = await connect(`ws://127.0.0.1:${peer.port}`);
    const socket = await socketOf(peer);
    socket.send(bytesOf('last'));
    socket.close(1000);
    await waitFor(() => recorded.closes.length > 0);
    expect(recorded.closes).toEqual([undefined]);
    expect(recorded.text).toBe('last');
  });

  test('is lost with the code and the reason of the server', async () => {
    const peer = await webSocketPeer();
    const recorded = await connect(`ws://127.0.0.1:${peer.port}`);
    (await socketOf(peer)).close(1008, 'policy');
    await waitFor(() => recorded.closes.length > 0);
    expect(recorded.closes[0]).toMatchObject({ code: 'lost' });
    expect(recorded.closes[0]?.message).toMatch(/closed with code 1008: "policy"$/);
  });

  test('is lost by a reset, and by the end of TCP without a close frame', async () => {
    const peer = await webSocketPeer();
    const proxy = await startFaultProxy(peer.port);
    cleanups.push(() => proxy.close());
    for (const fault of ['reset', 'end'] as const) {
      const recorded = await connect(`ws://127.0.0.1:${proxy.port}`);
      proxy[fault]();
      await waitFor(() => recorded.closes.length > 0);
      expect(recorded.closes).toHaveLength(1);
      expect(recorded.closes[0]).toMatchObject({ code: 'lost' });
      expect(recorded.closes[0]?.message).toMatch(/closed with code 1006, without a close frame$/);
    }
  });

  test('is lost at once by bytes that are no frame, without a close handshake', async () => {
    const sockets: Duplex[] = [];
    const http = createServer();
    const peer = await webSocketPeer({ http });
    const proxy = await startFaultProxy(peer.port);
    cleanups.push(() => proxy.close());
    http.on('upgrade', (_request, socket) => sockets.push(socket));
    const recorded = await connect(`ws://127.0.0.1:${proxy.port}`);
    // The server hears nothing of it, and so never closes.
    proxy.pause('up');
    sockets[0]?.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
    await waitFor(() => recorded.closes.length > 0);
    expect(recorded.closes[0]).toMatchObject({ code: 'lost', cause: expect.any(Error) });
  });

  test('sends everything before close() ends it, and says when it has ended', async () => {
    const peer = await webSocketPeer();
    const recorded = await connect(`ws://127.0.0.1:${peer.port}`);
    recorded.connection.write([new Uint8Array(1024 * 1024)]);
    recorded.connection.close();
    recorded.connection.write([bytesOf('too late')]);
    await waitFor(() => recorded.closes.length > 0);
    expect(recorded.closes).toEqual([undefined]);
    expect(peer.frames.map(({ length }) => length)).toEqual([1024 * 1024]);
  });

  test('by destroy() is gone at once, and nothing is called, a dead peer or not', async () => {
    const peer = await webSocketPeer();
    const proxy = await startFaultProxy(peer.port);
    cleanups.push(() => proxy.close());
    const recorded = await connect(`ws://127.0.0.1:${proxy.port}`);
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const before = sockets();
    proxy.stall();
    recorded.connection.write([new Uint8Array(1024 * 1024)]);
    recorded.connection.destroy();
    recorded.connection.destroy();
    recorded.connection.write([bytesOf('too late')]);
    await waitFor(() => sockets() < before);
    proxy.reset();
    await waitFor(() => peer.sockets[0]?.readyState === WebSocket.CLOSED);
    expect([recorded.closes, recorded.chunks, recorded.drains]).toEqual([[], [], []]);
  });

  test('that is aborted in the handshake leaves no socket, and no error behind', async () => {
    const raw: Socket[] = [];
    const port = await listen(createTcpServer((socket) => raw.push(socket.resume())) as never);
    for (const reason of [new Error('early'), new Error('late')]) {
      const controller = new AbortController();
      const promise = rejection(open(transport(), `ws://127.0.0.1:${port}`, { signal: controller.signal }));
      if (reason.message === 'late') await waitFor(() => raw.some((socket) => !socket.destroyed));
      controller.abort(reason);
      expect(await promise).toBe(reason);
      await waitFor(() => raw.every((socket) => socket.destroyed));
    }
  });
});

describe('a WebSocket in Node', () => {
  const open127 = (port: number, options: NodeWebSocketTransportOptions = {}, scheme = 'ws', more = {}) =>
    open(nodeWebSocketTransport(options), `${scheme}://localhost:${port}/a?hunter2`, more).then(
      (connection) => {
        cleanups.push(() => connection.destroy());
        return connection;
      },
    );

  test('sends the headers it is told', async () => {
    const peer = await webSocketPeer();
    await open127(peer.port, {}, 'ws', { headers: { authorization: 'Bearer x' } });
    expect(peer.requests[0]?.headers.authorization).toBe('Bearer x');
  });

  test('does not offer compression', async () => {
    const peer = await webSocketPeer();
    await open127(peer.port);
    expect(peer.requests[0]?.headers['sec-websocket-extensions']).toBeUndefined();
  });

  test('uses the TLS options for wss:', async () => {
    const { ca, client, server } = await certificates();
    const http = createTlsServer({ ...server, ca: ca.cert, requestCert: true, rejectUnauthorized: true });
    const peer = await webSocketPeer({ http: http as unknown as Server });
    await open127(peer.port, { tls: { ca: bytesOf(ca.cert), ...client, servername: undefined } }, 'wss');
    expect(peer.sockets).toHaveLength(1);
    const error = await rejection(open127(peer.port, {}, 'wss'));
    expect(error).toMatchObject({ code: 'unreachable' });
    expect((error as Error).message).toMatch(
      /not signed by an authority that is trusted here; give .* tls\.ca/,
    );
  });

  test.each([
    [
      'a client certificate',
      { requestCert: true, rejectUnauthorized: true, maxVersion: 'TLSv1.2' },
      {},
      /it may want a client certificate \(tls\.cert and tls\.key\), .*\(ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE\)$/,
    ],
    [
      'another application protocol',
      { ALPNProtocols: ['http/1.1'] },
      { alpnProtocols: ['mqtt'] },
      /it speaks none of tls\.alpnProtocols /,
    ],
  ] as const)('tells apart what a TLS server wants: %s', async (_, wanted, given, words) => {
    const { ca, server } = await certificates();
    const peer = await webSocketPeer({
      http: createTlsServer({ ...server, ...wanted }) as unknown as Server,
    });
    const error = await rejection(open127(peer.port, { tls: { ca: ca.cert, ...given } }, 'wss'));
    expect(error).toMatchObject({ code: 'unreachable', cause: expect.any(Error) });
    expect((error as Error).message).toMatch(words);
  });

  test('tells when everything before close() has left', async () => {
    const { ca, server } = await certificates();
    const peer = await webSocketPeer({ http: createTlsServer(server) as unknown as Server });
    const connection = await open127(peer.port, { tls: { ca: ca.cert } }, 'wss');
    const size = 1024 * 1024;
    connection.write([new Uint8Array(size)]);
    const closed = connection.close();
    expect(connection.bufferedAmount).toBeGreaterThan(0);
    await closed;
    expect(connection.bufferedAmount).toBe(0);
    await waitFor(() => peer.frames[0]?.length === size);
  });

  test('tells bit by bit how what it buffers leaves', async () => {
    const peer = await webSocketPeer();
    const proxy = await startFaultProxy(peer.port);
    cleanups.push(() => proxy.close());
    const recorded = record(await open127(proxy.port));
    proxy.pause();
    for (let frame = 0; frame < 512; frame += 1) recorded.connection.write([new Uint8Array(65_536)]);
    await waitFor(() => proxy.connections === 1);
    const buffered = recorded.connection.bufferedAmount;
    proxy.heal();
    await waitFor(() => recorded.connection.bufferedAmount === 0);
    // Once at its end would look like a dead peer until then.
    const between = recorded.drains.filter((amount) => amount > 0 && amount < buffered);
    expect(new Set(between).size).toBeGreaterThan(3);
  });

  test('gives signs of life, which have no bytes, while a large frame comes', async () => {
    const peer = await webSocketPeer();
    const recorded = record(await open127(peer.port));
    const socket = await waitFor(() => peer.sockets[0], { what: 'the connection at the server' });
    const part = 'half a second later, '.repeat(7);
    socket.send(bytesOf('at once'), { fin: false, binary: true });
    await waitFor(() => peer.sockets[0]?.bufferedAmount === 0);
    skipTime(500);
    socket.send(bytesOf(part), { fin: false, binary: true });
    await waitFor(() => recorded.chunks.length > 0);
    expect(recorded.text).toBe('');
    socket.send(bytesOf(''), { fin: true, binary: true });
    await waitFor(() => recorded.text === `at once${part}`);
  });

  test('takes no ping for a sign of life: it may be of a proxy whose server is dead', async () => {
    const peer = await webSocketPeer();
    const recorded = record(await open127(peer.port));
    const socket = await waitFor(() => peer.sockets[0], { what: 'the connection at the server' });
    skipTime(500);
    const answered = new Promise((resolve) => socket.once('pong', resolve));
    socket.ping(bytesOf('x'.repeat(125)));
    await answered;
    expect(recorded.chunks).toEqual([]);
  });

  test('takes what comes without a copy of each frame', async () => {
    const peer = await webSocketPeer();
    const recorded = record(await open127(peer.port));
    const socket = await waitFor(() => peer.sockets[0], { what: 'the connection at the server' });
    socket.send(bytesOf('one'));
    await waitFor(() => recorded.text === 'one');
    // It lies where it was read, behind the header of its frame.
    expect(recorded.chunks[0]?.byteOffset).toBeGreaterThan(0);
  });

  test('uses the package ws also as constructor option with headers and TLS options', async () => {
    const { ca, server } = await certificates();
    const peer = await webSocketPeer({ http: createTlsServer(server) as unknown as Server });
    await open127(peer.port, { constructor: WebSocket, tls: { ca: ca.cert } }, 'wss', {
      headers: { x: '1' },
    });
    expect(peer.requests[0]?.headers['x']).toBe('1');
  });

  test('says which HTTP status the server answered', async () => {
    const http = createServer((_request, response) => response.writeHead(401).end());
    const port = await listen(http);
    const error = await rejection(open127(port));
    expect(error).toMatchObject({ code: 'unreachable' });
    expect((error as Error).message).toMatch(
      /^could not open a WebSocket to ws:\/\/localhost:\d+: .*HTTP status 401/,
    );
    expect((error as Error).message).not.toContain('hunter2');
  });

  test('says what may be wrong when the server hangs up', async () => {
    const port = await listen(
      createTcpServer((socket) => socket.once('data', () => socket.destroy())) as never,
    );
    const error = await rejection(open127(port));
    expect(error).toMatchObject({ code: 'unreachable', cause: { code: 'ECONNRESET' } });
    expect((error as Error).message).toMatch(
      /: it broke the connection off \(ECONNRESET\); check that the scheme of the URL is that of the port$/,
    );
  });

  test('says that nothing listens', async () => {
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const { port } = http.address() as AddressInfo;
    await new Promise((resolve) => http.close(resolve));
    const error = await rejection(open127(port));
    expect(error).toMatchObject({ code: 'unreachable', cause: { code: 'ECONNREFUSED' } });
    expect((error as Error).message).toMatch(/: nothing listens there; .*\(ECONNREFUSED\)$/);
  });

  test.each([
    ['headers', { headers: { 'a b': 'hunter2' } }, {}],
    ['headers', { headers: { a: 'hunter2\n' } }, {}],
    ['tls', {}, { key: '-----BEGIN nonsense', cert: '-----BEGIN nonsense' }],
  ])('needs usable options: not these %s', async (_, more, tls) => {
    const error = await rejection(open127(1, { tls }, 'wss', more));
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(/^(webSocket\.headers|tls): /);
    expect((error as Error).message).not.toContain('hunter2');
  });

  test('uses the global WebSocket when the package ws cannot be loaded', async () => {
    vi.doMock('ws', () => {
      throw new Error('it is broken');
    });
    const { nodeWebSocketTransport: fresh } = await import('../../../src/transport/node-websocket');
    const made: string[] = [];
    class GlobalWebSocket extends EventTarget {
      constructor(url: string) {
        super();
        made.push(url);
        queueMicrotask(() => this.dispatchEvent(new Event('close')));
      }
      close() {}
    }
    vi.stubGlobal('WebSocket', GlobalWebSocket);
    await rejection(open(fresh(), 'ws://h'));
    expect(made).toEqual(['ws://h/']);

    const lacking = await rejection(open(fresh({ tls: {} }), 'wss://h'));
    expect(lacking).toMatchObject({ name: 'UsageError', code: 'unsupported' });
    expect((lacking as Error).message).toMatch(/^tls: needs the package ws/);
    const headers = await rejection(open(fresh(), 'ws://h', { headers: { a: 'b' } }));
    expect((headers as Error).message).toMatch(/^webSocket\.headers: needs the package ws/);
    await rejection(open(fresh({ tls: {} }), 'ws://h', { headers: {} }));
    expect(made).toHaveLength(2);

    vi.stubGlobal('WebSocket', undefined);
    const none = await rejection(open(fresh(), 'ws://h'));
    expect(none).toMatchObject({ name: 'UsageError', code: 'unsupported' });
    expect((none as Error).message).toMatch(
      /the package ws could not be loaded .*; .*webSocket\.constructor/,
    );
  });

  test('does not silently drop headers and TLS options for another constructor', async () => {
    class Other extends EventTarget {
      readonly binaryType = '';
      readonly readyState = 0;
      readonly protocol = '';
      send() {}
      close() {}
    }
    const error = await rejection(open127(1, { constructor: Other, tls: {} }, 'wss'));
    expect(error).toMatchObject({ name: 'UsageError', code: 'unsupported' });
    expect((error as Error).message).toMatch(/^tls: has no effect on webSocket\.constructor/);
  });
});
