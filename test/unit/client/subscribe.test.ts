import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  type Client,
  type Message,
  memoryStore,
  RefusedError,
  type Subscription,
  UsageError,
} from '../../../src/index';
import { connected, fakeTime, idle, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';

/** Subscribes with a handler that collects `name:text`. */
async function collect(client: Client, filter: string | string[], options = {}, name = '') {
  const seen: string[] = [];
  const subscription = await client.subscribe(
    filter as string,
    options,
    (message) => void seen.push(`${name}${message.topic}=${message.text()}`),
  );
  return { subscription, seen };
}

/** The next connection comes about a second after the end of one, not by chance before callers give up. */
function reconnectsLate(): void {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0.9);
  onTestFinished(() => random.mockRestore());
}

/** What was asked for with a filter, the last time. */
function asked(server: FakeServer, filter: string) {
  const all = server.link.packets('subscribe').flatMap(({ subscriptions }) => subscriptions);
  return all.filter((one) => one.filter === filter).at(-1);
}

describe('subscribe', () => {
  test('asks with the defaults, and resolves with what was granted', async () => {
    const { client, server } = await connected();
    const subscription = await client.subscribe('a/b');
    expect(server.link.first('subscribe')).toMatchObject({
      subscriptions: [{ filter: 'a/b', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
      properties: { subscriptionIdentifier: 1 },
    });
    expect(subscription).toMatchObject({ filter: 'a/b', qos: 0, grants: [{ filter: 'a/b', qos: 0 }] });
  });

  test('takes options, a handler, or both', async () => {
    const { client, server } = await connected();
    const handler = vi.fn();
    await client.subscribe('a', handler);
    await client.subscribe('b', undefined, handler);
    const userProperties = [['k', 'v'] as const];
    const options = {
      qos: 2,
      noLocal: true,
      retainAsPublished: true,
      retainHandling: 2,
      properties: { userProperties },
    } as const;
    await client.subscribe('c', options, handler);
    const { filter, ...wire } = asked(server, 'c') ?? {};
    expect(wire).toEqual({ qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 });
    expect(server.link.last('subscribe').properties).toEqual({ subscriptionIdentifier: 3, userProperties });
    for (const topic of ['a', 'b', 'c']) server.link.publish(topic);
    expect(handler.mock.calls.map(([message]) => (message as Message).topic)).toEqual(['a', 'b', 'c']);
  });

  test('reports the QoS that the server granted, not the one asked for', async () => {
    const server = new FakeServer({
      subscribe: ({ packetId }) => ({ type: 'suback', packetId, reasonCodes: [1] }),
    });
    const { client } = await connected({}, server);
    expect((await client.subscribe('a', { qos: 2 })).qos).toBe(1);
  });

  test('rejects when the server refuses, with its reason', async () => {
    const server = new FakeServer({
      subscribe: ({ packetId }) => ({ type: 'suback', packetId, reasonCodes: [0x87] }),
    });
    const { client } = await connected({}, server);
    const { seen } = await collect(client, 'a').catch(() => ({ seen: [] as string[] }));
    await expect(client.subscribe('a')).rejects.toBeInstanceOf(RefusedError);
    await expect(client.subscribe('a')).rejects.toMatchObject({ code: 'not-authorized', reasonCode: 0x87 });
    server.link.publish('a');
    expect(seen).toEqual([]);
  });

  test.each([{ protocolVersion: 4 }, { protocolVersion: 3 }] as const)(
    'rejects a 3.1.1 refusal, 0x80, and sends no identifiers ($protocolVersion)',
    async ({ protocolVersion }) => {
      const server = new FakeServer({
        subscribe: ({ packetId }) => ({ type: 'suback', packetId, reasonCodes: [0x80] }),
      });
      const { client } = await connected({ protocolVersion }, server);
      await expect(client.subscribe('a')).rejects.toMatchObject({ reasonCode: 0x80 });
      expect(server.link.first('subscribe').properties).toBeUndefined();
    },
  );

  test('waits in idle for connect(), and through a lost connection', async () => {
    const { client, server } = idle({ reconnect: { minDelay: 0, maxDelay: 0 } });
    server.script.subscribe = () => undefined;
    const subscribe = watch(client.subscribe('a'));
    await turn();
    await client.connect();
    await turn();
    expect(server.link.packets('subscribe')).toHaveLength(1);
    server.link.drop();
    server.script = {};
    await vi.waitFor(() => expect(subscribe.state).toBe('resolved'));
    expect(server.links).toHaveLength(2);
    expect(server.link.packets('subscribe')).toHaveLength(1);
  });

  test('rejects in closed, and when the client is closed before SUBACK', async () => {
    const server = new FakeServer({ subscribe: () => undefined });
    const { client } = await connected({}, server);
    const subscribe = watch(client.subscribe('a'));
    await client.close({ force: true });
    expect(subscribe.error).toMatchObject({ name: 'ConnectionError', code: 'closed' });
    await expect(client.subscribe('a')).rejects.toMatchObject({ code: 'closed' });
    await expect(client.unsubscribe('a')).rejects.toMatchObject({ code: 'closed' });
  });

  test('delivers a message that comes before SUBACK, and from within the same chunk', async () => {
    const server = new FakeServer({
      subscribe: ({ packetId, subscriptions }, link) => [
        link.message('a', 'early', { qos: 1 }),
        { type: 'suback', packetId, reasonCodes: subscriptions.map(({ qos }) => qos) },
        link.message('a', 'late'),
      ],
    });
    const { client } = await connected({}, server);
    const { seen } = await collect(client, 'a', { qos: 1 });
    expect(seen).toEqual(['a=early', 'a=late']);
    await turn();
    expect(server.link.packets('puback')).toHaveLength(1);
  });

  test.each(['noLocal', 'retainAsPublished', 'retainHandling', 'userProperties'] as const)(
    'with %s rejects on a 3.1.1 connection, queued or not',
    async (option) => {
      const options = {
        noLocal: { noLocal: true },
        retainAsPublished: { retainAsPublished: true },
        retainHandling: { retainHandling: 1 as const },
        userProperties: { properties: { userProperties: [['a', 'b'] as const] } },
      }[option];
      const { client, server } = idle({ protocolVersion: 4 });
      const queued = watch(client.subscribe('a', options));
      await client.connect();
      await expect(client.subscribe('b', options)).rejects.toMatchObject({ code: 'needs-mqtt-5' });
      expect(queued.error).toBeInstanceOf(UsageError);
      expect(server.link.packets('subscribe')).toEqual([]);
    },
  );
});

describe('a filter for which the server closes the connection', () => {
  test('rejects, says so, and holds nobody else up', async () => {
    const { client, server } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } });
    server.script.subscribe = (packet, link) => {
      if (packet.subscriptions[0]?.filter !== 'forbidden') return server.sensible(packet, link);
      link.drop();
      return undefined;
    };
    const bad = watch(client.subscribe('forbidden'));
    const good = watch(collect(client, 'good'));
    const sent = watch(client.publish('x', 'y', { qos: 1 }));
    await vi.waitFor(() => expect([bad, good, sent].map(({ state }) => state)).not.toContain('pending'));
    expect(bad.error).toMatchObject({ name: 'RefusedError', code: 'poison', reasonCode: 0x80 });
    expect(bad.error).toMatchObject({ message: expect.stringContaining("'forbidden'") });
    server.link.publish('good', 'x');
    expect(good.value?.seen).toEqual(['good=x']);
    expect(sent.value).toMatchObject({ reasonCode: 0 });
    expect(client.status.type).toBe('connected');
  });
});

