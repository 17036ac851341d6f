import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { AliyunReplyError, aliyunThing, ServerClock } from '../../../src/credentials/index';
import { ConnectionError, PeerError, ProtocolError, UsageError } from '../../../src/errors';
import { connected, fakeTime, idle, watch } from '../../support/fake-client';
import { type FakeLink, FakeServer, turn } from '../../support/fake-server';

const device = { productKey: 'pk', deviceName: 'dn' };
const post = '/sys/pk/dn/thing/event/property/post';
const set = '/sys/pk/dn/thing/service/property/set';
const ntp = '/ext/ntp/pk/dn';

type Json = Record<string, unknown>;

/** Messages that the client published to a topic. */
function published(link: FakeLink, topic: string): { qos: number; json: Json }[] {
  return link
    .packets('publish')
    .filter((packet) => packet.topic === topic)
    .map(({ qos, payload }) => ({ qos, json: JSON.parse(new TextDecoder().decode(payload)) }));
}

/** A service that answers what a device publishes. */
function service(
  answer: (topic: string, json: Json) => { topic: string; json: unknown } | undefined,
): FakeServer {
  const server: FakeServer = new FakeServer({
    publish(packet, link) {
      const reply = answer(packet.topic, JSON.parse(new TextDecoder().decode(packet.payload)));
      if (reply)
        link.publish(reply.topic, typeof reply.json === 'string' ? reply.json : JSON.stringify(reply.json));
      return server.sensible(packet, link);
    },
  });
  return server;
}

