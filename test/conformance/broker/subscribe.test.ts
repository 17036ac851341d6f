/** SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK [v5 3.8 to 3.11, v3 3.8 to 3.11]. */

import { describe, expect, test } from 'vitest';
import type { QoS, SubscribeAckPacket } from '../../../src/codec/packet';
import { packetSize } from '../../../src/codec/writer';
import { Bench, type BenchClient } from '../../broker/bench';

const both = [5, 4] as const;
const levels = [0, 1, 2] as const;

/** All nine pairs of published and requested QoS. */
const pairs = levels.flatMap((published) => levels.map((requested) => [published, requested] as const));

function subscription(filter: string, qos: QoS = 0) {
  return { filter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
}

describe('SUBACK', () => {
  test.each(both)(
    'MQTT %s: comes for each SUBSCRIBE with its identifier [v5 MQTT-3.8.4-1, v5 MQTT-3.8.4-2, v5 MQTT-2.2.1-6, v3 MQTT-3.8.4-1, v3 MQTT-3.8.4-2, v3 MQTT-2.3.1-7]',
    (version) => {
      const client = new Bench().connect({ version });
      for (const packetId of [1, 256, 65_535, 1])
        client.send({ type: 'subscribe', packetId, subscriptions: [subscription('t')] });
      expect(client.take().map((one) => [one.type, 'packetId' in one && one.packetId])).toEqual([
        ['suback', 1],
        ['suback', 256],
        ['suback', 65_535],
        ['suback', 1],
      ]);
    },
  );

  test.each(both)(
    'MQTT %s: has a code for each filter, in order, granted or refused [v5 MQTT-3.8.4-6, v5 MQTT-3.8.4-7, v5 MQTT-3.9.3-1, v3 MQTT-3.8.4-5, v3 MQTT-3.9.3-1]',
    (version) => {
      const bench = new Bench({ refusedFilters: ['no'], authorization: { subscribe: { deny: ['denied'] } } });
      const client = bench.connect({ version });
      const entries = [
        ['a', 2],
        ['no', 1],
        ['b', 0],
        ['denied', 2],
        ['c', 1],
      ] as const;
      client.send({
        type: 'subscribe',
        packetId: 1,
        subscriptions: entries.map(([filter, qos]) => subscription(filter, qos)),
      });
      const codes = version === 5 ? [2, 0x80, 0, 0x87, 1] : [2, 0x80, 0, 0x80, 1];
      expect(client.next('suback').reasonCodes).toEqual(codes);
      const publisher = bench.connect();
      for (const topic of ['a', 'no', 'b', 'denied', 'c']) publisher.publish(topic);
      expect(client.published().map(({ topic }) => topic)).toEqual(['a', 'b', 'c']);
    },
  );

  test('has only codes of its table, whatever is asked for [v5 MQTT-3.9.3-2]', () => {
    const bench = new Bench({ authorization: { subscribe: { deny: ['denied'] } }, maximumSubscriptions: 3 });
    const client = bench.connect();
    const codes = client.subscribe(['a', 'test/nosubscribe', 'denied', 'b', 'c', 'd', 'a'], { qos: 1 });
    expect(codes).toEqual([1, 0x80, 0x87, 1, 1, 0x97, 1]);
    for (const code of codes)
      expect([0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2]).toContain(code);
  });

  test('in 3.1.1 has only 0, 1, 2 and 0x80 [v3 MQTT-3.9.3-2, v3 MQTT-3.8.4-5]', () => {
    const options = { maximumSubscriptions: 3, authorization: { subscribe: { deny: ['denied'] } } };
    const client = new Bench({
      ...options,
      sharedSubscriptionAvailable: false,
      wildcardSubscriptionAvailable: false,
    }).connect({ version: 4 });
    const asked = ['a', 'test/nosubscribe', 'denied', '#', '$share/g/t', 'b', 'c', 'd'];
    expect(client.subscribe(asked, { qos: 2 })).toEqual([2, 0x80, 0x80, 0x80, 0x80, 2, 2, 0x80]);
  });

  test('in MQTT 3.1 cannot refuse: the subscription stays silent', () => {
    const bench = new Bench({ refusedFilters: ['no'] });
    const client = bench.connect({ version: 3 });
    expect(client.subscribe(['no', 'yes'], { qos: 1 })).toEqual([0, 1]);
    bench.connect().publish('no');
    expect(client.take()).toEqual([]);
  });

  test.each(both)(
    'MQTT %s: for several filters is that of as many SUBSCRIBEs, in one [v5 MQTT-3.8.4-5, v3 MQTT-3.8.4-4]',
    (version) => {
      const bench = new Bench();
      bench.connect().publish('a', 'kept', { retain: true });
      const client = bench.connect({ version });
      client.send({
        type: 'subscribe',
        packetId: 1,
        subscriptions: [subscription('a', 1), subscription('b', 0), subscription('a', 2)],
      });
      expect(client.take().filter(({ type }) => type === 'suback')).toMatchObject([
        { reasonCodes: [1, 0, 2] },
      ]);
      const publisher = bench.connect();
      for (const topic of ['a', 'b']) publisher.publish(topic, 'x', { qos: 2 });
      // The last one for "a" counts.
      expect(client.published().map(({ topic, qos }) => [topic, qos])).toEqual([
        ['a', 2],
        ['b', 0],
      ]);
    },
  );

  test.each([
    ['User Properties [v5 MQTT-3.9.2-2, v5 MQTT-3.11.2-2]', 'userProperties'],
    ['a Reason String [v5 MQTT-3.9.2-1, v5 MQTT-3.11.2-1]', 'reasonString'],
  ] as const)('and UNSUBACK leave out what would not fit: %s', (_, left) => {
    const ask = (type: 'suback' | 'unsuback', maximumPacketSize?: number): SubscribeAckPacket => {
      const client = new Bench({ diagnostics: 'full' }).dial({ properties: { maximumPacketSize } });
      client.take();
      if (type === 'suback')
        client.send({ type: 'subscribe', packetId: 1, subscriptions: [subscription('t')] });
      else client.send({ type: 'unsubscribe', packetId: 1, filters: ['t'] });
      return client.next(type);
    };
    for (const type of ['suback', 'unsuback'] as const) {
      const full = ask(type);
      expect(full.properties).toMatchObject({
        reasonString: expect.any(String),
        userProperties: expect.any(Array),
      });
      const { userProperties: _user, ...rest } = full.properties ?? {};
      const room =
        left === 'userProperties' ? packetSize(full, 5) : packetSize({ ...full, properties: rest }, 5);
      const packet = ask(type, room - 1);
      expect(packet.properties?.[left]).toBeUndefined();
      expect(packet.reasonCodes).toHaveLength(1);
      expect(ask(type, room).properties?.[left]).toBeDefined();
    }
  });
});

describe('a subscription', () => {
  test.each(both)(
    'MQTT %s: delivers the lower of published and granted QoS, for all nine pairs [v5 MQTT-3.8.4-8, v3 MQTT-3.8.4-6]',
    (version) => {
      for (const [published, requested] of pairs) {
        const bench = new Bench();
        const client = bench.subscriber('t', requested, { version });
        bench.connect({ version }).publish('t', 'x', { qos: published });
        expect(client.published().map(({ qos }) => qos)).toEqual([Math.min(published, requested)]);
      }
    },
  );

  test.each(both)(
    'MQTT %s: is replaced by another for the same filter: one copy, the new QoS [v5 MQTT-3.8.4-3, v3 MQTT-3.8.4-3]',
    (version) => {
      const bench = new Bench();
      const client = bench.subscriber('a/#', 2, { version });
      client.subscribe('a/#', { qos: 0 });
      bench.connect().publish('a/b', 'x', { qos: 2 });
      expect(client.published().map(({ qos }) => qos)).toEqual([0]);
      expect(bench.core.subscriptions.count).toBe(1);
      client.unsubscribe('a/#');
      bench.connect().publish('a/b', 'x', { qos: 2 });
      expect(client.take()).toEqual([]);
    },
  );

  test('is replaced with all its options', () => {
    const bench = new Bench();
    const client = bench.connect();
    client.subscribe('t', {
      noLocal: true,
      retainAsPublished: true,
      properties: { subscriptionIdentifier: 4 },
    });
    client.subscribe('t', {});
    client.publish('t', 'own', { retain: true });
    const [own] = client.published();
    expect(own).toMatchObject({ retain: false });
    expect(own).not.toHaveProperty('properties');
  });

  test.each(both)(
    'MQTT %s: when replaced loses no message and brings the retained ones again [v5 MQTT-3.8.4-4, v3 MQTT-3.8.4-3]',
    (version) => {
      const bench = new Bench();
      const publisher = bench.connect();
      publisher.publish('t', 'kept', { retain: true, qos: 1 });
      const client = bench.subscriber('t', 1, {
        version,
        properties: version === 5 ? { receiveMaximum: 1 } : undefined,
      });
      const seen = client.messages();
      publisher.publish('t', 'before', { qos: 1 });
      client.subscribe('t', { qos: 2 });
      publisher.publish('t', 'after', { qos: 1 });
      for (let id = 1; id < 9; id += 1) {
        seen.push(...client.messages());
        client.ack('puback', id);
      }
      expect(seen).toEqual(['t=kept', 't=before', 't=kept', 't=after']);
    },
  );

  test('with No Local does not bring back what the client itself publishes [v5 MQTT-3.8.3-3]', () => {
    const bench = new Bench();
    const client = bench.connect({ clientId: 'me' });
    client.subscribe('t', { noLocal: true });
    client.publish('t', 'mine', { retain: true });
    bench.connect({ clientId: 'you' }).publish('t', 'yours');
    expect(client.messages()).toEqual(['t=yours']);
    client.subscribe('t', { noLocal: true, retainHandling: 0 });
    expect(client.messages()).toEqual([]);
    client.subscribe('t', {});
    client.publish('t', 'mine again');
    expect(client.messages()).toEqual(['t=mine', 't=mine again']);
  });

  test('with No Local still brings it by another filter', () => {
    const client = new Bench().connect();
    client.subscribe('t', { noLocal: true, properties: { subscriptionIdentifier: 1 } });
    client.subscribe('#', { properties: { subscriptionIdentifier: 2 } });
    client.publish('t');
    expect(client.published()).toMatchObject([{ properties: { subscriptionIdentifiers: [2] } }]);
  });
});

describe('a SUBSCRIBE that breaks a rule closes the connection:', () => {
  const refused = (version: 4 | 5, bytes: string): BenchClient => {
    const bench = new Bench();
    const client = bench.connect({ version });
    client.sendBytes(bytes);
    expect(client.ending).toBe('ended');
    expect(client.take().map(({ type }) => type)).toEqual(version === 5 ? ['disconnect'] : []);
    expect(bench.core.subscriptions.count).toBe(0);
    return client;
  };

  test('fixed header flags other than 2 [v5 MQTT-3.8.1-1, v3 MQTT-3.8.1-1, v3 MQTT-2.2.2-2]', () => {
    for (const first of ['80', '81', '83', '8a']) {
      refused(5, `${first} 07 0001 00 0001 74 00`);
      refused(4, `${first} 06 0001 0001 74 00`);
    }
  });

  test('reserved bits of the options [v5 MQTT-3.8.3-5, v3 MQTT-3.8.3-4]', () => {
    for (const options of ['40', '80', 'c0']) refused(5, `82 07 0001 00 0001 74 ${options}`);
    for (const options of ['04', '10', '80']) refused(4, `82 06 0001 0001 74 ${options}`);
  });

  test('QoS 3 [v3 MQTT-3.8.3-4]', () => {
    refused(5, '82 07 0001 00 0001 74 03');
    refused(4, '82 06 0001 0001 74 03');
  });

  test('no filter at all [v3 MQTT-3.8.3-3]', () => {
    refused(5, '82 03 0001 00');
    refused(4, '82 02 0001');
  });

  test('packet identifier 0 [v3 MQTT-2.3.1-1]', () => {
    refused(5, '82 07 0000 00 0001 74 00');
    refused(4, '82 06 0000 0001 74 00');
  });

  test('Subscription Identifier 0', () => {
    refused(5, '82 09 0001 02 0b00 0001 74 00');
  });

  test('No Local on a shared subscription [v5 MQTT-3.8.3-4]', () => {
    const client = new Bench().connect();
    const entry = { ...subscription('$share/g/t'), noLocal: true };
    client.sendBytes(`82 10 0001 00 000a ${Buffer.from(entry.filter).toString('hex')} 05`);
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
    expect(client.ending).toBe('ended');
  });
});

describe('what the broker announced as not available', () => {
  test.each([
    ['wildcards', { wildcardSubscriptionAvailable: false }, 'a/+', 0xa2],
    ['shared subscriptions', { sharedSubscriptionAvailable: false }, '$share/g/t', 0x9e],
  ])('ends the connection in MQTT 5.0: %s', (_, options, filter, reasonCode) => {
    const client = new Bench(options).connect();
    client.send({ type: 'subscribe', packetId: 1, subscriptions: [subscription(filter)] });
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode }]);
  });

  test('subscription identifiers end it too', () => {
    const client = new Bench({ subscriptionIdentifierAvailable: false }).connect();
    const properties = { subscriptionIdentifier: 1 };
    client.send({ type: 'subscribe', packetId: 1, subscriptions: [subscription('t')], properties });
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0xa1 }]);
  });

  test('is refused with 0x80 in 3.1.1: filters with wildcards [v3 MQTT-3.8.3-2]', () => {
    const bench = new Bench({ wildcardSubscriptionAvailable: false });
    const client = bench.connect({ version: 4 });
    expect(client.subscribe(['a/+', 'a/b', '#'], { qos: 1 })).toEqual([0x80, 1, 0x80]);
    bench.connect().publish('a/c');
    expect(client.take()).toEqual([]);
  });
});

