import { describe, expect, test, vi } from 'vitest';
import type { ClientOptions, Message, SessionStore } from '../../../src/index';
import { fakeTime, idle } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';
import { unownedStore } from '../../support/unowned-store';

/** Records of the inbox in a store. */
async function inbox(store: SessionStore) {
  const records = await store.load('c');
  return records.filter(({ kind }) => kind === 'inbox');
}

/** A page: a client with a durable store, that the next page gets, too. */
async function page(server: FakeServer, store: SessionStore, options: ClientOptions = {}) {
  const { client } = idle({ store, clean: false, clientId: 'c', ack: 'received', ...options }, server);
  const seen: Message[] = [];
  const open: (() => void)[] = [];
  const slow = (message: Message) => {
    seen.push(message);
    return new Promise<void>((resolve) => open.push(resolve));
  };
  await client.connect();
  await client.subscribe('a', { qos: 2 }, slow);
  return { client, seen, open, slow };
}

describe("with ack: 'received' and a durable store", () => {
  test.each([1, 2] as const)('QoS %i is saved whole before it is acknowledged', async (qos) => {
    const memory = unownedStore();
    const held: (() => void)[] = [];
    let holds = false;
    const store: SessionStore = {
      ...memory,
      write: (key, operations) =>
        holds
          ? new Promise<void>((resolve) => held.push(resolve)).then(() => memory.write(key, operations))
          : memory.write(key, operations),
    };
    const server = new FakeServer();
    const { seen } = await page(server, store);
    holds = true;
    server.link.publish('a', 'x', { qos, retain: true, properties: { contentType: 'text/plain' } });
    await turn();
    expect(seen).toHaveLength(1);
    expect(server.link.types.at(-1)).toBe('subscribe');
    expect(await inbox(memory)).toEqual([]);
    holds = false;
    for (const release of held) release();
    await turn();
    expect(server.link.types).toContain(qos === 1 ? 'puback' : 'pubrec');
    expect(await inbox(memory)).toEqual([
      {
        kind: 'inbox',
        id: 1,
        topic: 'a',
        payload: new TextEncoder().encode('x'),
        qos,
        retain: true,
        properties: { contentType: 'text/plain' },
      },
    ]);
  });

  test('a message is done with when its takers are', async () => {
    const server = new FakeServer();
    const store = unownedStore();
    const { open } = await page(server, store);
    server.link.publish('a', '1', { qos: 2 });
    server.link.publish('a', '0', { qos: 0 });
    server.link.publish('a', '2', { qos: 1 });
    await turn();
    expect(await inbox(store)).toHaveLength(2);
    for (let count = 2; count >= 0; count -= 1) {
      open.shift()?.();
      await turn();
    }
    expect(await inbox(store)).toEqual([]);
  });

  test('a message is not done with while one of its takers is not', async () => {
    const server = new FakeServer();
    const store = unownedStore();
    const { client, open } = await page(server, store);
    await client.subscribe('+', () => {});
    server.link.publish('a', '1', { qos: 1 });
    await turn();
    expect(await inbox(store)).toHaveLength(1);
    open.shift()?.();
    await turn();
    expect(await inbox(store)).toEqual([]);
  });

  test('a message that is handled at once is not saved', async () => {
    const server = new FakeServer();
    const store = unownedStore();
    const write = vi.spyOn(store, 'write');
    const { client } = idle({ store, clientId: 'c', ack: 'received' }, server);
    await client.connect();
    await client.subscribe('b', { qos: 1 }, () => {});
    await turn();
    write.mockClear();
    server.link.publish('b', 'x', { qos: 1 });
    await turn();
    expect(server.link.packets('puback')).toHaveLength(1);
    expect(write).not.toHaveBeenCalled();
  });

  test.each([true, false])(
    'it is handed out after a crash, whether the server has the session (%s)',
    async (has) => {
      const server = new FakeServer();
      const store = unownedStore();
      await page(server, store);
      server.link.publish('a', '1', { qos: 1 });
      server.link.publish('a', '2', { qos: 2, properties: { contentType: 'x' } });
      server.link.publish('b', 'nobody took it', { qos: 1 });
      await turn();
      if (!has) server.sessions.clear();
      const { client, seen, open } = await page(server, store);
      expect(server.links).toHaveLength(2);
      open.shift()?.();
      await turn();
      expect(seen.map((message) => message.text())).toEqual(['1', '2']);
      for (const message of seen) expect(message).toMatchObject({ redelivered: true, duplicate: false });
      expect(seen[1]?.properties).toEqual({ contentType: 'x' });
      open.shift()?.();
      await turn();
      expect(await inbox(store)).toMatchObject([{ topic: 'b' }]);
      client.on('message', () => {});
      await turn();
      expect(await inbox(store)).toEqual([]);
      expect(server.link.packets('puback')).toEqual([]);
    },
  );

  /** A page goes that has received a message and is not done with it. */
  async function leaving() {
    const server = new FakeServer();
    const store = unownedStore();
    await page(server, store);
    server.link.publish('a', 'x', { qos: 1 });
    await turn();
    return { server, store };
  }

  test('it is for all that subscribed before the store was read, not for the first of them', async () => {
    const { server, store } = await leaving();
    const { client } = idle({ store, clean: false, clientId: 'c', ack: 'received' }, server);
    const seen: string[] = [];
    client.on('message', () => void seen.push('listener'));
    for (const filter of ['a', '#', 'b'])
      client.subscribe(filter, { qos: 1 }, () => void seen.push(filter)).catch(() => {});
    await client.connect();
    await turn();
    expect(seen.sort()).toEqual(['#', 'a', 'listener']);
    expect(await inbox(store)).toEqual([]);
  });

  test('it is for the listener that was there before connect, too', async () => {
    const { server, store } = await leaving();
    const { client } = idle({ store, clean: false, clientId: 'c', ack: 'received' }, server);
    const seen: Message[] = [];
    client.on('message', (message) => void seen.push(message));
    await client.connect();
    expect(seen).toMatchObject([{ topic: 'a', redelivered: true }]);
    await turn();
    expect(await inbox(store)).toEqual([]);
  });

  test('it is read anew when a listener that gets it closes the client', async () => {
    const { server, store } = await leaving();
    const load = vi.fn(store.load);
    const { client } = idle(
      { store: { ...store, load }, clean: false, clientId: 'c', ack: 'received' },
      server,
    );
    const seen: string[] = [];
    client.on('message', (message) => {
      seen.push(message.text());
      if (seen.length === 1) return client.close({ force: true });
      return undefined;
    });
    await expect(client.connect()).rejects.toMatchObject({ code: 'closed' });
    await client.connect();
    expect(load).toHaveBeenCalledTimes(2);
    expect(seen).toEqual(['x', 'x']);
  });

  test('it is no part of the session: it outlives the end of that with clean: true', async () => {
    const server = new FakeServer();
    const store = unownedStore();
    const first = await page(server, store, { clean: true });
    server.link.publish('a', 'x', { qos: 2 });
    await turn();
    await first.client.close({ force: true });
    expect((await store.load('c')).map(({ kind }) => kind)).toEqual(['inbox']);
    const second = await page(server, store, { clean: true });
    expect(second.seen.map((message) => message.text())).toEqual(['x']);
  });

  test('it is saved beside those that come later', async () => {
    const server = new FakeServer();
    const store = unownedStore();
    await page(server, store);
    server.link.publish('b', 'old', { qos: 1 });
    await turn();
    await page(server, store);
    server.link.publish('b', 'new', { qos: 1 });
    await turn();
    expect(await inbox(store)).toMatchObject([
      { payload: new TextEncoder().encode('old') },
      { payload: new TextEncoder().encode('new') },
    ]);
  });

  test('it is given up like any other that nobody takes, counted from the connection', async () => {
    const server = new FakeServer();
    const store = unownedStore();
    const first = await page(server, store);
    server.link.publish('b', 'x', { qos: 1 });
    await turn();
    await first.client.close({ force: true });
    fakeTime();
    const { client } = idle({ store, clean: false, clientId: 'c', ack: 'received' }, server);
    const unclaimed: Message[] = [];
    client.on('unclaimed', (message) => void unclaimed.push(message));
    client.publish('a', '', { qos: 1 });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(unclaimed).toEqual([]);
    await client.connect();
    await vi.advanceTimersByTimeAsync(9_999);
    expect(unclaimed).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(unclaimed.map((message) => message.text())).toEqual(['x']);
    await turn();
    expect(await inbox(store)).toEqual([]);
  });

  test('it waits through close() and connect(), and comes again when its handler was not done at close()', async () => {
    const server = new FakeServer();
    const store = unownedStore();
    const { client, seen, open, slow } = await page(server, store);
    for (const text of ['runs', 'waits']) server.link.publish('a', text, { qos: 2 });
    server.link.publish('b', 'held', { qos: 2 });
    await client.close({ force: true });
    expect(await inbox(store)).toHaveLength(3);
    // From here on the session may be another's: nothing is written.
    open.shift()?.();
    await turn();
    expect(await inbox(store)).toHaveLength(3);
    await client.connect();
    await client.subscribe('+', slow);
    for (let count = 0; count < 3; count += 1) {
      open.shift()?.();
      await turn();
    }
    expect(seen.map((message) => [message.text(), message.redelivered])).toEqual([
      ['runs', false],
      ['runs', true],
      ['waits', true],
      ['held', true],
    ]);
    expect(await inbox(store)).toEqual([]);
  });
});

