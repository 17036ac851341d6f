/** What goes out again on a new connection, in which order, and what is given up [v5 4.4, 4.6, v3 4.4, 4.6]. */

import { describe, expect, test } from 'vitest';
import { puback, pubcomp, publish, pubrec, pubrel } from '../../support/packet-makers';
import { SessionBench, spend } from '../../support/session-bench';

const versions = [5, 4] as const;

describe.each(versions)('a resumed session, protocol level %i', (version) => {
  function connected(options: Partial<SessionBench['options']> = {}): SessionBench {
    const bench = new SessionBench({ version, ...options });
    bench.connect();
    return bench;
  }

  test('resends an unacknowledged PUBLISH with DUP and its identifier, once [v5 MQTT-3.3.1-1, v5 MQTT-4.4.0-1, v5 MQTT-4.3.3-3, v5 MQTT-3.1.2-23, v5 MQTT-4.1.0-1, v3 MQTT-3.3.1-1, v3 MQTT-4.4.0-1, v3 MQTT-2.3.1-3, v3 MQTT-3.1.2-4, v3 MQTT-4.1.0-1]', () => {
    const bench = connected();
    bench.publishAll('a1', 'b2');
    bench.expectSent(publish('a1', 1), publish('b2', 2, 2));
    bench.cut();
    bench.resume();
    bench.expectSent(publish('a1', 1, 1, { dup: true }), publish('b2', 2, 2, { dup: true }));
    bench.cut();
    bench.resume();
    bench.expectSent(publish('a1', 1, 1, { dup: true }), publish('b2', 2, 2, { dup: true }));
  });

  test('resends nothing while the connection stands [v5 MQTT-4.4.0-1, v3 MQTT-4.1.0-2]', () => {
    const bench = new SessionBench({ version });
    bench.connect({}, { keepAlive: 10 });
    bench.publishAll('a1', 'b2', 'c2');
    bench.receive(pubrec(2));
    bench.take();
    for (let seconds = 0; seconds < 60; seconds += 5) {
      bench.pass(5_000);
      bench.tick();
      bench.receive({ type: 'pingresp' });
    }
    expect(bench.take().every(({ type }) => type === 'pingreq')).toBe(true);
    bench.receive(puback(1), pubcomp(2), pubrec(3), pubcomp(3));
    expect(bench.session.counts.inFlight).toBe(0);
  });

  test('resends PUBREL, never the PUBLISH, after PUBREC; PUBREL has no DUP [v5 MQTT-4.3.3-5, v5 MQTT-4.3.3-6, v5 MQTT-4.4.0-1, v3 MQTT-4.3.3-1, v3 MQTT-4.4.0-1]', () => {
    const bench = connected();
    const sent = bench.publish('t', 2);
    bench.receive(pubrec(1));
    bench.take();
    for (let times = 0; times < 2; times += 1) {
      bench.cut();
      bench.resume();
      bench.expectSent(pubrel(1));
      expect([...bench.bytes.slice(-4)]).toEqual([0x62, 2, 0, 1]);
    }
    // The identifier stays taken.
    bench.publish('u', 2);
    bench.expectFlow('publish u 2');
    bench.receive(pubcomp(1));
    expect(sent.outcome).toBe('acknowledged 0');
  });

  test('sends PUBRELs in the order of their PUBRECs, then PUBLISHes in their order, QoS 1 and 2 mixed, then new ones [v5 MQTT-4.6.0-1, v5 MQTT-4.6.0-4, v3 MQTT-4.6.0-1, v3 MQTT-4.6.0-4]', () => {
    const bench = connected();
    bench.publishAll('a2', 'b1', 'c2', 'd2', 'e1', 'f2');
    bench.receive(pubrec(4), pubrec(1));
    bench.take();
    bench.cut();
    bench.publishAll('g1', 'h0');
    bench.resume();
    bench.expectFlow(
      'pubrel 4',
      'pubrel 1',
      'publish h0',
      'publish b1 2 dup',
      'publish c2 3 dup',
      'publish e1 5 dup',
      'publish f2 6 dup',
      'publish g1 7',
    );
  });

  test('answers PUBRECs with PUBRELs in their order, though unlike that of the PUBLISHes [v5 MQTT-4.6.0-4, v3 MQTT-4.6.0-4]', () => {
    const bench = connected();
    bench.publishAll('a2', 'b2', 'c2');
    bench.take();
    bench.receive(pubrec(3), pubrec(1));
    bench.receive(pubrec(2));
    bench.expectSent(pubrel(3), pubrel(1), pubrel(2));
  });

  test('keeps the order of PUBRECs over several connections', () => {
    const bench = connected();
    bench.publishAll('a2', 'b2', 'c2');
    bench.receive(pubrec(2));
    bench.cut();
    bench.resume();
    bench.receive(pubrec(3));
    bench.cut();
    bench.resume();
    bench.receive(pubrec(1));
    bench.take();
    bench.cut();
    bench.resume();
    bench.expectSent(pubrel(2), pubrel(3), pubrel(1));
  });

  test('keeps the original order when identifiers have gone round', () => {
    const bench = connected();
    spend(bench, 1, 65_534);
    bench.publishAll('a1', 'b1', 'c1');
    bench.take();
    bench.cut();
    bench.resume();
    bench.expectFlow('publish a1 65535 dup', 'publish b1 1 dup', 'publish c1 2 dup');
  });

  test('sets DUP only on what reached a transport', () => {
    const bench = connected();
    bench.publish('a', 1);
    bench.take();
    // In one turn: the bytes of b never leave.
    bench.turn(() => {
      bench.publish('b', 1);
      bench.cut();
    });
    bench.resume();
    bench.expectFlow('publish a 1 dup', 'publish b 2');
    bench.cut();
    bench.resume();
    bench.expectFlow('publish a 1 dup', 'publish b 2 dup');
  });

  test('sets DUP only on what reached a transport, also when the store keeps it back', () => {
    const bench = new SessionBench({ version, store: 'manual' });
    bench.connect();
    bench.commit();
    bench.publish('a', 1);
    bench.cut();
    bench.open();
    bench.expectFlow('connect');
    bench.accept({ sessionPresent: true });
    // Its record is still on its way to the disk: the resend must not overtake it.
    bench.expectNothingSent();
    bench.commit();
    bench.expectFlow('publish a 1');
  });

  test('does not resend what was acknowledged meanwhile', () => {
    const bench = connected({ maxInflight: 1 });
    const [first, second] = bench.publishAll('a1', 'b2');
    bench.receive(puback(1));
    bench.take();
    bench.cut();
    bench.resume();
    bench.receive(pubrec(2), pubcomp(2));
    bench.take();
    bench.cut();
    bench.resume();
    bench.expectNothingSent();
    expect([first?.outcome, second?.outcome]).toEqual(['acknowledged 0', 'acknowledged 0']);
  });

  test('drops bytes that were meant for the link before', () => {
    const bench = new SessionBench({ version, store: 'manual' });
    bench.connect();
    bench.commit();
    bench.publish('a', 1);
    bench.cut();
    bench.open();
    bench.commit();
    bench.expectFlow('connect');
  });
});

