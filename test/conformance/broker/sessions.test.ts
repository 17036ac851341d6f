/** Sessions [v5 4.1, 3.1.2.4, 3.1.2.11.2, v3 4.1, 3.1.2.4]. */

import { describe, expect, test } from 'vitest';
import { Bench, type ConnectOptions } from '../../broker/bench';

const both = [5, 4] as const;

/** A session that outlives its connection, in either version. */
function kept(version: 4 | 5 = 5, seconds = 60): ConnectOptions {
  const properties = version === 5 ? { sessionExpiryInterval: seconds } : undefined;
  return { version, clientId: 'x', clean: false, properties };
}

describe('a session that is kept', () => {
  test.each(both)(
    'MQTT %s: has its subscriptions and what was published meanwhile, QoS 1 and 2 [v5 MQTT-3.1.2-5, v5 MQTT-3.1.2-23, v5 MQTT-4.5.0-1, v3 MQTT-3.1.2-4, v3 MQTT-3.1.2-5, v3 MQTT-4.5.0-1, v3 MQTT-4.1.0-1]',
    (version) => {
      const bench = new Bench();
      const client = bench.subscriber(['t/#', 'u'], 2, kept(version));
      const online = bench.subscriber('t/a', 2);
      client.drop();
      const publisher = bench.connect();
      for (const qos of [0, 1, 2] as const) publisher.publish(`t/${'abc'[qos]}`, `${qos}`, { qos });
      publisher.publish('other', 'x', { qos: 1 });
      expect(online.messages()).toEqual(['t/a=0']);
      const back = bench.connect(kept(version));
      expect(back.messages()).toEqual(['t/b=1', 't/c=2']);
      publisher.publish('u', 'live');
      expect(back.messages()).toEqual(['u=live']);
    },
  );

  test('keeps QoS 0 messages too when the broker is told so', () => {
    const bench = new Bench({ queueQoS0: true });
    bench.subscriber('t', 2, kept()).drop();
    bench.connect().publish('t', 'zero');
    expect(bench.connect(kept()).published()).toMatchObject([{ qos: 0, topic: 't' }]);
  });

  test.each(both)(
    'MQTT %s: keeps what was in flight in both directions [v5 MQTT-3.1.2-23, v5 MQTT-4.4.0-1, v3 MQTT-3.1.2-4, v3 MQTT-4.4.0-1]',
    (version) => {
      const bench = new Bench();
      const client = bench.subscriber('t', 2, kept(version));
      const publisher = bench.connect();
      for (const qos of [1, 2] as const) publisher.publish('t', `${qos}`, { qos });
      const sent = client.published();
      client.publish('mine', 'once', { qos: 2, packetId: 77 });
      client.drop();
      const watcher = bench.subscriber('mine');
      const back = bench.connect(kept(version));
      expect(back.published()).toMatchObject(sent.map(({ packetId, qos }) => ({ packetId, qos, dup: true })));
      back.publish('mine', 'once', { qos: 2, packetId: 77, dup: true });
      back.ack('pubrel', 77);
      expect(back.take()).toMatchObject([
        { type: 'pubrec', packetId: 77 },
        { type: 'pubcomp', packetId: 77, reasonCode: 0 },
      ]);
      expect(watcher.messages()).toEqual(['mine=once']);
    },
  );

  test.each(both)('MQTT %s: has the queue of all its absences, in order', (version) => {
    const bench = new Bench();
    bench.subscriber('t', 1, kept(version)).drop();
    const publisher = bench.connect();
    for (const text of ['a', 'b']) publisher.publish('t', text, { qos: 1 });
    bench.connect(kept(version)).drop();
    publisher.publish('t', 'c', { qos: 1 });
    expect(bench.connect(kept(version)).messages()).toEqual(['t=a', 't=b', 't=c']);
  });

  test('may go on in another version', () => {
    const bench = new Bench();
    bench.subscriber('t', 1, kept(4)).drop();
    bench.connect().publish('t', 'x', { qos: 1, properties: { contentType: 'text/plain' } });
    const back = bench.dial(kept(5));
    expect(back.next('connack').sessionPresent).toBe(true);
    expect(back.published()).toMatchObject([{ topic: 't', properties: { contentType: 'text/plain' } }]);
  });

  test('drops the newest when its queue is full', () => {
    const bench = new Bench({ maximumQueued: 2 });
    bench.subscriber('t', 1, kept()).drop();
    for (const text of ['a', 'b', 'c']) bench.connect().publish('t', text, { qos: 1 });
    expect(bench.core.sessions.get('x')?.dropped).toBe(1);
    expect(bench.connect(kept()).messages()).toEqual(['t=a', 't=b']);
  });

  test('drops the newest when its queue has too many bytes, and takes any message when it is empty', () => {
    const bench = new Bench({ maximumQueuedBytes: 5 });
    bench.subscriber('t', 1, kept()).drop();
    for (const text of ['1234567', 'a']) bench.connect().publish('t', text, { qos: 1 });
    expect(bench.connect(kept()).messages()).toEqual(['t=1234567']);
    bench.core.connectionOf('x')?.kill();
    const back = bench.connect(kept());
    for (const { packetId } of back.published()) back.ack('puback', packetId ?? 0);
    back.drop();
    for (const text of ['abc', 'de', 'f']) bench.connect().publish('t', text, { qos: 1 });
    expect(bench.connect(kept()).messages()).toEqual(['t=abc', 't=de']);
  });
});

