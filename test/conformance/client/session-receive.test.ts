/** What a session answers to the server's messages, and what it hands out [v5 4.3, 4.6, v3 4.3, 4.6]. */

import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../../src/errors';
import { disconnect, puback, pubcomp, publish, pubrec, pubrel } from '../../support/packet-makers';
import { SessionBench } from '../../support/session-bench';

const versions = [5, 4, 3] as const;

describe.each(versions)('a message of the server, protocol level %i', (version) => {
  function connected(options: { store?: 'none' | 'sync' | 'manual' } = {}): SessionBench {
    const bench = new SessionBench({ version, ...options });
    bench.connect();
    bench.commit();
    return bench;
  }

  test('of QoS 0 is handed over and not answered [v5 MQTT-3.3.4-1, v3 MQTT-3.3.4-1]', () => {
    const bench = connected();
    bench.receive(publish('t', 0, 0, { text: 'hello', retain: true }));
    bench.expectNothingSent();
    expect(bench.delivered).toMatchObject([
      { packet: { topic: 't', retain: true }, message: undefined, redelivered: false },
    ]);
  });

  test('of QoS 1 is handed over, and answered by PUBACK with its identifier once it is handled [v5 MQTT-4.3.2-4, v5 MQTT-3.3.4-1, v5 MQTT-2.2.1-5, v3 MQTT-4.3.2-2, v3 MQTT-3.3.4-1, v3 MQTT-2.3.1-6]', () => {
    const bench = connected();
    bench.receive(publish('t', 7));
    bench.expectNothingSent();
    bench.acknowledge();
    bench.expectSent(puback(7));
  });

  test('of QoS 2 is answered by PUBREC once it is handled, its PUBREL by PUBCOMP [v5 MQTT-4.3.3-8, v5 MQTT-4.3.3-11, v5 MQTT-3.3.4-1, v5 MQTT-2.2.1-5, v3 MQTT-4.3.3-2, v3 MQTT-3.3.4-1, v3 MQTT-2.3.1-6]', () => {
    const bench = connected();
    bench.receive(publish('t', 7, 2));
    bench.expectNothingSent();
    bench.acknowledge();
    bench.expectSent(pubrec(7));
    bench.receive(pubrel(7));
    bench.expectSent(pubcomp(7));
    expect(bench.topics).toEqual(['t']);
    expect(bench.session.counts.unacknowledged).toBe(0);
  });

  test('with the identifier of one that was acknowledged by PUBACK is new, with DUP too [v5 MQTT-4.3.2-5, v3 MQTT-4.3.2-2]', () => {
    const bench = connected();
    bench.receive(publish('a', 7));
    bench.acknowledge();
    bench.receive(publish('b', 7, 1, { dup: true }));
    bench.acknowledge();
    expect(bench.topics).toEqual(['a', 'b']);
    expect(bench.delivered.map(({ redelivered }) => redelivered)).toEqual([false, true]);
    bench.expectSent(puback(7), puback(7));
  });

  test('of QoS 2 that comes again before PUBREL gets PUBREC again and is handed over once, across connections too [v5 MQTT-4.3.3-10, v3 MQTT-4.3.3-2]', () => {
    const bench = connected();
    bench.receive(publish('t', 7, 2));
    bench.acknowledge();
    bench.receive(publish('t', 7, 2, { dup: true }));
    bench.expectSent(pubrec(7), pubrec(7));
    bench.cut();
    bench.resume();
    bench.receive(publish('t', 7, 2, { dup: true }));
    bench.expectSent(pubrec(7));
    bench.receive(pubrel(7));
    bench.expectSent(pubcomp(7));
    expect(bench.topics).toEqual(['t']);
  });

  describe('while it is handed over', () => {
    test.each([1, 2] as const)(
      'is acknowledged after those of QoS %i that came before it [v5 MQTT-4.6.0-2, v5 MQTT-4.6.0-3, v3 MQTT-4.6.0-2, v3 MQTT-4.6.0-3]',
      (qos) => {
        const bench = connected();
        bench.receive(publish('a', 7, qos));
        const counts: number[] = [];
        bench.onMessage = () => {
          counts.push(bench.session.counts.unacknowledged);
          bench.acknowledge();
        };
        bench.receive(publish('b', 8, qos));
        bench.expectNothingSent();
        expect(counts).toEqual([2]);
        expect(bench.session.counts.unacknowledged).toBe(2);
        bench.acknowledge(0);
        const answer = qos === 1 ? puback : pubrec;
        bench.receive(publish('c', 9, qos));
        bench.expectSent(answer(7), answer(8), answer(9));
        expect(bench.session.counts.unacknowledged).toBe(0);
      },
    );

    test.each([1, 2] as const)(
      'is the same message when QoS %i comes again although its connection ended then',
      (qos) => {
        const bench = connected({ store: 'sync' });
        bench.onMessage = () => {
          bench.kill();
          bench.acknowledge();
        };
        bench.receive(publish('t', 7, qos));
        bench.flush();
        expect(bench.store.list('incoming')).toEqual(qos === 1 ? [] : [{ kind: 'incoming', id: 7 }]);
        bench.resume();
        bench.onMessage = undefined;
        bench.receive(publish('t', 7, qos, { dup: true }));
        expect(bench.topics).toEqual(['t']);
        bench.expectSent(qos === 1 ? puback(7) : pubrec(7));
      },
    );

    test.each([1, 2] as const)('is forgotten at QoS %i with a session that ends then', (qos) => {
      const bench = connected();
      bench.onMessage = () => {
        bench.kill();
        bench.session.incoming.restart();
      };
      bench.receive(publish('t', 7, qos));
      expect(bench.session.counts.unacknowledged).toBe(0);
      bench.resume();
      bench.onMessage = () => bench.acknowledge();
      bench.receive(publish('t', 7, qos, { dup: true }));
      expect(bench.topics).toEqual(['t', 't']);
      bench.expectSent(qos === 1 ? puback(7) : pubrec(7));
    });

    test('has the identifier to itself: an older one of QoS 1 with it has lost its claim', () => {
      const bench = connected();
      bench.receive(publish('old', 7));
      bench.onMessage = () => {
        bench.onMessage = undefined;
        bench.acknowledge();
      };
      bench.cut();
      bench.resume();
      bench.receive(publish('new', 7));
      bench.expectSent(puback(7));
      bench.receive(publish('next', 7, 1, { dup: true }));
      expect(bench.topics).toEqual(['old', 'new', 'next']);
    });
  });

  test('of QoS 2 that comes again without DUP while its handler runs is the same message [v5 MQTT-4.3.3-10, v3 MQTT-4.3.3-2]', () => {
    const bench = connected();
    bench.receive(publish('t', 7, 2), publish('t', 7, 2));
    bench.cut();
    bench.resume();
    bench.receive(publish('t', 7, 2));
    expect(bench.topics).toEqual(['t']);
    bench.acknowledge();
    bench.expectSent(pubrec(7));
  });

  test('of QoS 2 that is handled after its connection died is saved, and not handed over again', () => {
    const bench = new SessionBench({ version, store: 'sync' });
    bench.connect();
    bench.receive(publish('t', 7, 2));
    bench.cut();
    bench.acknowledge();
    bench.flush();
    expect(bench.store.list('incoming')).toEqual([{ kind: 'incoming', id: 7 }]);
    expect(bench.session.counts.unacknowledged).toBe(0);
    bench.resume();
    bench.receive(publish('t', 7, 2, { dup: true }));
    bench.expectSent(pubrec(7));
    expect(bench.topics).toEqual(['t']);
  });

  test('of QoS 2 is new again after PUBCOMP [v5 MQTT-4.3.3-12, v3 MQTT-4.3.3-2]', () => {
    const bench = connected();
    bench.receive(publish('a', 7, 2));
    bench.acknowledge();
    bench.receive(pubrel(7), publish('b', 7, 2));
    expect(bench.topics).toEqual(['a', 'b']);
    bench.acknowledge();
    bench.expectSent(pubrec(7), pubcomp(7), pubrec(7));
  });

  test('is acknowledged with PUBACKs in the order of arrival, whoever finishes first [v5 MQTT-4.6.0-2, v3 MQTT-4.6.0-2]', () => {
    const bench = connected();
    bench.receive(publish('a', 5), publish('b', 3), publish('c', 9));
    bench.acknowledge(2);
    bench.acknowledge(1);
    bench.expectNothingSent();
    bench.acknowledge(0);
    bench.expectSent(puback(5), puback(3), puback(9));
  });

  test('is acknowledged with PUBRECs in the order of arrival, whoever finishes first [v5 MQTT-4.6.0-3, v3 MQTT-4.6.0-3]', () => {
    const bench = connected();
    bench.receive(publish('a', 5, 2), publish('b', 3, 2), publish('x', 1), publish('c', 9, 2));
    bench.acknowledge(3);
    bench.acknowledge(1);
    bench.acknowledge(2);
    // PUBACKs and PUBRECs do not wait for each other.
    bench.expectSent(puback(1));
    bench.acknowledge(0);
    bench.expectSent(pubrec(5), pubrec(3), pubrec(9));
  });

  test('that comes again keeps its place in the order of PUBRECs [v5 MQTT-4.6.0-3, v3 MQTT-4.6.0-3]', () => {
    const bench = connected();
    bench.receive(publish('a', 5, 2), publish('b', 3, 2));
    bench.acknowledge(0);
    bench.expectSent(pubrec(5));
    bench.cut();
    bench.resume();
    // The PUBREC of 5 was lost; 3 is still with its takers and came first this time.
    bench.receive(publish('b', 3, 2, { dup: true }), publish('a', 5, 2, { dup: true }));
    bench.expectNothingSent();
    bench.acknowledge(1);
    bench.expectSent(pubrec(3), pubrec(5));
    expect(bench.topics).toEqual(['a', 'b']);
  });

  test.each([1, 2] as const)(
    'of QoS %i that comes again while its handler runs is the same message',
    (qos) => {
      const bench = connected();
      bench.receive(publish('t', 7, qos));
      bench.cut();
      bench.resume();
      bench.receive(publish('t', 7, qos, { dup: true }));
      expect(bench.topics).toEqual(['t']);
      bench.expectNothingSent();
      bench.acknowledge();
      bench.expectSent(qos === 1 ? puback(7) : pubrec(7));
    },
  );

  test.each([1, 2] as const)(
    'of QoS %i that was handled while the link was down is acknowledged when it comes again, not before',
    (qos) => {
      const bench = connected();
      bench.receive(publish('t', 7, qos));
      bench.cut();
      bench.acknowledge();
      bench.resume();
      bench.expectNothingSent();
      bench.receive(publish('t', 7, qos, { dup: true }));
      bench.expectSent(qos === 1 ? puback(7) : pubrec(7));
      expect(bench.topics).toEqual(['t']);
    },
  );

  test('of QoS 1 without DUP is new, though an unanswered one had its identifier', () => {
    const bench = connected();
    bench.receive(publish('a', 7));
    bench.cut();
    bench.resume();
    bench.receive(publish('b', 7));
    expect(bench.topics).toEqual(['a', 'b']);
    bench.acknowledge(0);
    bench.expectNothingSent();
    bench.acknowledge(1);
    bench.expectSent(puback(7));
  });

  test('of a session that the server lost is not acknowledged, and its identifier means nothing', () => {
    const bench = connected();
    bench.receive(publish('a', 5), publish('b', 6, 2), publish('c', 7, 2));
    bench.acknowledge(2);
    bench.cut();
    bench.connect({}, { clean: version === 3 });
    bench.receive(publish('d', 5, 1, { dup: true }), publish('e', 6, 2), publish('f', 7, 2));
    expect(bench.topics).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
    bench.acknowledge(0);
    bench.acknowledge(1);
    bench.expectNothingSent();
    bench.acknowledge(3);
    bench.acknowledge(4);
    bench.acknowledge(5);
    bench.expectSent(puback(5), pubrec(6), pubrec(7));
  });

  test('may be acknowledged twice: the second time does nothing', () => {
    const bench = connected();
    bench.receive(publish('t', 7));
    bench.acknowledge();
    bench.acknowledge();
    bench.expectSent(puback(7));
  });

  test('keeps its first decision while it waits for its turn', () => {
    const bench = connected();
    bench.receive(publish('a', 7), publish('b', 8));
    bench.acknowledge(1, 0);
    bench.acknowledge(1, 0x83);
    bench.acknowledge(0);
    bench.expectSent(puback(7), puback(8));
  });

  test('whose acknowledgement waited for one before it when its connection died is the same message', () => {
    const bench = connected();
    bench.receive(publish('a', 7), publish('b', 8));
    bench.acknowledge(1);
    bench.cut();
    bench.resume();
    bench.receive(publish('a', 7, 1, { dup: true }), publish('b', 8, 1, { dup: true }));
    expect(bench.topics).toEqual(['a', 'b']);
    bench.acknowledge(0);
    bench.expectSent(puback(7), puback(8));
  });

  test('of QoS 1 that was handled and not sent again on a connection is forgotten with that', () => {
    const bench = connected();
    bench.receive(publish('a', 7));
    bench.cut();
    bench.acknowledge();
    bench.resume();
    bench.cut();
    bench.resume();
    // The server gave it up, so the identifier names another message.
    bench.receive(publish('b', 7, 1, { dup: true }));
    expect(bench.topics).toEqual(['a', 'b']);
  });

  test('of QoS 1 that was handled is the same message after a connection that the server refused', () => {
    const bench = connected();
    bench.receive(publish('a', 7));
    bench.cut();
    bench.acknowledge();
    bench.open();
    bench.accept({ reasonCode: version === 5 ? 0x88 : 3 });
    bench.resume();
    bench.receive(publish('a', 7, 1, { dup: true }));
    expect(bench.topics).toEqual(['a']);
    bench.expectSent(puback(7));
  });

  test('is handed over in the order of arrival', () => {
    const bench = connected();
    bench.receive(publish('a', 1), publish('b'), publish('c', 2, 2), publish('d', 3));
    expect(bench.topics).toEqual(['a', 'b', 'c', 'd']);
  });

  test('of QoS 2 is saved once it was handled and before PUBREC, and removed before PUBCOMP', () => {
    const bench = connected({ store: 'manual' });
    bench.receive(publish('t', 7, 2));
    bench.commit();
    expect(bench.store.list('incoming')).toEqual([]);
    bench.acknowledge();
    bench.expectNothingSent();
    bench.commit();
    expect(bench.store.list('incoming')).toEqual([{ kind: 'incoming', id: 7 }]);
    bench.expectSent(pubrec(7));
    bench.receive(pubrel(7));
    bench.expectNothingSent();
    bench.commit();
    expect(bench.store.list('incoming')).toEqual([]);
    bench.expectSent(pubcomp(7));
  });

  test('of QoS 2 that was handled before an earlier one is saved then, and not handed out to a later page [v5 MQTT-4.3.3-10, v5 MQTT-4.6.0-3, v3 MQTT-4.3.3-2, v3 MQTT-4.6.0-3]', () => {
    const bench = connected({ store: 'manual' });
    bench.receive(publish('a', 7, 2), publish('b', 8, 2));
    bench.acknowledge(1);
    bench.commit();
    expect(bench.store.list('incoming')).toEqual([{ kind: 'incoming', id: 8 }]);
    bench.expectNothingSent();
    bench.crash();
    bench.resume();
    bench.receive(publish('a', 7, 2, { dup: true }), publish('b', 8, 2, { dup: true }));
    expect(bench.topics).toEqual(['a', 'b', 'a']);
    bench.acknowledge(2);
    bench.commit();
    bench.expectSent(pubrec(7), pubrec(8));
    bench.receive(pubrel(7), pubrel(8));
    bench.commit();
    bench.expectSent(pubcomp(7), pubcomp(8));
    expect(bench.store.list('incoming')).toEqual([]);
  });

  test('of QoS 2 that was handled while the link was down is saved then, and its PUBREC waits for that', () => {
    const bench = connected({ store: 'manual' });
    bench.receive(publish('t', 7, 2));
    bench.cut();
    bench.acknowledge();
    bench.open();
    bench.expectFlow('connect');
    bench.accept({ sessionPresent: version > 3 });
    bench.receive(publish('t', 7, 2, { dup: true }));
    bench.expectNothingSent();
    bench.commit();
    bench.expectSent(pubrec(7));
    expect(bench.store.list('incoming')).toEqual([{ kind: 'incoming', id: 7 }]);
  });

  test('of QoS 2 whose PUBREL comes twice gets PUBCOMP twice', () => {
    const bench = connected();
    bench.receive(publish('t', 7, 2));
    bench.acknowledge();
    bench.receive(pubrel(7), pubrel(7));
    bench.expectFlow('pubrec 7', 'pubcomp 7', version === 5 ? 'pubcomp 7 0x92' : 'pubcomp 7');
  });

  test('of QoS 2 that comes again and is released before its second PUBREC gets no second PUBREC', () => {
    const bench = connected();
    bench.receive(publish('a', 5, 2));
    bench.acknowledge();
    bench.receive(publish('b', 6, 2), publish('a', 5, 2, { dup: true }), pubrel(5));
    bench.acknowledge(1);
    bench.expectSent(pubrec(5), pubcomp(5), pubrec(6));
    // A new message may have the identifier now.
    bench.receive(publish('c', 5, 2));
    expect(bench.topics).toEqual(['a', 'b', 'c']);
  });
});

