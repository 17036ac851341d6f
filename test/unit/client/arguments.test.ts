import { describe, expect, test } from 'vitest';
import type { Client, UsageError } from '../../../src/index';
import { connected, idle } from '../../support/fake-client';
import { turn } from '../../support/fake-server';

const huge = 'x'.repeat(65_536);
const lone = 'a\ud800b';
const symbol = Symbol('s');

type Call = (client: Client) => Promise<unknown>;
type Row = readonly [name: string, message: RegExp, call: Call];

/** Calls `publish` as JavaScript may. */
const publish = (...args: unknown[]) => {
  const call: Call = (client) => Reflect.apply(client.publish, client, args);
  return call;
};
const subscribe = (...args: unknown[]) => {
  const call: Call = (client) => Reflect.apply(client.subscribe, client, args);
  return call;
};
const unsubscribe = (...args: unknown[]) => {
  const call: Call = (client) => Reflect.apply(client.unsubscribe, client, args);
  return call;
};

const notAString = [undefined, null, 1, Number.NaN, true, {}, [], symbol, 10n, () => {}, new Uint8Array(1)];
const notAnObject = [
  ...[null, 1, Number.NaN, true, 'x', symbol, 10n, [], [{}]],
  // Their members would be taken for none.
  ...[new Map([['qos', 1]]), Promise.resolve({}), new Date(0), new Headers({ a: 'b' })],
];
const notABoolean = [null, 0, 1, 'true', {}, symbol];
const notAQoS = [null, -1, 3, 0.5, Number.NaN, '1', true, 1n, symbol, {}];
const notATime = [null, -1, Number.NaN, '1', true, 1n, symbol, {}];
const notASignal = [null, 1, 'x', {}, new AbortController(), symbol];
const userProperties = [
  null,
  1,
  'x',
  {},
  ['a'],
  [['a']],
  [['a', 1]],
  [['a', lone]],
  [['a\0', 'b']],
  [['a', 'b', 'c']],
];

const show = (value: unknown): string => {
  if (typeof value === 'string') return value.length > 20 ? 'a huge string' : JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return `[${value.map(show).join()}]`;
  return typeof value === 'object' && value !== null
    ? `an object (${Object.keys(value).join()})`
    : String(value);
};

/** One row for each value of one argument. */
const rows = (
  name: string,
  message: RegExp,
  values: readonly unknown[],
  make: (value: unknown) => Call,
): Row[] => values.map((value) => [`${name} ${show(value)}`, message, make(value)]);

const option = (name: string, value: unknown) => ({ [name]: value });

