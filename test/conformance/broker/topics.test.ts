/** Topic names, topic filters, shared subscriptions [v5 4.7, 4.8, v3 4.7]. */

import { describe, expect, test } from 'vitest';
import type { ProtocolVersion } from '../../../src/codec/packet';
import { Bench, type BenchClient, text } from '../../broker/bench';

const both = [5, 4] as const;

/** The bytes of a SUBSCRIBE, with a filter that the codec would not write. */
function subscribeBytes(version: ProtocolVersion, filter: Uint8Array): Uint8Array {
  const properties = version === 5 ? [0] : [];
  return packetBytes(0x82, [0, 1, ...properties, filter.length >> 8, filter.length & 255, ...filter, 0]);
}

function publishBytes(version: ProtocolVersion, topic: Uint8Array): Uint8Array {
  return packetBytes(0x30, [topic.length >> 8, topic.length & 255, ...topic, ...(version === 5 ? [0] : [])]);
}

function packetBytes(first: number, body: readonly number[]): Uint8Array {
  const length: number[] = [];
  for (let rest = body.length; ; rest >>= 7) {
    length.push((rest & 127) | (rest > 127 ? 128 : 0));
    if (rest < 128) break;
  }
  return new Uint8Array([first, ...length, ...body]);
}

const utf8 = (value: string) => new TextEncoder().encode(value);

/** How a client fares with a SUBSCRIBE: its codes, or that it was closed. */
function subscribeWith(version: ProtocolVersion, filter: string | Uint8Array): readonly number[] | 'closed' {
  const client = new Bench().connect({ version });
  client.sendBytes(subscribeBytes(version, typeof filter === 'string' ? utf8(filter) : filter));
  return client.isClosed ? 'closed' : client.answer('suback').reasonCodes;
}

/** Which topics a subscription delivers. */
function delivered(version: ProtocolVersion, filter: string, topics: readonly string[]): string[] {
  const bench = new Bench();
  const watcher = bench.subscriber(filter, 0, { version });
  const publisher = bench.connect({ version });
  for (const topic of topics) publisher.publish(topic);
  return watcher.published().map(({ topic }) => topic);
}

describe('a topic filter', () => {
  test.each(both)(
    'MQTT %s: holds # alone or as its last level [v5 MQTT-4.7.1-1, v3 MQTT-4.7.1-2]',
    (version) => {
      for (const filter of ['#', 'a/#', '/#', '+/#', 'a/b/#'])
        expect(subscribeWith(version, filter)).toEqual([0]);
      for (const filter of ['a#', 'a/#/b', '#/a', '##', 'a/b#', '/#/'])
        expect(subscribeWith(version, filter)).toBe('closed');
      const topics = ['sport', 'sport/tennis', 'sport/tennis/x', 'sports', '/sport', 'sport/'];
      expect(delivered(version, 'sport/#', topics)).toEqual([
        'sport',
        'sport/tennis',
        'sport/tennis/x',
        'sport/',
      ]);
      expect(delivered(version, '#', topics)).toEqual(topics);
    },
  );

  test.each(both)('MQTT %s: holds + as a whole level [v5 MQTT-4.7.1-2, v3 MQTT-4.7.1-3]', (version) => {
    for (const filter of ['+', '+/a', 'a/+', 'a/+/b', '/+', '+/+'])
      expect(subscribeWith(version, filter)).toEqual([0]);
    for (const filter of ['a+', '+a', 'a/b+', 'a/+b/c', '++', '+#'])
      expect(subscribeWith(version, filter)).toBe('closed');
    const topics = ['a/x/b', 'a//b', 'a/b', 'a/x/y/b', 'a/x/c'];
    expect(delivered(version, 'a/+/b', topics)).toEqual(['a/x/b', 'a//b']);
    expect(delivered(version, '+', ['a', '/a', 'a/', 'b'])).toEqual(['a', 'b']);
  });

  test('with a wildcard in a wrong place is malformed, in UNSUBSCRIBE too', () => {
    for (const bytes of [subscribeBytes(5, utf8('a/#/b')), packetBytes(0xa2, [0, 1, 0, 0, 2, 0x61, 0x2b])]) {
      const client = new Bench().connect();
      client.sendBytes(bytes);
      expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x81 }]);
    }
  });

  test.each(both)(
    'MQTT %s: that begins with a wildcard matches no topic that begins with $ [v5 MQTT-4.7.2-1, v3 MQTT-4.7.2-1]',
    (version) => {
      const topics = ['$other/x', '$SYSTEM', 'a/x'];
      expect(delivered(version, '#', topics)).toEqual(['a/x']);
      expect(delivered(version, '+/x', topics)).toEqual(['a/x']);
      expect(delivered(version, '+/#', topics)).toEqual(['a/x']);
      expect(delivered(version, '$other/#', topics)).toEqual(['$other/x']);
      expect(delivered(version, '$other/+', topics)).toEqual(['$other/x']);
      expect(delivered(version, '$SYSTEM', topics)).toEqual(['$SYSTEM']);
    },
  );

  test.each(both)(
    'MQTT %s: that begins with a wildcard gets nothing retained below $ either [v5 MQTT-4.7.2-1, v3 MQTT-4.7.2-1]',
    (version) => {
      const bench = new Bench();
      for (const topic of ['$other/x', 'a/x']) bench.connect().publish(topic, '', { retain: true });
      for (const topic of ['$other/x', 'a/x']) bench.connect().publish(topic, 'kept', { retain: true });
      for (const filter of ['#', '+/x'])
        expect(bench.subscriber(filter, 0, { version }).messages()).toEqual(['a/x=kept']);
      expect(bench.subscriber('$other/#', 0, { version }).messages()).toEqual(['$other/x=kept']);
    },
  );
});

