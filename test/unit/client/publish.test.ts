import { describe, expect, test, vi } from 'vitest';
import { ConnectionError, type MqttError, RefusedError, UsageError } from '../../../src/index';
import { connected, fakeTime, idle, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';

describe('the result of a publish', () => {
  test('of QoS 0 is reason code 0, and nothing is waited for', async () => {
    const { client, server } = await connected();
    expect(await client.publish('a', 'x')).toEqual({ reasonCode: 0 });
    await turn();
    expect(server.link.first('publish')).toMatchObject({ topic: 'a', qos: 0, retain: false, dup: false });
  });

  test.each([
    { qos: 1, type: 'puback' },
    { qos: 2, type: 'pubcomp' },
  ] as const)('of QoS $qos comes with $type, with its reason code and properties', async ({ qos, type }) => {
    const { client, server } = await connected();
    const properties = { reasonString: 'well', userProperties: [['a', 'b'] as const] };
    server.script = {
      publish: (packet, link) => (qos === 2 ? server.sensible(packet, link) : undefined),
      pubrel: () => undefined,
    };
    const publish = watch(client.publish('a', 'x', { qos, retain: true }));
    await turn();
    expect(publish.state).toBe('pending');
    server.link.send({ type, packetId: 1, reasonCode: qos === 1 ? 0x10 : 0, properties });
    await turn();
    expect(publish.value).toEqual({ reasonCode: qos === 1 ? 0x10 : 0, properties });
    expect(server.link.first('publish').retain).toBe(true);
  });

  test.each([
    { qos: 1, type: 'puback' },
    { qos: 2, type: 'pubrec' },
  ] as const)('of QoS $qos is a RefusedError when $type says 0x80 or more', async ({ qos, type }) => {
    const { client, server } = await connected();
    server.script.publish = ({ packetId = 0 }) => ({
      type,
      packetId,
      reasonCode: 0x87,
      properties: { reasonString: 'not yours' },
    });
    const error: unknown = await client.publish('a', 'x', { qos }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RefusedError);
    expect(error).toMatchObject({ code: 'not-authorized', reasonCode: 0x87 });
    expect((error as Error).message).toContain("'a'");
    expect((error as Error).message).toContain('not yours');
    expect(client.stats).toMatchObject({ publishesFailed: 1, messagesSent: 0, inFlight: 0 });
  });

  test('of QoS 2 is a success once PUBREC accepted it, even when PUBCOMP says 0x92', async () => {
    const { client, server } = await connected();
    server.script.pubrel = ({ packetId }) => ({ type: 'pubcomp', packetId, reasonCode: 0x92 });
    expect(await client.publish('a', 'x', { qos: 2 })).toEqual({ reasonCode: 0x92 });
    expect(client.stats).toMatchObject({ publishesFailed: 0, messagesSent: 1 });
  });

  test.each([5, 4] as const)(
    'waits through a lost connection, and comes with the resend, which has DUP (version %i) [v5 MQTT-3.3.1-1, v3 MQTT-3.3.1-1]',
    async (protocolVersion) => {
      const options = { clean: false, clientId: 'c', protocolVersion } as const;
      const { client, server } = await connected({ ...options, reconnect: { minDelay: 0, maxDelay: 0 } });
      server.script.publish = () => undefined;
      const publish = client.publish('a', 'x', { qos: 1 });
      await turn();
      server.script = {};
      server.link.drop();
      expect(await publish).toEqual({ reasonCode: 0 });
      expect(server.links).toHaveLength(2);
      expect(server.link.first('publish')).toMatchObject({ dup: true, qos: 1 });
    },
  );

  test('says resent when the server lost the session after PUBREC', async () => {
    const { client, server } = await connected({ reconnect: { minDelay: 0, maxDelay: 0 } });
    server.script.pubrel = () => undefined;
    const publish = client.publish('a', 'x', { qos: 2 });
    await turn();
    server.script = {};
    server.sessions.clear();
    server.link.drop();
    expect(await publish).toEqual({ reasonCode: 0, resent: true });
  });
});

describe('an ignored promise', () => {
  test('raises no unhandledrejection; its failure is counted', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const { client, server } = await connected();
    server.script.publish = ({ packetId = 0 }) => ({ type: 'puback', packetId, reasonCode: 0x80 });
    client.publish('a', 'x', { qos: 1 });
    client.publish('a', 'x', { qos: 1, until: 'stored' });
    client.publish('a', 'x', { qos: 1, timeout: 60_000 });
    client.publish('a/#', 'x');
    client.publish('a', 'x', { qos: 1, signal: AbortSignal.abort() });
    await turn();
    expect(client.stats.publishesFailed).toBe(5);
    const { client: closed } = idle();
    await closed.close();
    closed.publish('a', 'x');
    closed.publish('a', 'x', { qos: 2 });
    await turn();
    expect(closed.stats.publishesFailed).toBe(2);
    expect(unhandled).not.toHaveBeenCalled();
    process.off('unhandledRejection', unhandled);
  });

  test("reaches 'error' when it is a UsageError, and only then", async () => {
    const { client, server } = await connected({ protocolVersion: 4 });
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    client.publish('', 'x');
    client.publish('a', 'x', { qos: 1, properties: { contentType: 'b' } });
    server.link.drop();
    client.publish('a', 'x');
    await turn();
    expect(errors.map((error) => (error as MqttError).code)).toEqual(['invalid-argument', 'needs-mqtt-5']);
    expect(client.stats.publishesFailed).toBe(3);
  });
});

