import { beforeEach, describe, expect, test, vi } from 'vitest';
import { type Client, type Message, memoryStore, type SessionStore } from '../../../src/index';
import { TopicTrie } from '../../../src/topic/topic-trie';
import { FakeServer, turn } from '../../support/fake-server';
import { closeTabsAfterEach, fakeTabTimers, SharedTabs, seconds, url } from '../../support/shared-tabs';
import { waitFor } from '../../support/wait-for';

let server: FakeServer;
let tabs: SharedTabs;

beforeEach(() => {
  server = new FakeServer();
  tabs = new SharedTabs(url, { transport: server });
});

closeTabsAfterEach(() => tabs);

/** Collects the messages of a filter. */
async function collect(client: Client, filter: string): Promise<Message[]> {
  const messages: Message[] = [];
  await client.subscribe(filter, { qos: 2 }, (message) => {
    messages.push(message);
  });
  return messages;
}

const texts = (messages: readonly Message[]) => messages.map((message) => message.text());

describe("with ack: 'manual'", () => {
  test('a message of a tab that crashed before it acknowledged waits for the tab to be reloaded', async () => {
    tabs = new SharedTabs(url, { transport: server, ack: 'manual' });
    await tabs.open();
    const two = await tabs.open();
    const before = await collect(two.client, 'a');
    server.link.publish('a', '1', { qos: 1 });
    await waitFor(() => before.length === 1);
    await turn();
    two.tab.crash();
    const reloaded = await tabs.open();
    const after = await collect(reloaded.client, 'a');
    await waitFor(() => after.length === 1);
    expect(after[0]?.redelivered).toBe(true);
    expect(server.link.types).not.toContain('puback');
    after[0]?.ack(0x10);
    await waitFor(() => server.link.types.includes('puback'));
    expect(server.link.first('puback').reasonCode).toBe(0x10);
  });

  test('a message of a tab that crashed is acknowledged when nobody takes it, and reported', async () => {
    const options = { ack: 'manual', unclaimedTimeout: 5 } as const;
    tabs = new SharedTabs(url, { transport: server, ...options });
    const one = await tabs.open();
    const two = await tabs.open();
    const unclaimed: string[] = [];
    one.client.on('unclaimed', (message) => unclaimed.push(message.text()));
    const messages = await collect(two.client, 'a');
    server.link.publish('a', '1', { qos: 1 });
    await waitFor(() => messages.length === 1);
    await turn();
    two.tab.crash();
    await waitFor(() => server.link.types.includes('puback'));
    await waitFor(() => unclaimed.length === 1);
  });
});

test("ack: 'manual' works through the proxy that a framework puts around a message", async () => {
  tabs = new SharedTabs(url, { transport: server, ack: 'manual' });
  const { client } = await tabs.open();
  await client.subscribe('a', { qos: 1 }, (message) => new Proxy(message, {}).ack(0x10));
  server.link.publish('a', '1', { qos: 1 });
  await waitFor(() => server.link.types.includes('puback'));
  expect(server.link.first('puback').reasonCode).toBe(0x10);
});