describe('giving up a subscribe', () => {
  test('before it was sent takes it back', async () => {
    const { client, server } = idle();
    const controller = new AbortController();
    const reason = new Error('enough');
    const subscribe = watch(client.subscribe('a', { signal: controller.signal }));
    const kept = client.subscribe('b');
    await turn();
    controller.abort(reason);
    await client.connect();
    await kept;
    expect(subscribe.error).toBe(reason);
    expect(server.link.types).toEqual(['connect', 'subscribe']);
    expect(asked(server, 'a')).toBeUndefined();
  });

  test.each(['signal', 'timeout'] as const)(
    'by %s after it was sent unsubscribes from what is granted all the same',
    async (how) => {
      fakeTime();
      const server = new FakeServer({ subscribe: () => undefined });
      const { client } = await connected({}, server);
      const controller = new AbortController();
      const wait = how === 'signal' ? { signal: controller.signal } : { timeout: 50 };
      const seen: string[] = [];
      const subscribe = watch(client.subscribe('a', wait, (message) => void seen.push(message.text())));
      await vi.advanceTimersByTimeAsync(49);
      expect(subscribe.state).toBe('pending');
      controller.abort(new Error('enough'));
      await vi.advanceTimersByTimeAsync(1);
      expect(subscribe.error).toMatchObject(how === 'signal' ? { message: 'enough' } : { code: 'timeout' });
      const { packetId } = server.link.first('subscribe');
      server.link.send({ type: 'suback', packetId, reasonCodes: [0] });
      server.link.publish('a', 'x');
      expect(seen).toEqual([]);
      expect(server.link.first('unsubscribe').filters).toEqual(['a']);
    },
  );

  test('leaves a filter that another Subscription has', async () => {
    const { client, server } = await connected();
    const { seen } = await collect(client, 'a');
    const controller = new AbortController();
    server.script.subscribe = () => undefined;
    const subscribe = watch(client.subscribe('a', { signal: controller.signal }));
    await turn();
    controller.abort();
    await turn();
    expect(subscribe.state).toBe('rejected');
    expect(server.link.packets('unsubscribe')).toEqual([]);
    server.link.publish('a', 'x');
    expect(seen).toEqual(['a=x']);
  });

  test('without a connection unsubscribes when the one that was granted has ended meanwhile', async () => {
    fakeTime();
    reconnectsLate();
    const { client, server } = await connected();
    const { subscription } = await collect(client, 'a');
    server.link.drop();
    const renewal = watch(client.subscribe('a', { timeout: 50 }));
    await subscription.unsubscribe();
    await vi.advanceTimersByTimeAsync(50);
    expect(renewal.error).toMatchObject({ code: 'timeout' });
    await vi.advanceTimersByTimeAsync(1_000);
    await turn();
    expect(server.link.types).toEqual(['connect', 'unsubscribe']);
  });

  test('unsubscribes with the last of several, of which the first was sent', async () => {
    fakeTime();
    reconnectsLate();
    const server = new FakeServer({ subscribe: () => undefined });
    const { client } = await connected({}, server);
    const sent = watch(client.subscribe('a', { timeout: 50 }));
    await turn();
    server.link.drop();
    const unsent = watch(client.subscribe('a', { timeout: 60 }));
    await vi.advanceTimersByTimeAsync(60);
    expect([sent, unsent].map(({ state }) => state)).toEqual(['rejected', 'rejected']);
    await vi.advanceTimersByTimeAsync(1_000);
    await turn();
    expect(server.links).toHaveLength(2);
    expect(server.link.types).toEqual(['connect', 'unsubscribe']);
  });

  test('leaves what another one asked for, also in a later session', async () => {
    const { client, server } = idle({ reconnect: { minDelay: 0, maxDelay: 0 } });
    const controller = new AbortController();
    const kept = client.subscribe('a');
    const subscribe = watch(client.subscribe('a', { signal: controller.signal }));
    await turn();
    controller.abort();
    await client.connect();
    await kept;
    expect(subscribe.state).toBe('rejected');
    server.sessions.clear();
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    await turn();
    expect(asked(server, 'a')).toBeDefined();
  });
});

