/** PUBLISH: properties, aliases, overlapping subscriptions, refusals [v5 3.3, v3 3.3]. */

import { describe, expect, test } from 'vitest';
import type { PublishProperties } from '../../../src/codec/packet';
import { packetSize } from '../../../src/codec/writer';
import { Bench, text } from '../../broker/bench';

const both = [5, 4] as const;

/** Publishes with properties, and returns those that two subscribers got. */
function forward(properties: PublishProperties): (PublishProperties | undefined)[] {
  const bench = new Bench();
  const watchers = [bench.subscriber('t', 0), bench.subscriber('#', 2)];
  bench.connect().publish('t', 'payload', { qos: 1, properties });
  return watchers.map((one) => one.published()[0]?.properties);
}

describe('what is forwarded unaltered', () => {
  test.each([0, 1] as const)('Payload Format Indicator %s [v5 MQTT-3.3.2-4]', (payloadFormatIndicator) => {
    expect(forward({ payloadFormatIndicator })).toEqual([
      { payloadFormatIndicator },
      { payloadFormatIndicator },
    ]);
  });

  test('Response Topic [v5 MQTT-3.3.2-15]', () => {
    const responseTopic = '$answers//to me/ü';
    expect(forward({ responseTopic })).toEqual([{ responseTopic }, { responseTopic }]);
  });

  test('Correlation Data [v5 MQTT-3.3.2-16]', () => {
    const correlationData = new Uint8Array([0, 255, 0, 128, 10]);
    expect(forward({ correlationData })).toEqual([{ correlationData }, { correlationData }]);
  });

  test('Content Type [v5 MQTT-3.3.2-20]', () => {
    const contentType = 'application/x; a="ü"';
    expect(forward({ contentType })).toEqual([{ contentType }, { contentType }]);
  });

  test('all User Properties, in order [v5 MQTT-3.3.2-17, v5 MQTT-3.3.2-18]', () => {
    const userProperties = [
      ['z', '1'],
      ['a', ''],
      ['z', '1'],
      ['', 'x'],
      ['a', '0'],
    ] as const;
    expect(forward({ userProperties })).toEqual([{ userProperties }, { userProperties }]);
  });

  test('any payload, up to large ones', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('t', 1);
    const payloads = [0, 1, 127, 128, 16_383, 300_000].map((size) => new Uint8Array(size).fill(size));
    for (const payload of payloads) bench.connect().publish('t', payload, { qos: 1 });
    expect(watcher.published().map(({ payload }) => payload.length)).toEqual(
      payloads.map(({ length }) => length),
    );
  });

  test('but no properties to an older client', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('t', 1, { version: 4 });
    bench.connect().publish('t', 'x', { qos: 1, properties: { contentType: 'x', messageExpiryInterval: 5 } });
    const [forwarded] = watcher.published();
    expect(forwarded).toMatchObject({ topic: 't' });
    expect(forwarded).not.toHaveProperty('properties');
  });

  test('and no Topic Alias and no Subscription Identifier of somebody else', () => {
    expect(forward({ topicAlias: 1 })).toEqual([undefined, undefined]);
  });
});

