import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Client, ClientEvents, ClientOptions } from '../../../src/index';
import { createClient } from '../../../src/node';
import { type Broker, startBroker } from '../../broker/index';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy';
import { waitFor } from '../../support/wait-for';

const kinds = ['tcp', 'ws'] as const;

let broker: Broker;

beforeEach(async () => {
  broker = await startBroker();
});

afterEach(() => broker.close());

/** A connected client behind a proxy that does harm. */
async function behindProxy(
  kind: (typeof kinds)[number],
  options: ClientOptions = {},
): Promise<{ client: Client; proxy: FaultProxy; disconnects: ClientEvents['disconnect'][] }> {
  const proxy = await startFaultProxy(kind === 'tcp' ? broker.port : broker.wsPort);
  onTestFinished(() => proxy.close());
  const url = `${kind === 'tcp' ? 'mqtt' : 'ws'}://127.0.0.1:${proxy.port}/mqtt`;
  const client = createClient(url, { reconnect: { minDelay: 1, maxDelay: 20 }, ...options });
  onTestFinished(() => client.close({ force: true }));
  const disconnects: ClientEvents['disconnect'][] = [];
  client.on('disconnect', (event) => disconnects.push(event));
  await client.connect();
  return { client, proxy, disconnects };
}

/** Waits for the next accepted connection. */
function nextConnect(client: Client): Promise<ClientEvents['connect']> {
  return new Promise((resolve) => client.on('connect', resolve, { once: true }));
}

describe.each(kinds)('over %s', (kind) => {
  test('a connection that stalls is dropped after its keep alive, and made again', async () => {
    const { client, proxy, disconnects } = await behindProxy(kind, { keepAlive: 1 });
    const texts: string[] = [];
    await client.subscribe('stalled', { qos: 1 }, (message) => texts.push(message.text()));
    const connected = nextConnect(client);
    // Not the next one as well: it may be made before anybody could heal it.
    proxy.stall(false);
    const publish = client.publish('stalled', 'through', { qos: 1 });
    await waitFor(() => disconnects.length > 0, { what: 'the end of the dead connection' });
    expect(disconnects).toMatchObject([{ error: { name: 'ConnectionError', code: 'keep-alive' } }]);
    await expect(connected).resolves.toMatchObject({ sessionPresent: true });
    await publish;
    await waitFor(() => texts.length > 0);
    expect(texts).toEqual(['through']);
  });

  test('a connection that is quiet lives on its pings', async () => {
    const { client, disconnects } = await behindProxy(kind, { keepAlive: 1 });
    const pings = () => broker.log.packets('in', 'pingreq').length;
    await waitFor(() => pings() >= 3, { timeout: 10_000 });
    expect(disconnects).toEqual([]);
    expect(client.status.type).toBe('connected');
  });

  test('a reset is survived with all that was on its way', async () => {
    const { client, proxy, disconnects } = await behindProxy(kind);
    const texts = new Set<string>();
    await client.subscribe('reset', { qos: 1 }, (message) => texts.add(message.text()));
    const publishes: Promise<unknown>[] = [];
    for (let number = 0; number < 200; number += 1) {
      publishes.push(client.publish('reset', `${number}`, { qos: 1 }));
      if (number % 50 === 25) {
        const connected = nextConnect(client);
        proxy.reset();
        await connected;
      }
    }
    await Promise.all(publishes);
    await waitFor(() => texts.size === 200);
    expect(disconnects.length).toBeGreaterThanOrEqual(4);
    expect(disconnects.every(({ willReconnect }) => willReconnect)).toBe(true);
  });

  test('a CONNACK that is cut in the midst costs one attempt', async () => {
    const { client, proxy } = await behindProxy(kind);
    const connected = nextConnect(client);
    // The handshake of a WebSocket comes first.
    proxy.cutAfter({ direction: 'down', bytes: 2 });
    proxy.reset();
    await connected;
    expect(client.protocolVersion).toBe(5);
  });

  test('connections that are refused are tried again, and 3.1.1 is not', async () => {
    const { client, proxy } = await behindProxy(kind);
    const connected = nextConnect(client);
    proxy.refuse(true);
    proxy.reset();
    await waitFor(() => proxy.refused >= 5);
    proxy.heal();
    await connected;
    expect(client.protocolVersion).toBe(5);
  });

  test('bytes one by one are understood', async () => {
    const proxy = await startFaultProxy(kind === 'tcp' ? broker.port : broker.wsPort);
    onTestFinished(() => proxy.close());
    proxy.split(1);
    const client = createClient(`${kind === 'tcp' ? 'mqtt' : 'ws'}://127.0.0.1:${proxy.port}/mqtt`);
    onTestFinished(() => client.close({ force: true }));
    await client.connect();
    const received = new Promise((resolve) => {
      void client.subscribe('split', { qos: 1 }, (message) => resolve(message.text()));
    });
    await client.publish('split', 'in pieces', { qos: 2 });
    expect(await received).toBe('in pieces');
  });

  test('a broker that restarts without its sessions is subscribed to again', async () => {
    const { client } = await behindProxy(kind);
    const texts: string[] = [];
    await client.subscribe('restart', { qos: 1 }, (message) => texts.push(message.text()));
    const connected = nextConnect(client);
    await broker.restart({ sessions: 'drop' });
    await expect(connected).resolves.toMatchObject({ sessionPresent: false, sessionLost: true });
    await client.publish('restart', 'again', { qos: 1 });
    await waitFor(() => texts.length > 0);
    expect(texts).toEqual(['again']);
  });
});

describe('a session that is taken over', () => {
  test.each([5, 4] as const)(
    'ends one of two clients with the same identifier, or slows both down (%i)',
    async (protocolVersion) => {
      const options: ClientOptions = {
        protocolVersion,
        clientId: 'twin',
        reconnect: { minDelay: 1, maxDelay: 60_000 },
      };
      const first = createClient(broker.url, options);
      const second = createClient(broker.url, options);
      onTestFinished(() => first.close({ force: true }));
      onTestFinished(() => second.close({ force: true }));
      const errors: Error[] = [];
      for (const client of [first, second]) client.on('error', (error) => errors.push(error));
      await first.connect();
      await second.connect();
      if (protocolVersion === 5) {
        await waitFor(() => first.status.type === 'closed');
        expect(first.status).toMatchObject({ error: { code: 'session-taken-over' } });
        expect(second.status.type).toBe('connected');
        expect(broker.log.packets('in', 'connect')).toHaveLength(2);
      } else {
        await waitFor(() => errors.length > 0, { timeout: 10_000 });
        expect(errors[0]).toMatchObject({
          code: 'lost',
          message: expect.stringContaining('client identifier'),
        });
        const [tired] = [first, second].filter(({ status }) => status.type === 'reconnecting');
        expect(tired?.status).toMatchObject({ delay: 60_000 });
      }
    },
  );
});

describe('redirects', () => {
  test('lead to another broker, and back', async () => {
    const other = await startBroker();
    onTestFinished(() => other.close());
    const client = createClient(broker.url, { reconnect: { minDelay: 1, maxDelay: 5 } });
    onTestFinished(() => client.close({ force: true }));
    await client.connect();
    const connected = nextConnect(client);
    broker.disconnect(client.clientId, 0x9c, `127.0.0.1:${other.port}`);
    await connected;
    expect(client.status).toMatchObject({ url: other.url });
    const back = nextConnect(client);
    other.kill(client.clientId);
    await back;
    expect(client.status).toMatchObject({ url: broker.url });
  });
});
