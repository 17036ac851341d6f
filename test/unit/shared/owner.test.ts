import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { memoryStore, type SessionStore, UsageError } from '../../../src/index';
import { connectShared } from '../../../src/shared/index';
import { FakeServer, turn } from '../../support/fake-server';
import { fakeTabTimers, SharedTabs, seconds, url } from '../../support/shared-tabs';
import { waitFor } from '../../support/wait-for';

let server: FakeServer;
let tabs: SharedTabs;

beforeEach(() => {
  server = new FakeServer();
  tabs = new SharedTabs(url, { transport: server });
});

afterEach(async () => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  await tabs.close();
});

describe('the connection', () => {
  test('goes to a visible tab rather than to a hidden one that waits for longer', async () => {
    const first = await tabs.open();
    const hidden = await tabs.open();
    hidden.tab.hide();
    const visible = await tabs.open();
    first.tab.crash();
    await waitFor(() => tabs.owner === visible.tab);
    visible.tab.crash();
    await waitFor(() => tabs.owner === hidden.tab);
    await waitFor(() => hidden.client.status.type === 'connected');
  });

  test('has nothing to do with that of another name, whatever the name', async () => {
    // Without time nobody steals what is another's.
    vi.useFakeTimers({ toFake: ['setInterval', 'setTimeout'] });
    const [one, two] = [await tabs.open({ name: 'x' }), await tabs.open({ name: 'x visible' })];
    expect([one, two].map(({ client }) => client.status.type)).toEqual(['connected', 'connected']);
    expect(server.links).toHaveLength(2);
  });

  test('goes to another tab when the browser says that it freezes its own', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    one.tab.freeze(true);
    await waitFor(() => tabs.owner === two.tab);
    await two.client.publish('a', 'b', { qos: 1 });
    expect(server.links).toHaveLength(2);
    one.tab.thaw();
    await one.client.publish('a', 'c', { qos: 1 });
    expect(server.link.packets('publish')).toHaveLength(2);
  });

  test('stays when the only tab is frozen', async () => {
    const { tab } = await tabs.open();
    tab.freeze(true);
    await turn();
    expect(tabs.owner).toBe(tab);
    expect(server.link.types).not.toContain('disconnect');
  });

  test('is taken from a tab that does not answer, which follows once it goes again', async () => {
    fakeTabTimers();
    const writes: string[] = [];
    const memory = memoryStore();
    const storeOf = (name: string): SessionStore => ({
      ...memory,
      write(key, operations) {
        writes.push(name);
        return memory.write(key, operations);
      },
    });
    const kept = { clean: false, clientId: 'tabs' };
    const one = await tabs.open({ ...kept, store: storeOf('one') });
    const two = await tabs.open({ ...kept, store: storeOf('two') });
    await one.client.subscribe('a', { qos: 1 }, () => {});
    one.tab.freeze();
    const published = two.client.publish('b', 'asked for twice', { qos: 1 });
    await seconds(3);
    expect(tabs.owner).toBe(one.tab);
    await seconds(3);
    expect(tabs.owner).toBe(two.tab);
    await seconds(1);
    await expect(published).resolves.toEqual({ reasonCode: 0 });
    expect(server.links).toHaveLength(2);

    // What its client still gets, it must not act on.
    writes.length = 0;
    server.links[0]?.publish('a', 'late', { qos: 2, packetId: 9 });
    await seconds(1);
    expect(writes).not.toContain('one');
    one.tab.thaw();
    await seconds(1);
    expect(one.client.status.type).toBe('connected');
    await one.client.publish('b', 'follows', { qos: 1 });
    expect(server.link.last('publish').topic).toBe('b');
    expect(server.link.packets('publish')).toHaveLength(2);
    expect(writes).not.toContain('one');
    expect(server.links).toHaveLength(2);
  });

  test('is not the end of the tab that did not answer, though the server tells that tab first', async () => {
    fakeTabTimers();
    const [one, two] = [await tabs.open(), await tabs.open()];
    const seen: string[] = [];
    await one.client.subscribe('a', { qos: 1 }, (message) => seen.push(message.text()));
    server.script.publish = () => undefined;
    const published = one.client.publish('b', 'c', { qos: 1 });
    await turn();
    const told: string[] = [];
    one.client.on('status', ({ type }) => told.push(type));
    one.client.on('close', () => told.push('close'));
    one.tab.freeze();
    await seconds(7);
    expect(tabs.owner).toBe(two.tab);
    server.script = {};
    server.links[0]?.send({ type: 'disconnect', reasonCode: 0x8e });
    await turn();
    one.tab.thaw();
    await seconds(1);
    await expect(published).resolves.toEqual({ reasonCode: 0 });
    server.link.publish('a', 'x', { qos: 1 });
    await seconds(1);
    expect(seen).toEqual(['x']);
    expect(told).not.toContain('closed');
    expect(told).not.toContain('close');
    expect(tabs.owner).toBe(two.tab);
  });

  test('is insisted on when the tab that lost it comes back for a moment', async () => {
    fakeTabTimers();
    const [one, two] = [await tabs.open(), await tabs.open()];
    one.tab.freeze();
    await seconds(7);
    expect(tabs.owner).toBe(two.tab);
    const closed: unknown[] = [];
    two.client.on('close', (event) => closed.push(event));
    server.link.send({ type: 'disconnect', reasonCode: 0x8e });
    await seconds(1);
    expect(server.links).toHaveLength(3);
    expect(two.client.status.type).toBe('connected');
    expect(closed).toEqual([]);
  });

  test('is not taken from a tab because of a sleep of the one that looks', async () => {
    fakeTabTimers();
    const [one] = [await tabs.open(), await tabs.open()];
    vi.setSystemTime(0);
    // No turn between the ticks: nobody can answer.
    vi.advanceTimersByTime(900);
    await turn();
    await seconds(10);
    expect(tabs.owner).toBe(one.tab);
    expect(server.links).toHaveLength(1);
  });
});

