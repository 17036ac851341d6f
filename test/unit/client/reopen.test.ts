import { describe, expect, test, vi } from 'vitest';
import { memoryStore } from '../../../src/index';
import { connected, fakeTime, idle, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';

const text = ({ payload }: { payload: Uint8Array }) => new TextDecoder().decode(payload);

/** Connections that are open. */
const open = (server: FakeServer) => server.links.filter(({ isOpen }) => isOpen).length;

/** A connected client whose `close` waits for a PUBACK that does not come. */
async function closing() {
  fakeTime();
  const server = new FakeServer({ publish: ({ qos }) => (qos === 0 ? undefined : []) });
  const { client } = await connected({}, server);
  client.publish('unanswered', '', { qos: 1 });
  await turn();
  const close = watch(client.close());
  await turn();
  expect(close.state).toBe('pending');
  return { client, server, close };
}

describe('connect while close waits', () => {
  test('is called off by another close', async () => {
    const { client, server } = idle();
    const first = watch(client.connect());
    client.close();
    const second = watch(client.connect());
    await client.close();
    await turn();
    expect([first.error, second.error]).toMatchObject([{ code: 'closed' }, { code: 'closed' }]);
    expect([client.status.type, open(server)]).toEqual(['closed', 0]);
  });

  test('is called off by another close of a client that was connected', async () => {
    const { client, server } = await connected();
    client.close();
    const connect = watch(client.connect());
    await client.close();
    await turn();
    expect(connect.error).toMatchObject({ code: 'closed' });
    expect([client.status.type, open(server)]).toEqual(['closed', 0]);
  });

  test('is not called off by what came before it', async () => {
    const { client, server } = await connected();
    client.close();
    client.close();
    client.connect();
    client.close();
    await client.connect();
    expect([client.status.type, open(server)]).toEqual(['connected', 1]);
  });

  test('ends with its signal at once, and the client stays closed', async () => {
    const { client, server, close } = await closing();
    const controller = new AbortController();
    const connect = watch(client.connect({ signal: controller.signal }));
    const publish = watch(client.publish('a', 'b', { qos: 1 }));
    const reason = new Error('enough');
    controller.abort(reason);
    await turn();
    expect([connect.error, close.state]).toEqual([reason, 'pending']);
    await client.close({ force: true });
    await turn();
    expect([client.status.type, open(server)]).toEqual(['closed', 0]);
    expect(publish.error).toMatchObject({ code: 'closed' });
  });

  test('lets the calls after it wait, and takes them along when it is called off', async () => {
    const { client, server } = await closing();
    client.connect();
    const taken: string[] = [];
    const subscription = client.subscribe('a/#', (message) => void taken.push(message.text()));
    const publishes = [0, 1].map((qos) => client.publish('a/b', `QoS ${qos}`, { qos: qos as 0 | 1 }));
    const calls = [subscription, ...publishes].map((call) => watch<unknown>(call));
    await turn();
    expect(calls.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending']);
    expect(server.links).toHaveLength(1);
    client.close({ force: true });
    // That called the connect off, and with it what waited.
    await turn();
    expect(calls.map(({ state }) => state)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(server.links).toHaveLength(1);
  });

  test('lets go on who calls anew at once after it was called off', async () => {
    const { client, server } = await connected();
    client.close();
    client.connect();
    const early = watch(client.publish('a', 'early', { qos: 1 }));
    client.close();
    client.connect();
    await client.publish('a', 'late', { qos: 1 });
    expect(early.error).toMatchObject({ code: 'closed' });
    expect(server.link.packets('publish').map(text)).toEqual(['late']);
  });

  test.each([undefined, memoryStore()])(
    'lets the calls that wait go before those of a listener to its status',
    async (store) => {
      const { client, server } = await connected({ store, clientId: 'same' });
      const calls: Promise<unknown>[] = [];
      const call = (payload: string) => {
        for (const qos of [0, 1] as const) calls.push(client.publish(`${qos}`, payload, { qos }));
        calls.push(client.unsubscribe(payload));
      };
      client.close();
      client.connect();
      call('1');
      client.on('status', ({ type }) => type === 'connecting' && call('2'));
      call('3');
      await vi.waitFor(() => expect(calls).toHaveLength(9));
      await Promise.all(calls);
      const of = (topic: string) => server.link.packets('publish').filter((packet) => packet.topic === topic);
      expect(of('0').map(text)).toEqual(['1', '3', '2']);
      expect(of('1').map(text)).toEqual(['1', '3', '2']);
      expect(server.link.packets('unsubscribe').flatMap(({ filters }) => filters)).toEqual(['1', '3', '2']);
    },
  );

  test.each([undefined, memoryStore()])('lets them go out once it is connected', async (store) => {
    const { client, server } = idle({ store, clientId: 'same' });
    await client.connect();
    const closed = client.close();
    client.connect();
    const taken: string[] = [];
    const subscription = client.subscribe('a/#', (message) => void taken.push(message.text()));
    const publishes = [0, 1].map((qos) => client.publish('a/b', `QoS ${qos}`, { qos: qos as 0 | 1 }));
    await Promise.all([closed, subscription, ...publishes]);
    expect(server.links).toHaveLength(2);
    expect(server.links[0]?.types).toEqual(['connect', 'disconnect']);
    expect(server.link.types.slice(0, 2)).toEqual(['connect', 'subscribe']);
    expect(server.link.packets('publish').map(({ qos }) => qos)).toEqual([0, 1]);
    server.link.publish('a/c', 'hello');
    expect(taken).toEqual(['hello']);
  });
});

describe('a stored session', () => {
  test('can be opened again in the turn in which the client was closed while it read the store', async () => {
    const { client } = idle({ store: memoryStore(), clientId: 'x', clean: false });
    const publishes = ['b', 'c'].map((payload) => watch(client.publish('a', payload, { qos: 1 })));
    client.close();
    await client.connect();
    expect(client.status.type).toBe('connected');
    expect(publishes.map(({ error }) => error)).toMatchObject([{ code: 'closed' }, { code: 'closed' }]);
  });

  test('takes calls in their order, be they from before it was opened again or from while it is read', async () => {
    let read = () => {};
    const store = memoryStore();
    const load = async (key: string) => {
      await new Promise<void>((resolve) => {
        read = resolve;
      });
      return store.load(key);
    };
    const { client, server } = idle({ store: { ...store, load }, clientId: 'x', clean: false });
    const connecting = client.connect();
    await turn();
    read();
    await connecting;
    client.close();
    client.connect();
    const early = [client.unsubscribe('f'), client.publish('a', 'early', { qos: 1 })];
    await turn();
    expect(client.status.type).toBe('connecting');
    const late = [client.subscribe('f', () => undefined), client.publish('a', 'late', { qos: 1 })];
    read();
    await Promise.all<unknown>([...early, ...late]);
    expect(server.link.types).toEqual(['connect', 'unsubscribe', 'subscribe', 'publish', 'publish']);
    expect(server.link.packets('publish').map(text)).toEqual(['early', 'late']);
  });

  test('is given back by a client that a listener closes as it begins to connect', async () => {
    const store = memoryStore();
    const { client } = idle({ store, clientId: 'x', clean: false });
    client.on('status', ({ type }) => void (type === 'connecting' && client.close()));
    await expect(client.connect()).rejects.toMatchObject({ code: 'closed' });
    await turn();
    const other = await connected({ store, clientId: 'x', clean: false });
    expect(other.client.status.type).toBe('connected');
  });
});

describe('an aborted connect leaves no socket', () => {
  test.each(['one signal', 'two signals'])('of two callers with %s', async (how) => {
    const server = new FakeServer({ connect: () => undefined });
    const { client } = idle({}, server);
    const controllers = [new AbortController(), new AbortController()];
    const signals = controllers.map(({ signal }, index) =>
      how === 'one signal' ? controllers[0]?.signal : (controllers[index]?.signal ?? signal),
    );
    const connects = signals.map((signal) => watch(client.connect({ signal })));
    await turn();
    expect(open(server)).toBe(1);
    for (const controller of controllers) controller.abort();
    await turn();
    expect(connects.map(({ error }) => (error as Error).name)).toEqual(['AbortError', 'AbortError']);
    expect([client.status.type, open(server)]).toEqual(['closed', 0]);
  });

  test('while another caller waits for it stays', async () => {
    const server = new FakeServer({ connect: () => undefined });
    const { client } = idle({}, server);
    const controller = new AbortController();
    const connects = [client.connect({ signal: controller.signal }), client.connect()].map(watch);
    await turn();
    controller.abort();
    await turn();
    expect(connects.map(({ state }) => state)).toEqual(['rejected', 'pending']);
    expect(open(server)).toBe(1);
    await client.close();
  });
});