describe.each(versions)('a lost session, protocol level %i', (version) => {
  const isV5 = version === 5;

  test('discards identifiers and PUBREL states: all goes out as new, in its order, before the queue [v5 MQTT-3.2.2-5]', () => {
    const bench = new SessionBench({ version });
    bench.connect();
    const all = bench.publishAll('a2', 'b1', 'c2', 'd2');
    bench.receive(pubrec(3), pubrec(1));
    bench.take();
    bench.cut();
    bench.publish('e', 1);
    bench.connect();
    bench.expectFlow('publish a2 5', 'publish b1 6', 'publish c2 7', 'publish d2 8', 'publish e 9');
    bench.receive(pubrec(5), pubcomp(5), puback(6), pubrec(7), pubcomp(7), pubrec(8), pubcomp(8));
    expect(all.map(({ outcome }) => outcome)).toEqual(Array(4).fill('acknowledged 0'));
    // Each of QoS 2 may have been delivered before: a server may forward it on receipt [v5 4.3.3].
    expect(all.map(({ resent }) => resent)).toEqual([true, false, true, true]);
    expect(bench.connections.map(({ sessionLost }) => sessionLost)).toEqual([false, true]);
    expect(bench.connections.map(({ sessionPresent }) => sessionPresent)).toEqual([false, false]);
  });

  test('rejects what had its PUBREC when the caller chose so', () => {
    const bench = new SessionBench({ version, sessionLost: 'reject' });
    bench.connect();
    const all = bench.publishAll('a2', 'b1', 'c2');
    bench.receive(pubrec(1));
    bench.take();
    bench.cut();
    bench.connect();
    bench.expectFlow('publish b1 4', 'publish c2 5');
    expect(all.map(({ outcome }) => outcome)).toEqual(['failed session-lost', undefined, undefined]);
  });

  test('does not mistake acknowledgements of the old session for its own', () => {
    const bench = new SessionBench({ version });
    bench.connect();
    const sent = bench.publish('a', 1);
    bench.cut();
    bench.connect();
    bench.expectFlow('publish a 2');
    bench.receive(puback(1));
    expect(sent.outcome).toBeUndefined();
    bench.receive(puback(2));
    expect(sent.outcome).toBe('acknowledged 0');
  });

  test('a clean session drops what was in flight at the server: it goes out as new [v5 MQTT-3.1.2-4, v3 MQTT-3.1.2-6]', () => {
    const bench = new SessionBench({ version });
    bench.connect({}, { clean: true });
    bench.publishAll('a1', 'b2');
    bench.receive(pubrec(2), publish('in', 7, 2));
    bench.acknowledge();
    bench.take();
    bench.cut();
    bench.connect({}, { clean: true });
    bench.expectFlow('publish a1 3', 'publish b2 4');
    // What was received there is forgotten, so that its identifier names another message.
    bench.receive(publish('new', 7, 2));
    expect(bench.topics).toEqual(['in', 'new']);
    // Nothing is lost that was to be kept.
    expect(bench.connections.at(-1)?.sessionLost).toBe(false);
  });

  test('is discarded in the store before anything of the new one leaves', () => {
    const bench = new SessionBench({ version, store: 'manual' });
    bench.connect();
    bench.commit();
    bench.publishAll('a2', 'b2');
    bench.commit();
    bench.receive(pubrec(1));
    bench.commit();
    bench.receive(publish('in', 7, 2));
    bench.acknowledge();
    bench.commit();
    expect(bench.store.list('release')).toHaveLength(1);
    expect(bench.store.list('incoming')).toHaveLength(1);
    bench.cut();
    bench.connect();
    bench.expectNothingSent();
    expect(bench.waiting).toBe(1);
    bench.commit();
    expect(bench.store.list('release')).toEqual([]);
    expect(bench.store.list('incoming')).toEqual([]);
    expect(bench.store.list('publish').map(({ packetId }) => packetId)).toEqual([3, 4]);
    bench.expectFlow('publish a2 3', 'publish b2 4');
  });

  test('that is lost again before all went out anew keeps the rest in order', () => {
    const bench = new SessionBench({ version, maxInflight: 3 });
    bench.connect();
    const all = bench.publishAll('a1', 'b1', 'c1', 'd1');
    bench.take();
    bench.cut();
    bench.connect(isV5 ? { receiveMaximum: 1 } : {});
    bench.expectFlow(...(isV5 ? ['publish a1 4'] : ['publish a1 4', 'publish b1 5', 'publish c1 6']));
    bench.cut();
    bench.resume();
    bench.expectFlow(
      ...(isV5
        ? ['publish a1 4 dup', 'publish b1 5', 'publish c1 6']
        : ['publish a1 4 dup', 'publish b1 5 dup', 'publish c1 6 dup']),
    );
    bench.cut();
    bench.connect();
    bench.expectFlow('publish a1 7', 'publish b1 8', 'publish c1 9');
    bench.receive(puback(7), puback(8), puback(9));
    bench.expectFlow('publish d1 10');
    bench.receive(puback(10));
    expect(all.map(({ outcome }) => outcome)).toEqual(Array(4).fill('acknowledged 0'));
    expect(bench.session.counts).toMatchObject({ inFlight: 0, queued: 0 });
  });

  test('still counts its messages as in flight, and does not withdraw or expire what was once sent', () => {
    const bench = new SessionBench({ version, maxInflight: 1 });
    bench.connect();
    const sent = bench.publish('a', 1, isV5 ? { properties: { messageExpiryInterval: 5 } } : {});
    const queued = bench.publish('b', 1);
    bench.take();
    bench.cut();
    bench.open();
    expect(bench.withdraw(sent)).toBe(false);
    expect(bench.withdraw(queued)).toBe(true);
    bench.pass(60_000);
    bench.tick();
    bench.take();
    bench.accept();
    expect(bench.session.counts).toMatchObject({ inFlight: 1, queued: 0 });
    bench.expectSent(publish('a', 2, 1, isV5 ? { properties: { messageExpiryInterval: 1 } } : {}));
    bench.receive(puback(2));
    expect([sent.outcome, queued.outcome]).toEqual(['acknowledged 0', undefined]);
  });
});

