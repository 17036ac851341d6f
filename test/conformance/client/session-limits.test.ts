/** What a server does not take is refused before it goes out; topic aliases [v5 3.2.2.3, 3.3.2.3.4]. */

import { describe, expect, test } from 'vitest';
import { encode } from '../../../src/codec/encode';
import type { ConnackProperties, PublishPacket } from '../../../src/codec/packet';
import { ConnectionError, RefusedError, UsageError } from '../../../src/errors';
import { hex } from '../../support/hex';
import {
  connect,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  suback,
  subscribe,
  unsubscribe,
} from '../../support/packet-makers';
import { SessionBench } from '../../support/session-bench';

const gone = new ConnectionError('closed', 'closed');

describe("the server's limits", () => {
  interface Case {
    readonly limits: ConnackProperties;
    readonly qos: 0 | 1 | 2;
    readonly retain?: boolean;
    readonly text?: string;
    readonly code: string;
    readonly reasonCode: number;
  }

  const size = (packet: PublishPacket) => encode(packet, 5).length;
  const plain = size(publish('topic', 1, 1, { text: '12345' }));

  const cases: [string, Case][] = [
    ['Maximum QoS 0', { limits: { maximumQoS: 0 }, qos: 1, code: 'qos-not-supported', reasonCode: 0x9b }],
    ['Maximum QoS 1', { limits: { maximumQoS: 1 }, qos: 2, code: 'qos-not-supported', reasonCode: 0x9b }],
    [
      'Retain Available 0',
      {
        limits: { retainAvailable: false },
        qos: 1,
        retain: true,
        code: 'retain-not-supported',
        reasonCode: 0x9a,
      },
    ],
    [
      'Maximum Packet Size',
      {
        limits: { maximumPacketSize: plain - 1 },
        qos: 1,
        text: '12345',
        code: 'packet-too-large',
        reasonCode: 0x95,
      },
    ],
  ];

  describe.each(cases)('%s', (_name, { limits, qos, retain = false, text = '', code, reasonCode }) => {
    test('refuses a publish at the call [v5 MQTT-3.2.2-11, v5 MQTT-3.2.2-14, v5 MQTT-3.2.2-15]', () => {
      const bench = new SessionBench({ store: 'sync' });
      bench.connect(limits);
      const refused = bench.publish('topic', qos, { retain, text });
      expect(refused.outcome).toBe(`failed ${code}`);
      expect(refused.error).toBeInstanceOf(RefusedError);
      expect(refused.error).toMatchObject({ reasonCode });
      expect(refused.accepted).toBe(false);
      bench.expectNothingSent();
      expect(bench.store.list('publish')).toEqual([]);
      expect(bench.session.counts).toMatchObject({ queued: 0, inFlight: 0 });
    });

    test('rejects and removes a queued message', () => {
      const bench = new SessionBench({ store: 'sync' });
      const queued = bench.publish('topic', qos, { retain, text });
      const good = bench.publish('u', 0);
      bench.connect(limits);
      expect(queued.outcome).toBe(`failed ${code}`);
      expect(good.outcome).toBe('acknowledged 0');
      bench.expectFlow('publish u');
      expect(bench.store.list('publish')).toEqual([]);
    });

    test('rejects and removes a message that would be sent again', () => {
      const bench = new SessionBench({ store: 'sync' });
      bench.connect();
      const sent = bench.publish('topic', qos, { retain, text });
      const next = bench.publish('u', 0);
      bench.take();
      bench.cut();
      bench.resume(limits);
      expect(sent.outcome).toBe(`failed ${code}`);
      expect(next.outcome).toBe('acknowledged 0');
      bench.expectNothingSent();
      expect(bench.store.list('publish')).toEqual([]);
      expect(bench.session.counts.inFlight).toBe(0);
      // Of QoS 2 the server may remember the identifier: only a clean start frees it.
      expect(bench.session.needsCleanStart).toBe(qos === 2);
    });
  });

  test('let a packet of exactly the Maximum Packet Size pass [v5 MQTT-3.2.2-15]', () => {
    const bench = new SessionBench();
    bench.connect({ maximumPacketSize: plain });
    const sent = bench.publish('topic', 1, { text: '12345' });
    bench.expectSent(publish('topic', 1, 1, { text: '12345' }));
    expect(sent.outcome).toBeUndefined();
  });

  test('leave acknowledgements without their reason code where it does not fit [v5 MQTT-3.2.2-15]', () => {
    const bench = new SessionBench();
    bench.connect({ maximumPacketSize: 4 });
    bench.receive(publish('t', 1), pubrel(9));
    bench.acknowledge(0, 0x83);
    bench.expectSent(pubcomp(9), puback(1));
  });

  test('that let no acknowledgement through are refused, with a DISCONNECT if that fits [v5 MQTT-3.2.2-15]', () => {
    for (const maximumPacketSize of [1, 2, 3]) {
      const bench = new SessionBench();
      bench.open();
      bench.take();
      bench.lingers = true;
      bench.accept({ maximumPacketSize });
      // With a reason code DISCONNECT takes 3 bytes.
      bench.expectFlow(...(maximumPacketSize < 3 ? [] : ['disconnect 0x95']));
      expect(bench.connections).toEqual([]);
      expect(bench.lastEnd()).toMatchObject({
        by: 'us',
        wasConnected: false,
        error: { code: 'packet-too-large', reasonCode: 0x95 },
      });
    }
  });

  test('leave the rest of DISCONNECT out, and then DISCONNECT [v5 MQTT-3.2.2-15]', () => {
    for (const [maximumPacketSize, sent] of [
      [9, ['disconnect']],
      [8, []],
    ] as const) {
      const bench = new SessionBench();
      bench.connect({ maximumPacketSize });
      const reasonString = 'x'.repeat(20);
      bench.turn(() => bench.session.disconnect(0, { sessionExpiryInterval: 7, reasonString }, gone));
      bench.expectFlow(...sent);
      expect(bench.lastEnd().by).toBe('us');
    }
  });

  test('refuse QoS 0 written at once by throwing', () => {
    const bench = new SessionBench();
    bench.connect({ retainAvailable: false });
    expect(() => bench.session.outgoing.publishNow('t', new Uint8Array(0), true, undefined)).toThrow(
      RefusedError,
    );
    expect(bench.session.outgoing.publishNow('t', new Uint8Array(0), false, undefined)).toBe(true);
    bench.flush();
    bench.expectFlow('publish t');
  });

  test('do not let QoS 0 be written at once without a connection', () => {
    const bench = new SessionBench();
    expect(bench.session.outgoing.publishNow('t', new Uint8Array(0), false, undefined)).toBe(false);
    bench.open();
    expect(bench.session.outgoing.publishNow('t', new Uint8Array(0), false, undefined)).toBe(false);
  });

  test.each([
    ['$share/g/f', { sharedSubscriptionAvailable: false }, 0x9e],
    ['a/+/b', { wildcardSubscriptionAvailable: false }, 0xa2],
    ['a/#', { wildcardSubscriptionAvailable: false }, 0xa2],
    ['$share/g/+', { wildcardSubscriptionAvailable: false }, 0xa2],
    ['a/very/long/filter', { maximumPacketSize: 20 }, 0x95],
  ] as const)('refuse the filter %s with %o as %i', (filter, limits, reasonCode) => {
    const bench = new SessionBench();
    const waiting = bench.subscribe(['a', filter, 'b']);
    bench.connect(limits);
    const asked = bench.subscribe(filter);
    expect(asked.outcomes).toMatchObject([{ reasonCode }]);
    expect(asked.outcomes?.[0]).toBeInstanceOf(RefusedError);
    bench.expectFlow('subscribe 1 a', 'subscribe 2 b');
    bench.receive(suback(1, 0), suback(2, 1));
    expect(waiting.outcomes).toMatchObject([0, { reasonCode }, 1]);
    expect(bench.session.subscriptions.get(filter)).toBeUndefined();
  });

  test('let a shared filter without wildcards pass where there are no wildcards', () => {
    const bench = new SessionBench();
    bench.connect({ wildcardSubscriptionAvailable: false });
    bench.subscribe('$share/g/f');
    bench.expectFlow('subscribe 1 $share/g/f');
  });

  test('refuse an UNSUBSCRIBE that is too large', () => {
    const bench = new SessionBench();
    bench.connect({ maximumPacketSize: 20 });
    const asked = bench.unsubscribe('a/very/long/filter', 'b');
    bench.expectSent(unsubscribe(1, 'b'));
    expect(asked.outcomes).toBeUndefined();
    bench.receive({ type: 'unsuback', packetId: 1, reasonCodes: [0] });
    expect(asked.outcomes).toMatchObject([{ reasonCode: 0x95 }, 0]);
  });

  test('split a request whose filters do not fit in one packet', () => {
    const bench = new SessionBench();
    bench.connect({ maximumPacketSize: 20, subscriptionIdentifierAvailable: false });
    bench.subscribe(['aaaa', 'bbbb', 'cccc']);
    bench.expectSent(subscribe(1, ['aaaa', 'bbbb']), subscribe(2, ['cccc']));
  });

  test('of five bytes let all acknowledgements pass, which carry neither Reason String nor User Properties [v5 MQTT-3.4.2-2, v5 MQTT-3.4.2-3, v5 MQTT-3.5.2-2, v5 MQTT-3.5.2-3, v5 MQTT-3.6.2-2, v5 MQTT-3.6.2-3, v5 MQTT-3.7.2-2, v5 MQTT-3.7.2-3]', () => {
    const bench = new SessionBench();
    bench.connect({ maximumPacketSize: 5 });
    bench.receive(publish('a', 1), publish('b', 2, 2), publish('c', 3, 2));
    bench.acknowledge(0, 0x83);
    bench.acknowledge(1, 0x83);
    bench.acknowledge(2);
    bench.receive(pubrel(3), pubrel(9), pubrec(8));
    bench.expectSent(
      puback(1, 0x83),
      pubrec(2, 0x83),
      pubrec(3),
      pubcomp(3),
      pubcomp(9, 0x92),
      pubrel(8, 0x92),
    );
    const sizes = bench.chunks.flatMap((chunk) => [...chunk]).length;
    expect(sizes).toBe(encode(connect(), 5).length + 5 + 5 + 4 + 4 + 5 + 5);
  });

  test('of one connection mean nothing on the next', () => {
    const bench = new SessionBench();
    bench.connect({ maximumQoS: 0, retainAvailable: false, maximumPacketSize: 20 });
    bench.cut();
    bench.resume();
    bench.publish('topic', 2, { retain: true, text: 'much longer than twenty bytes' });
    expect(bench.take()).toMatchObject([{ type: 'publish', qos: 2, retain: true }]);
  });
});

