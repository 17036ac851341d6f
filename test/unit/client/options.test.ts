import { describe, expect, test } from 'vitest';
import type { Client, ClientOptions } from '../../../src/index';
import { createClient as createBrowserClient, UsageError } from '../../../src/index';
import { connect, createClient } from '../../../src/node';
import { connected, idle } from '../../support/fake-client';
import { FakeServer } from '../../support/fake-server';

const url = 'ws://127.0.0.1:9';

/** Options for a title. */
function shown(options: unknown): string {
  return (JSON.stringify(options) ?? 'undefined').slice(0, 80);
}

/** What a call throws or rejects with. */
async function failureOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** What a framework with deep reactivity makes of an object. */
function reactive<const Value extends object>(object: Value): Value {
  return new Proxy(object, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'object' && member !== null ? reactive(member) : member;
    },
  });
}

function expectUsageError(error: unknown, name: string, code = 'invalid-argument'): void {
  expect(error).toBeInstanceOf(UsageError);
  expect(error).toMatchObject({ code });
  // The argument first, then the rule.
  expect((error as Error).message.slice(0, name.length)).toBe(name);
  expect((error as Error).message.length).toBeGreaterThan(name.length + 10);
}

const nothing = null as never;
const auth = { method: 'M', start: () => undefined, challenge: () => undefined };
const store = { load: async () => [], write: () => undefined, clear: async () => undefined };
const long = 'x'.repeat(65_536);

