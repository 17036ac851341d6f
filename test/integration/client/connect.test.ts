import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { scram } from '../../../src/auth/index';
import type { ClientOptions } from '../../../src/index';
import { connect, createClient } from '../../../src/node';
import { type Broker, startBroker } from '../../broker/index';
import { waitFor } from '../../support/wait-for';

let broker: Broker;

beforeAll(async () => {
  broker = await startBroker({
    allowAnonymous: true,
    users: [{ username: 'ada', password: 'lovelace' }],
    refusedClientIds: ['unwelcome'],
    responseInformation: 'answers/%c',
  });
});

afterAll(() => broker.close());

/** A client, closed when the test is over. */
function open(url: string, options: ClientOptions = {}) {
  const client = createClient(url, options);
  onTestFinished(() => client.close({ force: true }));
  return client;
}

const urls = { tcp: () => broker.url, ws: () => broker.wsUrl };

/** Connections that the broker has. */
const connections = () => broker.core.connections.size;

describe.each(['tcp', 'ws'] as const)('over %s', (kind) => {
  const url = () => urls[kind]();

  test.each([5, 4, 3, 'auto'] as const)('version %s connects, works and closes', async (protocolVersion) => {
    const client = await connect(url(), { protocolVersion });
    expect(client.protocolVersion).toBe(protocolVersion === 'auto' ? 5 : protocolVersion);
    const received = new Promise((resolve) => {
      void client.subscribe('hello/+name', { qos: 2 }, ({ params }) => resolve(params.name));
    });
    await client.publish('hello/world', '', { qos: 2 });
    expect(await received).toBe('world');
    await client.close();
    await waitFor(() => !broker.clients.includes(client.clientId));
  });

  test('a user name and a password let in, or do not', async () => {
    for (const protocolVersion of [5, 4] as const) {
      const good = open(url(), { protocolVersion, username: 'ada', password: 'lovelace' });
      await good.connect();
      const bad = open(url(), { protocolVersion, username: 'ada', password: 'byron' });
      await expect(bad.connect()).rejects.toMatchObject({
        code: 'bad-user-name-or-password',
        reasonCode: 0x86,
      });
    }
    const inUrl = new URL(url());
    inUrl.username = 'ada';
    inUrl.password = 'lovelace';
    await open(inUrl.href).connect();
  });

  test('a client identifier that is not welcome is told', async () => {
    await expect(open(url(), { clientId: 'unwelcome' }).connect()).rejects.toMatchObject({
      code: 'client-identifier-not-valid',
    });
  });

  test('an aborted connect leaves no socket, at whatever moment', async () => {
    const before = connections();
    for (let turns = 0; turns < 12; turns += 1) {
      const abort = new AbortController();
      const client = open(url());
      const connecting = client.connect({ signal: abort.signal }).then(
        () => 'connected',
        () => 'aborted',
      );
      for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      abort.abort();
      if ((await connecting) === 'connected') await client.close({ force: true });
      expect(client.status.type).toBe('closed');
    }
    await waitFor(() => connections() === before, { what: 'the end of all sockets' });
  });

  test('a component that is mounted twice has one connection, and none when it is gone', async () => {
    const before = connections();
    const mount = () => {
      const client = createClient(url());
      client.connect().catch(() => undefined);
      return client;
    };
    const first = mount();
    const closing = first.close();
    const second = mount();
    await closing;
    await second.connect();
    await waitFor(() => connections() === before + 1, { what: 'the one connection' });
    expect(broker.clients).toContain(second.clientId);
    await second.close();
    await waitFor(() => connections() === before);
  });

  test('response information is asked for and told', async () => {
    const client = open(url(), { properties: { requestResponseInformation: true } });
    const { server } = await client.connect();
    expect(server.responseInformation).toBe(`answers/${client.clientId}`);
  });
});

describe('a will', () => {
  test('is published when the connection is lost or closed with 4, not after close()', async () => {
    const seen: string[] = [];
    const watcher = open(broker.url);
    await watcher.connect();
    await watcher.subscribe('wills/+how', ({ params }) => seen.push(params.how));
    for (const protocolVersion of [5, 4] as const) {
      const client = (how: string) =>
        open(broker.url, {
          protocolVersion,
          reconnect: false,
          will: { topic: `wills/${how}`, payload: 'gone' },
        });
      const [lost, told, kept] = ['lost', 'told', 'kept'].map(client);
      await Promise.all([lost, told, kept].map((one) => one?.connect()));
      await kept?.close();
      await told?.close({ reasonCode: 4, properties: undefined });
      broker.kill(lost?.clientId ?? '');
      await waitFor(() => seen.length === 2);
      expect(seen.splice(0).sort()).toEqual(['lost', 'told']);
    }
  });
});