describe('a topic name', () => {
  test.each(both)(
    'MQTT %s: holds no wildcards, which filters may [v5 MQTT-4.7.0-1, v3 MQTT-4.7.1-1]',
    (version) => {
      for (const topic of ['a/+', '#', '+', 'a#b', '+a']) {
        const bench = new Bench();
        const watcher = bench.subscriber('#');
        const client = bench.connect({ version });
        client.sendBytes(publishBytes(version, utf8(topic)));
        expect(client.ending).toBe('ended');
        expect(watcher.take()).toEqual([]);
      }
      for (const filter of ['a/+', '#', '+']) expect(subscribeWith(version, filter)).toEqual([0]);
    },
  );
});

describe('names and filters', () => {
  test.each(both)('MQTT %s: have at least one character [v5 MQTT-4.7.3-1, v3 MQTT-4.7.3-1]', (version) => {
    expect(subscribeWith(version, '')).toBe('closed');
    const client = new Bench().connect({ version });
    client.sendBytes(publishBytes(version, utf8('')));
    expect(client.ending).toBe('ended');
    expect(subscribeWith(version, ' ')).toEqual([0]);
    expect(delivered(version, '/', ['/', 'a'])).toEqual(['/']);
  });

  test.each(both)('MQTT %s: hold no U+0000 [v5 MQTT-4.7.3-2, v3 MQTT-4.7.3-2]', (version) => {
    expect(subscribeWith(version, 'a\0b')).toBe('closed');
    const client = new Bench().connect({ version });
    client.sendBytes(publishBytes(version, utf8('a\0b')));
    expect(client.ending).toBe('ended');
  });

  test.each(both)(
    'MQTT %s: have up to 65,535 bytes, however many characters [v5 MQTT-4.7.3-3, v3 MQTT-4.7.3-3]',
    (version) => {
      const bench = new Bench();
      const longest = '日'.repeat(21_845);
      const watcher = bench.subscriber(longest, 0, { version });
      const publisher = bench.connect({ version });
      publisher.publish(longest);
      expect(watcher.published().map(({ topic }) => topic.length)).toEqual([21_845]);
      // One more byte does not fit the length in front: the packet ends where the length says, and the rest is wrong.
      const tooLong = new Uint8Array(65_536).fill(0x61);
      expect(subscribeWith(version, tooLong)).toBe('closed');
    },
  );

  test.each(both)(
    'MQTT %s: are compared as they are: no normalization, no case, no empty level dropped [v5 MQTT-4.7.3-4, v3 MQTT-4.7.3-4]',
    (version) => {
      const composed = '\u00e9';
      const decomposed = 'e\u0301';
      expect(delivered(version, composed, [composed, decomposed])).toEqual([composed]);
      expect(delivered(version, decomposed, [composed, decomposed])).toEqual([decomposed]);
      expect(delivered(version, 'A/b', ['A/b', 'a/b', 'A/B'])).toEqual(['A/b']);
      expect(delivered(version, 'a//b', ['a/b', 'a//b', 'a/b/'])).toEqual(['a//b']);
      expect(delivered(version, '\u212b', ['\u00c5', '\u212b'])).toEqual(['\u212b']);
      expect(delivered(version, ' a ', ['a', ' a ', ' a'])).toEqual([' a ']);
      expect(delivered(version, '\ufeffa', ['a', '\ufeffa'])).toEqual(['\ufeffa']);
    },
  );
});