/** Options that are refused, by the name that the message begins with. */
const refused: readonly [name: string, options: unknown][] = [
  ['options', nothing],
  ['options', 'ws://x'],
  ['options', []],
  ['options', 5],
  ['options.keepalive', { keepalive: 5 }],
  ['options.onConnect', { onConnect: undefined }],

  ...([3.1, 6, '5', 'mqtt', nothing, {}] as const).map((value): [string, unknown] => [
    'options.protocolVersion',
    { protocolVersion: value },
  ]),
  ...(['', 5, nothing, {}, 'a\0b', 'a\ud800', '\udc00', long] as const).map((value): [string, unknown] => [
    'options.clientId',
    { clientId: value },
  ]),
  ['options.clientId', { clean: false }],
  ...([0, 'yes', nothing, {}] as const).map((value): [string, unknown] => [
    'options.clean',
    { clean: value },
  ]),
  ...([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 0x1_0000_0000, '5', nothing] as const).map(
    (value): [string, unknown] => ['options.sessionExpiryInterval', { sessionExpiryInterval: value }],
  ),
  ['options.sessionExpiryInterval', { clean: false, clientId: 'a', sessionExpiryInterval: 0 }],
  ...([-1, 1.5, 65_536, Number.NaN, Number.POSITIVE_INFINITY, '60', nothing] as const).map(
    (value): [string, unknown] => ['options.keepAlive', { keepAlive: value }],
  ),
  ...([5, nothing, {}, 'a\0', '\ud800', long] as const).map((value): [string, unknown] => [
    'options.username',
    { username: value },
  ]),
  ...([5, nothing, {}, [], true, long, new Uint8Array(65_536)] as const).map((value): [string, unknown] => [
    'options.password',
    { password: value },
  ]),
  ...(['token', nothing, {}, true] as const).flatMap((value): [string, unknown][] => [
    ['options.credentials', { credentials: value }],
    ['options.clock', { clock: value }],
  ]),

  ...([nothing, 'a/b', [], 5] as const).map((value): [string, unknown] => ['options.will', { will: value }]),
  ['options.will.message', { will: { topic: 'a', message: 'gone' } }],
  ...([undefined, nothing, '', 5, 'a/+', '#', 'a\0', '\udc00', long] as const).map(
    (topic): [string, unknown] => ['options.will.topic', { will: { topic } }],
  ),
  ...([5, nothing, {}, [1, 2], long] as const).map((payload): [string, unknown] => [
    'options.will.payload',
    { will: { topic: 'a', payload } },
  ]),
  ...([3, -1, '1', nothing, 0.5] as const).map((qos): [string, unknown] => [
    'options.will.qos',
    { will: { topic: 'a', qos } },
  ]),
  ...([1, 'true', nothing] as const).map((retain): [string, unknown] => [
    'options.will.retain',
    { will: { topic: 'a', retain } },
  ]),
  ['options.will.properties', { will: { topic: 'a', properties: 5 } }],
  ['options.will.properties', { will: { topic: 'a', properties: nothing } }],
  ...Object.entries({
    delay: 5,
    willDelayInterval: -1,
    payloadFormatIndicator: 2,
    messageExpiryInterval: 1.5,
    contentType: 5,
    responseTopic: 'a/#',
    correlationData: 'text',
    userProperties: { a: 'b' },
    topicAlias: 1,
  }).map(([member, value]): [string, unknown] => [
    `options.will.properties.${member}`,
    { will: { topic: 'a', properties: { [member]: value } } },
  ]),
  [
    'options.will.properties.userProperties',
    { will: { topic: 'a', properties: { userProperties: [['a', 5]] } } },
  ],

  ...([-1, Number.NaN, '30', nothing] as const).flatMap((value): [string, unknown][] => [
    ['options.connectTimeout', { connectTimeout: value }],
    ['options.handlerTimeout', { handlerTimeout: value }],
    ['options.unclaimedTimeout', { unclaimedTimeout: value }],
    ['options.reconnect.stableAfter', { reconnect: { stableAfter: value } }],
  ]),
  ...([true, 5, 'no', nothing, []] as const).map((value): [string, unknown] => [
    'options.reconnect',
    { reconnect: value },
  ]),
  ['options.reconnect.retries', { reconnect: { retries: 5 } }],
  ...([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, '5', nothing] as const).flatMap(
    (value): [string, unknown][] => [
      ['options.reconnect.minDelay', { reconnect: { minDelay: value } }],
      ['options.reconnect.maxDelay', { reconnect: { maxDelay: value } }],
    ],
  ),
  ['options.reconnect.maxDelay', { reconnect: { minDelay: 100, maxDelay: 99 } }],
  ...([0, -1, 1.5, Number.NaN, '5', nothing] as const).map((value): [string, unknown] => [
    'options.reconnect.maxAttempts',
    { reconnect: { maxAttempts: value } },
  ]),
  ['options.reconnect.initial', { reconnect: { initial: 1 } }],
  ['options.reconnect.retry', { reconnect: { retry: true } }],

  ...([5, 'drop', nothing, []] as const).map((value): [string, unknown] => [
    'options.queue',
    { queue: value },
  ]),
  ['options.queue.maxSize', { queue: { maxSize: 5 } }],
  ...([-1, 1.5, Number.NaN, '5', nothing] as const).flatMap((value): [string, unknown][] => [
    ['options.queue.maxMessages', { queue: { maxMessages: value } }],
    ['options.queue.maxBytes', { queue: { maxBytes: value } }],
    ['options.queue.maxUnread', { queue: { maxUnread: value } }],
  ]),
  ['options.queue.qos0', { queue: { qos0: true } }],
  ['options.queue.overflow', { queue: { overflow: 'drop' } }],

  ...([0, -1, 1.5, 65_536, Number.POSITIVE_INFINITY, '5', nothing] as const).map(
    (value): [string, unknown] => ['options.maxInflight', { maxInflight: value }],
  ),
  ...([true, 'drop', nothing] as const).flatMap((value): [string, unknown][] => [
    ['options.sessionLost', { sessionLost: value }],
    ['options.redirect', { redirect: value }],
    ['options.topicAliases', { topicAliases: value }],
    ['options.ack', { ack: value }],
  ]),

  ...([5, 'x', nothing, []] as const).map((value): [string, unknown] => [
    'options.properties',
    { properties: value },
  ]),
  // These have options of their own, or are ours.
  ...(['sessionExpiryInterval', 'authenticationMethod', 'authenticationData', 'receiveMax'] as const).map(
    (member): [string, unknown] => [`options.properties.${member}`, { properties: { [member]: 1 } }],
  ),
  ...Object.entries({
    receiveMaximum: [0, 65_536, 1.5, '5', nothing],
    maximumPacketSize: [0, 0x1_0000_0000, Number.POSITIVE_INFINITY, '5', nothing],
    topicAliasMaximum: [-1, 65_536, '5', nothing],
    requestResponseInformation: [2, 'yes', nothing],
    requestProblemInformation: [2, 'yes', nothing],
    userProperties: [{ a: 'b' }, [['a']], [['a', 5]], ['ab'], [['a', '\0']], nothing],
  }).flatMap(([member, values]) =>
    values.map((value): [string, unknown] => [
      `options.properties.${member}`,
      { properties: { [member]: value } },
    ]),
  ),

  ...([5, nothing, 'SCRAM', () => undefined] as const).map((value): [string, unknown] => [
    'options.authenticate',
    { authenticate: value },
  ]),
  ...([undefined, '', 5, 'a\0'] as const).map((method): [string, unknown] => [
    'options.authenticate.method',
    { authenticate: { ...auth, method } },
  ]),
  ['options.authenticate.start', { authenticate: { ...auth, start: undefined } }],
  ['options.authenticate.challenge', { authenticate: { ...auth, challenge: 5 } }],
  ['options.authenticate.success', { authenticate: { ...auth, success: 5 } }],
  ...([5, nothing, 'memory'] as const).map((value): [string, unknown] => ['options.store', { store: value }]),
  ['options.store.load', { store: { ...store, load: undefined } }],
  ['options.store.write', { store: { ...store, write: 5 } }],
  ['options.store.clear', { store: { ...store, clear: null } }],
  ...([5, nothing, 'ws'] as const).map((value): [string, unknown] => [
    'options.transport',
    { transport: value },
  ]),
  ['options.transport.connect', { transport: {} }],

  ...([5, nothing, 'ws'] as const).map((value): [string, unknown] => [
    'options.webSocket',
    { webSocket: value },
  ]),
  ['options.webSocket.protocol', { webSocket: { protocol: 'mqtt' } }],
  ['webSocket.constructor', { webSocket: { constructor: 'WebSocket' } }],
  ...(['mqtt', [5], nothing, {}] as const).map((protocols): [string, unknown] => [
    'options.webSocket.protocols',
    { webSocket: { protocols } },
  ]),
  ...([5, 'a: b', nothing, [], { a: 5 }, { a: ['b'] }, new Headers({ a: 'b' })] as const).map(
    (headers): [string, unknown] => ['options.webSocket.headers', { webSocket: { headers } }],
  ),
  ...([5, 'pem', nothing, []] as const).map((value): [string, unknown] => ['options.tls', { tls: value }]),
  ['tls.ca', { tls: { ca: 5 } }],
  ['tls.CA', { tls: { CA: 'pem' } }],
];

