import { describe, expect, test } from 'vitest';
import type { Client } from '../../src/client/client';
import { RefusedError } from '../../src/errors';
import { brokerKinds, type TransportName, urlOf } from '../support/broker-kinds';
import { startFaultProxy } from '../support/fault-proxy';
import { useBroker } from '../support/use-broker';
import { waitFor } from '../support/wait-for';
import { collect, fingerprint, freshTopic, makeClient, noise, openClient } from './clients';

const transports: readonly TransportName[] = ['TCP', 'WebSocket'];
const versions = [
  ['3.1.1', 4],
  ['5.0', 5],
] as const;

/** Watches how many QoS 1 and 2 messages of a client are on their way. */
function watchFlows(client: Client): { highest: number } {
  const flows = new Set<number>();
  const seen = { highest: 0 };
  client.on('packet', ({ direction, packet }) => {
    if (packet.type === 'publish' && direction === 'out' && packet.packetId !== undefined) {
      flows.add(packet.packetId);
      seen.highest = Math.max(seen.highest, flows.size);
    } else if (direction === 'in' && (packet.type === 'puback' || packet.type === 'pubcomp')) {
      flows.delete(packet.packetId);
    }
  });
  return seen;
}

describe.each(brokerKinds)('$name', (kind) => {
  describe('with nothing said', () => {
    const broker = useBroker(kind);

    describe.each(transports)('over %s', (transport) => {
      test.each(versions)('carries 1 MiB at every QoS in MQTT %s', async (_version, protocolVersion) => {
        const url = urlOf(transport, broker().port(transport));
        const topic = freshTopic();
        const received = await collect(await openClient(url, { protocolVersion }), topic);
        const publisher = await openClient(url, { protocolVersion });
        const payload = noise(1_048_576);
        for (const qos of [0, 1, 2] as const) await publisher.publish(topic, payload, { qos });
        await received.count(3);
        const expected = { topic, payload: fingerprint(payload), retain: false };
        expect(received.messages).toEqual([0, 1, 2].map((qos) => ({ ...expected, qos })));
      });
    });

    test('understands the topic aliases of more topics than it takes aliases', async () => {
      const url = urlOf('TCP', broker().port('TCP'));
      const base = freshTopic();
      const received = await collect(await openClient(url, { protocolVersion: 5 }), `${base}/#`);
      const publisher = await openClient(url, { protocolVersion: 5 });
      const limit = publisher.server?.topicAliasMaximum ?? 0;
      expect(limit).toBeGreaterThan(0);
      const used = { aliased: 0, highest: 0 };
      publisher.on('packet', ({ direction, packet }) => {
        if (direction !== 'out' || packet.type !== 'publish') return;
        used.highest = Math.max(used.highest, packet.properties?.topicAlias ?? 0);
        if (packet.topic === '') used.aliased += 1;
      });
      const topics = Array.from({ length: Math.min(limit, 256) + 5 }, (_, index) => `${base}/${index}`);
      // Twice each in turn, then all again from the front: aliases are set, used, and taken for other topics.
      const sent = [...topics.flatMap((topic) => [topic, topic]), ...topics];
      for (const [index, topic] of sent.entries()) {
        await publisher.publish(topic, '', { qos: ([0, 1, 2] as const)[index % 3] ?? 0 });
      }
      await received.count(sent.length);
      expect(received.messages.map(({ topic }) => topic)).toEqual(sent);
      // More would make each new topic slow.
      expect(used.highest).toBe(Math.min(limit, 256));
      expect(used.aliased).toBeGreaterThanOrEqual(topics.length);
    });

    test('takes what a lifetime has left, and drops what is over', async () => {
      const url = urlOf('TCP', broker().port('TCP'));
      const topic = freshTopic();
      const options = { protocolVersion: 5, clean: false, clientId: `${kind.name}-expiry` } as const;
      const away = await openClient(url, options);
      await away.subscribe(topic, { qos: 1 }, () => {});
      await away.close();
      const publisher = await openClient(url, { protocolVersion: 5 });
      const publish = (text: string, messageExpiryInterval: number) =>
        publisher.publish(topic, text, { qos: 1, properties: { messageExpiryInterval } });
      await publish('short', 1);
      await publish('long', 100);

      // The same time passes for a message that cannot be sent.
      const offline = makeClient(url);
      const properties = { messageExpiryInterval: 3 };
      await expect(offline.publish(topic, 'never', { qos: 1, properties })).rejects.toMatchObject({
        code: 'expired',
      });

      const left: [string, number | undefined][] = [];
      away.on('message', (message) => left.push([message.text(), message.properties.messageExpiryInterval]));
      await away.connect();
      await waitFor(() => left.length > 0);
      await publisher.publish(topic, 'end', { qos: 1 });
      await waitFor(() => left.length >= 2);
      expect(left.map(([text]) => text)).toEqual(['long', 'end']);
      expect(left[0]?.[1]).toBeGreaterThan(90);
      expect(left[0]?.[1]).toBeLessThanOrEqual(98);
    });
  });

  describe('with a maximum packet size of 4,096 bytes', () => {
    const broker = useBroker(kind, { maximumPacketSize: 4_096 });

    test('is told nothing larger: the call is refused, the connection stays', async () => {
      const url = urlOf('TCP', broker().port('TCP'));
      const topic = freshTopic();
      const client = await openClient(url, { protocolVersion: 5, topicAliases: 'off' });
      expect(client.server?.maximumPacketSize).toBe(4_096);
      const received = await collect(client, topic);
      for (const qos of [0, 1, 2] as const) {
        const refused = client.publish(topic, new Uint8Array(4_096), { qos });
        await expect(refused).rejects.toBeInstanceOf(RefusedError);
        await expect(refused).rejects.toMatchObject({ code: 'packet-too-large', reasonCode: 0x95 });
      }
      // Fixed header 3, topic with its length, identifier 2, no properties 1.
      const most = 4_096 - 3 - 2 - topic.length - 2 - 1;
      await client.publish(topic, new Uint8Array(most), { qos: 1 });
      await expect(client.publish(topic, new Uint8Array(most + 1), { qos: 1 })).rejects.toMatchObject({
        reasonCode: 0x95,
      });
      await received.count(1);
      expect(client.stats).toMatchObject({ connections: 1, publishesFailed: 4 });
    });

    test('is told nothing larger that was queued before it said so', async () => {
      const url = urlOf('TCP', broker().port('TCP'));
      const client = makeClient(url, { protocolVersion: 5 });
      const refused = client.publish('queued', new Uint8Array(4_096), { qos: 1 });
      const kept = client.publish('queued', 'small', { qos: 1 });
      await client.connect();
      await expect(refused).rejects.toMatchObject({ reasonCode: 0x95 });
      await kept;
      expect(client.stats.connections).toBe(1);
    });

    test('does not get a message for ever that ends each connection of MQTT 3.1.1', async () => {
      const url = urlOf('TCP', broker().port('TCP'));
      const reconnect = { minDelay: 1, maxDelay: 5 };
      const client = await openClient(url, { protocolVersion: 4, reconnect });
      const received = await collect(client, 'poison');
      const before = client.publish('poison', 'before', { qos: 1 });
      const poison = client.publish('poison', new Uint8Array(4_096), { qos: 1 });
      const after = client.publish('poison', 'after', { qos: 1 });
      await expect(poison).rejects.toMatchObject({ code: 'poison' });
      await Promise.all([before, after]);
      await received.until('after');
      expect([...new Set(received.texts)]).toEqual(['before', 'after']);
    });
  });

  describe('with a receive maximum of 5', () => {
    const broker = useBroker(kind, { receiveMaximum: 5 });

    test.each([1, 2] as const)('is never sent more than 5 QoS %i messages at a time', async (qos) => {
      const url = urlOf('TCP', broker().port('TCP'));
      const topic = freshTopic();
      const received = await collect(await openClient(url, { protocolVersion: 5 }), topic);
      const client = await openClient(url, { protocolVersion: 5 });
      expect(client.server?.receiveMaximum).toBe(5);
      const flows = watchFlows(client);
      const texts = Array.from({ length: 200 }, (_, index) => `${index}`);
      await Promise.all(texts.map((text) => client.publish(topic, text, { qos })));
      await received.count(texts.length);
      expect(received.texts).toEqual(texts);
      expect(flows.highest).toBe(5);
      expect(client.stats.connections).toBe(1);
    });

    test('is never sent more than 5 after a reconnect, those that wait for PUBCOMP among them', async () => {
      const topic = freshTopic();
      const proxy = await startFaultProxy(broker().port('TCP'));
      try {
        const received = await collect(
          await openClient(urlOf('TCP', broker().port('TCP')), { protocolVersion: 5 }),
          topic,
        );
        const client = await openClient(urlOf('TCP', proxy.port), {
          protocolVersion: 5,
          reconnect: { minDelay: 1, maxDelay: 5 },
        });
        const flows = watchFlows(client);
        const texts = Array.from({ length: 100 }, (_, index) => `${index}`);
        const sent = Promise.all(texts.map((text) => client.publish(topic, text, { qos: 2 })));
        for (const count of [10, 30, 50]) {
          await received.count(count);
          const { connections } = client.stats;
          proxy.reset();
          await waitFor(() => client.stats.connections > connections);
        }
        await sent;
        await received.count(texts.length);
        expect(received.texts).toEqual(texts);
        expect(flows.highest).toBe(5);
      } finally {
        await proxy.close();
      }
    });

    const title = kind.exceedsReceiveMaximum
      ? 'is told so when it sends more than the client takes, and nothing is lost'
      : 'sends no more than the client takes';
    test.each([1, 2] as const)(`${title}, QoS %i`, async (qos) => {
      const url = urlOf('TCP', broker().port('TCP'));
      const topic = freshTopic();
      const client = await openClient(url, {
        protocolVersion: 5,
        properties: { receiveMaximum: 2 },
        reconnect: { minDelay: 1, maxDelay: 2 },
      });
      const ends = new Set<string>();
      client.on('disconnect', ({ error }) => ends.add(error?.code ?? ''));
      const texts: string[] = [];
      await client.subscribe(topic, { qos: 2 }, async (message) => {
        await new Promise(setImmediate);
        texts.push(message.text());
      });
      const publisher = await openClient(url, { protocolVersion: 5 });
      const sent = Array.from({ length: 50 }, (_, index) => `${index}`);
      await Promise.all(sent.map((text) => publisher.publish(topic, text, { qos })));
      await waitFor(() => new Set(texts).size >= sent.length);
      expect(qos === 1 ? [...new Set(texts)] : texts).toEqual(sent);
      expect([...ends].filter((code) => code !== 'receive-maximum-exceeded')).toEqual([]);
      if (!kind.exceedsReceiveMaximum) expect(client.stats.connections).toBe(1);
    });
  });

  describe('with users', () => {
    const broker = useBroker(kind, { users: { somebody: 'secret' } });

    describe.each(versions)('in MQTT %s', (_version, protocolVersion) => {
      const open = (credentials: { username?: string; password?: string }) =>
        openClient(urlOf('TCP', broker().port('TCP')), { protocolVersion, ...credentials });

      test('lets somebody in', async () => {
        const client = await open({ username: 'somebody', password: 'secret' });
        expect(client.status.type).toBe('connected');
      });

      test.each([
        ['with a wrong password', { username: 'somebody', password: 'Secret' }],
        ['without a password', { username: 'somebody' }],
        ['without a name', {}],
      ])('refuses somebody %s, and the error holds no secret', async (_who, credentials) => {
        const refused = await open(credentials).then(
          () => undefined,
          (error: unknown) => error,
        );
        expect(refused).toBeInstanceOf(RefusedError);
        expect(['not-authorized', 'bad-user-name-or-password']).toContain((refused as RefusedError).code);
        expect((refused as RefusedError).message).not.toMatch(/secret/i);
      });

      test('is asked once more with new credentials, when those of a reconnect are refused', async () => {
        const passwords = ['wrong', 'secret'];
        const client = await openClient(urlOf('TCP', broker().port('TCP')), {
          protocolVersion,
          credentials: () => ({ username: 'somebody', password: passwords.shift() }),
        });
        expect(client.status.type).toBe('connected');
        expect(passwords).toEqual([]);
      });
    });
  });
});
