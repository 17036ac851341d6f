import { beforeEach, describe, expect, test } from 'vitest';
import { memoryStore, RefusedError } from '../../../src/index';
import type { ToTab } from '../../../src/shared/wire';
import { FakeServer } from '../../support/fake-server';
import { closeTabsAfterEach, fakeTabTimers, SharedTabs, seconds, url } from '../../support/shared-tabs';
import { waitFor } from '../../support/wait-for';

let server: FakeServer;
let tabs: SharedTabs;

beforeEach(() => {
  server = new FakeServer();
  tabs = new SharedTabs('ws://broker.example/mqtt', { transport: server });
});

closeTabsAfterEach(() => tabs);

test('a Subscription that ends while one of its filters does is given back whole', async () => {
  await tabs.open();
  const { client } = await tabs.open();
  const subscription = await client.subscribe(['a', 'b'], () => {});
  await Promise.all([client.unsubscribe('a'), subscription.unsubscribe()]);
  const filters = () => server.link.packets('unsubscribe').flatMap((packet) => packet.filters);
  await waitFor(() => filters().length === 2);
  expect(filters().sort()).toEqual(['a', 'b']);
});

test('a Subscription whose other filters the server refuses, once one of them ended, ends', async () => {
  await tabs.open();
  const { client } = await tabs.open();
  const loop = (await client.subscribe(['a', 'b']))[Symbol.asyncIterator]();
  const read = loop.next().catch((error: unknown) => error);
  server.script.subscribe = ({ packetId }) => ({ type: 'suback', packetId, reasonCodes: [0x87] });
  await expect(client.unsubscribe('a')).rejects.toBeInstanceOf(RefusedError);
  expect(await read).toBeInstanceOf(RefusedError);
});

test('a filter that the next hub is refused is reported in its tab, whose other filters go on', async () => {
  const one = await tabs.open();
  const { client } = await tabs.open();
  const seen: string[] = [];
  const subscription = await client.subscribe(['a', 'secret/+x'], ({ topic }) => seen.push(topic));
  const errors: unknown[] = [];
  client.on('error', (error) => errors.push(error));
  server.script.subscribe = ({ packetId, subscriptions }) => ({
    type: 'suback',
    packetId,
    reasonCodes: subscriptions.map(({ filter }) => (filter === 'a' ? 0 : 0x87)),
  });
  one.tab.crash();
  await waitFor(() => errors.length > 0);
  expect(errors).toMatchObject([{ code: 'not-authorized', message: expect.stringContaining('secret/+') }]);
  expect(errors[0]).toBeInstanceOf(RefusedError);
  // As they were granted at the call.
  expect(subscription.grants).toMatchObject([{ qos: 0 }, { qos: 0 }]);
  server.link.publish('a', 'x');
  await waitFor(() => seen.length === 1);
});

describe('the filters of all tabs', () => {
  /** What tabs were told of them, without a word where they are as before. */
  const told = () =>
    tabs.origin.said.flatMap((said) =>
      ((said as { items?: readonly ToTab[] }).items ?? []).flatMap((item) =>
        item.type === 'state' ? [item.state.filters] : [],
      ),
    );

  test('are told when they have changed, not with each change of the counters', async () => {
    fakeTabTimers();
    await tabs.open();
    const { client } = await tabs.open();
    const subscription = await client.subscribe(['a/+x', 'b'], () => {});
    await client.subscribe('a/+y', () => {});
    await seconds(1);
    expect(told().at(-1)).toEqual(['a/+', 'b']);
    for (let count = 0; count < 3; count += 1) {
      server.link.publish('b', 'x');
      await seconds(1);
      expect(told().at(-1)).toBeUndefined();
    }
    await tabs.open();
    expect(told()).toContainEqual(['a/+', 'b']);
    await subscription.unsubscribe();
    await seconds(1);
    expect(told()).toContainEqual(['a/+']);
  });

  test('are known to the next hub: those that only tabs wanted which are gone, are given back', async () => {
    const kept = { transport: server, clean: false, clientId: 'tabs', store: memoryStore() };
    tabs = new SharedTabs(url, { ...kept, unclaimedTimeout: 2_000 });
    fakeTabTimers();
    const [one, two, three] = [await tabs.open(), await tabs.open(), await tabs.open()];
    await two.client.subscribe('gone', () => {});
    await three.client.subscribe('stays', () => {});
    await seconds(1);
    server.link.publish('stays', 'x');
    await seconds(1);
    // The hub that hears of the one does not live to forget the other.
    two.tab.crash();
    await seconds(1);
    one.tab.crash();
    await seconds(3);
    expect(server.links).toHaveLength(2);
    expect(server.link.packets('unsubscribe').flatMap(({ filters }) => filters)).toEqual(['gone']);
  });
});

test.each([
  [10_000, 10],
  [Infinity, 60],
])(
  'what a tab that crashed was subscribed to, with unclaimedTimeout: %d, is kept for %d seconds',
  async (unclaimedTimeout, most) => {
    tabs = new SharedTabs(url, { transport: server, keepAlive: 0, unclaimedTimeout });
    fakeTabTimers();
    await tabs.open();
    const { client, tab } = await tabs.open();
    await client.subscribe('a', () => {});
    tab.crash();
    await seconds(most - 1);
    expect(server.link.types).not.toContain('unsubscribe');
    await seconds(2);
    expect(server.link.types).toContain('unsubscribe');
  },
);
