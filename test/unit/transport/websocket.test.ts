import { WebSocket as MockWebSocket, Server } from 'mock-socket';
import { afterEach, describe, expect, expectTypeOf, test, vi } from 'vitest';
import type { WebSocket as WsWebSocket } from 'ws';
import { ConnectionError, MalformedPacketError, UsageError } from '../../../src/errors';
import { nodeWebSocketTransport } from '../../../src/transport/node-websocket';
import type { Connection } from '../../../src/transport/transport';
import {
  type WebSocketConstructor,
  type WebSocketTransportOptions,
  webSocketTransport,
} from '../../../src/transport/websocket';
import { fakeWebSockets } from './fake-websocket';

const url = new URL('wss://h:8084/mqtt?token=hunter2');
const bytes = (...values: number[]) => Uint8Array.of(...values);

/** Starts to connect. */
function connecting(options: WebSocketTransportOptions = {}, to = url, protocols = ['mqtt']) {
  const fake = fakeWebSockets();
  const controller = new AbortController();
  const transport = webSocketTransport({ constructor: fake.Constructor, ...options });
  const promise = transport.connect(to, { signal: controller.signal, protocols });
  // Each test looks at it, but not always in time.
  promise.catch(() => undefined);
  return { fake, controller, promise };
}

/** Connects, and notes what the connection calls. */
async function connected() {
  const { fake, controller, promise } = connecting();
  const { socket } = fake;
  socket.opens();
  const connection = await promise;
  return { socket, controller, connection, ...recorded(connection) };
}

/** What a connection calls. */
function recorded(connection: Connection) {
  const data: number[][] = [];
  const closes: (Error | undefined)[] = [];
  connection.onData = (chunk) => data.push([...chunk]);
  connection.onClose = (error) => closes.push(error);
  return { data, closes };
}

/** The error of a promise. */
async function errorOf(promise: Promise<unknown>): Promise<ConnectionError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ConnectionError) return error;
  throw new Error('no ConnectionError', { cause: error });
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('a WebSocket that opens', () => {
  test('has the whole URL, and sets binaryType before it is open', async () => {
    const { socket } = await connected();
    expect(socket.url).toBe(url.href);
    expect(socket.binaryTypeAtOpen).toBe('arraybuffer');
  });

  test('shows nothing of a large write before all of it has left', async () => {
    expect((await connected()).connection.coarse).toBe(true);
  });

  test('offers the subprotocols it is told [v5 MQTT-6.0.0-3, v3 MQTT-6.0.0-3]', () => {
    expect(connecting().fake.socket.protocols).toEqual(['mqtt']);
    expect(connecting({}, url, ['mqttv3.1']).fake.socket.protocols).toEqual(['mqttv3.1']);
  });

  test('offers those of the options instead', async () => {
    const { fake, promise } = connecting({ protocols: ['a', 'b'] });
    expect(fake.socket.protocols).toEqual(['a', 'b']);
    fake.socket.opens('b');
    await expect(promise).resolves.toBeDefined();
  });

  test('needs no subprotocol when none was offered', async () => {
    const { fake, promise } = connecting({ protocols: [] });
    fake.socket.opens('');
    await expect(promise).resolves.toBeDefined();
  });

  test.each([
    ['', ''],
    ['other', ' but "other"'],
    ['MQTT', ' but "MQTT"'],
  ])('with the subprotocol %j selected is refused and closed', async (protocol, words) => {
    const { fake, promise } = connecting();
    fake.socket.opens(protocol);
    const error = await errorOf(promise);
    expect(error.code).toBe('subprotocol');
    const start = `wss://h:8084 opened a WebSocket, but selected none of the subprotocols mqtt${words}: check `;
    expect(error.message.slice(0, start.length)).toBe(start);
    expect(fake.socket.closes).toHaveLength(1);
  });

  test('is made by the global WebSocket of the moment when no constructor is given', async () => {
    const transport = webSocketTransport({ protocols: undefined });
    const { Constructor, sockets } = fakeWebSockets();
    vi.stubGlobal('WebSocket', Constructor);
    const promise = transport.connect(url, { signal: new AbortController().signal, protocols: ['mqtt'] });
    await Promise.resolve();
    sockets[0]?.opens();
    await expect(promise).resolves.toBeDefined();
  });

  test('needs a constructor', async () => {
    vi.stubGlobal('WebSocket', undefined);
    const promise = webSocketTransport().connect(url, {
      signal: new AbortController().signal,
      protocols: [],
    });
    await expect(promise).rejects.toMatchObject({ name: 'UsageError', code: 'unsupported' });
  });

  test.each([[7], [null], ['WebSocket'], [() => {}], [async () => {}], [{}], [Symbol.iterator], [Math.max]])(
    'is not made by what is no constructor: %o',
    (given) => {
      const options = { constructor: given as unknown as WebSocketConstructor };
      for (const transport of [webSocketTransport, nodeWebSocketTransport]) {
        expect(() => transport(options)).toThrow(UsageError);
        expect(() => transport(options)).toThrow(
          'webSocket.constructor: must be a constructor of WebSockets',
        );
      }
    },
  );

  test('is made by any constructor, one that was bound too', async () => {
    const { Constructor, sockets } = fakeWebSockets();
    const { promise } = connecting({ constructor: Constructor.bind(undefined) as WebSocketConstructor });
    sockets[0]?.opens();
    await expect(promise).resolves.toBeDefined();
  });

  test.each([class {}, Date, function factory() {}, EventTarget])(
    'is not made by a constructor of something else: %o',
    async (given) => {
      const options = { constructor: given as unknown as WebSocketConstructor };
      for (const transport of [webSocketTransport, nodeWebSocketTransport]) {
        const { signal } = new AbortController();
        const promise = transport(options).connect(url, { signal, protocols: ['mqtt'] });
        await expect(promise).rejects.toThrow(UsageError);
        await expect(promise).rejects.toThrow('webSocket.constructor: must be a constructor of WebSockets');
      }
    },
  );
});

