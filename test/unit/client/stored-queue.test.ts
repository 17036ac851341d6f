import { expect, test, vi } from 'vitest';
import type { ClientOptions } from '../../../src/index';
import { fakeTime, idle, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';
import { unownedStore } from '../../support/unowned-store';

const text = ({ payload }: { payload: Uint8Array }) => new TextDecoder().decode(payload);

/** A page that publishes so often without a connection, and is gone without a word. */
async function left(count: number, properties?: { messageExpiryInterval: number }): Promise<ClientOptions> {
  const options = { store: unownedStore(), clean: false, clientId: 'c' };
  const { client } = idle(options);
  for (let number = 1; number <= count; number += 1) {
    await client.publish('a', `${number}`, { qos: 1, key: `${number}`, until: 'stored', properties });
  }
  return options;
}

/** A later page, and what it is told of the messages of the one before. */
function later(options: ClientOptions) {
  const { client, server } = idle(options, new FakeServer());
  const settled: [key: string | undefined, code: unknown][] = [];
  client.on('settled', ({ key, error }) => {
    settled.push([key, error && 'code' in error ? error.code : error]);
  });
  return { client, server, settled };
}

test('what a page left in the queue is sent whole, though it is more than may wait now', async () => {
  const { client, server, settled } = later({ ...(await left(3)), queue: { maxMessages: 1 } });
  // There is no room for another before they have left.
  await expect(client.publish('a', '4', { qos: 1 })).rejects.toMatchObject({ code: 'queue-full' });
  expect(client.stats.queued).toBe(3);
  await client.connect();
  await turn();
  await client.publish('a', '5', { qos: 1 });
  expect(server.link.packets('publish').map(text)).toEqual(['1', '2', '3', '5']);
  expect(settled).toEqual([
    ['1', undefined],
    ['2', undefined],
    ['3', undefined],
  ]);
});

test("what a page left gives way as any message does with overflow: 'drop-oldest', and 'settled' tells", async () => {
  const options = await left(3);
  const { client, server, settled } = later({
    ...options,
    queue: { maxMessages: 2, overflow: 'drop-oldest' },
  });
  const joined = watch(client.publish('a', '1', { qos: 1, key: '1' }));
  await turn();
  const publish = watch(client.publish('a', '4', { qos: 1 }));
  await turn();
  expect(settled).toEqual([
    ['1', 'dropped'],
    ['2', 'dropped'],
  ]);
  expect(joined.error).toMatchObject({ code: 'dropped' });
  await client.connect();
  await turn();
  expect(publish.state).toBe('resolved');
  expect(server.link.packets('publish').map(text)).toEqual(['3', '4']);
});

test('what expired while no page was there is not sent, and is told', async () => {
  fakeTime();
  const options = await left(2, { messageExpiryInterval: 60 });
  vi.setSystemTime(Date.now() + 61_000);
  const { client, server, settled } = later(options);
  const joined = watch(client.publish('a', '1', { qos: 1, key: '1' }));
  await client.connect();
  await turn();
  expect(server.link.packets('publish')).toEqual([]);
  expect(settled).toEqual([
    ['1', 'expired'],
    ['2', 'expired'],
  ]);
  expect(joined.error).toMatchObject({ code: 'expired' });
  expect((await options.store?.load('c'))?.map(({ kind }) => kind)).toEqual(['session']);
});

test('what a page left expires without a connection, too', async () => {
  fakeTime();
  const options = { ...(await left(1, { messageExpiryInterval: 60 })), reconnect: { initial: true } };
  const { client, server, settled } = later(options);
  server.unreachable = new Error('no network');
  watch(client.connect());
  await vi.advanceTimersByTimeAsync(59_000);
  expect(settled).toEqual([]);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(settled).toEqual([['1', 'expired']]);
  await turn();
  expect(await options.store?.load('c')).toEqual([]);
});

test('what a listener publishes for a message of an earlier page comes after the calls that wait for the store', async () => {
  const store = unownedStore();
  const inbox = { kind: 'inbox', topic: 'in', payload: new Uint8Array(1), qos: 1, retain: false } as const;
  await store.write(
    'c',
    [1, 2].map((id) => ({ type: 'put', record: { ...inbox, id } })),
  );
  const { client, server } = later({ store, clean: false, clientId: 'c', ack: 'received' });
  let count = 0;
  client.on('message', async () => {
    count += 1;
    const payload = `${count + 1}`;
    if (count > 1) await undefined;
    watch(client.publish('a', payload, { qos: 1 }));
  });
  watch(client.publish('a', '1', { qos: 1 }));
  await client.connect();
  await turn();
  expect(server.link.packets('publish').map(text)).toEqual(['1', '2', '3']);
});

test('closed without ever having had a connection, a page leaves its messages for the next', async () => {
  const options = { store: unownedStore(), clean: false, clientId: 'c', reconnect: { initial: true } };
  const first = idle(options);
  first.server.unreachable = new Error('no network');
  const connecting = watch(first.client.connect());
  const publish = watch(first.client.publish('a', '1', { qos: 2 }));
  const free = watch(first.client.publish('a', '0'));
  await turn();
  await first.client.close();
  await turn();
  expect(connecting.state).toBe('rejected');
  expect(publish.error).toMatchObject({ code: 'still-stored' });
  expect(free.state).toBe('rejected');
  const { client, server, settled } = later(options);
  await client.connect();
  await turn();
  expect(server.link.packets('publish').map(text)).toEqual(['1']);
  expect(settled).toEqual([[undefined, undefined]]);
});

test("tells by 'settled' what the last write of a close could not keep", async () => {
  const store = unownedStore();
  const options = { store, clean: false, clientId: 'c', reconnect: { initial: true } };
  const { client, server, settled } = later(options);
  server.unreachable = new Error('no network');
  watch(client.connect());
  await turn();
  const publish = watch(client.publish('a', '1', { qos: 1, key: '1' }));
  store.write = () => Promise.reject(new Error('the disk is full'));
  await client.close();
  await turn();
  expect(publish.error).toMatchObject({ code: 'still-stored' });
  expect(settled).toEqual([['1', 'store-failed']]);
});

test('of the calls that wait for a store that cannot be read, one of QoS 0 goes on', async () => {
  const store = { ...unownedStore(), load: () => Promise.reject(new Error('no disk')) };
  const { client } = idle({ store, clean: false, clientId: 'c' });
  const stored = [1, 2].map(() => watch(client.publish('a', '', { qos: 1 })));
  const other = watch(client.publish('a', ''));
  const subscribe = watch(client.subscribe('a'));
  await turn();
  for (const { error } of [...stored, subscribe]) expect(error).toMatchObject({ code: 'store-failed' });
  expect(other.state).toBe('pending');
  expect(client.stats.queued).toBe(1);
});