describe('several filters', () => {
  const refusing = (...refused: string[]) =>
    new FakeServer({
      subscribe: ({ packetId, subscriptions }) => ({
        type: 'suback',
        packetId,
        reasonCodes: subscriptions.map(({ filter, qos }) => (refused.includes(filter) ? 0x87 : qos)),
      }),
    });

  test('make one Subscription', async () => {
    const { client, server } = await connected();
    const { subscription, seen } = await collect(client, ['a', 'b/+', 'a'], { qos: 1 });
    expect(subscription.filter).toBe('a');
    expect(subscription.grants).toEqual([
      { filter: 'a', qos: 1 },
      { filter: 'b/+', qos: 1 },
      { filter: 'a', qos: 1 },
    ]);
    server.link.publish('a', '1');
    server.link.publish('b/c', '2');
    expect(seen).toEqual(['a=1', 'b/c=2']);
  });

  test('of which one is refused resolve, with one grant a filter in order', async () => {
    const { client, server } = await connected({}, refusing('no'));
    const { subscription, seen } = await collect(client, ['no', 'yes'], { qos: 2 });
    expect(subscription.qos).toBe(0);
    expect(subscription.grants).toEqual([
      { filter: 'no', error: expect.any(RefusedError) },
      { filter: 'yes', qos: 2 },
    ]);
    expect(subscription.grants[0]?.error).toMatchObject({ reasonCode: 0x87 });
    server.link.publish('no', 'x');
    server.link.publish('yes', 'x');
    expect(seen).toEqual(['yes=x']);
    await subscription.unsubscribe();
    expect(server.link.packets('unsubscribe').flatMap(({ filters }) => filters)).toEqual(['yes']);
  });

  test('of which one is refused and the other unsubscribed meanwhile are over', async () => {
    const { client, server } = await connected({}, refusing('no'));
    const subscribing = client.subscribe(['no', 'yes']);
    await client.unsubscribe('yes');
    const subscription = await subscribing;
    expect(subscription.grants.map(({ error }) => error?.reasonCode)).toEqual([0x87, undefined]);
    await expect(subscription[Symbol.asyncIterator]().next()).rejects.toMatchObject({ reasonCode: 0x87 });
    await subscription.unsubscribe();
    expect(server.link.packets('unsubscribe')).toHaveLength(1);
  });

  test('that are all refused reject', async () => {
    const { client } = await connected({}, refusing('a', 'b'));
    await expect(client.subscribe(['a', 'b'])).rejects.toMatchObject({ reasonCode: 0x87 });
  });

  test('one of which a refusal ends do not touch others', async () => {
    const server = refusing();
    const { client } = await connected({}, server);
    const { seen } = await collect(client, 'a');
    server.script = refusing('a').script;
    await expect(client.subscribe('a')).rejects.toMatchObject({ reasonCode: 0x87 });
    server.link.publish('a', 'x');
    expect(seen).toEqual(['a=x']);
  });

  test('leave the one that client.unsubscribe() names', async () => {
    const { client, server } = await connected();
    const { seen } = await collect(client, ['a', 'b']);
    await client.unsubscribe('a');
    server.link.publish('a', 'x');
    server.link.publish('b', 'x');
    expect(seen).toEqual(['b=x']);
  });

  test('are many before MQTT 5.0 in few packets, and all are granted', async () => {
    const { client, server } = await connected({ protocolVersion: 4 });
    const filters = Array.from({ length: 20 }, (_, index) => `a/${index}`);
    const { subscription, seen } = await collect(client, filters, { qos: 1 });
    expect(subscription.grants.map(({ filter }) => filter)).toEqual(filters);
    expect(server.link.packets('subscribe').length).toBeLessThan(4);
    server.link.publish('a/19', 'x');
    expect(seen).toEqual(['a/19=x']);
  });
});