describe('a WebSocket that does not open', () => {
  test('gives an error that names the server and says what to do, but no secret', async () => {
    const { fake, promise } = connecting();
    fake.socket.fails();
    const error = await errorOf(promise);
    expect(error.code).toBe('unreachable');
    expect(error.message).toMatch(/^could not open a WebSocket to wss:\/\/h:8084: check host, port and path/);
    expect(error.message).not.toContain('hunter2');
  });

  test('gives an error when no close follows its error, as when a policy forbids it', async () => {
    const { fake, promise } = connecting();
    fake.socket.isForbidden();
    expect((await errorOf(promise)).message).toContain('Content-Security-Policy');
  });

  test('gives an error when it only closes', async () => {
    const { fake, promise } = connecting();
    fake.socket.ends(1006, '', false);
    expect((await errorOf(promise)).code).toBe('unreachable');
  });

  test('points at mixed content in a page that came by https:', async () => {
    vi.stubGlobal('location', { protocol: 'https:' });
    const { fake, promise } = connecting({}, new URL('ws://h'));
    fake.socket.fails();
    expect((await errorOf(promise)).message).toMatch(/^could not .* ws:\/\/h:80: .*https: may only use wss:/);
  });

  test.each([
    ['localhost', false],
    ['broker.localhost', false],
    ['127.0.0.1', false],
    ['127.8.0.1', false],
    ['[::1]', false],
    ['localhost.example', true],
    ['192.168.127.1', true],
    ['[fe80::1]', true],
  ])('to %s is mixed content: %j', async (host, isMixed) => {
    vi.stubGlobal('location', { protocol: 'https:' });
    const { fake, promise } = connecting({}, new URL(`ws://${host}:8083/mqtt`));
    fake.socket.fails();
    expect((await errorOf(promise)).message.includes('may only use wss:')).toBe(isMixed);
  });

  test.each([1883, 8883])('points at port %i, which is that of plain MQTT', async (port) => {
    const { fake, promise } = connecting({}, new URL(`ws://h:${port}`));
    fake.socket.fails();
    expect((await errorOf(promise)).message).toMatch(/MQTT without WebSocket/);
  });

  test('passes on the cause, unless that repeats the URL', async () => {
    const harmless = new Error('bad luck');
    const telling = new DOMException(`may not connect to '${url.href}'`, 'SecurityError');
    for (const cause of [harmless, telling]) {
      const Constructor = class {
        constructor() {
          throw cause;
        }
      };
      const { promise } = connecting({ constructor: Constructor });
      const error = await errorOf(promise);
      expect(error.code).toBe('unreachable');
      expect(error.message).not.toContain('hunter2');
      expect(error.cause).toBe(cause === harmless ? cause : undefined);
    }
    const { fake, promise } = connecting();
    fake.socket.fails({ error: harmless });
    expect((await errorOf(promise)).cause).toBe(harmless);
  });

  test('because its subprotocols are none is a wrong argument', async () => {
    const Constructor = class {
      constructor() {
        throw new DOMException("The subprotocol 'a b' is invalid.", 'SyntaxError');
      }
    };
    const { promise } = connecting({ constructor: Constructor, protocols: ['a b'] });
    await expect(promise).rejects.toThrow(UsageError);
    await expect(promise).rejects.toThrow(/^webSocket\.protocols: /);
  });

  test('is dropped when the attempt is aborted, and does not come back', async () => {
    const { fake, controller, promise } = connecting();
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(promise).rejects.toBe(reason);
    expect(fake.socket.closes).toHaveLength(1);
    fake.socket.fails();
    fake.socket.ends(1006, '', false);
    await expect(promise).rejects.toBe(reason);
    expect(fake.socket.closes).toHaveLength(1);
  });

  test('is not even made when the attempt is aborted already', async () => {
    const { Constructor, sockets } = fakeWebSockets();
    const reason = new Error('enough');
    const transport = webSocketTransport({ constructor: Constructor });
    await expect(
      transport.connect(url, { signal: AbortSignal.abort(reason), protocols: ['mqtt'] }),
    ).rejects.toBe(reason);
    expect(sockets).toEqual([]);
  });
});

