import { describe, expect, test, vi } from 'vitest';
import type { ClientOptions, ConnectAttempt, Credentials } from '../../../src/index';
import { ConnectionError, createClient } from '../../../src/index';
import { connected, fakeTime, idle, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';

const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);
const reconnect = { minDelay: 0, maxDelay: 0 };

/** A server that refuses the first CONNECTs. */
function refusing(times: number, reasonCode: number): FakeServer {
  const server: FakeServer = new FakeServer({
    connect: (packet, link) =>
      server.links.length <= times
        ? { type: 'connack', sessionPresent: false, reasonCode }
        : server.sensible(packet, link),
  });
  return server;
}

test('credentials that name the same URL change no status', async () => {
  const { client } = idle({ credentials: ({ url }) => ({ url }) });
  const statuses: string[] = [];
  client.on('status', ({ type }) => statuses.push(type));
  await client.connect();
  expect(statuses).toEqual(['connecting', 'connected']);
});

describe('credentials', () => {
  test('are asked for before every attempt, with what is known of it', async () => {
    const asked: ConnectAttempt[] = [];
    const server = new FakeServer();
    const client = createClient(['ws://a/x', 'ws://b/x'], {
      transport: server,
      reconnect,
      credentials(attempt) {
        asked.push(attempt);
        return { password: `token ${asked.length}`, username: 'u' };
      },
    });
    server.unreachable = new ConnectionError('unreachable', 'no');
    await expect(client.connect()).rejects.toThrow('no');
    server.unreachable = undefined;
    await client.connect();
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    await client.connect();
    await client.close();
    expect(asked.map(({ attempt, url, lastError }) => [attempt, url.href, lastError?.code])).toEqual([
      [1, 'ws://a/x', undefined],
      [2, 'ws://b/x', 'unreachable'],
      [1, 'ws://a/x', undefined],
      [2, 'ws://b/x', 'lost'],
    ]);
    expect(server.links.map(({ connect }) => text(connect.password))).toEqual(['token 3', 'token 4']);
    expect(asked.every(({ signal }) => signal instanceof AbortSignal)).toBe(true);
  });

  test('replace the options of their names, for this attempt only', async () => {
    const answers: Credentials[] = [
      {
        url: 'ws://v:w@signed/path?signature=1',
        clientId: 'stamped',
        username: 'u1',
        password: new TextEncoder().encode('p1'),
        headers: { 'x-token': '1' },
      },
      { url: new URL('ws://other') },
      {},
    ];
    const options: ClientOptions = {
      clientId: 'mine',
      username: 'u0',
      password: 'p0',
      webSocket: { headers: { 'x-token': '0' } },
      reconnect,
      credentials: () => answers.shift() ?? {},
    };
    const server = new FakeServer();
    const { createClient: createNodeClient } = await import('../../../src/node');
    const client = createNodeClient('ws://fake', { transport: server, ...options });
    await client.connect();
    expect(client.status).toMatchObject({ url: 'ws://signed/path?signature=1' });
    expect(client.clientId).toBe('stamped');
    for (const count of [2, 3]) {
      server.link.drop();
      await vi.waitFor(() => expect(server.links).toHaveLength(count));
      await client.connect();
    }
    await client.close();
    expect(
      server.links.map(({ url, connect, options: { headers } }) => [
        url.href,
        connect.clientId,
        connect.username,
        text(connect.password),
        headers?.['x-token'],
      ]),
    ).toEqual([
      ['ws://signed/path?signature=1', 'stamped', 'u1', 'p1', '1'],
      ['ws://other/', 'mine', 'u0', 'p0', '0'],
      ['ws://fake/', 'mine', 'u0', 'p0', '0'],
    ]);
  });

  test('in their URL count when nothing else is given', async () => {
    const { server } = await connected({ credentials: () => ({ url: 'ws://u%20:p@there' }) });
    expect(server.link.url.href).toBe('ws://there/');
    expect([server.link.connect.username, text(server.link.connect.password)]).toEqual(['u ', 'p']);
  });

  test('may be a promise', async () => {
    const { server } = await connected({
      credentials: async () => {
        await turn();
        return { username: 'later' };
      },
    });
    expect(server.link.connect.username).toBe('later');
  });

  test('get a URL of their own, which they may change', async () => {
    const { server } = await connected({
      credentials({ url }) {
        url.hostname = 'elsewhere';
        return {};
      },
    });
    expect(server.attempts).toEqual(['ws://fake/']);
  });

  test.each<[string, () => never]>([
    [
      'throws',
      () => {
        throw new Error('no token today');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no token today')) as never],
  ])('whose function %s fail the attempt, and are asked for again', async (_, fails) => {
    const credentials = vi.fn<() => Credentials>(fails);
    const { client, server } = idle({ credentials, reconnect });
    await expect(client.connect()).rejects.toMatchObject({
      name: 'ConnectionError',
      message: expect.stringContaining('no token today'),
      cause: expect.any(Error),
    });
    expect(server.attempts).toEqual([]);
    credentials.mockReturnValue({});
    await client.connect();
    credentials.mockImplementationOnce(fails);
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    expect(credentials).toHaveBeenCalledTimes(4);
    expect(client.status.type).toBe('connected');
  });

  test.each<[name: string, answer: unknown]>([
    ['credentials', undefined],
    ['credentials', null],
    ['credentials', 'token'],
    ['credentials', []],
    ['credentials.user', { user: 'u' }],
    ['credentials.url', { url: 5 }],
    ['credentials.url', { url: 'broker' }],
    ['credentials.url', { url: 'ftp://broker' }],
    ['credentials.clientId', { clientId: 5 }],
    ['credentials.clientId', { clientId: '' }],
    ['credentials.clientId', { clientId: 'a\0' }],
    ['credentials.username', { username: 5 }],
    ['credentials.username', { username: '\ud800' }],
    ['credentials.password', { password: 53_107 }],
    ['credentials.password', { password: {} }],
    ['credentials.headers', { headers: 'x: y' }],
    ['credentials.headers', { headers: { x: 53_107 } }],
    ['credentials.headers', { headers: new Headers({ x: 'y' }) }],
    ['credentials', new Map([['username', 'u']])],
  ])('that are wrong (%s) stop the client: %j', async (name, answer) => {
    const { client, server } = idle({
      credentials: () => answer as Credentials,
      reconnect: { initial: true, minDelay: 0, maxDelay: 0 },
    });
    const error: unknown = await client.connect().catch((error: unknown) => error);
    expect(error).toMatchObject({ name: 'UsageError', code: 'invalid-argument' });
    expect((error as Error).message.slice(0, name.length)).toBe(name);
    expect((error as Error).message).not.toContain('53107');
    expect(server.attempts).toEqual([]);
    expect(client.status.type).toBe('closed');
  });

  test('that are too long for CONNECT stop the client before anything is opened', async () => {
    const { client, server } = idle({ credentials: () => ({ password: 'x'.repeat(65_536) }) });
    await expect(client.connect()).rejects.toMatchObject({ name: 'UsageError' });
    expect(server.attempts).toEqual([]);
  });

  test('with headers are unsupported in a browser', async () => {
    const { WebSocket } = await import('ws');
    const client = createClient('ws://127.0.0.1:1', {
      webSocket: { constructor: WebSocket as never },
      credentials: () => ({ headers: { authorization: 'x' } }),
    });
    await expect(client.connect()).rejects.toMatchObject({ name: 'UsageError', code: 'unsupported' });
  });

  test('have half of connectTimeout, then they are aborted and the error names them', async () => {
    fakeTime();
    let signal: AbortSignal | undefined;
    const { client, server } = idle({
      connectTimeout: 100,
      credentials(attempt) {
        signal = attempt.signal;
        return new Promise(() => undefined);
      },
    });
    const connecting = watch(client.connect());
    await vi.advanceTimersByTimeAsync(49);
    expect(signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(connecting.error).toMatchObject({
      name: 'ConnectionError',
      code: 'timeout',
      message: expect.stringContaining('credentials'),
    });
    expect(signal?.reason).toBe(connecting.error);
    expect(server.attempts).toEqual([]);
  });

  test('that hang on a reconnect cost that attempt, not the client', async () => {
    fakeTime();
    let hangs = false;
    const { client, server } = await connected({
      credentials: () => (hangs ? new Promise(() => undefined) : {}),
    });
    const errors: unknown[] = [];
    client.on('reconnecting', ({ error }) => {
      errors.push(error);
      hangs = errors.length < 2;
    });
    server.link.drop();
    await vi.advanceTimersByTimeAsync(1_000 + 15_000 + 2_000);
    expect(errors).toMatchObject([
      { code: 'lost' },
      { code: 'timeout', message: expect.stringContaining('credentials') },
    ]);
    expect(client.status.type).toBe('connected');
  });

  test('that come after close() open nothing', async () => {
    let answer: ((credentials: Credentials) => void) | undefined;
    const { client, server } = idle({
      credentials: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    });
    const connecting = watch(client.connect());
    await turn();
    await client.close();
    answer?.({});
    await turn();
    expect(connecting.error).toMatchObject({ code: 'closed' });
    expect(server.attempts).toEqual([]);
  });
});

describe('a refused password', () => {
  test.each([
    [5, 0x86, 'bad-user-name-or-password'],
    [5, 0x87, 'not-authorized'],
    [4, 4, 'bad-user-name-or-password'],
    [4, 5, 'not-authorized'],
  ] as const)(
    'is tried once more with fresh credentials, then stops (version %i, code %i)',
    async (protocolVersion, reasonCode, code) => {
      const server = refusing(Number.POSITIVE_INFINITY, reasonCode);
      const credentials = vi.fn(() => ({ username: 'u', password: `p${credentials.mock.calls.length}` }));
      const { client } = idle({ protocolVersion, credentials, reconnect: { initial: true } }, server);
      await expect(client.connect()).rejects.toMatchObject({ name: 'RefusedError', code });
      expect(server.links.map(({ connect }) => text(connect.password))).toEqual(['p1', 'p2']);
      expect(client.status).toMatchObject({ type: 'closed', error: { code } });
    },
  );

  test('is good when the fresh credentials are', async () => {
    const server = refusing(1, 0x86);
    const { client } = idle({ credentials: () => ({}) }, server);
    await client.connect();
    expect(server.links).toHaveLength(2);
  });

  test('has the credentials asked again with the URL of the options, not with the one that they gave', async () => {
    const server = refusing(1, 0x86);
    const seen: string[] = [];
    const { client } = idle(
      {
        credentials: ({ url }) => {
          seen.push(url.href);
          return seen.length === 1 ? { url: `${url.href}?signature=1` } : {};
        },
      },
      server,
    );
    await client.connect();
    expect(seen).toEqual(['ws://fake/', 'ws://fake/']);
    expect(server.attempts).toEqual(['ws://fake/?signature=1', 'ws://fake/']);
  });

  test('stops at once without credentials to ask for', async () => {
    const server = refusing(Number.POSITIVE_INFINITY, 0x86);
    const { client } = idle({ username: 'u', password: 'p', reconnect: { initial: true } }, server);
    await expect(client.connect()).rejects.toMatchObject({ code: 'bad-user-name-or-password' });
    expect(server.links).toHaveLength(1);
  });

  test('gets another second chance after a connection', async () => {
    const server = refusing(1, 0x86);
    const credentials = vi.fn(() => ({}));
    const { client } = idle({ credentials, reconnect }, server);
    await client.connect();
    server.script = {
      connect: (packet, link) =>
        server.links.length === 3
          ? { type: 'connack', sessionPresent: false, reasonCode: 0x86 }
          : server.sensible(packet, link),
    };
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(4));
    await client.connect();
    expect(client.status.type).toBe('connected');
    expect(credentials).toHaveBeenCalledTimes(4);
  });

  test('gets another one after each stable connection: what expires may be renewed for ever', async () => {
    fakeTime();
    const credentials = vi.fn(() => ({}));
    const { client, server } = await connected({ credentials });
    for (let count = 2; count <= 4; count += 1) {
      await vi.advanceTimersByTimeAsync(30_000);
      server.link.send({ type: 'disconnect', reasonCode: 0x87 });
      await turn();
      expect(client.status.type).toBe('connected');
      expect(credentials).toHaveBeenCalledTimes(count);
    }
  });
});