describe('the answer to a PUBLISH', () => {
  test.each(both)(
    'MQTT %s: is none, PUBACK or PUBREC, as the QoS says [v5 MQTT-3.3.4-1, v3 MQTT-3.3.4-1]',
    (version) => {
      const client = new Bench().connect({ version });
      client.publish('t', 'x', { qos: 0 });
      expect(client.take()).toEqual([]);
      client.publish('t', 'x', { qos: 1, packetId: 65_535 });
      expect(client.take()).toMatchObject([{ type: 'puback', packetId: 65_535 }]);
      client.publish('t', 'x', { qos: 2, packetId: 256 });
      expect(client.take()).toMatchObject([{ type: 'pubrec', packetId: 256 }]);
    },
  );

  test('says 0x10 when nobody subscribes to what is forwarded at once', () => {
    const bench = new Bench({ qos2Delivery: 'receipt' });
    const client = bench.connect();
    for (const qos of [1, 2] as const) client.publish('t', 'x', { qos, packetId: 1 });
    bench.subscriber('t');
    for (const qos of [1, 2] as const) client.publish('t', 'x', { qos, packetId: qos * 2 });
    expect(client.take()).toMatchObject([
      { type: 'puback', reasonCode: 0x10 },
      { type: 'pubrec', reasonCode: 0x10 },
      { type: 'puback', reasonCode: 0 },
      { type: 'pubrec', reasonCode: 0 },
    ]);
  });

  test('does not say it of a QoS 2 message, which goes to those who subscribe when it is released', () => {
    const bench = new Bench();
    const client = bench.connect();
    client.publish('t', 'x', { qos: 2, packetId: 1 });
    expect(client.take()).toMatchObject([{ type: 'pubrec', reasonCode: 0 }]);
    const late = bench.subscriber('t');
    client.ack('pubrel', 1);
    expect(late.published()).toHaveLength(1);
  });

  test('comes before the message itself, to a publisher that subscribes', () => {
    const client = new Bench().subscriber('t');
    client.publish('t', 'x', { qos: 1 });
    expect(client.take().map(({ type }) => type)).toEqual(['puback', 'publish']);
  });

  test.each([['$SYS/broker/version'], ['$SYS'], ['$share/g/t']])(
    'refuses what belongs to the server: %s',
    (topic) => {
      const bench = new Bench();
      const watcher = bench.subscriber(['$SYS/#', '$SYS', 't']);
      const client = bench.connect();
      client.publish(topic, 'x', { qos: 1 });
      expect(client.take()).toMatchObject([{ type: 'puback', reasonCode: 0x87 }]);
      expect(watcher.take()).toEqual([]);
    },
  );

  test('0x99 tells of a payload that is not the text it says it is, when that is checked', () => {
    const bench = new Bench({ validatePayloadFormat: true });
    const client = bench.connect();
    const properties = { payloadFormatIndicator: 1 } as const;
    client.publish('t', new Uint8Array([0xff]), { qos: 1, properties });
    client.publish('t', new Uint8Array([0xff]), { qos: 2, packetId: 9, properties });
    client.publish('t', new Uint8Array([0xff]), { qos: 1 });
    client.publish('t', 'ü', { qos: 1, properties });
    const codes = client.take().map((one) => 'reasonCode' in one && one.reasonCode);
    expect(codes).toEqual([0x99, 0x99, 0x10, 0x10]);
  });

  test('0x91 tells of a QoS 1 message under the identifier of an unfinished QoS 2 message', () => {
    const client = new Bench().connect();
    client.publish('t', 'x', { qos: 2, packetId: 5 });
    client.publish('t', 'y', { qos: 1, packetId: 5 });
    expect(client.take()).toMatchObject([
      { type: 'pubrec' },
      { type: 'puback', packetId: 5, reasonCode: 0x91 },
    ]);
  });
});

