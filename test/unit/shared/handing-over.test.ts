import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Packet } from '../../../src/codec/packet';
import { memoryStore } from '../../../src/index';
import type { Announcement } from '../../../src/shared/wire';
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

describe('tabs that are closed at the same time', () => {
  test('leave no connection behind', async () => {
    fakeTabTimers();
    const [one, two] = [await tabs.open(), await tabs.open()];
    const closed = Promise.all([one.client.close(), two.client.close()]);
    await seconds(2);
    await closed;
    expect(server.links.filter(({ isOpen }) => isOpen)).toEqual([]);
    expect(server.links).toHaveLength(1);
    expect(tabs.origin.left).toEqual([]);
  });
});

describe('a tab that insists on a connection which it stole', () => {
  test('loses neither Subscriptions nor publishes of any tab', async () => {
    fakeTabTimers();
    const [one, two, three] = [await tabs.open(), await tabs.open(), await tabs.open()];
    three.tab.hide();
    const seen: string[] = [];
    await two.client.subscribe('a', { qos: 1 }, (message) => seen.push(`two ${message.text()}`));
    await three.client.subscribe('a', { qos: 1 }, (message) => seen.push(`three ${message.text()}`));
    one.tab.freeze();
    await seconds(7);
    expect(tabs.owner).toBe(two.tab);
    server.script.publish = () => undefined;
    const published = three.client.publish('b', 'c', { qos: 1 });
    await seconds(1);
    server.script = {};
    server.link.send({ type: 'disconnect', reasonCode: 0x8e });
    await seconds(1);
    await expect(published).resolves.toEqual({ reasonCode: 0 });
    server.link.publish('a', 'x', { qos: 1 });
    await seconds(1);
    expect(seen.sort()).toEqual(['three x', 'two x']);
  });
});

describe('a tab that was given the connection while it hung, and lost it', () => {
  test('does not end the hub of the tab that has it', async () => {
    fakeTabTimers();
    const [one, two, three] = [await tabs.open(), await tabs.open(), await tabs.open()];
    // So that it does not look for the hub itself.
    two.tab.hide();
    two.tab.freeze();
    one.tab.crash();
    await seconds(7);
    expect(tabs.owner).toBe(three.tab);
    await three.client.publish('a', 'b', { qos: 1 });
    two.tab.thaw();
    await seconds(1);
    expect(tabs.owner).toBe(three.tab);
    const published = [two.client, three.client].map((client) => client.publish('a', 'c', { qos: 1 }));
    await seconds(1);
    await expect(Promise.all(published)).resolves.toHaveLength(2);
    expect(three.client.status.type).toBe('connected');
  });

  test('nor does a script that announces one', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    const channel = tabs.origin.open().environment.openChannel(tabs.lock, () => {});
    channel.postMessage({ type: 'hub', epoch: Date.now() + 1_000_000 });
    await turn();
    await turn();
    fakeTabTimers();
    const published = [one.client, two.client].map((client) => client.publish('a', 'c', { qos: 1 }));
    await seconds(1);
    await expect(Promise.all(published)).resolves.toHaveLength(2);
    expect(tabs.owner).toBe(one.tab);
    channel.close();
  });
});

test('tabs follow a hub that began by a clock which was set back, in a tab that knew none before', async () => {
  fakeTabTimers();
  const [one, two] = [await tabs.open(), await tabs.open()];
  // So that it does not look for the hub itself.
  two.tab.hide();
  one.tab.freeze();
  const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() - 3_600_000);
  onTestFinished(() => clock.mockRestore());
  const { said } = tabs.origin;
  const saidBefore = said.length;
  const opening = tabs.open();
  while (said.length === saidBefore) await turn();
  await seconds(7);
  const three = await opening;
  expect(tabs.owner).toBe(three.tab);
  const published = two.client.publish('a', 'b', { qos: 1 });
  await seconds(1);
  await expect(published).resolves.toEqual({ reasonCode: 0 });
  expect(three.client.status.type).toBe('connected');
});

test('a tab that hung and lost the connection goes on with its Subscriptions at the new hub', async () => {
  fakeTabTimers();
  const [one, two] = [await tabs.open(), await tabs.open()];
  const seen: string[] = [];
  await one.client.subscribe('a', { qos: 1 }, (message) => seen.push(message.text()));
  one.tab.freeze();
  await seconds(7);
  expect(tabs.owner).toBe(two.tab);
  one.tab.thaw();
  await seconds(1);
  server.link.publish('a', 'x', { qos: 1 });
  await seconds(1);
  expect(seen).toEqual(['x']);
});