describe('a clean start', () => {
  test.each(both)(
    'MQTT %s: discards subscriptions, queue and what was in flight [v5 MQTT-3.1.2-4, v5 MQTT-3.1.4-4, v3 MQTT-3.1.2-6]',
    (version) => {
      const bench = new Bench();
      const client = bench.subscriber('t', 2, kept(version));
      const publisher = bench.connect();
      publisher.publish('t', 'in flight', { qos: 1 });
      client.publish('mine', 'received', { qos: 2, packetId: 9 });
      client.drop();
      publisher.publish('t', 'queued', { qos: 1 });
      const again = bench.connect({ ...kept(version), clean: true });
      expect(again.take()).toEqual([]);
      publisher.publish('t', 'live', { qos: 1 });
      expect(again.take()).toEqual([]);
      // The identifier is new again: the message goes out a second time.
      const watcher = bench.subscriber('mine');
      again.publish('mine', 'new', { qos: 2, packetId: 9, dup: true });
      again.ack('pubrel', 9);
      expect(watcher.messages()).toEqual(['mine=new']);
    },
  );

  test('of 3.1.1 lasts as long as the connection, and leaves nothing to the next [v3 MQTT-3.1.2-6]', () => {
    const bench = new Bench();
    const client = bench.subscriber('t', 2, { version: 4, clientId: 'x' });
    client.drop();
    expect(bench.core.sessions.has('x')).toBe(false);
    bench.connect().publish('t', 'lost', { qos: 1 });
    const next = bench.dial(kept(4));
    expect(next.next('connack').sessionPresent).toBe(false);
    expect(next.take()).toEqual([]);
  });
});

describe('no session', () => {
  test.each(both)(
    'MQTT %s: is found for a new client identifier, and one begins [v5 MQTT-3.1.2-6, v3 MQTT-3.1.2-4]',
    (version) => {
      const bench = new Bench();
      const client = bench.dial(kept(version));
      expect(client.next('connack')).toMatchObject({ sessionPresent: false, reasonCode: 0 });
      expect(client.subscribe('t', { qos: 1 })).toEqual([1]);
      client.drop();
      bench.connect().publish('t', 'x', { qos: 1 });
      expect(bench.connect(kept(version)).messages()).toEqual(['t=x']);
    },
  );
});

describe('the end of a session', () => {
  test('comes when the interval has passed without a connection [v5 MQTT-4.1.0-2]', () => {
    const bench = new Bench();
    bench.subscriber('t', 1, kept(5, 10)).drop();
    bench.connect().publish('t', 'x', { qos: 1 });
    bench.advance(9.9);
    expect(bench.core.sessions.has('x')).toBe(true);
    bench.advance(0.1);
    expect(bench.core.sessions.has('x')).toBe(false);
    expect(bench.core.subscriptions.count).toBe(0);
    const back = bench.dial(kept(5, 10));
    expect(back.next('connack').sessionPresent).toBe(false);
    expect(back.take()).toEqual([]);
  });

  test('is counted anew from each connection', () => {
    const bench = new Bench();
    bench.connect(kept(5, 10)).drop();
    bench.advance(9);
    const back = bench.connect(kept(5, 10));
    bench.advance(100);
    back.drop();
    bench.advance(9);
    expect(bench.core.sessions.has('x')).toBe(true);
  });

  test('never comes with 0xFFFFFFFF', () => {
    const bench = new Bench();
    bench.connect(kept(5, 0xffffffff)).drop();
    bench.advance(10 * 365 * 86_400);
    expect(bench.core.sessions.has('x')).toBe(true);
  });

  test.each(both)(
    'MQTT %s: does not come while the connection is open, whatever the interval [v5 MQTT-4.1.0-1, v3 MQTT-4.1.0-2, v3 MQTT-4.1.0-1]',
    (version) => {
      const bench = new Bench();
      const properties = version === 5 ? { sessionExpiryInterval: 0 } : undefined;
      const client = bench.subscriber('t', 2, { version, clientId: 'x', properties });
      bench.connect().publish('t', 'first', { qos: 2 });
      const [first] = client.published();
      bench.advance(1_000_000);
      bench.connect().publish('t', 'second', { qos: 1 });
      expect(client.messages()).toEqual(['t=second']);
      client.ack('pubrec', first?.packetId ?? 0);
      expect(client.take()).toMatchObject([{ type: 'pubrel', packetId: first?.packetId }]);
    },
  );

  test('can be moved by DISCONNECT, not from zero', () => {
    const bench = new Bench();
    bench.connect(kept(5, 10)).disconnect(0, 100);
    bench.advance(99);
    expect(bench.core.sessions.has('x')).toBe(true);
    bench.connect(kept(5, 10)).disconnect(0, 0);
    expect(bench.core.sessions.has('x')).toBe(false);
    const zero = bench.connect({ clientId: 'x' });
    zero.disconnect(0, 5);
    expect(zero.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
    expect(bench.core.sessions.has('x')).toBe(false);
  });

  test('leaves retained messages alone [v3 MQTT-3.1.2-7]', () => {
    const bench = new Bench();
    const client = bench.connect({ version: 4 });
    client.publish('t', 'stays', { retain: true, qos: 1 });
    client.drop();
    expect(bench.subscriber('t').messages()).toEqual(['t=stays']);
  });
});