describe('authorization', () => {
  const authorization = {
    publish: { allow: ['own/%c/#', 'all'] },
    subscribe: { allow: ['own/#'], deny: ['own/secret'] },
  };

  test('a publish that is not allowed is refused and not forwarded', () => {
    const bench = new Bench({ authorization: { publish: authorization.publish } });
    const watcher = bench.subscriber('#');
    const client = bench.connect({ clientId: 'me' });
    for (const topic of ['own/me/x', 'own/you/x', 'all', 'own/me']) client.publish(topic, '', { qos: 1 });
    expect(client.take().map((one) => 'reasonCode' in one && one.reasonCode)).toEqual([0, 0x87, 0, 0]);
    expect(watcher.published().map(({ topic }) => topic)).toEqual(['own/me/x', 'all', 'own/me']);
    client.publish('own/you/x', '', { qos: 2, packetId: 9 });
    expect(client.take()).toMatchObject([{ type: 'pubrec', packetId: 9, reasonCode: 0x87 }]);
  });

  test.each([1, 2] as const)(
    '3.1.1 is acknowledged as if it had been allowed, QoS %s [v3 MQTT-3.3.5-2]',
    (qos) => {
      const bench = new Bench({ authorization: { publish: { deny: ['t'] } } });
      const watcher = bench.subscriber('#');
      const client = bench.connect({ version: 4 });
      client.publish('t', 'x', { qos, packetId: 9 });
      expect(client.bytes.slice(8)).toBe(qos === 1 ? '40020009' : '50020009');
      if (qos === 2) client.ack('pubrel', 9);
      expect(client.bytes.slice(16)).toBe(qos === 1 ? '' : '70020009');
      expect(watcher.take()).toEqual([]);
      expect(client.isClosed).toBe(false);
    },
  );

  test('a subscription that is not allowed is refused, and a wide one does not see what is denied', () => {
    const bench = new Bench({ authorization: { subscribe: authorization.subscribe } });
    const client = bench.connect();
    expect(client.subscribe(['own/+', 'own/secret', '#', 'other'])).toEqual([2, 0x87, 0x87, 0x87]);
    const publisher = bench.connect();
    for (const topic of ['own/x', 'own/secret', 'other']) publisher.publish(topic);
    expect(client.messages()).toEqual(['own/x=']);
  });

  test('rules of a user hold for that user', () => {
    const users = [{ username: 'ann', password: 'p', publish: { allow: ['users/%u'] } }];
    const bench = new Bench({ users, allowAnonymous: true });
    const ann = bench.connect({ username: 'ann', password: new TextEncoder().encode('p') });
    const other = bench.connect();
    for (const client of [ann, other]) {
      client.publish('users/ann', '', { qos: 1 });
      client.publish('x', '', { qos: 1 });
    }
    expect(ann.take()).toMatchObject([{ reasonCode: 0x10 }, { reasonCode: 0x87 }]);
    expect(other.take()).toMatchObject([{ reasonCode: 0x10 }, { reasonCode: 0x10 }]);
  });
});

describe('the DUP flag', () => {
  test.each(both)('MQTT %s: of the publisher is not copied [v5 MQTT-3.3.1-3, v3 MQTT-3.3.1-3]', (version) => {
    const bench = new Bench();
    const watcher = bench.subscriber('t', 2, { version });
    const client = bench.connect({ version });
    for (const qos of [1, 2] as const) client.publish('t', 'x', { qos, dup: true });
    expect(watcher.published().map(({ dup }) => dup)).toEqual([false, false]);
  });
});

describe('the topic of a PUBLISH', () => {
  test.each(both)(
    'MQTT %s: that is sent matches the filter, and stands in full [v5 MQTT-3.3.2-3, v3 MQTT-3.3.2-3, v5 MQTT-3.3.2-1, v3 MQTT-3.3.2-1]',
    (version) => {
      const bench = new Bench();
      const watcher = bench.subscriber(['a/+', 'b/#'], 0, { version });
      const client = bench.connect({ version });
      for (const topic of ['a', 'a/b', 'a/b/c', 'b', 'b/', 'c', 'a/', 'A/b']) client.publish(topic);
      expect(watcher.published().map(({ topic }) => topic)).toEqual(['a/b', 'b', 'b/', 'a/']);
      expect(watcher.bytes).toContain(Buffer.from('\0\x03a/b').toString('hex'));
    },
  );

  test.each([
    ['holds +', '30 05 0003 612f2b'],
    ['holds #', '30 03 0001 23'],
    ['is ill-formed UTF-8', '30 04 0002 c328'],
    ['is empty', '30 02 0000'],
    ['holds U+0000', '30 04 0002 6100'],
  ])(
    'closes the connection when it %s [v5 MQTT-3.3.2-2, v3 MQTT-3.3.2-2, v5 MQTT-3.3.2-1, v3 MQTT-3.3.2-1]',
    (_, bytes) => {
      for (const version of both) {
        const bench = new Bench();
        const watcher = bench.subscriber('#');
        const client = bench.connect({ version });
        const withProperties = bytes.replace(/^30 (..) (.*)$/, (_all, length: string, rest: string) => {
          return version === 5
            ? `30 ${(Number.parseInt(length, 16) + 1).toString(16).padStart(2, '0')} ${rest} 00`
            : `30 ${length} ${rest}`;
        });
        client.sendBytes(withProperties);
        expect(client.take().map(({ type }) => type)).toEqual(version === 5 ? ['disconnect'] : []);
        expect(client.ending).toBe('ended');
        expect(watcher.take()).toEqual([]);
      }
    },
  );
});