describe('what MQTT 5.0 introduced', () => {
  test('is refused on an older connection, at the call and from the queue', () => {
    for (const version of [4, 3] as const) {
      const bench = new SessionBench({ version });
      const properties = { contentType: 'text' };
      const queued = bench.publish('a', 1, { properties });
      const filter = bench.subscribe('f', { noLocal: true });
      bench.connect();
      const called = bench.publish('b', 0, { properties });
      expect([queued.outcome, called.outcome]).toEqual(['failed needs-mqtt-5', 'failed needs-mqtt-5']);
      expect(called.error).toBeInstanceOf(UsageError);
      expect(() => bench.session.outgoing.publishNow('b', new Uint8Array(0), false, properties)).toThrow(
        UsageError,
      );
      for (const options of [
        { retainAsPublished: true },
        { retainHandling: 1 as const },
        { userProperties: [['a', 'b']] as const },
      ]) {
        expect(bench.subscribe('g', options).outcomes).toMatchObject([{ code: 'needs-mqtt-5' }]);
      }
      expect(filter.outcomes).toMatchObject([{ code: 'needs-mqtt-5' }]);
      bench.expectNothingSent();
    }
  });

  test('is not asked for by properties that are all undefined', () => {
    const bench = new SessionBench({ version: 4 });
    bench.connect();
    bench.publish('a', 1, { properties: { contentType: undefined } });
    bench.expectFlow('publish a 1');
  });

  test('is refused when a stored message meets an older connection', () => {
    const bench = new SessionBench({ version: 4, store: 'sync' });
    bench.publish('a', 1, { properties: { contentType: 'text' }, key: 'k' });
    bench.crash();
    bench.connect();
    expect(bench.settled).toMatchObject([{ key: 'k', error: { code: 'needs-mqtt-5' } }]);
    expect(bench.store.list('publish')).toEqual([]);
  });
});

