import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Transport } from '../../../src/index';
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