/** Answers reports with a code. */
const replying = (code: unknown, message?: string) =>
  service((topic, { id }) =>
    topic === post
      ? { topic: `${post}_reply`, json: { id, code, data: {}, message, version: '1.0' } }
      : undefined,
  );

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('reporting properties', () => {
  test('resolves with the answer of the service', async () => {
    fakeTime();
    const { client, server } = await connected({ keepAlive: 0 }, replying(200, 'success'));
    const thing = aliyunThing(client, device);
    const timers = vi.getTimerCount();
    await thing.postProperties({ temperature: 21.5, power: { value: 'on', time: 1_524_448_722_000 } });
    expect(vi.getTimerCount()).toBe(timers);
    const [report] = published(server.link, post);
    expect(report).toEqual({
      qos: 1,
      json: {
        id: expect.stringMatching(/^\d{1,10}$/),
        version: '1.0',
        sys: { ack: 1 },
        params: { temperature: 21.5, power: { value: 'on', time: 1_524_448_722_000 } },
        method: 'thing.event.property.post',
      },
    });
    expect(server.link.types.indexOf('subscribe')).toBeLessThan(server.link.types.indexOf('publish'));
  });

  test('subscribes once, and gives each report an identifier of its own', async () => {
    const { client, server } = await connected({}, replying(200));
    const thing = aliyunThing(client, device);
    await Promise.all([thing.postProperties({ a: 1 }), thing.postProperties({ a: 2 })]);
    await thing.postProperties({ a: 3 });
    expect(server.link.packets('subscribe')).toHaveLength(1);
    expect(new Set(published(server.link, post).map(({ json }) => json['id']))).toHaveLength(3);
  });

  test('rejects with the code of a refusal', async () => {
    const { client } = await connected({}, replying(460, 'request parameter error!'));
    const error = await errorOf(aliyunThing(client, device).postProperties({ a: 1 }));
    expect(error).toBeInstanceOf(AliyunReplyError);
    expect(error).toBeInstanceOf(PeerError);
    expect(error).toMatchObject({ code: 'aliyun-refused', replyCode: 460 });
    expect((error as Error).message).toBe(
      'The service refused the properties (460): request parameter error!',
    );
  });

  test('takes an answer for the report that it names, and no other', async () => {
    const { client, server } = await connected();
    const thing = aliyunThing(client, device);
    const reports = [watch(thing.postProperties({ a: 1 })), watch(thing.postProperties({ a: 2 }))];
    await vi.waitFor(() => expect(published(server.link, post)).toHaveLength(2));
    const [first, second] = published(server.link, post).map(({ json }) => json['id']);
    server.link.publish(`${post}_reply`, JSON.stringify({ id: 'another', code: 200 }));
    server.link.publish(`${post}_reply`, JSON.stringify({ id: second, code: '200' }));
    await turn();
    expect(reports.map(({ state }) => state)).toEqual(['pending', 'resolved']);
    server.link.publish(`${post}_reply`, JSON.stringify({ id: Number(first), code: 200 }));
    await turn();
    expect(reports.map(({ state }) => state)).toEqual(['resolved', 'resolved']);
  });

  test.each([
    '',
    'nonsense',
    '[]',
    'null',
    '{}',
    '{"id":{},"code":200}',
    '{"id":"1","code":"x"}',
    '{"id":"1"}',
  ])('tells the client of the answer %j, which is none', async (text) => {
    fakeTime();
    const { client, server } = await connected(
      {},
      service(() => ({ topic: `${post}_reply`, json: text })),
    );
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    const report = errorOf(aliyunThing(client, device).postProperties({ a: 1 }));
    await vi.waitFor(() => expect(errors).toHaveLength(1));
    expect(errors[0]).toBeInstanceOf(ProtocolError);
    expect(errors[0]?.message).toContain('post_reply');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await report).toMatchObject({ code: 'timeout' });
    expect(server.link.isOpen).toBe(true);
  });

  test('ends in time without an answer, and subscribes again then', async () => {
    fakeTime();
    const { client, server } = await connected();
    const thing = aliyunThing(client, device);
    const [late, later] = [
      thing.postProperties({ a: 1 }, { timeout: 50 }),
      thing.postProperties({ a: 2 }),
    ].map(watch);
    await vi.advanceTimersByTimeAsync(49);
    expect(late?.state).toBe('pending');
    await vi.advanceTimersByTimeAsync(1);
    expect(late?.error).toBeInstanceOf(ConnectionError);
    expect(late?.error).toMatchObject({ code: 'timeout' });
    await vi.advanceTimersByTimeAsync(9_949);
    expect(later?.state).toBe('pending');
    await vi.advanceTimersByTimeAsync(1);
    expect(later?.error).toMatchObject({ code: 'timeout' });
    const again = errorOf(thing.postProperties({ a: 3 }));
    await vi.advanceTimersByTimeAsync(10_000);
    await again;
    expect(server.link.packets('subscribe')).toHaveLength(2);
  });

  test('leaves no subscription behind when answers never come, online or not', async () => {
    fakeTime();
    const { client, server } = await connected({ reconnect: { minDelay: 1_000, maxDelay: 1_000 } });
    vi.spyOn(Math, 'random').mockReturnValue(0.999);
    onTestFinished(() => {
      vi.restoreAllMocks();
    });
    const thing = aliyunThing(client, device);
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    const report = async () => {
      const late = errorOf(thing.postProperties({ a: 1 }, { timeout: 100 }));
      await vi.advanceTimersByTimeAsync(100);
      expect(await late).toMatchObject({ code: 'timeout' });
    };
    for (let count = 0; count < 3; count++) await report();
    server.link.drop();
    for (let count = 0; count < 3; count++) await report();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(client.status.type).toBe('connected');
    await turn();
    // It is wrong for whoever takes it.
    server.link.publish(`${post}_reply`, 'nonsense');
    await turn();
    expect(errors).toHaveLength(1);
    expect(server.link.packets('unsubscribe')).toEqual([]);
    expect(server.link.packets('subscribe')).toHaveLength(1);
  });

  test('ends with the reason of a signal', async () => {
    const { client, server } = await connected();
    const thing = aliyunThing(client, device);
    const abort = new AbortController();
    const report = watch(thing.postProperties({ a: 1 }, { signal: abort.signal }));
    await vi.waitFor(() => expect(published(server.link, post)).toHaveLength(1));
    abort.abort('enough');
    await turn();
    expect(report).toMatchObject({ state: 'rejected', error: 'enough' });
    expect(await errorOf(thing.postProperties({ a: 1 }, { signal: abort.signal }))).toBe('enough');
    await turn();
    expect(published(server.link, post)).toHaveLength(1);
  });

  test('sends nothing after its end when that comes before SUBACK', async () => {
    const server: FakeServer = new FakeServer({ subscribe: () => undefined });
    const { client } = await connected({}, server);
    const abort = new AbortController();
    const report = watch(aliyunThing(client, device).postProperties({ a: 1 }, { signal: abort.signal }));
    await vi.waitFor(() => expect(server.link.packets('subscribe')).toHaveLength(1));
    abort.abort('enough');
    server.link.send({ type: 'suback', packetId: server.link.last('subscribe').packetId, reasonCodes: [1] });
    await turn();
    expect(report.error).toBe('enough');
    expect(server.link.packets('publish')).toEqual([]);
  });

  test('ends when the client is closed, and works again when that is opened again', async () => {
    const { client, server } = await connected();
    const thing = aliyunThing(client, device);
    const report = watch(thing.postProperties({ a: 1 }));
    await vi.waitFor(() => expect(published(server.link, post)).toHaveLength(1));
    await client.close();
    await turn();
    expect(report.error).toMatchObject({ code: 'closed' });
    await client.connect();
    const again = watch(thing.postProperties({ a: 2 }));
    await vi.waitFor(() => expect(published(server.link, post)).toHaveLength(1));
    server.link.publish(
      `${post}_reply`,
      JSON.stringify({ ...published(server.link, post)[0]?.json, code: 200 }),
    );
    await turn();
    expect(again.state).toBe('resolved');
  });

  test('ends with the refusal of the subscription', async () => {
    const server: FakeServer = new FakeServer({
      subscribe: ({ packetId }) => ({ type: 'suback', packetId, reasonCodes: [0x87] }),
    });
    const { client } = await connected({}, server);
    const thing = aliyunThing(client, device);
    for (const times of [1, 2]) {
      expect(await errorOf(thing.postProperties({ a: 1 }))).toMatchObject({ code: 'not-authorized' });
      expect(server.link.packets('subscribe')).toHaveLength(times);
    }
  });

  test('refuses what is no JSON object, and wrong options', async () => {
    const { client, server } = await connected();
    const thing = aliyunThing(client, device);
    const ring: Json = {};
    ring['ring'] = ring;
    const empty = [new Map([['a', 1]]), Promise.resolve({ a: 1 }), new Date(0)];
    for (const value of [...[undefined, null, 'a', [1], ring, { a: 1n }], ...empty]) {
      expect(await errorOf(thing.postProperties(value as Json))).toBeInstanceOf(UsageError);
    }
    const wrong: [value: unknown, message: RegExp][] = [
      ...[null, 1, 'x', [1], new Map(), Promise.resolve({})].map((options): [unknown, RegExp] => [
        options,
        /^options: must be an object/,
      ]),
      ...[-1, Number.NaN, '1', null].map((timeout): [unknown, RegExp] => [
        { timeout },
        /^options\.timeout: /,
      ]),
      ...[null, 'x', {}, new AbortController()].map((signal): [unknown, RegExp] => [
        { signal },
        /^options\.signal: must be an AbortSignal/,
      ]),
      [{ timeOut: 1 }, /^options\.timeOut: there is no such option; one of signal, timeout/],
    ];
    for (const [options, message] of wrong) {
      for (const asked of [
        thing.postProperties({ a: 1 }, options as never),
        thing.synchronizeClock(options as never),
      ])
        expect(await errorOf(asked)).toMatchObject({
          name: 'UsageError',
          message: expect.stringMatching(message),
        });
    }
    expect(server.link.types).toEqual(['connect']);
  });
});

