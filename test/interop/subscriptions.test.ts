import { describe, expect, test } from 'vitest';
import type { Client } from '../../src/client/client';
import { UsageError } from '../../src/errors';
import { brokerKinds, urlOf } from '../support/broker-kinds';
import { useBroker } from '../support/use-broker';
import { waitFor } from '../support/wait-for';
import { type Collected, collect, freshTopic, openClient } from './clients';

describe.each(brokerKinds)('$name', (kind) => {
  const broker = useBroker(kind);
  const open = (protocolVersion: 4 | 5 = 5) =>
    openClient(urlOf('TCP', broker().port('TCP')), { protocolVersion });

  /** What came before a last message, which is sent now. */
  async function textsUntilEnd(received: Collected, publisher: Client, topic: string): Promise<string[]> {
    await publisher.publish(topic, 'end', { qos: 1 });
    await received.until('end');
    return received.texts.slice(0, -1);
  }

  describe.each([
    ['3.1.1', 4],
    ['5.0', 5],
  ] as const)('in MQTT %s', (_version, protocolVersion) => {
    test('shares a subscription between clients: each message goes to one of them', async () => {
      const topic = freshTopic();
      const members = await Promise.all([open(protocolVersion), open(protocolVersion)]);
      const received = await Promise.all(
        members.map((member) => collect(member, `$share/group/${topic}/+`, { qos: 1 })),
      );
      const publisher = await open(protocolVersion);
      const texts = Array.from({ length: 40 }, (_, index) => `${index}`.padStart(2, '0'));
      for (const text of texts) await publisher.publish(`${topic}/x`, text, { qos: 1 });
      const shares = received.map((one) => one.texts);
      await waitFor(() => shares.flat().length >= texts.length);
      expect(shares.flat().sort()).toEqual(texts);
      for (const share of shares) {
        expect(share.length).toBeGreaterThan(0);
        expect(share).toEqual([...share].sort());
      }
    });

    test('sends nothing any more after unsubscribe', async () => {
      const topic = freshTopic();
      const client = await open(protocolVersion);
      const gone = await collect(client, `${topic}/gone`);
      const stays = await collect(client, `${topic}/stays`);
      await client.publish(`${topic}/gone`, 'before', { qos: 1 });
      await gone.count(1);
      await gone.subscription.unsubscribe();
      await client.publish(`${topic}/gone`, 'after', { qos: 1 });
      expect(await textsUntilEnd(stays, client, `${topic}/stays`)).toEqual([]);
      expect(gone.texts).toEqual(['before']);
      expect(client.stats.messagesReceived).toBe(2);
    });

    test('grants the QoS that was asked for, and sends with no more', async () => {
      const topic = freshTopic();
      const client = await open(protocolVersion);
      for (const qos of [0, 1, 2] as const) {
        const received = await collect(client, `${topic}/${qos}`, { qos });
        expect(received.subscription.qos).toBe(qos);
        await client.publish(`${topic}/${qos}`, '', { qos: 2 });
        await received.count(1);
        expect(received.messages[0]?.qos).toBe(qos);
      }
    });
  });

  test('routes a message to each overlapping subscription once, by Subscription Identifiers', async () => {
    const topic = freshTopic();
    const client = await open();
    const filters = [`${topic}/#`, `${topic}/+/b`, `${topic}/a/b`, `${topic}/a/+`, `${topic}/other`];
    const received = await Promise.all(filters.map((filter) => collect(client, filter, { qos: 1 })));
    const identifiers = new Set<number>();
    client.on('message', ({ properties }) => {
      for (const identifier of properties.subscriptionIdentifiers ?? []) identifiers.add(identifier);
    });
    const publisher = await open();
    await publisher.publish(`${topic}/a/b`, 'x', { qos: 1 });
    await publisher.publish(`${topic}/other`, 'end', { qos: 1 });
    // A server may send a copy for each subscription, in any order.
    await Promise.all([received[0]?.until('end'), received[4]?.until('end')]);
    expect(received.map(({ texts }) => texts)).toEqual([['x', 'end'], ['x'], ['x'], ['x'], ['end']]);
    expect(identifiers.size).toBe(filters.length);
  });

  test('keeps what a client publishes from itself with noLocal', async () => {
    const topic = freshTopic();
    const client = await open();
    const other = await open();
    const mine = await collect(client, topic, { qos: 1, noLocal: true });
    const all = await collect(other, topic, { qos: 1 });
    await client.publish(topic, 'mine', { qos: 1 });
    await all.count(1);
    expect(await textsUntilEnd(mine, other, topic)).toEqual([]);
    expect(all.texts[0]).toBe('mine');
  });

  test('keeps RETAIN as published with retainAsPublished', async () => {
    const topic = freshTopic();
    const client = await open();
    const published = await collect(client, `${topic}/+`, { qos: 1, retainAsPublished: true });
    const plain = await collect(client, `${topic}/#`, { qos: 1 });
    await client.publish(`${topic}/a`, '1', { qos: 1, retain: true });
    await client.publish(`${topic}/a`, '', { qos: 1, retain: true });
    await client.publish(`${topic}/a`, '2', { qos: 1 });
    // In-repo one message stands for both subscriptions, and has RETAIN when one of them keeps it.
    await published.until('2');
    await plain.until('2');
    expect(published.messages.map(({ retain }) => retain)).toEqual([true, true, false]);
  });

  test.each([
    [0, 'send the retained message each time', ['kept', 'kept']],
    [1, 'send it only when the subscription is new', ['kept']],
    [2, 'send none', []],
  ] as const)('takes retainHandling %i: %s', async (retainHandling, _what, expected) => {
    const topic = freshTopic();
    const publisher = await open();
    await publisher.publish(`${topic}/kept`, 'kept', { qos: 1, retain: true });
    const client = await open();
    const options = { qos: 1, retainHandling } as const;
    const texts: string[] = [];
    client.on('message', (message) => texts.push(message.text()));
    await client.subscribe(`${topic}/#`, options, () => {});
    const received = await collect(client, `${topic}/#`, options);
    await textsUntilEnd(received, publisher, `${topic}/end`);
    expect(texts).toEqual([...expected, 'end']);
    await publisher.publish(`${topic}/kept`, '', { qos: 1, retain: true });
  });

  test('says that nobody subscribes', async () => {
    const client = await open();
    expect(await client.publish(freshTopic(), 'x', { qos: 1 })).toMatchObject({ reasonCode: 0x10 });
  });

  test('refuses options of MQTT 5.0 on an older link by name', async () => {
    const client = await open(4);
    await expect(client.subscribe('a', { noLocal: true })).rejects.toMatchObject({ code: 'needs-mqtt-5' });
    const properties = { contentType: 'text/plain' };
    await expect(client.publish('a', 'x', { properties })).rejects.toBeInstanceOf(UsageError);
  });
});