describe('a connection that ends for good', () => {
  test('is not followed by reports of messages that its end took back', async () => {
    tabs = new SharedTabs(url, { transport: server, unclaimedTimeout: 5 });
    const [one, two] = [await tabs.open(), await tabs.open()];
    const unclaimed = vi.fn();
    one.client.on('unclaimed', unclaimed);
    const begun = vi.fn(() => new Promise(() => {}));
    await two.client.subscribe('a', { qos: 1 }, begun);
    server.link.publish('a', '1', { qos: 1 });
    await waitFor(() => begun.mock.calls.length === 1);
    two.tab.crash();
    server.link.send({ type: 'disconnect', reasonCode: 0x8e });
    await waitFor(() => one.client.status.type === 'closed');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(unclaimed).not.toHaveBeenCalled();
  });
});

describe('the will of a connection', () => {
  const will = { topic: 'gone', payload: 'all' };
  const kept = { clean: false, clientId: 'tabs', store: memoryStore() };

  test.each([
    ['that is clean', {}],
    ['that is kept', kept],
  ])('%s is not due when the user closes the tab that has it, and others stay', async (_which, options) => {
    tabs = new SharedTabs(url, { transport: server, will, ...options });
    const [one, two] = [await tabs.open(), await tabs.open()];
    one.tab.close();
    expect(server.links[0]?.first('disconnect').reasonCode).toBe(0);
    await waitFor(() => server.links.length === 2 && two.client.status.type === 'connected');
    expect(server.link.connect.will?.topic).toBe('gone');
  });

  test('is left to the client when the last tab is closed', async () => {
    tabs = new SharedTabs(url, { transport: server, will });
    const { tab } = await tabs.open();
    tab.close();
    await turn();
    expect(server.link.types).not.toContain('disconnect');
  });
});

test('a hub that was greeted for the one before it connects no sooner than the tab says what it wants', async () => {
  tabs = new SharedTabs(url, { transport: server, clean: false, clientId: 'tabs', store: memoryStore() });
  const [one, two, three, four] = [
    await tabs.open(),
    await tabs.open(),
    await tabs.open(),
    await tabs.open(),
  ];
  const seen: string[] = [];
  await three.client.subscribe('a', { qos: 1 }, (message) => seen.push(`three ${message.text()}`));
  await four.client.subscribe('a', { qos: 1 }, (message) => seen.push(`four ${message.text()}`));
  server.script.connect = (packet, link) => [
    server.sensible(packet, link) as Packet,
    link.message('a', 'x', { qos: 1 }),
  ];
  const { said } = tabs.origin;
  const greetings = () => said.filter((data) => (data as Announcement).type === 'hello').length;
  const before = greetings();
  said.push = (...data) => {
    const length = Array.prototype.push.apply(said, data);
    // Those of the tabs that stay, to the second one.
    if (greetings() === before + 2) two.tab.crash();
    return length;
  };
  one.tab.crash();
  await waitFor(() => server.link.types.includes('puback'));
  expect(tabs.owner).toBe(three.tab);
  expect(seen.sort()).toEqual(['four x', 'three x']);
});

describe('a tab that is opened while another one takes over', () => {
  test.each(['three says what it wants', 'its time is over'])(
    'does not make it connect before the others have joined: until %s',
    async (until) => {
      tabs = new SharedTabs(url, { transport: server, clean: false, clientId: 'tabs', store: memoryStore() });
      fakeTabTimers();
      const [one, , three] = [await tabs.open(), await tabs.open(), await tabs.open()];
      const seen: string[] = [];
      await three.client.subscribe('a', { qos: 1 }, (message) => seen.push(message.text()));
      three.tab.freeze();
      one.tab.crash();
      const opening = tabs.open();
      await turn();
      await turn();
      expect(server.links).toHaveLength(1);
      if (until === 'its time is over') await seconds(1);
      else three.tab.thaw();
      const { client } = await opening;
      expect(server.links).toHaveLength(2);
      expect(client.status.type).toBe('connected');
      if (until === 'its time is over') three.tab.thaw();
    },
  );
});
