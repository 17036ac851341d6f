import { describe, expect, test, vi } from 'vitest';
import { ConnectionError, ProtocolError, RefusedError } from '../../../src/errors';
import { puback, suback, subscribe, unsuback, unsubscribe } from '../../support/packet-makers';
import { type Requested, SessionBench } from '../../support/session-bench';

const closed = new ConnectionError('closed', 'closed');

/** Identifiers on the wire, by filter. */
function identifiers(bench: SessionBench): Map<string, number | undefined> {
  const found = new Map<string, number | undefined>();
  for (const packet of bench.take()) {
    if (packet.type !== 'subscribe') continue;
    for (const { filter } of packet.subscriptions)
      found.set(filter, packet.properties?.subscriptionIdentifier);
  }
  return found;
}

describe('a SUBSCRIBE', () => {
  test('carries one filter and its Subscription Identifier where the server takes them', () => {
    const bench = new SessionBench();
    bench.connect();
    const asked = bench.subscribe(['a', 'b/+'], { qos: 1 });
    bench.expectSent(
      subscribe(1, ['a'], { subscriptionIdentifier: 1 }, 1),
      subscribe(2, ['b/+'], { subscriptionIdentifier: 2 }, 1),
    );
    bench.receive(suback(2, 1));
    expect(asked.outcomes).toBeUndefined();
    bench.receive(suback(1, 0));
    expect(asked.outcomes).toEqual([0, 1]);
  });

  test('carries eight filters where there are no identifiers', () => {
    const filters = Array.from({ length: 18 }, (_, index) => `f${index}`);
    for (const version of [5, 4, 3] as const) {
      const bench = new SessionBench({ version });
      bench.connect(version === 5 ? { subscriptionIdentifierAvailable: false } : {});
      const asked = bench.subscribe(filters);
      bench.expectSent(
        subscribe(1, filters.slice(0, 8)),
        subscribe(2, filters.slice(8, 16)),
        subscribe(3, filters.slice(16)),
      );
      bench.receive(
        suback(3, 0, 1),
        suback(1, 0, 0, 0, 0, 0, 0, 0, 2),
        suback(2, ...Array<number>(8).fill(0)),
      );
      expect(asked.outcomes).toEqual([0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }
  });

  test('carries the options and user properties of its filter', () => {
    const bench = new SessionBench();
    bench.connect();
    const userProperties = [['a', 'b']] as const;
    bench.subscribe('f', {
      qos: 2,
      noLocal: true,
      retainAsPublished: true,
      retainHandling: 2,
      userProperties,
    });
    bench.expectSent({
      type: 'subscribe',
      packetId: 1,
      subscriptions: [{ filter: 'f', qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 }],
      properties: { subscriptionIdentifier: 1, userProperties },
    });
  });

  test('keeps the identifier of a filter for its life, and gives a new one to the next', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.subscribe('a');
    bench.subscribe('b');
    bench.subscribe('a', { qos: 2 });
    expect(bench.session.subscriptions.get('a')?.identifier).toBe(1);
    bench.receive(suback(1, 0), suback(2, 0), suback(3, 2));
    bench.cut();
    bench.connect();
    expect([...identifiers(bench)]).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    bench.unsubscribe('a');
    bench.subscribe('a');
    expect(identifiers(bench).get('a')).toBe(3);
  });

  test('leaves once its identifier is saved as one that the server may know, which takes one record', () => {
    const bench = new SessionBench({ store: 'manual' });
    bench.connect();
    bench.commit();
    bench.subscribe(['a', 'b', 'c']);
    bench.expectNothingSent();
    const puts = bench.batches
      .at(-1)
      ?.operations.map((operation) => operation.type === 'put' && operation.record);
    expect(puts).toMatchObject([{ kind: 'session', lastIdentifier: 3 }]);
    bench.commit();
    expect(bench.take()).toHaveLength(3);
    // The next ones with known identifiers need none.
    bench.subscribe(['a', 'b']);
    expect(bench.take()).toHaveLength(2);
  });

  test('has an identifier that is saved for all that waited for the connection at once', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.subscribe(['a', 'b']);
    bench.subscribe('c');
    bench.connect();
    expect(bench.store.list('session')).toMatchObject([{ lastIdentifier: 3 }]);
    bench.cut();
    bench.connect();
    expect(bench.store.list('session')).toMatchObject([{ lastIdentifier: 3 }]);
  });

  test('ends the link when it is answered with the wrong number of codes or the wrong packet', () => {
    for (const version of [5, 4] as const) {
      const codes = version === 5 ? [0] : [];
      for (const answer of [suback(1, 0, 0), unsuback(1, ...codes), puback(1)]) {
        const bench = new SessionBench({ version });
        bench.connect();
        const asked = bench.subscribe('f');
        bench.receive(answer);
        expect(bench.expectClosedBy(0x82).error).toBeInstanceOf(ProtocolError);
        expect(asked.outcomes).toBeUndefined();
      }
    }
  });

  test('is not the business of an unknown SUBACK or UNSUBACK', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.receive(suback(9, 0), unsuback(9, 0));
    expect(bench.session.isConnected).toBe(true);
  });

  test('that is refused concerns no other filter', () => {
    const bench = new SessionBench();
    bench.connect();
    const asked = bench.subscribe(['a', 'b']);
    bench.receive(suback(1, 0x87), suback(2, 0));
    expect(asked.outcomes).toEqual([0x87, 0]);
    expect(bench.session.subscriptions.get('a')).toBeUndefined();
    expect(bench.session.subscriptions.get('b')).toMatchObject({ granted: true });
    bench.cut();
    bench.take();
    bench.connect();
    bench.expectSent(subscribe(3, ['b'], { subscriptionIdentifier: 2 }));
  });

  test('that renews and is refused leaves what was granted', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.subscribe('a');
    bench.receive(suback(1, 0));
    bench.subscribe('a', { qos: 2 });
    bench.receive(suback(2, 0x87));
    expect(bench.session.subscriptions.get('a')).toMatchObject({ granted: true });
    bench.expectFlow('subscribe 1 a', 'subscribe 2 a');
  });

  test('that renews and is refused ends what nobody else wants any more', () => {
    const bench = new SessionBench();
    bench.connect();
    const first = bench.subscribe('a');
    bench.receive(suback(1, 0));
    bench.subscribe('a', { qos: 2 });
    bench.take();
    expect(bench.session.subscriptions.withdraw(first.request)).toEqual([]);
    bench.receive(suback(2, 0x87));
    bench.expectFlow('unsubscribe 3 a');
    expect(bench.session.subscriptions.get('a')).toBeUndefined();
  });
});