/** Every option of which a wrong value is in the table. */
const covered = new Set(refused.map(([name]) => name.split('.')[1] ?? name));

describe('a wrong option', () => {
  test.each(refused.map(([name, options]) => [name, shown(options), options] as const))(
    '%s is a UsageError of createClient that names it: %s',
    async (name, _, options) => {
      const error = await failureOf(() => createClient(url, options as ClientOptions));
      expectUsageError(error, name);
      const rejection = await failureOf(() => connect(url, options as ClientOptions));
      expect((rejection as Error).message).toBe((error as Error).message);
    },
  );

  test('is an empty client identifier, with a clean session or without [v3 MQTT-3.1.3-7]', async () => {
    for (const clean of [true, false]) {
      const error = await failureOf(() => createClient(url, { clientId: '', clean, protocolVersion: 4 }));
      expectUsageError(error, 'options.clientId');
    }
  });

  test('is looked for in every option there is', () => {
    const all: Record<keyof ClientOptions, true> = {
      protocolVersion: true,
      clientId: true,
      clean: true,
      sessionExpiryInterval: true,
      keepAlive: true,
      username: true,
      password: true,
      credentials: true,
      will: true,
      connectTimeout: true,
      reconnect: true,
      queue: true,
      maxInflight: true,
      sessionLost: true,
      redirect: true,
      properties: true,
      topicAliases: true,
      authenticate: true,
      store: true,
      ack: true,
      handlerTimeout: true,
      unclaimedTimeout: true,
      clock: true,
      transport: true,
      webSocket: true,
      tls: true,
    };
    expect(Object.keys(all).filter((name) => !covered.has(name) && name !== 'webSocket')).toEqual([]);
  });

  test('is told before anything is opened, by connect as a rejection', async () => {
    const server = new FakeServer();
    let call: Promise<Client> | undefined;
    expect(() => {
      call = connect('ws://fake', { transport: server, keepAlive: -1 });
    }).not.toThrow();
    expectUsageError(await failureOf(() => call), 'options.keepAlive');
    expect(server.attempts).toEqual([]);
  });
});