describe("with ack: 'manual' and a durable store", () => {
  test('a message that is acknowledged before its handler is done comes again after a crash', async () => {
    const server = new FakeServer();
    const store = unownedStore();
    const first = await page(server, store, { ack: 'manual' });
    server.link.publish('a', 'early', { qos: 2 });
    first.seen[0]?.ack();
    first.seen[0]?.ack();
    await turn();
    expect(server.link.packets('pubrec')).toHaveLength(1);
    expect(await inbox(store)).toHaveLength(1);
    const second = await page(server, store, { ack: 'manual' });
    expect(second.seen.map((message) => message.text())).toEqual(['early']);
    second.seen[0]?.ack();
    second.open[0]?.();
    await turn();
    expect(await inbox(store)).toEqual([]);
  });

  test('a message that is acknowledged before an earlier one comes once to a later page', async () => {
    const server = new FakeServer();
    const store = unownedStore();
    const { client } = await page(server, store, { ack: 'manual' });
    const messages: Message[] = [];
    client.on('message', (message) => void messages.push(message));
    for (const text of ['first', 'second']) server.link.publish('a', text, { qos: 2 });
    messages[1]?.ack();
    await turn();
    expect(server.link.packets('pubrec')).toEqual([]);
    expect(await inbox(store)).toHaveLength(1);
    const { seen, open } = await page(server, store, { ack: 'manual' });
    server.link.publish('a', 'second', { qos: 2, packetId: 2, dup: true });
    open[0]?.();
    await turn();
    expect(server.link.packets('pubrec')).toMatchObject([{ packetId: 2 }]);
    expect(seen.map((message) => message.text())).toEqual(['second']);
    expect(await inbox(store)).toEqual([]);
  });

  test('a message that is acknowledged by its end does not', async () => {
    const server = new FakeServer();
    const store = unownedStore();
    const { seen, open } = await page(server, store, { ack: 'manual' });
    server.link.publish('a', 'x', { qos: 2 });
    open[0]?.();
    await turn();
    seen[0]?.ack();
    await turn();
    expect(await inbox(store)).toEqual([]);
    expect(server.link.packets('pubcomp')).toHaveLength(1);
  });
});

test('without a durable store nothing is saved', async () => {
  const server = new FakeServer();
  const { client } = idle({ ack: 'received' }, server);
  await client.connect();
  await client.subscribe('a', { qos: 1 }, () => new Promise(() => {}));
  server.link.publish('a', 'x', { qos: 1 });
  await turn();
  expect(server.link.packets('puback')).toHaveLength(1);
});
