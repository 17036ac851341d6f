import { describe, expect, test, vi } from 'vitest';
import { Router } from '../../../src/client/router';
import type { Client, ClientOptions } from '../../../src/index';
import { connected } from '../../support/fake-client';
import { type FakeServer, turn } from '../../support/fake-server';
import { collectGarbage } from '../../support/memory';

/** Subscriptions to these filters that note which of them got what. */
async function subscribed(filters: readonly string[], options: ClientOptions = {}) {
  const { client, server } = await connected(options);
  const seen: string[] = [];
  for (const filter of filters) await note(client, filter, seen);
  return { client, server, seen };
}

function note(client: Client, filter: string, seen: string[]) {
  return client.subscribe(filter, { qos: 1 }, (message) => void seen.push(`${filter} ${message.text()}`));
}

const identifiers = (server: FakeServer, ...filters: string[]) => ({
  properties: { subscriptionIdentifiers: filters.map((filter) => server.link.identifierOf(filter) ?? 0) },
});

describe('messages at the same topic', () => {
  test('go to who is subscribed now', async () => {
    const { client, server, seen } = await subscribed(['a/+']);
    server.link.publish('a/b', '1');
    const second = await note(client, 'a/#', seen);
    server.link.publish('a/b', '2');
    const third = await note(client, 'a/#', seen);
    server.link.publish('a/b', '3');
    await third.unsubscribe();
    server.link.publish('a/b', '4');
    await second.unsubscribe();
    server.link.publish('a/b', '5');
    expect(seen).toEqual([
      'a/+ 1',
      ...['a/# 2', 'a/+ 2'],
      ...['a/# 3', 'a/# 3', 'a/+ 3'],
      ...['a/# 4', 'a/+ 4'],
      'a/+ 5',
    ]);
  });

  test('go where their own Subscription Identifiers say', async () => {
    const { server, seen } = await subscribed(['a/+', 'a/#']);
    for (const named of [['a/#'], ['a/+'], ['a/+', 'a/#'], ['a/+'], []]) {
      server.link.publish('a/b', `${named}`, named.length === 0 ? {} : identifiers(server, ...named));
    }
    expect(seen).toEqual([
      'a/# a/#',
      'a/+ a/+',
      ...['a/+ a/+,a/#', 'a/# a/+,a/#'],
      'a/+ a/+',
      ...['a/# ', 'a/+ '],
    ]);
  });

  test('go no more to a Subscription whose filter for it has gone, though it has another one', async () => {
    const { client, server } = await connected();
    const seen: string[] = [];
    await client.subscribe(['a/+', 'b'], (message) => void seen.push(message.text()));
    server.link.publish('a/b', '1');
    await client.unsubscribe('a/+');
    server.link.publish('a/b', '2');
    server.link.publish('b', '3');
    expect(seen).toEqual(['1', '3']);
  });

  test('have params that are their own to change', async () => {
    const { client, server } = await connected();
    const seen: string[] = [];
    await client.subscribe('a/+name', ({ params }) => {
      seen.push(params.name);
      params.name = 'changed';
    });
    server.link.publish('a/b', '1');
    server.link.publish('a/b', '2');
    expect(seen).toEqual(['b', 'b']);
  });

  test('with many topics go each to its own', async () => {
    const { server, seen } = await subscribed(['a/+', 'a/b7']);
    for (let round = 0; round < 2; round += 1) {
      for (let index = 0; index < 1_500; index += 1) server.link.publish(`a/b${index}`, `${index}`);
    }
    expect(seen).toHaveLength(3_002);
    expect(seen.filter((line) => line.startsWith('a/b7'))).toEqual(['a/b7 7', 'a/b7 7']);
  });
});