describe('a message that a tab has no taker for', () => {
  test('is handed out once, though its taker makes another one appear', async () => {
    const { client } = await tabs.open();
    await client.subscribe('a', { qos: 1 });
    await new Promise((resolve) => setTimeout(resolve));
    for (const text of ['1', '2']) server.link.publish('a', text, { qos: 1 });
    await turn();
    const seen: string[] = [];
    client.on('message', (message) => {
      seen.push(message.text());
      client.on('message', () => {});
    });
    await waitFor(() => server.link.packets('puback').length === 2);
    expect(seen).toEqual(['1', '2']);
  });

  test('is handed to a Subscription that comes later, with params of its own', async () => {
    await tabs.open();
    const { client } = await tabs.open();
    await client.subscribe('a/+first', { qos: 1 });
    await new Promise((resolve) => setTimeout(resolve));
    server.link.publish('a/b', '1', { qos: 1 });
    await turn();
    server.script.subscribe = () => undefined;
    const seen: unknown[] = [];
    client.subscribe(['x', 'a/+second'], ({ params }) => seen.push(params)).catch(() => {});
    await waitFor(() => server.link.types.includes('puback'));
    expect(seen).toEqual([{ second: 'b' }]);
  });

  test('is not looked at again and again for Subscriptions that came before', async () => {
    const { client } = await tabs.open();
    await client.subscribe('a/#', { qos: 1 });
    await new Promise((resolve) => setTimeout(resolve));
    for (let count = 0; count < 200; count += 1) server.link.publish(`a/${count}`, '', { qos: 1 });
    await turn();
    const match = vi.spyOn(TopicTrie.prototype, 'match');
    for (let count = 0; count < 10; count += 1) await client.subscribe(`b/+n${count}`, { qos: 1 }, () => {});
    const calls = match.mock.calls.length;
    match.mockRestore();
    expect(calls).toBe(2_000);
    const messages = await collect(client, '#');
    await waitFor(() => messages.length === 200);
  });

  test('that waited for a handler whose Subscription ends is for one that comes later', async () => {
    await tabs.open();
    const { client } = await tabs.open();
    const slow = await client.subscribe('a', { qos: 1 }, () => new Promise(() => {}));
    for (const text of ['1', '2']) server.link.publish('a', text, { qos: 1 });
    await turn();
    await slow.unsubscribe();
    const messages = await collect(client, '#');
    await waitFor(() => messages.length === 1);
    expect(texts(messages)).toEqual(['2']);
  });

  test.each(['handled', 'manual'] as const)(
    'is not acknowledged while another tab works on it, with ack: %s',
    async (ack) => {
      tabs = new SharedTabs(url, { transport: server, ack, unclaimedTimeout: 5 });
      const [one, two] = [await tabs.open(), await tabs.open()];
      let end = () => {};
      await one.client.subscribe('a', { qos: 1 }, async (message) => {
        await new Promise<void>((resolve) => {
          end = resolve;
        });
        if (ack === 'manual') message.ack();
      });
      await two.client.subscribe('a', { qos: 1 });
      await turn();
      const unclaimed = vi.fn();
      two.client.on('unclaimed', unclaimed);
      server.link.publish('a', '1', { qos: 1 });
      await waitFor(() => unclaimed.mock.calls.length === 1);
      await turn();
      await turn();
      expect(server.link.types).not.toContain('puback');
      end();
      await waitFor(() => server.link.types.includes('puback'));
    },
  );

  test('waits for the tab that took it to be reloaded', async () => {
    tabs = new SharedTabs(url, { transport: server, unclaimedTimeout: 200 });
    const [one, two] = [await tabs.open(), await tabs.open()];
    const begun = vi.fn(() => new Promise(() => {}));
    await two.client.subscribe('a', { qos: 1 }, begun);
    await one.client.subscribe('a', { qos: 1 });
    await turn();
    const unclaimed = vi.fn();
    one.client.on('unclaimed', unclaimed);
    server.link.publish('a', '1', { qos: 1 });
    await waitFor(() => unclaimed.mock.calls.length === 1);
    two.tab.crash();
    await turn();
    expect(server.link.types).not.toContain('puback');
    const reloaded = await tabs.open();
    const messages = await collect(reloaded.client, 'a');
    await waitFor(() => messages.length === 1);
  });

  test('is answered when it was given up while there was no hub, and comes again', async () => {
    const options = { unclaimedTimeout: 5, clean: false, clientId: 'tabs', store: memoryStore() };
    tabs = new SharedTabs(url, { transport: server, ...options });
    const [one, two] = [await tabs.open(), await tabs.open()];
    await two.client.subscribe('a', { qos: 1 });
    await turn();
    const unclaimed = vi.fn();
    two.client.on('unclaimed', unclaimed);
    server.link.publish('a', '1', { qos: 1, packetId: 7 });
    await waitFor(() => tabs.origin.said.some((said) => JSON.stringify(said).includes('"packetId":7')));
    await turn();
    one.tab.freeze();
    await waitFor(() => unclaimed.mock.calls.length === 1);
    one.tab.crash();
    await waitFor(() => server.links.length === 2 && two.client.status.type === 'connected');
    server.link.publish('a', '1', { qos: 1, packetId: 7, dup: true });
    await waitFor(() => server.link.types.includes('puback'));
    expect(unclaimed).toHaveBeenCalledOnce();
  });
});

