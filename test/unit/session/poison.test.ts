import { describe, expect, test } from 'vitest';
import { RefusedError } from '../../../src/errors';
import { disconnect, pingresp, puback, pubcomp, publish, pubrec } from '../../support/packet-makers';
import { SessionBench } from '../../support/session-bench';

function connected(options: ConstructorParameters<typeof SessionBench>[0] = {}): SessionBench {
  const bench = new SessionBench(options);
  bench.connect();
  return bench;
}

/** Ends two connections with all that was published on its way, and makes a third. */
function suspect(bench: SessionBench): void {
  for (let times = 0; times < 2; times += 1) {
    bench.take();
    bench.kill();
    bench.resume();
  }
}

describe('a message after which the server closes the connection', () => {
  test('three times in a row is rejected and removed; the last time after a ping and alone', () => {
    const bench = connected({ store: 'sync' });
    const bad = bench.publish('bad', 1);
    bench.expectFlow('publish bad 1');
    bench.kill();
    bench.resume();
    bench.expectFlow('publish bad 1 dup');
    bench.kill();
    bench.resume();
    const next = bench.publish('next', 1);
    bench.expectFlow('pingreq');
    bench.receive(pingresp);
    bench.expectFlow('publish bad 1 dup');
    expect(bad.outcome).toBeUndefined();
    bench.kill();
    expect(bad.outcome).toBe('failed poison');
    expect(bad.error).toBeInstanceOf(RefusedError);
    expect(bad.error?.message).toContain("'bad'");
    expect(bench.store.list('publish')).toMatchObject([{ topic: 'next' }]);
    bench.resume();
    bench.expectFlow('publish next 2');
    bench.receive(puback(2));
    expect(next.outcome).toBe('acknowledged 0');
  });

  test.each([0x81, 0x82, 0x90, 0x95, 0x99, 0x9a, 0x9b])(
    'with reason code %i is removed at once when nothing else was on its way',
    (reasonCode) => {
      const bench = connected();
      const bad = bench.publish('bad', 1);
      bench.receive(disconnect(reasonCode));
      expect(bad.outcome).toBe('failed poison');
      expect(bad.error).toMatchObject({ reasonCode });
      bench.resume();
      bench.expectNothingSent();
      expect(bench.session.counts.inFlight).toBe(0);
    },
  );

  test.each([0x00, 0x80, 0x83, 0x89, 0x8b, 0x8d, 0x8e, 0x93, 0x97, 0x98])(
    'with reason code %i, which says nothing of it, stays',
    (reasonCode) => {
      const bench = connected();
      const sent = bench.publish('good', 1);
      bench.receive(disconnect(reasonCode));
      expect(sent.outcome).toBeUndefined();
      bench.take();
      bench.resume();
      bench.expectFlow('publish good 1 dup');
    },
  );

  test.each([0x89, 0x8b, 0x8d, 0x9c, 0x9f, 0xa0])(
    'stays however often the server says %i, which has another cause',
    (reasonCode) => {
      const bench = connected();
      const sent = bench.publish('good', 1);
      bench.take();
      for (let times = 0; times < 5; times += 1) {
        bench.receive(disconnect(reasonCode));
        bench.take();
        bench.resume();
        // Nothing is suspected: no ping comes first.
        bench.expectFlow('publish good 1 dup');
      }
      expect(sent.outcome).toBeUndefined();
    },
  );

  test('is found among several: they go one at a time, each after a ping on its connection', () => {
    const bench = connected();
    const all = bench.publishAll('a1', 'bad1', 'c1');
    bench.take();
    bench.kill();
    bench.resume();
    expect(bench.take()).toHaveLength(3);
    bench.kill();
    const outcomes = () => all.map(({ outcome }) => outcome);
    bench.resume();
    bench.expectFlow('pingreq');
    bench.receive(pingresp);
    bench.expectFlow('publish a1 1 dup');
    bench.receive(puback(1));
    for (let times = 0; times < 3; times += 1) {
      bench.expectFlow('publish bad1 2 dup');
      expect(outcomes()).toEqual(['acknowledged 0', undefined, undefined]);
      bench.kill();
      bench.resume();
      bench.expectFlow('pingreq');
      bench.receive(pingresp);
    }
    expect(outcomes()).toEqual(['acknowledged 0', 'failed poison', undefined]);
    bench.expectFlow('publish c1 3 dup');
    bench.receive(puback(3));
    expect(outcomes()).toEqual(['acknowledged 0', 'failed poison', 'acknowledged 0']);
    // Nobody is suspected any more.
    bench.publishAll('d1', 'e1');
    bench.expectFlow('publish d1 4', 'publish e1 5');
  });

  test('of QoS 2 does not hold up those after it once it is innocent', () => {
    const bench = connected();
    bench.publishAll('a2', 'b1', 'c1');
    suspect(bench);
    bench.receive(pingresp);
    bench.expectFlow('pingreq', 'publish a2 1 dup');
    bench.receive(pubrec(1), pubcomp(1));
    bench.expectFlow('pubrel 1', 'publish b1 2 dup');
    bench.receive(puback(2));
    bench.expectFlow('publish c1 3 dup');
  });

  test('does not make the connection end sooner than any other: the answer may wait behind a large message', () => {
    const bench = connected();
    bench.publishAll('a1', 'b1');
    suspect(bench);
    bench.expectFlow('pingreq');
    for (let seconds = 0; seconds < 20; seconds += 1) {
      bench.pass(1_000);
      bench.tick();
    }
    bench.receive(publish('large'), pingresp, puback(1));
    bench.expectFlow('publish a1 1 dup', 'publish b1 2 dup');
    expect(bench.session.isConnected).toBe(true);
  });

  test('that was acknowledged before it was sent again does not hold up others', () => {
    const bench = connected();
    bench.publishAll('a1', 'b1', 'c1');
    suspect(bench);
    // Late answers to what the connection before it carried.
    bench.receive(puback(1), pingresp);
    bench.expectFlow('pingreq', 'publish b1 2 dup');
    bench.receive(puback(2));
    bench.expectFlow('publish c1 3 dup');
  });

  test('leaves nothing to look at the clock for when the connection ends before the ping is answered', () => {
    const bench = connected();
    bench.publish('a', 1);
    for (let times = 0; times < 3; times += 1) {
      if (times > 0) bench.resume();
      if (times < 2) bench.kill();
    }
    expect(bench.session.deadline(bench.now)).toBe(bench.now.monotonic + 1_000);
    bench.kill();
    expect(bench.session.deadline(bench.now)).toBe(Number.POSITIVE_INFINITY);
  });

  test('is found among several at once when a reason code names it', () => {
    const bench = connected();
    const all = bench.publishAll('a1', 'bad1');
    bench.receive(disconnect(0x99));
    bench.take();
    bench.resume();
    bench.expectFlow('pingreq');
    bench.receive(pingresp);
    bench.expectFlow('publish a1 1 dup');
    bench.receive(puback(1));
    bench.expectFlow('publish bad1 2 dup');
    bench.receive(disconnect(0x99));
    expect(all.map(({ outcome }) => outcome)).toEqual(['acknowledged 0', 'failed poison']);
  });

  test('is not sent before the server has answered the ping; an end before that says nothing', () => {
    const bench = connected();
    const sent = bench.publish('t', 1);
    for (let times = 0; times < 2; times += 1) {
      bench.kill();
      bench.resume();
    }
    for (let times = 0; times < 10; times += 1) {
      bench.expectFlow('pingreq');
      bench.kill();
      bench.resume();
    }
    expect(sent.outcome).toBeUndefined();
    bench.receive(pingresp);
    bench.expectFlow('pingreq', 'publish t 1 dup');
    bench.receive(puback(1));
    expect(sent.outcome).toBe('acknowledged 0');
  });

  test('is found although the server answers no ping, once the connection has stood for a second', () => {
    const bench = connected();
    const bad = bench.publish('bad', 1);
    for (let times = 0; times < 2; times += 1) {
      bench.kill();
      bench.resume();
    }
    bench.take();
    bench.pass(999);
    bench.tick();
    bench.expectNothingSent();
    expect(bench.session.deadline(bench.now) - bench.now.monotonic).toBe(1);
    bench.pass(1);
    bench.tick();
    bench.expectFlow('publish bad 1 dup');
    bench.kill();
    expect(bad.outcome).toBe('failed poison');
  });

  test('is innocent when it was acknowledged, or its PUBREC came', () => {
    const bench = connected();
    const [first, second] = bench.publishAll('a1', 'b2');
    bench.receive(pubrec(2));
    bench.take();
    for (let times = 0; times < 5; times += 1) {
      bench.kill();
      bench.resume();
      if (bench.wire.some(({ type }) => type === 'pingreq')) bench.receive(pingresp);
    }
    // `a1` was the only PUBLISH on its way each time; `b2` only had a PUBREL.
    expect([first?.outcome, second?.outcome]).toEqual(['failed poison', undefined]);
    bench.receive(pubcomp(2));
    expect(second?.outcome).toBe('acknowledged 0');
  });

  test('is innocent when the connection stood for a while after it', () => {
    const bench = connected();
    const sent = bench.publish('t', 1);
    for (let times = 0; times < 10; times += 1) {
      bench.take();
      bench.cut();
      bench.resume();
      bench.expectFlow('publish t 1 dup');
    }
    expect(sent.outcome).toBeUndefined();
  });

  test('is innocent of a silence, however soon it comes', () => {
    const bench = new SessionBench();
    bench.connect({}, { keepAlive: 1 });
    const sent = bench.publish('t', 1);
    for (let times = 0; times < 5; times += 1) {
      for (let looks = 0; looks < 2; looks += 1) {
        bench.pass(1_000);
        bench.tick();
      }
      expect(bench.lastEnd().by).toBe('silence');
      bench.connect({ sessionPresent: true }, { keepAlive: 1 });
      // Not suspected either.
      bench.expectFlow('publish t 1 dup');
    }
    expect(sent.outcome).toBeUndefined();
  });

  test('is innocent while it waits for the store, whatever the server says', () => {
    const bench = connected({ store: 'manual' });
    bench.commit();
    const sent = bench.publish('good', 1);
    bench.expectNothingSent();
    bench.receive(disconnect(0x82));
    expect(sent.outcome).toBeUndefined();
    bench.commit();
    bench.resume();
    bench.expectFlow('publish good 1');
  });

  test('is innocent of an end by us, or before CONNACK', () => {
    const bench = connected();
    const sent = bench.publish('t', 1);
    for (let times = 0; times < 5; times += 1) {
      bench.receive(publish('x'), { type: 'connack', sessionPresent: false, reasonCode: 0 });
      expect(bench.lastEnd().by).toBe('us');
      bench.open();
      bench.kill();
      bench.resume();
    }
    expect(sent.outcome).toBeUndefined();
    bench.take();
    bench.kill();
    bench.resume();
    // That was the first end that may be its doing.
    bench.expectFlow('publish t 1 dup');
  });

  test('counts ends in a row only', () => {
    const bench = connected();
    const sent = bench.publish('t', 1);
    const resume = () => {
      bench.resume();
      // So that the message is on its way on each connection, suspected or not.
      if (bench.take().some(({ type }) => type === 'pingreq')) bench.receive(pingresp);
      bench.take();
    };
    for (let times = 0; times < 5; times += 1) {
      bench.kill();
      resume();
      bench.cut();
      resume();
    }
    expect(sent.outcome).toBeUndefined();
  });

  test('counts anew after its PUBREC, when a lost session sends it again', () => {
    const bench = connected();
    const sent = bench.publish('t', 2);
    for (let times = 0; times < 2; times += 1) {
      bench.kill();
      bench.resume();
    }
    bench.receive(pingresp);
    bench.receive(pubrec(1));
    bench.cut();
    bench.connect();
    bench.expectFlow('publish t 2');
    bench.kill();
    expect(sent.outcome).toBeUndefined();
  });

  test('of several with progress in between is not looked for', () => {
    const bench = connected({ maxInflight: 2 });
    const all = bench.publishAll(...Array.from({ length: 12 }, (_, index) => `${index}1`));
    for (let next = 1; next <= 10; next += 1) {
      bench.receive(puback(next));
      bench.take();
      bench.kill();
      bench.resume();
      expect(bench.take().map(({ type }) => type)).toEqual(['publish', 'publish']);
    }
    expect(all.filter(({ outcome }) => outcome !== undefined)).toHaveLength(10);
  });

  test('is found although each connection is a new session, which sends again what had its PUBREC', () => {
    const bench = connected({ version: 4 });
    const all = bench.publishAll('good2', 'bad2', 'next2');
    /** The server reads until it comes to what it cannot stand. */
    const serve = () => {
      for (let packets = bench.take(); packets.length > 0; packets = bench.take()) {
        for (const packet of packets) {
          if (packet.type === 'pingreq') bench.receive(pingresp);
          if (packet.type !== 'publish') continue;
          if (packet.topic === 'bad2') return;
          bench.receive(pubrec(packet.packetId ?? 0));
        }
      }
    };
    for (let times = 0; times < 6; times += 1) {
      serve();
      bench.kill();
      bench.connect();
    }
    expect(all.map(({ outcome }) => outcome)).toEqual([undefined, 'failed poison', undefined]);
  });

  test('of QoS 2 is removed, and only a clean start frees its identifier', () => {
    const bench = connected({ store: 'sync' });
    const bad = bench.publish('bad', 2);
    const good = bench.publish('good', 1);
    bench.receive(puback(2));
    bench.receive(disconnect(0x95));
    expect([bad.outcome, good.outcome]).toEqual(['failed poison', 'acknowledged 0']);
    expect(bench.session.needsCleanStart).toBe(true);
    // The page may die before that.
    bench.crash();
    expect(bench.session.needsCleanStart).toBe(true);
    // A connection that asks for none leaves the need.
    bench.resume();
    expect(bench.session.needsCleanStart).toBe(true);
    bench.cut();
    bench.connect({}, { clean: true });
    bench.expectNothingSent();
    expect(bench.session.needsCleanStart).toBe(false);
    expect(bench.store.list('session')).toMatchObject([{ kind: 'session', cleanStart: undefined }]);
  });

  test('of QoS 1 needs no clean start', () => {
    const bench = connected();
    bench.publish('bad', 1);
    bench.receive(disconnect(0x95));
    expect(bench.session.needsCleanStart).toBe(false);
  });

  test('of an earlier page is told to who listens for those', () => {
    const bench = connected({ store: 'sync' });
    bench.publish('bad', 1, { key: 'k' });
    bench.cut();
    bench.crash();
    bench.resume();
    bench.receive(disconnect(0x99));
    expect(bench.settled).toMatchObject([{ key: 'k', error: { code: 'poison' } }]);
    expect(bench.store.list('publish')).toEqual([]);
  });

  test('does not hold back PUBRELs, SUBSCRIBEs and QoS 0 while it is looked for', () => {
    const bench = connected();
    bench.publishAll('a2', 'b1');
    bench.receive(pubrec(1));
    bench.kill();
    bench.resume();
    bench.kill();
    bench.publish('c', 0);
    bench.subscribe('f');
    bench.resume();
    bench.expectFlow('subscribe 3 f', 'pubrel 1', 'publish c', 'pingreq');
  });
});
