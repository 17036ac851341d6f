import { describe, expect, test, vi } from 'vitest';
import type { Client, ClientEvents, ClientOptions } from '../../../src/index';
import { ConnectionError, createClient, MqttError, type QoS } from '../../../src/index';
import type { Transport } from '../../../src/transport/transport';
import { chance, connected, fakeTime, idle, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';
import { hex } from '../../support/hex';

/** Collects the events of one name. */
function collect<Name extends keyof ClientEvents>(client: Client, name: Name): ClientEvents[Name][] {
  const events: ClientEvents[Name][] = [];
  client.on(name, (event) => events.push(event));
  return events;
}

const unreachable = new ConnectionError('unreachable', 'nobody there');

describe('a lost connection', () => {
  test('is announced, and made again after a delay', async () => {
    fakeTime();
    chance(0.25);
    const { client, server } = await connected();
    const log: string[] = [];
    for (const name of ['status', 'disconnect', 'reconnecting', 'connect', 'close'] as const) {
      client.on(name, () => log.push(`${name} (${client.status.type})`));
    }
    const disconnects = collect(client, 'disconnect');
    const reconnecting = collect(client, 'reconnecting');
    const cause = new Error('cable cut');
    const since = Date.now();
    server.link.drop(cause);
    await turn();
    expect(client.status).toEqual({
      type: 'reconnecting',
      attempt: 2,
      delay: 250,
      nextAttemptAt: since + 250,
      error: expect.objectContaining({ code: 'lost', cause }),
    });
    const error = client.status.type === 'reconnecting' ? client.status.error : undefined;
    expect(disconnects).toEqual([{ error, reasonCode: undefined, willReconnect: true }]);
    expect(reconnecting).toEqual([{ attempt: 2, delay: 250, error }]);
    expect([client.server, client.protocolVersion]).toEqual([undefined, undefined]);
    await vi.advanceTimersByTimeAsync(249);
    expect(server.links).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(log).toEqual([
      'status (reconnecting)',
      'disconnect (reconnecting)',
      'reconnecting (reconnecting)',
      'status (connecting)',
      'status (connected)',
      'connect (connected)',
    ]);
    expect(client.stats.connections).toBe(2);
  });

  test('is told of once, whatever becomes of the attempts after it', async () => {
    fakeTime();
    const { client, server } = await connected();
    const disconnects = collect(client, 'disconnect');
    server.unreachable = unreachable;
    server.link.drop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.attempts.length).toBeGreaterThan(2);
    await client.close();
    expect(disconnects).toMatchObject([{ willReconnect: true }]);
  });

  test('is one whose transport throws what it cannot send, as a wrapper around WebSockets may', async () => {
    const { client, server } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } });
    const disconnects = collect(client, 'disconnect');
    const cause = new Error('the logger failed');
    server.link.connection.write = () => {
      throw cause;
    };
    const published = await Promise.all([0, 1, 2].map((qos) => client.publish('t', '', { qos: qos as QoS })));
    expect(published).toMatchObject([{ reasonCode: 0 }, { reasonCode: 0 }, { reasonCode: 0 }]);
    expect(disconnects).toMatchObject([{ error: { code: 'lost', cause }, willReconnect: true }]);
    expect(server.links.map(({ connection }) => connection.endedBy)).toEqual(['destroy', undefined]);
    expect(server.link.packets('publish').map(({ qos, dup }) => [qos, dup])).toEqual([
      [1, true],
      [2, true],
    ]);
  });

  test('is a failed attempt where not even CONNECT can be sent', async () => {
    const { client, server } = idle();
    const { connect } = server;
    server.connect = async (...given) => {
      const connection = await connect.apply(server, given);
      connection.write = () => {
        throw new Error('the logger failed');
      };
      return connection;
    };
    await expect(client.connect()).rejects.toMatchObject({
      code: 'lost',
      message: expect.stringContaining('the logger failed'),
    });
    expect(client.status.type).toBe('closed');
  });

  test('is made again with what the options say, whatever the server assigned and granted', async () => {
    const server = new FakeServer();
    server.connack = {
      assignedClientIdentifier: 'theirs',
      serverKeepAlive: 7,
      sessionExpiryInterval: 8,
      receiveMaximum: 1,
      maximumPacketSize: 1_000,
      topicAliasMaximum: 9,
    };
    const { client } = idle({ clientId: 'ours', reconnect: { minDelay: 0, maxDelay: 0 } }, server);
    await client.connect();
    expect(client.clientId).toBe('theirs');
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    expect(server.links[0]?.connect).toMatchObject({
      clientId: 'ours',
      keepAlive: 60,
      properties: { sessionExpiryInterval: 300, receiveMaximum: 256, topicAliasMaximum: 64 },
    });
    expect(server.links[1]?.connect).toEqual({ ...server.links[0]?.connect, clean: false });
  });

  test('is made again where the options say, whatever a transport does to its URL', async () => {
    const server = new FakeServer();
    const transport: Transport = {
      connect(url, options) {
        const connection = server.connect(new URL(url), options);
        url.hostname = 'elsewhere';
        return connection;
      },
    };
    const { client } = idle({ transport, reconnect: { minDelay: 0, maxDelay: 0 } });
    await client.connect();
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    expect(server.attempts).toEqual(['ws://fake/', 'ws://fake/']);
  });

  test('closes the client with reconnect: false', async () => {
    const { client, server } = await connected({ reconnect: false });
    const log: string[] = [];
    for (const name of ['status', 'disconnect', 'reconnecting', 'close'] as const) {
      client.on(name, () => log.push(`${name} (${client.status.type})`));
    }
    const disconnects = collect(client, 'disconnect');
    const waiting = watch(client.publish('a', 'b', { qos: 1 }));
    server.link.drop();
    await turn();
    expect(log).toEqual(['status (closed)', 'disconnect (closed)', 'close (closed)']);
    expect(disconnects).toMatchObject([{ error: { code: 'lost' }, willReconnect: false }]);
    expect(client.status).toEqual({ type: 'closed', error: disconnects[0]?.error });
    expect(waiting.error).toMatchObject({ code: 'closed', cause: disconnects[0]?.error });
    expect(server.links).toHaveLength(1);
  });

  test('tells the reason code of the server', async () => {
    const { client, server } = await connected();
    const disconnects = collect(client, 'disconnect');
    server.link.send({ type: 'disconnect', reasonCode: 0x8b, properties: { reasonString: 'maintenance' } });
    await turn();
    expect(disconnects).toMatchObject([
      {
        reasonCode: 0x8b,
        willReconnect: true,
        error: { name: 'RefusedError', code: 'server-shutting-down' },
      },
    ]);
    expect(disconnects[0]?.error?.message).toContain('maintenance');
  });

  test('that a QoS 2 message is the cause of is made again with a clean start: its identifier is not free', async () => {
    const options = { clean: false, clientId: 'c', reconnect: { minDelay: 0, maxDelay: 0 } };
    const { client, server } = await connected(options, new FakeServer({ publish: () => undefined }));
    const bad = watch(client.publish('bad', '', { qos: 2 }));
    await turn();
    expect(server.link.packets('publish')).toHaveLength(1);
    server.link.send({ type: 'disconnect', reasonCode: 0x99 });
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    await client.connect();
    expect(bad.error).toMatchObject({ code: 'poison' });
    expect(server.links.map(({ connect }) => connect.clean)).toEqual([false, true]);
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(3));
    expect(server.link.connect.clean).toBe(false);
  });

  test('may be waited for with connect', async () => {
    fakeTime();
    const { client, server } = await connected();
    server.link.drop();
    await turn();
    const joined = watch(client.connect());
    await turn();
    expect(joined.state).toBe('pending');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(joined.value).toMatchObject({ sessionPresent: true });
  });

  test('is left for good by a listener that closes', async () => {
    for (const name of ['status', 'disconnect', 'reconnecting'] as const) {
      const { client, server } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } });
      client.on(name, () => {
        if (client.status.type === 'reconnecting') void client.close();
      });
      server.link.drop();
      await turn();
      await turn();
      expect(client.status.type).toBe('closed');
      expect(server.links).toHaveLength(1);
    }
  });
});