describe('an UNSUBSCRIBE', () => {
  test('carries eight filters, and ends each at once for us', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    const filters = Array.from({ length: 10 }, (_, index) => `f${index}`);
    bench.subscribe(filters);
    bench.receive(...filters.map((_, index) => suback(index + 1, 0)));
    bench.take();
    expect(bench.store.list('subscription')).toHaveLength(10);
    const asked = bench.unsubscribe(...filters);
    expect(bench.store.list('subscription')).toEqual([]);
    expect(bench.session.subscriptions.get('f0')).toBeUndefined();
    bench.expectSent(unsubscribe(11, ...filters.slice(0, 8)), unsubscribe(12, 'f8', 'f9'));
    bench.receive(unsuback(12, 0x11, 0x87), unsuback(11, ...Array<number>(8).fill(0)));
    expect(asked.outcomes).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0x87]);
  });

  test('has no codes in its answer before MQTT 5.0', () => {
    const bench = new SessionBench({ version: 4 });
    bench.connect();
    const asked = bench.unsubscribe('a', 'b');
    bench.receive(unsuback(1));
    expect(asked.outcomes).toEqual([0, 0]);
  });

  test('ends the link when it is answered with the wrong number of codes', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.unsubscribe('a', 'b');
    bench.receive(unsuback(1, 0));
    bench.expectClosedBy(0x82);
  });

  test('wins over the SUBACK of a filter that it ended', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    bench.subscribe('a');
    bench.unsubscribe('a');
    bench.receive(suback(1, 0), unsuback(2, 0));
    expect(bench.session.subscriptions.get('a')).toBeUndefined();
    expect(bench.store.list('subscription')).toEqual([]);
    bench.take();
    bench.cut();
    bench.connect();
    bench.expectNothingSent();
  });

  test('does not let an older SUBACK stand for a newer subscription', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.subscribe('a');
    bench.unsubscribe('a');
    bench.subscribe('a');
    bench.receive(suback(1, 0), unsuback(2, 0), suback(3, 0x87));
    expect(bench.session.subscriptions.get('a')).toBeUndefined();
  });
});