describe.each(['handled', 'manual', 'received'] as const)(
  'a message of an earlier session that no tab has subscribed to, with ack: %s',
  (ack) => {
    test('is handed to the Subscription that comes for it', async () => {
      tabs = new SharedTabs(url, { transport: server, ack });
      const [one] = [await tabs.open(), await tabs.open()];
      server.link.publish('a/b', 'x', { qos: 1 });
      await turn();
      expect(server.link.types.includes('puback')).toBe(ack === 'received');
      const seen = vi.fn((message: Message) => ack === 'manual' && message.ack());
      await one.client.subscribe('b/+x', { qos: 1 }, seen);
      await one.client.subscribe('a/+name', { qos: 1 }, seen);
      await waitFor(() => server.link.types.includes('puback') && seen.mock.calls.length === 1);
      expect(seen.mock.calls[0]?.[0]).toMatchObject({ params: { name: 'b' }, redelivered: false });
    });

    test('is reported when none comes, in all tabs', async () => {
      fakeTabTimers();
      tabs = new SharedTabs(url, { transport: server, ack });
      const unclaimed: string[] = [];
      for (const { client } of [await tabs.open(), await tabs.open()])
        client.on('unclaimed', (message) => unclaimed.push(message.text()));
      server.link.publish('a', 'x', { qos: 1 });
      await seconds(9);
      expect(unclaimed).toEqual([]);
      await seconds(2);
      expect(unclaimed).toEqual(['x', 'x']);
      expect(server.link.packets('puback')).toHaveLength(1);
    });
  },
);

test('what settles from an earlier hub is not taken for a message of the new one', async () => {
  const [one, two] = [await tabs.open(), await tabs.open()];
  const ends: (() => void)[] = [];
  await two.client.subscribe('#', { qos: 1 }, () => new Promise<void>((resolve) => ends.push(resolve)));
  // All empty payloads are one object, so the hub knows the identifier of the last one only.
  server.link.send(server.link.message('a', '', { qos: 1 }), server.link.message('b', '', { qos: 1 }));
  await waitFor(() => ends.length === 1);
  one.tab.crash();
  await waitFor(() => server.links.length === 2 && server.link.types.includes('subscribe'));
  const loop = (await two.client.subscribe('c', { qos: 1 }))[Symbol.asyncIterator]();
  server.link.publish('c', 'new', { qos: 1 });
  await loop.next();
  await turn();
  for (const end of ends) end();
  await waitFor(() => ends.length >= 2);
  await turn();
  expect(server.link.types).not.toContain('puback');
});

test('a slow reader is none of the hub’s failures with ack: received', async () => {
  fakeTabTimers();
  tabs = new SharedTabs(url, { transport: server, ack: 'received', handlerTimeout: 100 });
  const [one, two] = [await tabs.open(), await tabs.open()];
  const errors = vi.fn();
  one.client.on('error', errors);
  two.client.on('error', errors);
  const loop = (await two.client.subscribe('a', { qos: 1 }))[Symbol.asyncIterator]();
  server.link.publish('a', '1', { qos: 1 });
  for (let index = 0; index < 5; index += 1) {
    await vi.advanceTimersByTimeAsync(100);
    await turn();
  }
  expect(errors).not.toHaveBeenCalled();
  const first = await loop.next();
  expect(texts([first.value as Message])).toEqual(['1']);
});

