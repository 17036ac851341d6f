import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { memoryStore, type PublishOptions, type Transport } from '../../../src/index';
import { connected, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';

/** A client over a transport that says whether it copies; what it is given, as it is. */
async function over(zeroCopy: boolean | undefined, options: Parameters<typeof connected>[0] = {}) {
  const server = new FakeServer();
  const transport: Transport = {
    connect: async (...args) => Object.assign(await server.connect(...args), { zeroCopy }),
  };
  const { client } = await connected({ transport, ...options }, server);
  const write = vi.spyOn(server.link.connection, 'write');
  onTestFinished(() => write.mockRestore());
  const buffers = () => write.mock.calls.flatMap(([chunks]) => chunks.map(({ buffer }) => buffer));
  return { client, server, buffers };
}

describe('the array of a large payload at QoS 0', () => {
  test('goes to a transport that copies nothing as it is, a small one copied', async () => {
    const { client, buffers } = await over(true);
    const large = new Uint8Array(4_096);
    const small = new Uint8Array(4_095);
    await Promise.all([client.publish('a', large), client.publish('a', small)]);
    expect(buffers()).toContain(large.buffer);
    expect(buffers()).not.toContain(small.buffer);
  });

  test.each([false, undefined])('is free at once with a transport that says %s', async (zeroCopy) => {
    const { client, server, buffers } = await over(zeroCopy);
    const payload = new Uint8Array(100_000).fill(1);
    const publish = watch(client.publish('a', payload));
    payload.fill(2);
    server.link.buffer(10_000);
    await turn();
    expect(publish.state).toBe('resolved');
    expect(buffers()).not.toContain(payload.buffer);
    expect(server.link.packets('publish')[0]?.payload).toEqual(new Uint8Array(100_000).fill(1));
  });

  test('is free when its bytes have left, others may still be there', async () => {
    const { client, server } = await over(true);
    server.link.buffer(9_000);
    const publish = watch(client.publish('a', new Uint8Array(5_000)));
    await turn();
    expect(publish.state).toBe('pending');
    await client.publish('a', 'behind it', { qos: 1 });
    const behind = server.link.frames.at(-1) ?? 0;
    server.link.buffer(behind + 1, true);
    await turn();
    expect(publish.state).toBe('pending');
    server.link.buffer(behind, true);
    await turn();
    expect(publish.state).toBe('resolved');
  });

  test('is not free for being one of several in a task', async () => {
    const { client, server } = await over(true);
    await client.publish('a', 'x');
    server.link.buffer(1);
    const publish = watch(client.publish('a', new Uint8Array(5_000)));
    await turn();
    expect(publish.state).toBe('pending');
    server.link.buffer(0, true);
    await turn();
    expect(publish.state).toBe('resolved');
  });

  test('is not free before the flush, when bytes of an earlier one have left', async () => {
    const { client, server, buffers } = await over(true);
    const payload = new Uint8Array(5_000);
    await client.publish('a', payload);
    const publish = client.publish('a', payload);
    server.link.buffer(0, true);
    await publish;
    expect(buffers().filter((buffer) => buffer === payload.buffer)).toHaveLength(2);
  });

  test('is free when its connection is lost', async () => {
    const { client, server } = await over(true);
    server.link.buffer(5_000);
    const publish = watch(client.publish('a', new Uint8Array(5_000)));
    await turn();
    server.link.drop();
    await turn();
    expect(publish.state).toBe('resolved');
  });

  test('is free after close() only when that has seen its bytes leave', async () => {
    const { client, server } = await over(true);
    const { connection } = server.link;
    let leave = () => {};
    connection.left = new Promise((resolve) => {
      leave = resolve;
    });
    server.link.buffer(5_000);
    const publish = watch(client.publish('a', new Uint8Array(5_000)));
    await turn();
    const closing = client.close();
    await turn();
    expect(connection.endedBy).toBe('close');
    expect(publish.state).toBe('pending');
    leave();
    await closing;
    expect(publish.state).toBe('resolved');
  });
});

describe.each([1, 2] as const)('the array of a large payload at QoS %i', (qos) => {
  const unanswered = { publish: () => undefined };

  test.each([true, false])('goes to the transport as it is, zeroCopy: %s', async (zeroCopy) => {
    const { client, buffers } = await over(zeroCopy);
    const large = new Uint8Array(4_096);
    const small = new Uint8Array(4_095);
    await Promise.all([client.publish('a', large, { qos }), client.publish('a', small, { qos })]);
    expect(buffers()).toContain(large.buffer);
    expect(buffers()).not.toContain(small.buffer);
  });

  test('goes out again as it is', async () => {
    const server = new FakeServer(unanswered);
    const { client } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } }, server);
    const large = new Uint8Array(5_000).fill(3);
    const publish = client.publish('a', large, { qos });
    await turn();
    const write = vi.spyOn(server.link.connection.constructor.prototype, 'write');
    onTestFinished(() => write.mockRestore());
    server.script = {};
    server.link.drop();
    await publish;
    expect(server.links).toHaveLength(2);
    expect(server.link.first('publish').payload).toEqual(large);
    expect(write.mock.calls.flat(2).map((chunk) => (chunk as Uint8Array).buffer)).toContain(large.buffer);
  });

  test.each<[string, () => Parameters<typeof connected>[0], () => PublishOptions]>([
    ['its promise settles when it is stored', () => ({}), () => ({ until: 'stored' })],
    ['its caller may give up', () => ({}), () => ({ signal: new AbortController().signal })],
    ['its caller gives up in time', () => ({}), () => ({ timeout: 1_000 })],
    ['a store may hold it', () => ({ store: memoryStore() }), () => ({})],
  ])('is copied where %s', async (_name, options, publishOptions) => {
    const { client, server, buffers } = await over(true, options());
    const large = new Uint8Array(5_000).fill(1);
    const publish = client.publish('a', large, { qos, ...publishOptions() });
    large.fill(2);
    await publish;
    await turn();
    expect(buffers()).not.toContain(large.buffer);
    expect(server.link.first('publish').payload).toEqual(new Uint8Array(5_000).fill(1));
  });

  test('is free when the client was closed and the last bytes have left', async () => {
    const server = new FakeServer(unanswered);
    const { client } = await connected({ clientId: 'a', clean: false }, server);
    const { connection } = server.link;
    let leave = () => {};
    connection.left = new Promise((resolve) => {
      leave = resolve;
    });
    const large = new Uint8Array(5_000).fill(1);
    const publish = watch(client.publish('a', large, { qos }));
    await turn();
    await client.close({ force: true });
    await turn();
    expect(publish.state).toBe('pending');
    leave();
    await turn();
    expect(publish.error).toMatchObject({ code: 'still-stored' });
    large.fill(2);
    server.script = {};
    await client.connect();
    await turn();
    expect(server.link.first('publish').payload).toEqual(new Uint8Array(5_000).fill(1));
  });

  test('that was transferred before its promise settled is a UsageError, not an empty message', async () => {
    const server = new FakeServer(unanswered);
    const { client } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } }, server);
    const large = new Uint8Array(5_000);
    const publish = watch(client.publish('a', large, { qos }));
    await turn();
    structuredClone(large, { transfer: [large.buffer] });
    server.link.drop();
    await vi.waitFor(() => expect(publish.state).toBe('rejected'));
    expect(publish.error).toMatchObject({ name: 'UsageError', message: /^payload: .*transferred/ });
    expect(server.link.packets('publish')).toEqual([]);
  });
});