describe('the filter of a shared subscription', () => {
  test.each([['$share//t'], ['$share/'], ['$share/g'], ['$share/g/']])(
    'without a share name or a filter closes the connection: %s [v5 MQTT-4.8.2-1, v5 MQTT-4.8.2-2, v5 MQTT-4.13.1-1]',
    (filter) => {
      expect(subscribeWith(5, filter)).toBe('closed');
      // MQTT 3.1.1 has no such filters, and no rule that this one breaks.
      expect(subscribeWith(4, filter)).toEqual([0x80]);
    },
  );

  test.each([['$share/g+/t'], ['$share/+/t'], ['$share/#/t'], ['$share/g#x/t']])(
    'with a wildcard in its name closes the connection: %s [v5 MQTT-4.8.2-2, v5 MQTT-4.13.1-1]',
    (filter) => {
      expect(subscribeWith(5, filter)).toBe('closed');
      expect(subscribeWith(4, filter)).toEqual([0x80]);
    },
  );

  test('that is ill-formed is a protocol error, a wildcard in a wrong place of it a malformed packet', () => {
    for (const [filter, reasonCode] of [
      ['$share/g', 0x82],
      ['$share/g/a#', 0x81],
    ] as const) {
      const client = new Bench().connect();
      client.sendBytes(packetBytes(0x82, [0, 1, 0, 0, filter.length, ...utf8(filter), 0]));
      expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode }]);
    }
  });

  test('begins with more than "$share", which is an ordinary filter', () => {
    expect(subscribeWith(5, '$share')).toEqual([0]);
  });

  test.each([['$share/g/t'], ['$share/g//t'], ['$share/g/#'], ['$share/g/+/x'], ['$share/g/$SYS/#']])(
    'may otherwise be any: %s',
    (filter) => {
      expect(subscribeWith(5, filter)).toEqual([0]);
    },
  );
});