describe('the delay', () => {
  /** The delays of the attempts after a loss, when nobody can be reached. */
  async function delays(options: ClientOptions['reconnect'], count: number): Promise<number[]> {
    const { client, server } = await connected({ reconnect: options });
    const reconnecting = collect(client, 'reconnecting');
    server.unreachable = unreachable;
    server.link.drop();
    await turn();
    while (reconnecting.length < count) await vi.advanceTimersToNextTimerAsync();
    return reconnecting.slice(0, count).map(({ delay }) => delay);
  }

  test.each([
    [0, [0, 0, 0, 0, 0, 0, 0, 0]],
    [0.5, [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]],
    [0.999_999, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]],
  ])(
    'has full jitter below a bound that doubles from 1 to 30 seconds (chance %d)',
    async (number, expected) => {
      fakeTime();
      chance(number);
      expect(await delays(undefined, 8)).toEqual(expected);
    },
  );

  test('keeps to minDelay and maxDelay, for ever', async () => {
    fakeTime();
    chance(0.999_999);
    const all = await delays({ minDelay: 10, maxDelay: 35 }, 2_000);
    expect(all.slice(0, 4)).toEqual([10, 20, 35, 35]);
    expect(Math.max(...all)).toBe(35);
    expect(await delays({ minDelay: 60_000 }, 2)).toEqual([60_000, 60_000]);
  });

  test('is at random', async () => {
    fakeTime();
    const all = await delays({ minDelay: 1_000, maxDelay: 1_000 }, 100);
    expect(new Set(all).size).toBeGreaterThan(50);
    expect(Math.min(...all)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...all)).toBeLessThanOrEqual(1_000);
  });

  test('starts over after a connection that lasted for stableAfter, not before', async () => {
    fakeTime();
    chance(0.999_999);
    const { client, server } = await connected({ reconnect: { stableAfter: 10_000 } });
    const reconnecting = collect(client, 'reconnecting');
    const loseAfter = async (time: number) => {
      await vi.advanceTimersByTimeAsync(time);
      server.link.drop();
      await turn();
      await vi.advanceTimersByTimeAsync(reconnecting.at(-1)?.delay ?? 0);
      expect(client.status.type).toBe('connected');
    };
    for (const time of [10_000, 9_999, 9_999, 10_000, 9_999]) await loseAfter(time);
    expect(reconnecting.map(({ delay }) => delay)).toEqual([1_000, 2_000, 4_000, 1_000, 2_000]);
    expect(reconnecting.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 1, 2]);
  });

  test('yields to other work even when it is 0', async () => {
    const { client, server } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } });
    server.unreachable = unreachable;
    server.link.drop();
    await turn();
    expect(server.attempts.length).toBeLessThan(10);
    await client.close();
  });
});

