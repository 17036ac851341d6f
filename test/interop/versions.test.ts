import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RefusedError } from '../../src/errors';
import { brokerKinds, type TransportName, urlOf } from '../support/broker-kinds';
import { startFaultProxy } from '../support/fault-proxy';
import { useBroker } from '../support/use-broker';
import { waitFor } from '../support/wait-for';
import { type RunningAedes, startAedes } from './aedes';
import { cells } from './cells';
import { allBytes, collect, fingerprint, freshTopic, makeClient, openClient } from './clients';

const transports: readonly TransportName[] = ['TCP', 'WebSocket'];

describe.each(brokerKinds)('$name', (kind) => {
  const broker = useBroker(kind);

  describe.each(transports)('over %s', (transport) => {
    test.each(Object.entries(cells))('serves MQTT 3.1: %s', async (_name, cell) => {
      await cell({ transport, port: broker().port(transport), protocolVersion: 3 });
    });

    test("speaks MQTT 5.0 with protocolVersion: 'auto'", async () => {
      const client = await openClient(urlOf(transport, broker().port(transport)), {
        protocolVersion: 'auto',
      });
      expect(client.protocolVersion).toBe(5);
      expect(client.stats.connections).toBe(1);
    });
  });
});

describe('aedes, which knows no MQTT 5.0', () => {
  let aedes: RunningAedes;
  beforeAll(async () => {
    aedes = await startAedes();
  });
  afterAll(() => aedes.close());

  describe.each(transports)('over %s', (transport) => {
    const url = () => urlOf(transport, aedes.port(transport));

    test("is connected to with 3.1.1 by protocolVersion: 'auto', at once", async () => {
      const before = aedes.connections;
      const client = makeClient(url());
      const steps: string[] = [];
      client.on('status', ({ type }) => steps.push(type));
      await client.connect();
      expect(client.protocolVersion).toBe(4);
      expect(steps).toEqual(['connecting', 'connecting', 'connected']);
      expect(aedes.connections - before).toBe(2);

      const topic = freshTopic();
      const received = await collect(client, topic);
      for (const qos of [0, 1, 2] as const) await client.publish(topic, allBytes, { qos });
      await received.count(3);
      const payload = fingerprint(allBytes);
      expect(received.messages).toEqual([0, 1, 2].map((qos) => ({ topic, payload, qos, retain: false })));
    });

    test('is connected to with 3.1.1 right away after the connection is lost', async () => {
      const proxy = await startFaultProxy(aedes.port(transport));
      try {
        const client = await openClient(urlOf(transport, proxy.port), { reconnect: { minDelay: 1 } });
        const before = proxy.accepted;
        proxy.reset();
        await waitFor(() => client.stats.connections === 2);
        expect(client.protocolVersion).toBe(4);
        expect(proxy.accepted - before).toBe(1);
      } finally {
        await proxy.close();
      }
    });

    test('is an error when MQTT 5.0 is asked for', async () => {
      const refused = makeClient(url(), { protocolVersion: 5 }).connect();
      await expect(refused).rejects.toBeInstanceOf(RefusedError);
      await expect(refused).rejects.toMatchObject({ code: 'unsupported-protocol-version', reasonCode: 0x84 });
    });

    test('is an error when an option needs MQTT 5.0', async () => {
      const will = { topic: 'will', properties: { willDelayInterval: 1 } };
      await expect(makeClient(url(), { will }).connect()).rejects.toMatchObject({ reasonCode: 0x84 });
    });

    test.each([3, 4] as const)('is connected to with protocolVersion: %i', async (protocolVersion) => {
      const client = await openClient(url(), { protocolVersion });
      expect(client.protocolVersion).toBe(protocolVersion);
    });
  });
});