describe('an open WebSocket', () => {
  test('does not mind an abort', async () => {
    const { controller, socket, data, closes } = await connected();
    controller.abort();
    socket.receives(bytes(1).buffer);
    expect([data, closes, socket.closes]).toEqual([[[1]], [], []]);
  });

  test('sends a single chunk as it is, and several as one frame', async () => {
    const { connection, socket } = await connected();
    const slab = bytes(0, 1, 2, 3);
    const chunk = slab.subarray(1, 3);
    connection.write([chunk]);
    connection.write([chunk, bytes(4), bytes(), bytes(5, 6)]);
    connection.write([]);
    expect(socket.sent).toHaveLength(2);
    expect(socket.sent[0]).toBe(chunk);
    expect([...(socket.sent[1] ?? [])]).toEqual([1, 2, 4, 5, 6]);
  });

  test('sends nothing once it is not open any more', async () => {
    for (const end of ['close', 'destroy', 'peer', 'closing'] as const) {
      const { connection, socket } = await connected();
      if (end === 'peer') socket.ends(1000);
      else if (end === 'closing') socket.readyState = 2;
      else connection[end]();
      connection.write([bytes(1)]);
      expect(socket.sent).toEqual([]);
    }
  });

  test('tells what it buffers, also where the socket cannot', async () => {
    const { connection, socket } = await connected();
    socket.bufferedAmount = 7;
    expect(connection.bufferedAmount).toBe(7);
    socket.bufferedAmount = undefined;
    expect(connection.bufferedAmount).toBe(0);
  });

  test('receives buffers and views, each at its own offset', async () => {
    const { socket, data } = await connected();
    const slab = bytes(0, 1, 2, 3, 4);
    socket.receives(bytes(1, 2).buffer);
    socket.receives(slab.subarray(2, 4));
    socket.receives(new DataView(slab.buffer, 4));
    socket.receives(Buffer.from('A'));
    expect(data).toEqual([[1, 2], [2, 3], [4], [65]]);
  });

  test('hands out an Uint8Array, never a Buffer', async () => {
    const { connection, socket } = await connected();
    const chunks: Uint8Array[] = [];
    connection.onData = (chunk) => chunks.push(chunk);
    socket.receives(Buffer.from('A'));
    socket.receives(bytes(1).buffer);
    expect(chunks.map((chunk) => chunk.constructor)).toEqual([Uint8Array, Uint8Array]);
  });

  test('keeps what comes before somebody listens, the end included, in order', async () => {
    const { fake, promise } = connecting();
    fake.socket.opens();
    const connection = await promise;
    fake.socket.receives(bytes(1).buffer);
    fake.socket.receives(bytes(2).buffer);
    fake.socket.ends(1000);
    const { data, closes } = recorded(connection);
    expect(data).toEqual([]);
    await Promise.resolve();
    expect(data).toEqual([[1], [2]]);
    expect(closes).toEqual([undefined]);
  });

  test('hands over what it kept though nothing follows', async () => {
    const { fake, promise } = connecting();
    fake.socket.opens();
    const connection = await promise;
    fake.socket.receives(bytes(1).buffer);
    const { data, closes } = recorded(connection);
    await Promise.resolve();
    expect([data, closes]).toEqual([[[1]], []]);
  });

  test('tells of an end that came before somebody listens, and before any data', async () => {
    const { fake, promise } = connecting();
    fake.socket.opens();
    const connection = await promise;
    fake.socket.ends(1006);
    const { closes } = recorded(connection);
    expect(closes).toEqual([]);
    await Promise.resolve();
    expect(closes).toMatchObject([{ code: 'lost' }]);
  });

  test('tells of the end after what it kept, whoever listens first', async () => {
    const { fake, promise } = connecting();
    fake.socket.opens();
    const connection = await promise;
    fake.socket.receives(bytes(1).buffer);
    fake.socket.ends(1000);
    const told: string[] = [];
    connection.onClose = () => told.push('close');
    await Promise.resolve();
    connection.onData = () => told.push('data');
    await Promise.resolve();
    expect(told).toEqual(['data', 'close']);
  });

  test('lets nothing overtake what it kept', async () => {
    const { fake, promise } = connecting();
    fake.socket.opens();
    const connection = await promise;
    fake.socket.receives(bytes(1).buffer);
    const { data } = recorded(connection);
    fake.socket.receives(bytes(2).buffer);
    await Promise.resolve();
    expect(data).toEqual([[1], [2]]);
  });

  test('hands over nothing more when it is destroyed in the middle of what it kept', async () => {
    const { fake, promise } = connecting();
    fake.socket.opens();
    const connection = await promise;
    fake.socket.receives(bytes(1).buffer);
    fake.socket.receives(bytes(2).buffer);
    fake.socket.ends(1000);
    const { data, closes } = recorded(connection);
    connection.onData = (chunk) => {
      data.push([...chunk]);
      connection.destroy();
    };
    await Promise.resolve();
    expect([data, closes]).toEqual([[[1]], []]);
  });

  test('is closed by a text frame [v5 MQTT-6.0.0-1, v3 MQTT-6.0.0-1]', async () => {
    const { socket, data, closes } = await connected();
    socket.receives('text');
    expect(socket.closes).toHaveLength(1);
    expect(data).toEqual([]);
    expect(closes).toEqual([expect.any(MalformedPacketError)]);
    socket.ends(1000);
    expect(closes).toHaveLength(1);
  });

  test('is closed by a Blob, which only a constructor that ignores binaryType delivers', async () => {
    const { socket, closes } = await connected();
    socket.receives(new Blob(['x']));
    expect(socket.closes).toHaveLength(1);
    expect(closes).toMatchObject([{ name: 'UsageError', code: 'unsupported' }]);
  });
});

