import { describe, expect, test, vi } from 'vitest';
import type { Client, ClientEvents, ClientOptions } from '../../../src/index';
import {
  ConnectionError,
  connect,
  createClient,
  MalformedPacketError,
  RefusedError,
  StoreError,
  UsageError,
} from '../../../src/index';
import { memoryStore } from '../../../src/store/memory';
import type { Connection, Transport } from '../../../src/transport/transport';
import { connected, fakeTime, idle, watch } from '../../support/fake-client';
import { type Answer, FakeServer, turn } from '../../support/fake-server';
import { hex } from '../../support/hex';

/** The events of a client as they come, with the state that a listener sees. */
function record(client: Client): string[] {
  const log: string[] = [];
  const names = ['status', 'connect', 'disconnect', 'reconnecting', 'close', 'error'] as const;
  for (const name of names) {
    client.on(name, (event: ClientEvents[typeof name]) => {
      const type = 'type' in event ? ` ${event.type}` : '';
      log.push(`${name}${type} (${client.status.type})`);
    });
  }
  return log;
}

/** A transport that opens nothing until it is told to. */
class SlowTransport implements Transport {
  readonly signals: AbortSignal[] = [];
  readonly opened: Promise<Connection>[] = [];
  #open: (() => void)[] = [];

  constructor(readonly server: FakeServer) {}

  connect(url: URL, options: Parameters<Transport['connect']>[1]): Promise<Connection> {
    this.signals.push(options.signal);
    const opened = new Promise<void>((resolve) => this.#open.push(resolve)).then(() =>
      this.server.connect(url, { ...options, signal: new AbortController().signal }),
    );
    this.opened.push(opened);
    return opened;
  }

  /** Opens what was asked for, whether or not anybody still wants it. */
  async open(): Promise<void> {
    for (const open of this.#open.splice(0)) open();
    await turn();
  }
}

const refusal = (reasonCode: number) =>
  new FakeServer({ connect: () => ({ type: 'connack', sessionPresent: false, reasonCode }) });

describe('connect', () => {
  test('resolves with what CONNACK brought', async () => {
    const server = new FakeServer();
    server.connack = { receiveMaximum: 7, serverKeepAlive: 20, assignedClientIdentifier: 'given' };
    const { client } = idle({}, server);
    expect([client.protocolVersion, client.server]).toEqual([undefined, undefined]);
    const result = await client.connect();
    expect(result).toMatchObject({
      sessionPresent: false,
      sessionLost: false,
      protocolVersion: 5,
      server: { receiveMaximum: 7, keepAlive: 20, clientId: 'given' },
    });
    expect(client.protocolVersion).toBe(5);
    expect(client.server).toEqual(result.server);
    // The server's identifier counts from here on.
    expect(client.clientId).toBe('given');
  });

  test('joins the attempt that is under way', async () => {
    const { client, server } = idle();
    const [first, second] = await Promise.all([client.connect(), client.connect()]);
    expect(second).toBe(first);
    expect(await client.connect()).toBe(first);
    expect(server.links).toHaveLength(1);
  });

  test('goes through its states in order, events behind them', async () => {
    const { client } = idle();
    const log = record(client);
    const connecting = client.connect();
    expect(client.status).toEqual({ type: 'connecting', attempt: 1, url: 'ws://fake/' });
    await connecting;
    expect(log).toEqual([
      'status connecting (connecting)',
      'status connected (connected)',
      'connect (connected)',
    ]);
    expect(client.status).toEqual({
      type: 'connected',
      url: 'ws://fake/',
      since: expect.closeTo(Date.now(), -4),
      sessionPresent: false,
    });
  });

  test('has a new status object only when it changes', async () => {
    const { client } = idle();
    expect(client.status).toBe(client.status);
    const seen: unknown[] = [];
    client.on('status', (status) => seen.push(status));
    await client.connect();
    await client.publish('a', 'b', { qos: 1 });
    expect(seen).toHaveLength(2);
    expect(client.status).toBe(seen[1]);
    expect(Object.isFrozen(client.status)).toBe(true);
  });

  test('sends CONNECT first, whatever waits [v5 MQTT-3.1.0-1, v3 MQTT-3.1.0-1]', async () => {
    for (const protocolVersion of [5, 4] as const) {
      const { client, server } = idle({ protocolVersion });
      const waiting = [
        client.publish('a', '0'),
        client.publish('a', '1', { qos: 1 }),
        client.subscribe('a', { qos: 2 }, () => undefined),
      ];
      await turn();
      expect(server.links).toEqual([]);
      await client.connect();
      await Promise.all(waiting);
      expect(server.link.types[0]).toBe('connect');
      expect(server.link.packets('connect')).toHaveLength(1);
      expect(server.link.types.slice(1).sort()).toEqual(['publish', 'publish', 'subscribe']);
    }
  });

  test('sends nothing more before CONNACK', async () => {
    const server = new FakeServer({ connect: () => undefined });
    const { client } = idle({}, server);
    const publish = watch(client.publish('a', '1', { qos: 1 }));
    const connecting = client.connect();
    await turn();
    expect(server.link.types).toEqual(['connect']);
    expect(client.status.type).toBe('connecting');
    server.link.send({ type: 'connack', sessionPresent: false, reasonCode: 0 });
    await connecting;
    await vi.waitFor(() => expect(publish.state).toBe('resolved'));
  });

  test('offers the subprotocol of its version [v5 MQTT-6.0.0-3, v3 MQTT-6.0.0-3]', async () => {
    const offered: (readonly string[])[] = [];
    for (const options of [
      { protocolVersion: 5 },
      { protocolVersion: 4 },
      { protocolVersion: 3 },
      { webSocket: { protocols: ['x', 'y'] } },
    ] as const) {
      const { server } = await connected(options);
      offered.push(server.link.options.protocols);
    }
    expect(offered).toEqual([['mqtt'], ['mqtt'], ['mqttv3.1'], ['x', 'y']]);
  });

  test('as a function gives a connected client, or rejects', async () => {
    const client = await connect('ws://fake', { transport: new FakeServer() });
    expect(client.status.type).toBe('connected');
    await client.close();
    await expect(connect('ws://fake', { transport: refusal(0x87) })).rejects.toMatchObject({
      name: 'RefusedError',
      code: 'not-authorized',
      reasonCode: 0x87,
    });
  });

  test('may be watched by events alone: its rejection needs no handler then', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const server = new FakeServer();
    server.unreachable = new ConnectionError('unreachable', 'no');
    const { client } = idle({}, server);
    const closed = new Promise((resolve) => client.on('close', resolve));
    void client.connect();
    await expect(closed).resolves.toEqual({ error: server.unreachable });
    const another = idle().client;
    void another.connect();
    await another.close();
    await new Promise((resolve) => setTimeout(resolve));
    expect(unhandled).not.toHaveBeenCalled();
    // Nobody would see it: 'error' is for what has no promise.
    const unwatched = idle({}, server).client;
    void unwatched.connect();
    const listening = idle({}, server).client;
    const error = vi.fn();
    listening.on('error', error);
    void listening.connect();
    await new Promise((resolve) => setTimeout(resolve));
    process.off('unhandledRejection', unhandled);
    expect(error).not.toHaveBeenCalled();
    expect(unhandled.mock.calls.map(([reason]) => reason)).toEqual([server.unreachable, server.unreachable]);
  });
});