describe('a resumed session with a smaller quota', () => {
  test('sends each message once more when it is resumed again before all went out', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.publishAll('a1', 'b2', 'c1');
    bench.take();
    for (let times = 0; times < 2; times += 1) {
      bench.cut();
      bench.resume({ receiveMaximum: 1 });
      bench.expectFlow('publish a1 1 dup');
    }
    bench.cut();
    bench.resume();
    bench.expectFlow('publish a1 1 dup', 'publish b2 2 dup', 'publish c1 3 dup');
  });

  test('sends each message once as new when it is lost before all went out', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.publishAll('a1', 'b2', 'c1');
    bench.take();
    bench.cut();
    bench.resume({ receiveMaximum: 1 });
    bench.cut();
    bench.connect();
    bench.expectFlow('publish a1 4', 'publish b2 5', 'publish c1 6');
  });

  test('takes a late PUBACK or PUBREC for what still waits to be sent again', () => {
    const bench = new SessionBench();
    bench.connect();
    const all = bench.publishAll('a1', 'b1', 'c2');
    bench.take();
    bench.cut();
    bench.resume({ receiveMaximum: 1 });
    bench.expectFlow('publish a1 1 dup');
    bench.receive(puback(2), pubrec(3));
    bench.expectFlow('pubrel 3');
    bench.receive(puback(1), pubcomp(3));
    bench.expectNothingSent();
    expect(all.map(({ outcome }) => outcome)).toEqual(Array(3).fill('acknowledged 0'));
    bench.publishAll('d1', 'e1');
    // The quota is what it was: one.
    bench.expectFlow('publish d1 4');
  });

  test('counts the release of a message that was not sent again on this connection', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.publishAll('a1', 'b1', 'c2');
    bench.take();
    bench.cut();
    bench.resume({ receiveMaximum: 1 });
    bench.receive(pubrec(3));
    bench.expectFlow('publish a1 1 dup', 'pubrel 3');
    bench.receive(puback(1));
    bench.expectNothingSent();
    bench.receive(pubcomp(3));
    bench.expectFlow('publish b1 2 dup');
  });
});

