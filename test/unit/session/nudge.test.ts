import { describe, expect, test } from 'vitest';
import { puback, publish } from '../../support/packet-makers';
import { SessionBench } from '../../support/session-bench';

/** A link over TCP with so many publishes out, of which the server has acknowledged the first. */
function waiting(count = 3) {
  const bench = new SessionBench({ delayedAcks: true, maxInflight: 10 });
  bench.connect();
  bench.publishAll(...Array<string>(count).fill('t1'));
  bench.take();
  bench.receive(puback(1));
  return bench;
}

/** The client sleeps until the session wants to look at the clock. */
function wait(bench: SessionBench): number {
  const before = bench.now.monotonic;
  bench.pass(bench.session.deadline(bench.now) - before);
  bench.tick();
  return bench.now.monotonic - before;
}

describe('acknowledgements that TCP holds back', () => {
  test('are drawn out by a ping after a few silent milliseconds', () => {
    const bench = waiting();
    bench.expectNothingSent();
    expect(wait(bench)).toBe(2);
    bench.expectFlow('pingreq');
  });

  test('are asked for again when only some came', () => {
    const bench = waiting();
    wait(bench);
    bench.receive(puback(2), { type: 'pingresp' });
    expect(wait(bench)).toBe(2);
    bench.expectFlow('pingreq', 'pingreq');
  });

  test('are not asked for when all came', () => {
    const bench = waiting();
    bench.receive(puback(2), puback(3));
    expect(wait(bench)).toBeGreaterThan(20_000);
  });

  test('are not asked for before the first: nothing holds it back', () => {
    const bench = new SessionBench({ delayedAcks: true });
    bench.connect();
    bench.publishAll('a1', 'b1');
    expect(wait(bench)).toBeGreaterThan(20_000);
  });

  test('are not asked for when something else was sent, which confirms what came', () => {
    const bench = waiting();
    bench.publish('other', 0);
    expect(wait(bench)).toBeGreaterThan(20_000);
    const busy = new SessionBench({ delayedAcks: true, maxInflight: 2 });
    busy.connect();
    busy.publishAll('a1', 'b1', 'c1');
    busy.receive(puback(1));
    busy.expectFlow('publish a1 1', 'publish b1 2', 'publish c1 3');
    expect(wait(busy)).toBeGreaterThan(20_000);
  });

  test('are asked for less and less often of a server that is just slow', () => {
    const bench = waiting(10);
    const waits: number[] = [];
    for (let packetId = 2; packetId < 9; packetId += 1) {
      waits.push(wait(bench));
      bench.receive({ type: 'pingresp' });
      bench.receive(puback(packetId));
    }
    bench.expectFlow(...Array<string>(7).fill('pingreq'));
    expect(waits).toEqual([2, 4, 8, 16, 32, 64, 64]);
  });

  test('are asked for once while nothing but other packets come', () => {
    const bench = waiting();
    wait(bench);
    bench.expectFlow('pingreq');
    bench.receive({ type: 'pingresp' });
    bench.receive(publish('other'));
    expect(wait(bench)).toBeGreaterThan(20_000);
  });

  test('are waited for where the transport confirms at once, or hides how', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.publishAll('a1', 'b1');
    bench.receive(puback(1));
    expect(wait(bench)).toBeGreaterThan(20_000);
  });
});