describe('a first attempt that fails', () => {
  test('rejects and closes the client', async () => {
    const server = new FakeServer();
    const failure = new ConnectionError('unreachable', 'nobody there');
    server.unreachable = failure;
    const { client } = idle({}, server);
    const log = record(client);
    const waiting = watch(client.publish('a', 'b', { qos: 1 }));
    await expect(client.connect()).rejects.toBe(failure);
    expect(client.status).toEqual({ type: 'closed', error: failure });
    expect(log).toEqual(['status connecting (connecting)', 'status closed (closed)', 'close (closed)']);
    expect(waiting.error).toMatchObject({ name: 'ConnectionError', code: 'closed', cause: failure });
    expect(server.attempts).toHaveLength(1);
  });

  test('may be followed by another connect', async () => {
    const server = new FakeServer();
    server.unreachable = new ConnectionError('unreachable', 'nobody there');
    const { client } = idle({}, server);
    await expect(client.connect()).rejects.toThrow('nobody there');
    server.unreachable = undefined;
    await expect(client.connect()).resolves.toMatchObject({ protocolVersion: 5 });
  });

  test('is an error of ours, whatever the transport throws', async () => {
    for (const thrown of [new TypeError('odd'), 'odd']) {
      const transport: Transport = { connect: () => Promise.reject(thrown) };
      const { client } = idle({ transport });
      await expect(client.connect()).rejects.toMatchObject({
        name: 'ConnectionError',
        code: 'unreachable',
        cause: thrown,
      });
    }
    const throwing: Transport = {
      connect() {
        throw new TypeError('odd');
      },
    };
    const { client } = idle({ transport: throwing });
    await expect(client.connect()).rejects.toMatchObject({ name: 'ConnectionError' });
    expect(client.status.type).toBe('closed');
  });

  test.each<() => unknown>([() => undefined, async () => undefined, async () => ({})])(
    'says so when the transport gives no connection, and does not try again: %s',
    async (broken) => {
      const connect = vi.fn(broken);
      const { client } = idle({
        transport: { connect } as unknown as Transport,
        reconnect: { initial: true },
      });
      await expect(client.connect()).rejects.toThrow(new UsageError('transport: connect gave no Connection'));
      expect(connect).toHaveBeenCalledOnce();
      expect(client.status.type).toBe('closed');
    },
  );

  test('with several URLs tries each once, in order', async () => {
    const server = new FakeServer();
    server.unreachable = new ConnectionError('unreachable', 'nobody there');
    const client = createClient(['ws://a', 'ws://b', 'ws://c'], { transport: server });
    const log = record(client);
    await expect(client.connect()).rejects.toThrow('nobody there');
    expect(server.attempts).toEqual(['ws://a/', 'ws://b/', 'ws://c/']);
    expect(client.status.type).toBe('closed');
    expect(log.filter((line) => line.startsWith('reconnecting'))).toEqual([]);
  });

  test('with several URLs takes the first that accepts', async () => {
    const server = new FakeServer();
    const refusing = new FakeServer({
      connect: () => ({ type: 'connack', sessionPresent: false, reasonCode: 0x88 }),
    });
    const transport: Transport = {
      connect: (url, options) => (url.hostname === 'c' ? server : refusing).connect(url, options),
    };
    const client = createClient(['ws://a', 'ws://b', 'ws://c'], { transport });
    await client.connect();
    expect(client.status).toMatchObject({ type: 'connected', url: 'ws://c/' });
    expect(refusing.attempts).toEqual(['ws://a/', 'ws://b/']);
    await client.close();
  });

  test.each([0x84, 0x85, 0x86, 0x87, 0x8a, 0x95, 0x9d])(
    'with several URLs takes the one that accepts what others refuse (%i)',
    async (reasonCode) => {
      const server: FakeServer = new FakeServer({
        connect: (packet, link) =>
          link.url.hostname === 'c'
            ? server.sensible(packet, link)
            : { type: 'connack', sessionPresent: false, reasonCode },
      });
      const options = { transport: server, protocolVersion: 5 } as const;
      const client = createClient(['ws://a', 'ws://b', 'ws://c'], options);
      await client.connect();
      expect(server.attempts).toEqual(['ws://a/', 'ws://b/', 'ws://c/']);
      await client.close();
      const other = createClient(['ws://a', 'ws://b'], options);
      await expect(other.connect()).rejects.toMatchObject({ reasonCode });
      expect(server.attempts).toHaveLength(5);
    },
  );

  test('with several URLs goes on from a refusal to the next one later, too, until all refuse', async () => {
    fakeTime();
    let refusing = 'b';
    const server: FakeServer = new FakeServer({
      connect: (packet, link) =>
        refusing.includes(link.url.hostname)
          ? { type: 'connack', sessionPresent: false, reasonCode: 0x87 }
          : server.sensible(packet, link),
    });
    const client = createClient(['ws://a', 'ws://b'], { transport: server });
    await client.connect();
    server.link.drop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(client.status).toMatchObject({ type: 'connected', url: 'ws://a/' });
    expect(server.attempts).toEqual(['ws://a/', 'ws://b/', 'ws://a/']);
    refusing = 'ab';
    server.link.drop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(client.status).toMatchObject({ type: 'closed', error: { reasonCode: 0x87 } });
    expect(server.attempts).toHaveLength(5);
  });

  test('is tried again with reconnect.initial', async () => {
    fakeTime();
    const server = new FakeServer();
    server.unreachable = new ConnectionError('unreachable', 'nobody there');
    const { client } = idle({ reconnect: { initial: true } }, server);
    const log = record(client);
    const connecting = watch(client.connect());
    await vi.advanceTimersByTimeAsync(120_000);
    expect(connecting.state).toBe('pending');
    expect(server.attempts.length).toBeGreaterThan(3);
    server.unreachable = undefined;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(connecting.state).toBe('resolved');
    expect(log.slice(0, 4)).toEqual([
      'status connecting (connecting)',
      'status reconnecting (reconnecting)',
      'reconnecting (reconnecting)',
      'status connecting (connecting)',
    ]);
    expect(log.filter((line) => line.startsWith('disconnect'))).toEqual([]);
  });

  test('with reconnect.initial still ends where trying again cannot help', async () => {
    const server = refusal(0x85);
    const { client } = idle({ reconnect: { initial: true } }, server);
    await expect(client.connect()).rejects.toBeInstanceOf(RefusedError);
    expect(server.links).toHaveLength(1);
  });
});

