import { beforeEach, expect, test } from 'vitest';
import { RefusedError } from '../../../src/index';
import { FakeServer } from '../../support/fake-server';
import { closeTabsAfterEach, SharedTabs } from '../../support/shared-tabs';
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
