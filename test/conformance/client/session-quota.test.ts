/** How many messages a session has on their way, and which identifiers they get [v5 2.2.1, 4.9, v3 2.3.1]. */

import { describe, expect, test } from 'vitest';
import { ConnectionError } from '../../../src/errors';
import {
  disconnect,
  pingreq,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  suback,
  subscribe,
  unsubscribe,
} from '../../support/packet-makers';
import { SessionBench, spend } from '../../support/session-bench';

/** Names of publishes: `x1` is topic `x1` with QoS 1. */
const many = (count: number, name = 'x1') => Array<string>(count).fill(name);

describe('the quota', () => {
  test("is the server's Receive Maximum: PUBACK, PUBCOMP and a failing PUBREC free a slot, PUBREC does not [v5 MQTT-3.3.4-7, v5 MQTT-4.9.0-1, v5 MQTT-4.9.0-2]", () => {
    const bench = new SessionBench();
    bench.connect({ receiveMaximum: 2 });
    bench.publishAll('a1', 'b2', 'c2', 'd1', 'e1');
    bench.expectFlow('publish a1 1', 'publish b2 2');
    bench.receive(pubrec(2));
    bench.expectFlow('pubrel 2');
    bench.receive(puback(1));
    bench.expectFlow('publish c2 3');
    bench.receive(pubcomp(2));
    bench.expectFlow('publish d1 4');
    bench.receive(pubrec(3, 0x97));
    bench.expectFlow('publish e1 5');
  });

  test('is at least one message at a time', () => {
    const bench = new SessionBench();
    bench.connect({ receiveMaximum: 1 });
    bench.publishAll('a2', 'b1');
    bench.expectFlow('publish a2 1');
    bench.receive(pubrec(1), pubcomp(1));
    bench.expectFlow('pubrel 1', 'publish b1 2');
  });

  test('is 65,535 where the server says nothing [v5 MQTT-4.9.0-1]', () => {
    const bench = new SessionBench({ maxInflight: 65_535, maxMessages: 100_000 });
    bench.connect();
    bench.publishAll(...many(2_000));
    expect(bench.take()).toHaveLength(2_000);
  });

  test('is maxInflight where that is lower', () => {
    for (const version of [5, 4] as const) {
      const bench = new SessionBench({ version, maxInflight: 2 });
      bench.connect(version === 5 ? { receiveMaximum: 10 } : {});
      bench.publishAll('a1', 'b1', 'c1');
      bench.expectFlow('publish a1 1', 'publish b1 2');
      bench.receive(puback(1));
      bench.expectFlow('publish c1 3');
    }
  });

  test('holds back nothing but PUBLISH of QoS 1 and 2 [v5 MQTT-3.3.4-8, v5 MQTT-4.9.0-3]', () => {
    const bench = new SessionBench();
    bench.connect({ receiveMaximum: 1 }, { keepAlive: 10 });
    bench.publishAll('a2', 'b1');
    bench.take();
    bench.publish('c', 0);
    bench.subscribe('f');
    bench.unsubscribe('f');
    bench.receive(publish('in', 9), publish('in', 8, 2));
    bench.acknowledge(0);
    bench.acknowledge(1);
    bench.receive(pubrel(8), pubrec(1));
    bench.pass(5_000);
    bench.tick();
    bench.expectSent(
      publish('c'),
      subscribe(2, ['f'], { subscriptionIdentifier: 1 }),
      unsubscribe(3, 'f'),
      { type: 'puback', packetId: 9, reasonCode: 0 },
      pubrec(8),
      { type: 'pubcomp', packetId: 8, reasonCode: 0 },
      pubrel(1),
      pingreq,
    );
    bench.session.disconnect(0, undefined, new ConnectionError('closed', 'asked for'));
    bench.expectSent(disconnect(0));
  });

  test('never grows above what it was: answers to what holds no slot give none back [v5 MQTT-3.3.4-7]', () => {
    const bench = new SessionBench();
    bench.connect({ receiveMaximum: 1 });
    bench.receive(puback(5), pubcomp(6), pubrec(7), pubcomp(7), pubrec(8, 0x97));
    bench.take();
    bench.publishAll('a1', 'b1');
    bench.expectFlow('publish a1 1');
    bench.receive(puback(1), puback(1));
    bench.expectFlow('publish b1 2');
    bench.publish('c', 1);
    bench.expectNothingSent();
  });

  test('is obeyed on resends, whose order it does not change', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.publishAll('a1', 'b2', 'c1');
    bench.take();
    bench.cut();
    bench.resume({ receiveMaximum: 1 });
    bench.publish('d', 1);
    bench.expectFlow('publish a1 1 dup');
    bench.receive(puback(1));
    bench.expectFlow('publish b2 2 dup');
    bench.receive(pubrec(2), pubcomp(2));
    bench.expectFlow('pubrel 2', 'publish c1 3 dup');
    bench.receive(puback(3));
    bench.expectFlow('publish d 4');
  });

  test('counts releases of earlier links, which it never holds back', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.publishAll('a2', 'b2', 'c2', 'd1');
    bench.receive(pubrec(1), pubrec(2), pubrec(3));
    bench.take();
    bench.cut();
    bench.resume({ receiveMaximum: 2 });
    bench.expectFlow('pubrel 1', 'pubrel 2', 'pubrel 3');
    bench.receive(pubcomp(1));
    bench.expectNothingSent();
    bench.receive(pubcomp(2));
    bench.expectFlow('publish d1 4 dup');
    bench.receive(pubcomp(3));
    bench.publishAll('e1', 'f1');
    bench.expectFlow('publish e1 5');
  });

  test('begins anew with each connection', () => {
    const bench = new SessionBench();
    bench.connect({ receiveMaximum: 1 });
    bench.publishAll('a1', 'b1', 'c1');
    bench.expectFlow('publish a1 1');
    bench.cut();
    bench.resume({ receiveMaximum: 3 });
    bench.expectFlow('publish a1 1 dup', 'publish b1 2', 'publish c1 3');
  });
});

