/** Enhanced authentication: AUTH on the way to a connection, and again on one that stands [v5 4.12]. */

import { describe, expect, test } from 'vitest';
import { encode } from '../../../src/codec/encode';
import { ConnectionError, UsageError } from '../../../src/errors';
import { auth, connack, connect, disconnect, publish } from '../../support/packet-makers';
import { SessionBench } from '../../support/session-bench';

const bytes = (...values: number[]) => Uint8Array.from(values);
const method = { authenticationMethod: 'M' };

function opened(): SessionBench {
  const bench = new SessionBench();
  bench.open({ properties: { ...method, authenticationData: bytes(1) } });
  return bench;
}

function connected(): SessionBench {
  const bench = opened();
  bench.take();
  bench.receive(connack(method));
  bench.turn(() => bench.session.confirm(bench.now));
  return bench;
}

describe('enhanced authentication', () => {
  test('answers each AUTH with AUTH 0x18 and the method, until the server accepts [v5 MQTT-4.12.0-3, v5 MQTT-4.12.0-5]', () => {
    const bench = opened();
    bench.expectSent(connect({ properties: { ...method, authenticationData: bytes(1) } }));
    for (const [question, answer] of [
      [2, 3],
      [4, 5],
    ] as const) {
      bench.receive(auth(0x18, { ...method, authenticationData: bytes(question) }));
      expect(bench.challenges.at(-1)).toEqual(bytes(question));
      bench.turn(() => bench.session.authenticate(bytes(answer), false));
      bench.expectSent(auth(0x18, { ...method, authenticationData: bytes(answer) }));
    }
    bench.receive(connack({ ...method, authenticationData: bytes(6) }));
    expect(bench.proofs).toEqual([bytes(6)]);
    expect(bench.session.isConnected).toBe(false);
    bench.turn(() => bench.session.confirm(bench.now));
    expect(bench.session.isConnected).toBe(true);
    expect(bench.connections).toHaveLength(1);
  });

  test('lets nothing but AUTH and DISCONNECT leave before CONNACK [v5 MQTT-3.1.2-30]', () => {
    const bench = new SessionBench();
    bench.publishAll('a0', 'b1');
    bench.subscribe('f');
    bench.open({ properties: method, keepAlive: 10 });
    bench.receive(auth(0x18, method));
    bench.publish('c', 1);
    bench.session.probe(bench.now);
    bench.turn(() => bench.session.authenticate(undefined, false));
    bench.pass(60_000);
    bench.tick();
    bench.expectSent(connect({ properties: method, keepAlive: 10 }), auth(0x18, method));
    bench.session.disconnect(0, undefined, new ConnectionError('closed', 'asked for'));
    bench.expectSent(disconnect());
  });

  test('holds what the server sends until it has proved itself, then takes it in order', () => {
    const bench = opened();
    bench.take();
    bench.publish('waits', 1);
    bench.receive(connack(method), publish('a'), publish('b', 7));
    bench.receive(publish('c'));
    expect(bench.topics).toEqual([]);
    bench.expectNothingSent();
    bench.turn(() => bench.session.confirm(bench.now));
    expect(bench.topics).toEqual(['a', 'b', 'c']);
    bench.expectFlow('publish waits 1');
  });

  test('delivers nothing of a server that fails to prove itself', () => {
    const bench = opened();
    bench.take();
    bench.receive(connack(method), publish('a'));
    bench.session.disconnect(0x87, undefined, new ConnectionError('closed', 'not him'));
    bench.expectSent(disconnect(0x87));
    bench.turn(() => bench.session.confirm(bench.now));
    expect(bench.topics).toEqual([]);
    expect(bench.connections).toEqual([]);
  });

  test('holds no more than a mebibyte', () => {
    const bench = opened();
    bench.receive(connack(method));
    const packet = publish('t', 0, 0, { text: 'x'.repeat(60_000) });
    for (let count = 0; count < 17; count += 1) bench.receive(packet);
    expect(bench.session.protocolVersion).toBe(5);
    bench.receive(packet);
    bench.expectClosedBy(0x82);
    bench.turn(() => bench.session.confirm(bench.now));
    expect(bench.topics).toEqual([]);
  });

  test('ends when a held packet breaks a rule, and delivers nothing after it', () => {
    const bench = opened();
    bench.receive(connack(method), publish('a'), connack(), publish('b'));
    expect(bench.ends).toEqual([]);
    bench.turn(() => bench.session.confirm(bench.now));
    bench.expectClosedBy(0x82);
    expect(bench.topics).toEqual(['a']);
  });

  test('takes nothing that was held behind the DISCONNECT of the server', () => {
    const bench = opened();
    bench.receive(connack(method), publish('a'), disconnect(0x8b), publish('b'));
    bench.turn(() => bench.session.confirm(bench.now));
    expect(bench.lastEnd()).toMatchObject({ by: 'server', reasonCode: 0x8b });
    expect(bench.topics).toEqual(['a']);
  });

  test.each([
    ['another method in AUTH [v5 MQTT-4.12.0-5]', auth(0x18, { authenticationMethod: 'other' })],
    ['another method in CONNACK [v5 MQTT-4.12.0-5]', connack({ authenticationMethod: 'other' })],
    ['no method in CONNACK [v5 MQTT-4.12.0-5]', connack()],
    ['AUTH without a method', auth(0)],
    ['AUTH 0x00 before CONNACK', auth(0, method)],
    ['AUTH 0x19', auth(0x19, method)],
  ])('ends with 0x82 on %s', (_name, packet) => {
    const bench = opened();
    bench.receive(packet);
    bench.expectClosedBy(0x82);
    expect(bench.connections).toEqual([]);
    expect(bench.challenges).toEqual([]);
    expect(bench.proofs).toEqual([]);
  });

  test.each([
    ['AUTH', auth(0x18, method)],
    ['CONNACK with a method', connack(method)],
  ])('that was not asked for ends the link: %s', (_name, packet) => {
    const bench = new SessionBench();
    bench.open();
    bench.receive(packet);
    bench.expectClosedBy(0x82);
  });

  test('is over with a refusing CONNACK, which needs no method', () => {
    const bench = opened();
    bench.receive(auth(0x18, method), connack({ reasonCode: 0x87 }));
    expect(bench.lastEnd()).toMatchObject({ by: 'server', reasonCode: 0x87 });
    bench.turn(() => bench.session.confirm(bench.now));
    expect(bench.connections).toEqual([]);
  });

  test('without a method sends no AUTH [v5 MQTT-4.12.0-7]', () => {
    const bench = new SessionBench();
    bench.connect();
    expect(() => bench.session.authenticate(bytes(1), true)).toThrow(UsageError);
    bench.flush();
    bench.expectNothingSent();
    bench.receive(auth(0, method));
    bench.expectClosedBy(0x82);
  });
});