test('messages without a payload are known again one by one at the next hub', async () => {
  const options = { clean: false, clientId: 'tabs', store: memoryStore() };
  tabs = new SharedTabs(url, { transport: server, ...options });
  const [one, two] = [await tabs.open(), await tabs.open()];
  const ends: (() => void)[] = [];
  await two.client.subscribe('a', { qos: 2 }, () => new Promise<void>((resolve) => ends.push(resolve)));
  const send = (dup: boolean) =>
    server.link.send(...[5, 6].map((packetId) => server.link.message('a', '', { qos: 2, packetId, dup })));
  send(false);
  await waitFor(() => ends.length === 1);
  await turn();
  one.tab.crash();
  await waitFor(() => server.links.length === 2 && server.link.types.includes('subscribe'));
  send(true);
  await turn();
  ends[0]?.();
  await waitFor(() => ends.length === 2);
  ends[1]?.();
  await waitFor(() => server.link.packets('pubrec').length === 2);
  expect(server.link.packets('pubrec').map(({ packetId }) => packetId)).toEqual([5, 6]);
  expect(ends).toHaveLength(2);
});

test.each(['before', 'after'])(
  "ack: 'received' hands a message out once, whose handler ends %s the next hub has restored it",
  async (when) => {
    const options = { clean: false, clientId: 'tabs', store: memoryStore(), ack: 'received' } as const;
    tabs = new SharedTabs(url, { transport: server, ...options });
    const [one, two] = [await tabs.open(), await tabs.open()];
    const seen: string[] = [];
    const ends: (() => void)[] = [];
    await two.client.subscribe('a', { qos: 2 }, (message) => {
      seen.push(message.text());
      return new Promise<void>((resolve) => ends.push(resolve));
    });
    for (const text of ['1', '2']) server.link.publish('a', text, { qos: 2 });
    await waitFor(() => server.link.packets('pubcomp').length === 2 && seen.length === 1);
    one.tab.crash();
    if (when === 'before') ends.shift()?.();
    await waitFor(() => server.links.length === 2 && server.link.types.includes('subscribe'));
    await turn();
    for (let count = 0; count < 3; count += 1) {
      ends.shift()?.();
      await turn();
    }
    expect(seen).toEqual(['1', '2']);
    expect(await records(options.store)).toEqual([]);
  },
);

