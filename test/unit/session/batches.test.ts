import { describe, expect, test, vi } from 'vitest';
import { ConnectionError } from '../../../src/errors';
import { connack, puback, pubcomp, publish, pubrec, pubrel, suback } from '../../support/packet-makers';
import { SessionBench } from '../../support/session-bench';

const closed = new ConnectionError('closed', 'closed');

function connected(options: ConstructorParameters<typeof SessionBench>[0] = {}): SessionBench {
  const bench = new SessionBench({ store: 'manual', ...options });
  bench.connect();
  bench.commit();
  bench.batches.splice(0);
  return bench;
}

/** Operations of the last batch that has any. */
function lastWrite({ batches }: SessionBench) {
  return batches.filter(({ operations }) => operations.length > 0).at(-1)?.operations ?? [];
}

describe('a batch', () => {
  test('holds the records of a publish, whose bytes leave once they are durable', () => {
    const bench = connected();
    const sent = bench.publish('a', 2, { text: 'x', key: 'k' });
    bench.expectNothingSent();
    expect(sent.accepted).toBe(false);
    expect(bench.batches).toHaveLength(1);
    expect(bench.batches[0]?.operations).toMatchObject([
      { type: 'put', record: { kind: 'publish', id: 1, packetId: 1, topic: 'a', qos: 2, key: 'k' } },
    ]);
    bench.commit();
    expect(sent.accepted).toBe(true);
    bench.expectSent(publish('a', 1, 2, { text: 'x' }));
  });

  test('saves the release before PUBREL, and removes both records before the identifier is free', () => {
    const bench = connected();
    bench.publish('a', 2);
    bench.commit();
    bench.take();
    bench.receive(pubrec(1));
    bench.expectNothingSent();
    expect(bench.store.list('release')).toEqual([]);
    bench.commit();
    bench.expectSent(pubrel(1));
    expect(bench.store.list('release')).toEqual([{ kind: 'release', id: 1, order: 1 }]);
    bench.receive(pubcomp(1));
    bench.commit();
    expect(bench.store.list('release')).toEqual([]);
    expect(bench.store.list('publish')).toEqual([]);
  });

  test('is one a turn, however much a turn does', () => {
    const bench = connected();
    bench.turn(() => {
      bench.publishAll('a1', 'b2', 'c0');
      bench.receive(publish('in', 9, 2));
      bench.acknowledge();
    });
    expect(bench.batches).toHaveLength(1);
    expect(bench.batches[0]?.operations).toHaveLength(3);
    bench.commit();
    bench.expectFlow('publish a1 1', 'publish b2 2', 'publish c0', 'pubrec 9');
  });

  test('is none when there is nothing to do', () => {
    const bench = connected();
    bench.receive(puback(77), publish('t'));
    expect(bench.batches).toEqual([]);
  });

  test('without store operations overtakes those that wait: PINGREQ, QoS 0, PUBACK, SUBSCRIBE, DISCONNECT', () => {
    const bench = connected();
    // Its Subscription Identifier is saved the first time.
    bench.subscribe('f');
    bench.commit();
    bench.take();
    bench.publish('waits', 1);
    bench.turn(() => bench.session.probe(bench.now));
    bench.publish('b', 0);
    bench.receive(publish('in', 9));
    bench.acknowledge();
    bench.subscribe('f');
    bench.session.disconnect(0, undefined, closed);
    bench.expectFlow('pingreq', 'publish b', 'puback 9', 'subscribe 3 f', 'disconnect');
  });

  test('with acknowledgements does not overtake one that has some, too', () => {
    const bench = connected();
    bench.receive(publish('a', 7), publish('b', 8), publish('c', 9));
    bench.turn(() => {
      bench.acknowledge(0);
      bench.publish('x', 1);
    });
    bench.acknowledge(1);
    bench.expectNothingSent();
    bench.commit();
    bench.expectFlow('puback 7', 'publish x 1', 'puback 8');
    // Nothing waits any more, so the next leaves at once.
    bench.publish('y', 1);
    bench.acknowledge(2);
    bench.expectFlow('puback 9');
  });

  test('with acknowledgements does not overtake one that has some among other packets', () => {
    const bench = connected();
    bench.receive(publish('a', 7), publish('b', 8));
    bench.turn(() => {
      bench.acknowledge(0);
      bench.publishAll('x1', 'y0');
    });
    bench.acknowledge(1);
    bench.expectNothingSent();
    bench.commit();
    bench.expectFlow('puback 7', 'publish x1 1', 'publish y0', 'puback 8');
  });

  test('with PUBCOMP waits until its identifier is removed, though that was begun for a link that is gone', () => {
    const bench = connected();
    bench.receive(publish('a', 7, 2));
    bench.acknowledge();
    bench.commit();
    bench.take();
    // PUBREL and the end come in one turn: the first PUBCOMP is never written.
    bench.turn(() => {
      bench.receive(pubrel(7));
      bench.cut();
    });
    bench.open();
    bench.receive(connack({ sessionPresent: true }), pubrel(7));
    bench.expectFlow('connect');
    bench.commit();
    bench.expectFlow('pubcomp 7 0x92');
  });

  test('with PUBCOMP waits until its identifier is removed, though the store failed to do it at first', () => {
    const bench = connected();
    bench.receive(publish('a', 7, 2));
    bench.acknowledge();
    bench.commit();
    bench.take();
    bench.receive(pubrel(7));
    bench.failCommit();
    bench.take();
    bench.open();
    bench.receive(connack({ sessionPresent: true }), pubrel(7));
    bench.expectFlow('connect');
    expect(bench.store.list('incoming')).toHaveLength(1);
    bench.commit();
    expect(bench.store.list('incoming')).toEqual([]);
    bench.expectFlow('pubcomp 7 0x92');
  });

  test('with QoS 0 does not overtake one that has some, too', () => {
    const bench = connected();
    bench.publishAll('a0', 'b1');
    bench.publish('c', 0);
    bench.turn(() => bench.session.outgoing.publishNow('d', new Uint8Array(0), false, undefined));
    bench.expectNothingSent();
    bench.commit();
    bench.expectFlow('publish a0', 'publish b1 1', 'publish c', 'publish d');
  });

  test('with a request does not overtake one that has some, too', () => {
    const bench = connected();
    bench.turn(() => {
      bench.subscribe('f', { qos: 1 });
      bench.publish('a', 1);
    });
    bench.unsubscribe('f');
    bench.expectNothingSent();
    bench.commit();
    bench.expectFlow('subscribe 1 f', 'publish a 2', 'unsubscribe 3 f');
  });

  test('of a new session does not overtake the one that discards the old, but for pings and DISCONNECT', () => {
    const bench = connected();
    bench.publish('a', 1);
    bench.commit();
    bench.cut();
    bench.open();
    bench.accept();
    bench.publish('b', 0);
    bench.subscribe('f');
    bench.receive(publish('in', 9));
    bench.acknowledge();
    bench.turn(() => bench.session.probe(bench.now));
    bench.expectFlow('connect', 'pingreq');
    bench.commit();
    bench.expectFlow('publish a 2', 'publish b', 'subscribe 3 f', 'puback 9');
  });

  test('with a PUBCOMP for an identifier that is not removed yet waits for that', () => {
    const bench = connected();
    bench.receive(publish('a', 7, 2));
    bench.acknowledge();
    bench.commit();
    bench.take();
    bench.receive(pubrel(7));
    bench.receive(pubrel(7));
    bench.expectNothingSent();
    bench.commit();
    bench.expectFlow('pubcomp 7', 'pubcomp 7 0x92');
  });

  test('with a second PUBREL for a release that is not saved yet waits for that', () => {
    const bench = connected();
    bench.publish('a', 2);
    bench.commit();
    bench.take();
    bench.receive(pubrec(1));
    bench.receive(pubrec(1));
    bench.expectNothingSent();
    bench.commit();
    bench.expectFlow('pubrel 1', 'pubrel 1');
  });

  test('with a second PUBREC for an identifier that is not saved yet waits for that', () => {
    const bench = connected();
    bench.receive(publish('a', 7, 2));
    bench.acknowledge();
    bench.receive(publish('a', 7, 2, { dup: true }));
    bench.expectNothingSent();
    bench.commit();
    bench.expectFlow('pubrec 7', 'pubrec 7');
  });

  test('with a resend waits for the record of its first send', () => {
    const bench = connected();
    bench.publish('a', 2);
    bench.publish('b', 2);
    bench.commit(1);
    bench.receive(pubrec(1));
    bench.cut();
    bench.open();
    bench.accept({ sessionPresent: true });
    bench.expectFlow('connect');
    bench.commit();
    bench.expectFlow('pubrel 1', 'publish b 2');
  });

  test('belongs to its link: its bytes are not written to another one', () => {
    const bench = connected();
    bench.publish('a', 1);
    bench.cut();
    bench.open();
    expect(bench.batches.at(-1)?.frames).toHaveLength(1);
    bench.commit();
    bench.expectFlow('connect');
  });

  test('of a session that nobody can restore holds no records', () => {
    const bench = new SessionBench({ store: 'none' });
    bench.connect();
    const sent = bench.publish('a', 2);
    // Accepted at the call: memory is durable at once.
    expect(sent.accepted).toBe(true);
    bench.receive(pubrec(1), pubcomp(1), publish('b', 7, 2));
    bench.acknowledge();
    bench.receive(pubrel(7));
    bench.subscribe('f');
    bench.receive(suback(2, 0));
    bench.unsubscribe('f');
    bench.cut();
    bench.connect();
    expect(bench.batches.every(({ operations }) => operations.length === 0)).toBe(true);
  });
});

