import { describe, expect, test } from 'vitest';
import { RefusedError } from '../../../src/errors';
import { disconnect, pingresp, puback, suback } from '../../support/packet-makers';
import { SessionBench } from '../../support/session-bench';

function connected(options: ConstructorParameters<typeof SessionBench>[0] = {}): SessionBench {
  const bench = new SessionBench(options);
  bench.connect();
  return bench;
}

/** The link ends at once, and the next one resumes the session. */
function killAndResume(bench: SessionBench): void {
  bench.kill();
  bench.resume();
}

describe('a request after which the server closes the connection', () => {
  test('three times in a row is refused, the last time after a ping and alone', () => {
    const bench = connected();
    const bad = bench.subscribe('bad');
    bench.expectFlow('subscribe 1 bad');
    killAndResume(bench);
    bench.expectFlow('subscribe 2 bad');
    killAndResume(bench);
    bench.expectFlow('pingreq');
    const other = bench.subscribe('other');
    bench.expectFlow('subscribe 3 other');
    bench.receive(suback(3, 0), pingresp);
    expect(other.outcomes).toEqual([0]);
    bench.expectFlow('subscribe 4 bad');
    expect(bad.outcomes).toBeUndefined();
    killAndResume(bench);
    expect(bad.outcomes).toMatchObject([{ code: 'poison', reasonCode: 0x80 }]);
    const [error] = bad.outcomes as [RefusedError];
    expect(error).toBeInstanceOf(RefusedError);
    expect(error.message).toContain('whenever this SUBSCRIBE');
    expect(error.message).toContain("'bad'");
    expect(bench.session.subscriptions.get('bad')).toBeUndefined();
    bench.expectNothingSent();
    // Nobody is suspected any more.
    bench.subscribe(['c', 'd']);
    bench.publishAll('e1', 'f1');
    bench.expectFlow('subscribe 5 c', 'subscribe 6 d', 'publish e1 7', 'publish f1 8');
  });

  test('has the reason code of the last DISCONNECT', () => {
    const bench = connected();
    const bad = bench.unsubscribe('bad');
    for (let times = 0; times < 3; times += 1) {
      bench.take();
      bench.receive(pingresp);
      bench.receive(disconnect(0x87));
      bench.resume();
    }
    expect(bad.outcomes).toMatchObject([{ code: 'poison', reasonCode: 0x87 }]);
    expect(String((bad.outcomes as [RefusedError])[0])).toContain('whenever this UNSUBSCRIBE');
  });

  test('is not blamed for a DISCONNECT that came before it left', () => {
    const bench = connected();
    const asked = bench.subscribe('f');
    for (let times = 0; times < 5; times += 1) {
      bench.take();
      bench.receive(pingresp, disconnect(0x87));
      bench.resume();
    }
    expect(asked.outcomes).toBeUndefined();
  });

  test.each([0x89, 0x8b, 0x8d, 0x9c, 0x9f, 0xa0])(
    'goes on however often the server says %i, which has another cause',
    (reasonCode) => {
      const bench = connected();
      const asked = bench.subscribe('a');
      for (let times = 0; times < 5; times += 1) {
        expect(bench.take()).toMatchObject([{ type: 'subscribe' }]);
        bench.receive(disconnect(reasonCode));
        bench.resume();
      }
      expect(asked.outcomes).toBeUndefined();
    },
  );

  test('long after it, or by us, or without a word, is not blamed', () => {
    const bench = connected();
    const asked = bench.subscribe('a');
    for (let times = 0; times < 5; times += 1) {
      bench.take();
      bench.cut();
      bench.resume();
      bench.expectFlow(`subscribe ${2 * times + 2} a`);
      bench.session.disconnect(0, undefined, new RefusedError(0x80, 'over'));
      bench.resume();
      bench.expectFlow(`subscribe ${2 * times + 3} a`);
    }
    expect(asked.outcomes).toBeUndefined();
  });

  test('is blamed for ends in a row only', () => {
    const bench = connected();
    const asked = bench.subscribe('a');
    for (let times = 0; times < 5; times += 1) {
      killAndResume(bench);
      bench.receive(pingresp);
      killAndResume(bench);
      bench.receive(pingresp);
      bench.cut();
      bench.resume();
    }
    expect(asked.outcomes).toBeUndefined();
  });

  test('is not sent before the server has answered the ping, or had a second; an end before says nothing', () => {
    const bench = connected();
    const bad = bench.subscribe('bad');
    killAndResume(bench);
    killAndResume(bench);
    for (let times = 0; times < 10; times += 1) {
      bench.expectFlow('pingreq');
      killAndResume(bench);
    }
    expect(bad.outcomes).toBeUndefined();
    expect(bench.session.deadline(bench.now) - bench.now.monotonic).toBe(1_000);
    bench.pass(1_000);
    bench.tick();
    bench.expectFlow('pingreq', 'subscribe 3 bad');
    bench.kill();
    expect(bad.outcomes).toMatchObject([{ code: 'poison' }]);
  });

  test('is found among several: they go one at a time, and only it is refused', () => {
    const bench = connected();
    const asked = bench.subscribe(['a', 'bad', 'c']);
    bench.publish('x', 1);
    bench.receive(puback(4));
    bench.take();
    killAndResume(bench);
    expect(bench.take()).toHaveLength(3);
    killAndResume(bench);
    const held = bench.publish('held', 1);
    bench.expectFlow('pingreq');
    bench.receive(pingresp);
    bench.expectFlow('subscribe 8 a');
    bench.receive(suback(8, 0));
    bench.expectFlow('subscribe 9 bad');
    killAndResume(bench);
    // What was alone before a link ended comes after all others, publishes too.
    bench.receive(pingresp);
    bench.expectFlow('pingreq', 'subscribe 10 c');
    bench.receive(suback(10, 0));
    bench.expectFlow('subscribe 11 bad');
    bench.kill();
    bench.resume();
    bench.expectFlow('publish held 12', 'pingreq');
    const late = bench.publish('late', 1);
    bench.expectFlow('publish late 13');
    bench.receive(pingresp);
    // It has to be alone.
    bench.expectNothingSent();
    bench.publish('later', 1);
    bench.receive(puback(12));
    bench.expectNothingSent();
    bench.receive(puback(13));
    bench.expectFlow('subscribe 14 bad');
    expect(asked.outcomes).toBeUndefined();
    bench.kill();
    expect(asked.outcomes).toMatchObject([0, { code: 'poison' }, 0]);
    expect([held.outcome, late.outcome]).toEqual(['acknowledged 0', 'acknowledged 0']);
    bench.resume();
    bench.expectFlow('publish later 15');
  });

  test('is found among several filters of a packet, which go one by one', () => {
    const bench = connected({ version: 4 });
    const asked = bench.subscribe(['a', 'bad', 'c']);
    bench.expectFlow('subscribe 1 a bad c');
    killAndResume(bench);
    bench.expectFlow('subscribe 2 a bad c');
    killAndResume(bench);
    bench.receive(pingresp);
    bench.expectFlow('pingreq', 'subscribe 3 a');
    bench.receive(suback(3, 1));
    for (let next = 4; next <= 6; next += 1) {
      if (next === 5) {
        bench.expectFlow('subscribe 5 c');
        bench.receive(suback(5, 2));
        bench.expectFlow('subscribe 6 bad');
      } else bench.expectFlow(`subscribe ${next === 4 ? 4 : 7} bad`);
      killAndResume(bench);
      if (next === 6) break;
      bench.expectFlow('pingreq');
      bench.receive(pingresp);
    }
    expect(asked.outcomes).toMatchObject([1, { code: 'poison' }, 2]);
    bench.expectNothingSent();
  });

  test('to subscribe again ends that subscription, and the others are subscribed to', () => {
    const bench = connected({ store: 'sync' });
    bench.subscribe(['a', 'bad', 'c']);
    bench.receive(suback(1, 0), suback(2, 0), suback(3, 0));
    bench.cut();
    bench.take();
    for (let links = 1; bench.lost.length === 0; links += 1) {
      expect(links).toBeLessThan(8);
      bench.connect();
      const isKilled = () =>
        bench.wire.some((one) => one.type === 'subscribe' && one.subscriptions[0]?.filter === 'bad');
      while (bench.wire.length > 0 && !isKilled()) {
        const packet = bench.wire.shift();
        if (packet?.type === 'pingreq') bench.receive(pingresp);
        else if (packet?.type === 'subscribe') bench.receive(suback(packet.packetId, 0));
      }
      bench.kill();
    }
    expect(bench.lost).toMatchObject([{ filter: 'bad', error: { code: 'poison' } }]);
    expect(bench.store.list('subscription').map(({ id }) => id)).toEqual(['a', 'c']);
    bench.connect();
    expect(bench.take().map((one) => one.type === 'subscribe' && one.subscriptions[0]?.filter)).toEqual([
      'a',
      'c',
    ]);
  });

  test('goes before others for its filter, which wait for it', () => {
    const bench = connected();
    bench.subscribe('a');
    killAndResume(bench);
    killAndResume(bench);
    bench.take();
    const other = bench.subscribe('a', { qos: 1 });
    bench.expectNothingSent();
    bench.receive(pingresp);
    bench.expectFlow('subscribe 3 a');
    bench.receive(suback(3, 0));
    bench.expectFlow('subscribe 4 a');
    bench.receive(suback(4, 1));
    expect(other.outcomes).toEqual([1]);
    // That was it: what comes now waits for nothing.
    bench.subscribe('a');
    bench.publish('x', 1);
    bench.expectFlow('subscribe 5 a', 'publish x 6');
  });

  test('that is given up is not suspected any more', () => {
    const bench = connected();
    const bad = bench.subscribe('bad');
    killAndResume(bench);
    killAndResume(bench);
    bench.session.subscriptions.withdraw(bad.request);
    bench.take();
    killAndResume(bench);
    bench.expectNothingSent();
  });

  test('takes no publish along that was on its way', () => {
    const bench = connected();
    const bad = bench.subscribe('bad');
    const good = bench.publish('good', 1);
    for (let links = 1; bad.outcomes === undefined; links += 1) {
      expect(links).toBeLessThan(8);
      // The server handles one after the other: it never comes to the publish behind it.
      for (let packet = bench.wire.shift(); packet; packet = bench.wire.shift()) {
        if (packet.type === 'subscribe') break;
        if (packet.type === 'pingreq') bench.receive(pingresp);
        if (packet.type === 'publish') bench.receive(puback(packet.packetId ?? 0));
      }
      killAndResume(bench);
    }
    expect(bad.outcomes).toMatchObject([{ code: 'poison' }]);
    bench.expectFlow('pingreq');
    bench.receive(pingresp);
    bench.expectFlow('publish good 2 dup');
    bench.receive(puback(2));
    expect(good.outcome).toBe('acknowledged 0');
  });

  test('is not blamed for a message that was on its way with it', () => {
    const bench = connected();
    const bad = bench.publish('bad', 1);
    const good = bench.subscribe('good');
    for (let links = 1; bad.outcome === undefined; links += 1) {
      expect(links).toBeLessThan(8);
      const packets = bench.take();
      if (packets.some(({ type }) => type === 'pingreq')) bench.receive(pingresp);
      for (const packet of bench.take()) {
        if (packet.type === 'subscribe') bench.receive(suback(packet.packetId, 0));
      }
      killAndResume(bench);
    }
    expect(bad.outcome).toBe('failed poison');
    expect(good.outcomes).toEqual([0]);
  });

  test('counts no end with a message on its way, too, for either of them', () => {
    const bench = connected();
    const asked = bench.subscribe('a');
    const sent = bench.publish('x', 1);
    killAndResume(bench);
    killAndResume(bench);
    bench.receive(pingresp);
    bench.take();
    // Now it was alone.
    bench.kill();
    expect(asked.outcomes).toBeUndefined();
    bench.resume();
    bench.receive(pingresp);
    bench.receive(
      ...bench.take().flatMap((one) => (one.type === 'subscribe' ? [suback(one.packetId, 0)] : [])),
    );
    expect(asked.outcomes).toEqual([0]);
    expect(bench.take()).toMatchObject([{ type: 'publish' }]);
    bench.subscribe('b');
    bench.receive(disconnect(0x82));
    expect(sent.outcome).toBeUndefined();
  });

  test('is found though the server never answers a publish', () => {
    const bench = connected();
    const bad = bench.subscribe('bad');
    killAndResume(bench);
    killAndResume(bench);
    bench.publish('x', 1);
    bench.receive(pingresp);
    bench.expectFlow('pingreq', 'publish x 3');
    bench.pass(10_001);
    bench.receive(pingresp);
    bench.expectFlow('subscribe 4 bad');
    bench.kill();
    expect(bad.outcomes).toMatchObject([{ code: 'poison' }]);
  });
});