describe('a filter that several want', () => {
  const careful = { noLocal: true, retainAsPublished: true, retainHandling: 2 } as const;
  const plain = { filter: 'a', noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;

  /** What the server is asked for, by filter, the last time. */
  function asked(bench: SessionBench) {
    const packets = bench.take().flatMap((packet) => (packet.type === 'subscribe' ? [packet] : []));
    return packets.flatMap(({ subscriptions }) => subscriptions).at(-1);
  }

  /** What a new session is asked for. */
  function askedAgain(bench: SessionBench) {
    bench.cut();
    bench.connect();
    return asked(bench);
  }

  function granted(store: 'none' | 'sync' = 'none') {
    const bench = new SessionBench({ store });
    bench.connect();
    const first = bench.subscribe('a', { qos: 1 });
    bench.receive(suback(1, 1));
    return { bench, first };
  }

  const withdraw = (bench: SessionBench, { request }: Requested) =>
    bench.turn(() => bench.session.subscriptions.withdraw(request));

  test('is subscribed to with the highest QoS of them, those that wait included, and their own options', () => {
    const { bench } = granted();
    bench.subscribe('a', { qos: 2 });
    bench.subscribe('a', careful);
    expect(asked(bench)).toEqual({ filter: 'a', qos: 2, ...careful });
  });

  test('is not subscribed to with the QoS of one that was given up before it was sent', () => {
    const bench = new SessionBench();
    const high = bench.subscribe('a', { qos: 2 });
    bench.subscribe('a', { qos: 1 });
    withdraw(bench, high);
    bench.connect();
    expect(asked(bench)).toEqual({ ...plain, qos: 1 });
  });

  test('is subscribed to without a look at all who share it', () => {
    const { bench } = granted();
    const { wanted } = bench.session.subscriptions.get('a') ?? {};
    const walk = vi.spyOn(wanted ?? new Set(), Symbol.iterator);
    const second = bench.subscribe('a', { qos: 2 });
    bench.receive(suback(2, 2));
    withdraw(bench, second);
    expect(walk).not.toHaveBeenCalled();
  });

  test('is let go of by one after the other without a look at all who share it, and stored as those left ask', () => {
    const { bench, first } = granted('sync');
    const second = bench.subscribe('a', { qos: 1 });
    const third = bench.subscribe('a', { qos: 1, ...careful });
    const newest = bench.subscribe('a', { qos: 1 });
    bench.receive(suback(2, 1), suback(3, 1), suback(4, 1));
    const { wanted } = bench.session.subscriptions.get('a') ?? {};
    const walk = vi.spyOn(wanted ?? new Set(), Symbol.iterator);
    withdraw(bench, first);
    withdraw(bench, second);
    expect(walk).not.toHaveBeenCalled();
    expect(bench.store.list('subscription')).toMatchObject([{ id: 'a', qos: 1, noLocal: false }]);
    withdraw(bench, newest);
    expect(bench.store.list('subscription')).toMatchObject([{ id: 'a', qos: 1, ...careful }]);
    bench.subscribe('a');
    bench.receive(suback(5, 1));
    withdraw(bench, third);
    expect(bench.store.list('subscription')).toMatchObject([{ id: 'a', qos: 0, noLocal: false }]);
  });

  test.each(['none', 'sync'] as const)(
    'is subscribed to again with the highest QoS and the newest other options of those that are left, store: %s',
    (store) => {
      const { bench } = granted(store);
      const high = bench.subscribe('a', { qos: 2 });
      bench.receive(suback(2, 2));
      const newest = bench.subscribe('a', careful);
      bench.receive(suback(3, 2));
      expect(askedAgain(bench)).toEqual({ filter: 'a', qos: 2, ...careful });
      withdraw(bench, high);
      expect(askedAgain(bench)).toEqual({ filter: 'a', qos: 1, ...careful });
      withdraw(bench, newest);
      expect(askedAgain(bench)).toEqual({ ...plain, qos: 1 });
      if (store === 'none') return;
      expect(bench.store.list('subscription')).toMatchObject([{ id: 'a', qos: 1, noLocal: false }]);
    },
  );

  test('is not subscribed to again with the options of one that was refused', () => {
    const { bench } = granted();
    bench.subscribe('a', { qos: 2, ...careful });
    bench.receive(suback(2, 0x87));
    expect(askedAgain(bench)).toEqual({ ...plain, qos: 1 });
  });

  test('is not subscribed to again with the options of one that was given up, sent or not, granted or not', () => {
    for (const answers of [[], [suback(2, 2)]]) {
      const { bench } = granted('sync');
      const sent = bench.subscribe('a', { qos: 2, ...careful });
      withdraw(bench, sent);
      bench.receive(...answers);
      expect(bench.store.list('subscription')).toMatchObject([{ id: 'a', qos: 1, noLocal: false }]);
      bench.cut();
      withdraw(bench, bench.subscribe('a', { qos: 2, ...careful }));
      bench.connect();
      bench.expectSent(subscribe(3, ['a'], { subscriptionIdentifier: 1 }, 1));
    }
  });

  test('is subscribed to again as before when one more waits, which follows', () => {
    const { bench } = granted();
    bench.cut();
    bench.subscribe('a', { qos: 2 });
    bench.take();
    bench.connect();
    bench.expectSent(
      subscribe(2, ['a'], { subscriptionIdentifier: 1 }, 1),
      subscribe(3, ['a'], { subscriptionIdentifier: 1 }, 2),
    );
  });
});

describe('requests that a connection cut off', () => {
  test('go out again on the next one, in order, before publishes', () => {
    const bench = new SessionBench();
    bench.connect();
    const first = bench.subscribe(['a', 'b']);
    const second = bench.unsubscribe('c');
    bench.publish('x', 1);
    bench.take();
    bench.cut();
    const third = bench.subscribe('d');
    bench.resume();
    bench.expectFlow('subscribe 5 a', 'subscribe 6 b', 'unsubscribe 7 c', 'subscribe 8 d', 'publish x 4 dup');
    bench.receive(suback(5, 0), suback(6, 0), unsuback(7, 0), suback(8, 0));
    expect([first.outcomes, second.outcomes, third.outcomes]).toEqual([[0, 0], [0], [0]]);
  });

  test.each([true, false])(
    'are not sent again where a later one for their filter was answered (session present: %s)',
    (sessionPresent) => {
      const bench = new SessionBench();
      bench.connect();
      const first = bench.subscribe('a');
      const end = bench.unsubscribe('a');
      bench.subscribe('b');
      bench.receive(unsuback(2, 0), suback(3, 0));
      const ended = bench.unsubscribe('b');
      const again = bench.subscribe('b');
      bench.receive(suback(5, 0));
      expect([first.outcomes, end.outcomes, ended.outcomes, again.outcomes]).toEqual([
        undefined,
        [0],
        undefined,
        [0],
      ]);
      bench.take();
      bench.cut();
      bench.connect({ sessionPresent });
      const resubscribed = subscribe(6, ['b'], { subscriptionIdentifier: 3 });
      bench.expectSent(...(sessionPresent ? [] : [resubscribed]));
      expect([first.outcomes, ended.outcomes]).toEqual([[0], [0]]);
    },
  );

  test('do not ask again what was answered', () => {
    const bench = new SessionBench({ version: 4 });
    bench.connect();
    const filters = Array.from({ length: 10 }, (_, index) => `f${index}`);
    const asked = bench.subscribe(filters);
    bench.receive(suback(1, 0, 0, 0, 0x80, 0, 0, 0, 0));
    bench.take();
    bench.cut();
    bench.resume();
    bench.expectFlow('subscribe 3 f8 f9');
    bench.receive(suback(3, 1, 1));
    expect(asked.outcomes).toEqual([0, 0, 0, 0x80, 0, 0, 0, 0, 1, 1]);
    expect(bench.session.subscriptions.get('f3')).toBeUndefined();
  });

  test('give their identifiers back', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.subscribe(Array.from({ length: 65_535 }, (_, index) => `f${index}`));
    bench.cut();
    bench.take();
    bench.resume();
    expect(bench.take()).toHaveLength(65_535);
  });
});