describe('connectTimeout', () => {
  const never = () => new Promise<never>(() => undefined);
  const cases: [name: string, options: (server: FakeServer) => ClientOptions][] = [
    ['the transport', () => ({ transport: { connect: never } })],
    ['CONNACK', () => ({})],
    [
      'authenticate.start',
      () => ({ authenticate: { method: 'M', start: never, challenge: () => undefined } }),
    ],
    ['the store', () => ({ store: { load: never, write: () => undefined, clear: async () => undefined } })],
  ];

  test.each(cases)('covers %s', async (_, options) => {
    fakeTime();
    const server = new FakeServer({ connect: () => undefined });
    const { client } = idle({ connectTimeout: 400, ...options(server) }, server);
    const connecting = watch(client.connect());
    await vi.advanceTimersByTimeAsync(399);
    expect(connecting.state).toBe('pending');
    await vi.advanceTimersByTimeAsync(1);
    expect(connecting.error).toBeInstanceOf(ConnectionError);
    expect(connecting.error).toMatchObject({
      code: 'timeout',
      message: expect.stringMatching(/^No connection to fake within 400 ms; check .*port/),
    });
    expect(client.status.type).toBe('closed');
    for (const { connection } of server.links) expect(connection.endedBy).toBe('destroy');
  });

  test('covers them together', async () => {
    fakeTime();
    const later = () => new Promise<void>((resolve) => setTimeout(resolve, 300));
    const server = new FakeServer({ connect: () => undefined });
    const transport: Transport = {
      async connect(url, options) {
        await later();
        return server.connect(url, options);
      },
    };
    const credentials = async () => {
      await later();
      return {};
    };
    const { client } = idle({ connectTimeout: 700, credentials, transport });
    const connecting = watch(client.connect());
    await vi.advanceTimersByTimeAsync(699);
    expect(connecting.state).toBe('pending');
    expect(server.link.types).toEqual(['connect']);
    await vi.advanceTimersByTimeAsync(1);
    expect(connecting.error).toMatchObject({ code: 'timeout' });
  });

  test('is 30 seconds, and counts anew for each attempt', async () => {
    fakeTime();
    const server = new FakeServer({ connect: () => undefined });
    const client = createClient(['ws://a', 'ws://b'], { transport: server });
    const connecting = watch(client.connect());
    await vi.advanceTimersByTimeAsync(29_999);
    expect(server.attempts).toEqual(['ws://a/']);
    await vi.advanceTimersByTimeAsync(1);
    expect(server.attempts).toEqual(['ws://a/', 'ws://b/']);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(connecting.error).toMatchObject({ code: 'timeout' });
    vi.useRealTimers();
  });

  test('ends with CONNACK', async () => {
    fakeTime();
    const { client } = await connected({ connectTimeout: 100 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(client.status.type).toBe('connected');
  });

  test('may be Infinity', async () => {
    fakeTime();
    const server = new FakeServer({ connect: () => undefined });
    const { client } = idle({ connectTimeout: Number.POSITIVE_INFINITY }, server);
    const connecting = watch(client.connect());
    await vi.advanceTimersByTimeAsync(10_000_000);
    expect(connecting.state).toBe('pending');
  });
});

describe('an aborted connect', () => {
  test('rejects with the reason and opens nothing when it was aborted before', async () => {
    const { client, server } = idle();
    const reason = new Error('changed my mind');
    await expect(client.connect({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.attempts).toEqual([]);
    expect(client.status.type).toBe('idle');
  });

  test.each(['while the transport opens', 'while CONNACK is awaited'])(
    'leaves no socket %s',
    async (when) => {
      const server = new FakeServer({ connect: () => undefined });
      const slow = new SlowTransport(server);
      const { client } = idle(when.includes('CONNACK') ? {} : { transport: slow }, server);
      const abort = new AbortController();
      const connecting = watch(client.connect({ signal: abort.signal }));
      await turn();
      abort.abort(new Error('enough'));
      await turn();
      expect(connecting.error).toMatchObject({ message: 'enough' });
      expect(client.status).toEqual({ type: 'closed' });
      expect(slow.signals.every(({ aborted }) => aborted)).toBe(true);
      // A transport that did not heed the signal opens all the same.
      await slow.open();
      for (const { connection } of server.links) expect(connection.endedBy).toBe('destroy');
      expect(server.links).toHaveLength(1);
    },
  );

  test('leaves no socket of a transport that opens after the time-out', async () => {
    fakeTime();
    const server = new FakeServer();
    const slow = new SlowTransport(server);
    const { client } = idle({ transport: slow, connectTimeout: 100 });
    const connecting = watch(client.connect());
    await vi.advanceTimersByTimeAsync(100);
    expect(connecting.error).toMatchObject({ code: 'timeout' });
    await slow.open();
    expect(server.link.connection.endedBy).toBe('destroy');
    expect(server.link.received).toEqual([]);
  });

  test('leaves no socket when it comes right after the transport has opened', async () => {
    for (let steps = 0; steps < 12; steps += 1) {
      const server = new FakeServer({ connect: () => undefined });
      const abort = new AbortController();
      const transport: Transport = {
        connect: async (...target) => {
          const connection = await server.connect(...target);
          queueMicrotask(async () => {
            for (let step = 0; step < steps; step += 1) await undefined;
            abort.abort();
          });
          return connection;
        },
      };
      const { client } = idle({ transport });
      const connecting = watch(client.connect({ signal: abort.signal }));
      await turn();
      expect(connecting.state).toBe('rejected');
      expect(client.status.type).toBe('closed');
      expect(server.link.connection.endedBy).toBe('destroy');
    }
  });

  test('leaves no socket when the store ends it before CONNECT', async () => {
    const server = new FakeServer();
    const { client } = idle({
      transport: server,
      clientId: 'kept',
      clean: false,
      store: { ...memoryStore(), write: () => void client.close({ force: true }) },
    });
    const publish = watch(client.publish('a', 'b', { qos: 1 }));
    const connecting = watch(client.connect());
    await turn();
    expect([publish.state, connecting.state]).toEqual(['rejected', 'rejected']);
    expect(client.status.type).toBe('closed');
    expect(server.links.map(({ connection }) => connection.endedBy)).not.toContain(undefined);
  });

  test('is none of the business of others that wait for the same attempt', async () => {
    const slow = new SlowTransport(new FakeServer());
    const { client } = idle({ transport: slow });
    const abort = new AbortController();
    const other = watch(client.connect());
    const aborted = watch(client.connect({ signal: abort.signal }));
    await turn();
    abort.abort();
    await turn();
    expect([aborted.state, other.state]).toEqual(['rejected', 'pending']);
    await slow.open();
    expect(other.state).toBe('resolved');
  });

  test('does not end the wait for a lost connection', async () => {
    fakeTime();
    const { client, server } = await connected();
    server.link.drop();
    await turn();
    const abort = new AbortController();
    const joined = watch(client.connect({ signal: abort.signal }));
    abort.abort();
    await turn();
    expect(joined.state).toBe('rejected');
    expect(client.status.type).toBe('reconnecting');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(client.status.type).toBe('connected');
  });

  test('after CONNACK does nothing', async () => {
    const abort = new AbortController();
    const { client } = idle();
    await client.connect({ signal: abort.signal });
    abort.abort();
    await turn();
    expect(client.status.type).toBe('connected');
  });

  test('leaves no listener on its signal', async () => {
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, 'addEventListener');
    const remove = vi.spyOn(signal, 'removeEventListener');
    const { client } = idle();
    await client.connect({ signal });
    expect(add).toHaveBeenCalledTimes(1);
    expect(remove.mock.calls.map(([, listener]) => listener)).toContain(add.mock.calls[0]?.[1]);
  });
});

describe('listeners', () => {
  test.each(['status', 'connect'] as const)(
    'that close in %s leave a closed client and a rejection',
    async (name) => {
      const { client, server } = idle();
      const log = record(client);
      client.on(name, () => {
        if (client.status.type === 'connected') void client.close({ force: true });
      });
      await expect(client.connect()).rejects.toMatchObject({ code: 'closed' });
      expect(client.status).toEqual({ type: 'closed' });
      expect(log.slice(-3)).toEqual(['status closed (closed)', 'disconnect (closed)', 'close (closed)']);
      expect(log.filter((line) => line.startsWith('connect ('))).toHaveLength(name === 'connect' ? 1 : 0);
      expect(server.link.types).toEqual(['connect', 'disconnect']);
    },
  );

  test('that close while it connects leave no socket', async () => {
    const { client, server } = idle();
    client.on('status', ({ type }) => {
      if (type === 'connecting') void client.close();
    });
    await expect(client.connect()).rejects.toMatchObject({ code: 'closed' });
    await turn();
    expect(server.attempts).toEqual([]);
    expect(client.status.type).toBe('closed');
  });

  test("that connect again when it is 'closed' get a connection that lives", async () => {
    fakeTime();
    const { client, server } = await connected({ reconnect: false, keepAlive: 10 });
    const again = new Promise((resolve) => {
      client.on('status', ({ type }) => {
        if (type === 'closed' && server.links.length === 1) resolve(client.connect());
      });
    });
    server.link.drop();
    await expect(again).resolves.toMatchObject({ protocolVersion: 5 });
    await vi.advanceTimersByTimeAsync(9_000);
    // Its clock runs, too.
    expect(server.link.types).toContain('pingreq');
    await client.publish('a', 'b', { qos: 1 });
  });

  test("exceptions of theirs reach 'error' and nothing else", async () => {
    const { client } = idle();
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    client.on('status', () => {
      throw new Error('mine');
    });
    await client.connect();
    expect(client.status.type).toBe('connected');
    expect(errors.map(({ message }) => message)).toEqual(['mine', 'mine']);
  });
});

describe("protocolVersion 'auto'", () => {
  /** A server that knows 3.1.1 only, and says so in its way. */
  const old = (how: 'close' | 'code' | 'two bytes' | 'silence'): FakeServer => {
    const server: FakeServer = new FakeServer({
      connect(packet, link): Answer {
        if (packet.protocolVersion < 5) return server.sensible(packet, link);
        if (how === 'code') return { type: 'connack', sessionPresent: false, reasonCode: 0x84 };
        if (how === 'two bytes') queueMicrotask(() => link.sendBytes(hex`20 02 00 01`));
        if (how === 'two bytes' || how === 'close') queueMicrotask(() => link.drop());
        return undefined;
      },
    });
    return server;
  };
  const versions = ({ links }: FakeServer) => links.map(({ protocolVersion }) => protocolVersion);

  test.each(['code', 'two bytes', 'close'] as const)(
    'falls back to 3.1.1 at once on %s, and stays there',
    async (how) => {
      const server = old(how);
      const { client } = idle({ reconnect: { minDelay: 0, maxDelay: 0 } }, server);
      const log = record(client);
      await expect(client.connect()).resolves.toMatchObject({ protocolVersion: 4 });
      expect(client.protocolVersion).toBe(4);
      expect(versions(server)).toEqual([5, 4]);
      expect(log.filter((line) => /reconnecting|disconnect/.test(line))).toEqual([]);
      server.link.drop();
      await vi.waitFor(() => expect(server.links).toHaveLength(3));
      await client.connect();
      expect(versions(server)).toEqual([5, 4, 4]);
      // Until close().
      await client.close();
      await client.connect();
      expect(versions(server)).toEqual([5, 4, 4, 5, 4]);
    },
  );

  test('does not fall back on a time-out', async () => {
    fakeTime();
    const server = old('silence');
    const { client } = idle({ connectTimeout: 100 }, server);
    const connecting = watch(client.connect());
    await vi.advanceTimersByTimeAsync(100);
    expect(connecting.error).toMatchObject({ code: 'timeout' });
    expect(versions(server)).toEqual([5]);
  });

  test.each<[string, (server: FakeServer) => unknown]>([
    ['an answer that is no MQTT', ({ link }) => link.sendBytes(hex`ff ff`)],
    ['a close in the midst of CONNACK', ({ link }) => [link.sendBytes(hex`20 03`), link.drop()]],
    [
      'another refusal',
      ({ link }) => link.send({ type: 'connack', sessionPresent: false, reasonCode: 0x88 }),
    ],
  ])('does not fall back on %s', async (_, answer) => {
    const server = new FakeServer({ connect: () => undefined });
    const { client } = idle({}, server);
    const connecting = watch(client.connect());
    await turn();
    answer(server);
    await turn();
    expect(connecting.state).toBe('rejected');
    expect(versions(server)).toEqual([5]);
  });

  test('does not fall back when no connection can be made', async () => {
    const server = new FakeServer();
    server.unreachable = new ConnectionError('unreachable', 'no');
    const { client } = idle({}, server);
    await expect(client.connect()).rejects.toThrow('no');
    expect(server.attempts).toHaveLength(1);
  });

  test('does not fall back from a server that once accepted MQTT 5.0', async () => {
    const server = new FakeServer();
    const { client } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } }, server);
    server.script = { connect: (_, link) => queueMicrotask(() => link.drop()) as undefined };
    server.link.drop();
    await vi.waitFor(() => expect(server.links.length).toBeGreaterThan(3));
    await client.close();
    expect(new Set(versions(server))).toEqual(new Set([5]));
  });

  test('does not fall back from a server that has a session of MQTT 5.0, which would end', async () => {
    const server = new FakeServer();
    const { client } = await connected({ clean: false, clientId: 'x' }, server);
    await client.close();
    server.script = { connect: (_, link) => queueMicrotask(() => link.drop()) as undefined };
    await expect(client.connect()).rejects.toMatchObject({ code: 'lost' });
    server.script = {};
    await expect(client.connect()).resolves.toMatchObject({ sessionPresent: true });
    expect(versions(server)).toEqual([5, 5, 5]);
  });

  test('does not fall back from a server that once refused in MQTT 5.0', async () => {
    const server = new FakeServer({
      connect: (): Answer => ({ type: 'connack', sessionPresent: false, reasonCode: 0x88 }),
    });
    const { client } = idle({ reconnect: { initial: true, minDelay: 0, maxDelay: 0 } }, server);
    const connecting = client.connect();
    await vi.waitFor(() => expect(server.links.length).toBeGreaterThan(1));
    server.script = { connect: (_, link) => queueMicrotask(() => link.drop()) as undefined };
    const before = server.links.length;
    await vi.waitFor(() => expect(server.links.length).toBeGreaterThan(before + 2));
    server.script = {};
    await connecting;
    expect(new Set(versions(server))).toEqual(new Set([5]));
  });

  test('does not fall back on a text frame', async () => {
    const server = new FakeServer({
      connect: (_, link) => queueMicrotask(() => link.drop(new MalformedPacketError('text'))) as undefined,
    });
    const { client } = idle({}, server);
    await expect(client.connect()).rejects.toMatchObject({ code: 'malformed-packet' });
    expect(versions(server)).toEqual([5]);
  });

  test.each(['reconnects', 'is connected again'])(
    'goes on to 5.0, anew, with a server that has forgotten 3.1.1 (the client %s)',
    async (how) => {
      let known = 4;
      const server: FakeServer = new FakeServer({
        connect(packet, link): Answer {
          if (packet.protocolVersion === known) return server.sensible(packet, link);
          return packet.protocolVersion === 5
            ? { type: 'connack', sessionPresent: false, reasonCode: 0x84 }
            : (queueMicrotask(() => link.sendBytes(hex`20 02 00 01`)) as undefined);
        },
      });
      const options = { clean: false, clientId: 'x', reconnect: { minDelay: 0, maxDelay: 0 } };
      const { client } = idle(options, server);
      await client.connect();
      known = 5;
      if (how === 'reconnects') server.link.drop();
      else await client.close();
      await vi.waitFor(() => client.connect());
      await vi.waitFor(() => expect(client.protocolVersion).toBe(5));
      expect(versions(server)).toEqual([5, 4, 4, 5]);
      expect(server.link.connect.clean).toBe(true);
      // One that knows neither stops the client.
      known = 3;
      server.link.drop();
      await vi.waitFor(() => expect(client.status.type).toBe('closed'));
    },
  );

  test('stops at a server that knows neither any more', async () => {
    let knows = true;
    const server: FakeServer = new FakeServer({
      connect(packet, link): Answer {
        if (packet.protocolVersion === 5) return { type: 'connack', sessionPresent: false, reasonCode: 0x84 };
        if (knows) return server.sensible(packet, link);
        queueMicrotask(() => link.sendBytes(hex`20 02 00 01`));
        return undefined;
      },
    });
    const { client } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } }, server);
    knows = false;
    server.link.drop();
    await vi.waitFor(() => expect(client.status.type).toBe('closed'));
    expect(versions(server)).toEqual([5, 4, 4, 5, 4]);
  });

  test('keeps 3.1.1 only if that is accepted', async () => {
    const server = new FakeServer({ connect: (_, link) => queueMicrotask(() => link.drop()) as undefined });
    const { client } = idle({ reconnect: { initial: true, minDelay: 0, maxDelay: 0 } }, server);
    const connecting = client.connect();
    await vi.waitFor(() => expect(server.links.length).toBeGreaterThan(3));
    expect(versions(server).slice(0, 4)).toEqual([5, 4, 5, 4]);
    server.script = {};
    await connecting;
  });

  test('is decided for each server', async () => {
    const servers: Record<string, FakeServer> = { old: old('close'), new: new FakeServer() };
    const transport: Transport = {
      connect: (url, options) => (servers[url.hostname] ?? new FakeServer()).connect(url, options),
    };
    const client = createClient(['ws://old', 'ws://new'], {
      transport,
      reconnect: { minDelay: 0, maxDelay: 0 },
    });
    await client.connect();
    expect(client.protocolVersion).toBe(4);
    servers['old']?.link.drop();
    await vi.waitFor(() => expect(client.status).toMatchObject({ type: 'connected', url: 'ws://new/' }));
    expect(client.protocolVersion).toBe(5);
    await client.close();
  });

  test.each<[string, ClientOptions]>([
    ['authenticate', { authenticate: { method: 'M', start: () => undefined, challenge: () => undefined } }],
    ['will.properties', { will: { topic: 'w', properties: { willDelayInterval: 5 } } }],
    ['properties.userProperties', { properties: { userProperties: [['a', 'b']] } }],
    ['properties.requestResponseInformation', { properties: { requestResponseInformation: true } }],
  ])('does not fall back with %s, which 3.1.1 cannot honour, and says so', async (name, options) => {
    const server = old('code');
    const { client } = idle(options, server);
    await expect(client.connect()).rejects.toMatchObject({
      code: 'unsupported-protocol-version',
      message: expect.stringContaining(`options.${name}`),
    });
    expect(versions(server)).toEqual([5]);
  });

  test('leaves out what MQTT 5.0 alone has', async () => {
    const server = old('code');
    const options: ClientOptions = {
      sessionExpiryInterval: 100,
      properties: { receiveMaximum: 5, requestProblemInformation: false },
      will: { topic: 'w', payload: 'x' },
    };
    const { client } = idle(options, server);
    await client.connect();
    expect(server.link.connect).toMatchObject({ protocolVersion: 4, will: { topic: 'w' } });
    expect(server.link.connect.properties).toBeUndefined();
  });

  test('falls back to 3.1.1 with a password alone to no avail: it says why [v3 MQTT-3.1.2-22]', async () => {
    const server = old('code');
    const { client } = idle({ password: 'p' }, server);
    await expect(client.connect()).rejects.toMatchObject({ name: 'UsageError', code: 'needs-mqtt-5' });
    // Nothing was opened for it.
    expect(server.attempts).toHaveLength(1);
  });
});

