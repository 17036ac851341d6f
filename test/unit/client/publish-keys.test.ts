import { describe, expect, test, vi } from 'vitest';
import { memoryStore } from '../../../src/index';
import { connected, fakeTime, idle, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';
import { memoryInUse } from '../../support/memory';
import { unownedStore } from '../../support/unowned-store';

const minutes = 60_000;

describe('a key', () => {
  test('joins a message that waits or is on its way, instead of sending a second', async () => {
    const { client, server } = idle();
    const first = watch(client.publish('a', 'x', { qos: 1, key: 'k' }));
    const queued = watch(client.publish('a', 'x', { qos: 1, key: 'k' }));
    server.script.publish = () => undefined;
    await client.connect();
    await turn();
    const sent = watch(client.publish('other', 'y', { qos: 2, key: 'k' }));
    const stored = watch(client.publish('a', 'x', { qos: 1, key: 'k', until: 'stored' }));
    await turn();
    expect(server.link.packets('publish')).toHaveLength(1);
    expect([first, queued, sent, stored].map(({ state }) => state)).toEqual([
      'pending',
      'pending',
      'pending',
      'resolved',
    ]);
    server.link.send({ type: 'puback', packetId: 1, reasonCode: 0x10 });
    await turn();
    for (const { value } of [first, queued, sent]) expect(value).toEqual({ reasonCode: 0x10 });
    expect(client.stats.messagesSent).toBe(1);
  });

  test('learns how the server took it, and that it was sent anew after the server had lost the session', async () => {
    const options = { store: unownedStore(), clean: false, clientId: 'c' };
    const server = new FakeServer({
      publish: () => undefined,
      pubrel: ({ packetId }) => ({ type: 'pubcomp', packetId, reasonCode: 0x92 }),
    });
    const first = await connected(options, server);
    await first.client.publish('a', 'x', { qos: 2, key: 'k', until: 'stored' });
    await turn();
    // The page is gone without a word, and the server forgets it; whether it had the message is not known.
    expect(server.link.packets('publish')).toHaveLength(1);
    server.sessions.clear();
    delete server.script.publish;
    const { client } = idle(options, server);
    const settled: unknown[] = [];
    client.on('settled', (event) => settled.push(event));
    const joined = watch(client.publish('a', 'x', { qos: 2, key: 'k' }));
    await client.connect();
    await turn();
    const result = { reasonCode: 0x92, resent: true };
    expect(joined.value).toEqual(result);
    expect(settled).toEqual([{ key: 'k', resent: true }]);
    // A third page learns it from the key that is left.
    const third = idle(options, server);
    expect(await third.client.publish('a', 'x', { qos: 2, key: 'k' })).toEqual(result);
  });

  test('keeps nothing alive of a message that is delivered', async () => {
    let arrived = 0;
    // A server that does not look into what it gets.
    const gone = new FakeServer();
    const { client } = await connected({
      transport: {
        connect: async (...args) => {
          const connection = await gone.connect(...args);
          const write = connection.write.bind(connection);
          connection.write = (chunks) => {
            if (chunks.reduce((size, { length }) => size + length, 0) < 100_000) write(chunks);
            else gone.link.send({ type: 'puback', packetId: ++arrived, reasonCode: 0 });
          };
          return connection;
        },
      },
    });
    const before = memoryInUse();
    for (let count = 0; count < 30; count += 1)
      await client.publish('a', new Uint8Array(1_000_000), { qos: 1, key: `${count}` });
    expect(arrived).toBe(30);
    expect(memoryInUse() - before).toBeLessThan(5_000_000);
  });

  test('joins for 10 minutes after its completion, and is free then', async () => {
    fakeTime();
    const { client, server } = await connected();
    const publish = () => client.publish('a', 'x', { qos: 1, key: 'k' });
    server.script.publish = ({ packetId = 0 }) => ({ type: 'puback', packetId, reasonCode: 0x10 });
    expect(await publish()).toEqual({ reasonCode: 0x10 });
    await vi.advanceTimersByTimeAsync(10 * minutes - 1_000);
    expect(await publish()).toEqual({ reasonCode: 0x10 });
    expect(server.link.packets('publish')).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_000);
    await publish();
    expect(server.link.packets('publish')).toHaveLength(2);
  });

  test('is forgotten in time also while an older message waits', async () => {
    fakeTime();
    const { client, server } = await connected();
    server.script.publish = ({ packetId = 0, topic }) =>
      topic === 'slow' ? undefined : { type: 'puback', packetId, reasonCode: 0 };
    client.publish('slow', 'x', { qos: 1, key: 'slow' });
    await client.publish('a', 'x', { qos: 1, key: 'k' });
    await vi.advanceTimersByTimeAsync(11 * minutes);
    await client.publish('a', 'x', { qos: 1, key: 'k' });
    expect(server.link.packets('publish')).toHaveLength(3);
  });

  test('is free in time when the clock is set back meanwhile, by however much', async () => {
    fakeTime();
    const { client, server } = await connected();
    for (const back of [5, 60]) {
      const sent = server.link.packets('publish').length;
      await client.publish('a', 'x', { qos: 1, key: 'before' });
      vi.setSystemTime(Date.now() - back * minutes);
      for (const key of ['after', 'after']) await client.publish('a', 'x', { qos: 1, key });
      expect(server.link.packets('publish')).toHaveLength(sent + 2);
      await vi.advanceTimersByTimeAsync(11 * minutes);
      await client.publish('a', 'x', { qos: 1, key: 'after' });
      expect(server.link.packets('publish')).toHaveLength(sent + 3);
      await vi.advanceTimersByTimeAsync(11 * minutes);
    }
  });

  test('is free again at once after a failure', async () => {
    const { client, server } = await connected();
    server.script.publish = ({ packetId = 0 }) => ({ type: 'puback', packetId, reasonCode: 0x97 });
    await expect(client.publish('a', 'x', { qos: 1, key: 'k' })).rejects.toMatchObject({ reasonCode: 0x97 });
    server.script = {};
    expect(await client.publish('a', 'x', { qos: 1, key: 'k' })).toEqual({ reasonCode: 0 });
    expect(server.link.packets('publish')).toHaveLength(2);
  });

  test('keeps the message while another caller waits for it; the last one takes it back', async () => {
    const { client } = idle();
    const [one, two] = [new AbortController(), new AbortController()];
    const first = watch(client.publish('a', 'x', { qos: 1, key: 'k', signal: one.signal }));
    const second = watch(client.publish('a', 'x', { qos: 1, key: 'k', signal: two.signal }));
    one.abort();
    await turn();
    expect(first.error).toMatchObject({ code: 'still-stored' });
    expect(second.state).toBe('pending');
    expect(client.stats.queued).toBe(1);
    const reason = new Error('enough');
    two.abort(reason);
    await turn();
    expect(second.error).toBe(reason);
    expect(client.stats.queued).toBe(0);
    watch(client.publish('a', 'x', { qos: 1, key: 'k' }));
    expect(client.stats.queued).toBe(1);
  });

  test('names a message that stayed when the client was closed, and joins it after connect()', async () => {
    const { client, server } = await connected({ clean: false, clientId: 'c' });
    server.script.publish = () => undefined;
    const first = watch(client.publish('a', 'x', { qos: 1, key: 'k' }));
    await client.close({ force: true });
    await turn();
    expect(first.error).toMatchObject({ code: 'still-stored' });
    await expect(client.publish('a', 'x', { qos: 1, key: 'k' })).rejects.toMatchObject({ code: 'closed' });
    await client.connect();
    const second = watch(client.publish('a', 'x', { qos: 1, key: 'k' }));
    await turn();
    expect(second.state).toBe('pending');
    server.link.send({ type: 'puback', packetId: 1, reasonCode: 0 });
    await turn();
    expect(second.value).toEqual({ reasonCode: 0 });
    expect(server.link.packets('publish')).toHaveLength(1);
    expect(client.stats).toMatchObject({ messagesSent: 1, publishesFailed: 1 });
  });

  test('that joined a message which had stayed leaves nobody waiting at the next close', async () => {
    const { client, server } = await connected({ clean: false, clientId: 'c' });
    server.script.publish = () => undefined;
    watch(client.publish('a', 'x', { qos: 1, key: 'k' }));
    await client.close({ force: true });
    await client.connect();
    const joined = watch(client.publish('a', 'x', { qos: 1, key: 'k' }));
    await turn();
    await client.close({ force: true });
    await turn();
    expect(joined.error).toMatchObject({ code: 'still-stored' });
    await client.connect();
    const again = watch(client.publish('a', 'x', { qos: 1, key: 'k' }));
    await turn();
    server.link.send({ type: 'puback', packetId: 1, reasonCode: 0 });
    await turn();
    expect(again.state).toBe('resolved');
  });

  test('of a publish that waits for the client to be opened again joins it, also once that is closed', async () => {
    const { client, server } = await connected({ store: memoryStore(), clean: false, clientId: 'c' });
    const closing = client.close();
    const connecting = client.connect();
    const before = watch(client.publish('a', 'x', { qos: 1, key: 'k' }));
    await closing;
    const after = watch(client.publish('a', 'x', { qos: 1, key: 'k' }));
    await connecting;
    await turn();
    expect([before.state, after.state]).toEqual(['resolved', 'resolved']);
    expect(server.link.packets('publish')).toHaveLength(1);
  });

  test('is remembered beside 10,000 others at most', async () => {
    const { client, server } = await connected();
    const all = Array.from({ length: 10_001 }, (_, index) => `${index}`);
    const publish = (key = '') => client.publish('a', '', { qos: 1, key });
    await Promise.all(all.map(publish));
    await publish(all.at(-1));
    expect(server.link.packets('publish')).toHaveLength(10_001);
    await publish(all[0]);
    expect(server.link.packets('publish')).toHaveLength(10_002);
  });

  test('any string is one', async () => {
    const { client, server } = await connected();
    for (const key of ['', '__proto__', 'constructor', 'toString', '☃'])
      expect(await client.publish('a', 'x', { qos: 1, key })).toEqual({ reasonCode: 0 });
    expect(server.link.packets('publish')).toHaveLength(5);
  });
});