describe('a message of the server, MQTT 5.0', () => {
  test('is acknowledged with the reason code of its takers', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.receive(publish('a', 5), publish('b', 6, 2));
    bench.acknowledge(0, 0x83);
    bench.acknowledge(1, 0x99);
    bench.expectSent(puback(5, 0x83), pubrec(6, 0x99));
  });

  test('is new after a PUBREC of 0x80 or above [v5 MQTT-4.3.3-9]', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    bench.receive(publish('a', 6, 2));
    bench.acknowledge(0, 0x80);
    expect(bench.store.list('incoming')).toEqual([]);
    bench.receive(publish('b', 6, 2));
    expect(bench.topics).toEqual(['a', 'b']);
    bench.acknowledge(1);
    bench.expectSent(pubrec(6, 0x80), pubrec(6));
  });

  test('that was refused while the link was down is refused when it comes again', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.receive(publish('t', 6, 2));
    bench.cut();
    bench.acknowledge(0, 0x80);
    bench.resume();
    bench.receive(publish('t', 6, 2, { dup: true }));
    bench.expectSent(pubrec(6, 0x80));
  });

  test('is the same message when it comes again after the server ended the connection with DISCONNECT', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.receive(publish('a', 5), publish('b', 6, 2), disconnect(0x8b));
    bench.acknowledge(0);
    bench.acknowledge(1);
    bench.resume();
    bench.receive(publish('a', 5, 1, { dup: true }), publish('b', 6, 2, { dup: true }));
    expect(bench.topics).toEqual(['a', 'b']);
    bench.expectSent(puback(5), pubrec(6));
  });

  test('has PUBREC and PUBCOMP to its end although it expired meanwhile [v5 MQTT-4.3.3-13]', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.receive(publish('t', 7, 2, { properties: { messageExpiryInterval: 1 } }));
    bench.pass(10_000);
    bench.tick();
    bench.acknowledge();
    bench.pass(10_000);
    bench.receive(pubrel(7));
    bench.expectSent(pubrec(7), pubcomp(7));
  });

  test('with a PUBREL that nobody knows is answered by PUBCOMP 0x92 [v5 MQTT-4.3.3-11]', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.receive(pubrel(9));
    bench.expectSent(pubcomp(9, 0x92));
  });

  test('that is refused goes on in MQTT 3.1.1, which cannot refuse', () => {
    const bench = new SessionBench({ version: 4, store: 'sync' });
    bench.connect();
    bench.receive(publish('a', 5), publish('b', 6, 2));
    bench.acknowledge(0, 0x83);
    bench.acknowledge(1, 0x83);
    bench.expectSent(puback(5), pubrec(6));
    expect(bench.store.list('incoming')).toEqual([{ kind: 'incoming', id: 6 }]);
  });
});