describe('the session', () => {
  const flags = ({ links }: FakeServer) => links.map(({ connect }) => connect.clean);
  const reconnect = { minDelay: 0, maxDelay: 0 };

  /** Drops the link and waits for the next. */
  async function relink(client: Client, server: FakeServer): Promise<void> {
    const count = server.links.length;
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(count + 1));
    await client.connect();
  }

  test('of MQTT 5.0 starts clean after createClient and after close(), and is resumed between [v5 MQTT-3.1.2-4]', async () => {
    const { client, server } = await connected({ reconnect });
    await relink(client, server);
    await relink(client, server);
    expect(client.status).toMatchObject({ sessionPresent: true });
    await client.close();
    expect(server.links[2]?.last('disconnect').properties).toEqual({ sessionExpiryInterval: 0 });
    await client.connect();
    expect(flags(server)).toEqual([true, false, false, true]);
  });

  test('of MQTT 5.0 starts clean again after attempts that were not accepted', async () => {
    const server = new FakeServer();
    server.unreachable = new ConnectionError('unreachable', 'no');
    const { client } = idle({ reconnect: { ...reconnect, initial: true } }, server);
    const connecting = client.connect();
    await vi.waitFor(() => expect(server.attempts.length).toBeGreaterThan(2));
    server.unreachable = undefined;
    await connecting;
    expect(flags(server)).toEqual([true]);
  });

  test('of 3.1.1 is clean on every connect', async () => {
    const { client, server } = await connected({ protocolVersion: 4, reconnect });
    await relink(client, server);
    await client.close();
    await client.connect();
    expect(flags(server)).toEqual([true, true, true]);
  });

  test.each([5, 4, 3] as const)(
    'with clean: false is resumed on every connect, close() or not (%i)',
    async (protocolVersion) => {
      const { client, server } = await connected({
        protocolVersion,
        clean: false,
        clientId: 'kept',
        reconnect,
      });
      await relink(client, server);
      await client.close();
      expect(server.link.last('disconnect').properties).toBeUndefined();
      await client.connect();
      expect(flags(server)).toEqual([false, false, false]);
      expect(client.status).toMatchObject({ sessionPresent: true });
    },
  );

  test('that a server lost is told', async () => {
    const { client, server } = await connected({ reconnect });
    server.sessions.clear();
    const result = new Promise((resolve) => client.on('connect', resolve));
    server.link.drop();
    await expect(result).resolves.toMatchObject({ sessionPresent: false, sessionLost: true });
  });

  test('that the client does not know is ended by a clean start, once [v5 MQTT-3.2.2-4]', async () => {
    const server = new FakeServer();
    server.sessions.add('kept');
    const { client } = idle({ clean: false, clientId: 'kept' }, server);
    await expect(client.connect()).resolves.toMatchObject({ sessionPresent: false, sessionLost: true });
    expect(flags(server)).toEqual([false, true]);
    expect(server.links[0]?.types).toEqual(['connect', 'disconnect']);
    expect(server.links[0]?.connection.endedBy).toBe('close');
    // From then on as always.
    server.link.drop();
    const result = await new Promise((resolve) => client.on('connect', resolve));
    expect(result).toMatchObject({ sessionPresent: true, sessionLost: false });
    expect(flags(server)).toEqual([false, true, false]);
  });

  test('that is present although a clean start was asked for fails the connection, and not for ever', async () => {
    const server = new FakeServer({
      connect: () => ({ type: 'connack', sessionPresent: true, reasonCode: 0 }),
    });
    const { client } = idle({ clean: false, clientId: 'kept' }, server);
    await expect(client.connect()).rejects.toMatchObject({ name: 'ProtocolError' });
    expect(flags(server)).toEqual([false, true]);
  });

  test.each([
    [4, 'which ends at once'],
    [4, 'which ends late'],
    [3, 'which ends at once'],
  ] as const)(
    'that has to be made anew is kept in MQTT 3 as before: a clean one comes before it (%i, %s) [v3 MQTT-3.1.2-6]',
    async (protocolVersion, clean) => {
      const server = new FakeServer();
      const options = { protocolVersion, clean: false, clientId: 'kept', reconnect } as const;
      const { client } = await connected(options, server);
      await client.subscribe('in', { qos: 1 }, () => {});
      const events: unknown[] = [];
      for (const event of ['connect', 'disconnect'] as const) {
        client.on(event, (it) => events.push('sessionLost' in it ? [event, it.sessionLost] : event));
      }
      server.script = {
        publish: ({ topic, packetId = 0 }, link) => {
          if (topic === 'poison') link.drop();
          else return { type: 'puback', packetId, reasonCode: 0 };
          return undefined;
        },
        connect: (packet, link) => {
          const answer = server.sensible(packet, link);
          // The next CONNECT may come before the server has seen that the connection is over.
          if (packet.clean && clean === 'which ends late') server.sessions.add('kept');
          return answer;
        },
      };
      await expect(client.publish('poison', 'x', { qos: 2 })).rejects.toMatchObject({ code: 'poison' });
      await expect(client.publish('a', 'b', { qos: 1 })).resolves.toMatchObject({ reasonCode: 0 });
      // With MQTT 3.1 SUBSCRIBE goes along at first, and may be what the server cannot stand.
      const ends = protocolVersion === 3 ? 5 : 3;
      expect(flags(server)).toEqual([...Array<boolean>(ends).fill(false), true, false]);
      expect(server.links.at(-2)?.types).toEqual(['connect', 'disconnect']);
      expect(server.link.types).toEqual(['connect', 'subscribe', 'publish']);
      const resumed = Array.from({ length: ends - 1 }, () => ['disconnect', ['connect', false]]);
      expect(events).toEqual([...resumed.flat(), 'disconnect', ['connect', true]]);
      await relink(client, server);
      expect(flags(server).at(-1)).toBe(false);
      expect(events.at(-1)).toEqual(['connect', false]);
    },
  );

  test('that has to be made anew is lost in MQTT 5.0, too, and told', async () => {
    const server = new FakeServer({ publish: () => ({ type: 'disconnect', reasonCode: 0x90 }) });
    const { client } = await connected({ clean: false, clientId: 'kept', reconnect }, server);
    const result = new Promise((resolve) => client.on('connect', resolve));
    await expect(client.publish('a', 'b', { qos: 2 })).rejects.toMatchObject({ code: 'poison' });
    await expect(result).resolves.toMatchObject({ sessionPresent: false, sessionLost: true });
    expect(flags(server)).toEqual([false, true]);
  });

  test('of 3.1.1 that the client does not know is taken as it is', async () => {
    const server = new FakeServer();
    server.sessions.add('kept');
    const { client } = idle({ protocolVersion: 4, clean: false, clientId: 'kept' }, server);
    await expect(client.connect()).resolves.toMatchObject({ sessionPresent: true, sessionLost: false });
    expect(server.links).toHaveLength(1);
  });

  test('is resumed only with the version that made it', async () => {
    const server = new FakeServer();
    const { client } = await connected({ clean: false, clientId: 'kept', reconnect }, server);
    await client.close();
    server.script = {
      connect: (packet, link) =>
        packet.protocolVersion === 5
          ? { type: 'connack', sessionPresent: false, reasonCode: 0x84 }
          : server.sensible(packet, link),
    };
    await expect(client.connect()).resolves.toMatchObject({
      protocolVersion: 4,
      sessionPresent: false,
      sessionLost: true,
    });
    expect(server.links.map(({ connect }) => [connect.protocolVersion, connect.clean])).toEqual([
      [5, false],
      [5, false],
      // A clean session of 3.1.1 is not kept, so it is followed by one that is.
      [4, true],
      [4, false],
    ]);
    // It is a session of 3.1.1 now, and asked for as such.
    await client.close();
    server.script = {};
    await client.connect();
    expect([server.link.protocolVersion, server.link.connect.clean]).toEqual([4, false]);
  });
});

