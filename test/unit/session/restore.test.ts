import { describe, expect, test } from 'vitest';
import type { SessionRecord, StoreRecord } from '../../../src/session/records';
import { puback, pubcomp, publish, pubrec, suback, subscribe } from '../../support/packet-makers';
import { type Published, SessionBench } from '../../support/session-bench';
import { ModelServer } from './model-server';

describe('a session that a store kept', () => {
  test('has its messages in order, those in flight with DUP', () => {
    const bench = new SessionBench({ store: 'sync', maxInflight: 3 });
    bench.connect();
    bench.publishAll('a2', 'b1', 'c2', 'd1', 'e2');
    bench.receive(pubrec(3), pubrec(1));
    bench.crash();
    expect(bench.session.counts).toMatchObject({ inFlight: 3, queued: 2 });
    expect([...bench.session.outgoing.pending()].map(({ topic }) => topic)).toEqual([
      'c2',
      'a2',
      'b1',
      'd1',
      'e2',
    ]);
    bench.resume();
    bench.expectFlow('pubrel 3', 'pubrel 1', 'publish b1 2 dup');
    bench.receive(puback(2));
    bench.expectFlow('publish d1 4');
    // What comes after it goes on where it stopped.
    bench.publish('f', 1);
    expect(bench.store.list('publish').map(({ id, topic }) => [id, topic])).toContainEqual([6, 'f']);
  });

  test('keeps its releases and their order when the page dies again', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    bench.publishAll('a2', 'b2', 'c2', 'd2');
    bench.receive(pubrec(3), pubrec(1), pubrec(4));
    bench.crash();
    bench.resume();
    bench.take();
    bench.receive(pubrec(2));
    bench.crash();
    bench.resume();
    bench.expectFlow('pubrel 3', 'pubrel 1', 'pubrel 4', 'pubrel 2');
  });

  test('gives no identifier away that a flow in it has', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    bench.publishAll('a2', 'b1');
    bench.receive(pubrec(1));
    bench.crash();
    bench.resume();
    bench.take();
    bench.subscribe('f');
    bench.publish('c', 1);
    bench.expectFlow('subscribe 3 f', 'publish c 4');
  });

  test('has its subscriptions with their identifiers, and gives new ones to others', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    const options = { qos: 2, retainAsPublished: true, noLocal: true, retainHandling: 1 } as const;
    bench.subscribe(['a', 'b'], options);
    bench.receive(suback(1, 2), suback(2, 2));
    bench.crash();
    expect(bench.session.subscriptions.get('b')).toMatchObject({ identifier: 2, granted: true });
    bench.resume();
    bench.expectNothingSent();
    bench.subscribe('c');
    bench.expectSent(subscribe(1, ['c'], { subscriptionIdentifier: 3 }));
    bench.cut();
    bench.connect();
    const asked = bench.take().flatMap((packet) => (packet.type === 'subscribe' ? packet.subscriptions : []));
    expect(new Set(asked.map(({ filter }) => filter))).toEqual(new Set(['a', 'b', 'c']));
    expect(asked.find(({ filter }) => filter === 'b')).toMatchObject(options);
  });

  test('has its subscriptions with the options that were granted last', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    bench.subscribe('f', { qos: 1 });
    bench.subscribe('f', { qos: 2, retainAsPublished: true });
    bench.receive(suback(1, 1), suback(2, 2));
    bench.crash();
    bench.connect();
    const options = { qos: 2, retainAsPublished: true } as const;
    expect(bench.take()).toMatchObject([{ type: 'subscribe', subscriptions: [{ filter: 'f', ...options }] }]);
  });

  test('gives no filter an identifier that the server may hold for another one', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    bench.subscribe(['a', 'b']);
    bench.receive(suback(1, 0), suback(2, 0));
    // Of neither is there a record: one was not answered, the other is over for us, though not for the server.
    bench.subscribe('c');
    bench.unsubscribe('b');
    for (let times = 0; times < 2; times += 1) {
      bench.crash();
      bench.resume();
    }
    for (const identifier of [4, 5]) {
      bench.crash();
      bench.resume();
      bench.subscribe(`new ${identifier}`);
      bench.expectSent(subscribe(1, [`new ${identifier}`], { subscriptionIdentifier: identifier }));
    }
  });

  test('counts on from the identifiers of its filters when a version of old has kept it', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    bench.subscribe(['a', 'b']);
    bench.receive(suback(1, 0), suback(2, 0));
    const [{ lastIdentifier: _, ...old }] = bench.store.list('session') as [SessionRecord];
    bench.store.apply([{ type: 'put', record: old }]);
    bench.crash();
    bench.resume();
    bench.subscribe('c');
    bench.expectSent(subscribe(1, ['c'], { subscriptionIdentifier: 3 }));
  });

  test('knows which QoS 2 identifiers of the server wait for their PUBREL', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    bench.receive(publish('a', 7, 2));
    bench.acknowledge();
    bench.crash();
    bench.resume();
    bench.receive(publish('a', 7, 2, { dup: true }));
    bench.expectFlow('pubrec 7');
    expect(bench.topics).toEqual(['a']);
  });

  test('hands a message out again that was not handled when the page died', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    bench.receive(publish('a', 7, 2));
    bench.crash();
    bench.resume();
    bench.receive(publish('a', 7, 2, { dup: true }));
    expect(bench.delivered.map(({ redelivered }) => redelivered)).toEqual([false, true]);
  });

  test('tells the end of its messages with their keys', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    bench.publish('a', 1, { key: 'one' });
    bench.publish('b', 1, { key: 'two' });
    bench.crash();
    bench.resume();
    bench.receive(puback(1), puback(2, 0x97));
    expect(bench.settled).toMatchObject([
      { key: 'one', error: undefined },
      { key: 'two', error: { code: 'quota-exceeded' } },
    ]);
  });

  test('keeps the retain flag, properties and payload of its messages', () => {
    const bench = new SessionBench({ store: 'sync' });
    const properties = { contentType: 'text', userProperties: [['a', 'b']] as const };
    bench.publish('a', 2, { text: 'payload', retain: true, properties });
    bench.crash();
    bench.connect();
    bench.expectSent(publish('a', 1, 2, { text: 'payload', retain: true, properties }));
  });

  test('knows what was to be sent anew when the page died in a new session', () => {
    const bench = new SessionBench({ store: 'sync', maxInflight: 2 });
    bench.connect();
    bench.publishAll('a2', 'b2', 'c1');
    bench.receive(pubrec(2));
    bench.cut();
    bench.connect({ receiveMaximum: 1 });
    bench.crash();
    expect(bench.session.counts).toMatchObject({ inFlight: 2, queued: 1 });
    bench.resume();
    bench.expectFlow('publish a2 3 dup', 'publish b2 1');
  });
});

