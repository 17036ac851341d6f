import { describe, expect, test, vi } from 'vitest';
import { type Client, ConnectionError, type Message } from '../../../src/index';
import { connected, fakeTime, idle } from '../../support/fake-client';
import { type FakeServer, turn } from '../../support/fake-server';

/** A handler whose promises a test settles, one after the other. */
function slow() {
  const texts: string[] = [];
  const open: { resolve(): void; reject(error: unknown): void }[] = [];
  const handler = (message: Message) =>
    new Promise<void>((resolve, reject) => {
      texts.push(message.text());
      open.push({ resolve, reject });
    });
  return { handler, texts, open };
}

const then = 'then';

/** What has a `then`, be it what it may. */
const thenable = (value: unknown) => ({ [then]: value });

const acks = (server: FakeServer) =>
  server.link.packets('puback').map(({ packetId, reasonCode }) => [packetId, reasonCode]);

describe('the handler of a Subscription', () => {
  test('is called for one message after the other', async () => {
    const { client, server } = await connected();
    const { handler, texts, open } = slow();
    await client.subscribe('a', { qos: 1 }, handler);
    for (const text of ['1', '2', '3']) server.link.publish('a', text, { qos: 1 });
    expect(texts).toEqual(['1']);
    open[0]?.resolve();
    await turn();
    expect(texts).toEqual(['1', '2']);
    expect(acks(server)).toEqual([[1, 0]]);
    open[1]?.reject(new Error('failed'));
    client.on('error', () => {});
    await turn();
    expect(texts).toEqual(['1', '2', '3']);
  });

  test('runs for one message at a time also where it makes a message come', async () => {
    const { client, server } = await connected();
    server.link.publish('a', 'held', { qos: 1 });
    const log: string[] = [];
    const subscribed: Promise<unknown>[] = [];
    const handler = (message: Message) => {
      log.push(`begin ${message.text()}`);
      // A listener appears: what is held is offered anew, in this very call.
      subscribed.push(client.subscribe('a', () => {}));
      log.push(`end ${message.text()}`);
    };
    server.link.publish('a', 'held, too', { qos: 1 });
    await client.subscribe('a', { qos: 1 }, handler);
    server.link.publish('a', 'new');
    expect(log).toEqual(['held', 'held, too', 'new'].flatMap((text) => [`begin ${text}`, `end ${text}`]));
    await Promise.all(subscribed);
  });

  test('does not wait for that of another Subscription', async () => {
    const { client, server } = await connected();
    const [one, two] = [slow(), slow()];
    await client.subscribe('a', { qos: 1 }, one.handler);
    await client.subscribe('a', { qos: 1 }, two.handler);
    server.link.publish('a', '1', { qos: 1 });
    server.link.publish('a', '2', { qos: 1 });
    two.open[0]?.resolve();
    await turn();
    expect([one.texts, two.texts]).toEqual([['1'], ['1', '2']]);
    expect(acks(server)).toEqual([]);
    one.open[0]?.resolve();
    await turn();
    expect(acks(server)).toEqual([[1, 0]]);
  });

  test('holds up no other flow', async () => {
    const { client, server } = await connected();
    await client.subscribe('a', { qos: 1 }, slow().handler);
    await client.subscribe('b', { qos: 2 }, () => {});
    server.link.publish('a', 'x', { qos: 1 });
    server.link.publish('b', 'x', { qos: 2 });
    expect(await client.publish('c', 'x', { qos: 2 })).toEqual({ reasonCode: 0 });
    expect(server.link.packets('pubcomp')).toHaveLength(1);
  });

  test('may subscribe, unsubscribe and close', async () => {
    const { client, server } = await connected();
    const seen: string[] = [];
    const note = (name: string) => (message: Message) => void seen.push(`${name} ${message.topic}`);
    const ended = await client.subscribe('a/b', note('ended'));
    await client.subscribe('a/+', (message) => {
      note('first')(message);
      client.subscribe('a/#', note('nested'));
      ended.unsubscribe();
      client.unsubscribe('a/+');
    });
    server.link.publish('a/c');
    server.link.publish('a/b');
    expect(seen).toEqual(['first a/c', 'nested a/b']);
    await client.subscribe('z', () => {
      client.close({ force: true });
    });
    server.link.send(server.link.message('z'), server.link.message('a/x'));
    await turn();
    expect(seen).toEqual(['first a/c', 'nested a/b']);
    expect(client.status.type).toBe('closed');
  });

  test('that subscribes to its own filter does not begin without end', async () => {
    const { client, server } = await connected();
    let calls = 0;
    const handler = () => {
      calls += 1;
      if (calls < 100) client.subscribe('a', handler);
    };
    await client.subscribe('a', handler);
    server.link.publish('a');
    expect(calls).toBe(1);
    await turn();
    server.link.publish('a');
    expect(calls).toBe(3);
    await turn();
  });

  test('is not called once the Subscription is over; what waited is for others', async () => {
    const { client, server } = await connected();
    const { handler, texts, open } = slow();
    const subscription = await client.subscribe('a', { qos: 1 }, handler);
    server.link.publish('a', '1', { qos: 1 });
    server.link.publish('a', '2', { qos: 1 });
    await subscription.unsubscribe();
    open[0]?.resolve();
    await turn();
    expect(texts).toEqual(['1']);
    expect(acks(server)).toEqual([[1, 0]]);
    const other: string[] = [];
    await client.subscribe('a', (message) => void other.push(message.text()));
    await turn();
    expect(other).toEqual(['2']);
    expect(acks(server)).toEqual([
      [1, 0],
      [2, 0],
    ]);
  });

  test('may return what is no promise, and anything that has a then', async () => {
    const { client, server } = await connected();
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error.cause ?? error));
    const results: unknown[] = [1, null, {}, [], 'x', () => {}, thenable(1)];
    let count = 0;
    await client.subscribe('a', { qos: 1 }, () => results[count++]);
    for (const _ of results) server.link.publish('a', '', { qos: 1 });
    await turn();
    expect(acks(server)).toHaveLength(results.length);
    results.push(thenable((done: () => void) => done()));
    results.push(thenable((_: unknown, fail: (error: unknown) => void) => fail('rejected')));
    results.push(
      thenable(() => {
        throw new Error('thrown');
      }),
    );
    const getter = {
      get: () => {
        throw new Error('not even read');
      },
    };
    results.push(Object.defineProperties({}, { [then]: getter }));
    for (let sent = count; sent < results.length; sent += 1) server.link.publish('a', '', { qos: 1 });
    await turn();
    expect(
      acks(server)
        .slice(7)
        .map(([, reasonCode]) => reasonCode),
    ).toEqual([0, 0x83, 0x83, 0x83]);
    expect(errors).toEqual(['rejected', new Error('thrown'), new Error('not even read')]);
  });
});