describe('a page that is left and restored', () => {
  test('works over the connection of the tab that took over', async () => {
    const [one, two] = [await tabs.open(), await tabs.open()];
    const seen: string[] = [];
    await one.client.subscribe('a', { qos: 1 }, (message) => seen.push(message.text()));
    one.tab.leave();
    await waitFor(() => tabs.owner === two.tab && server.links.length === 2);
    one.tab.restore();
    await one.client.publish('b', 'from one', { qos: 1 });
    expect(server.link.last('publish').topic).toBe('b');
    await waitFor(() => server.link.types.includes('subscribe'));
    server.link.publish('a', 'for one', { qos: 1 });
    await waitFor(() => seen.length === 1);
    expect(tabs.owner).toBe(two.tab);
    expect(server.links).toHaveLength(2);
  });

  test('connects again when it was the only one', async () => {
    const { tab, client } = await tabs.open();
    tab.leave();
    server.link.drop();
    tab.restore();
    await waitFor(() => tabs.owner === tab);
    await client.publish('a', 'b', { qos: 1 });
    expect(client.status.type).toBe('connected');
  });
});

describe('a tab that does not answer', () => {
  test('holds up nobody, and is a guest again once it goes', async () => {
    fakeTabTimers();
    const [one, two] = [await tabs.open(), await tabs.open()];
    const seen: string[] = [];
    await one.client.subscribe('a', { qos: 2 }, (message) => seen.push(`one ${message.text()}`));
    await two.client.subscribe('a', { qos: 2 }, (message) => seen.push(`two ${message.text()}`));
    two.tab.hide();
    two.tab.freeze();
    server.link.publish('a', '1', { qos: 1 });
    await seconds(10);
    expect(server.link.types).not.toContain('puback');
    await seconds(6);
    expect(server.link.types).toContain('puback');
    two.tab.thaw();
    await seconds(3);
    server.link.publish('a', '2', { qos: 1 });
    await seconds(1);
    expect(seen.sort()).toEqual(['one 1', 'one 2', 'two 1', 'two 2']);
    expect(server.link.packets('puback')).toHaveLength(2);
    expect(server.links).toHaveLength(1);
  });

  test('has a message that nobody else took once only, though it is offered again', async () => {
    fakeTabTimers();
    await tabs.open();
    const { tab, client } = await tabs.open();
    const seen: string[] = [];
    await client.subscribe('a', { qos: 2 }, (message) => seen.push(message.text()));
    tab.hide();
    tab.freeze();
    server.link.publish('a', '1', { qos: 2 });
    await seconds(16);
    expect(server.link.types).not.toContain('pubrec');
    tab.thaw();
    await seconds(3);
    expect(server.link.types).toContain('pubrec');
    expect(seen).toEqual(['1']);
  });
});

describe('connectShared', () => {
  test.each([
    ['Web Locks', { navigator: {} }],
    ['BroadcastChannel', { navigator: { locks: {} }, BroadcastChannel: undefined }],
  ])('says what to do where there are no %s', async (what, globals) => {
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
    const error: unknown = await connectShared(url).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ code: 'unsupported' });
    expect((error as Error).message).toMatch(new RegExp(`no ${what}.*use connect\\(\\)`));
  });
});