describe('the end of a WebSocket', () => {
  test.each([1000, 1005])('is orderly with code %i', async (code) => {
    const { socket, closes } = await connected();
    socket.ends(code);
    expect(closes).toEqual([undefined]);
  });

  test.each([
    [1001, 'shutting down', true, 'closed with code 1001: "shutting down"'],
    [1006, '', false, 'closed with code 1006, without a close frame'],
    [1000, '', false, 'closed with code 1000'],
    [4000, 'a\n"b"', true, 'closed with code 4000: "a\\n\\"b\\""'],
  ])('with code %i is a loss that is told', async (code, reason, wasClean, words) => {
    const { socket, closes } = await connected();
    socket.ends(code, reason, wasClean);
    expect(closes).toMatchObject([{ name: 'ConnectionError', code: 'lost' }]);
    expect(closes[0]?.message).toBe(`the WebSocket to wss://h:8084 was ${words}`);
  });

  test('with an error in front of it has that as its cause', async () => {
    const { socket, closes } = await connected();
    const cause = new Error('bad frame');
    socket.fails({ error: cause });
    expect(closes).toMatchObject([{ code: 'lost', cause }]);
  });

  test('by close() is a handshake with code 1000, once, and is reported', async () => {
    const { connection, socket, closes } = await connected();
    connection.close();
    connection.close();
    expect(socket.closes).toEqual([[1000]]);
    expect(closes).toEqual([]);
    socket.ends(1000);
    expect(closes).toEqual([undefined]);
  });

  test('by close() still takes what comes before it', async () => {
    const { connection, socket, data } = await connected();
    connection.close();
    socket.receives(bytes(1).buffer);
    expect(data).toEqual([[1]]);
  });

  test('by destroy() is silent: nothing is called', async () => {
    const { connection, socket, data, closes } = await connected();
    connection.destroy();
    expect(socket.closes).toHaveLength(1);
    socket.receives(bytes(1).buffer);
    socket.ends(1000);
    await Promise.resolve();
    expect([data, closes]).toEqual([[], []]);
  });
});