describe('a handler that fails', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('mine');
      },
    ],
    ['rejects', () => Promise.reject(new Error('mine'))],
  ] as const)("that %s reaches 'error', and the message is acknowledged with 0x83", async (_, handler) => {
    const { client, server } = await connected();
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    await client.subscribe('a', { qos: 2 }, handler);
    server.link.publish('a', '', { qos: 1 });
    server.link.publish('a', '', { qos: 2 });
    await turn();
    expect(errors).toEqual([new Error('mine'), new Error('mine')]);
    expect(server.link.packets('puback')).toMatchObject([{ packetId: 1, reasonCode: 0x83 }]);
    expect(server.link.packets('pubrec')).toMatchObject([{ packetId: 2, reasonCode: 0x83 }]);
    expect(server.link.packets('pubcomp')).toEqual([]);
  });

  test('is acknowledged without a reason code before MQTT 5.0', async () => {
    const { client, server } = await connected({ protocolVersion: 4 });
    client.on('error', () => {});
    await client.subscribe('a', { qos: 2 }, () => Promise.reject(new Error('mine')));
    server.link.publish('a', '', { qos: 1 });
    server.link.publish('a', '', { qos: 2 });
    await turn();
    expect(server.link.types.slice(-3)).toEqual(['puback', 'pubrec', 'pubcomp']);
  });

  test('fails the message for all its takers', async () => {
    const { client, server } = await connected();
    client.on('error', () => {});
    const { handler, open } = slow();
    await client.subscribe('a', { qos: 1 }, () => {
      throw new Error('mine');
    });
    await client.subscribe('a', { qos: 1 }, handler);
    server.link.publish('a', '', { qos: 1 });
    expect(acks(server)).toEqual([]);
    open[0]?.resolve();
    await turn();
    expect(acks(server)).toEqual([[1, 0x83]]);
  });

  test("is reported as uncaught when nobody listens to 'error'", async () => {
    const { client, server } = await connected();
    const reported: unknown[] = [];
    vi.stubGlobal('reportError', (error: unknown) => reported.push(error));
    await client.subscribe('a', () => {
      throw 'a string';
    });
    server.link.publish('a');
    vi.unstubAllGlobals();
    expect(reported).toEqual(['a string']);
  });

  test('with something that is no Error reaches error as one', async () => {
    const { client, server } = await connected();
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    const thrown = ['words', Object.create(null), undefined, Symbol('s')];
    let count = 0;
    await client.subscribe('a', () => {
      throw thrown[count++];
    });
    for (const _ of thrown) server.link.publish('a');
    expect(errors.every((error) => error instanceof Error)).toBe(true);
    expect(errors.map(({ cause }) => cause)).toEqual(thrown);
    expect(errors[0]?.message).toContain('words');
  });
});