describe('properties that the service sets', () => {
  test('are answered when the handler has settled', async () => {
    const { client, server } = await connected();
    let settle: (() => void) | undefined;
    const seen: unknown[] = [];
    await aliyunThing(client, device).onPropertySet((properties, message) => {
      seen.push([properties, message.topic]);
      return new Promise<void>((resolve) => {
        settle = resolve;
      });
    });
    server.link.publish(set, JSON.stringify({ id: '7', params: { power: 1 }, version: '1.0' }), { qos: 1 });
    await turn();
    expect(seen).toEqual([[{ power: 1 }, set]]);
    expect(published(server.link, `${set}_reply`)).toEqual([]);
    settle?.();
    await turn();
    expect(published(server.link, `${set}_reply`)).toEqual([
      { qos: 1, json: { id: '7', code: 200, data: {}, message: 'success', version: '1.0' } },
    ]);
    expect(server.link.packets('puback')).toHaveLength(1);
  });

  test('that a handler fails with are answered as that, without its words', async () => {
    const { client, server } = await connected();
    const errors: Error[] = [];
    client.on('error', (error) => errors.push(error));
    await aliyunThing(client, device).onPropertySet(() => {
      throw new Error('the secret is 42');
    });
    server.link.publish(set, JSON.stringify({ id: '7', params: {} }));
    await turn();
    const [reply] = published(server.link, `${set}_reply`);
    expect(reply?.json).toMatchObject({ id: '7', code: 100_000 });
    expect(JSON.stringify(reply)).not.toContain('42');
    expect(errors.map(({ message }) => message)).toEqual(['the secret is 42']);
  });

  test.each(['nonsense', '[]', '{"id":"7"}', '{"id":"7","params":[]}'])(
    'reach no handler when they are none: %s',
    async (text) => {
      const { client, server } = await connected();
      const errors: Error[] = [];
      client.on('error', (error) => errors.push(error));
      const handler = vi.fn();
      await aliyunThing(client, device).onPropertySet(handler);
      server.link.publish(set, text);
      await turn();
      expect(handler).not.toHaveBeenCalled();
      expect(errors).toHaveLength(1);
      expect(errors[0]).toBeInstanceOf(ProtocolError);
    },
  );

  test('go to a function', async () => {
    const { client } = idle();
    const error = await errorOf(aliyunThing(client, device).onPropertySet('no' as unknown as () => void));
    expect(error).toBeInstanceOf(UsageError);
  });
});

