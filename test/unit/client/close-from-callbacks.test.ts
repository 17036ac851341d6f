import { describe, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../../../src/index';
import { connected, fakeTime, idle } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';

const reconnect = { minDelay: 1, maxDelay: 1 };

describe('a client that is closed from its own callback stays closed', () => {
  test('from `retry`', async () => {
    fakeTime();
    const { client, server } = await connected({
      reconnect: {
        ...reconnect,
        retry: () => {
          client.close();
          return true;
        },
      },
    });
    server.link.drop();
    await vi.advanceTimersByTimeAsync(100);
    expect(client.status.type).toBe('closed');
    await expect(client.publish('a', 'b', { qos: 1 })).rejects.toMatchObject({ code: 'closed' });
  });

  test('from a listener that hears of a client with the same identifier', async () => {
    fakeTime();
    const { client, server } = await connected({ protocolVersion: 4, reconnect });
    client.on('error', () => client.close());
    for (let count = 0; count < 3; count += 1) {
      server.link.drop();
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(client.status.type).toBe('closed');
    await expect(client.publish('a', 'b', { qos: 1 })).rejects.toMatchObject({ code: 'closed' });
  });

  test("from a listener to 'status' that hears of a lost connection, whose end is told all the same", async () => {
    const { client, server } = await connected({ reconnect });
    const told: unknown[] = [];
    client.on('status', ({ type }) => void (type === 'reconnecting' && client.close()));
    client.on('disconnect', (event) => told.push(event));
    client.on('close', (event) => told.push(event));
    server.link.drop();
    await turn();
    expect(told).toMatchObject([{ error: { code: 'lost' }, willReconnect: false }, { error: undefined }]);
  });

  test.each([0, 1, 2, 3, 4, 5])(
    'in a turn in which `credentials` gives a URL (%i microtasks)',
    async (depth) => {
      const server = new FakeServer();
      const client = createClient('ws://one.example', {
        transport: server,
        credentials: () => {
          let soon = Promise.resolve();
          for (let count = 0; count < depth; count += 1) soon = soon.then(() => undefined);
          soon.then(() => client.close());
          return Promise.resolve({ url: 'ws://two.example' });
        },
      });
      await expect(client.connect()).rejects.toMatchObject({ code: 'closed' });
      await turn();
      expect([client.status.type, server.links.filter(({ isOpen }) => isOpen)]).toEqual(['closed', []]);
    },
  );

  test('and is not asked for credentials any more', async () => {
    const credentials = vi.fn(() => ({}));
    const { client } = idle({ credentials });
    client.on('status', ({ type }) => void (type === 'connecting' && client.close()));
    await expect(client.connect()).rejects.toMatchObject({ code: 'closed' });
    expect(credentials).not.toHaveBeenCalled();
  });

  test('when a filter is refused in a new session: nothing is written to the connection that is over', async () => {
    fakeTime();
    const { client, server } = await connected({ reconnect });
    await client.subscribe('a/#', () => undefined);
    server.connack = { wildcardSubscriptionAvailable: false };
    server.sessions.clear();
    client.on('error', () => client.close({ force: true }));
    server.link.drop();
    await vi.advanceTimersByTimeAsync(10);
    expect(client.status.type).toBe('closed');
    const connect = client.connect();
    await client.publish('x', 'not lost');
    await connect;
    await turn();
    expect(server.link.packets('publish')).toHaveLength(1);
  });
});

describe('a client that ends while `credentials` is asked calls who listens to the signal of the attempt', () => {
  const asked = (listener: (client: Client) => void) => {
    const server = new FakeServer();
    let asks = 0;
    const client = createClient('ws://one.example', {
      transport: server,
      credentials: ({ signal }) => {
        asks += 1;
        if (asks > 1) return {};
        signal.addEventListener('abort', () => listener(client));
        throw new Error('no credentials');
      },
    });
    return { client, server };
  };

  test('who may close it once more, and it is told once', async () => {
    const { client } = asked((one) => one.close());
    const heard: unknown[] = [];
    client.on('status', ({ type }) => void heard.push(type));
    client.on('close', ({ error }) => void heard.push(error?.message));
    await expect(client.connect()).rejects.toThrow('no credentials');
    expect(heard).toEqual(['connecting', 'closed', expect.stringContaining('no credentials')]);
  });

  test('who may connect anew, and it is connected then', async () => {
    const { client, server } = asked((one) => one.connect());
    await expect(client.connect()).rejects.toThrow('no credentials');
    await client.connect();
    expect(client.status.type).toBe('connected');
    await client.close();
    expect(server.links.filter(({ isOpen }) => isOpen)).toEqual([]);
  });
});

describe('what listeners cause is told when all have heard of the cause', () => {
  test('so that all hear the same order', async () => {
    const { client } = idle();
    const heard: string[][] = [[], []];
    client.on('status', ({ type }) => void heard[0]?.push(type));
    client.on('status', ({ type }) => void (type === 'connecting' && client.close()));
    client.on('status', ({ type }) => void heard[1]?.push(type));
    await client.connect().catch(() => undefined);
    expect(heard).toEqual([
      ['connecting', 'closed'],
      ['connecting', 'closed'],
    ]);
  });

  test('and a listener that wants to hear once is called once', async () => {
    const { client } = idle();
    const heard: string[] = [];
    client.on('status', ({ type }) => void (type === 'connecting' && client.close()));
    client.on('status', ({ type }) => void heard.push(type), { once: true });
    await client.connect().catch(() => undefined);
    expect(heard).toEqual(['connecting']);
  });

  test('and one that was taken off meanwhile hears nothing more', async () => {
    const { client } = idle();
    const heard: string[] = [];
    client.on('status', () => off());
    const off = client.on('status', ({ type }) => void heard.push(type));
    await client.connect();
    expect(heard).toEqual([]);
    await client.close();
  });
});
