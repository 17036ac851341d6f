import { describe, expect, test } from 'vitest';
import type { Client } from '../../src/client/client';
import type { ClientOptions } from '../../src/client/options';
import { memoryStore } from '../../src/node';
import { brokerKinds, urlOf } from '../support/broker-kinds';
import { useBroker } from '../support/use-broker';
import { waitFor } from '../support/wait-for';
import { collect, freshTopic, makeClient, openClient } from './clients';

/** Messages of each QoS that are published while the subscriber is away. */
const away = 30;

describe.each(brokerKinds)('$name', (kind) => {
  const broker = useBroker(kind);
  const url = () => urlOf('TCP', broker().port('TCP'));

  describe.each([
    ['3.1.1', 4],
    ['5.0', 5],
  ] as const)('in MQTT %s', (_version, protocolVersion) => {
    const options = (clientId: string, more: ClientOptions = {}): ClientOptions => ({
      protocolVersion,
      clean: false,
      clientId: `${kind.name}-${protocolVersion}-${clientId}`,
      ...more,
    });

    /** Publishes QoS 1 to `topic/1` and QoS 2 to `topic/2`, alternating; payloads count up. */
    async function publishMeanwhile(topic: string): Promise<void> {
      const publisher = await openClient(url(), { protocolVersion });
      const sent: Promise<unknown>[] = [];
      for (let index = 0; index < away; index++) {
        for (const qos of [1, 2] as const)
          sent.push(publisher.publish(`${topic}/${qos}`, `${index}`, { qos }));
      }
      await Promise.all(sent);
      await publisher.close();
    }

    /** Texts of each of the two topics. */
    function listen(client: Client, topic: string): { 1: string[]; 2: string[]; flags: Set<boolean> } {
      const got = { 1: [] as string[], 2: [] as string[], flags: new Set<boolean>() };
      client.on('message', (message) => {
        got[message.topic === `${topic}/1` ? 1 : 2].push(message.text());
        got.flags.add(message.redelivered || message.retain);
      });
      return got;
    }

    const all = Array.from({ length: away }, (_, index) => `${index}`);

    /** Everything once and in order, then nothing: a marker follows. */
    async function expectAll(client: Client, topic: string, got: ReturnType<typeof listen>): Promise<void> {
      await waitFor(() => got[1].length >= away && got[2].length >= away, {
        what: `all messages; there are ${got[1].length} and ${got[2].length}`,
      });
      const publisher = await openClient(url(), { protocolVersion });
      for (const qos of [1, 2] as const) await publisher.publish(`${topic}/${qos}`, 'end', { qos });
      await waitFor(() => got[1].at(-1) === 'end' && got[2].at(-1) === 'end');
      expect(got).toEqual({ 1: [...all, 'end'], 2: [...all, 'end'], flags: new Set([false]) });
      await waitFor(() => client.stats.unacknowledged === 0);
    }

    test('keeps messages for a client that was closed and connects again', async () => {
      const topic = freshTopic();
      const client = await openClient(url(), options('again'));
      await client.subscribe(`${topic}/#`, { qos: 2 }, () => {});
      await client.close();
      await publishMeanwhile(topic);
      const got = listen(client, topic);
      expect(await client.connect()).toMatchObject({ sessionPresent: true, sessionLost: false });
      await expectAll(client, topic, got);
    });

    test('keeps messages for a new client with the same store', async () => {
      const topic = freshTopic();
      const store = memoryStore();
      const first = await openClient(url(), options('page', { store }));
      await first.subscribe(`${topic}/#`, { qos: 2 }, () => {});
      await first.close();
      await publishMeanwhile(topic);
      const second = makeClient(url(), options('page', { store }));
      const got = listen(second, topic);
      expect(await second.connect()).toMatchObject({ sessionPresent: true, sessionLost: false });
      await expectAll(second, topic, got);
    });

    test('sends messages that come before their handler to the handler, once there is one', async () => {
      const topic = freshTopic();
      const client = await openClient(url(), options('late-handler'));
      await client.subscribe(`${topic}/#`, { qos: 2 }, () => {});
      await client.close();
      await publishMeanwhile(topic);
      await client.connect();
      await waitFor(() => client.stats.messagesReceived >= away);
      const received = await collect(client, `${topic}/#`);
      await received.count(2 * away);
      const texts = (level: string) =>
        received.texts.filter((_, index) => received.messages[index]?.topic === `${topic}/${level}`);
      expect([texts('1'), texts('2')]).toEqual([all, all]);
      await waitFor(() => client.stats.unacknowledged === 0);
    });

    test('takes what was published while it was unreachable', async () => {
      const topic = freshTopic();
      const received = await collect(await openClient(url(), { protocolVersion }), topic);
      const client = makeClient(url(), options('offline'));
      const sent = all.map((text) => client.publish(topic, text, { qos: 2 }));
      await client.connect();
      await Promise.all(sent);
      await received.count(away);
      expect(received.texts).toEqual(all);
    });

    if (protocolVersion === 5) {
      test('says for how long it keeps a session', async () => {
        const client = await openClient(url(), options('expiry', { sessionExpiryInterval: 77 }));
        expect(client.server?.sessionExpiryInterval).toBe(77);
      });

      test('has ended the session of a client whose DISCONNECT said so', async () => {
        const client = await openClient(url(), options('ended'));
        await client.subscribe(freshTopic(), { qos: 1 }, () => {});
        await client.close({ properties: { sessionExpiryInterval: 0 } });
        expect(await client.connect()).toMatchObject({ sessionPresent: false, sessionLost: true });
      });

      test('starts a new session for a client that has no record of the old one [v5 MQTT-3.2.2-4]', async () => {
        const topic = freshTopic();
        const first = await openClient(url(), options('lost'));
        await first.subscribe(`${topic}/#`, { qos: 2 }, () => {});
        await first.close();
        await publishMeanwhile(topic);
        const second = makeClient(url(), options('lost'));
        const got = listen(second, topic);
        expect(await second.connect()).toMatchObject({ sessionPresent: false, sessionLost: true });
        await second.subscribe(`${topic}/#`, { qos: 2 });
        await second.publish(`${topic}/1`, 'end', { qos: 1 });
        await waitFor(() => got[1].length > 0);
        expect(got[1]).toEqual(['end']);
      });
    } else {
      test('sends what it kept to a client that has no record of the session', async () => {
        const topic = freshTopic();
        const first = await openClient(url(), options('unknown'));
        await first.subscribe(`${topic}/#`, { qos: 2 }, () => {});
        await first.close();
        await publishMeanwhile(topic);
        const second = makeClient(url(), options('unknown'));
        const got = listen(second, topic);
        expect(await second.connect()).toMatchObject({ sessionPresent: true, sessionLost: false });
        await expectAll(second, topic, got);
      });
    }

    test('forgets the session of a client with clean: true', async () => {
      const topic = freshTopic();
      const clientId = `${kind.name}-${protocolVersion}-clean`;
      const client = await openClient(url(), { protocolVersion, clientId });
      await client.subscribe(`${topic}/#`, { qos: 2 }, () => {});
      await client.close();
      await publishMeanwhile(topic);
      const again = await openClient(url(), { protocolVersion, clientId, clean: false });
      expect(await again.connect()).toMatchObject({ sessionPresent: false, sessionLost: false });
    });
  });
});
