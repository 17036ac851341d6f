/** Retained messages [v5 3.3.1.3, 3.8.3.1, v3 3.3.1.3]. */

import { describe, expect, test } from 'vitest';
import { Bench } from '../../broker/bench';

const both = [5, 4] as const;

describe('a retained publish', () => {
  test.each(both)(
    'MQTT %s: replaces the one before, and the last comes to new subscribers [v5 MQTT-3.3.1-5, v3 MQTT-3.3.1-5, v3 MQTT-3.3.1-6, v3 MQTT-3.3.1-8]',
    (version) => {
      const bench = new Bench();
      const publisher = bench.connect({ version });
      publisher.publish('a/b', 'old', { retain: true, qos: 2 });
      publisher.publish('a/b', 'new', { retain: true, qos: 1 });
      publisher.publish('a/c', 'other', { retain: true, qos: 2 });
      const expected = { retain: true, dup: false };
      expect(bench.subscriber('a/b', 2, { version }).published()).toMatchObject([{ ...expected, qos: 1 }]);
      const wildcard = bench.subscriber('a/+', 2, { version });
      expect(wildcard.published().map(({ topic, qos }) => [topic, qos])).toEqual([
        ['a/b', 1],
        ['a/c', 2],
      ]);
      expect(
        bench
          .subscriber('a/#', 1, { version })
          .published()
          .map(({ qos }) => qos),
      ).toEqual([1, 1]);
    },
  );

  test('outlives its publisher and is kept with its properties', () => {
    const bench = new Bench();
    const publisher = bench.connect();
    const properties = {
      contentType: 'x',
      userProperties: [['k', 'v']] as const,
      correlationData: new Uint8Array([1]),
    };
    publisher.publish('t', 'x', { retain: true, properties });
    publisher.disconnect();
    expect(bench.subscriber('t').published()[0]?.properties).toEqual(properties);
  });

  test.each(both)('MQTT %s: with QoS 0 ousts what was retained before [v3 MQTT-3.3.1-7]', (version) => {
    const bench = new Bench();
    const publisher = bench.connect({ version });
    publisher.publish('t', 'one', { retain: true, qos: 1 });
    publisher.publish('t', 'zero', { retain: true, qos: 0 });
    expect(bench.subscriber('t', 2, { version }).messages()).toEqual(['t=zero']);
  });

  test.each(both)(
    'MQTT %s: without payload reaches subscribers, removes what is retained and is not kept [v5 MQTT-3.3.1-6, v5 MQTT-3.3.1-7, v3 MQTT-3.3.1-10, v3 MQTT-3.3.1-11]',
    (version) => {
      const bench = new Bench();
      const publisher = bench.connect({ version });
      publisher.publish('t', 'kept', { retain: true });
      const watcher = bench.subscriber('t', 2, { version });
      watcher.take();
      publisher.publish('t', '', { retain: true, qos: 1 });
      expect(watcher.messages()).toEqual(['t=']);
      expect(bench.subscriber('t', 2, { version }).take()).toEqual([]);
      expect(bench.core.retained.size).toBe(0);
    },
  );

  test.each(both)(
    'MQTT %s: without the flag neither stores nor changes anything [v5 MQTT-3.3.1-8, v3 MQTT-3.3.1-12]',
    (version) => {
      const bench = new Bench();
      const publisher = bench.connect({ version });
      publisher.publish('t', 'kept', { retain: true });
      publisher.publish('t', 'passing', { qos: 1 });
      publisher.publish('t', '', { qos: 1 });
      publisher.publish('u', 'passing');
      expect(bench.subscriber('#', 2, { version }).messages()).toEqual(['t=kept']);
    },
  );

  test('that would be one too many is refused with 0x97, a replacement is not', () => {
    const bench = new Bench({ maximumRetained: 1 });
    const publisher = bench.connect();
    for (const topic of ['a', 'b', 'a']) publisher.publish(topic, 'x', { retain: true, qos: 1 });
    expect(publisher.take().map((one) => 'reasonCode' in one && one.reasonCode)).toEqual([0x10, 0x97, 0x10]);
  });

  test('is a protocol error where the broker keeps none', () => {
    const bench = new Bench({ retainAvailable: false });
    const publisher = bench.connect();
    publisher.publish('t', 'x', { retain: true });
    expect(publisher.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x9a }]);
  });

  test('is no longer there when it has expired, and counts down before', () => {
    const bench = new Bench();
    bench.connect().publish('t', 'x', { retain: true, properties: { messageExpiryInterval: 10 } });
    bench.advance(9);
    expect(bench.subscriber('t').published()[0]?.properties?.messageExpiryInterval).toBe(1);
    bench.advance(1);
    expect(bench.subscriber('t').take()).toEqual([]);
  });
});

