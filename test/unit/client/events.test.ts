import { afterEach, describe, expect, test, vi } from 'vitest';
import { Emitter } from '../../../src/client/emitter';
import type { ClientEvents, EnhancedAuth, Packet, RefusedError } from '../../../src/index';
import { memoryStore } from '../../../src/index';
import { connected, idle, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';
import { hex } from '../../support/hex';
import { unownedStore } from '../../support/unowned-store';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('on', () => {
  test('calls listeners in order until they are taken off', async () => {
    const { client, server } = await connected();
    const calls: string[] = [];
    const listener = () => calls.push('same');
    const off = client.on('message', listener);
    client.on('message', listener);
    client.on('message', () => calls.push('other'));
    server.link.publish('a');
    off();
    off();
    server.link.publish('a');
    expect(calls).toEqual(['same', 'same', 'other', 'same', 'other']);
  });

  test('with once calls a listener once', async () => {
    const { client, server } = await connected();
    const listener = vi.fn();
    const off = client.on('message', listener, { once: true });
    server.link.publish('a', '1');
    server.link.publish('a', '2');
    off();
    expect(listener).toHaveBeenCalledOnce();
  });

  test('with a signal calls a listener until that is aborted', async () => {
    const { client, server } = await connected();
    const controller = new AbortController();
    const remove = vi.spyOn(controller.signal, 'removeEventListener');
    const listener = vi.fn();
    client.on('message', listener, { signal: controller.signal });
    server.link.publish('a', '1');
    controller.abort();
    server.link.publish('a', '2');
    client.on('message', listener, { signal: controller.signal });
    server.link.publish('a', '3');
    expect(listener).toHaveBeenCalledOnce();
    const off = client.on('message', listener, { signal: new AbortController().signal });
    off();
    expect(remove).toHaveBeenCalled();
  });

  test('calls those that were there when the event began', async () => {
    const { client, server } = await connected();
    const calls: string[] = [];
    client.on(
      'message',
      () => {
        calls.push('first');
        client.on('message', () => calls.push('late'));
      },
      { once: true },
    );
    server.link.publish('a');
    expect(calls).toEqual(['first']);
    server.link.publish('a');
    expect(calls).toEqual(['first', 'late']);
  });

  test.each(['', 'Message', 'toString', '__proto__', 'constructor', Symbol.iterator, 1, undefined, null])(
    'throws a UsageError for the event %s',
    (event) => {
      const { client } = idle();
      expect(() => client.on(event as 'message', () => {})).toThrow(
        expect.objectContaining({ name: 'UsageError', message: expect.stringMatching(/^event: .*message/) }),
      );
    },
  );

  test.each([undefined, null, 1, 'f', {}])('throws a UsageError for the listener %s', (listener) => {
    const { client } = idle();
    expect(() => client.on('message', listener as unknown as () => void)).toThrow(
      expect.objectContaining({
        name: 'UsageError',
        message: expect.stringMatching(/^listener: must be a function/),
      }),
    );
  });

  test.each([
    [null, 'options'],
    [true, 'options'],
    [() => {}, 'options'],
    [{ once: 1 }, 'options.once'],
    [{ passive: true }, 'options.passive'],
    [{ signal: {} }, 'options.signal'],
    [{ signal: null }, 'options.signal'],
  ])('throws a UsageError for the options %o', (options, name) => {
    const { client, server } = idle();
    expect(() => client.on('message', () => {}, options as object)).toThrow(
      expect.objectContaining({ name: 'UsageError', message: expect.stringContaining(`${name}: `) }),
    );
    expect(server.links).toEqual([]);
  });
});

describe('the exception of a listener', () => {
  test("reaches 'error', and no other listener misses the event", async () => {
    const { client } = idle();
    const errors: Error[] = [];
    const statuses: string[] = [];
    client.on('error', (error) => errors.push(error));
    client.on('status', () => {
      throw new Error('sync');
    });
    client.on('connect', () => Promise.reject(new Error('async')));
    client.on('status', ({ type }) => statuses.push(type));
    await client.connect();
    await turn();
    expect(statuses).toEqual(['connecting', 'connected']);
    expect(errors.map(({ message }) => message)).toEqual(['sync', 'sync', 'async']);
  });

  test("goes where uncaught exceptions go when nobody listens to 'error', and from there itself", async () => {
    const reportError = vi.fn();
    vi.stubGlobal('reportError', reportError);
    const { client } = idle();
    client.on(
      'status',
      () => {
        throw 'nobody listens';
      },
      { once: true },
    );
    await client.connect();
    client.on('error', () => {
      throw new Error('the listener of error');
    });
    await client.publish('#', '').catch(() => {});
    expect(reportError.mock.calls).toEqual([['nobody listens'], [new Error('the listener of error')]]);
  });

  test('is uncaught in Node, which has no reportError', async () => {
    const uncaught: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => uncaught.push(error));
    try {
      const { client } = idle();
      client.on(
        'status',
        () => {
          throw new Error('mine');
        },
        { once: true },
      );
      await client.connect();
      await turn();
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
    expect(uncaught).toEqual([new Error('mine')]);
  });
});

describe("'packet'", () => {
  test('shows the payload of each publish of a task as it is on the wire', async () => {
    const { client } = await connected();
    const shown: string[] = [];
    client.on('packet', ({ packet }) => {
      if (packet.type === 'publish') shown.push(new TextDecoder().decode(packet.payload));
    });
    const array = new TextEncoder().encode('bytes 1');
    for (const qos of [0, 1, 2] as const) {
      void client.publish('a', `text ${qos}`, { qos });
      void client.publish('a', array, { qos });
    }
    array.fill(0);
    await turn();
    expect(shown).toEqual(['text 0', 'bytes 1', 'text 1', 'bytes 1', 'text 2', 'bytes 1']);
  });

  /** Collects packets as they are shown. */
  function shown(client: ReturnType<typeof idle>['client']) {
    const events: ClientEvents['packet'][] = [];
    const off = client.on('packet', (event) => events.push(event));
    return { events, off, types: () => events.map(({ direction, packet }) => `${direction} ${packet.type}`) };
  }

  test('shows what is sent when it leaves, not before: listeners come between no steps', async () => {
    const { client, server } = await connected();
    const { types } = shown(client);
    void client.publish('a', '', { qos: 1 });
    expect([types(), server.link.packets('publish')]).toEqual([[], []]);
    await turn();
    expect(types()).toEqual(['out publish', 'in puback']);
  });

  test('shows every packet in both directions, in order', async () => {
    const { client, server } = idle();
    const { types } = shown(client);
    await client.connect();
    await client.subscribe('a', { qos: 1 }, () => {});
    await client.publish('b', 'x', { qos: 2 });
    server.link.publish('a', 'y', { qos: 1 });
    await turn();
    expect(types()).toEqual([
      'out connect',
      'in connack',
      'out subscribe',
      'in suback',
      'out publish',
      'in pubrec',
      'out pubrel',
      'in pubcomp',
      'in publish',
      'out puback',
    ]);
  });

  test('masks passwords and authentication data', async () => {
    const secret = new TextEncoder().encode('secret');
    const authenticate: EnhancedAuth = {
      method: 'M',
      start: () => secret,
      challenge: () => secret,
      success: () => {},
    };
    const properties = { authenticationMethod: 'M', authenticationData: secret };
    const server = new FakeServer({
      connect: () => ({ type: 'auth', reasonCode: 0x18, properties }),
      auth: () => ({ type: 'connack', sessionPresent: false, reasonCode: 0, properties }),
    });
    const { client } = idle({ username: 'u', password: 'secret', authenticate }, server);
    const { events, types } = shown(client);
    await client.connect();
    expect(types()).toEqual(['out connect', 'in auth', 'out auth', 'in connack']);
    const mask = new TextEncoder().encode('***');
    expect(events[0]?.packet).toMatchObject({
      username: 'u',
      password: mask,
      properties: { authenticationMethod: 'M', authenticationData: mask },
    });
    for (const { packet } of events)
      expect((packet as Packet & { properties: unknown }).properties).toMatchObject({
        authenticationData: mask,
      });
    // What was sent and taken is the secret itself.
    expect(server.link.connect).toMatchObject({ password: secret, properties });
    expect(server.link.first('auth').properties).toEqual(properties);
  });

  test('does not make up a password that is not there', async () => {
    const { client } = idle();
    const { events } = shown(client);
    await client.connect();
    expect(events[0]?.packet).toMatchObject({ type: 'connect', password: undefined });
  });

  test('may begin and end at any time, from its own listener, too', async () => {
    const { client, server } = await connected();
    await turn();
    const seen: string[] = [];
    const off = client.on('packet', ({ packet }) => {
      seen.push(packet.type);
      off();
    });
    client.publish('a', new Uint8Array(5_000), { qos: 1 });
    client.publish('a', 'x', { qos: 1 });
    await turn();
    expect(seen).toEqual(['publish']);
    expect(server.link.packets('publish')).toHaveLength(2);
    const { types } = shown(client);
    await client.publish('a', 'x', { qos: 1 });
    expect(types()).toEqual(['out publish', 'in puback']);
  });

  test('shows nothing that follows DISCONNECT in its chunk', async () => {
    const { client, server } = await connected();
    const { types } = shown(client);
    server.link.sendBytes(hex`e0 00 30 04 0001 'a' 00`);
    await turn();
    expect(types().filter((type) => type.startsWith('in'))).toEqual(['in disconnect']);
  });

  test('may be where the client is closed: what was shown then is not taken', async () => {
    const { client, server } = await connected();
    const messages: unknown[] = [];
    client.on('message', (message) => void messages.push(message));
    client.on('packet', ({ packet }) => {
      if (packet.type === 'publish') void client.close({ force: true });
    });
    server.link.publish('a', 'x', { qos: 1 });
    await turn();
    expect(client.status.type).toBe('closed');
    expect(messages).toEqual([]);
  });

  test('costs nothing once its last listener is gone, by once or a signal as well', () => {
    const changed = vi.fn();
    const emitter = new Emitter(changed);
    const controller = new AbortController();
    emitter.on('packet', () => {});
    emitter.on('packet', () => {}, { once: true });
    emitter.on('packet', () => {}, { signal: controller.signal });
    const off = emitter.on('packet', () => {});
    expect(changed).toHaveBeenCalledTimes(4);
    emitter.emit('packet', { direction: 'in', packet: { type: 'pingresp' } });
    expect(changed).toHaveBeenCalledTimes(5);
    controller.abort();
    expect(changed).toHaveBeenCalledTimes(6);
    off();
    expect(changed).toHaveBeenCalledTimes(7);
    expect(emitter.has('packet')).toBe(true);
    off();
    expect(changed).toHaveBeenCalledTimes(7);
  });
});

test('an environment that throws what is reported to it does not silence the events after it', () => {
  const emitter = new Emitter(() => undefined);
  vi.stubGlobal('reportError', (error: unknown) => {
    throw error;
  });
  const heard: string[] = [];
  emitter.on('status', ({ type }) => {
    heard.push(type);
    throw new Error('mine');
  });
  const tell = () => emitter.emit('status', { type: 'idle' });
  expect(tell).toThrow('mine');
  expect(tell).toThrow('mine');
  expect(heard).toEqual(['idle', 'idle']);
});

describe("'settled'", () => {
  test('tells of messages that stayed when the client was closed', async () => {
    const { client, server } = await connected({ clean: false, clientId: 'c' });
    server.script.publish = () => undefined;
    for (const key of ['one', undefined, 'two']) client.publish('a', 'x', { qos: 1, key });
    await turn();
    await client.close({ force: true });
    const events: ClientEvents['settled'][] = [];
    client.on('settled', (event) => events.push(event));
    server.script.publish = ({ packetId = 0 }) => ({
      type: 'puback',
      packetId,
      reasonCode: packetId === 3 ? 0x87 : 0,
    });
    await client.connect();
    await turn();
    expect(events).toEqual([
      { key: 'one', error: undefined },
      { key: undefined, error: undefined },
      { key: 'two', error: expect.objectContaining({ reasonCode: 0x87 }) },
    ]);
    expect(client.stats).toMatchObject({ messagesSent: 2, publishesFailed: 1 });
  });

  test('tells the first listener of what ended before anybody listened, once', async () => {
    const store = memoryStore();
    const options = { store, clean: false, clientId: 'c' };
    const { client: earlier } = await connected(options, new FakeServer({ publish: () => undefined }));
    earlier.publish('kept', 'x', { qos: 1, key: 'refused', retain: true });
    earlier.publish('kept', 'x', { qos: 1, key: 'fine' });
    await turn();
    await earlier.close({ force: true });
    const server = new FakeServer();
    server.connack = { retainAvailable: false };
    const { client } = await connected(options, server);
    await turn();
    const heard: string[][] = [[], []];
    const note = (list = 0) =>
      client.on('settled', ({ key, error }) => void heard[list]?.push(`${key} ${error ? 'failed' : 'ok'}`));
    const off = note(0);
    expect(heard[0]).toEqual([]);
    await turn();
    off();
    note(1);
    await turn();
    expect(heard).toEqual([['refused failed', 'fine ok'], []]);
  });

  test.each(['stored', 'acknowledged'] as const)(
    "tells of a failure whose callers had their answer, until: '%s', and lets its key be tried again",
    async (until) => {
      const { client, server } = await connected();
      server.script.publish = () => undefined;
      const again: Promise<unknown>[] = [];
      const told: unknown[] = [];
      client.on('settled', ({ key, error }) => {
        told.push([key, (error as RefusedError).reasonCode]);
        again.push(client.publish('a', 'x', { qos: 1, key }));
      });
      const controller = new AbortController();
      const { signal } = controller;
      const first = watch(client.publish('a', 'x', { qos: 1, key: 'k', until, signal }));
      const other = watch(client.publish('a', 'x', { qos: 1, key: 'other' }));
      await turn();
      controller.abort();
      await turn();
      if (until === 'stored') expect(first.state).toBe('resolved');
      else expect(first.error).toMatchObject({ code: 'still-stored' });
      delete server.script.publish;
      for (const packetId of [1, 2]) server.link.send({ type: 'puback', packetId, reasonCode: 0x87 });
      await turn();
      expect(told).toEqual([['k', 0x87]]);
      expect(other.error).toMatchObject({ reasonCode: 0x87 });
      await Promise.all(again);
      expect(again).toHaveLength(1);
    },
  );

  test('tells of a message that its caller gave up, and that the store then refuses', async () => {
    let fail = (_: Error) => {};
    const store = unownedStore();
    const { client } = await connected({ store, clean: false, clientId: 'c' });
    await turn();
    store.write = () =>
      new Promise((_, reject) => {
        fail = reject;
      });
    const told: unknown[] = [];
    client.on('settled', (event) => told.push(event));
    const controller = new AbortController();
    const { signal } = controller;
    const given = ['stored', 'acknowledged'] as const;
    const publishes = given.map((until) =>
      watch(client.publish('a', 'x', { qos: 1, key: until, until, signal })),
    );
    const heard = watch(client.publish('a', 'x', { qos: 1, key: 'heard', until: 'stored' }));
    await turn();
    controller.abort();
    await turn();
    for (const { error } of publishes) expect(error).toMatchObject({ code: 'still-stored' });
    fail(new Error('the disk is full'));
    await turn();
    const error: unknown = expect.objectContaining({ code: 'store-failed' });
    expect(told).toEqual(given.map((key) => ({ key, error })));
    expect(heard.error).toEqual(error);
  });

  test('does not tell of what was taken back, nor at the end of the client', async () => {
    const { client, server } = await connected();
    const told = vi.fn();
    client.on('settled', told);
    server.script.publish = () => undefined;
    await client.publish('a', 'x', { qos: 1, until: 'stored' });
    server.link.drop();
    await turn();
    const controller = new AbortController();
    const publish = watch(client.publish('a', 'x', { qos: 1, signal: controller.signal }));
    controller.abort();
    await client.close({ force: true });
    await turn();
    expect(publish.error).toBe(controller.signal.reason);
    expect(told).not.toHaveBeenCalled();
  });

  test('does not tell of messages that have a promise', async () => {
    const { client } = await connected();
    const settled = vi.fn();
    client.on('settled', settled);
    await client.publish('a', 'x', { qos: 1, key: 'k' });
    expect(settled).not.toHaveBeenCalled();
  });
});