describe('a message that is published the moment another one ends', () => {
  test('goes out after resends that waited for the same slot, though nothing is queued', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.publishAll('a1', 'b1');
    bench.take();
    bench.cut();
    bench.resume({ receiveMaximum: 1 });
    bench.expectFlow('publish a1 1 dup');
    bench.onOutcome = () => {
      bench.onOutcome = undefined;
      bench.publish('c', 1);
    };
    bench.receive(puback(1));
    bench.expectFlow('publish b1 2 dup');
    bench.receive(puback(2));
    bench.expectFlow('publish c 3');
  });

  test('goes out after what waited for the same slot: resends and the queue', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.publishAll('a1', 'b1');
    bench.take();
    bench.cut();
    bench.resume({ receiveMaximum: 1 });
    bench.publish('c1', 1);
    bench.onOutcome = () => {
      bench.onOutcome = undefined;
      bench.publish('answer', 1);
    };
    bench.receive(puback(1));
    bench.receive(puback(2));
    bench.receive(puback(3));
    bench.expectFlow('publish a1 1 dup', 'publish b1 2 dup', 'publish c1 3', 'publish answer 4');
  });

  test('goes out after what waits in the queue for a slot', () => {
    const bench = new SessionBench({ maxInflight: 1 });
    bench.connect();
    bench.publishAll('a1', 'b1');
    bench.onOutcome = () => {
      bench.onOutcome = undefined;
      bench.publish('answer', 1);
    };
    bench.receive(puback(1));
    bench.receive(puback(2));
    bench.expectFlow('publish a1 1', 'publish b1 2', 'publish answer 3');
  });
});

describe('MQTT 3.1, which does not say whether it resumed,', () => {
  test('is taken to have resumed when a session was asked for and there was one', () => {
    const bench = new SessionBench({ version: 3 });
    bench.connect();
    bench.publish('a', 1);
    bench.take();
    bench.cut();
    bench.connect();
    bench.expectFlow('publish a 1 dup');
    expect(bench.connections.map(({ sessionPresent }) => sessionPresent)).toEqual([false, true]);
  });

  test('starts anew with a clean session', () => {
    const bench = new SessionBench({ version: 3 });
    bench.connect({}, { clean: true });
    bench.publish('a', 1);
    bench.take();
    bench.cut();
    bench.connect({}, { clean: true });
    bench.expectFlow('publish a 2');
  });
});
