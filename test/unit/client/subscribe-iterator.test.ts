import { describe, expect, test, vi } from 'vitest';
import { type ClientOptions, type Message, UsageError } from '../../../src/index';
import { connected, fakeTime, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';

/** A client with a Subscription to `a`, and how to send it messages. */
async function subscribed(options: ClientOptions = {}, server = new FakeServer()) {
  const { client } = await connected(options, server);
  const subscription = await client.subscribe('a', { qos: 2 });
  const send = (...texts: string[]) => {
    for (const text of texts) server.link.publish('a', text, { qos: 1 });
  };
  const acked = () => server.link.packets('puback').map(({ packetId }) => packetId);
  return { client, server, subscription, send, acked };
}

const textOf = (result: IteratorResult<Message, undefined> | undefined) => result?.value?.text();

describe('a Subscription without a handler', () => {
  test('is read by a loop, and each message is acknowledged when the next one is asked for', async () => {
    const { subscription, send, acked } = await subscribed();
    const iterator = subscription[Symbol.asyncIterator]();
    send('1', '2');
    expect(textOf(await iterator.next())).toBe('1');
    await turn();
    expect(acked()).toEqual([]);
    expect(textOf(await iterator.next())).toBe('2');
    await turn();
    expect(acked()).toEqual([1]);
    const third = watch(iterator.next());
    await turn();
    expect(acked()).toEqual([1, 2]);
    expect(third.state).toBe('pending');
    send('3');
    await turn();
    expect(textOf(third.value)).toBe('3');
  });

  test('gives an iterator that can be looped over, too', async () => {
    const { subscription, send } = await subscribed();
    const iterator = subscription[Symbol.asyncIterator]();
    send('1', '2');
    expect(textOf(await iterator.next())).toBe('1');
    const rest: string[] = [];
    for await (const message of iterator) {
      rest.push(message.text());
      break;
    }
    expect(rest).toEqual(['2']);
  });

  test('collects from SUBACK on when the iterator is taken in the turn after subscribe resolves', async () => {
    const server = new FakeServer({
      subscribe: ({ packetId }, link) => [
        { type: 'suback', packetId, reasonCodes: [0] },
        link.message('a', 'at once'),
      ],
    });
    const { client } = await connected({}, server);
    const texts: string[] = [];
    for await (const message of await client.subscribe('a')) {
      texts.push(message.text());
      break;
    }
    expect(texts).toEqual(['at once']);
  });

  test('collects nothing from the next turn on until the iterator exists', async () => {
    const { client, server, subscription } = await subscribed();
    server.link.publish('a', 'provisional');
    await turn();
    server.link.publish('a', 'missed');
    const iterator = subscription[Symbol.asyncIterator]();
    server.link.publish('a', 'read');
    expect(textOf(await iterator.next())).toBe('read');
    expect(client.stats.unreadDropped).toBe(0);
  });

  test('gets what was held for it, QoS 1 and 2, once the iterator exists, in order', async () => {
    const { subscription, send, acked } = await subscribed();
    send('early');
    await turn();
    send('held');
    const iterator = subscription[Symbol.asyncIterator]();
    send('late');
    const texts = [await iterator.next(), await iterator.next(), await iterator.next()].map(textOf);
    expect(texts).toEqual(['early', 'held', 'late']);
    await turn();
    expect(acked()).toEqual([1, 2]);
  });

  test('has one iterator; a second one is a UsageError', async () => {
    const { subscription } = await subscribed();
    subscription[Symbol.asyncIterator]();
    expect(() => subscription[Symbol.asyncIterator]()).toThrow(UsageError);
    expect(() => subscription[Symbol.asyncIterator]()).toThrow(/has an iterator already/);
  });

  test('with a handler cannot be iterated', async () => {
    const { client } = await connected();
    const subscription = await client.subscribe('a', () => {});
    expect(() => subscription[Symbol.asyncIterator]()).toThrow(/has a handler already/);
  });

  test('that another one was made of has its own iterator', async () => {
    const { client, server, subscription } = await subscribed();
    const second = await client.subscribe('a');
    const iterators = [subscription, second].map((one) => one[Symbol.asyncIterator]());
    server.link.publish('a', 'x');
    for (const iterator of iterators) expect(textOf(await iterator.next())).toBe('x');
  });
});

describe('leaving the loop', () => {
  test.each(['break', 'throw', 'return'] as const)(
    'by %s acknowledges the item in hand, releases the unread and unsubscribes',
    async (how) => {
      const { client, server, subscription, send, acked } = await subscribed();
      const unclaimed: string[] = [];
      const leave = async () => {
        for await (const message of subscription) {
          expect(message.text()).toBe('1');
          if (how === 'throw') throw new Error('out');
          if (how === 'return') return;
          break;
        }
      };
      send('1', '2', '3');
      await leave().catch((error: unknown) => expect(error).toMatchObject({ message: 'out' }));
      await turn();
      expect(acked()).toEqual([1]);
      expect(server.link.first('unsubscribe').filters).toEqual(['a']);
      await client.subscribe('a', { qos: 1 }, (message) => void unclaimed.push(message.text()));
      await turn();
      expect(unclaimed).toEqual(['2', '3']);
      expect(acked()).toEqual([1, 2, 3]);
    },
  );

  test('gives the unread to nobody who had it before', async () => {
    const { client, subscription, send, acked } = await subscribed();
    const seen: string[] = [];
    await client.subscribe('a', (message) => void seen.push(message.text()));
    const iterator = subscription[Symbol.asyncIterator]();
    send('1', '2');
    await iterator.next();
    await turn();
    expect(acked()).toEqual([]);
    await iterator.return?.();
    await turn();
    expect(seen).toEqual(['1', '2']);
    expect(acked()).toEqual([1, 2]);
  });

  test('ends reads that wait, and later ones', async () => {
    const { subscription } = await subscribed();
    const iterator = subscription[Symbol.asyncIterator]();
    const waiting = [watch(iterator.next()), watch(iterator.next())];
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
    await turn();
    for (const { value } of waiting) expect(value).toEqual({ done: true, value: undefined });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
  });

  test('survives that the server refuses to unsubscribe', async () => {
    const server = new FakeServer({
      unsubscribe: ({ packetId }) => ({ type: 'unsuback', packetId, reasonCodes: [0x87] }),
    });
    const { client, subscription } = await subscribed({}, server);
    const errors = vi.fn();
    client.on('error', errors);
    for await (const _ of subscribedOnce(subscription, server)) break;
    await turn();
    expect(server.link.packets('unsubscribe')).toHaveLength(1);
    expect(errors).not.toHaveBeenCalled();
  });
});

function subscribedOnce(subscription: AsyncIterable<Message>, server: FakeServer): AsyncIterable<Message> {
  server.link.publish('a', 'x');
  return subscription;
}

describe('the end of a loop', () => {
  test('comes with unsubscribe(), after what was there', async () => {
    const { subscription, send, acked } = await subscribed();
    const iterator = subscription[Symbol.asyncIterator]();
    send('1', '2');
    await subscription.unsubscribe();
    send('3');
    expect([await iterator.next(), await iterator.next()].map(textOf)).toEqual(['1', '2']);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    await turn();
    expect(acked()).toEqual([1, 2]);
  });

  test('comes with close(), without an error', async () => {
    const { client, subscription, send } = await subscribed();
    const iterator = subscription[Symbol.asyncIterator]();
    send('1', '2');
    await iterator.next();
    await client.close({ force: true });
    expect(textOf(await iterator.next())).toBe('2');
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  test('comes with the error that closed the client', async () => {
    const { client, server, subscription } = await subscribed({ reconnect: false });
    const reading = watch(subscription[Symbol.asyncIterator]().next());
    server.link.drop();
    await turn();
    expect(client.status.type).toBe('closed');
    expect(reading.error).toMatchObject({ name: 'ConnectionError', code: 'lost' });
  });

  test('is no end when the connection is lost and comes back', async () => {
    const { server, subscription } = await subscribed({ reconnect: { minDelay: 0, maxDelay: 0 } });
    const reading = watch(subscription[Symbol.asyncIterator]().next());
    server.link.drop();
    await vi.waitFor(() => expect(server.links).toHaveLength(2));
    await turn();
    server.link.publish('a', 'x');
    await turn();
    expect(textOf(reading.value)).toBe('x');
  });

  test('is there at once for a Subscription that is over', async () => {
    const { subscription } = await subscribed();
    await subscription.unsubscribe();
    expect(await subscription[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
  });
});

describe('several reads in advance', () => {
  test('get the messages in order; each is acknowledged when the next one is handed out', async () => {
    const { subscription, send, acked } = await subscribed();
    const iterator = subscription[Symbol.asyncIterator]();
    const reads = [iterator.next(), iterator.next(), iterator.next()];
    send('1', '2');
    expect((await Promise.all(reads.slice(0, 2))).map(textOf)).toEqual(['1', '2']);
    await turn();
    expect(acked()).toEqual([1]);
    send('3');
    await turn();
    expect(acked()).toEqual([1, 2]);
  });
});

describe('queue.maxUnread', () => {
  test('bounds the unread QoS 0 of a loop: the oldest is dropped, and counted', async () => {
    const { client, server, subscription, send } = await subscribed({ queue: { maxUnread: 2 } });
    const iterator = subscription[Symbol.asyncIterator]();
    send('one');
    for (const text of ['1', '2', '3', '4']) server.link.publish('a', text);
    send('two');
    expect(client.stats.unreadDropped).toBe(2);
    const texts: (string | undefined)[] = [];
    for (let count = 0; count < 4; count += 1) texts.push(textOf(await iterator.next()));
    expect(texts).toEqual(['one', '3', '4', 'two']);
  });

  test('bounds what waits for a slow handler, too', async () => {
    const { client, server } = await connected({ queue: { maxUnread: 2 } });
    const seen: string[] = [];
    let release = () => {};
    await client.subscribe('a', (message) => {
      seen.push(message.text());
      return new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    for (const text of ['1', '2', '3', '4']) server.link.publish('a', text);
    for (let count = 0; count < 3; count += 1) {
      release();
      await turn();
    }
    expect(seen).toEqual(['1', '3', '4']);
    expect(client.stats.unreadDropped).toBe(1);
  });

  test('costs the same however much waits', async () => {
    const { server, subscription } = await subscribed({ queue: { maxUnread: 50_000 } });
    const iterator = subscription[Symbol.asyncIterator]();
    // Cost that grew with what waits would be a minute, longer than a test may take.
    for (let count = 0; count < 100_000; count += 1) server.link.publish('a', 'x');
    let count = 0;
    for (; count < 50_000; count += 1) if ((await iterator.next()).done) break;
    expect(count).toBe(50_000);
  });

  test('drops nothing of QoS 1', async () => {
    fakeTime();
    const { subscription, send } = await subscribed({ queue: { maxUnread: 1 } });
    const iterator = subscription[Symbol.asyncIterator]();
    send('1', '2', '3');
    const texts = [await iterator.next(), await iterator.next(), await iterator.next()].map(textOf);
    expect(texts).toEqual(['1', '2', '3']);
  });
});