describe('until', () => {
  test("'stored' resolves when the message is accepted, whatever becomes of it", async () => {
    const { client, server } = idle();
    const stored = watch(client.publish('a', 'x', { qos: 1, until: 'stored' }));
    const sent = watch(client.publish('a', 'x', { qos: 1, until: 'acknowledged' }));
    await turn();
    expect(stored.value).toEqual({ reasonCode: 0 });
    expect(sent.state).toBe('pending');
    server.script.publish = ({ packetId = 0 }) => ({ type: 'puback', packetId, reasonCode: 0x80 });
    await client.connect();
    await turn();
    expect(sent.error).toBeInstanceOf(RefusedError);
  });

  test("'stored' rejects what is not accepted", async () => {
    const { client } = idle({ queue: { maxMessages: 0 } });
    const publish = client.publish('a', 'x', { qos: 1, until: 'stored' });
    await expect(publish).rejects.toMatchObject({ code: 'queue-full' });
  });

  test("'stored' leaves the caller's array free to be used again", async () => {
    const { client, server } = idle();
    const payload = new Uint8Array(10_000).fill(1);
    await client.publish('a', payload, { qos: 1, until: 'stored' });
    payload.fill(2);
    await client.connect();
    await turn();
    expect(server.link.first('publish').payload).toEqual(new Uint8Array(10_000).fill(1));
  });
});