describe('topic aliases that we set', () => {
  const aliased = (topic: string, topicAlias: number) => publish(topic, 0, 0, { properties: { topicAlias } });

  test("stay within the server's maximum, the least recently used makes room [v5 MQTT-3.2.2-17, v5 MQTT-3.3.2-9]", () => {
    const bench = new SessionBench({ topicAliases: true });
    bench.connect({ topicAliasMaximum: 2 });
    for (const topic of ['topic/a', 'topic/b', 'topic/a', 'topic/b', 'topic/a']) bench.publish(topic);
    bench.expectSent(
      aliased('topic/a', 1),
      aliased('topic/b', 2),
      aliased('', 1),
      aliased('', 2),
      aliased('', 1),
    );
    bench.publish('topic/c');
    bench.publish('topic/a');
    bench.publish('topic/b');
    bench.expectSent(aliased('topic/c', 2), aliased('', 1), aliased('topic/b', 2));
  });

  test('stay those of their topics while there is room', () => {
    const bench = new SessionBench({ topicAliases: true });
    bench.connect({ topicAliasMaximum: 5 });
    for (const topic of ['topic/a', 'topic/b', 'topic/a', 'topic/b', 'topic/a']) bench.publish(topic);
    bench.expectSent(
      aliased('topic/a', 1),
      aliased('topic/b', 2),
      aliased('', 1),
      aliased('', 2),
      aliased('', 1),
    );
  });

  test('are 256 at most, however many the server takes', () => {
    const bench = new SessionBench({ topicAliases: true });
    bench.connect({ topicAliasMaximum: 65_535 });
    const topics = Array.from({ length: 256 }, (_, index) => `topic/${index}`);
    for (const topic of [...topics, 'topic/256', 'topic/1']) bench.publish(topic);
    bench.expectSent(
      ...topics.map((topic, index) => aliased(topic, index + 1)),
      aliased('topic/256', 1),
      aliased('', 2),
    );
  });

  test('are none where the server takes none, or we were told not to [v5 MQTT-3.2.2-18]', () => {
    for (const [limits, topicAliases] of [
      [{}, true],
      [{ topicAliasMaximum: 0 }, true],
      [{ topicAliasMaximum: 10 }, false],
    ] as const) {
      const bench = new SessionBench({ topicAliases });
      bench.connect(limits);
      bench.publish('topic/a');
      bench.publish('topic/a');
      bench.expectSent(publish('topic/a'), publish('topic/a'));
    }
  });

  test('begin anew with each connection, and resends carry the topic in full [v5 MQTT-3.3.2-7]', () => {
    const bench = new SessionBench({ topicAliases: true });
    bench.connect({ topicAliasMaximum: 5 });
    bench.publish('topic/a', 0);
    bench.publish('topic/a', 1);
    bench.take();
    bench.cut();
    bench.resume({ topicAliasMaximum: 5 });
    bench.expectSent(publish('topic/a', 1, 1, { dup: true }));
    bench.publish('topic/a');
    bench.expectSent(aliased('topic/a', 1));
  });

  test('are used where a server takes them, after one that takes none', () => {
    const bench = new SessionBench({ topicAliases: true });
    bench.connect();
    bench.cut();
    bench.resume({ topicAliasMaximum: 5 });
    bench.publish('topic/a');
    bench.expectSent(aliased('topic/a', 1));
  });

  test("go with the properties of the message, which stay the application's own", () => {
    const bench = new SessionBench({ topicAliases: true });
    bench.connect({ topicAliasMaximum: 5 });
    const properties = { contentType: 'text' };
    for (const topic of ['topic/a', 'topic/a']) bench.publish(topic, 0, { properties });
    bench.expectSent(
      publish('topic/a', 0, 0, { properties: { contentType: 'text', topicAlias: 1 } }),
      publish('', 0, 0, { properties: { contentType: 'text', topicAlias: 1 } }),
    );
    expect(properties).toEqual({ contentType: 'text' });
  });

  test('are kept for any topic, whatever objects call their members', () => {
    const bench = new SessionBench({ topicAliases: true });
    bench.connect({ topicAliasMaximum: 5 });
    for (const topic of ['__proto__', 'constructor']) {
      bench.publish(topic);
      bench.publish(topic);
    }
    bench.expectSent(aliased('__proto__', 1), aliased('', 1), aliased('constructor', 2), aliased('', 2));
  });

  test('are not used where they would make a packet too large', () => {
    const bench = new SessionBench({ topicAliases: true });
    const packet = publish('topic/a');
    bench.connect({ topicAliasMaximum: 5, maximumPacketSize: encode(packet, 5).length });
    bench.publish('topic/a');
    bench.expectSent(packet);
  });

  test('are not spent on short topics', () => {
    const bench = new SessionBench({ topicAliases: true });
    bench.connect({ topicAliasMaximum: 5 });
    bench.publish('a');
    bench.expectSent(publish('a'));
  });

  test('keep their order behind what waits for the store', () => {
    const ways = [
      (bench: SessionBench) => bench.publish('topic/a', 0),
      ({ session }: SessionBench) =>
        session.outgoing.publishNow('topic/a', new Uint8Array(0), false, undefined),
    ];
    for (const publishAgain of ways) {
      const bench = new SessionBench({ topicAliases: true, store: 'manual' });
      bench.connect({ topicAliasMaximum: 5 });
      bench.commit();
      bench.publish('topic/a', 1);
      bench.turn(() => publishAgain(bench));
      // The alias is set by the first, so that the other may not overtake it.
      bench.expectNothingSent();
      bench.commit();
      expect(bench.take()).toMatchObject([
        { topic: 'topic/a', qos: 1, properties: { topicAlias: 1 } },
        { topic: '', qos: 0, properties: { topicAlias: 1 } },
      ]);
    }
  });
});

