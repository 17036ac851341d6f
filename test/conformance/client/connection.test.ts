/** What the whole client, not only its session, owes a server from CONNECT to DISCONNECT. */

import { describe, expect, test, vi } from 'vitest';
import type { ClientOptions } from '../../../src/index';
import { memoryStore } from '../../../src/store/memory';
import { connected, fakeTime, idle, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';
import { hex } from '../../support/hex';

const both = [5, 4] as const;
const reconnect = { minDelay: 0, maxDelay: 0 };

describe('keep alive', () => {
  test.each(both)(
    'an idle client pings within it, with 0 never [v5 MQTT-3.1.2-20, v3 MQTT-3.1.2-23] (%i)',
    async (protocolVersion) => {
      fakeTime();
      for (const keepAlive of [5, 60, 0]) {
        const { server } = await connected({ protocolVersion, keepAlive });
        const pings = () => server.link.packets('pingreq').length;
        for (let interval = 1; interval <= 3; interval += 1) {
          await vi.advanceTimersByTimeAsync((keepAlive || 600) * 1_000);
          if (keepAlive === 0) expect(pings()).toBe(0);
          else expect(pings()).toBeGreaterThanOrEqual(interval);
        }
        expect(server.links).toHaveLength(1);
      }
    },
  );

  test('of the server replaces that of the client, 0 too [v5 MQTT-3.1.2-21, v5 MQTT-3.2.2-21]', async () => {
    fakeTime();
    for (const [serverKeepAlive, expected] of [
      [10, true],
      [0, false],
    ] as const) {
      const server = new FakeServer();
      server.connack = { serverKeepAlive };
      await connected({ keepAlive: expected ? 1_000 : 5 }, server);
      await vi.advanceTimersByTimeAsync(10_000);
      expect(server.link.types.includes('pingreq')).toBe(expected);
    }
  });

  test('is not pinged for by a client that sends anyway', async () => {
    fakeTime();
    const { client, server } = await connected({ keepAlive: 10 });
    for (let second = 0; second < 30; second += 1) {
      await client.publish('a', 'b', { qos: 1 });
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(server.link.packets('pingreq')).toEqual([]);
  });
});

describe('the session', () => {
  test('with an expiry above 0 outlives the connection: what was in flight is completed after it [v5 MQTT-3.1.2-23]', async () => {
    const { client, server } = await connected({ reconnect });
    server.script = { publish: () => undefined };
    const publishes = ([1, 2] as const).map((qos) => watch(client.publish('a', `${qos}`, { qos })));
    await turn();
    const ids = server.link.packets('publish').map(({ packetId }) => packetId);
    server.script = {};
    server.link.drop();
    await vi.waitFor(() => expect(publishes.map(({ state }) => state)).toEqual(['resolved', 'resolved']));
    expect(server.link.connect).toMatchObject({ clean: false, properties: { sessionExpiryInterval: 300 } });
    expect(server.link.packets('publish').map(({ packetId, dup }) => [packetId, dup])).toEqual(
      ids.map((id) => [id, true]),
    );
  });

  test('with Clean Session 0 does so before MQTT 5.0, with 1 it does not [v3 MQTT-3.1.2-4, v3 MQTT-3.1.2-6]', async () => {
    for (const clean of [false, true]) {
      const { client, server } = await connected({ protocolVersion: 4, clean, clientId: 'a', reconnect });
      server.script = { publish: () => undefined };
      const publish = watch(client.publish('a', 'b', { qos: 1 }));
      await turn();
      server.script = {};
      server.link.drop();
      await vi.waitFor(() => expect(publish.state).toBe('resolved'));
      expect(server.link.connect.clean).toBe(clean);
      // In a new session it is a new message.
      expect(server.link.first('publish').dup).toBe(!clean);
    }
  });

  test.each(both)(
    'belongs to its client identifier: another one does not resume it [v5 MQTT-3.1.3-2, v3 MQTT-3.1.3-2] (%i)',
    async (protocolVersion) => {
      const store = memoryStore();
      const server = new FakeServer({ publish: () => undefined });
      const options: ClientOptions = { protocolVersion, clean: false, store };
      const first = await connected({ ...options, clientId: 'first' }, server);
      watch(first.client.publish('a', 'b', { qos: 1 }));
      await turn();
      await first.client.close({ force: true });
      server.script = {};
      await connected({ ...options, clientId: 'second' }, server);
      await turn();
      expect(server.link.types).toEqual(['connect']);
      await connected({ ...options, clientId: 'first' }, server);
      await turn();
      expect(server.link.first('publish')).toMatchObject({ topic: 'a', dup: true });
    },
  );

  test('needs an identifier to be resumed by: an empty one is refused here [v3 MQTT-3.1.3-7]', async () => {
    const { client, server } = idle({
      protocolVersion: 4,
      clean: false,
      clientId: 'a',
      credentials: () => ({ clientId: '' }),
    });
    await expect(client.connect()).rejects.toMatchObject({ name: 'UsageError' });
    expect(server.attempts).toEqual([]);
  });
});

describe('limits of the server', () => {
  test.each([
    ['a QoS above its maximum [v5 MQTT-3.2.2-11]', { maximumQoS: 1 }, { qos: 2 }, '', 0x9b],
    ['retained messages [v5 MQTT-3.2.2-14]', { retainAvailable: false }, { retain: true }, '', 0x9a],
    [
      'packets above its size [v5 MQTT-3.2.2-15]',
      { maximumPacketSize: 30 },
      { qos: 1 },
      'x'.repeat(23),
      0x95,
    ],
  ] as const)(
    '%s: what is above them never leaves, queued or not',
    async (_, connack, options, payload, reasonCode) => {
      const server = new FakeServer();
      server.connack = connack;
      const { client } = idle({}, server);
      const refused = { name: 'RefusedError', reasonCode };
      const queued = watch(client.publish('a', payload, options));
      await client.connect();
      await turn();
      expect(queued.error).toMatchObject(refused);
      await expect(client.publish('a', payload, options)).rejects.toMatchObject(refused);
      // The next smaller one passes.
      await client.publish('a', payload.slice(1), { qos: 1 });
      expect(server.link.types).toEqual(['connect', 'publish']);
    },
  );
});

describe('what breaks the protocol', () => {
  test('is answered with DISCONNECT and its reason code, and the connection is closed [v5 MQTT-4.13.2-1]', async () => {
    for (const [bytes, reasonCode] of [
      [hex`d1 00`, 0x81],
      [hex`c0 00`, 0x82],
      [hex`30 06 0000 03 23 0041`, 0x94],
    ] as const) {
      const { server } = await connected({ reconnect: false });
      server.link.sendBytes(bytes);
      await turn();
      expect(server.link.last('disconnect').reasonCode).toBe(reasonCode);
      expect(server.link.types.at(-1)).toBe('disconnect');
      expect(server.link.isOpen).toBe(false);
    }
  });

  test('closes the connection before MQTT 5.0, without DISCONNECT: all is not well [v3 MQTT-4.8.0-1]', async () => {
    for (const bytes of [hex`d1 00`, hex`c0 00`, hex`e0 00`, hex`30 02 0005`]) {
      const { server } = await connected({ protocolVersion: 4, reconnect: false });
      server.link.sendBytes(bytes);
      await turn();
      expect(server.link.types).toEqual(['connect']);
      expect(server.link.isOpen).toBe(false);
    }
  });
});
