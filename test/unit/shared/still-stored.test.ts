import { beforeEach, describe, expect, test } from 'vitest';
import { memoryStore, type SessionStore } from '../../../src/index';
import { FakeServer, turn } from '../../support/fake-server';
import { closeTabsAfterEach, fakeTabTimers, SharedTabs, seconds, url } from '../../support/shared-tabs';
import { waitFor } from '../../support/wait-for';

let server: FakeServer;
let store: SessionStore;
let tabs: SharedTabs;

beforeEach(() => {
  server = new FakeServer();
  store = memoryStore();
  tabs = new SharedTabs(url, { transport: server, clean: false, clientId: 'tabs', store });
});

closeTabsAfterEach(() => tabs);

/** Topics of the messages in the store. */
async function stored(): Promise<string[]> {
  const records = await store.load('tabs');
  return records.flatMap((record) => (record.kind === 'publish' ? [record.topic] : []));
}

const codeOf = (error: { code?: string }) => error.code;

describe('a message that a close() overtakes', () => {
  test.each(['the tab with the connection', 'another tab'])(
    'is in the store when its promise says so, in %s',
    async (which) => {
      server.script.publish = () => undefined;
      const [one, two] = [await tabs.open(), await tabs.open()];
      const { client } = which === 'another tab' ? two : one;
      const published = client.publish('a', 'x', { qos: 1 }).catch(codeOf);
      await client.close({ force: true });
      expect(await published).toBe('still-stored');
      await turn();
      const sent = server.links.flatMap((link) => link.packets('publish'));
      expect([...(await stored()), ...sent.map(({ topic }) => topic)]).toContain('a');
    },
  );

  test('is not said to be stored when no hub has heard of it', async () => {
    fakeTabTimers();
    const [one, two] = [await tabs.open(), await tabs.open()];
    one.tab.freeze();
    const published = two.client.publish('a', 'x', { qos: 1 }).catch(codeOf);
    const closed = two.client.close({ timeout: 100 });
    await seconds(2);
    await closed;
    expect(await published).toBe('closed');
    one.tab.crash();
  });
});

describe('a message whose caller gave up while the hub hung', () => {
  test('is sent by the next hub, as its promise says', async () => {
    fakeTabTimers();
    const [one, two] = [await tabs.open(), await tabs.open()];
    one.tab.freeze();
    const published = two.client.publish('a', 'x', { qos: 1, timeout: 100 }).catch(codeOf);
    await seconds(2);
    expect(await published).toBe('still-stored');
    await seconds(6);
    expect(tabs.owner).toBe(two.tab);
    expect(server.link.packets('publish').map(({ topic }) => topic)).toEqual(['a']);
    one.tab.crash();
  });

  test('is sent by the same hub, although that has taken it back', async () => {
    fakeTabTimers();
    const [one, two] = [await tabs.open(), await tabs.open()];
    server.unreachable = new Error('No way');
    server.link.drop();
    await turn();
    one.tab.freeze();
    const published = two.client.publish('a', 'x', { qos: 1, timeout: 100 }).catch(codeOf);
    await seconds(2);
    expect(await published).toBe('still-stored');
    one.tab.thaw();
    await seconds(1);
    expect(tabs.owner).toBe(one.tab);
    expect(await stored()).toEqual(['a']);
  });

  test('with QoS 0 is given up with what its caller gave', async () => {
    fakeTabTimers();
    const [one, two] = [await tabs.open(), await tabs.open()];
    one.tab.freeze();
    const published = two.client.publish('a', 'x', { timeout: 100 }).catch(codeOf);
    await seconds(2);
    expect(await published).toBe('timeout');
    one.tab.crash();
  });
});

test('a message that only the memory of the hub had is sent by the next one, as its promise says', async () => {
  tabs = new SharedTabs(url, { transport: server, clean: false, clientId: 'tabs' });
  const [one, two] = [await tabs.open(), await tabs.open()];
  server.script.publish = () => undefined;
  const published = two.client.publish('a', 'x', { qos: 1, timeout: 20 }).catch(codeOf);
  expect(await published).toBe('still-stored');
  await turn();
  server.script = {};
  one.tab.crash();
  await waitFor(() => server.links.length > 1 && server.link.types.includes('publish'));
  expect(server.link.last('publish').topic).toBe('a');
});

test('a message that only the memory of a closed tab had is not said to be stored', async () => {
  tabs = new SharedTabs(url, { transport: server, clean: false, clientId: 'tabs' });
  const { client } = await tabs.open();
  server.script.publish = () => undefined;
  const published = client.publish('a', 'x', { qos: 1 }).catch(codeOf);
  await client.close({ force: true });
  expect(await published).toBe('closed');
});