describe('a batch that cannot be written', () => {
  test('refuses its new messages, ends the link, and keeps nothing of them', () => {
    const bench = connected();
    const refused = bench.publish('a', 1);
    const error = bench.failCommit();
    expect(refused.error).toBe(error);
    expect(refused.accepted).toBe(false);
    bench.expectFlow('disconnect 0x83');
    expect(bench.lastEnd()).toMatchObject({ by: 'us', error });
    bench.commit();
    expect(bench.store.list('publish')).toEqual([]);
    expect(bench.session.counts).toMatchObject({ inFlight: 0, queued: 0, queuedBytes: 0 });
    bench.resume();
    bench.expectNothingSent();
    // The identifier never left, so it is free.
    bench.publish('b', 1);
    bench.commit();
    bench.expectFlow('publish b 2');
  });

  test('carries the rest over to the next', () => {
    const bench = connected();
    bench.publish('a', 2);
    bench.commit();
    bench.receive(publish('in', 7, 2));
    bench.turn(() => {
      bench.receive(pubrec(1));
      bench.acknowledge();
      bench.publish('refused', 1);
    });
    bench.failCommit();
    bench.commit();
    expect(bench.store.list('release')).toHaveLength(1);
    expect(bench.store.list('incoming')).toHaveLength(1);
    expect(bench.store.list('publish')).toMatchObject([{ topic: 'a' }]);
    bench.resume();
    bench.commit();
    expect(bench.take().at(-1)).toMatchObject({ type: 'pubrel', packetId: 1 });
  });

  test('of a new message costs no look at all that wait', () => {
    const bench = new SessionBench({ store: 'manual' });
    bench.publishAll('a1', 'b1');
    bench.commit();
    const looks = vi.spyOn(bench.session.outgoing, 'pending');
    const refused = bench.publish('c', 1);
    bench.failCommit();
    expect(refused.outcome).toBe('failed store-failed');
    expect(looks).not.toHaveBeenCalled();
    bench.commit();
    expect(bench.store.list('publish').map(({ topic }) => topic)).toEqual(['a1', 'b1']);
  });

  test('does not undo what later batches wrote', () => {
    const bench = connected();
    bench.publish('a', 2);
    bench.commit();
    bench.receive(pubrec(1));
    bench.receive(pubcomp(1));
    // The release could not be written; the end of the flow is in the store before that is known.
    expect(bench.waiting).toBe(2);
    bench.failCommit();
    bench.commit();
    expect(bench.store.list('release')).toEqual([]);
    expect(bench.store.list('publish')).toEqual([]);
  });

  test('refuses a message that was queued by it and sent by a later one', () => {
    const bench = new SessionBench({ store: 'manual' });
    const refused = bench.publish('a', 1);
    bench.open();
    bench.accept();
    expect(bench.waiting).toBe(2);
    const error = bench.failCommit();
    expect(refused.error).toBe(error);
    bench.commit();
    expect(bench.store.list('publish')).toEqual([]);
    expect(bench.wire.map(({ type }) => type)).toEqual(['connect', 'disconnect']);
  });

  test('refuses a message that the server claims to have released, without a PUBREL for it', () => {
    const bench = connected();
    bench.publish('a', 2);
    // The bytes never left; the server guessed the identifier.
    bench.receive(pubrec(1));
    bench.failCommit();
    bench.commit();
    bench.resume();
    bench.commit();
    bench.expectNothingSent();
    expect(bench.session.counts.inFlight).toBe(0);
    expect(bench.store.list('release')).toEqual([]);
  });

  test('keeps a withdrawn message withdrawn', () => {
    const bench = new SessionBench({ store: 'manual' });
    const gone = bench.publish('a', 1);
    bench.withdraw(gone);
    bench.failCommit();
    bench.commit();
    expect(gone.outcome).toBeUndefined();
    expect(bench.store.list('publish')).toEqual([]);
  });

  test('again and again is carried over each time', () => {
    const bench = connected();
    bench.publish('a', 2);
    bench.commit();
    bench.receive(pubrec(1));
    for (let times = 0; times < 3; times += 1) bench.failCommit();
    bench.commit();
    expect(bench.store.list('release')).toHaveLength(1);
  });

  test('again and again does not grow: one operation for each record that the store may have to change', () => {
    const bench = connected();
    bench.publishAll('a1', 'b1');
    bench.commit();
    bench.cut();
    // A new session: both records are written anew.
    bench.connect();
    const sizes = new Set<number>();
    for (let times = 0; times < 10; times += 1) {
      bench.publish('refused', 1);
      bench.failCommit(bench.waiting);
      sizes.add(lastWrite(bench).length);
    }
    expect([...sizes]).toEqual([2]);
    bench.commit();
    expect(bench.store.list('publish')).toMatchObject([{ topic: 'a1' }, { topic: 'b1' }]);
  });

  test('removes what it may have written all the same', () => {
    const bench = connected();
    bench.publish('refused', 1);
    bench.failCommit(1, true);
    expect(bench.store.list('publish')).toHaveLength(1);
    bench.commit();
    expect(bench.store.list('publish')).toEqual([]);
  });

  test('together with others is stated anew once for all of them', () => {
    const bench = connected();
    bench.subscribe('f');
    bench.receive(suback(1, 1));
    bench.receive(publish('in', 7, 2));
    bench.acknowledge();
    for (let times = 0; times < 5; times += 1) bench.publish('refused', 1);
    bench.failCommit(bench.waiting);
    expect(lastWrite(bench)).toMatchObject([
      { type: 'put', record: { kind: 'session', lastIdentifier: 1 } },
      { type: 'put', record: { kind: 'incoming', id: 7 } },
      { type: 'put', record: { kind: 'subscription', id: 'f' } },
    ]);
  });
});

