import { describe, expect, test } from 'vitest';
import { ConnectionError } from '../../../src/errors';
import { memoryInUse } from '../../support/memory';
import { puback, publish } from '../../support/packet-makers';
import { SessionBench } from '../../support/session-bench';

const closed = new ConnectionError('closed', 'closed');
const outcomes = (all: readonly { outcome: string | undefined }[]) => all.map(({ outcome }) => outcome);

describe('the queue', () => {
  test('takes so many messages and no more, and says so', () => {
    const bench = new SessionBench({ maxMessages: 2, store: 'sync' });
    const all = bench.publishAll('a1', 'b0', 'c1');
    expect(outcomes(all)).toEqual([undefined, undefined, 'failed queue-full']);
    expect(all[2]?.error).toBeInstanceOf(ConnectionError);
    expect(all[2]?.error?.message).toContain('queue.maxMessages');
    expect(bench.session.counts).toMatchObject({ queued: 2 });
    expect(bench.store.list('publish')).toHaveLength(1);
  });

  test('takes so many bytes and no more', () => {
    const bench = new SessionBench({ maxBytes: 1_000 });
    const all = [600, 600, 10].map((length) => bench.publish('t', 1, { payload: new Uint8Array(length) }));
    expect(outcomes(all)).toEqual([undefined, 'failed queue-full', undefined]);
    expect(bench.session.counts.queuedBytes).toBeGreaterThan(610);
  });

  test('drops the oldest where that is wished for, whatever its QoS', () => {
    const bench = new SessionBench({ maxMessages: 2, overflow: 'drop-oldest', store: 'sync' });
    const all = bench.publishAll('a1', 'b0', 'c1');
    expect(outcomes(all)).toEqual(['failed dropped', undefined, undefined]);
    all.push(bench.publish('d1', 1));
    expect(outcomes(all)).toEqual(['failed dropped', 'failed dropped', undefined, undefined]);
    expect(bench.store.list('publish').map(({ topic }) => topic)).toEqual(['c1', 'd1']);
    expect(bench.session.counts).toMatchObject({ queued: 2 });
    bench.connect();
    bench.expectFlow('publish c1 1', 'publish d1 2');
  });

  test('drops the oldest where all have QoS 0', () => {
    const bench = new SessionBench({ maxMessages: 2, overflow: 'drop-oldest' });
    expect(outcomes(bench.publishAll('a0', 'b0', 'c0'))).toEqual(['failed dropped', undefined, undefined]);
  });

  test('drops as many as it takes to make room', () => {
    const bench = new SessionBench({ maxBytes: 1_000, overflow: 'drop-oldest' });
    const all = [300, 300, 600].map((length) => bench.publish('t', 1, { payload: new Uint8Array(length) }));
    expect(outcomes(all)).toEqual(['failed dropped', 'failed dropped', undefined]);
  });

  test('drops nothing for a message that can never fit', () => {
    const bench = new SessionBench({ maxBytes: 1_000, overflow: 'drop-oldest' });
    const all = [300, 2_000].map((length) => bench.publish('t', 1, { payload: new Uint8Array(length) }));
    expect(outcomes(all)).toEqual([undefined, 'failed queue-full']);
  });

  test('bounds what waits for quota, not what can be sent at once', () => {
    const bench = new SessionBench({ maxMessages: 1, maxBytes: 1_000, maxInflight: 1 });
    bench.connect();
    const all = [5_000, 10, 10].map((length) => bench.publish('t', 1, { payload: new Uint8Array(length) }));
    expect(outcomes(all)).toEqual([undefined, undefined, 'failed queue-full']);
  });

  test('is emptied in the order of the calls', () => {
    const bench = new SessionBench({ maxInflight: 2 });
    bench.publishAll('a1', 'b1', 'c1', 'd1', 'e1');
    bench.connect();
    bench.expectFlow('publish a1 1', 'publish b1 2');
    bench.publish('f1', 1);
    bench.receive(puback(1), puback(2));
    bench.expectFlow('publish c1 3', 'publish d1 4');
    bench.receive(puback(3), puback(4));
    bench.expectFlow('publish e1 5', 'publish f1 6');
    expect(bench.session.counts).toMatchObject({ queued: 0, queuedBytes: 0, inFlight: 2 });
  });

  test('gives back a message that was never sent, silently', () => {
    const bench = new SessionBench({ store: 'sync' });
    const all = bench.publishAll('a1', 'b0', 'c1');
    expect(all.slice(0, 2).map((one) => bench.withdraw(one))).toEqual([true, true]);
    expect(outcomes(all)).toEqual([undefined, undefined, undefined]);
    expect(bench.session.counts).toMatchObject({ queued: 1 });
    expect(bench.store.list('publish')).toHaveLength(1);
    bench.connect();
    bench.expectFlow('publish c1 1');
  });

  test('does not give back what was sent or has settled', () => {
    const bench = new SessionBench();
    bench.connect();
    const [sent, done] = bench.publishAll('a1', 'b1');
    bench.receive(puback(2));
    expect(sent && bench.withdraw(sent)).toBe(false);
    expect(done && bench.withdraw(done)).toBe(true);
    bench.receive(puback(1));
    expect(outcomes([sent, done].flatMap((one) => one ?? []))).toEqual(['acknowledged 0', 'acknowledged 0']);
  });

  test('does not stall behind a withdrawn message', () => {
    const bench = new SessionBench({ maxInflight: 1 });
    bench.connect();
    const [, second] = bench.publishAll('a1', 'b1');
    if (second) bench.withdraw(second);
    bench.publish('c1', 1);
    bench.receive(puback(1));
    bench.expectFlow('publish a1 1', 'publish c1 2');
  });

  test('keeps nothing of what was withdrawn', () => {
    const bench = new SessionBench();
    bench.publish('first', 1);
    const text = 'x'.repeat(100);
    const round = (count: number) => {
      for (let times = 0; times < count; times += 1) bench.withdraw(bench.publish('t', 1, { text }));
    };
    round(200);
    const before = memoryInUse();
    round(10_000);
    // Messages that stayed would take more than 4 MB.
    expect(memoryInUse() - before).toBeLessThan(1_000_000);
  });

  test.each(['none', 'sync'] as const)('keeps no payload of what is over, store: %s', (store) => {
    const bench = new SessionBench({ store, maxInflight: 1 });
    const [acknowledged, sent, withdrawn, waiting] = ['a', 'b', 'c', 'd'].map(
      (topic) => bench.publish(topic, 1, { text: 'four' }).message,
    );
    bench.connect();
    bench.receive(puback(1));
    for (const message of [sent, withdrawn]) if (message) bench.session.outgoing.withdraw(message);
    const sizes = [acknowledged, sent, withdrawn, waiting].map((message) => message?.payload.length);
    expect(sizes).toEqual([0, 4, 0, 4]);
    // Nor the link that it went out on.
    expect([acknowledged?.slot, sent?.slot !== undefined]).toEqual([undefined, true]);
  });

  test('lets go of a hundred thousand without looking through the rest for each', () => {
    // Looking at all for each would be five thousand million looks: the test would never come to its end.
    const bench = new SessionBench({ maxMessages: 100_000, maxBytes: 100_000_000 });
    const all = Array.from({ length: 100_000 }, () => bench.publish('t', 1));
    expect(all.filter((published) => !bench.withdraw(published))).toEqual([]);
    expect(bench.session.counts).toMatchObject({ queued: 0, queuedBytes: 0 });
  });

  test('counts neither what was withdrawn nor what was dropped', () => {
    const bench = new SessionBench({ maxMessages: 10, overflow: 'drop-oldest' });
    for (let count = 0; count < 1_000; count += 1) {
      const published = bench.publish('t', 1);
      if (count % 2 === 0) bench.withdraw(published);
    }
    expect(bench.session.counts.queued).toBe(10);
    expect([...bench.session.outgoing.pending()]).toHaveLength(10);
    bench.connect();
    expect(bench.take()).toHaveLength(10);
  });

  test('of a closed client ends its promises; what is kept stays', () => {
    const bench = new SessionBench({ store: 'sync', maxInflight: 1 });
    bench.connect();
    const all = bench.publishAll('a1', 'b1');
    bench.take();
    bench.cut();
    const waiting = bench.publish('c', 0);
    bench.session.abandon(({ topic }) => new ConnectionError('closed', topic), closed, true);
    bench.flush();
    expect(outcomes([...all, waiting])).toEqual(Array(3).fill('failed closed'));
    expect(all.map(({ error }) => error?.message)).toEqual(['a1', 'b1']);
    expect(bench.store.list('publish')).toHaveLength(2);
    bench.resume();
    bench.expectFlow('publish a1 1 dup');
    bench.receive(puback(1));
    bench.expectFlow('publish b1 2');
    // Nobody waits for them any more; who listens for messages of earlier pages is told.
    expect(bench.settled).toEqual([{ key: undefined, error: undefined }]);
  });

  test('of a session that ends is forgotten', () => {
    const bench = new SessionBench({ store: 'sync', maxInflight: 1 });
    bench.connect();
    const all = bench.publishAll('a1', 'b2', 'c0');
    bench.receive(publish('in', 7, 2));
    bench.acknowledge();
    bench.cut();
    bench.session.abandon(() => closed, closed, false);
    bench.flush();
    expect(outcomes(all)).toEqual(['failed closed', 'failed closed', 'acknowledged 0']);
    expect(bench.session.counts).toEqual({ queued: 0, queuedBytes: 0, inFlight: 0, unacknowledged: 0 });
    expect(bench.session.record).toBeUndefined();
    expect(bench.store.all()).toEqual([]);
    bench.connect();
    bench.expectNothingSent();
    bench.publish('d', 1);
    expect(bench.take()).toHaveLength(1);
  });
});