describe('properties that end the connection', () => {
  test.each([
    ['a Subscription Identifier', '30 06 0001 74 02 0b05', 0x82],
    ['Topic Alias 0', '30 07 0001 74 03 230000', 0x94],
    ['a Topic Alias above the maximum', '30 07 0001 74 03 230006', 0x94],
    ['neither topic nor alias', '30 03 0000 00', 0x82],
    ['an alias that was never set', '30 06 0000 03 230005', 0x82],
    ['a property twice', '30 08 0001 74 04 0100 0100', 0x82],
    ['a property of another packet', '30 07 0001 74 03 210005', 0x81],
    ['a Payload Format Indicator of 2', '30 06 0001 74 02 0102', 0x82],
    ['a length beyond the packet', '30 05 0001 74 09 01', 0x81],
  ])('%s', (_, bytes, reasonCode) => {
    const client = new Bench({ topicAliasMaximum: 5 }).connect();
    client.sendBytes(bytes);
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode }]);
    expect(client.ending).toBe('ended');
  });

  test('Topic Alias 0 is an invalid alias [v5 MQTT-3.3.2-8]', () => {
    const client = new Bench().connect();
    client.sendBytes('30 07 0001 74 03 230000');
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x94 }]);
  });

  test.each([['a/+'], ['#']])('Response Topic %s has wildcards [v5 MQTT-3.3.2-14]', (topic) => {
    const client = new Bench().connect();
    const name = Buffer.from(topic).toString('hex');
    const length = topic.length.toString(16).padStart(2, '0');
    const total = (topic.length + 7).toString(16).padStart(2, '0');
    const properties = (topic.length + 3).toString(16).padStart(2, '0');
    client.sendBytes(`30 ${total} 0001 74 ${properties} 08 00${length} ${name}`);
    expect(client.take()).toMatchObject([{ type: 'disconnect' }]);
    expect(client.ending).toBe('ended');
  });

  test.each([
    ['Response Topic', '08', 'v5'],
    ['Content Type', '03', 'v5'],
  ])('%s that is ill-formed UTF-8 [v5 MQTT-3.3.2-13, v5 MQTT-3.3.2-19]', (_, id) => {
    const client = new Bench().connect();
    client.sendBytes(`30 09 0001 74 05 ${id} 0002 c328`);
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x81 }]);
    expect(client.ending).toBe('ended');
  });
});

describe('topic aliases of the client', () => {
  test('from 1 to the announced maximum are taken [v5 MQTT-3.3.2-12]', () => {
    const bench = new Bench({ topicAliasMaximum: 300 });
    const watcher = bench.subscriber('#', 0);
    const client = bench.dial();
    const maximum = client.next('connack').properties?.topicAliasMaximum ?? 0;
    expect(maximum).toBe(300);
    for (let alias = 1; alias <= maximum; alias += 1)
      client.publish(`t/${alias}`, '', { properties: { topicAlias: alias } });
    watcher.take();
    for (const alias of [1, 150, 300]) client.publish('', `${alias}`, { properties: { topicAlias: alias } });
    expect(watcher.messages()).toEqual(['t/1=1', 't/150=150', 't/300=300']);
    client.publish('new', '', { properties: { topicAlias: 150 } });
    client.publish('', 'x', { properties: { topicAlias: 150 } });
    expect(watcher.messages()).toEqual(['new=', 'new=x']);
  });

  test('and those of the broker are forgotten with the connection [v5 MQTT-3.3.2-7]', () => {
    const bench = new Bench();
    const options = {
      clientId: 'x',
      clean: false,
      properties: { topicAliasMaximum: 5, sessionExpiryInterval: 60 },
    };
    const client = bench.subscriber('t', 0, options);
    client.publish('t', 'x', { properties: { topicAlias: 1 } });
    client.publish('', 'y', { properties: { topicAlias: 1 } });
    expect(client.published().map(({ topic }) => topic)).toEqual(['t', '']);
    client.drop();
    const back = bench.connect(options);
    bench.connect().publish('t');
    expect(back.published()).toMatchObject([{ topic: 't', properties: { topicAlias: 1 } }]);
    back.publish('', 'z', { properties: { topicAlias: 1 } });
    expect(back.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
    expect(back.ending).toBe('ended');
  });
});

describe('topic aliases of the broker', () => {
  test('never exceed the maximum of the client [v5 MQTT-3.1.2-26, v5 MQTT-3.3.2-11]', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('#', 1, { properties: { topicAliasMaximum: 2 } });
    const client = bench.connect();
    for (const topic of ['a', 'b', 'c', 'a', 'b', 'c']) client.publish(topic, '', { qos: 1 });
    const seen = watcher.published().map(({ topic, properties }) => [topic, properties?.topicAlias]);
    expect(seen).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', undefined],
      ['', 1],
      ['', 2],
      ['c', undefined],
    ]);
  });

  test.each([[undefined], [0]])(
    'are none with Topic Alias Maximum %s [v5 MQTT-3.1.2-27]',
    (topicAliasMaximum) => {
      const bench = new Bench();
      const watcher = bench.subscriber('t', 0, { properties: { topicAliasMaximum } });
      for (const _ of [1, 2]) bench.connect().publish('t');
      const published = watcher.published();
      expect(published).toMatchObject([{ topic: 't' }, { topic: 't' }]);
      for (const packet of published) expect(packet).not.toHaveProperty('properties');
    },
  );
});

