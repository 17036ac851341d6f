import { beforeEach, describe, expect, test } from 'vitest';
import { type Client, UsageError } from '../../../src/index';
import { connectIn } from '../../../src/shared/connect';
import { FakeServer, turn } from '../../support/fake-server';
import { closeTabsAfterEach, SharedTabs, url } from '../../support/shared-tabs';
import { waitFor } from '../../support/wait-for';

let server: FakeServer;
let tabs: SharedTabs;
let clients: Client[];

beforeEach(async () => {
  server = new FakeServer();
  tabs = new SharedTabs('ws://broker.example/mqtt', { transport: server });
  clients = [(await tabs.open()).client, (await tabs.open()).client];
});

closeTabsAfterEach(() => tabs);

describe.each([
  ['the tab with the connection', 0],
  ['another tab', 1],
] as const)('an argument that %s', (_which, index) => {
  test('gave counts as it was at the call', async () => {
    const client = clients[index] as Client;
    const bytes = Uint8Array.of(1);
    const property: [string, string] = ['name', 'before'];
    const published = client.publish('a', bytes, { qos: 1, properties: { userProperties: [property] } });
    bytes[0] = 2;
    property[1] = 'after';
    const filters = ['b'];
    const subscribed = client.subscribe(filters, () => {});
    filters[0] = 'c';
    await Promise.all([published, subscribed]);
    const { payload, properties } = server.link.first('publish');
    expect([...payload]).toEqual([1]);
    expect(properties?.userProperties).toEqual([['name', 'before']]);
    expect(server.link.first('subscribe').subscriptions.map(({ filter }) => filter)).toEqual(['b']);
    const unsubscribed = client.unsubscribe(filters);
    filters[0] = 'd';
    await unsubscribed;
    expect(server.link.first('unsubscribe').filters).toEqual(['c']);
  });

  test('took from a framework that watches its objects by proxies works', async () => {
    const client = clients[index] as Client;
    const watched = <Value extends object>(value: Value): Value =>
      new Proxy(value, {
        get(target, name, receiver) {
          const member: unknown = Reflect.get(target, name, receiver);
          return typeof member === 'object' && member !== null ? watched(member) : member;
        },
      });
    const properties = { userProperties: [['name', 'value']] as [string, string][] };
    const filters = watched(['b', 'c']);
    await client.subscribe(filters, watched({ qos: 1 as const, properties }), () => {});
    await client.publish('a', '1', watched({ qos: 1 as const, properties }));
    await client.unsubscribe(filters);
    expect(server.link.first('publish').properties).toMatchObject(properties);
    expect(server.link.packets('subscribe')).toMatchObject(
      filters.map((filter) => ({ properties, subscriptions: [{ filter, qos: 1 }] })),
    );
    expect(server.link.first('unsubscribe').filters).toEqual(['b', 'c']);
  });

  test('cannot send to others rejects, and what was said beside it goes its way', async () => {
    const client = clients[index] as Client;
    const call = () => {};
    const settled = await Promise.allSettled([
      client.publish('a', '1', { qos: 1 }),
      client.publish('a', '2', { qos: 1, properties: { userProperties: call as never } }),
      client.publish('a', call as never),
      client.publish(call as never, '3'),
      client.subscribe(call as never),
      client.subscribe('b', { properties: { userProperties: [[call as never, '']] } }),
      client.unsubscribe(call as never),
      client.publish('a', '4', { qos: 1 }),
    ]);
    expect(settled.map(({ status }) => status)).toEqual([
      'fulfilled',
      ...Array.from({ length: 6 }, () => 'rejected'),
      'fulfilled',
    ]);
    for (const one of settled) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(UsageError);
    expect(server.link.packets('publish')).toHaveLength(2);
  });

  test.each([
    ['null', null],
    ['a number', 1],
    ['a text', 'x'],
    ['a list', [{ qos: 1 }]],
    ['a Map', new Map([['qos', 1]])],
    ['a Promise', Promise.resolve({ qos: 1 })],
  ])('got instead of options is refused, and not taken for none: %s', async (_what, options) => {
    const client = clients[index] as Client;
    const calls = [
      client.publish('a', '1', options as never),
      client.subscribe('a', options as never),
      client.subscribe('a', options as never, () => {}),
      client.unsubscribe('a', options as never),
      client.connect(options as never),
      client.close(options as never),
    ];
    for (const call of calls)
      await expect(call).rejects.toMatchObject({
        code: 'invalid-argument',
        message: expect.stringMatching(/^options: must be an object/),
      });
    await client.publish('a', '2', { qos: 1 });
    expect(server.link.packets('publish')).toHaveLength(1);
    expect(server.link.packets('subscribe')).toEqual([]);
  });

  test('got by another name is refused with the names that there are', async () => {
    const client = clients[index] as Client;
    const options = { Signal: AbortSignal.abort() } as never;
    await expect(client.unsubscribe('a', options)).rejects.toThrow(
      'options.Signal: there is no such option; one of signal, timeout',
    );
    await expect(client.connect(options)).rejects.toThrow(
      'options.Signal: there is no such option; one of signal',
    );
  });

  test('got wrong is told of as an error there, once, and nowhere else', async () => {
    const client = clients[index] as Client;
    const told: string[] = [];
    for (const one of clients)
      one.on('error', ({ message }) => told.push(`${one === client ? 'here' : 'elsewhere'}: ${message}`));
    const publish = client.publish as (...args: unknown[]) => Promise<unknown>;
    const calls = [
      ['a/+', 'x'],
      ['a', {}],
      ['a', 'x', { qos: 3 }],
      ['a', 'x', {}, () => {}],
    ];
    for (const call of calls) await expect(publish.call(client, ...call)).rejects.toBeInstanceOf(UsageError);
    await client.publish('a', 'y', { qos: 1 });
    await new Promise((resolve) => setTimeout(resolve));
    await turn();
    expect(told.sort()).toEqual([
      expect.stringMatching(/^here: options.qos/),
      expect.stringMatching(/^here: payload/),
      expect.stringMatching(/^here: publish: takes no callback/),
      expect.stringMatching(/^here: topic/),
    ]);
    expect(server.link.packets('publish')).toHaveLength(1);
  });
});