describe('Retain Handling', () => {
  const withRetained = () => {
    const bench = new Bench();
    bench.connect().publish('t', 'kept', { retain: true });
    return { bench, client: bench.connect() };
  };

  test('0 sends what is retained at every SUBSCRIBE [v5 MQTT-3.3.1-9, v5 MQTT-3.8.4-4]', () => {
    const { client } = withRetained();
    for (const _ of [1, 2]) {
      client.subscribe('t', { retainHandling: 0 });
      expect(client.messages()).toEqual(['t=kept']);
    }
  });

  test('1 sends it for a new subscription only [v5 MQTT-3.3.1-10]', () => {
    const { client } = withRetained();
    client.subscribe('t', { retainHandling: 1 });
    expect(client.messages()).toEqual(['t=kept']);
    client.subscribe('t', { retainHandling: 1 });
    expect(client.messages()).toEqual([]);
    client.unsubscribe('t');
    client.subscribe('t', { retainHandling: 1 });
    expect(client.messages()).toEqual(['t=kept']);
  });

  test('2 never sends it [v5 MQTT-3.3.1-11]', () => {
    const { bench, client } = withRetained();
    client.subscribe('t', { retainHandling: 2 });
    expect(client.messages()).toEqual([]);
    bench.connect().publish('t', 'live');
    expect(client.messages()).toEqual(['t=live']);
  });

  test('3 is refused', () => {
    const { client } = withRetained();
    client.sendBytes('82 07 0001 00 0001 74 30');
    expect(client.take()).toMatchObject([{ type: 'disconnect' }]);
    expect(client.isClosed).toBe(true);
  });

  test('is as 0 in 3.1.1', () => {
    const { bench } = withRetained();
    const client = bench.subscriber('t', 2, { version: 4 });
    expect(client.messages()).toEqual(['t=kept']);
    client.subscribe('t');
    expect(client.messages()).toEqual(['t=kept']);
  });

  test('sends it once for each filter that matches', () => {
    const { client } = withRetained();
    client.subscribe(['t', '#'], { properties: { subscriptionIdentifier: 5 } });
    expect(client.published().map(({ properties }) => properties?.subscriptionIdentifiers)).toEqual([
      [5],
      [5],
    ]);
  });
});

describe('the RETAIN flag of a message for an established subscription', () => {
  test.each(both)('MQTT %s: is 0 [v5 MQTT-3.3.1-12, v3 MQTT-3.3.1-9]', (version) => {
    const bench = new Bench();
    const watcher = bench.subscriber('t', 2, { version });
    const publisher = bench.connect({ version });
    for (const qos of [0, 1, 2] as const) publisher.publish('t', 'x', { retain: true, qos });
    expect(watcher.published().map(({ retain }) => retain)).toEqual([false, false, false]);
  });

  test('is as published with Retain As Published [v5 MQTT-3.3.1-13]', () => {
    const bench = new Bench();
    const watcher = bench.connect();
    watcher.subscribe('t', { retainAsPublished: true });
    const publisher = bench.connect();
    for (const retain of [true, false]) publisher.publish('t', 'x', { retain });
    expect(watcher.published().map(({ retain }) => retain)).toEqual([true, false]);
  });

  test('stays with a message that waits for the client', () => {
    const bench = new Bench();
    const kept = { clientId: 'x', clean: false, properties: { sessionExpiryInterval: 9 } };
    const client = bench.connect(kept);
    client.subscribe('t', { retainAsPublished: true });
    client.drop();
    bench.connect().publish('t', 'x', { retain: true, qos: 1 });
    expect(bench.connect(kept).published()).toMatchObject([{ retain: true }]);
  });
});