describe('many filters of one Subscription', () => {
  test('end by client.unsubscribe() without a look at all the others for each', async () => {
    const lookUps = async (count: number) => {
      const { client } = await connected();
      const filters = Array.from({ length: count }, (_, index) => `a/${index}`);
      await client.subscribe(filters, () => {});
      const get = vi.spyOn(Map.prototype, 'get');
      const unsubscribed = client.unsubscribe(filters);
      const calls = get.mock.calls.length;
      get.mockRestore();
      await unsubscribed;
      return calls;
    };
    const few = await lookUps(50);
    expect(await lookUps(200)).toBeLessThan(8 * few);
  });
});

describe('one wire filter with many Subscriptions', () => {
  test('is one filter on the wire, whatever the names of its wildcards', async () => {
    const { client, server } = await connected();
    const one = await collect(client, 'a/+x');
    const two = await collect(client, 'a/+y');
    expect(server.link.packets('subscribe')).toHaveLength(2);
    expect(server.link.packets('subscribe').map(({ subscriptions }) => subscriptions[0]?.filter)).toEqual([
      'a/+',
      'a/+',
    ]);
    expect(
      new Set(server.link.packets('subscribe').map(({ properties }) => properties?.subscriptionIdentifier))
        .size,
    ).toBe(1);
    server.link.publish('a/b', 'x');
    expect([one.seen, two.seen]).toEqual([['a/b=x'], ['a/b=x']]);
  });

  test('carries the highest QoS asked for and the newest other options', async () => {
    const { client, server } = await connected();
    await client.subscribe('a', { qos: 2, retainHandling: 2 });
    await client.subscribe('a', { qos: 1, retainAsPublished: true });
    expect(asked(server, 'a')).toEqual({
      filter: 'a',
      qos: 2,
      noLocal: false,
      retainAsPublished: true,
      retainHandling: 0,
    });
  });

  test('is unsubscribed from when the last one that waits for it is refused', async () => {
    const { client, server } = await connected();
    const { subscription } = await collect(client, 'a', { qos: 1 });
    server.script.subscribe = () => undefined;
    const renewal = watch(client.subscribe('a', { qos: 2 }));
    await turn();
    await subscription.unsubscribe();
    expect(server.link.packets('unsubscribe')).toEqual([]);
    const { packetId } = server.link.last('subscribe');
    server.link.send({ type: 'suback', packetId, reasonCodes: [0x87] });
    await turn();
    expect(renewal.error).toMatchObject({ reasonCode: 0x87 });
    expect(server.link.first('unsubscribe').filters).toEqual(['a']);
  });

  test('that is refused in a new session ends who was granted it, not who waits for an answer', async () => {
    const { client, server } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } });
    client.on('error', () => {});
    const loop = (await client.subscribe('a', { qos: 2 }))[Symbol.asyncIterator]();
    const reading = watch(loop.next());
    server.sessions.clear();
    // What was granted goes out first.
    server.script.subscribe = ({ packetId }, { received }) => ({
      type: 'suback',
      packetId,
      reasonCodes: [received.length === 2 ? 0x87 : 0],
    });
    server.link.drop();
    const { seen } = await collect(client, 'a');
    await turn();
    expect(reading.error).toMatchObject({ reasonCode: 0x87 });
    server.link.publish('a', 'x');
    expect(seen).toEqual(['a=x']);
  });

  test('forgets the QoS of a Subscription that ended', async () => {
    const { client, server } = await connected();
    const high = await client.subscribe('a', { qos: 2 });
    await client.subscribe('a');
    await high.unsubscribe();
    await client.subscribe('a', { qos: 1 });
    expect(asked(server, 'a')?.qos).toBe(1);
  });

  test('is unsubscribed from when the last Subscription ends', async () => {
    const { client, server } = await connected();
    const one = await collect(client, 'a');
    const two = await collect(client, 'a');
    await one.subscription.unsubscribe();
    expect(server.link.packets('unsubscribe')).toEqual([]);
    server.link.publish('a', 'x');
    await two.subscription.unsubscribe();
    await two.subscription.unsubscribe();
    server.link.publish('a', 'y');
    expect([one.seen, two.seen]).toEqual([[], ['a=x']]);
    expect(server.link.packets('unsubscribe').map(({ filters }) => filters)).toEqual([['a']]);
  });

  test('is over for all with client.unsubscribe()', async () => {
    const { client, server } = await connected();
    const one = await collect(client, 'a/+x');
    const two = await collect(client, 'a/+');
    await client.unsubscribe('a/+anything');
    server.link.publish('a/b', 'x');
    expect([one.seen, two.seen]).toEqual([[], []]);
    expect(server.link.packets('unsubscribe').map(({ filters }) => filters)).toEqual([['a/+']]);
    await one.subscription.unsubscribe();
    expect(server.link.packets('unsubscribe')).toHaveLength(1);
  });

  test('subscribed to again sends SUBSCRIBE again', async () => {
    const { client, server } = await connected();
    await client.subscribe('a');
    await client.subscribe('a');
    expect(server.link.packets('subscribe')).toHaveLength(2);
    await client.unsubscribe('a');
    await client.subscribe('a');
    expect(server.link.packets('subscribe')).toHaveLength(3);
  });
});