describe('our Receive Maximum', () => {
  function limited(receiveMaximum: number): SessionBench {
    const bench = new SessionBench();
    bench.connect({}, { properties: { receiveMaximum } });
    return bench;
  }

  test('holds for QoS 1 and 2 together: one more ends the link with 0x93', () => {
    const bench = limited(2);
    bench.receive(publish('a', 1), publish('b', 2, 2), publish('c'));
    expect(bench.session.isConnected).toBe(true);
    bench.receive(publish('d', 3));
    const end = bench.expectClosedBy(0x93);
    expect(end.error).toBeInstanceOf(ProtocolError);
    expect(end.error.code).toBe('receive-maximum-exceeded');
    expect(bench.topics).toEqual(['a', 'b', 'c']);
  });

  test('is given back by PUBACK, PUBCOMP and a refusing PUBREC, not by PUBREC', () => {
    const bench = limited(1);
    bench.receive(publish('a', 1));
    bench.acknowledge();
    bench.receive(publish('b', 1, 2));
    bench.acknowledge(1, 0x83);
    bench.receive(publish('c', 1, 2));
    bench.acknowledge(2);
    bench.receive(pubrel(1), publish('d', 2, 2));
    bench.acknowledge(3);
    expect(bench.session.isConnected).toBe(true);
    bench.receive(publish('e', 3));
    bench.expectClosedBy(0x93);
  });

  test('is not given back by an acknowledgement that waits for one before it', () => {
    const bench = limited(2);
    bench.receive(publish('a', 1), publish('b', 2));
    bench.acknowledge(1);
    bench.receive(publish('c', 3));
    bench.expectClosedBy(0x93);
  });

  test('is not given back by a PUBREL that came before PUBREC', () => {
    const bench = limited(2);
    bench.receive(publish('a', 1, 2), pubrel(1), publish('b', 2, 2), pubrel(2), publish('c', 3, 2));
    bench.expectClosedBy(0x93);
    expect(bench.topics).toEqual(['a', 'b']);
  });

  test('counts an identifier that is used again without DUP', () => {
    const bench = limited(2);
    bench.receive(publish('a', 1), publish('b', 1), publish('c', 1));
    bench.expectClosedBy(0x93);
    expect(bench.topics).toEqual(['a', 'b']);
  });

  test('counts a message that is sent again on one connection only once', () => {
    const bench = limited(1);
    const again = publish('a', 1, 2, { dup: true });
    bench.receive(publish('a', 1, 2), again, again);
    bench.acknowledge();
    bench.receive(again, again);
    expect(bench.session.isConnected).toBe(true);
    bench.expectSent(pubrec(1), pubrec(1), pubrec(1));
  });

  test('begins anew with each connection', () => {
    const bench = limited(2);
    bench.receive(publish('a', 1), publish('b', 2));
    bench.cut();
    bench.connect({ sessionPresent: true }, { properties: { receiveMaximum: 2 } });
    bench.receive(publish('a', 1, 1, { dup: true }), publish('c', 3));
    expect(bench.session.isConnected).toBe(true);
    bench.receive(publish('b', 2, 1, { dup: true }));
    bench.expectClosedBy(0x93);
  });

  test('does not forget a message that went beyond it: sent again, it is delivered', () => {
    const bench = limited(1);
    bench.receive(publish('a', 1), publish('b', 2));
    bench.expectClosedBy(0x93);
    bench.connect({ sessionPresent: true }, { properties: { receiveMaximum: 1 } });
    bench.acknowledge(0);
    bench.receive(publish('a', 1, 1, { dup: true }), publish('b', 2, 1, { dup: true }));
    expect(bench.topics).toEqual(['a', 'b']);
    bench.acknowledge(1);
    bench.expectSent(puback(1), puback(2));
  });

  test('lets the server give up the oldest only of those that it never sent again', () => {
    const bench = limited(1);
    const reconnect = () => {
      bench.cut();
      bench.connect({ sessionPresent: true }, { properties: { receiveMaximum: 1 } });
    };
    for (const [index, topic] of ['a', 'b', 'c'].entries()) {
      if (index > 0) reconnect();
      bench.receive(publish(topic, index + 1));
    }
    reconnect();
    bench.receive(publish('b', 2, 1, { dup: true }));
    expect(bench.topics).toEqual(['a', 'b', 'c']);
    reconnect();
    bench.receive(publish('a', 1, 1, { dup: true }));
    expect(bench.topics).toEqual(['a', 'b', 'c', 'a']);
  });

  test('cannot be announced before MQTT 5.0, so only identifiers are counted', () => {
    const bench = new SessionBench({ version: 4 });
    bench.connect();
    bench.receive(...Array.from({ length: 300 }, (_, index) => publish('t', index + 1)));
    expect(bench.session.isConnected).toBe(true);
    const again = Array.from({ length: 65_536 - 300 }, () => publish('t', 1));
    bench.receive(...again);
    expect(bench.lastEnd().error.code).toBe('receive-maximum-exceeded');
    expect(bench.delivered).toHaveLength(65_535);
  });
});