describe('identifiers', () => {
  test('are shared by PUBLISH, SUBSCRIBE and UNSUBSCRIBE, none is 0 or in use [v5 MQTT-2.2.1-3, v5 MQTT-4.3.2-1, v5 MQTT-4.3.3-1, v3 MQTT-2.3.1-2]', () => {
    for (const version of [5, 4] as const) {
      const bench = new SessionBench({ version });
      bench.connect();
      bench.publish('a', 1);
      bench.subscribe('b');
      bench.unsubscribe('c');
      bench.publish('d', 2);
      bench.expectFlow('publish a 1', 'subscribe 2 b', 'unsubscribe 3 c', 'publish d 4');
    }
  });

  test('go round at 65,535 and pass over those in use [v5 MQTT-2.2.1-3, v5 MQTT-4.3.2-1, v3 MQTT-2.3.1-2, v3 MQTT-4.3.2-1]', () => {
    for (const version of [5, 4] as const) {
      const bench = new SessionBench({ version });
      bench.connect();
      bench.publish('held', 1);
      bench.publish('held', 2);
      bench.receive(pubrec(2));
      const held = bench.subscribe('held');
      bench.take();
      spend(bench, 4, 65_535);
      bench.publish('y', 1);
      bench.unsubscribe('z');
      bench.expectFlow('publish y 4', 'unsubscribe 5 z');
      expect(held.outcomes).toBeUndefined();
    }
  });

  test('are not used again when a QoS 2 message was given up, which the server may know [v5 MQTT-2.2.1-3]', () => {
    const bench = new SessionBench();
    bench.connect();
    const large = bench.publish('large', 2, { text: 'x'.repeat(100) });
    bench.cut();
    bench.resume({ maximumPacketSize: 50 });
    expect(large.outcome).toBe('failed packet-too-large');
    expect(bench.session.needsCleanStart).toBe(true);
    bench.expectNothingSent();
    spend(bench, 2, 65_535);
    bench.publish('y', 1);
    bench.expectFlow('publish y 2');
  });

  test('are waited for when all are in use, but a few are kept for SUBSCRIBE', () => {
    const bench = new SessionBench({ maxInflight: 65_535, maxMessages: 100_000, maxBytes: 10_000_000 });
    bench.connect();
    bench.publishAll(...many(65_535));
    expect(bench.take()).toHaveLength(65_535 - 16);
    bench.subscribe('f');
    bench.expectFlow('subscribe 65520 f');
    bench.receive(puback(100));
    bench.expectNothingSent();
    bench.receive(suback(65_520, 0));
    bench.expectFlow('publish x1 65521');
    bench.receive(puback(200));
    bench.expectFlow('publish x1 65522');
  });

  test('are waited for by SUBSCRIBE, and then by publishes when SUBSCRIBEs hold them all', () => {
    const bench = new SessionBench();
    bench.connect();
    const filters = Array.from({ length: 65_540 }, (_, index) => `f/${index}`);
    const requested = bench.subscribe(filters);
    expect(bench.take()).toHaveLength(65_535);
    const sent = bench.publish('a', 1);
    bench.expectNothingSent();
    bench.receive(...Array.from({ length: 65_535 }, (_, index) => suback(index + 1, 0)));
    bench.expectFlow(
      'subscribe 1 f/65535',
      'subscribe 2 f/65536',
      'subscribe 3 f/65537',
      'subscribe 4 f/65538',
      'subscribe 5 f/65539',
      'publish a 6',
    );
    bench.receive(...[1, 2, 3, 4, 5].map((packetId) => suback(packetId, 0)), puback(6));
    expect(requested.outcomes).toHaveLength(65_540);
    expect(sent.outcome).toBe('acknowledged 0');
  });

  test('freed by a publish go to a SUBSCRIBE that waits', () => {
    const bench = new SessionBench({ maxInflight: 65_535, maxMessages: 100_000, maxBytes: 10_000_000 });
    bench.connect();
    bench.publishAll(...many(65_535 - 16));
    for (let index = 0; index < 17; index++) bench.subscribe(`f${index}`);
    expect(bench.take()).toHaveLength(65_535);
    bench.receive(puback(100));
    bench.expectFlow('subscribe 100 f16');
  });

  test('are free again only once the end of their flow is durable', () => {
    const bench = new SessionBench({
      store: 'manual',
      maxInflight: 65_535,
      maxMessages: 100_000,
      maxBytes: 1e8,
    });
    bench.connect();
    bench.commit();
    bench.publishAll(...many(65_535 - 16));
    bench.commit();
    bench.publish('next', 1);
    bench.commit();
    bench.take();
    bench.receive(puback(9));
    bench.expectNothingSent();
    expect(bench.waiting).toBe(1);
    bench.commit();
    bench.expectFlow('publish next 65520');
    expect(bench.store.list('publish')).toHaveLength(65_535 - 16);
    // SUBSCRIBE has nothing to save, and so nothing else to wait for.
    for (let index = 0; index < 16; index++) bench.subscribe(`f${index}`);
    bench.take();
    bench.receive(puback(10));
    bench.subscribe('last');
    bench.expectNothingSent();
  });

  test('whose removal fails to be saved are free once it succeeds', () => {
    const bench = new SessionBench({
      store: 'manual',
      maxInflight: 65_535,
      maxMessages: 100_000,
      maxBytes: 1e8,
    });
    bench.connect();
    bench.commit();
    bench.publishAll(...many(65_535 - 16));
    bench.commit();
    bench.publish('next', 1);
    bench.commit();
    bench.receive(puback(9));
    bench.failCommit();
    bench.commit();
    expect(bench.store.list('publish')).toHaveLength(65_535 - 16);
    bench.resume();
    bench.commit();
    expect(bench.wire.at(-1)).toMatchObject({ type: 'publish', topic: 'next', dup: false });
  });

  test('are kept by a message until its final acknowledgement [v3 MQTT-2.3.1-3]', () => {
    const bench = new SessionBench({ version: 4, maxInflight: 65_535, maxMessages: 100_000, maxBytes: 1e8 });
    bench.connect();
    bench.publish('held', 2);
    bench.publishAll(...many(65_535 - 17));
    bench.publish('next', 1);
    bench.take();
    bench.receive(pubrec(1));
    bench.expectFlow('pubrel 1');
    bench.cut();
    bench.resume();
    expect(bench.wire.filter(({ type }) => type === 'pubrel')).toEqual([pubrel(1)]);
    bench.take();
    bench.receive(pubcomp(1));
    bench.expectFlow('publish next 65520');
  });
});