describe('SCRAM', () => {
  const ada = { username: 'ada', password: 'lovelace' };

  test.each(['SHA-256'] as const)('%s proves both sides to each other', async (hash) => {
    const client = open(broker.url, { authenticate: scram({ ...ada, hash }) });
    await client.connect();
    await client.publish('a', 'b', { qos: 1 });
    await Promise.all([client.reauthenticate(), client.publish('a', 'c', { qos: 1 })]);
    const again = new Promise((resolve) => client.on('connect', resolve));
    broker.kill(client.clientId);
    await again;
    await client.close();
  });

  test('with a wrong password is refused, and stops', async () => {
    const authenticate = scram({ ...ada, password: 'byron' });
    const client = open(broker.url, { authenticate, reconnect: { initial: true, minDelay: 1 } });
    await expect(client.connect()).rejects.toMatchObject({ name: 'RefusedError' });
    expect(client.status.type).toBe('closed');
  });

  test('asks for its password at each exchange', async () => {
    let asked = 0;
    const authenticate = scram({
      username: 'ada',
      password: async () => {
        asked += 1;
        return 'lovelace';
      },
    });
    const client = open(broker.url, { authenticate });
    await client.connect();
    await client.reauthenticate();
    expect(asked).toBe(2);
  });

  test.each<[string, (data: Uint8Array | undefined) => Uint8Array | undefined]>([
    ['a wrong signature', (data) => data?.map((byte, at) => (at === 5 ? byte ^ 1 : byte))],
    ['no signature', () => undefined],
    [
      'too few iterations',
      (data) =>
        data ? new TextEncoder().encode(new TextDecoder().decode(data).replace(/i=\d+/, 'i=1')) : data,
    ],
  ])('with %s of the server fails the connection, and stops', async (what, change) => {
    const last = what !== 'too few iterations';
    broker.faults.next({
      outgoing(packet) {
        const wanted = last ? 'connack' : 'auth';
        if (packet.type !== wanted || (packet.type !== 'connack' && packet.type !== 'auth')) return packet;
        const authenticationData = change(packet.properties?.authenticationData);
        return { ...packet, properties: { ...packet.properties, authenticationData } } as typeof packet;
      },
    });
    const client = open(broker.url, { authenticate: scram(ada), reconnect: { initial: true, minDelay: 1 } });
    const connected: unknown[] = [];
    client.on('connect', (result) => connected.push(result));
    await expect(client.connect()).rejects.toMatchObject({ code: 'authentication-failed' });
    expect(client.status).toMatchObject({ type: 'closed', error: { code: 'authentication-failed' } });
    expect(connected).toEqual([]);
    broker.faults.clear();
  });
});

describe('handles of the process', () => {
  const handles = () =>
    process.getActiveResourcesInfo().filter((name) => /TCP|Timeout|TLS|GetAddr/.test(name));

  test('are gone after close, and after failures', async () => {
    await waitFor(() => connections() === 0);
    const before = handles().length;
    for (const url of [broker.url, broker.wsUrl]) {
      const client = await connect(url, { keepAlive: 5 });
      await client.subscribe('a', () => undefined);
      await client.publish('a', 'b', { qos: 2 });
      await client.close();
      await expect(connect(`${new URL(url).protocol}//127.0.0.1:1`)).rejects.toMatchObject({
        code: 'unreachable',
      });
    }
    await waitFor(() => handles().length <= before, { what: 'the end of all handles' });
  });

  test('are gone although the server keeps its end open', async () => {
    const ends: Socket[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      ends.push(socket);
      socket.on('error', () => undefined);
      socket.once('data', () => socket.write(Uint8Array.of(0x20, 3, 0, 0, 0)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(async () => {
      for (const end of ends) end.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    const address = server.address();
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    await waitFor(() => sockets() === 0, { what: 'the end of earlier sockets' });
    const client = await connect(`mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`);
    await client.close();
    expect(sockets()).toBe(2);
    // The server's end is all that is left.
    await waitFor(() => sockets() === 1, { what: 'the end of the socket' });
  });
});