describe('a wrong URL', () => {
  test.each<[name: string, urls: unknown]>([
    ['url', undefined],
    ['url', nothing],
    ['url', 5],
    ['url', {}],
    ['url', ''],
    ['url', 'broker.example'],
    ['url', '//broker.example'],
    ['url', 'ftp://broker.example'],
    ['url', 'http://broker.example'],
    ['url', 'https://broker.example'],
    ['url', 'ws://'],
    ['url', 'ws://a b'],
    ['url', 'ws://a:99999'],
    ['url', 'mqtt://a:0'],
    ['url', 'ws://a/#mqtt'],
    ['url', 'ws://us%er@a'],
    ['url', []],
    ['url[1]', ['ws://a', 'gopher://a']],
    ['url[0]', [nothing]],
  ])('%s is a UsageError of createClient: %j', async (name, urls) => {
    const error = await failureOf(() => createClient(urls as string));
    expectUsageError(error, `${name}:`);
    const rejection = await failureOf(() => connect(urls as string));
    expect((rejection as Error).message).toBe((error as Error).message);
  });

  test.each(['mqtt://a', 'mqtts://a', 'tcp://a', 'tls://a'])(
    '%s is unsupported in a browser',
    async (given) => {
      const error = await failureOf(() => createBrowserClient(given));
      expectUsageError(error, 'url:', 'unsupported');
      expect((error as Error).message).toContain('wss:');
      expect(createClient(given).status.type).toBe('idle');
    },
  );

  test('may have any known scheme when a transport is given', () => {
    expect(createBrowserClient('mqtt://a', { transport: new FakeServer() }).status).toEqual({ type: 'idle' });
  });
});

describe('an option that an environment does not have', () => {
  test.each<[string, ClientOptions]>([
    ['options.tls', { tls: {} }],
    ['options.webSocket.headers', { webSocket: { headers: {} } }],
  ])('%s is unsupported in a browser', async (name, options) => {
    expectUsageError(await failureOf(() => createBrowserClient('ws://a', options)), name, 'unsupported');
  });
});

describe('an option that only MQTT 5.0 has', () => {
  const only5: [string, ClientOptions][] = [
    ['options.sessionExpiryInterval', { sessionExpiryInterval: 5 }],
    ['options.authenticate', { authenticate: auth }],
    [
      'options.will.properties.willDelayInterval',
      { will: { topic: 'a', properties: { willDelayInterval: 0 } } },
    ],
    ['options.properties.receiveMaximum', { properties: { receiveMaximum: 5 } }],
    ['options.properties.topicAliasMaximum', { properties: { topicAliasMaximum: 5 } }],
    ['options.properties.requestResponseInformation', { properties: { requestResponseInformation: false } }],
    ['options.properties.requestProblemInformation', { properties: { requestProblemInformation: true } }],
    ['options.properties.userProperties', { properties: { userProperties: [['a', 'b']] } }],
  ];

  test.each(only5)('%s needs it', async (name, options) => {
    for (const protocolVersion of [4, 3] as const) {
      const error = await failureOf(() => createClient(url, { ...options, protocolVersion }));
      expectUsageError(error, `${name}:`, 'needs-mqtt-5');
      expect((error as Error).message).toContain("protocolVersion: 5 or 'auto'");
    }
    expect(createClient(url, { ...options, protocolVersion: 5 }).status.type).toBe('idle');
    expect(createClient(url, options).status.type).toBe('idle');
  });

  test('is missed by none of the others', () => {
    const options: ClientOptions = {
      protocolVersion: 4,
      properties: { maximumPacketSize: 1_000, userProperties: [] },
      will: { topic: 'a', properties: {} },
      // The user name may come from the URL or from credentials.
      password: 'p',
    };
    expect(createClient(url, options).status.type).toBe('idle');
  });
});