describe('a store', () => {
  const store = { load: async () => [], write: () => undefined, clear: async () => undefined };

  test('that cannot be read fails connect with a StoreError, and is read again by the next', async () => {
    const load = vi.fn(async (): Promise<never[]> => {
      throw new Error('disk on fire');
    });
    const { client, server } = idle({ store: { ...store, load } });
    const waiting = watch(client.publish('a', 'b', { qos: 1 }));
    await expect(client.connect()).rejects.toMatchObject({
      name: 'StoreError',
      code: 'store-failed',
      message: expect.stringContaining('disk on fire'),
    });
    expect(waiting.error).toBeInstanceOf(StoreError);
    expect(server.attempts).toEqual([]);
    load.mockImplementation(async () => []);
    await client.connect();
    expect(client.status.type).toBe('connected');
  });

  test.each<[string, () => never]>([
    [
      'throws',
      () => {
        throw new Error('odd');
      },
    ],
    ['gives nothing', () => undefined as never],
    ['gives no records', () => Promise.resolve(5) as never],
  ])('whose load %s fails connect, too', async (_, load) => {
    const { client } = idle({ store: { ...store, load } });
    await expect(client.connect()).rejects.toBeInstanceOf(StoreError);
  });

  test('that hangs lets nothing hang', async () => {
    fakeTime();
    const load = () => new Promise<never>(() => undefined);
    const { client } = idle({ store: { ...store, load } });
    const publish = watch(client.publish('a', 'b', { qos: 1 }));
    const subscribe = watch(client.subscribe('a'));
    const connecting = watch(client.connect());
    await vi.advanceTimersByTimeAsync(15_000);
    expect(connecting.error).toMatchObject({
      name: 'StoreError',
      message: expect.stringContaining('15 seconds'),
    });
    expect(publish.error).toBeInstanceOf(StoreError);
    expect(subscribe.error).toBeInstanceOf(StoreError);
  });
});