describe('re-authentication', () => {
  test('begins with AUTH 0x19 and the method of CONNECT, while everything else goes on [v5 MQTT-4.12.1-1]', () => {
    const bench = connected();
    bench.turn(() => bench.session.authenticate(bytes(1), true));
    bench.expectSent(auth(0x19, { ...method, authenticationData: bytes(1) }));
    bench.receive(publish('a'), auth(0x18, { ...method, authenticationData: bytes(2) }));
    bench.publish('b');
    bench.turn(() => bench.session.authenticate(bytes(3), false));
    bench.expectSent(publish('b'), auth(0x18, { ...method, authenticationData: bytes(3) }));
    bench.receive(auth(0, { ...method, authenticationData: bytes(4) }));
    expect(bench.proofs).toEqual([undefined, bytes(4)]);
    expect(bench.challenges).toEqual([bytes(2)]);
    expect(bench.topics).toEqual(['a']);
    // It is over: another AUTH would have to be asked for.
    bench.receive(auth(0x18, method));
    bench.expectClosedBy(0x82);
  });

  test('is not for the server to begin', () => {
    const bench = connected();
    bench.receive(auth(0x18, method));
    bench.expectClosedBy(0x82);
    expect(bench.challenges).toEqual([]);
  });

  test('that fails closes the connection, with DISCONNECT before it', () => {
    const bench = connected();
    bench.turn(() => bench.session.authenticate(bytes(1), true));
    bench.take();
    bench.session.disconnect(0x87, undefined, new ConnectionError('closed', 'not him'));
    bench.expectSent(disconnect(0x87));
    expect(bench.lastEnd()).toMatchObject({ by: 'us', flush: true });
  });

  test('with another method ends the link [v5 MQTT-4.12.0-5]', () => {
    const bench = connected();
    bench.turn(() => bench.session.authenticate(bytes(1), true));
    bench.receive(auth(0, { authenticationMethod: 'other' }));
    bench.expectClosedBy(0x82);
  });

  test('is not for the server to begin anew', () => {
    const bench = connected();
    bench.turn(() => bench.session.authenticate(bytes(1), true));
    bench.receive(auth(0x19, method));
    bench.expectClosedBy(0x82);
    expect(bench.proofs).toEqual([undefined]);
  });

  test('is forgotten with the link', () => {
    const bench = connected();
    bench.turn(() => bench.session.authenticate(bytes(1), true));
    bench.cut();
    bench.open({ properties: method });
    bench.receive(connack({ sessionPresent: true, ...method }));
    bench.turn(() => bench.session.confirm(bench.now));
    bench.receive(auth(0, method));
    bench.expectClosedBy(0x82);
  });

  test('whose AUTH is larger than the server takes ends the link instead of being sent [v5 MQTT-3.2.2-15]', () => {
    const bench = opened();
    bench.take();
    bench.receive(connack({ ...method, maximumPacketSize: 20 }));
    bench.turn(() => bench.session.confirm(bench.now));
    bench.lingers = true;
    bench.turn(() => bench.session.authenticate(new Uint8Array(20), true));
    bench.expectSent(disconnect(0x83));
    expect(bench.lastEnd().error).toMatchObject({ code: 'packet-too-large' });
  });

  test('of exactly the size that the server takes is sent, with neither Reason String nor User Properties [v5 MQTT-3.15.2-2, v5 MQTT-3.15.2-3]', () => {
    const packet = auth(0x19, { ...method, authenticationData: bytes(1) });
    const bench = opened();
    bench.take();
    bench.receive(connack({ ...method, maximumPacketSize: encode(packet, 5).length }));
    bench.turn(() => bench.session.confirm(bench.now));
    bench.turn(() => bench.session.authenticate(bytes(1), true));
    bench.expectSent(packet);
  });

  test('does nothing without a link', () => {
    const bench = connected();
    bench.cut();
    bench.turn(() => bench.session.authenticate(bytes(1), true));
    bench.open();
    bench.expectSent(connect());
  });
});