const publishRows: Row[] = [
  ...rows('topic', /^topic: must be a string/, notAString, (value) => publish(value, '')),
  ['topic ""', /^topic: must not be empty/, publish('', '')],
  ...rows('topic', /^topic: must not contain \+ or #/, ['+', '#', 'a/+', 'a/#', 'a+b', 'a#'], (value) =>
    publish(value, ''),
  ),
  ...rows('topic', /^topic: must not contain the null character/, ['\0', 'a\0b'], (value) =>
    publish(value, ''),
  ),
  ['topic with half a surrogate pair', /^topic: must be well-formed/, publish(lone, '')],
  ['topic of 65,536 bytes', /^topic: must not be longer than 65535 bytes/, publish(huge, '')],
  ['topic of 65,538 bytes in UTF-8', /^topic: must not be longer/, publish('€'.repeat(21_846), '')],
  ...rows(
    'payload',
    /^payload: must be a string, an ArrayBuffer or a view of one, not .*; JSON.stringify/,
    [undefined, null, 1, Number.NaN, true, {}, [1, 2], symbol, 10n, () => {}, new Date(0), new Map()],
    (value) => publish('a', value),
  ),
  ['payload of shared memory', /^payload: /, publish('a', new SharedArrayBuffer(1))],
  ['payload that is a Blob', /^payload: .* blob\.arrayBuffer\(\) /, publish('a', new Blob(['x']))],
  ...rows('options', /^options: must be an object, not /, notAnObject, (value) => publish('a', '', value)),
  ['options with a function', /^options: must be an object/, publish('a', '', () => {})],
  ['a callback', /^publish: takes no callback; await it$/, publish('a', '', { qos: 1 }, () => {})],
  ...rows(
    'option',
    /^options\.[^:]+: there is no such option; one of qos, retain/,
    ['QoS', 'dup', '__proto__x', 'constructor'],
    (name) => publish('a', '', option(String(name), 1)),
  ),
  ...rows('qos', /^options\.qos: must be one of 0, 1, 2, not /, notAQoS, (qos) => publish('a', '', { qos })),
  ...rows('retain', /^options\.retain: must be true or false, not /, notABoolean, (retain) =>
    publish('a', '', { retain }),
  ),
  ...rows(
    'until',
    /^options\.until: must be one of 'stored', 'acknowledged', not /,
    [null, 1, 'sent', true],
    (until) => publish('a', '', { qos: 1, until }),
  ),
  ...rows('key', /^options\.key: must be a string, not /, [null, 1, {}, [], symbol], (key) =>
    publish('a', '', { qos: 1, key }),
  ),
  ...rows('key', /^options\.key: must /, ['a\0', lone, huge], (key) => publish('a', '', { qos: 1, key })),
  ['key with QoS 0', /^options\.key: needs QoS 1 or 2/, publish('a', '', { key: 'k' })],
  [
    "until: 'stored' with QoS 0",
    /^options\.until: 'stored': needs QoS 1 or 2/,
    publish('a', '', { until: 'stored' }),
  ],
  ...rows('timeout', /^options\.timeout: must be a number of milliseconds/, notATime, (timeout) =>
    publish('a', '', { timeout }),
  ),
  ...rows('signal', /^options\.signal: must be an AbortSignal, not /, notASignal, (signal) =>
    publish('a', '', { signal }),
  ),
  ...rows('properties', /^options\.properties\b/, notAnObject, (properties) =>
    publish('a', '', { properties }),
  ),
  ...rows('property', /^options\.properties\b.*nonsense/, ['nonsense'], (name) =>
    publish('a', '', { properties: option(String(name), 1) }),
  ),
  ...rows(
    'payloadFormatIndicator',
    /^options\.properties\.payloadFormatIndicator/,
    [2, -1, '1', null],
    (value) => publish('a', '', { properties: { payloadFormatIndicator: value } }),
  ),
  ...rows(
    'messageExpiryInterval',
    /^options\.properties\.messageExpiryInterval/,
    [-1, 0.5, 2 ** 32, Number.NaN, '1', null],
    (value) => publish('a', '', { properties: { messageExpiryInterval: value } }),
  ),
  ...rows(
    'responseTopic',
    /^options\.properties\.responseTopic/,
    [1, null, '', 'a/+', '#', 'a\0', lone, huge],
    (value) => publish('a', '', { properties: { responseTopic: value } }),
  ),
  ...rows(
    'correlationData',
    /^options\.properties\.correlationData/,
    ['x', [1], null, new ArrayBuffer(1), new Uint8Array(65_536)],
    (value) => publish('a', '', { properties: { correlationData: value } }),
  ),
  ...rows('contentType', /^options\.properties\.contentType/, [1, null, 'a\0', lone, huge], (value) =>
    publish('a', '', { properties: { contentType: value } }),
  ),
  ...rows('userProperties', /^options\.properties\.userProperties/, userProperties, (value) =>
    publish('a', '', { properties: { userProperties: value } }),
  ),
  [
    'topicAlias',
    /^options\.properties\.topicAlias: is chosen by mqtide/,
    publish('a', '', { properties: { topicAlias: 1 } }),
  ],
  [
    'subscriptionIdentifiers',
    /^options\.properties\.subscriptionIdentifiers/,
    publish('a', '', { properties: { subscriptionIdentifiers: [1] } }),
  ],
];