describe('a key of an earlier page', () => {
  /** A store in which a page left a message. */
  async function left() {
    const store = unownedStore();
    const options = { store, clean: false, clientId: 'c' };
    const { client } = idle(options);
    await client.publish('a', 'x', { qos: 1, key: 'k', until: 'stored' });
    await client.close({ force: true });
    return options;
  }

  test('joins the message in the store, and its end comes as settled', async () => {
    const options = await left();
    const { client, server } = idle(options);
    const settled: unknown[] = [];
    client.on('settled', (event) => settled.push(event));
    const before = watch(client.publish('a', 'x', { qos: 1, key: 'k' }));
    const stored = watch(client.publish('a', 'x', { qos: 1, key: 'k', until: 'stored' }));
    await turn();
    const after = watch(client.publish('a', 'x', { qos: 1, key: 'k' }));
    expect(stored.state).toBe('resolved');
    await client.connect();
    await turn();
    expect(server.link.packets('publish')).toHaveLength(1);
    expect([before.value, after.value]).toEqual([{ reasonCode: 0 }, { reasonCode: 0 }]);
    expect(settled).toEqual([{ key: 'k', error: undefined }]);
    expect(client.stats).toMatchObject({ messagesSent: 1 });
  });

  test('fails with the message', async () => {
    const options = await left();
    const server = new FakeServer({
      publish: ({ packetId = 0 }) => ({ type: 'puback', packetId, reasonCode: 0x87 }),
    });
    const { client } = idle(options, server);
    const settled: { key: string | undefined; error?: Error | undefined }[] = [];
    client.on('settled', (event) => settled.push(event));
    const publish = watch(client.publish('a', 'x', { qos: 1, key: 'k' }));
    await client.connect();
    await turn();
    expect(publish.error).toMatchObject({ reasonCode: 0x87 });
    expect(settled).toEqual([{ key: 'k', error: publish.error }]);
    expect(client.stats).toMatchObject({ messagesSent: 0, publishesFailed: 1 });
  });

  test('joins for 10 minutes after its completion, and is free then', async () => {
    fakeTime();
    const store = unownedStore();
    const options = { store, clean: false, clientId: 'c' };
    const server = new FakeServer({
      publish: ({ packetId = 0 }) => ({ type: 'puback', packetId, reasonCode: 0x10 }),
    });
    const first = await connected(options, server);
    for (const key of ['k', 'l']) await first.client.publish('a', 'x', { qos: 1, key });
    await turn();
    await vi.advanceTimersByTimeAsync(5 * minutes);
    // The page is gone without a word.
    const { client } = idle(options, server);
    const before = watch(client.publish('a', 'x', { qos: 1, key: 'k' }));
    await turn();
    const stored = watch(client.publish('a', 'x', { qos: 1, key: 'l', until: 'stored' }));
    await turn();
    expect([before.value, stored.value]).toEqual([{ reasonCode: 0x10 }, { reasonCode: 0x10 }]);
    await client.connect();
    await turn();
    expect(server.link.packets('publish')).toEqual([]);
    expect(client.stats).toMatchObject({ messagesSent: 0, queued: 0 });
    await vi.advanceTimersByTimeAsync(5 * minutes);
    await client.publish('a', 'x', { qos: 1, key: 'k' });
    expect(server.link.packets('publish')).toHaveLength(1);
    await turn();
    const keys = (await store.load('c')).filter(({ kind }) => kind === 'key');
    expect(keys).toMatchObject([{ id: 'k', reasonCode: 0x10 }]);
  });

  test('is stored already for who asks for that before the store is read', async () => {
    const options = await left();
    const first = await connected(options);
    await turn();
    await first.client.close({ force: true });
    const { client } = idle(options);
    const stored = watch(client.publish('a', 'x', { qos: 1, key: 'k', until: 'stored' }));
    await turn();
    expect(stored.state).toBe('resolved');
  });

  test('is forgotten by a page that comes later than 10 minutes after its completion', async () => {
    fakeTime();
    const store = unownedStore();
    const options = { store, clean: false, clientId: 'c' };
    const server = new FakeServer();
    const { client } = await connected(options, server);
    await client.publish('a', 'x', { qos: 1, key: 'k' });
    await turn();
    await vi.advanceTimersByTimeAsync(11 * minutes);
    const later = await connected(options, server);
    await turn();
    expect((await store.load('c')).filter(({ kind }) => kind === 'key')).toEqual([]);
    await later.client.publish('a', 'x', { qos: 1, key: 'k' });
    expect(server.link.packets('publish')).toHaveLength(1);
  });

  test('is not kept for ever by a page whose clock was wrong', async () => {
    fakeTime();
    const options = { store: unownedStore(), clean: false, clientId: 'c' };
    const server = new FakeServer();
    const year = 365 * 24 * 60 * minutes;
    vi.setSystemTime(Date.now() + year);
    const first = await connected(options, server);
    await first.client.publish('a', 'x', { qos: 1, key: 'k' });
    await turn();
    vi.setSystemTime(Date.now() - year);
    const { client } = await connected(options, server);
    await client.publish('a', 'x', { qos: 1, key: 'k' });
    expect(server.link.packets('publish')).toHaveLength(1);
  });

  test('that failed is free', async () => {
    const options = await left();
    const server = new FakeServer({
      publish: ({ packetId = 0 }) => ({ type: 'puback', packetId, reasonCode: 0x97 }),
    });
    const first = await connected(options, server);
    await turn();
    expect(first.client.stats.publishesFailed).toBe(1);
    server.script = {};
    const { client } = await connected(options, server);
    await client.publish('a', 'x', { qos: 1, key: 'k' });
    expect(server.link.packets('publish')).toHaveLength(1);
  });

  test('leaves nobody waiting when the client is closed', async () => {
    const options = await left();
    const first = idle(options);
    const joined = watch(first.client.publish('a', 'x', { qos: 1, key: 'k' }));
    await turn();
    await first.client.close();
    await turn();
    expect(joined.error).toMatchObject({ code: 'still-stored' });
    const { client, server } = idle(options);
    const again = watch(client.publish('a', 'x', { qos: 1, key: 'k' }));
    await client.connect();
    await turn();
    expect(again.state).toBe('resolved');
    expect(server.link.packets('publish')).toHaveLength(1);
  });

  test('is free in time when another page had the end of the message', async () => {
    fakeTime();
    const options = await left();
    const first = idle(options);
    watch(first.client.publish('a', 'x', { qos: 1, key: 'k' }));
    await turn();
    await first.client.close();
    const second = await connected(options);
    await turn();
    await second.client.close();
    await vi.advanceTimersByTimeAsync(11 * minutes);
    await first.client.connect();
    const again = watch(first.client.publish('a', 'x', { qos: 1, key: 'k' }));
    await turn();
    expect(again.state).toBe('resolved');
    expect(first.server.link.packets('publish')).toHaveLength(1);
  });

  test('cannot be taken back', async () => {
    const options = await left();
    const { client } = idle(options);
    const controller = new AbortController();
    const publish = watch(client.publish('a', 'x', { qos: 1, key: 'k', signal: controller.signal }));
    await turn();
    controller.abort();
    await turn();
    expect(publish.error).toMatchObject({ code: 'still-stored' });
    expect(client.stats.queued).toBe(1);
  });
});