describe('unsubscribe', () => {
  test('takes a list, and sends a filter that nobody has', async () => {
    const { client, server } = await connected();
    await client.unsubscribe(['a', 'b', 'a', '$share/g/c']);
    expect(server.link.packets('unsubscribe').flatMap(({ filters }) => filters)).toEqual([
      'a',
      'b',
      '$share/g/c',
    ]);
  });

  test.each([
    ['client', (client: Client, _subscription: Subscription) => client.unsubscribe('a')],
    ['Subscription', (_client: Client, subscription: Subscription) => subscription.unsubscribe()],
  ] as const)(
    'of the %s rejects when the server refuses, and is over all the same',
    async (_, unsubscribe) => {
      const server = new FakeServer({
        unsubscribe: ({ packetId }) => ({ type: 'unsuback', packetId, reasonCodes: [0x87] }),
      });
      const { client } = await connected({}, server);
      const { subscription, seen } = await collect(client, 'a');
      await expect(unsubscribe(client, subscription)).rejects.toMatchObject({
        name: 'RefusedError',
        reasonCode: 0x87,
      });
      server.link.publish('a', 'x');
      expect(seen).toEqual([]);
    },
  );

  test('is content with 0x11, no subscription existed', async () => {
    const server = new FakeServer({
      unsubscribe: ({ packetId }) => ({ type: 'unsuback', packetId, reasonCodes: [0x11] }),
    });
    const { client } = await connected({}, server);
    await expect(client.unsubscribe('a')).resolves.toBeUndefined();
  });

  test.each([{}, { timeout: 1_000 }, { signal: new AbortController().signal }])(
    'keeps its place among calls while the store is read, with %o',
    async (wait) => {
      const { client, server } = idle({ store: memoryStore(), clientId: 'x', clean: false });
      client.connect();
      const unsubscribing = client.unsubscribe('a', wait);
      const subscribing = collect(client, 'a');
      const given = client.subscribe('b', wait, () => undefined);
      await Promise.all([unsubscribing, given, client.unsubscribe('b')]);
      const { seen } = await subscribing;
      server.link.publish('a', 'x');
      expect(seen).toEqual(['a=x']);
      expect(server.link.types).toEqual(['connect', 'unsubscribe', 'subscribe', 'unsubscribe']);
    },
  );

  test('without a connection takes effect at once and goes out with the next one', async () => {
    fakeTime();
    const { client, server } = await connected();
    const { seen } = await collect(client, 'a');
    server.link.drop();
    const unsubscribe = watch(client.unsubscribe('a'));
    await turn();
    expect(unsubscribe.state).toBe('pending');
    await vi.advanceTimersByTimeAsync(1_000);
    await turn();
    expect(unsubscribe.state).toBe('resolved');
    expect(server.link.types).toEqual(['connect', 'unsubscribe']);
    server.link.publish('a', 'x');
    expect(seen).toEqual([]);
  });

  test('can be given up, and takes effect all the same', async () => {
    fakeTime();
    const server = new FakeServer({ unsubscribe: () => undefined });
    const { client } = await connected({}, server);
    const { seen } = await collect(client, 'a');
    const timed = watch(client.unsubscribe('a', { timeout: 10 }));
    await vi.advanceTimersByTimeAsync(10);
    expect(timed.error).toMatchObject({ code: 'timeout' });
    const reason = new Error('enough');
    await expect(client.unsubscribe('a', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    server.link.publish('a', 'x');
    expect(seen).toEqual([]);
    expect(server.link.packets('unsubscribe')).toHaveLength(1);
  });

  test.each(['signal', 'timeout'] as const)(
    'given up by %s while the store is read takes effect all the same',
    async (how) => {
      fakeTime();
      let read = () => {};
      const load = async () => {
        await new Promise<void>((resolve) => {
          read = resolve;
        });
        return [];
      };
      const store = { ...memoryStore(), load };
      const { client, server } = idle({ store, clientId: 'x', clean: false });
      const controller = new AbortController();
      const collecting = collect(client, 'a');
      const wait = how === 'signal' ? { signal: controller.signal } : { timeout: 50 };
      const unsubscribe = watch(client.unsubscribe('a', wait));
      await vi.advanceTimersByTimeAsync(50);
      controller.abort();
      await turn();
      expect(unsubscribe.state).toBe('rejected');
      read();
      await client.connect();
      const { seen } = await collecting;
      await turn();
      expect(server.link.types).toEqual(['connect', 'unsubscribe']);
      server.link.publish('a', 'x');
      expect(seen).toEqual([]);
    },
  );

  test('happens with the end of a scope', async () => {
    const { client, server } = await connected();
    {
      await using subscription = await client.subscribe('a');
      expect(subscription.filter).toBe('a');
    }
    expect(server.link.first('unsubscribe').filters).toEqual(['a']);
  });
});

describe('a new session of the server', () => {
  test('gets all that was granted again, with the same identifiers, and nothing that ended', async () => {
    const { client, server } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } });
    const { seen } = await collect(client, 'a', { qos: 1, retainHandling: 1 });
    const ended = await client.subscribe('b');
    await ended.unsubscribe();
    const before = server.link.identifierOf('a');
    server.sessions.clear();
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    await turn();
    expect(server.link.packets('subscribe')).toHaveLength(1);
    expect(asked(server, 'a')).toMatchObject({ qos: 1, retainHandling: 1 });
    expect(server.link.identifierOf('a')).toBe(before);
    server.link.publish('a', 'x', { properties: { subscriptionIdentifiers: [before ?? 0] } });
    expect(seen).toEqual(['a=x']);
  });

  test('is connected before its SUBACK: nothing waits for that', async () => {
    const { client, server } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } });
    await client.subscribe('a');
    server.sessions.clear();
    server.script = { subscribe: () => undefined };
    const again = new Promise((resolve) => client.on('connect', resolve));
    server.link.drop();
    expect(await again).toMatchObject({ sessionLost: true });
    await turn();
    expect(server.link.types).toEqual(['connect', 'subscribe']);
    await client.publish('b', 'x', { qos: 1 });
  });

  test('that refuses a filter ends its Subscriptions with the error, and no others', async () => {
    const { client, server } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } });
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    const loop = (await client.subscribe('no'))[Symbol.asyncIterator]();
    const { seen } = await collect(client, ['no', 'yes']);
    const reading = watch(loop.next());
    server.sessions.clear();
    server.script.subscribe = ({ packetId, subscriptions }) => ({
      type: 'suback',
      packetId,
      reasonCodes: subscriptions.map(({ filter }) => (filter === 'no' ? 0x87 : 0)),
    });
    server.link.drop();
    await vi.waitFor(() => expect(reading.state).toBe('rejected'));
    expect(reading.error).toMatchObject({ name: 'RefusedError', reasonCode: 0x87 });
    expect(await loop.next()).toEqual({ done: true, value: undefined });
    expect(errors).toEqual([reading.error]);
    for (const topic of ['no', 'yes']) server.link.publish(topic, 'x');
    expect(seen).toEqual(['yes=x']);
  });

  test('that refuses a filter nobody iterates yet tells the first one who does', async () => {
    const { client, server } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } });
    const subscription = await client.subscribe('no');
    await turn();
    server.sessions.clear();
    server.script.subscribe = ({ packetId }) => ({ type: 'suback', packetId, reasonCodes: [0x87] });
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    await turn();
    await expect(subscription[Symbol.asyncIterator]().next()).rejects.toMatchObject({ reasonCode: 0x87 });
  });

  test('is asked for what is left, not for what was refused or has ended', async () => {
    const { client, server } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } });
    const { seen } = await collect(client, 'a', { qos: 1 });
    const ended = await client.subscribe('a', { qos: 2, retainHandling: 2 });
    await ended.unsubscribe();
    server.script.subscribe = ({ packetId, subscriptions: [one] }) => ({
      type: 'suback',
      packetId,
      reasonCodes: [one?.noLocal ? 0x87 : 1],
    });
    await expect(client.subscribe('a', { noLocal: true })).rejects.toMatchObject({ reasonCode: 0x87 });
    server.sessions.clear();
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    await turn();
    expect(server.link.packets('subscribe').map(({ subscriptions }) => subscriptions)).toEqual([
      [{ filter: 'a', qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
    ]);
    server.link.publish('a', 'x');
    expect(seen).toEqual(['a=x']);
  });

  test('is not subscribed to when the session was resumed', async () => {
    const { client, server } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } });
    const { seen } = await collect(client, 'a');
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    await turn();
    expect(server.link.types).toEqual(['connect']);
    server.link.publish('a', 'x');
    expect(seen).toEqual(['a=x']);
  });
});