const badFilters: [message: RegExp, filters: string[]][] = [
  [/: must not be empty/, ['']],
  [/: # must be the whole of the last level/, ['a#', '#/a', 'a/#/b', 'a/b#', '##', '#9/x']],
  [/: \+ must be the whole of a level/, ['a+', 'a/b+', 'a+/b']],
  [/: must not contain the null character/, ['\0', 'a/\0']],
  [/: must be well-formed/, [lone]],
  [/: must not be longer than 65535 bytes/, [huge]],
  [
    /: a shared subscription is \$share\/name\/filter/,
    ['$share/', '$share/g', '$share/g/', '$share//a', '$share/+/a', '$share/#', '$share/a+/b'].filter(
      (one) => !/#$|a\+/.test(one),
    ),
  ],
  [/cannot name a wildcard/, ['+1', 'a/+a-b', '#1', '+__proto__', '+ü']],
  [/: the name .* is used twice/, ['+a/+a', '+a/#a']],
];

const filterRows = (call: (...args: unknown[]) => Call): Row[] => [
  ...rows(
    'filter',
    /^filter: must /,
    notAString.filter((one) => !Array.isArray(one)),
    (value) => call(value),
  ),
  ['filter []', /^filter: must not be an empty list/, call([])],
  ['filter with a hole', /^filter\[0\]: must be a string/, call(new Array(1))],
  ['filter [a, 1]', /^filter\[1\]: must be a string/, call(['a', 1])],
  ['filter that is a Set', /^filter: must be a string/, call(new Set(['a']))],
  ...badFilters.flatMap(([message, filters]) => [
    ...rows(
      'filter',
      new RegExp(`^filter${message.source.startsWith(':') ? '' : '.*'}${message.source}`),
      filters,
      (value) => call(value),
    ),
    ...rows(
      'filter in a list',
      new RegExp(`^filter\\[1\\]${message.source.startsWith(':') ? '' : '.*'}${message.source}`),
      filters,
      (value) => call(['a', value]),
    ),
  ]),
  ...rows('timeout', /^options\.timeout: must be a number of milliseconds/, notATime, (timeout) =>
    call('a', { timeout }),
  ),
  ...rows('signal', /^options\.signal: must be an AbortSignal, not /, notASignal, (signal) =>
    call('a', { signal }),
  ),
  ...rows('options', /^options: must be an object, not /, notAnObject, (value) => call('a', value)),
  ...rows('option', /^options\.[^:]+: there is no such option; one of /, ['QoS', 'constructor'], (name) =>
    call('a', option(String(name), 1)),
  ),
];

const subscribeRows: Row[] = [
  ...filterRows(subscribe),
  ...rows('handler', /^handler: must be a function, not /, [null, 1, {}, 'f', symbol], (value) =>
    subscribe('a', {}, value),
  ),
  ['options after the handler', /^handler: comes after the options/, subscribe('a', () => {}, { qos: 1 })],
  ...rows('qos', /^options\.qos: must be one of 0, 1, 2, not /, notAQoS, (qos) => subscribe('a', { qos })),
  ...rows('retainHandling', /^options\.retainHandling: must be one of 0, 1, 2, not /, notAQoS, (value) =>
    subscribe('a', { retainHandling: value }),
  ),
  ...['noLocal', 'retainAsPublished'].flatMap((name) =>
    rows(name, new RegExp(`^options\\.${name}: must be true or false, not `), notABoolean, (value) =>
      subscribe('a', option(name, value)),
    ),
  ),
  [
    'noLocal with $share',
    /^options\.noLocal: a shared subscription/,
    subscribe('$share/g/a', { noLocal: true }),
  ],
  ...rows('properties', /^options\.properties: must be an object, not /, notAnObject, (properties) =>
    subscribe('a', { properties }),
  ),
  [
    'subscriptionIdentifier',
    /^options\.properties\.subscriptionIdentifier: is chosen by mqtide/,
    subscribe('a', { properties: { subscriptionIdentifier: 1 } }),
  ],
  [
    'a property that is none',
    /^options\.properties\.contentType: there is no such/,
    subscribe('a', { properties: { contentType: 'x' } }),
  ],
  ...rows('userProperties', /^options\.properties\.userProperties/, userProperties, (value) =>
    subscribe('a', { properties: { userProperties: value } }),
  ),
];

const unsubscribeRows: Row[] = [
  ...filterRows(unsubscribe),
  ['a handler', /^options: must be an object/, unsubscribe('a', () => {})],
  ['qos', /^options\.qos: there is no such option/, unsubscribe('a', { qos: 1 })],
];

/** Deep-freezes, so that any write to it throws. */
function frozen<Value>(value: Value): Value {
  if (
    typeof value === 'object' &&
    value !== null &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof AbortSignal)
  ) {
    for (const member of Object.values(value)) frozen(member);
    Object.freeze(value);
  }
  return value;
}

describe.each([
  ['publish', publishRows],
  ['subscribe', subscribeRows],
  ['unsubscribe', unsubscribeRows],
])('%s', (_, table) => {
  test.each(table)('rejects with a UsageError, and sends nothing: %s', async (_name, message, call) => {
    for (const { client, server } of [await connected(), idle()]) {
      // It must not throw, or this is no promise.
      const error = await call(client).then(
        () => undefined,
        (reason: unknown) => reason as UsageError,
      );
      expect(error).toMatchObject({ name: 'UsageError', code: 'invalid-argument' });
      expect(error?.message).toMatch(message);
      expect(error?.message.length).toBeLessThan(400);
      await turn();
      expect(server.links[0]?.types.slice(1) ?? []).toEqual([]);
      expect(client.stats.queued).toBe(0);
    }
  });
});