describe('handlerTimeout', () => {
  test('leaves no timer behind when the client is closed', async () => {
    fakeTime();
    const { client, server } = await connected({ keepAlive: 0 });
    const hangs = () => new Promise(() => {});
    await client.subscribe('a', hangs);
    client.on('message', hangs);
    server.link.publish('a', 'x', { qos: 1 });
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    await client.close({ force: true });
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([1, 2] as const)(
    'begins anew after close() and connect() of a kept session (QoS %i)',
    async (qos) => {
      fakeTime();
      const { client, server } = await connected({ clientId: 'x', clean: false, handlerTimeout: 1_000 });
      client.on('error', () => undefined);
      await client.subscribe('a', { qos }, () => new Promise(() => {}));
      server.link.publish('a', 'hangs', { qos });
      await client.close({ force: true });
      await client.connect();
      const seen: string[] = [];
      await client.subscribe('a', { qos }, (message) => void seen.push(message.text()));
      server.link.publish('a', 'hangs', { qos, packetId: 1, dup: true });
      server.link.publish('a', 'next', { qos, packetId: 2 });
      await vi.advanceTimersByTimeAsync(1_000);
      await turn();
      expect(seen).toEqual(['next']);
      expect(server.link.packets(qos === 1 ? 'puback' : 'pubrec').map(({ packetId }) => packetId)).toEqual([
        1, 2,
      ]);
    },
  );

  test('does not begin anew with a connection alone', async () => {
    fakeTime();
    const reconnect = { minDelay: 1, maxDelay: 1 };
    const { client, server } = await connected({ reconnect, handlerTimeout: 1_000 });
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    await client.subscribe('a', { qos: 1 }, () => new Promise(() => {}));
    server.link.publish('a', 'hangs', { qos: 1 });
    await vi.advanceTimersByTimeAsync(600);
    server.link.drop();
    await vi.advanceTimersByTimeAsync(399);
    expect([server.links.length, errors.length]).toEqual([2, 0]);
    await vi.advanceTimersByTimeAsync(1);
    expect(errors).toMatchObject([{ code: 'timeout' }]);
  });

  test('counts a handler as failed that does not settle, and goes on with the next message', async () => {
    fakeTime();
    const { client, server } = await connected({ handlerTimeout: 1_000 });
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    const { handler, texts, open } = slow();
    await client.subscribe('a', { qos: 1 }, handler);
    server.link.publish('a', '1', { qos: 1 });
    server.link.publish('a', '2', { qos: 1 });
    await vi.advanceTimersByTimeAsync(999);
    expect(texts).toEqual(['1']);
    await vi.advanceTimersByTimeAsync(1);
    await turn();
    expect(texts).toEqual(['1', '2']);
    expect(acks(server)).toEqual([[1, 0x83]]);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(ConnectionError);
    expect(errors[0]).toMatchObject({ code: 'timeout', message: expect.stringContaining("'a'") });
    open[0]?.reject(new Error('too late to count'));
    open[1]?.resolve();
    await turn();
    expect(acks(server)).toEqual([
      [1, 0x83],
      [2, 0],
    ]);
    expect(errors).toHaveLength(1);
  });

  test('is 60 seconds, and leaves no timer behind', async () => {
    fakeTime();
    const { client, server } = await connected({ keepAlive: 0 });
    client.on('error', () => {});
    const { handler, open } = slow();
    await client.subscribe('a', { qos: 1 }, handler);
    server.link.publish('a', '1', { qos: 1 });
    expect(vi.getTimerCount()).toBe(1);
    open[0]?.resolve();
    await turn();
    expect(vi.getTimerCount()).toBe(0);
    server.link.publish('a', '2', { qos: 1 });
    await vi.advanceTimersByTimeAsync(59_999);
    expect(acks(server)).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    await turn();
    expect(acks(server)).toHaveLength(2);
  });

  test('may be Infinity', async () => {
    fakeTime();
    const { client, server } = await connected({ handlerTimeout: Number.POSITIVE_INFINITY, keepAlive: 0 });
    await client.subscribe('a', slow().handler);
    server.link.publish('a');
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("'message' listeners", () => {
  test('get every message, after handlers and iterators, and their promises are waited for', async () => {
    const { client, server } = await connected();
    const order: string[] = [];
    const { handler, open } = slow();
    client.on('message', (message) => void order.push(`listener ${message.topic}`));
    client.on('message', handler);
    await client.subscribe('a', { qos: 1 }, (message) => void order.push(`handler ${message.topic}`));
    server.link.publish('a', '1', { qos: 1 });
    server.link.publish('nobody/subscribed', '2', { qos: 1 });
    expect(order).toEqual(['handler a', 'listener a', 'listener nobody/subscribed']);
    await turn();
    expect(acks(server)).toEqual([]);
    open[1]?.resolve();
    await turn();
    expect(acks(server)).toEqual([]);
    open[0]?.resolve();
    await turn();
    expect(acks(server)).toEqual([
      [1, 0],
      [2, 0],
    ]);
  });

  test('that fail are like handlers that do', async () => {
    fakeTime();
    const { client, server } = await connected({ handlerTimeout: 100 });
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    const off = client.on('message', () => {
      throw new Error('mine');
    });
    server.link.publish('a', '', { qos: 1 });
    off();
    client.on('message', () => new Promise(() => {}));
    server.link.publish('a', '', { qos: 1 });
    await vi.advanceTimersByTimeAsync(100);
    await turn();
    expect(acks(server)).toEqual([
      [1, 0x83],
      [2, 0x83],
    ]);
    expect(errors).toMatchObject([{ message: 'mine' }, { code: 'timeout' }]);
  });
});

describe('close()', () => {
  test.each([
    [
      "a 'message' listener",
      (client: Client, handler: (message: Message) => unknown) => client.on('message', handler),
    ],
    [
      'a handler',
      (client: Client, handler: (message: Message) => unknown) => client.subscribe('a', { qos: 1 }, handler),
    ],
  ] as const)('waits for %s, and for what waits for it', async (_, take) => {
    const { client, server } = await connected();
    const { handler, texts, open } = slow();
    await take(client, handler);
    server.link.publish('a', '1', { qos: 1 });
    server.link.publish('a', '2', { qos: 1 });
    const closing = client.close();
    await turn();
    expect(server.link.packets('disconnect')).toEqual([]);
    while (open.length > 0) {
      open.shift()?.resolve();
      await turn();
    }
    await closing;
    expect(texts).toEqual(['1', '2']);
    expect(server.link.types.slice(-3)).toEqual(['puback', 'puback', 'disconnect']);
  });

  test('waits for the handler of a Subscription that has ended', async () => {
    const { client, server } = await connected();
    const { handler, open } = slow();
    const subscription = await client.subscribe('a', { qos: 1 }, handler);
    server.link.publish('a', '1', { qos: 1 });
    await subscription.unsubscribe();
    const closing = client.close();
    await turn();
    expect(server.link.packets('disconnect')).toEqual([]);
    open[0]?.resolve();
    await closing;
    expect(server.link.types.slice(-2)).toEqual(['puback', 'disconnect']);
  });

  test('waits for the message that a loop works on, but not for a loop that waits', async () => {
    const { client, server } = await connected();
    const iterators = [await client.subscribe('a', { qos: 1 }), await client.subscribe('b')].map((one) =>
      one[Symbol.asyncIterator](),
    );
    const reads = iterators.map((iterator) => iterator.next());
    server.link.publish('a', '1', { qos: 1 });
    await reads[0];
    const closing = client.close();
    await turn();
    expect(server.link.packets('disconnect')).toEqual([]);
    reads.push(iterators[0]?.next() ?? Promise.reject());
    await closing;
    expect(server.link.types.slice(-2)).toEqual(['puback', 'disconnect']);
    expect(await Promise.all(reads.slice(1))).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
  });

  test('does not wait longer than its time-out, and acknowledges nothing then', async () => {
    fakeTime();
    const { client, server } = await connected();
    const { handler, open } = slow();
    await client.subscribe('a', { qos: 1 }, handler);
    server.link.publish('a', '1', { qos: 1 });
    const closing = client.close({ timeout: 100 });
    await vi.advanceTimersByTimeAsync(100);
    await closing;
    open[0]?.resolve();
    await turn();
    expect(server.link.types.at(-1)).toBe('disconnect');
    expect(acks(server)).toEqual([]);
  });

  test('gives nobody what others leave', async () => {
    const { client, server } = await connected();
    const { handler } = slow();
    await client.subscribe('a', { qos: 1 }, handler);
    server.link.publish('a', 'runs', { qos: 1 });
    server.link.publish('a', 'waits', { qos: 1 });
    const late = vi.fn();
    await client.subscribe('a', late);
    await client.close({ force: true });
    expect(late).not.toHaveBeenCalled();
  });

  test('ends requests that were not answered', async () => {
    const { client } = idle();
    const requests = [client.subscribe('a'), client.unsubscribe('b'), client.publish('c', '', { qos: 1 })];
    await client.close();
    for (const request of requests) await expect(request).rejects.toMatchObject({ code: 'closed' });
  });
});

describe('a message', () => {
  test('says what the packet said', async () => {
    const { client, server } = await connected();
    const messages: Message[] = [];
    await client.subscribe('a/+x/#rest', (message) => void messages.push(message));
    const properties = {
      contentType: 'text/plain',
      correlationData: Uint8Array.of(1),
      userProperties: [['a', 'b'] as const],
    };
    server.link.publish('a/b/c/d', '{"n":1}', { qos: 1, retain: true, dup: true, properties });
    server.link.publish('a/b', Uint8Array.of(0xef, 0xbb, 0xbf, 0xff));
    expect(messages[0]).toMatchObject({
      topic: 'a/b/c/d',
      payload: new TextEncoder().encode('{"n":1}'),
      qos: 1,
      retain: true,
      duplicate: true,
      redelivered: true,
      properties,
      params: { x: 'b', rest: 'c/d' },
    });
    expect(messages[0]?.text()).toBe('{"n":1}');
    expect(messages[0]?.json()).toEqual({ n: 1 });
    expect(messages[1]).toMatchObject({
      qos: 0,
      retain: false,
      duplicate: false,
      redelivered: false,
      properties: {},
      params: { x: 'b', rest: '' },
    });
    expect(messages[1]?.text()).toBe('\ufeff\ufffd');
    expect(() => messages[1]?.json()).toThrow(SyntaxError);
  });

  test('has params of its own Subscription each', async () => {
    const { client, server } = await connected();
    const seen: unknown[] = [];
    await client.subscribe('a/+one', (message) => void seen.push(message.params));
    await client.subscribe('a/+two', (message) => void seen.push(message.params));
    await client.subscribe(['b', 'a/#three'], (message) => void seen.push(message.params));
    await client.subscribe('a/+', (message) => void seen.push(message.params));
    client.on('message', (message) => void seen.push(message.params));
    server.link.publish('a/x');
    expect(seen).toHaveLength(5);
    for (const params of [{ one: 'x' }, { two: 'x' }, { three: 'x' }, {}])
      expect(seen).toContainEqual(params);
  });
});