describe('a new session of the server', () => {
  function subscribed(options: { version?: 4 | 5; store?: 'sync' } = {}): SessionBench {
    const bench = new SessionBench(options);
    bench.connect();
    const filters = ['a', 'b', 'c'];
    for (const filter of filters) bench.subscribe(filter, { qos: 1 });
    bench.receive(...filters.map((_, index) => suback(index + 1, 1)));
    bench.take();
    return bench;
  }

  test('is subscribed to again, a resumed one is not', () => {
    const bench = subscribed();
    bench.cut();
    bench.resume();
    bench.expectNothingSent();
    bench.cut();
    bench.connect();
    bench.expectSent(
      ...['a', 'b', 'c'].map((filter, index) =>
        subscribe(index + 4, [filter], { subscriptionIdentifier: index + 1 }, 1),
      ),
    );
  });

  test('is subscribed to again by eights where there are no identifiers', () => {
    const bench = subscribed({ version: 4 });
    bench.cut();
    bench.connect();
    bench.expectSent(subscribe(4, ['a', 'b', 'c'], undefined, 1));
  });

  test('is subscribed to before new requests, and before anything that is published', () => {
    const bench = subscribed();
    bench.cut();
    bench.subscribe('d');
    bench.publish('x', 1);
    bench.connect();
    bench.expectFlow('subscribe 4 a', 'subscribe 5 b', 'subscribe 6 c', 'subscribe 7 d', 'publish x 8');
  });

  test('that refuses a filter ends it, says so, and keeps the others', () => {
    const bench = subscribed({ store: 'sync' });
    bench.cut();
    bench.connect();
    bench.receive(suback(4, 1), suback(5, 0x87), suback(6, 1));
    expect(bench.lost).toMatchObject([{ filter: 'b', error: { reasonCode: 0x87 } }]);
    expect(bench.lost[0]?.error).toBeInstanceOf(RefusedError);
    expect(bench.session.subscriptions.get('b')).toBeUndefined();
    expect(bench.store.list('subscription').map(({ id }) => id)).toEqual(['a', 'c']);
    expect(bench.session.isConnected).toBe(true);
  });

  test('that refuses a filter ends none that waits for an answer of its own', () => {
    const bench = subscribed();
    const half = bench.subscribe(['a', 'd'], { qos: 1 });
    bench.receive(suback(4, 1));
    bench.cut();
    const waiting = bench.subscribe('a');
    bench.take();
    bench.connect();
    bench.expectFlow('subscribe 6 a', 'subscribe 7 b', 'subscribe 8 c', 'subscribe 9 d', 'subscribe 10 a');
    bench.receive(suback(6, 0x87), suback(7, 1), suback(8, 1), suback(9, 1), suback(10, 0));
    // It was granted the filter in the old session only.
    expect(half.outcomes).toEqual([expect.any(RefusedError), 1]);
    expect(waiting.outcomes).toEqual([0]);
    expect(bench.session.subscriptions.get('a')).toMatchObject({ granted: true });
  });

  test('that cannot take a filter ends it and says so', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.subscribe(['a/+', 'b']);
    bench.receive(suback(1, 0), suback(2, 0));
    bench.take();
    bench.cut();
    bench.connect({ wildcardSubscriptionAvailable: false });
    bench.expectFlow('subscribe 3 b');
    expect(bench.lost).toMatchObject([{ filter: 'a/+', error: { reasonCode: 0xa2 } }]);
  });

  test('is subscribed to again until that is done, though later connections resume it', () => {
    const bench = subscribed();
    bench.cut();
    bench.connect();
    bench.receive(suback(4, 1));
    bench.take();
    bench.cut();
    bench.resume();
    bench.expectFlow('subscribe 7 a', 'subscribe 8 b', 'subscribe 9 c');
    bench.receive(suback(7, 1), suback(8, 1), suback(9, 1));
    bench.cut();
    bench.resume();
    bench.expectNothingSent();
  });

  test('is subscribed to again until that is done, though the page dies', () => {
    const bench = subscribed({ store: 'sync' });
    bench.cut();
    bench.connect();
    bench.receive(suback(4, 1));
    bench.crash();
    bench.resume();
    expect(bench.take()).toHaveLength(3);
    bench.receive(suback(1, 1), suback(2, 1), suback(3, 1));
    bench.crash();
    bench.resume();
    bench.expectNothingSent();
  });

  test.each([5, 4] as const)(
    'may have begun at a CONNECT without an answer: it is subscribed to again though the next CONNACK resumes it, protocol level %i [v5 3.2.2.1.1, v3 3.2.2.2]',
    (version) => {
      const bench = subscribed({ version, store: 'sync' });
      bench.cut();
      // The server has forgotten the session, makes a new one, and its CONNACK does not arrive.
      bench.open();
      bench.cut();
      bench.crash();
      bench.resume();
      expect(bench.take().map(({ type }) => type)).toEqual(Array(version === 5 ? 3 : 1).fill('subscribe'));
      bench.receive(...(version === 5 ? [suback(1, 1), suback(2, 1), suback(3, 1)] : [suback(1, 1, 1, 1)]));
      bench.cut();
      // A refusal makes no session.
      bench.open();
      bench.accept({ reasonCode: version === 5 ? 0x89 : 3 });
      bench.resume();
      bench.expectNothingSent();
    },
  );

  test('is subscribed to again each time with MQTT 3.1, which does not say whether it resumed', () => {
    const bench = new SessionBench({ version: 3 });
    bench.connect();
    bench.subscribe('a');
    bench.receive(suback(1, 0));
    bench.take();
    bench.cut();
    bench.connect();
    bench.expectFlow('subscribe 2 a');
  });

  test('does not get what was unsubscribed meanwhile', () => {
    const bench = subscribed();
    bench.cut();
    bench.unsubscribe('b');
    bench.connect();
    bench.expectFlow('subscribe 4 a', 'subscribe 5 c', 'unsubscribe 6 b');
  });
});