describe('reconnect.maxAttempts', () => {
  test('closes the client after so many attempts in a row', async () => {
    fakeTime();
    const { client, server } = await connected({ reconnect: { maxAttempts: 3 } });
    server.unreachable = unreachable;
    server.link.drop();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(server.attempts).toHaveLength(1 + 3);
    expect(client.status).toEqual({ type: 'closed', error: unreachable });
  });

  test('counts anew after a stable connection', async () => {
    fakeTime();
    const { client, server } = await connected({ reconnect: { maxAttempts: 1, stableAfter: 1_000 } });
    for (let count = 0; count < 3; count += 1) {
      await vi.advanceTimersByTimeAsync(1_000);
      server.link.drop();
      await turn();
      await vi.advanceTimersByTimeAsync(1_000);
      expect(client.status.type).toBe('connected');
    }
    // This one was not stable: it counts as an attempt that failed.
    server.link.drop();
    await vi.advanceTimersByTimeAsync(2_000);
    server.link.drop();
    await turn();
    expect(client.status.type).toBe('closed');
  });

  test('holds for reconnect.initial, too', async () => {
    fakeTime();
    const server = new FakeServer();
    server.unreachable = unreachable;
    const { client } = idle({ reconnect: { initial: true, maxAttempts: 2 } }, server);
    const connecting = watch(client.connect());
    await vi.advanceTimersByTimeAsync(100_000);
    expect(connecting.error).toBe(unreachable);
    expect(server.attempts).toHaveLength(1 + 2);
  });
});