describe('a message with Subscription Identifiers', () => {
  test('goes to the Subscriptions that they name, and to no other whose filter matches', async () => {
    const { server, seen } = await subscribed(['a/+', 'a/#', 'a/b']);
    server.link.publish('a/b', '1', identifiers(server, 'a/#'));
    expect(seen).toEqual(['a/# 1']);
  });

  test('goes once to each when one copy names several', async () => {
    const { server, seen } = await subscribed(['a/+', 'a/#', 'a/b']);
    server.link.publish('a/b', '1', identifiers(server, 'a/+', 'a/b', 'a/+'));
    expect(seen).toEqual(['a/+ 1', 'a/b 1']);
  });

  test('costs no more when a hostile server names one again and again', () => {
    const router = new Router<object>();
    for (let count = 0; count < 3; count += 1) router.add('a', {}, () => ({}));
    router.identify('a', 1);
    router.add('+', {}, () => ({}));
    router.identify('+', 2);
    const walk = vi.spyOn(router.get('a')?.handles ?? new Map(), Symbol.iterator);
    const subscriptionIdentifiers = [1, 2, 1, 2, 1];
    const packet = {
      type: 'publish',
      topic: 'a',
      payload: new Uint8Array(0),
      qos: 0,
      retain: false,
    } as const;
    const found = router.match({ ...packet, dup: false, properties: { subscriptionIdentifiers } });
    expect([...found]).toHaveLength(4);
    expect(walk).toHaveBeenCalledTimes(1);
  });

  test('goes once to each when several copies come', async () => {
    const { server, seen } = await subscribed(['a/+', 'a/b']);
    server.link.publish('a/b', '1', identifiers(server, 'a/+'));
    server.link.publish('a/b', '1', identifiers(server, 'a/b'));
    expect(seen).toEqual(['a/+ 1', 'a/b 1']);
  });

  test('goes once to a Subscription with several of the filters', async () => {
    const { client, server } = await connected();
    const seen: string[] = [];
    await client.subscribe(['a/+x', 'a/#'], (message) => void seen.push(message.text()));
    server.link.publish('a/b', '1', identifiers(server, 'a/+', 'a/#'));
    server.link.publish('a/b', '2');
    expect(seen).toEqual(['1', '2']);
  });

  test('goes by its topic when one is not known, and is acknowledged', async () => {
    const { server, seen } = await subscribed(['a/+', 'b']);
    const known = server.link.identifierOf('b') ?? 0;
    server.link.publish('a/b', '1', { qos: 1, properties: { subscriptionIdentifiers: [known, 4_711] } });
    server.link.publish('a/b', '2', { qos: 1, properties: { subscriptionIdentifiers: [4_711] } });
    await turn();
    expect(seen).toEqual(['a/+ 1', 'a/+ 2']);
    expect(server.link.packets('puback')).toHaveLength(2);
  });

  test('goes by its topic when one is that of a filter that does not match', async () => {
    const { server, seen } = await subscribed(['a/+', '$share/g/a/b', 'b']);
    for (const named of [['b'], ['a/+', 'b'], ['b', 'a/+']]) {
      server.link.publish('a/b', `${named}`, identifiers(server, ...named));
    }
    server.link.publish('a/b', '', identifiers(server, '$share/g/a/b'));
    expect(seen).toEqual([
      ...['$share/g/a/b b', 'a/+ b'],
      ...['$share/g/a/b a/+,b', 'a/+ a/+,b'],
      ...['$share/g/a/b b,a/+', 'a/+ b,a/+'],
      '$share/g/a/b ',
    ]);
  });

  test('is looked for once while its topic and identifier stay', () => {
    const router = new Router<object>();
    router.add('a/+', {}, () => ({}));
    router.identify('a/+', 1);
    const packet = {
      type: 'publish',
      topic: 'a/b',
      payload: new Uint8Array(0),
      qos: 0,
      retain: false,
    } as const;
    const message = { ...packet, dup: false, properties: { subscriptionIdentifiers: [1] } };
    expect(router.match(message)).toBe(router.match(message));
  });

  test('leaves nothing behind that grows with topics times Subscriptions', async () => {
    const router = new Router<object>();
    const made: WeakRef<object>[] = [];
    const params = () => {
      const one = {};
      made.push(new WeakRef(one));
      return one;
    };
    for (let count = 0; count < 1_000; count += 1) router.add('a/+', {}, params);
    const match = (topic: string) => {
      const packet = { type: 'publish', topic, payload: new Uint8Array(0), qos: 0, retain: false } as const;
      return router.match({ ...packet, dup: false });
    };
    for (let count = 0; count < 100; count += 1) match(`a/${count}`);
    expect(made).toHaveLength(100_000);
    // What comes again and again is known all the same.
    expect(match('a/99')).toBe(match('a/99'));
    // A WeakRef holds on until the end of the task.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    expect(made.filter((one) => one.deref() !== undefined).length).toBeLessThan(20_000);
  });

  test('that named a filter of old goes by its topic', async () => {
    const { client, server, seen } = await subscribed(['a/+']);
    const old = identifiers(server, 'a/+');
    await client.unsubscribe('a/+');
    await note(client, 'a/#', seen);
    expect(server.link.identifierOf('a/#')).not.toBe(old.properties.subscriptionIdentifiers[0]);
    server.link.publish('a/b', '1', old);
    expect(seen).toEqual(['a/# 1']);
  });
});