describe('Maximum Packet Size of the client', () => {
  test('is never exceeded, and only what exceeds it is lost [v5 MQTT-3.1.2-24, v5 MQTT-3.1.2-25]', () => {
    const bench = new Bench();
    const small = { properties: { maximumPacketSize: 40, receiveMaximum: 1 } };
    const watcher = bench.subscriber('t', 1, small);
    const other = bench.subscriber('t', 1);
    const client = bench.connect();
    const size = (payload: Uint8Array) =>
      packetSize({ type: 'publish', topic: 't', payload, qos: 1, retain: false, dup: false, packetId: 1 }, 5);
    const exact = new Uint8Array(40 - size(new Uint8Array(0)));
    expect(size(exact)).toBe(40);
    for (const payload of [new Uint8Array(exact.length + 1), new Uint8Array(1_000), exact])
      client.publish('t', payload, { qos: 1 });
    const [first, ...more] = watcher.published();
    expect(first?.payload.length).toBe(exact.length);
    expect(more).toEqual([]);
    for (const write of watcher.writes) expect(write.length).toBeLessThanOrEqual(40);
    // The quota of one was not spent on what was dropped.
    watcher.ack('puback', first?.packetId ?? 0);
    client.publish('t', 'next', { qos: 1 });
    expect(watcher.messages()).toEqual(['t=next']);
    expect(other.published()).toHaveLength(4);
  });

  test('is obeyed when an old message is sent again to a client that takes less now', () => {
    const bench = new Bench();
    const options = (maximumPacketSize: number) => ({
      clientId: 'x',
      clean: false,
      properties: { maximumPacketSize, sessionExpiryInterval: 60 },
    });
    const client = bench.subscriber('t', 2, options(1_000));
    bench.connect().publish('t', new Uint8Array(500), { qos: 2 });
    client.drop();
    const back = bench.connect(options(100));
    expect(back.take()).toEqual([]);
    expect(bench.core.sessions.get('x')?.outbound.inFlight).toBe(0);
  });
});

describe('Maximum Packet Size of the broker', () => {
  test('a packet beyond it is 0x95', () => {
    const client = new Bench({ maximumPacketSize: 50 }).connect();
    client.publish('t', new Uint8Array(60));
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x95 }]);
    expect(client.ending).toBe('ended');
  });

  test('it is enough to announce the size', () => {
    const client = new Bench({ maximumPacketSize: 50 }).connect();
    client.sendBytes('30 33');
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x95 }]);
  });
});