describe('reconnect.retry', () => {
  test('has the last word after each failure', async () => {
    fakeTime();
    const asked: [string, number][] = [];
    const retry = (error: MqttError, attempt: number) => {
      asked.push([error.code, attempt]);
      return attempt < 3;
    };
    const { client, server } = await connected({ reconnect: { retry } });
    server.unreachable = unreachable;
    server.link.drop();
    await vi.advanceTimersByTimeAsync(100_000);
    expect(asked).toEqual([
      ['lost', 1],
      ['unreachable', 2],
      ['unreachable', 3],
    ]);
    expect(client.status).toEqual({ type: 'closed', error: unreachable });
  });

  test('that throws is reported, and the client goes on', async () => {
    const thrown = new TypeError('my mistake');
    const retry = () => {
      throw thrown;
    };
    const { client, server } = await connected({ reconnect: { retry } });
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    server.link.drop();
    await turn();
    expect(errors).toEqual([thrown]);
    expect(client.status.type).toBe('reconnecting');
    await client.close();
  });
});

describe('several URLs', () => {
  test('take turns after failures, and the same comes first after a stable connection', async () => {
    fakeTime();
    const server = new FakeServer();
    const client = createClient(['ws://a', 'ws://b', 'ws://c'], { transport: server });
    await client.connect();
    await vi.advanceTimersByTimeAsync(30_000);
    server.unreachable = unreachable;
    server.link.drop();
    await turn();
    while (server.attempts.length < 6) await vi.advanceTimersToNextTimerAsync();
    expect(server.attempts.map((url) => url.at(-2))).toEqual(['a', 'a', 'b', 'c', 'a', 'b']);
    server.unreachable = undefined;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(client.status).toMatchObject({ type: 'connected', url: 'ws://c/' });
    // Lost at once: that server may be going down.
    server.link.drop();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(client.status).toMatchObject({ type: 'connected', url: 'ws://a/' });
    vi.useRealTimers();
    await client.close();
  });
});

/** What the client does about an answer of the server. */
type Reaction = 'stop' | 'credentials' | 'retry' | 'redirect';

/** A row with its code as the specification writes it. */
const named = ([code, reaction]: [code: number, reaction: Reaction]) =>
  [`0x${code.toString(16).toUpperCase()}`, reaction, code] as const;

const connackTable: [code: number, reaction: Reaction][] = [
  [0x80, 'retry'],
  [0x81, 'stop'],
  [0x82, 'stop'],
  [0x83, 'retry'],
  [0x84, 'stop'],
  [0x85, 'stop'],
  [0x86, 'credentials'],
  [0x87, 'credentials'],
  [0x88, 'retry'],
  [0x89, 'retry'],
  [0x8a, 'stop'],
  [0x8c, 'stop'],
  [0x90, 'stop'],
  [0x95, 'stop'],
  [0x97, 'retry'],
  [0x99, 'stop'],
  [0x9a, 'stop'],
  [0x9b, 'stop'],
  [0x9c, 'redirect'],
  [0x9d, 'redirect'],
  [0x9f, 'retry'],
];

const disconnectTable: [code: number, reaction: Reaction][] = [
  [0x00, 'retry'],
  [0x80, 'retry'],
  // These seven concern one packet, which is dealt with as such.
  [0x81, 'retry'],
  [0x82, 'retry'],
  [0x90, 'retry'],
  [0x95, 'retry'],
  [0x99, 'retry'],
  [0x9a, 'retry'],
  [0x9b, 'retry'],
  [0x83, 'retry'],
  [0x87, 'credentials'],
  [0x89, 'retry'],
  [0x8b, 'retry'],
  [0x8c, 'stop'],
  [0x8d, 'retry'],
  [0x8e, 'stop'],
  [0x8f, 'retry'],
  [0x93, 'retry'],
  [0x94, 'retry'],
  [0x96, 'retry'],
  [0x97, 'retry'],
  [0x98, 'retry'],
  [0x9c, 'redirect'],
  [0x9d, 'redirect'],
  [0x9e, 'retry'],
  [0x9f, 'retry'],
  [0xa0, 'retry'],
  [0xa1, 'retry'],
  [0xa2, 'retry'],
];