describe('options', () => {
  /** Options that no one may write to. */
  const frozen = (): ClientOptions =>
    deepFreeze({
      protocolVersion: 5,
      clientId: 'frozen',
      clean: false,
      sessionExpiryInterval: 10,
      keepAlive: 30,
      username: 'u',
      password: 'p',
      credentials: () => deepFreeze({ username: 'v' }),
      will: { topic: 'w', payload: 'gone', qos: 1, properties: { userProperties: [['a', 'b']] } },
      connectTimeout: 5_000,
      reconnect: { minDelay: 1, maxDelay: 2, retry: () => true },
      queue: { maxMessages: 5 },
      maxInflight: 5,
      properties: { receiveMaximum: 5, userProperties: [['c', 'd']] },
      webSocket: { protocols: ['mqtt'] },
    });

  test('are never written to, and used as they were at the call', async () => {
    const options = frozen();
    const { client, server } = await connected(options);
    await client.publish('a', 'b', deepFreeze({ qos: 1, properties: { userProperties: [['e', 'f']] } }));
    server.link.drop();
    await client.connect(deepFreeze({}));
    await client.close(deepFreeze({ properties: { userProperties: [['g', 'h']] } }));
    expect(server.links).toHaveLength(2);
    expect(server.links[1]?.connect).toMatchObject({ clientId: 'frozen', username: 'v', keepAlive: 30 });
  });

  test('may be changed after the call, to no effect', async () => {
    const password = new TextEncoder().encode('secret');
    const payload = Buffer.from('gone');
    const userProperties: [string, string][] = [['a', 'b']];
    const options: ClientOptions = {
      username: 'u',
      password,
      will: { topic: 'w', payload, properties: { userProperties } },
      properties: { userProperties },
    };
    const { client, server } = idle(options);
    password.fill(0);
    payload.fill(0);
    userProperties.push(['c', 'd']);
    options.username = 'x';
    await client.connect();
    const { connect } = server.link;
    expect(new TextDecoder().decode(connect.password)).toBe('secret');
    expect(new TextDecoder().decode(connect.will?.payload)).toBe('gone');
    expect(connect.will?.properties?.userProperties).toEqual([['a', 'b']]);
    expect(connect.properties?.userProperties).toEqual([['a', 'b']]);
    expect(connect.username).toBe('u');
  });

  test('may be proxies all the way down, as a framework makes them of its state', async () => {
    const { client, server } = await connected(
      reactive({
        will: { topic: 'w', properties: { userProperties: [['a', 'b']] } },
        properties: { userProperties: [['c', 'd']] },
        webSocket: { protocols: ['mqtt'] },
        queue: { maxMessages: 5 },
      }),
    );
    await client.subscribe(
      reactive(['a/+x', 'b']),
      reactive({ properties: { userProperties: [['e', 'f']] } }),
    );
    await client.publish('a', 'b', reactive({ qos: 1, properties: { userProperties: [['g', 'h']] } }));
    await client.close(reactive({ properties: { userProperties: [['i', 'j']] } }));
    const { connect } = server.link;
    expect(connect.will?.properties?.userProperties).toEqual([['a', 'b']]);
    expect(connect.properties?.userProperties).toEqual([['c', 'd']]);
    expect(server.link.options.protocols).toEqual(['mqtt']);
    expect(server.link.last('subscribe').properties?.userProperties).toEqual([['e', 'f']]);
    expect(server.link.last('publish').properties?.userProperties).toEqual([['g', 'h']]);
    expect(server.link.last('disconnect').properties?.userProperties).toEqual([['i', 'j']]);
  });

  test('for the handshake may be changed after the call, too', async () => {
    const { createClient } = await import('../../../src/node');
    const headers = { 'x-token': '1' };
    const protocols = ['mqtt'];
    const server = new FakeServer();
    const client = createClient('ws://fake', { transport: server, webSocket: { headers, protocols } });
    headers['x-token'] = '2';
    protocols.push('other');
    await client.connect();
    await client.close();
    expect(server.link.options).toMatchObject({ headers: { 'x-token': '1' }, protocols: ['mqtt'] });
  });

  test('that are undefined are left out', async () => {
    const names = [
      'protocolVersion',
      'clientId',
      'clean',
      'keepAlive',
      'will',
      'reconnect',
      'queue',
      'store',
      'tls',
    ];
    const { client } = idle(Object.fromEntries(names.map((name) => [name, undefined])));
    await expect(client.connect()).resolves.toMatchObject({ protocolVersion: 5 });
  });

  test('make a client identifier of 23 letters and digits, new per client [v5 MQTT-3.1.3-5, v3 MQTT-3.1.3-5]', () => {
    const ids = Array.from({ length: 50 }, () => createClient(url).clientId);
    for (const id of ids) expect(id).toMatch(/^mqtide[0-9A-Za-z]{17}$/);
    expect(new Set(ids).size).toBe(50);
    // Every one of 36 has its turn in 850 draws.
    expect(new Set(ids.join('').replaceAll('mqtide', '')).size).toBeGreaterThan(33);
  });

  test('have the defaults that the documentation names', async () => {
    const { server } = await connected();
    expect(server.link.connect).toEqual({
      type: 'connect',
      protocolVersion: 5,
      clientId: expect.stringMatching(/^mqtide/),
      clean: true,
      keepAlive: 60,
      properties: {
        sessionExpiryInterval: 300,
        receiveMaximum: 256,
        maximumPacketSize: 16 * 1_048_576,
        topicAliasMaximum: 64,
      },
    });
    const kept = await connected({ clean: false, clientId: 'kept' });
    expect(kept.server.link.connect.properties?.sessionExpiryInterval).toBe(604_800);
  });

  test('of a will reach CONNECT with all properties', async () => {
    const properties = {
      willDelayInterval: 5,
      payloadFormatIndicator: 1,
      messageExpiryInterval: 60,
      contentType: 'text/plain',
      responseTopic: 'answers',
      correlationData: Uint8Array.of(1, 2),
      userProperties: [
        ['a', 'b'],
        ['a', 'c'],
      ],
    } as const;
    const will = { topic: 'state', payload: 'gone', qos: 2, retain: true, properties } as const;
    const { server } = await connected({ will });
    const sent = server.link.connect.will;
    expect(sent).toMatchObject({ topic: 'state', qos: 2, retain: true, properties });
    expect(new TextDecoder().decode(sent?.payload)).toBe('gone');
  });
});