describe('options of a shared connection', () => {
  test.each([
    ['null', null],
    ['a text', 'clean'],
    ['a number', 7],
    ['a function', () => {}],
    ['a Map', new Map()],
    ['a Promise', Promise.resolve({})],
  ])('are an object, not %s', async (_what, options) => {
    const connecting = connectIn(tabs.origin.open().environment, url, options as never);
    await expect(connecting).rejects.toMatchObject({
      name: 'UsageError',
      message: expect.stringMatching(/^options: must be an object, not /),
    });
  });

  test('count as they were at the call, also for a tab that takes over', async () => {
    server = new FakeServer();
    const urls = [new URL(url)];
    const properties = { userProperties: [['name', 'before']] as [string, string][] };
    const will = { topic: 'gone', payload: Uint8Array.of(1) };
    const reconnect = { minDelay: 1, retry: () => true };
    const password = Uint8Array.of(1);
    const credentials = { password: 'asked' };
    const options = { properties, will, reconnect, password, username: 'u', credentials: () => credentials };
    tabs = new SharedTabs(urls, { transport: server, ...options });
    const [one] = [await tabs.open(), await tabs.open()];
    urls[0] = new URL('ws://other.example');
    properties.userProperties[0] = ['name', 'after'];
    will.topic = 'changed';
    will.payload[0] = 2;
    password[0] = 2;
    one.tab.crash();
    await waitFor(() => server.links.length === 2 && server.link.received.length > 0);
    expect(server.link.url.host).toBe('broker.example');
    expect(server.link.connect).toMatchObject({
      properties: { userProperties: [['name', 'before']] },
      will: { topic: 'gone', payload: Uint8Array.of(1) },
    });
  });

  test('with methods are implementations, which stay what they are', async () => {
    const authenticate = {
      method: 'counting',
      count: 0,
      start() {
        this.count += 1;
        return undefined;
      },
      challenge: () => undefined,
    };
    server.connack = { authenticationMethod: 'counting' };
    tabs = new SharedTabs(url, { transport: server, authenticate });
    await tabs.open();
    expect(authenticate.count).toBe(1);
  });
});