/** Return codes of 3.1.1 and 3.1. */
const returnTable: [code: number, reaction: Reaction, name: string][] = [
  [1, 'stop', 'unsupported-protocol-version'],
  [2, 'stop', 'client-identifier-not-valid'],
  [3, 'retry', 'server-unavailable'],
  [4, 'credentials', 'bad-user-name-or-password'],
  [5, 'credentials', 'not-authorized'],
];

/** What a client does that gets the same answer again and again, when it does not know other credentials. */
async function reactionOf(
  client: Client,
  server: FakeServer,
  credentials: { asked: number },
): Promise<Reaction> {
  const attempts = server.links.length;
  await vi.advanceTimersByTimeAsync(0);
  await turn();
  const { type } = client.status;
  if (server.links.some(({ url }) => url.hostname === 'elsewhere')) return 'redirect';
  if (type === 'reconnecting') return 'retry';
  expect(type).toBe('closed');
  return credentials.asked > 1 || server.links.length > attempts ? 'credentials' : 'stop';
}

describe('CONNACK with a failure', () => {
  /** A server that refuses, and a client that keeps trying as long as it makes sense. */
  async function refused(
    reasonCode: number,
    protocolVersion: 3 | 4 | 5,
    serverReference?: string,
  ): Promise<{ reaction: Reaction; client: Client }> {
    fakeTime();
    const credentials = { asked: 0 };
    const server = new FakeServer({
      connect: () => ({
        type: 'connack',
        sessionPresent: false,
        reasonCode,
        properties: serverReference === undefined ? undefined : { serverReference },
      }),
    });
    const { client } = idle(
      {
        protocolVersion,
        reconnect: { initial: true },
        credentials: () => {
          credentials.asked += 1;
          return {};
        },
      },
      server,
    );
    chance(0.5);
    watch(client.connect());
    await turn();
    return { reaction: await reactionOf(client, server, credentials), client };
  }

  test.each(connackTable.map(named))('%s of MQTT 5.0: %s', async (_, expected, code) => {
    const { reaction, client } = await refused(code, 5, expected === 'redirect' ? 'elsewhere' : undefined);
    expect(reaction).toBe(expected);
    if (client.status.type === 'closed') {
      expect(client.status.error).toMatchObject({ name: 'RefusedError', reasonCode: code });
    }
  });

  test.each(returnTable)('%i of 3.1.1: %s, %s', async (code, expected, name) => {
    for (const protocolVersion of [4, 3] as const) {
      const { reaction, client } = await refused(code, protocolVersion);
      expect(reaction).toBe(expected);
      const error =
        client.status.type === 'closed' || client.status.type === 'reconnecting'
          ? client.status.error
          : undefined;
      expect(error).toMatchObject({ name: 'RefusedError', code: name });
      vi.useRealTimers();
    }
  });
});