describe("with ack: 'received' a hub that takes over", () => {
  const store = () => memoryStore();

  /** Tabs that have the connection one after the other, and two with slow handlers. */
  async function open(kept: SessionStore, owners = 1) {
    tabs = new SharedTabs(url, {
      transport: server,
      clean: false,
      clientId: 'tabs',
      ack: 'received',
      store: kept,
    });
    for (let count = 0; count < owners; count += 1) await tabs.open();
    return { two: await slow('a'), three: await slow('+') };
  }

  async function slow(filter: string) {
    return slowIn((await tabs.open()).client, filter);
  }

  async function slowIn(client: Client, filter: string) {
    const seen: string[] = [];
    const ends: (() => void)[] = [];
    await client.subscribe(filter, { qos: 2 }, (message) => {
      seen.push(message.text());
      return new Promise<void>((resolve) => ends.push(resolve));
    });
    const end = () => ends.shift()?.();
    return { client, seen, end };
  }

  /** The tab with the connection crashes. */
  async function crash() {
    const links = server.links.length;
    tabs.owner?.crash();
    await waitFor(() => server.links.length > links && server.link.types.includes('connect'));
    await turn();
  }

  /** All handlers end, again and again. */
  async function finish(...all: Awaited<ReturnType<typeof slow>>[]) {
    for (let count = 0; count < 6; count += 1) {
      for (const { end } of all) end();
      await turn();
    }
  }

  test.each([1, 2, 3])('hands out once in each tab what the store has, after %d crashes', async (crashes) => {
    const kept = store();
    const { two, three } = await open(kept, crashes);
    for (const text of ['1', '2', '3']) server.link.publish('a', text, { qos: 2 });
    await waitFor(() => server.link.packets('pubcomp').length === 3 && three.seen.length === 1);
    // What waits for its answer is asked of each hub again, at once.
    server.script.publish = () => undefined;
    for (const { client } of [two, three]) client.publish('b', 'x', { qos: 1 }).catch(() => {});
    await turn();
    // The other one is not done with it: the store has it still.
    two.end();
    await turn();
    for (let count = 0; count < crashes; count += 1) await crash();
    await finish(two, three);
    expect(two.seen).toEqual(['1', '2', '3']);
    expect(three.seen).toEqual(['1', '2', '3']);
    expect(await records(kept)).toEqual([]);
  });

  test.each([1, 2, 3])(
    'hands out once to each Subscription what the store has, of which one is behind, after each of %d crashes',
    async (crashes) => {
      const kept = store();
      const { two } = await open(kept, crashes);
      const all = await slowIn(two.client, '#');
      const quick = await collect(two.client, 'b');
      const filters = ['a', 'b', 'b', 'a', 'b', 'b'];
      for (const [text, filter] of filters.entries()) server.link.publish(filter, String(text), { qos: 2 });
      await waitFor(() => server.link.packets('pubcomp').length === 6 && quick.length === 4);
      for (let count = 0; count < crashes; count += 1) {
        await crash();
        all.end();
        await turn();
      }
      await finish(two, all);
      expect(all.seen).toEqual(['0', '1', '2', '3', '4', '5']);
      expect(two.seen).toEqual(['0', '3']);
      expect(texts(quick)).toEqual(['1', '2', '4', '5']);
    },
  );

  test('keeps what no Subscription is for until there is a connection, and a while longer', async () => {
    const kept = store();
    for (const [index, topic] of ['a', 'b', 'x/y'].entries()) {
      const [payload, id] = [new Uint8Array(index), index + 1];
      const record = { kind: 'inbox', id, topic, payload, qos: 2, retain: false, properties: {} } as const;
      await kept.write('tabs', [{ type: 'put', record }]);
    }
    fakeTabTimers();
    server.script.connect = () => undefined;
    const options = {
      clean: false,
      clientId: 'tabs',
      ack: 'received',
      reconnect: { initial: true },
    } as const;
    tabs = new SharedTabs(url, { transport: server, ...options, store: kept });
    const opening = tabs.open();
    while (!server.links[0]?.types.includes('connect')) await turn();
    await seconds(15);
    server.link.send({ type: 'connack', sessionPresent: false, reasonCode: 0 });
    const { client } = await opening;
    const unclaimed: string[] = [];
    client.on('unclaimed', ({ topic }) => unclaimed.push(topic));
    await seconds(9);
    const params: unknown[] = [];
    await client.subscribe(['z', '+name'], (message) => params.push(message.params));
    expect(unclaimed).toEqual([]);
    await seconds(2);
    expect(params).toEqual([{ name: 'a' }, { name: 'b' }]);
    expect(unclaimed).toEqual(['x/y']);
    expect(await records(kept)).toEqual([]);
  });

  test('hears of what was done with while there was none', async () => {
    const kept = store();
    const { two } = await open(kept, 2);
    server.link.publish('a', '1', { qos: 2 });
    await waitFor(() => server.link.packets('pubcomp').length === 1 && two.seen.length === 1);
    tabs.owner?.freeze();
    two.end();
    await turn();
    await crash();
    await finish(two);
    expect(two.seen).toEqual(['1']);
  });

  test('takes a message for a new one that looks like one which all were done with long ago', async () => {
    const kept = store();
    const { two, three } = await open(kept);
    fakeTabTimers();
    server.link.publish('a', '1', { qos: 2 });
    await seconds(1);
    await finish(two, three);
    expect(await records(kept)).toEqual([]);
    await seconds(2);
    const payload = new TextEncoder().encode('1');
    const record = {
      kind: 'inbox',
      id: 9,
      topic: 'a',
      payload,
      qos: 2,
      retain: false,
      properties: {},
    } as const;
    await kept.write('tabs', [{ type: 'put', record }]);
    tabs.owner?.crash();
    await seconds(1);
    await finish(two, three);
    expect(two.seen).toEqual(['1', '1']);
    expect(await records(kept)).toEqual([]);
  });
});

/** What is kept of messages that were received. */
async function records(store: SessionStore): Promise<unknown[]> {
  return (await store.load('tabs')).filter(({ kind }) => kind === 'inbox');
}