describe('secrets', () => {
  const secret = 's3cr3t';
  const withSecret: [string, () => unknown][] = [
    ['a URL with a bad scheme', () => createClient(`http://user:${secret}@host`)],
    ['a URL without a scheme', () => createClient(`user:${secret}@host`)],
    ['a URL with a fragment', () => createClient(`ws://user:${secret}@host/#x`)],
    ['a URL that is none', () => createClient(`ws://user:${secret}@ho st`)],
    ['a URL with a bad escape', () => createClient(`ws://%zz:${secret}@host`)],
    ['a URL in a list', () => createClient(['ws://ok', `ftp://user:${secret}@host`])],
    ['a URL for Node', () => createBrowserClient(`mqtt://user:${secret}@host`)],
    ['a password with a wrong type', () => createClient(url, { password: { secret } as never })],
    ['a numeric password', () => createClient(url, { password: 53_107 as never })],
    ['a password that is too long', () => createClient(url, { password: secret.repeat(20_000) })],
    ['a username with U+0000', () => createClient(url, { username: `${secret}\0` })],
    [
      'a header that is no string',
      () => createClient(url, { webSocket: { headers: { a: 53_107 as never } } }),
    ],
  ];

  test.each(withSecret)('are not in the message about %s', async (_, call) => {
    const error = await failureOf(call);
    expect(error).toBeInstanceOf(UsageError);
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      expect(`${cause.message} ${cause.stack?.split('\n')[0]}`).not.toMatch(/s3cr3t|53107/);
    }
  });

  test('in a URL move into CONNECT and out of the status', async () => {
    const server = new FakeServer();
    const client = createClient(`ws://us%40er:${secret}@host/mqtt`, { transport: server });
    const seen: string[] = [];
    client.on('status', (status) => seen.push(JSON.stringify(status)));
    await client.connect();
    await client.close();
    expect(server.attempts).toEqual(['ws://host/mqtt']);
    expect(server.link.connect.username).toBe('us@er');
    expect(new TextDecoder().decode(server.link.connect.password)).toBe(secret);
    expect(seen.join()).not.toContain(secret);
  });

  test('given as options are stronger than those of the URL', async () => {
    const server = new FakeServer();
    const options = { transport: server, username: 'a', password: 'b' };
    const client = createClient('ws://u:p@host', options);
    await client.connect();
    await client.close();
    expect(server.link.connect.username).toBe('a');
    expect(new TextDecoder().decode(server.link.connect.password)).toBe('b');
  });
});