describe('overlapping subscriptions', () => {
  const filters = ['a/#', 'a/+', 'a/b'] as const;

  test.each(both)(
    'MQTT %s: one copy comes at the highest QoS granted [v5 MQTT-3.3.4-2, v3 MQTT-3.3.5-1]',
    (version) => {
      const bench = new Bench();
      const watcher = bench.connect({ version });
      for (const [qos, filter] of filters.entries()) watcher.subscribe(filter, { qos: qos as 0 | 1 | 2 });
      bench.connect().publish('a/b', 'x', { qos: 2 });
      expect(watcher.published().map(({ qos }) => qos)).toEqual([2]);
      watcher.unsubscribe('a/b');
      bench.connect().publish('a/b', 'x', { qos: 2 });
      expect(watcher.published().map(({ qos }) => qos)).toEqual([1]);
    },
  );

  test('the one copy lists every identifier there is [v5 MQTT-3.3.4-3, v5 MQTT-3.3.4-4]', () => {
    const bench = new Bench();
    const watcher = bench.connect();
    watcher.subscribe('a/#', { properties: { subscriptionIdentifier: 268_435_455 } });
    watcher.subscribe('a/+', {});
    watcher.subscribe('a/b', { properties: { subscriptionIdentifier: 7 } });
    bench.connect().publish('a/b', 'x', { qos: 1 });
    const [copy, ...more] = watcher.published();
    expect(more).toEqual([]);
    expect(new Set(copy?.properties?.subscriptionIdentifiers)).toEqual(new Set([268_435_455, 7]));
  });

  test('with a copy for each, each has its own identifier and QoS [v5 MQTT-3.3.4-5, v5 MQTT-3.3.4-3]', () => {
    const bench = new Bench({ overlapping: 'each' });
    const watcher = bench.connect();
    watcher.subscribe('a/#', { qos: 0, properties: { subscriptionIdentifier: 1 } });
    watcher.subscribe('a/+', { qos: 1 });
    watcher.subscribe('a/b', { qos: 2, properties: { subscriptionIdentifier: 3 } });
    bench.connect().publish('a/b', 'x', { qos: 2 });
    const seen = watcher.published().map(({ qos, properties }) => [qos, properties?.subscriptionIdentifiers]);
    expect(seen.sort()).toEqual([
      [0, [1]],
      [1, undefined],
      [2, [3]],
    ]);
  });
});

describe('Message Expiry Interval', () => {
  const kept = { clientId: 'x', clean: false, properties: { sessionExpiryInterval: 1_000 } };

  test('ends a message that waits for its client [v5 MQTT-3.3.2-5]', () => {
    const bench = new Bench();
    bench.subscriber('t', 2, kept).drop();
    const client = bench.connect();
    for (const [at, messageExpiryInterval] of [10, 11, undefined].entries()) {
      client.publish('t', `${at}`, { qos: 1, properties: { messageExpiryInterval } });
    }
    bench.advance(10);
    expect(bench.connect(kept).messages()).toEqual(['t=1', 't=2']);
  });

  test('ends a message that waits for the quota of its client', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('t', 1, { properties: { receiveMaximum: 1 } });
    const client = bench.connect();
    client.publish('t', 'first', { qos: 1 });
    client.publish('t', 'second', { qos: 1, properties: { messageExpiryInterval: 5 } });
    client.publish('t', 'third', { qos: 1 });
    const [first] = watcher.published();
    bench.advance(5);
    watcher.ack('puback', first?.packetId ?? 0);
    expect(watcher.messages()).toEqual(['t=third']);
  });

  test('is forwarded less the seconds that the message waited [v5 MQTT-3.3.2-6]', () => {
    const bench = new Bench();
    const online = bench.subscriber('t', 1);
    bench.subscriber('t', 2, kept).drop();
    bench.connect().publish('t', 'x', { qos: 1, properties: { messageExpiryInterval: 100 } });
    expect(online.published()[0]?.properties?.messageExpiryInterval).toBe(100);
    bench.advance(30.5);
    expect(bench.connect(kept).published()[0]?.properties?.messageExpiryInterval).toBe(70);
  });
});

describe('texts', () => {
  test('a topic and its payload come as they were sent', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('#', 0);
    bench.connect().publish('ü/日本/🎉', 'ÿ🎉');
    const [message] = watcher.published();
    expect([message?.topic, text(message?.payload ?? new Uint8Array())]).toEqual(['ü/日本/🎉', 'ÿ🎉']);
  });
});