describe('DISCONNECT of the server', () => {
  test.each(disconnectTable.map(named))('%s: %s', async (_, expected, code) => {
    fakeTime();
    chance(0.5);
    let asked = 0;
    const credentials = () => {
      asked += 1;
      return {};
    };
    const server: FakeServer = new FakeServer();
    const { client } = await connected({ credentials }, server);
    const disconnects = collect(client, 'disconnect');
    server.script = {
      connect(packet, link) {
        return [server.sensible(packet, link) as never, disconnect];
      },
    };
    const disconnect = {
      type: 'disconnect',
      reasonCode: code,
      properties: expected === 'redirect' ? { serverReference: 'elsewhere' } : undefined,
    } as const;
    asked = 0;
    server.link.send(disconnect);
    await turn();
    expect(disconnects[0]).toMatchObject({ reasonCode: code, willReconnect: expected !== 'stop' });
    if (code >= 0x80) expect(disconnects[0]?.error).toMatchObject({ name: 'RefusedError', reasonCode: code });
    else expect(disconnects[0]?.error).toMatchObject({ name: 'ConnectionError', code: 'lost' });
    const reaction =
      client.status.type === 'closed' ? (asked > 0 ? 'credentials' : 'stop') : client.status.type;
    const redirected = server.links.some(({ url }) => url.hostname === 'elsewhere');
    expect(redirected ? 'redirect' : reaction).toBe(expected === 'retry' ? 'reconnecting' : expected);
  });

  test('0x8E, session taken over: never fights', async () => {
    fakeTime();
    const { client, server } = await connected({ reconnect: { retry: () => true } });
    const closed = collect(client, 'close');
    server.link.send({ type: 'disconnect', reasonCode: 0x8e });
    await vi.advanceTimersByTimeAsync(1_000_000);
    expect(server.links).toHaveLength(1);
    expect(client.status).toMatchObject({
      type: 'closed',
      error: { code: 'session-taken-over', reasonCode: 0x8e },
    });
    expect(closed).toEqual([{ error: client.status.type === 'closed' ? client.status.error : undefined }]);
    // A person may want it back.
    await client.connect();
    expect(client.status.type).toBe('connected');
  });

  /** A client whose first CONNECT is not answered; later ones are. */
  async function unanswered() {
    fakeTime();
    const server = new FakeServer({ connect: () => undefined });
    const { client } = idle({ connectTimeout: 1_000, reconnect: { initial: true } }, server);
    client.connect().catch(() => undefined);
    await turn();
    server.script = {};
    return { client, server };
  }

  test('0x8E right after an attempt without an answer: its CONNECT came late, once', async () => {
    const { client, server } = await unanswered();
    const takenOver = { type: 'disconnect', reasonCode: 0x8e } as const;
    for (const links of [2, 3]) {
      await vi.advanceTimersByTimeAsync(5_000);
      expect(server.links).toHaveLength(links);
      expect(client.status.type).toBe('connected');
      server.link.send(takenOver);
      await turn();
    }
    expect(client.status).toMatchObject({ type: 'closed', error: { code: 'session-taken-over' } });
  });

  test('0x8E after a stable connection that followed one: somebody else', async () => {
    const { client, server } = await unanswered();
    await vi.advanceTimersByTimeAsync(40_000);
    server.link.send({ type: 'disconnect', reasonCode: 0x8e });
    await turn();
    expect(client.status.type).toBe('closed');
  });

  test('in a loop with credentials or redirects does not become a tight one', async () => {
    fakeTime();
    for (const reasonCode of [0x87, 0x9c]) {
      const server: FakeServer = new FakeServer({
        connect: (packet, link) => [
          server.sensible(packet, link) as never,
          {
            type: 'disconnect',
            reasonCode,
            properties: { serverReference: reasonCode === 0x9c ? 'other' : undefined },
          },
        ],
      });
      const { client } = idle({ credentials: () => ({}) }, server);
      watch(client.connect());
      await turn();
      await turn();
      expect(server.links.length).toBeLessThanOrEqual(5);
      expect(client.status.type).toBe(reasonCode === 0x87 ? 'closed' : 'reconnecting');
      vi.useRealTimers();
      await client.close();
      fakeTime();
    }
  });
});