describe('the constructor option', () => {
  test('takes the constructors that there are, and may be missing', () => {
    expectTypeOf<typeof WebSocket>().toExtend<WebSocketConstructor>();
    expectTypeOf<typeof WsWebSocket>().toExtend<WebSocketConstructor>();
    expectTypeOf<typeof MockWebSocket>().toExtend<WebSocketConstructor>();
    expectTypeOf<{ protocols: string[] }>().toExtend<WebSocketTransportOptions>();
  });

  test('is not taken from what every object inherits', () => {
    vi.stubGlobal('WebSocket', undefined);
    class Options {}
    const promise = webSocketTransport(new Options()).connect(url, {
      signal: new AbortController().signal,
      protocols: [],
    });
    return expect(promise).rejects.toMatchObject({ name: 'UsageError', code: 'unsupported' });
  });
});

describe('a WebSocket of mock-socket', () => {
  test('opens, receives and closes', async () => {
    const server = new Server('ws://localhost:1234', { selectProtocol: () => 'mqtt' });
    server.on('connection', (socket) => {
      socket.send(bytes(1, 2).buffer);
      socket.on('close', () => server.stop());
    });
    const transport = webSocketTransport({ constructor: MockWebSocket });
    const connection = await transport.connect(new URL('ws://localhost:1234'), {
      signal: new AbortController().signal,
      protocols: ['mqtt'],
    });
    const { data, closes } = recorded(connection);
    await vi.waitFor(() => expect(data).toEqual([[1, 2]]));
    expect(connection.bufferedAmount).toBe(0);
    connection.close();
    await vi.waitFor(() => expect(closes).toEqual([undefined]));
  });
});