/** What is to happen, from CONNECT to the last acknowledgement; the page dies once, after so many commits. */
function story(version: 4 | 5, dieAfter: number): number {
  const bench = new SessionBench({ version, store: 'manual', maxInflight: 2 });
  const server = new ModelServer(version);
  const properties = version === 5 ? { receiveMaximum: 2 } : undefined;
  const handled: string[] = [];
  let commits = 0;
  let acknowledged = 0;
  const sent: Published[] = [];

  const open = () => bench.open({ clean: bench.ends.at(-1)?.cleanStart ?? false, properties });
  const run = () => {
    for (let moved = true; moved; ) {
      moved = false;
      while (bench.waiting > 0) {
        if (commits === dieAfter) {
          commits += 1;
          server.cut();
          bench.crash();
          acknowledged = bench.delivered.length;
          open();
        }
        bench.commit(1);
        commits += 1;
        moved = true;
      }
      const out = bench.wire.shift();
      if (out) server.handle(out);
      const back = server.wire.shift();
      if (back) bench.receive(back);
      for (; acknowledged < bench.delivered.length; acknowledged += 1) {
        const delivered = bench.delivered[acknowledged];
        handled.push(`${delivered?.packet.topic} ${new TextDecoder().decode(delivered?.packet.payload)}`);
        bench.acknowledge(acknowledged);
      }
      moved ||= out !== undefined || back !== undefined;
    }
  };

  open();
  run();
  for (const [number, qos] of [
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 1],
    [5, 2],
  ] as const) {
    sent.push(bench.publish(`out/${qos}`, qos, { text: String(number), key: String(number) }));
    run();
  }
  server.publish(6, 2);
  server.publish(7, 1);
  server.publish(8, 2);
  run();

  const accepted = sent.flatMap(({ accepted: is }, index) => (is ? [index + 1] : []));
  const taken = server.taken.map(({ number }) => number);
  for (const number of accepted) expect(taken).toContain(number);
  const twice = server.taken.filter(
    ({ number, qos }) => qos === 2 && taken.indexOf(number) !== taken.lastIndexOf(number),
  );
  expect(twice).toEqual([]);
  expect(new Set(handled.filter((one) => one.startsWith('in/')))).toEqual(
    new Set(['in/2 6', 'in/1 7', 'in/2 8']),
  );
  expect(server.isDone).toBe(true);
  expect(bench.session.counts).toEqual({ queued: 0, queuedBytes: 0, inFlight: 0, unacknowledged: 0 });
  expect(bench.store.all().map(({ kind }) => kind)).toEqual(['session']);
  return commits;
}