describe('before MQTT 5.0', () => {
  test.each([4, 3] as const)(
    'three short connections in a row: the longest delay and an error (%i)',
    async (protocolVersion) => {
      fakeTime();
      chance(0);
      const { client, server } = await connected({ protocolVersion });
      const reconnecting = collect(client, 'reconnecting');
      const errors = collect(client, 'error');
      const loseAfter = async (time: number) => {
        await vi.advanceTimersByTimeAsync(time);
        server.link.drop();
        await turn();
        await vi.advanceTimersByTimeAsync(reconnecting.at(-1)?.delay ?? 0);
      };
      await loseAfter(4_999);
      await loseAfter(0);
      expect(errors).toEqual([]);
      await loseAfter(100);
      expect(errors).toMatchObject([{ name: 'ConnectionError', code: 'lost' }]);
      expect(errors[0]?.message).toContain('client identifier');
      await loseAfter(0);
      expect(reconnecting.map(({ delay }) => delay)).toEqual([0, 0, 30_000, 30_000]);
      // Told once.
      expect(errors).toHaveLength(1);
      await loseAfter(5_000);
      expect(reconnecting.at(-1)?.delay).toBe(0);
    },
  );

  test('what MQTT 5.0 would explain does not count', async () => {
    fakeTime();
    chance(0);
    const { client, server } = await connected();
    const errors = collect(client, 'error');
    for (let count = 0; count < 5; count += 1) {
      server.link.drop();
      await turn();
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(errors).toEqual([]);
    expect(client.status.type).toBe('connected');
  });

  test('what a fault of the server explains does not count either', async () => {
    fakeTime();
    chance(0);
    const { client, server } = await connected({ protocolVersion: 4 });
    const errors = collect(client, 'error');
    for (let count = 0; count < 5; count += 1) {
      server.link.sendBytes(hex`00 00`);
      await turn();
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(server.links).toHaveLength(6);
    expect(errors).toEqual([]);
    expect(client.status.type).toBe('connected');
  });

  test('a packet beyond our size stops: it would come back', async () => {
    const { client, server } = await connected({
      protocolVersion: 4,
      properties: { maximumPacketSize: 100 },
    });
    server.link.publish('a', new Uint8Array(200), { qos: 1 });
    await turn();
    expect(client.status).toMatchObject({ type: 'closed', error: { code: 'packet-too-large' } });
    chance(0.9);
    const v5 = await connected({ properties: { maximumPacketSize: 100 } });
    v5.server.link.publish('a', new Uint8Array(200), { qos: 1 });
    await turn();
    expect(v5.client.status).toMatchObject({ type: 'reconnecting', error: { code: 'packet-too-large' } });
    expect(v5.server.link.last('disconnect').reasonCode).toBe(0x95);
  });
});

describe('what the server must not send', () => {
  test.each<[string, Uint8Array, string]>([
    ['a second CONNACK', hex`20 03 00 00 00`, 'ProtocolError'],
    ['CONNECT', hex`10 0d 0004 'MQTT' 05 02 003c 00 0000`, 'ProtocolError'],
    ['PINGREQ', hex`c0 00`, 'ProtocolError'],
    ['a reserved type', hex`00 00`, 'MalformedPacketError'],
    ['a length without an end', hex`30 ff ff ff ff ff`, 'MalformedPacketError'],
  ])('%s ends the connection with a typed error, and it is made again', async (_, bytes, name) => {
    const { client, server } = await connected();
    const disconnects = collect(client, 'disconnect');
    server.link.sendBytes(bytes);
    await turn();
    expect(disconnects).toMatchObject([{ error: { name }, willReconnect: true }]);
    expect(server.links[0]?.last('disconnect').reasonCode).toBe(name === 'ProtocolError' ? 0x82 : 0x81);
    expect(server.links[0]?.isOpen).toBe(false);
  });
});

describe('a dead peer', () => {
  test('is not one that takes a large message bit by bit', async () => {
    fakeTime();
    const { client, server } = await connected({ keepAlive: 60 });
    // The answer to the ping comes behind the message.
    server.script = { pingreq: () => undefined, publish: () => undefined };
    void client.publish('large', new Uint8Array(100_000), { qos: 1 });
    for (let left = 100_000; left > 50_000; left -= 5_000) {
      server.link.buffer(left);
      await vi.advanceTimersByTimeAsync(20_000);
    }
    expect([client.status.type, server.links.length]).toEqual(['connected', 1]);
    // From here on nothing moves.
    await vi.advanceTimersByTimeAsync(100_000);
    expect(server.links[0]?.connection.endedBy).toBe('destroy');
  });

  test('is not one whose answer waits for what has left the transport and not yet the machine', async () => {
    fakeTime();
    const { client, server } = await connected({ keepAlive: 5 });
    server.script = { pingreq: () => undefined, publish: () => undefined };
    void client.publish('large', new Uint8Array(100_000), { qos: 1 });
    server.link.buffer(100_000);
    await vi.advanceTimersByTimeAsync(3_000);
    server.link.buffer(10_000);
    await vi.advanceTimersByTimeAsync(3_000);
    server.link.buffer(0);
    await vi.advanceTimersByTimeAsync(20_000);
    expect([client.status.type, server.links.length]).toEqual(['connected', 1]);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(server.links[0]?.connection.endedBy).toBe('destroy');
  });

  test('is not one of whose taking a large frame nothing is seen, for the time that a slow network needs', async () => {
    fakeTime();
    const { client, server } = await connected({ keepAlive: 5 });
    server.script = { pingreq: () => undefined, publish: () => undefined };
    Object.assign(server.link.connection, { coarse: true });
    // At 32 bytes a millisecond that takes 100 seconds.
    void client.publish('large', new Uint8Array(3_200_000), { qos: 1 });
    server.link.buffer(3_200_000);
    await vi.advanceTimersByTimeAsync(99_000);
    expect([client.status.type, server.links.length]).toEqual(['connected', 1]);
    await vi.advanceTimersByTimeAsync(36_000);
    expect(server.links[0]?.connection.endedBy).toBe('destroy');
  });

  test('is not one behind whose large message the answer waits: each next connection waits longer', async () => {
    fakeTime();
    chance(0);
    const { client, server } = await connected({ keepAlive: 5 });
    server.script = { pingreq: () => undefined };
    // A message that takes 20 seconds, and begins anew on each connection.
    await vi.advanceTimersByTimeAsync(17_000);
    expect([client.status.type, server.links.length]).toEqual(['connected', 3]);
    await vi.advanceTimersByTimeAsync(20_000);
    const payload = new Uint8Array(1);
    server.link.send({ type: 'publish', topic: 'a', payload, qos: 0, retain: false, dup: false });
    await vi.advanceTimersByTimeAsync(20_000);
    expect([client.status.type, server.links.length]).toEqual(['connected', 3]);
    // Once one has answered in time, it and the next do not wait longer than usual.
    server.script = {};
    server.link.send({ type: 'pingresp' });
    await vi.advanceTimersByTimeAsync(5_000);
    server.script = { pingreq: () => undefined };
    await vi.advanceTimersByTimeAsync(4_600);
    expect(server.links).toHaveLength(4);
    await vi.advanceTimersByTimeAsync(4_600);
    expect(server.links).toHaveLength(5);
  });

  test('is not kept alive by what was written since it was asked', async () => {
    fakeTime();
    chance(0);
    const { client, server } = await connected({ keepAlive: 10 });
    server.script = { pingreq: () => undefined };
    const disconnects = collect(client, 'disconnect');
    // The network takes all, and each look at the clock finds the publish of the same moment in the buffer.
    server.link.buffer(10);
    for (let count = 0; count < 40 && disconnects.length === 0; count += 1) {
      void client.publish('a', 'b');
      await vi.advanceTimersByTimeAsync(500);
    }
    expect(disconnects).toMatchObject([{ error: { code: 'keep-alive' } }]);
  });

  test('is dropped without a word, and the connection made again', async () => {
    fakeTime();
    chance(0);
    const { client, server } = await connected({ keepAlive: 10 });
    server.script = { pingreq: () => undefined };
    const [first] = server.links;
    const disconnects = collect(client, 'disconnect');
    await vi.advanceTimersByTimeAsync(16_000);
    expect(disconnects).toMatchObject([
      { error: { name: 'ConnectionError', code: 'keep-alive' }, willReconnect: true },
    ]);
    expect(first?.types).toEqual(['connect', 'pingreq']);
    expect(first?.connection.endedBy).toBe('destroy');
    expect(client.status.type).toBe('connected');
  });
});

test('a transport that fails at once in every way leaves the client in a state it can leave', async () => {
  fakeTime();
  const ways: (() => unknown)[] = [
    () => Promise.reject(unreachable),
    () => Promise.reject(new MqttError('odd', 'odd')),
    () => {
      throw new Error('at once');
    },
    () => undefined,
  ];
  let way = -1;
  const server = new FakeServer();
  const transport: Transport = {
    connect(url, options) {
      way += 1;
      return (ways[way]?.() ?? server.connect(url, options)) as never;
    },
  };
  const { client } = idle({ transport, reconnect: { initial: true } });
  const connecting = watch(client.connect());
  await vi.advanceTimersByTimeAsync(200_000);
  expect(connecting.state).toBe('resolved');
});