describe('a wrong argument', () => {
  test.each<[name: string, options: unknown]>([
    ['options', nothing],
    ['options', 5],
    ['options.timeout', { timeout: 5 }],
    ['options.signal', { signal: 5 }],
    ['options.signal', { signal: nothing }],
    ['options.signal', { signal: {} }],
  ])('%s of connect is a rejection: %j', async (name, options) => {
    const { client, server } = idle();
    let call: Promise<unknown> | undefined;
    expect(() => {
      call = client.connect(options as never);
    }).not.toThrow();
    expectUsageError(await failureOf(() => call), name);
    expect(client.status).toEqual({ type: 'idle' });
    expect(server.attempts).toEqual([]);
  });

  const close: [name: string, options: unknown][] = [
    ['options', nothing],
    ['options', true],
    ['options.now', { now: true }],
    ['options.force', { force: 1 }],
    ...([-1, Number.NaN, '5', nothing] as const).map((timeout): [string, unknown] => [
      'options.timeout',
      { timeout },
    ]),
    // 0x87 and 0x8B are a server's [v5 3.14.2.1].
    ...([-1, 1, 5, 0x87, 0x8b, 256, 1.5, '0', nothing] as const).map((reasonCode): [string, unknown] => [
      'options.reasonCode',
      { reasonCode },
    ]),
    ['options.properties', { properties: 5 }],
    ['options.properties.serverReference', { properties: { serverReference: 'a' } }],
    ['options.properties.sessionExpiryInterval', { properties: { sessionExpiryInterval: -1 } }],
    ['options.properties.reasonString', { properties: { reasonString: 5 } }],
    ['options.properties.userProperties', { properties: { userProperties: { a: 'b' } } }],
  ];

  test.each(close)('%s of close is a rejection and closes nothing: %j', async (name, options) => {
    const { client } = await connected();
    let call: Promise<void> | undefined;
    expect(() => {
      call = client.close(options as never);
    }).not.toThrow();
    expectUsageError(await failureOf(() => call), name);
    expect(client.status.type).toBe('connected');
  });

  test('of close that the connection cannot carry is one, too', async () => {
    const v3 = await connected({ protocolVersion: 4 });
    const properties = { reasonString: 'bye' };
    expectUsageError(
      await failureOf(() => v3.client.close({ properties })),
      'options.properties.reasonString:',
      'needs-mqtt-5',
    );
    expect(v3.client.status.type).toBe('connected');
    const v5 = await connected({ sessionExpiryInterval: 0 });
    expectUsageError(
      await failureOf(() => v5.client.close({ properties: { sessionExpiryInterval: 5 } })),
      'options.properties.sessionExpiryInterval:',
    );
  });

  test.each<[unknown, unknown, unknown?]>([
    ['toString', () => undefined],
    ['connected', () => undefined],
    [5, () => undefined],
    ['status', undefined],
    ['status', {}],
    ['status', () => undefined, 5],
    ['status', () => undefined, { once: 1 }],
    ['status', () => undefined, { signal: 1 }],
    ['status', () => undefined, { passive: true }],
  ])('of on throws: %j', (event, listener, options) => {
    const { client } = idle();
    expect(() => client.on(event as 'status', listener as () => void, options as never)).toThrow(UsageError);
  });
});

function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  for (const member of Object.values(value)) deepFreeze(member);
  return Object.freeze(value);
}