describe('while the store is read', () => {
  test('a publish that was given up does not fail once more with the store', async () => {
    const store = { ...memoryStore(), load: () => Promise.reject(new Error('disk')) };
    const { client } = idle({ store, clean: false, clientId: 'c' });
    const controller = new AbortController();
    watch(client.publish('a', 'x', { qos: 1, signal: controller.signal }));
    controller.abort();
    await turn();
    expect(client.stats.publishesFailed).toBe(1);
  });

  test('a publish can be given up, and is not sent then', async () => {
    const { client, server } = idle({ store: memoryStore(), clean: false, clientId: 'c' });
    const reason = new Error('enough');
    const controller = new AbortController();
    const publish = watch(client.publish('a', 'x', { qos: 1, signal: controller.signal }));
    controller.abort(reason);
    await turn();
    expect(publish.error).toBe(reason);
    await client.connect();
    await turn();
    expect(server.link.packets('publish')).toEqual([]);
  });

  test('a publish rejects when the client is closed meanwhile', async () => {
    const { client } = idle({ store: memoryStore(), clean: false, clientId: 'c' });
    const publish = watch(client.publish('a', 'x', { qos: 1 }));
    const subscribe = watch(client.subscribe('a'));
    await client.close();
    await turn();
    expect(publish.error).toMatchObject({ code: 'closed' });
    expect(subscribe.error).toMatchObject({ code: 'closed' });
  });

  test('a publish rejects when the store cannot be read', async () => {
    const store = { ...memoryStore(), load: () => Promise.reject(new Error('disk')) };
    const { client } = idle({ store, clean: false, clientId: 'c' });
    await expect(client.publish('a', 'x', { qos: 1 })).rejects.toMatchObject({ code: 'store-failed' });
    await expect(client.subscribe('a')).rejects.toMatchObject({ code: 'store-failed' });
    expect(client.stats.publishesFailed).toBe(1);
  });
});
