import { describe, expect, test } from 'vitest';
import { connected, idle, watch } from '../../support/fake-client';
import { turn } from '../../support/fake-server';

describe('a full queue', () => {
  test.each([1, 2] as const)('rejects QoS %i beyond queue.maxMessages', async (qos) => {
    const { client, server } = idle({ queue: { maxMessages: 2 } });
    const kept = [client.publish('a', '1', { qos }), client.publish('a', '2', { qos })];
    await expect(client.publish('a', '3', { qos })).rejects.toMatchObject({
      name: 'ConnectionError',
      code: 'queue-full',
    });
    expect(client.stats).toMatchObject({ queued: 2, publishesFailed: 1 });
    await client.connect();
    await Promise.all(kept);
    expect(server.link.packets('publish')).toHaveLength(2);
    expect(client.stats).toMatchObject({ queued: 0, queuedBytes: 0 });
  });

  test('rejects beyond queue.maxBytes', async () => {
    const { client } = idle({ queue: { maxBytes: 10_000 } });
    const first = watch(client.publish('a', new Uint8Array(6_000), { qos: 1 }));
    await expect(client.publish('a', new Uint8Array(6_000), { qos: 1 })).rejects.toMatchObject({
      code: 'queue-full',
    });
    const small = watch(client.publish('a', new Uint8Array(3_000), { qos: 1 }));
    await turn();
    expect([first.state, small.state]).toEqual(['pending', 'pending']);
    expect(client.stats.queued).toBe(2);
  });

  test('counts QoS 0 that waits, too', async () => {
    const { client } = idle({ queue: { maxMessages: 1 } });
    const kept = watch(client.publish('a', '1'));
    await expect(client.publish('a', '2')).rejects.toMatchObject({ code: 'queue-full' });
    expect(kept.state).toBe('pending');
  });

  test("drops the oldest with overflow: 'drop-oldest'", async () => {
    const { client, server } = idle({ queue: { maxMessages: 2, overflow: 'drop-oldest' } });
    const publishes = ['1', '2', '3', '4'].map((text) => watch(client.publish('a', text, { qos: 1 })));
    await turn();
    expect(publishes.map(({ state }) => state)).toEqual(['rejected', 'rejected', 'pending', 'pending']);
    expect(publishes[0]?.error).toMatchObject({ name: 'ConnectionError', code: 'dropped' });
    await client.connect();
    await turn();
    expect(publishes.map(({ state }) => state)).toEqual(['rejected', 'rejected', 'resolved', 'resolved']);
    expect(server.link.packets('publish')).toHaveLength(2);
  });

  test('drops nothing for a message that would not fit alone', async () => {
    const { client } = idle({ queue: { maxBytes: 1_000, overflow: 'drop-oldest' } });
    const kept = watch(client.publish('a', '1', { qos: 1 }));
    // It is told how large it is: among few others that wait nothing else explains it.
    await expect(client.publish('a', new Uint8Array(2_000), { qos: 1 })).rejects.toMatchObject({
      code: 'queue-full',
      message: expect.stringMatching(/no room for 2\d{3} bytes: 1 messages .* queue\.maxBytes/),
    });
    await turn();
    expect(kept.state).toBe('pending');
  });

  test('has room again once messages were taken back', async () => {
    const { client } = idle({ queue: { maxMessages: 1 } });
    const controller = new AbortController();
    const first = watch(client.publish('a', '1', { qos: 1, signal: controller.signal }));
    controller.abort();
    const second = watch(client.publish('a', '2', { qos: 1 }));
    await turn();
    expect([first.state, second.state]).toEqual(['rejected', 'pending']);
  });

  test('is one while connected, too, when the server is slow to acknowledge', async () => {
    const { client, server } = await connected({ maxInflight: 1, queue: { maxMessages: 1 } });
    server.script.publish = () => undefined;
    const publishes = ['1', '2', '3'].map((text) => watch(client.publish('a', text, { qos: 1 })));
    await turn();
    expect(publishes.map(({ state }) => state)).toEqual(['pending', 'pending', 'rejected']);
    expect(server.link.packets('publish')).toHaveLength(1);
    server.link.send({ type: 'puback', packetId: 1, reasonCode: 0 });
    await turn();
    expect(publishes[0]?.state).toBe('resolved');
    expect(server.link.packets('publish')).toHaveLength(2);
  });
});