describe('a message without Subscription Identifiers', () => {
  test.each([5, 4, 3] as const)(
    'goes once to all whose filter matches (version %i)',
    async (protocolVersion) => {
      const { server, seen } = await subscribed(['a/+', '#', 'a/b', 'b', '+/b', '$SYS/#'], {
        protocolVersion,
      });
      server.link.publish('a/b', '1');
      expect(seen.sort()).toEqual(['# 1', '+/b 1', 'a/+ 1', 'a/b 1']);
      server.link.publish('$SYS/uptime', '2');
      expect(seen.at(-1)).toBe('$SYS/# 2');
      expect(seen).toHaveLength(5);
    },
  );

  test('goes to shared subscriptions by the filter behind the group', async () => {
    const { server, seen } = await subscribed(['$share/g/a/+', '$share/h/a/b', 'c']);
    server.link.publish('a/b', '1');
    expect(seen).toEqual(['$share/h/a/b 1', '$share/g/a/+ 1']);
  });

  test.each([5, 4] as const)(
    'goes by any filter, whatever objects call their members (%i)',
    async (version) => {
      const filters = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
      const { client, server, seen } = await subscribed(filters, {
        protocolVersion: version,
        reconnect: { minDelay: 0, maxDelay: 0 },
      });
      for (const filter of filters) server.link.publish(filter, '1');
      server.link.publish('valueOf', '2');
      expect(seen).toEqual(filters.map((filter) => `${filter} 1`));
      server.sessions.clear();
      server.link.drop();
      await vi.waitFor(() => expect(server.links).toHaveLength(2));
      await client.connect();
      await turn();
      const again = server.link.packets('subscribe').flatMap(({ subscriptions }) => subscriptions);
      expect(again.map(({ filter }) => filter)).toEqual(filters);
    },
  );

  test('goes to thousands of Subscriptions of one filter', async () => {
    const { client, server } = await connected();
    let count = 0;
    const handler = () => {
      count += 1;
    };
    const many = Array.from({ length: 3_000 }, () => client.subscribe('a', handler));
    await Promise.all([...many, client.subscribe('#', handler)]);
    server.link.publish('a');
    expect(count).toBe(3_001);
  });
});

describe('a shared subscription', () => {
  test('names its wildcards, too, and is the same filter on the wire with other names', async () => {
    const { client, server } = await connected();
    const params: unknown[] = [];
    await client.subscribe('$share/group/a/+id/#rest', (message) => void params.push(message.params));
    expect(server.link.first('subscribe').subscriptions[0]?.filter).toBe('$share/group/a/+/#');
    server.link.publish('a/b/c/d', '', identifiers(server, '$share/group/a/+/#'));
    server.link.publish('a/b');
    expect(params).toEqual([
      { id: 'b', rest: 'c/d' },
      { id: 'b', rest: '' },
    ]);
  });

  test('is another filter than the one behind the group', async () => {
    const { client, server, seen } = await subscribed(['$share/g/a', 'a']);
    server.link.publish('a', '1', identifiers(server, '$share/g/a'));
    expect(seen).toEqual(['$share/g/a 1']);
    await client.unsubscribe('a');
    expect(server.link.last('unsubscribe').filters).toEqual(['a']);
    server.link.publish('a', '2');
    expect(seen.at(-1)).toBe('$share/g/a 2');
  });
});
