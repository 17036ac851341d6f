/** When a session pings, and when it holds the server for dead [v5 3.1.2.10, 3.2.2.3.14, v3 3.1.2.10]. */

import { describe, expect, test } from 'vitest';
import { connect, pingreq, pingresp, publish } from '../../support/packet-makers';
import { SessionBench } from '../../support/session-bench';

/** Lets the session look at the clock whenever it wants to, for so long; the server answers pings. */
function idle(bench: SessionBench, seconds: number): void {
  const end = bench.now.monotonic + seconds * 1_000;
  let looks = 0;
  for (let due = bench.session.deadline(bench.now); due <= end; due = bench.session.deadline(bench.now)) {
    bench.pass(due - bench.now.monotonic);
    bench.tick();
    looks += 1;
    if (looks > 1_000) throw new Error('It looks at the clock without end');
    if (bench.wire.at(-1)?.type === 'pingreq') bench.receive(pingresp);
  }
  bench.pass(end - bench.now.monotonic);
}

describe('keep alive', () => {
  test('pings an idle server within the interval [v5 MQTT-3.1.2-20, v3 MQTT-3.1.2-23]', () => {
    for (const version of [5, 4, 3] as const) {
      const bench = new SessionBench({ version });
      bench.connect({}, { keepAlive: 60 });
      idle(bench, 40);
      bench.expectSent(pingreq);
      idle(bench, 60);
      bench.expectSent(pingreq, pingreq, pingreq);
      expect(bench.session.isConnected).toBe(true);
    }
  });

  test('of 0 sends no ping [v5 MQTT-3.1.2-20]', () => {
    const bench = new SessionBench();
    bench.connect({}, { keepAlive: 0 });
    expect(bench.session.deadline(bench.now)).toBe(Number.POSITIVE_INFINITY);
    bench.pass(1e9);
    bench.tick();
    bench.expectNothingSent();
  });

  test("is the server's when CONNACK gives one, shorter, longer or 0 [v5 MQTT-3.1.2-21, v5 MQTT-3.2.2-21]", () => {
    for (const [asked, given, pings] of [
      [60, 10, 14],
      [10, 60, 2],
      [60, 0, 0],
      [0, 10, 14],
    ] as const) {
      const bench = new SessionBench();
      bench.connect({ serverKeepAlive: given }, { keepAlive: asked });
      expect(bench.session.limits?.keepAlive).toBe(given);
      idle(bench, 59);
      expect(bench.take()).toEqual(Array(pings).fill(pingreq));
    }
  });

  test("does not take the server's for the next connection", () => {
    const bench = new SessionBench();
    bench.connect({ serverKeepAlive: 0 }, { keepAlive: 60 });
    bench.cut();
    bench.connect({ sessionPresent: true }, { keepAlive: 60 });
    expect(bench.session.deadline(bench.now)).toBe(bench.now.monotonic + 24_000);
  });

  test('sends no ping while other packets go out', () => {
    const bench = new SessionBench();
    bench.connect({}, { keepAlive: 60 });
    for (let minute = 0; minute < 2; minute += 0.25) {
      idle(bench, 15);
      bench.publish('t');
      bench.receive(publish('in'));
    }
    expect(bench.take().every(({ type }) => type === 'publish')).toBe(true);
  });

  test('counts from what left, not from what waits for the store', () => {
    const bench = new SessionBench({ store: 'manual' });
    bench.connect({}, { keepAlive: 60 });
    bench.commit();
    bench.publish('a', 1);
    bench.pass(30_000);
    bench.tick();
    // PINGREQ overtakes the publish.
    bench.expectSent(pingreq);
  });

  test('is not put off by what only the store gets', () => {
    const bench = new SessionBench({ store: 'sync', maxInflight: 1 });
    bench.connect({}, { keepAlive: 10 });
    bench.publish('sent', 1);
    bench.take();
    for (let second = 0; second < 4; second += 1) {
      bench.pass(1_000);
      bench.publish('waits', 1);
      bench.tick();
    }
    bench.expectSent(pingreq);
  });

  test('ends the link without a word when the server does not answer', () => {
    const bench = new SessionBench();
    bench.connect({}, { keepAlive: 60 });
    bench.pass(30_000);
    bench.tick();
    bench.pass(30_000);
    bench.tick();
    bench.expectSent(pingreq);
    expect(bench.lastEnd()).toMatchObject({ by: 'silence', flush: false, wasConnected: true });
    expect(bench.lastEnd().error.code).toBe('keep-alive');
  });

  test('waits longer on each link after one that died without an answer, until one was answered as soon as usual', () => {
    const bench = new SessionBench();
    /** Seconds that the link lasts from here on. */
    const dies = () => {
      const ends = bench.ends.length;
      let seconds = 0;
      for (; bench.ends.length === ends && seconds < 600; seconds += 1) silent(1);
      return seconds;
    };
    const silent = (seconds: number) => {
      for (let second = 0; second < seconds; second += 1) {
        bench.pass(1_000);
        bench.tick();
      }
    };
    const lives: number[] = [];
    for (let link = 0; link < 2; link += 1) {
      bench.connect({}, { keepAlive: 10 });
      lives.push(dies());
    }
    bench.connect({}, { keepAlive: 10 });
    silent(6);
    bench.receive(pingresp);
    dies();
    bench.connect({}, { keepAlive: 10 });
    expect([...lives, dies()]).toEqual([9, 21, 9]);
  });

  test('does not begin before CONNACK', () => {
    const bench = new SessionBench();
    bench.open({ keepAlive: 10 });
    bench.pass(60_000);
    bench.tick();
    bench.expectSent(connect({ keepAlive: 10 }));
    expect(bench.session.deadline(bench.now)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a probe', () => {
  test('pings at once, once, and waits a second and a half', () => {
    const bench = new SessionBench();
    bench.connect({}, { keepAlive: 600 });
    bench.turn(() => bench.session.probe(bench.now));
    bench.turn(() => bench.session.probe(bench.now));
    bench.expectSent(pingreq);
    expect(bench.session.deadline(bench.now)).toBe(bench.now.monotonic + 1_500);
    bench.receive(pingresp);
    expect(bench.session.deadline(bench.now)).toBe(bench.now.monotonic + 240_000);
    bench.turn(() => bench.session.probe(bench.now));
    bench.pass(1_500);
    bench.tick();
    expect(bench.lastEnd().by).toBe('silence');
  });

  test('follows a sleep, which is told', () => {
    const bench = new SessionBench();
    bench.connect({}, { keepAlive: 60 });
    bench.pass(0, 3_600_000);
    expect(bench.session.deadline(bench.now)).toBe(bench.now.monotonic);
    bench.tick();
    bench.expectSent(pingreq);
    expect(bench.sleeps).toBe(1);
    expect(bench.session.deadline(bench.now)).toBe(bench.now.monotonic + 1_500);
  });

  test('does nothing without a connection', () => {
    const bench = new SessionBench();
    bench.turn(() => bench.session.probe(bench.now));
    bench.open();
    bench.take();
    bench.turn(() => bench.session.probe(bench.now));
    bench.expectNothingSent();
  });
});