describe('topic aliases that the server sets', () => {
  function connected(topicAliasMaximum?: number): SessionBench {
    const bench = new SessionBench();
    bench.connect({}, { properties: topicAliasMaximum === undefined ? {} : { topicAliasMaximum } });
    return bench;
  }

  const aliased = (topic: string, topicAlias: number) => publish(topic, 0, 0, { properties: { topicAlias } });

  test('stand for their topics, up to and with our maximum, and may be set anew [v5 MQTT-3.3.2-10]', () => {
    const bench = connected(2);
    bench.receive(
      aliased('a', 1),
      aliased('b', 2),
      aliased('', 2),
      aliased('', 1),
      aliased('c', 1),
      aliased('', 1),
    );
    expect(bench.topics).toEqual(['a', 'b', 'b', 'a', 'c', 'c']);
  });

  test('end the link with 0x94 above our maximum', () => {
    for (const [maximum, alias] of [
      [2, 3],
      [0, 1],
      [undefined, 1],
    ] as const) {
      const bench = connected(maximum);
      bench.receive(aliased('a', alias));
      expect(bench.expectClosedBy(0x94).error.code).toBe('topic-alias-invalid');
      expect(bench.topics).toEqual([]);
    }
  });

  test('end the link with 0x94 when they are 0', () => {
    const bench = connected(2);
    bench.receiveBytes(hex`30 07 0001 'a' 03 23 0000`);
    bench.expectClosedBy(0x94);
  });

  test('end the link with 0x82 when they were never set', () => {
    const bench = connected(2);
    bench.receive(aliased('a', 1), aliased('', 2));
    bench.expectClosedBy(0x82);
    expect(bench.topics).toEqual(['a']);
  });

  test('are forgotten with the connection: a stale one is an error [v5 MQTT-3.3.2-7]', () => {
    const bench = connected(2);
    bench.receive(aliased('a', 1));
    bench.cut();
    bench.connect({ sessionPresent: true }, { properties: { topicAliasMaximum: 2 } });
    bench.receive(aliased('', 1));
    bench.expectClosedBy(0x82);
  });
});