describe('the clock', () => {
  /** A service whose clock is ahead, and that takes its time. */
  const timeService = (ahead: number, way: number, work: number) =>
    service((topic, { deviceSendTime }) => {
      if (topic !== `${ntp}/request`) return undefined;
      vi.advanceTimersByTime(way);
      const serverRecvTime = Date.now() + ahead;
      vi.advanceTimersByTime(work);
      const serverSendTime = Date.now() + ahead;
      vi.advanceTimersByTime(way);
      const json = { deviceSendTime, serverRecvTime, serverSendTime: String(serverSendTime) };
      return { topic: `${ntp}/response`, json };
    });

  test('is compared with that of the service, and corrected', async () => {
    fakeTime();
    const { client, server } = await connected({}, timeService(3_600_000, 40, 5));
    const clock = new ServerClock();
    const reading = await aliyunThing(client, { ...device, clock }).synchronizeClock();
    expect(reading).toEqual({ offset: 3_600_000, roundTrip: 80 });
    expect(clock.offset).toBe(3_600_000);
    expect(clock.now()).toBe(Date.now() + 3_600_000);
    const [request] = published(server.link, `${ntp}/request`);
    expect(request).toMatchObject({ qos: 0, json: { deviceSendTime: expect.stringMatching(/^\d{13}$/) } });
    // Again, by the uncorrected clock: the same.
    expect(await aliyunThing(client, { ...device, clock }).synchronizeClock()).toEqual(reading);
  });

  test('that is set while the answer is on its way is compared as it is then', async () => {
    fakeTime();
    const server = timeService(0, 10, 0);
    const { client } = await connected({}, server);
    client.on('packet', ({ direction, packet }) => {
      // The device's clock is set an hour ahead.
      if (direction === 'in' && packet.type === 'publish') vi.setSystemTime(Date.now() + 3_600_000);
    });
    const { offset, roundTrip } = await aliyunThing(client, device).synchronizeClock();
    expect([offset, roundTrip]).toEqual([-3_600_000, 20]);
  });

  test('is asked for twice at the same time', async () => {
    fakeTime();
    const { client, server } = await connected({}, timeService(1_000, 0, 0));
    const thing = aliyunThing(client, device);
    const readings = await Promise.all([thing.synchronizeClock(), thing.synchronizeClock()]);
    expect(readings.map(({ offset }) => offset)).toEqual([1_000, 1_000]);
    const times = published(server.link, `${ntp}/request`).map(({ json }) => json['deviceSendTime']);
    expect(new Set(times)).toHaveLength(2);
  });

  test.each([{ serverRecvTime: 1 }, { serverRecvTime: 'x', serverSendTime: 1 }, { serverRecvTime: null }])(
    'is not corrected by %j',
    async (json) => {
      fakeTime();
      const { client } = await connected(
        {},
        service((_, { deviceSendTime }) => ({ topic: `${ntp}/response`, json: { deviceSendTime, ...json } })),
      );
      const errors: Error[] = [];
      client.on('error', (error) => errors.push(error));
      const clock = new ServerClock();
      const asked = errorOf(aliyunThing(client, { ...device, clock }).synchronizeClock({ timeout: 100 }));
      await vi.waitFor(() => expect(errors).toHaveLength(1));
      await vi.advanceTimersByTimeAsync(100);
      expect(await asked).toMatchObject({ code: 'timeout' });
      expect(clock.offset).toBe(0);
    },
  );
});

test('a wrong device is refused at once', () => {
  const { client } = idle();
  expect(() => aliyunThing(client, { productKey: '', deviceName: 'dn' })).toThrow(
    /^device\.productKey: must/,
  );
  expect(() => aliyunThing(client, undefined as unknown as typeof device)).toThrow(UsageError);
});

test('needs a client', () => {
  for (const client of [undefined, Promise.resolve(idle().client)])
    expect(() => aliyunThing(client as unknown as Parameters<typeof aliyunThing>[0], device)).toThrow(
      new UsageError('client: must be a client; await connect()'),
    );
});