describe.each([5, 4] as const)('a page that dies, protocol level %i', (version) => {
  test('loses no accepted message and sends none of QoS 2 twice, after whichever commit it dies', () => {
    const commits = story(version, Number.POSITIVE_INFINITY);
    expect(commits).toBeGreaterThan(15);
    for (let dieAfter = 0; dieAfter < commits; dieAfter += 1) story(version, dieAfter);
  });
});

describe('a store with half of a session', () => {
  /** A bench whose store holds these records. */
  function holding(...records: StoreRecord[]): SessionBench {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    bench.store.apply(records.map((record) => ({ type: 'put', record })));
    bench.crash();
    return bench;
  }

  const message = { kind: 'publish', qos: 2, topic: 'a', payload: Uint8Array.of(1), retain: false } as const;

  test('that has a release without its message loses no later message to it', () => {
    const bench = holding({ kind: 'release', id: 1, order: 1 });
    bench.resume();
    expect(bench.store.list('release')).toEqual([]);
    bench.publish('new', 2);
    bench.crash();
    bench.resume();
    bench.expectFlow('publish new 1 dup');
  });

  test('that has two messages under one identifier sends both', () => {
    const bench = holding(
      { ...message, id: 1, packetId: 7, topic: 'a' },
      { ...message, id: 2, packetId: 7, topic: 'b' },
      { kind: 'release', id: 2, order: 1 },
    );
    expect(bench.session.counts.inFlight).toBe(2);
    bench.resume();
    bench.expectFlow('publish a 7 dup', 'publish b 1');
    expect(bench.store.list('publish')).toMatchObject([{ packetId: 7 }, { packetId: 1, resent: true }]);
    expect(bench.store.list('release')).toEqual([]);
    bench.receive(pubrec(7), pubcomp(7), pubrec(1), pubcomp(1));
    expect(bench.store.list('publish')).toEqual([]);
  });

  test.each(['payload', 'topic'])('that has a message without %s restores nothing', (member) => {
    const bench = new SessionBench({ store: 'sync' });
    const damaged = { ...message, id: 3, packetId: 0, [member]: undefined } as unknown as StoreRecord;
    const records: StoreRecord[] = [
      { kind: 'session', id: 0, protocolVersion: 5, clientId: 'client' },
      { ...message, id: 1, packetId: 0 },
      { ...message, id: 2, packetId: 9 },
    ];
    expect(() => bench.session.restore([...records, damaged])).toThrow(
      expect.objectContaining({ code: 'store-corrupt' }),
    );
    expect([...bench.session.records()]).toEqual([]);
    bench.session.restore(records);
    expect([...bench.session.records()]).toHaveLength(3);
  });
});