describe('the store', () => {
  test('holds exactly what the session knows, whenever it is done', () => {
    const bench = new SessionBench({ store: 'sync', maxInflight: 2 });
    const check = () => {
      const key = ({ kind, id }: { kind: string; id: number | string }) => `${kind} ${id}`;
      const sorted = <Item extends { kind: string; id: number | string }>(items: Item[]) =>
        items.sort((one, other) => (key(one) < key(other) ? -1 : 1));
      expect(sorted(bench.store.all())).toEqual(sorted([...bench.session.records()]));
    };
    const steps = [
      () => bench.publishAll('a1', 'b2', 'c2', 'd0', 'e1'),
      () => bench.connect(),
      () => bench.receive(puback(1)),
      () => bench.receive(pubrec(2)),
      () => bench.receive(publish('in', 7, 2)),
      () => bench.acknowledge(),
      () => bench.subscribe(['f', 'g']),
      () => bench.receive(suback(4, 0), suback(5, 1)),
      () => bench.unsubscribe('f'),
      () => bench.cut(),
      () => bench.resume(),
      () => bench.receive(pubcomp(2)),
      () => bench.cut(),
      () => bench.connect(),
      () => bench.crash(),
      () => bench.connect({ sessionPresent: true }),
      () => bench.cut(),
      () => bench.session.abandon(() => closed, closed, true),
      () => bench.flush(),
    ];
    for (const step of steps) {
      step();
      check();
    }
    expect(bench.store.list('publish').length).toBeGreaterThan(0);
    bench.session.abandon(() => closed, closed, false);
    bench.flush();
    expect(bench.store.all()).toEqual([]);
  });
});