describe('a shared subscription', () => {
  /** Members of one group. */
  function group(bench: Bench, count: number, qos: 0 | 1 | 2 = 2, filter = '$share/g/t/#'): BenchClient[] {
    return Array.from({ length: count }, (_, at) => {
      const properties = { sessionExpiryInterval: 100 };
      return bench.subscriber(filter, qos, { clientId: `member${at}`, clean: false, properties });
    });
  }

  test('gives each message to one member, in turn', () => {
    const bench = new Bench();
    const members = group(bench, 3);
    const publisher = bench.connect();
    for (let at = 0; at < 9; at += 1) publisher.publish('t/x', `${at}`);
    const counts = members.map((member) => member.messages().length);
    expect(counts).toEqual([3, 3, 3]);
  });

  test('of another name, another filter, or none, is on its own', () => {
    const bench = new Bench();
    const watchers = ['$share/g/t/#', '$share/h/t/#', '$share/g/t/+', 't/#'].map((filter) =>
      bench.subscriber(filter, 0),
    );
    bench.connect().publish('t/x', 'once each');
    expect(watchers.map((one) => one.messages())).toEqual(Array.from({ length: 4 }, () => ['t/x=once each']));
  });

  test('beside an ordinary one of the same client brings a copy for each', () => {
    const bench = new Bench();
    const client = bench.connect();
    client.subscribe('$share/g/t', { properties: { subscriptionIdentifier: 1 } });
    client.subscribe('t', { properties: { subscriptionIdentifier: 2 } });
    bench.connect().publish('t');
    const ids = client.published().map(({ properties }) => properties?.subscriptionIdentifiers);
    expect(ids.sort()).toEqual([[1], [2]]);
  });

  test('gets nothing retained', () => {
    const bench = new Bench();
    bench.connect().publish('t/x', 'kept', { retain: true });
    const [member] = group(bench, 1);
    expect(member?.take()).toEqual([]);
  });

  test('respects the QoS that each member was granted [v5 MQTT-4.8.2-3]', () => {
    const bench = new Bench();
    const members = ([0, 1, 2] as const).map((qos) => bench.subscriber('$share/g/t', qos));
    for (let at = 0; at < 3; at += 1) bench.connect().publish('t', '', { qos: 2 });
    expect(members.map((member) => member.published().map(({ qos }) => qos))).toEqual([[0], [1], [2]]);
  });

  test('completes a QoS 2 message with the member that has it, when that is back [v5 MQTT-4.8.2-4]', () => {
    const bench = new Bench();
    const [first, second] = group(bench, 2);
    bench.connect().publish('t/x', 'one', { qos: 2 });
    const [message] = first?.published() ?? [];
    first?.drop();
    expect(second?.take()).toEqual([]);
    const back = bench.connect({
      clientId: 'member0',
      clean: false,
      properties: { sessionExpiryInterval: 100 },
    });
    expect(back.published()).toMatchObject([{ packetId: message?.packetId, dup: true }]);
    back.ack('pubrec', message?.packetId ?? 0);
    expect(back.take()).toMatchObject([{ type: 'pubrel' }]);
    expect(second?.take()).toEqual([]);
  });

  test('gives a QoS 2 message to nobody else when the session that has it ends [v5 MQTT-4.8.2-5]', () => {
    const bench = new Bench();
    const [first, second] = group(bench, 2);
    bench.connect().publish('t/x', 'one', { qos: 2 });
    expect(first?.messages()).toEqual(['t/x=one']);
    first?.drop();
    bench.advance(101);
    expect(bench.core.sessions.has('member0')).toBe(false);
    expect(second?.take()).toEqual([]);
    bench.connect().publish('t/x', 'two', { qos: 2 });
    expect(second?.messages()).toEqual(['t/x=two']);
  });

  test.each([
    [1, 'puback'],
    [2, 'pubrec'],
  ] as const)(
    'does not offer a QoS %s message to others that a member refused in its %s [v5 MQTT-4.8.2-6]',
    (qos, ack) => {
      const bench = new Bench();
      const members = group(bench, 3);
      bench.connect().publish('t/x', 'poison', { qos });
      const [message] = members[0]?.published() ?? [];
      members[0]?.ack(ack, message?.packetId ?? 0, 0x83);
      expect(members.map((member) => member.take())).toEqual([[], [], []]);
      members[0]?.drop();
      const back = bench.connect({
        clientId: 'member0',
        clean: false,
        properties: { sessionExpiryInterval: 100 },
      });
      expect(back.take()).toEqual([]);
    },
  );

  test('passes over members that are away while another is there', () => {
    const bench = new Bench();
    const [first, second] = group(bench, 2);
    first?.drop();
    for (const text of ['a', 'b', 'c']) bench.connect().publish('t/x', text, { qos: 1 });
    expect(second?.messages()).toEqual(['t/x=a', 't/x=b', 't/x=c']);
    second?.drop();
    bench.connect().publish('t/x', 'd', { qos: 1 });
    const properties = { sessionExpiryInterval: 100 };
    const back = [0, 1].map((at) => bench.connect({ clientId: `member${at}`, clean: false, properties }));
    const seen = back.flatMap((member) =>
      member.published().map(({ payload, dup }) => (dup ? [] : text(payload))),
    );
    expect(seen.flat()).toEqual(['d']);
  });

  test('of one session is replaced by subscribing again, and ends by UNSUBSCRIBE', () => {
    const bench = new Bench();
    const client = bench.connect();
    client.subscribe('$share/g/t', { qos: 0 });
    client.subscribe('$share/g/t', { qos: 1 });
    bench.connect().publish('t', '', { qos: 2 });
    expect(client.published().map(({ qos }) => qos)).toEqual([1]);
    expect(bench.core.subscriptions.count).toBe(1);
    expect(client.unsubscribe('t', '$share/h/t', '$share/g/t')).toEqual([0x11, 0x11, 0]);
    bench.connect().publish('t', '', { qos: 2 });
    expect(client.take()).toEqual([]);
    expect(bench.core.subscriptions.count).toBe(0);
  });
});