test('subscribe refuses No Local with a shared subscription [v5 MQTT-3.8.3-4]', async () => {
  const { client, server } = await connected();
  const subscribe = client.subscribe(['a', '$share/g/b'], { noLocal: true });
  await expect(subscribe).rejects.toThrow(/^options\.noLocal: a shared subscription cannot have it/);
  expect(server.link.packets('subscribe')).toEqual([]);
});

test('publish refuses wildcards in a Response Topic [v5 MQTT-3.3.2-14]', async () => {
  const { client, server } = await connected();
  for (const responseTopic of ['a/+', '#']) {
    const publish = client.publish('a', '', { qos: 1, properties: { responseTopic } });
    await expect(publish).rejects.toThrow(/^options\.properties\.responseTopic: must not contain \+ or #/);
  }
  expect(server.link.packets('publish')).toEqual([]);
});

describe('what is right', () => {
  test('is taken: undefined for every option', async () => {
    const { client } = await connected();
    const nothing = undefined;
    await client.publish('a', '', {
      qos: nothing,
      retain: nothing,
      properties: nothing,
      until: nothing,
      key: nothing,
      signal: nothing,
      timeout: nothing,
    });
    const properties = {
      payloadFormatIndicator: nothing,
      messageExpiryInterval: nothing,
      topicAlias: nothing,
      responseTopic: nothing,
      correlationData: nothing,
      userProperties: nothing,
      subscriptionIdentifiers: nothing,
      contentType: nothing,
    };
    await client.publish('a', '', { properties });
    const subscription = await client.subscribe('a', {
      qos: nothing,
      noLocal: nothing,
      retainAsPublished: nothing,
      retainHandling: nothing,
      properties: { userProperties: nothing },
      signal: nothing,
      timeout: nothing,
    });
    await subscription.unsubscribe();
    await client.subscribe('a', nothing, nothing);
    await client.unsubscribe('a', { signal: nothing, timeout: nothing });
    client.on('message', () => {}, { once: nothing, signal: nothing })();
    expect(client.stats.publishesFailed).toBe(0);
  });

  test.each([
    'a',
    '/',
    '//a/',
    ' ',
    '$SYS/x',
    '$share/g/a',
    'ä/😀/\ufeff',
    '\u0001',
    'x'.repeat(65_535),
    '€'.repeat(21_845),
    '__proto__',
  ])('is taken: the topic %j', async (topic) => {
    const { client, server } = await connected();
    await client.publish(topic, '', { qos: 1 });
    expect(server.link.first('publish').topic).toBe(topic);
  });

  test.each(['#', '+', '+/+', 'a/#', '/', '//', '+/', '$share/g/#', '$share/g//a', '$share', '$SYS/#', 'ü'])(
    'is taken: the filter %j',
    async (filter) => {
      const { client, server } = await connected();
      await client.subscribe(filter);
      await client.unsubscribe([filter]);
      expect(server.link.first('subscribe').subscriptions[0]?.filter).toBe(filter);
      expect(server.link.first('unsubscribe').filters).toEqual([filter]);
    },
  );

  test('is never written to', async () => {
    const { client, server } = await connected();
    const signal = new AbortController().signal;
    const properties = {
      contentType: 'x',
      correlationData: Uint8Array.of(1),
      userProperties: [['a', 'b'] as const],
      messageExpiryInterval: 60,
    };
    for (const qos of [0, 1, 2] as const) {
      await client.publish('a', '', frozen({ qos, retain: true, properties, signal, timeout: 1_000 }));
    }
    await client.publish('a', '', frozen({ qos: 1, key: 'k', until: 'stored' as const }));
    const options = frozen({
      qos: 2 as const,
      noLocal: true,
      properties: { userProperties: [['a', 'b'] as const] },
      signal,
      timeout: 1_000,
    });
    const filters = frozen(['a/+x', 'b', 'a/+x']);
    await client.subscribe(filters, options, () => {});
    await client.unsubscribe(filters, frozen({ signal, timeout: 1_000 }));
    client.on('message', () => {}, frozen({ once: true, signal }))();
    await turn();
    expect(server.link.packets('publish')).toHaveLength(4);
    expect(properties).toEqual({
      contentType: 'x',
      correlationData: Uint8Array.of(1),
      userProperties: [['a', 'b']],
      messageExpiryInterval: 60,
    });
  });

  test('may be an object of a class', async () => {
    class Options {
      readonly #qos = 1;
      get qos(): 1 {
        return this.#qos;
      }
    }
    const { client, server } = await connected();
    await client.publish('a', '', new Options());
    expect(server.link.first('publish').qos).toBe(1);
  });
});