describe('giving up', () => {
  test('by a signal takes back what was never sent', async () => {
    const { client, server } = idle();
    const controller = new AbortController();
    const publishes = ([0, 1, 2] as const).map((qos) =>
      watch(client.publish('a', 'x', { qos, signal: controller.signal })),
    );
    const kept = client.publish('b', 'x', { qos: 1 });
    await turn();
    const reason = new Error('enough');
    controller.abort(reason);
    await turn();
    expect(publishes.map(({ error }) => error)).toEqual([reason, reason, reason]);
    expect(client.stats).toMatchObject({ queued: 1, publishesFailed: 3 });
    await client.connect();
    await kept;
    expect(server.link.packets('publish').map(({ topic }) => topic)).toEqual(['b']);
  });

  test('by a time-out takes back what was never sent', async () => {
    fakeTime();
    const { client } = idle();
    const publish = watch(client.publish('a', 'x', { qos: 1, timeout: 1_000 }));
    await vi.advanceTimersByTimeAsync(999);
    expect(publish.state).toBe('pending');
    await vi.advanceTimersByTimeAsync(1);
    expect(publish.error).toBeInstanceOf(ConnectionError);
    expect(publish.error).toMatchObject({
      code: 'timeout',
      message: 'publish did not finish within 1000 ms',
    });
    expect(client.stats.queued).toBe(0);
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each(['signal', 'timeout'] as const)(
    'by %s after the first send says still-stored, and the message goes its way',
    async (how) => {
      fakeTime();
      const { client, server } = await connected();
      server.script.publish = () => undefined;
      const controller = new AbortController();
      const publish = watch(
        client.publish('a', 'x', {
          qos: 1,
          ...(how === 'signal' ? { signal: controller.signal } : { timeout: 50 }),
        }),
      );
      await vi.advanceTimersByTimeAsync(49);
      controller.abort(new Error('enough'));
      await vi.advanceTimersByTimeAsync(1);
      expect(publish.error).toMatchObject({
        name: 'ConnectionError',
        code: 'still-stored',
        cause: how === 'signal' ? { message: 'enough' } : { code: 'timeout' },
      });
      expect(client.stats).toMatchObject({ inFlight: 1, publishesFailed: 0, messagesSent: 0 });
      server.link.send({ type: 'puback', packetId: 1, reasonCode: 0 });
      expect(client.stats).toMatchObject({ inFlight: 0, publishesFailed: 0, messagesSent: 1 });
    },
  );

  test('before the call publishes nothing', async () => {
    const { client, server } = await connected();
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    for (const qos of [0, 1] as const)
      await expect(client.publish('a', 'x', { qos, signal })).rejects.toBe(reason);
    expect(server.link.packets('publish')).toEqual([]);
  });

  test('no more after the end: the signal and the timer are let go of', async () => {
    fakeTime();
    const { client } = await connected({ keepAlive: 0 });
    await client.publish('a', 'x', { qos: 1, timeout: 1_000 });
    await client.publish('a', 'x', { qos: 0, timeout: 1_000 });
    expect(vi.getTimerCount()).toBe(0);
    const controller = new AbortController();
    const remove = vi.spyOn(controller.signal, 'removeEventListener');
    await client.publish('a', 'x', { qos: 1, signal: controller.signal });
    expect(remove).toHaveBeenCalledOnce();
    controller.abort();
    await turn();
    expect(client.stats.publishesFailed).toBe(0);
  });
});

describe('in closed', () => {
  test('publish rejects', async () => {
    const { client } = await connected();
    await client.close();
    for (const qos of [0, 1, 2] as const)
      await expect(client.publish('a', 'x', { qos })).rejects.toMatchObject({ code: 'closed' });
  });

  test('what waited was rejected, and with clean: false it is still stored', async () => {
    for (const clean of [true, false]) {
      const server = new FakeServer();
      const { client } = await connected({ clean, clientId: 'c' }, server);
      server.script.publish = () => undefined;
      const waits = watch(client.publish('a', 'x', { qos: 1 }));
      await client.close({ force: true });
      await turn();
      expect(waits.error).toMatchObject({ code: clean ? 'closed' : 'still-stored' });
      expect(client.stats.publishesFailed).toBe(clean ? 1 : 0);
    }
  });
});

describe('before MQTT 5.0', () => {
  test('a property rejects at the call when connected', async () => {
    const { client, server } = await connected({ protocolVersion: 4 });
    for (const qos of [0, 1, 2] as const) {
      const publish = client.publish('a', 'x', { qos, properties: { contentType: 'b' } });
      await expect(publish).rejects.toBeInstanceOf(UsageError);
      await expect(publish).rejects.toMatchObject({ code: 'needs-mqtt-5' });
    }
    expect(server.link.packets('publish')).toEqual([]);
  });

  test('a property rejects a queued message when the connection turns out to be of 3.1.1; others go', async () => {
    const { client, server } = idle({ protocolVersion: 4 });
    const refused = ([0, 1, 2] as const).map((qos) =>
      watch(client.publish('a', 'x', { qos, properties: { messageExpiryInterval: 60 } })),
    );
    const sent = client.publish('b', 'x', { qos: 1, properties: {} });
    await client.connect();
    await sent;
    await turn();
    for (const { error } of refused) expect(error).toMatchObject({ code: 'needs-mqtt-5' });
    expect(server.link.packets('publish').map(({ topic }) => topic)).toEqual(['b']);
  });
});

describe('message expiry', () => {
  test('ends a message that was never sent, and the promise says so', async () => {
    fakeTime();
    const { client, server } = idle();
    const expired = watch(client.publish('a', 'x', { qos: 1, properties: { messageExpiryInterval: 10 } }));
    const sent = watch(client.publish('b', 'x', { qos: 1, properties: { messageExpiryInterval: 60 } }));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(expired.error).toMatchObject({ name: 'ConnectionError', code: 'expired' });
    await client.connect();
    await vi.advanceTimersByTimeAsync(0);
    expect(sent.state).toBe('resolved');
    expect(server.link.packets('publish').map(({ topic, properties }) => [topic, properties])).toEqual([
      ['b', { messageExpiryInterval: 40 }],
    ]);
  });
});

test('properties are sent as they were at the call', async () => {
  const { client, server } = idle();
  const properties = {
    contentType: 'text/plain',
    correlationData: Uint8Array.of(1, 2),
    userProperties: [['a', 'b']] as [string, string][],
  };
  const publish = client.publish('a', 'x', { qos: 1, properties });
  properties.contentType = 'changed';
  properties.correlationData[0] = 9;
  properties.userProperties.push(['c', 'd']);
  await client.connect();
  await publish;
  expect(server.link.first('publish').properties).toEqual({
    contentType: 'text/plain',
    correlationData: Uint8Array.of(1, 2),
    userProperties: [['a', 'b']],
  });
});