describe('UNSUBSCRIBE', () => {
  test.each(both)(
    'MQTT %s: is answered with its identifier, also when there is nothing to remove [v5 MQTT-3.10.4-4, v5 MQTT-3.10.4-5, v5 MQTT-2.2.1-6, v3 MQTT-3.10.4-4, v3 MQTT-3.10.4-5, v3 MQTT-2.3.1-7]',
    (version) => {
      const client = new Bench().subscriber('t', 1, { version });
      for (const [packetId, filter] of [
        [513, 't'],
        [1, 't'],
        [2, 'never'],
      ] as const)
        client.send({ type: 'unsubscribe', packetId, filters: [filter] });
      const codes = version === 5 ? [[0], [0x11], [0x11]] : [[], [], []];
      expect(client.take()).toMatchObject(
        [513, 1, 2].map((packetId, at) => ({ type: 'unsuback', packetId, reasonCodes: codes[at] })),
      );
    },
  );

  test('has one code of its table for each filter, in order [v5 MQTT-3.11.3-1, v5 MQTT-3.11.3-2]', () => {
    const client = new Bench().subscriber(['a', 'b/+'], 1);
    const codes = client.unsubscribe('x', 'a', 'y', 'b/+', 'a');
    expect(codes).toEqual([0x11, 0, 0x11, 0, 0x11]);
    for (const code of codes) expect([0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91]).toContain(code);
  });

  test.each(both)(
    'MQTT %s: removes only what is the same character by character [v5 MQTT-3.10.4-1, v3 MQTT-3.10.4-1]',
    (version) => {
      const bench = new Bench();
      const client = bench.subscriber(['a/+'], 0, { version });
      client.unsubscribe('a/b', 'A/+', 'a/#', '#', '+/+', 'a/+/');
      bench.connect().publish('a/b');
      expect(client.messages()).toEqual(['a/b=']);
      client.unsubscribe('a/+');
      bench.connect().publish('a/b');
      expect(client.messages()).toEqual([]);
    },
  );

  test.each(both)(
    'MQTT %s: ends what is published from then on, queued or not [v5 MQTT-3.10.4-2, v3 MQTT-3.10.4-2]',
    (version) => {
      const bench = new Bench();
      const client = bench.subscriber(['t', 'u'], 1, { version });
      client.unsubscribe('t');
      for (const topic of ['t', 'u']) bench.connect().publish(topic, 'x', { qos: 1 });
      expect(client.messages()).toEqual(['u=x']);
    },
  );

  test.each(both)(
    'MQTT %s: lets what was begun be completed, over a reconnect too [v5 MQTT-3.10.4-3, v3 MQTT-3.10.4-3]',
    (version) => {
      const bench = new Bench();
      const options = {
        version,
        clientId: 'x',
        clean: false,
        properties: version === 5 ? { sessionExpiryInterval: 60 } : undefined,
      };
      const client = bench.subscriber('t', 2, options);
      for (const qos of [1, 2, 2] as const) bench.connect().publish('t', `${qos}`, { qos });
      const [one = 0, two = 0, three = 0] = client.published().map(({ packetId }) => packetId);
      client.unsubscribe('t');
      client.ack('pubrec', two);
      expect(client.take()).toMatchObject([{ type: 'pubrel', packetId: two }]);
      client.drop();
      const back = bench.connect(options);
      expect(back.take()).toMatchObject([
        { type: 'pubrel', packetId: two },
        { type: 'publish', packetId: one, dup: true },
        { type: 'publish', packetId: three, dup: true },
      ]);
    },
  );

  test.each(both)(
    'MQTT %s: removes several at once, with one UNSUBACK [v5 MQTT-3.10.4-6, v3 MQTT-3.10.4-6]',
    (version) => {
      const bench = new Bench();
      const client = bench.subscriber(['a', 'b', 'c'], 0, { version });
      client.send({ type: 'unsubscribe', packetId: 9, filters: ['a', 'c'] });
      expect(client.take()).toMatchObject([{ type: 'unsuback', packetId: 9 }]);
      for (const topic of ['a', 'b', 'c']) bench.connect().publish(topic);
      expect(client.messages()).toEqual(['b=']);
    },
  );

  test('with fixed header flags other than 2 closes the connection [v5 MQTT-3.10.1-1, v3 MQTT-3.10.1-1]', () => {
    for (const first of ['a0', 'a1', 'a3', 'aa']) {
      const v5 = new Bench().connect();
      v5.sendBytes(`${first} 06 0001 00 0001 74`);
      expect(v5.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x81 }]);
      const v3 = new Bench().connect({ version: 4 });
      v3.sendBytes(`${first} 05 0001 0001 74`);
      expect([v3.take(), v3.ending]).toEqual([[], 'ended']);
    }
  });

  test('without a filter closes the connection [v3 MQTT-3.10.3-2]', () => {
    const v3 = new Bench().connect({ version: 4 });
    v3.sendBytes('a2 02 0001');
    expect([v3.take(), v3.ending]).toEqual([[], 'ended']);
    const v5 = new Bench().connect();
    v5.sendBytes('a2 03 0001 00');
    expect(v5.take()).toMatchObject([{ type: 'disconnect' }]);
  });
});