describe('message expiry', () => {
  const expiring = (messageExpiryInterval: number) => ({ properties: { messageExpiryInterval } });

  test('ends what waits, and says so; the promise does not wait for a connection', () => {
    const bench = new SessionBench({ store: 'sync' });
    const all = [5, 10, 5].map((seconds, index) =>
      bench.publish(`t${index}`, index === 2 ? 0 : 1, expiring(seconds)),
    );
    expect(bench.session.deadline(bench.now)).toBe(bench.now.monotonic + 5_000);
    bench.pass(4_999);
    bench.tick();
    expect(all.map(({ outcome }) => outcome)).toEqual([undefined, undefined, undefined]);
    bench.pass(1);
    bench.tick();
    expect(all.map(({ outcome }) => outcome)).toEqual(['failed expired', undefined, 'failed expired']);
    expect(bench.session.deadline(bench.now)).toBe(bench.now.monotonic + 5_000);
    expect(bench.store.list('publish')).toHaveLength(1);
    expect(bench.session.counts).toMatchObject({ queued: 1 });
    bench.pass(5_000);
    bench.tick();
    expect(bench.session.deadline(bench.now)).toBe(Number.POSITIVE_INFINITY);
    expect(bench.session.counts).toMatchObject({ queued: 0, queuedBytes: 0 });
  });

  test('is looked at when a message is about to go out', () => {
    const bench = new SessionBench();
    const late = bench.publish('late', 1, expiring(5));
    const late0 = bench.publish('late', 0, expiring(5));
    bench.publish('early', 1, expiring(60));
    bench.pass(10_000);
    bench.connect();
    expect([late.outcome, late0.outcome]).toEqual(['failed expired', 'failed expired']);
    bench.expectSent(publish('early', 1, 1, expiring(50)));
  });

  test('leaves the seconds that remain, rounded up, in the first send', () => {
    const bench = new SessionBench();
    bench.publish('a', 1, expiring(60));
    bench.publish('b', 0, expiring(60));
    bench.pass(9_100);
    bench.connect();
    bench.expectSent(publish('b', 0, 0, expiring(51)), publish('a', 1, 1, expiring(51)));
    bench.publish('c', 1, expiring(60));
    bench.expectSent(publish('c', 2, 1, expiring(60)));
  });

  test('counts by the wall clock: time that the machine slept counts too', () => {
    const bench = new SessionBench();
    const late = bench.publish('late', 1, expiring(5));
    bench.pass(1, 10_000);
    bench.tick();
    expect(late.outcome).toBe('failed expired');
  });

  test('neither drops nor alters what was sent once [v5 MQTT-4.3.3-7]', () => {
    const bench = new SessionBench();
    bench.connect();
    const sent = bench.publish('t', 2, expiring(5));
    bench.take();
    bench.pass(2_000);
    bench.cut();
    bench.tick();
    expect(sent.outcome).toBeUndefined();
    bench.resume();
    bench.expectSent(publish('t', 1, 2, { dup: true, ...expiring(5) }));
    bench.receive(pubrec(1), pubcomp(1));
    expect(sent.outcome).toBe('acknowledged 0');
  });

  test('neither drops nor alters what was sent once, after a reload too [v5 MQTT-4.3.3-7]', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.publish('t', 2, { key: 'k', ...expiring(60) });
    bench.pass(20_000);
    bench.connect();
    bench.expectSent(publish('t', 1, 2, expiring(40)));
    bench.cut();
    bench.crash();
    bench.pass(60_000);
    bench.tick();
    bench.resume();
    bench.expectSent(publish('t', 1, 2, { dup: true, ...expiring(40) }));
    bench.receive(pubrec(1), pubcomp(1));
    expect(bench.settled).toEqual([{ key: 'k', error: undefined }]);
  });

  test('goes on after a reload for what was never sent', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.publish('t', 1, { key: 'k', ...expiring(60) });
    bench.pass(20_000);
    bench.crash();
    expect(bench.session.deadline(bench.now)).toBe(bench.now.monotonic + 40_000);
    bench.pass(40_000);
    bench.tick();
    expect(bench.settled).toMatchObject([{ key: 'k', error: { code: 'expired' } }]);
    expect(bench.store.list('publish')).toEqual([]);
  });

  test('does not alter the options of the caller', () => {
    const bench = new SessionBench();
    const fields = expiring(60);
    bench.publish('a', 1, fields);
    bench.pass(10_000);
    bench.connect();
    expect(fields).toEqual(expiring(60));
    bench.receive(puback(1));
  });

  test('is never longer than it was, though the clock was set back', () => {
    const bench = new SessionBench();
    bench.publish('a', 1, expiring(60));
    bench.pass(1_000, -3_600_000);
    bench.connect();
    bench.expectSent(publish('a', 1, 1, expiring(60)));
  });
});