describe('a request that is given up', () => {
  test('before it was sent is gone', () => {
    const bench = new SessionBench();
    const asked = bench.subscribe('a');
    expect(bench.session.subscriptions.withdraw(asked.request)).toEqual([]);
    expect(bench.session.subscriptions.get('a')).toBeUndefined();
    bench.connect();
    bench.expectNothingSent();
    expect(asked.outcomes).toBeUndefined();
  });

  test('after it was sent takes effect without a word', () => {
    const bench = new SessionBench();
    bench.connect();
    const asked = bench.subscribe('a');
    expect(bench.session.subscriptions.withdraw(asked.request)).toEqual(['a']);
    bench.receive(suback(1, 0));
    expect(asked.outcomes).toBeUndefined();
    expect(bench.session.subscriptions.get('a')).toMatchObject({ granted: true });
  });

  test('after it was sent is not sent again', () => {
    const bench = new SessionBench();
    bench.connect();
    const asked = bench.subscribe('a');
    bench.session.subscriptions.withdraw(asked.request);
    bench.take();
    bench.cut();
    bench.resume();
    bench.expectNothingSent();
  });

  test('leaves what another one was granted, and the last one that is over names the filter', () => {
    const bench = new SessionBench();
    bench.connect();
    const [first, second, third] = ([0, 1, 2] as const).map((qos) =>
      bench.subscribe(['a', `only ${qos}`], { qos }),
    );
    bench.receive(suback(1, 0), suback(2, 0), suback(3, 0x87), suback(4, 1));
    const withdraw = (asked: Requested | undefined) =>
      asked && bench.session.subscriptions.withdraw(asked.request);
    expect(withdraw(third)).toEqual(['only 2']);
    expect(withdraw(second)).toEqual(['only 1']);
    bench.receive(suback(5, 2));
    // Its outcome takes effect all the same.
    expect(withdraw(first)).toEqual(['a', 'only 0']);
  });

  test('leaves what a store kept for handlers to come, until it was granted to somebody', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    bench.subscribe('a');
    bench.receive(suback(1, 0));
    bench.crash();
    const unsent = bench.subscribe('a');
    expect(bench.session.subscriptions.withdraw(unsent.request)).toEqual([]);
    bench.resume();
    bench.subscribe('a');
    bench.receive(suback(1, 0x87));
    const granted = bench.subscribe('a');
    bench.receive(suback(2, 0));
    expect(bench.session.subscriptions.get('a')).toMatchObject({ granted: true });
    bench.expectFlow('subscribe 1 a', 'subscribe 2 a');
    expect(bench.session.subscriptions.withdraw(granted.request)).toEqual(['a']);
  });

  test('leaves another one for the same filter alone', () => {
    for (const given of [0, 1]) {
      const bench = new SessionBench();
      const requests = [bench.subscribe('a'), bench.subscribe('a', { qos: 1 })];
      const withdrawn = requests[given]?.request;
      if (withdrawn) bench.session.subscriptions.withdraw(withdrawn);
      bench.connect();
      bench.expectFlow('subscribe 1 a');
      bench.receive(suback(1, 0));
      expect(requests[1 - given]?.outcomes).toEqual([0]);
      bench.cut();
      bench.connect();
      // It is in the table: a new session gets it again.
      bench.expectFlow('subscribe 2 a');
    }
  });

  test('with all others ends with the error, and is not sent any more', () => {
    const bench = new SessionBench();
    const waiting = bench.subscribe(['a', 'b']);
    const done = bench.unsubscribe('c');
    bench.session.abandon(() => closed, closed, true);
    expect([waiting.outcomes, done.outcomes]).toEqual([[closed, closed], [closed]]);
    bench.connect();
    bench.expectNothingSent();
  });

  test('with the whole session forgets what was granted', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    bench.subscribe('a');
    bench.receive(suback(1, 0));
    bench.take();
    bench.cut();
    bench.session.abandon(() => closed, closed, false);
    bench.flush();
    expect(bench.store.all()).toEqual([]);
    bench.connect();
    bench.expectNothingSent();
  });
});

describe('a hundred thousand filters', () => {
  /** Subscribes to so many filters, twice: in one session of the server and in the next. */
  function subscribeTwice(count: number, version: 4 | 5): void {
    const filters = Array.from({ length: count }, (_, index) => `filter/${index}`);
    const bench = new SessionBench({ version });
    bench.connect();
    const answerAll = () => {
      for (let packets = bench.take(); packets.length > 0; packets = bench.take()) {
        bench.receive(
          ...packets.flatMap((packet) =>
            packet.type === 'subscribe'
              ? [suback(packet.packetId, ...packet.subscriptions.map(() => 0))]
              : [],
          ),
        );
      }
    };
    const asked = bench.subscribe(filters);
    answerAll();
    expect(asked.outcomes).toHaveLength(count);
    bench.cut();
    bench.connect();
    answerAll();
    expect(bench.session.subscriptions.get(`filter/${count - 1}`)).toMatchObject({ granted: true });
  }

  // Work for each filter that grows with their number would not end within the time that a test has.
  test.each([5, 4] as const)(
    'are subscribed to, and again in a new session, protocol level %i',
    (version) => {
      subscribeTwice(100_000, version);
    },
  );
});
