/** How a connection begins and ends: CONNECT, CONNACK, DISCONNECT and all that must not be sent [v5 3.1, 3.2, 3.14]. */

import { describe, expect, test } from 'vitest';
import type { Packet } from '../../../src/codec/packet';
import { ConnectionError, ProtocolError, RefusedError } from '../../../src/errors';
import { hex, toHex } from '../../support/hex';
import {
  auth,
  connack,
  connect,
  disconnect,
  pingreq,
  pingresp,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  suback,
  subscribe,
  unsuback,
  unsubscribe,
} from '../../support/packet-makers';
import { SessionBench } from '../../support/session-bench';

const versions = [5, 4, 3] as const;
const closed = new ConnectionError('closed', 'asked for');

describe.each(versions)('a connection, protocol level %i', (version) => {
  test('begins with CONNECT, whatever waits, and nothing follows before CONNACK [v5 MQTT-3.1.0-1, v3 MQTT-3.1.0-1]', () => {
    const bench = new SessionBench({ version });
    bench.publishAll('a0', 'b1', 'c2');
    bench.subscribe('f');
    bench.open();
    bench.expectSent(connect({ protocolVersion: version }));
    expect(bench.session.isConnected).toBe(false);
    bench.publishAll('d0', 'e1');
    bench.unsubscribe('g');
    bench.expectNothingSent();
    bench.accept();
    expect(bench.session.isConnected).toBe(true);
    bench.expectFlow(
      'subscribe 1 f',
      'unsubscribe 2 g',
      'publish a0',
      'publish d0',
      'publish b1 3',
      'publish c2 4',
      'publish e1 5',
    );
  });

  test('tells what CONNACK brought', () => {
    const bench = new SessionBench({ version });
    bench.connect();
    expect(bench.connections).toMatchObject([
      { sessionPresent: false, sessionLost: false, protocolVersion: version },
    ]);
    expect(bench.session.limits).toMatchObject({
      receiveMaximum: 65_535,
      maximumQoS: 2,
      retainAvailable: true,
      maximumPacketSize: Number.POSITIVE_INFINITY,
      topicAliasMaximum: 0,
      wildcardSubscriptionAvailable: true,
      sharedSubscriptionAvailable: true,
      subscriptionIdentifierAvailable: version === 5,
      sessionExpiryInterval: version === 5 ? 0 : undefined,
      clientId: 'client',
      userProperties: [],
    });
  });

  test('to a server of another protocol ends with the advice to look at the URL', () => {
    const bench = new SessionBench({ version });
    bench.open();
    // A packet type that there is not.
    bench.receiveBytes(Uint8Array.of(0, 0));
    expect(bench.lastEnd().error).toMatchObject({
      code: 'malformed-packet',
      reasonCode: 0x81,
      message: expect.stringMatching(/.+; check scheme and port of the URL$/),
    });
    // A server that accepted the connection speaks MQTT.
    bench.connect();
    bench.receiveBytes(Uint8Array.of(0, 0));
    expect(bench.lastEnd().error.message).toMatch(/reserved$/);
  });

  test('of which the transport breaks ends once, and says whether the server had answered', () => {
    const bench = new SessionBench({ version });
    bench.open();
    bench.kill(new Error('reset'));
    expect(bench.lastEnd()).toMatchObject({ by: 'network', wasConnected: false, answered: false });
    expect(bench.lastEnd().error).toMatchObject({ code: 'lost', cause: new Error('reset') });
    // As a TLS port does when it gets CONNECT.
    expect(bench.lastEnd().error.message).toMatch(
      /before it answered CONNECT: reset; check scheme and port of the URL$/,
    );
    bench.connect();
    bench.kill();
    expect(bench.lastEnd()).toMatchObject({ by: 'network', wasConnected: true, answered: true });
    expect(bench.lastEnd().error.message).toMatch(/was lost$/);
    bench.kill();
    expect(bench.ends).toHaveLength(2);
  });

  test('ends with our DISCONNECT, after which nothing follows [v5 MQTT-3.14.4-1, v3 MQTT-3.14.4-2]', () => {
    const bench = new SessionBench({ version, maxInflight: 1 });
    bench.connect();
    bench.publishAll('a1', 'b1');
    bench.receive(publish('in', 9));
    bench.take();
    bench.lingers = true;
    bench.turn(() => {
      bench.session.disconnect(0, undefined, closed);
      bench.acknowledge();
      bench.publishAll('c0', 'd1');
      bench.subscribe('f');
      bench.session.probe(bench.now);
    });
    bench.expectSent(disconnect());
    // `flush`: the last bytes leave, then whoever runs the session closes the transport.
    expect(bench.lastEnd()).toMatchObject({ by: 'us', flush: true, error: closed });
    bench.session.disconnect(0, undefined, closed);
    bench.session.drop(closed);
    expect(bench.ends).toHaveLength(1);
  });

  test('that is dropped ends without a word', () => {
    const bench = new SessionBench({ version });
    bench.connect();
    bench.session.drop(closed);
    bench.flush();
    bench.expectNothingSent();
    expect(bench.lastEnd()).toMatchObject({ by: 'us', flush: false, error: closed });
  });

  test('takes nothing more once it is over, not even the rest of a chunk', () => {
    const bench = new SessionBench({ version });
    bench.connect();
    bench.receive(publish('a'), connack(), publish('b', 1));
    expect(bench.topics).toEqual(['a']);
    bench.receive(publish('c'));
    expect(bench.topics).toEqual(['a']);
    expect(bench.ends).toHaveLength(1);
  });

  const forbidden: [string, Packet][] = [
    ['CONNECT', connect({ protocolVersion: version })],
    ['a second CONNACK', connack()],
    ['SUBSCRIBE', subscribe(1, ['f'])],
    ['UNSUBSCRIBE', unsubscribe(1, 'f')],
    ['PINGREQ', pingreq],
  ];
  if (version < 5) forbidden.push(['DISCONNECT', disconnect()]);
  if (version === 5) {
    forbidden.push(['AUTH', auth(0x18, { authenticationMethod: 'M' })], ['an empty AUTH', auth(0)]);
  }

  test.each(forbidden)(
    'ends when the server sends %s, which it must not [v3 MQTT-4.8.0-1]',
    (_name, packet) => {
      const bench = new SessionBench({ version });
      bench.connect();
      bench.receive(packet, publish('after'));
      const end = bench.expectClosedBy(0x82);
      expect(end.error).toBeInstanceOf(ProtocolError);
      expect(bench.topics).toEqual([]);
    },
  );

  const early: [string, Packet][] = [
    ['PUBLISH', publish('t')],
    ['PUBACK', puback(1)],
    ['PUBREC', pubrec(1)],
    ['PUBREL', pubrel(1)],
    ['PUBCOMP', pubcomp(1)],
    ['SUBACK', suback(1, 0)],
    ['UNSUBACK', version === 5 ? unsuback(1, 0) : unsuback(1)],
    ['PINGRESP', pingresp],
    ['DISCONNECT', disconnect()],
  ];

  test.each(early)('ends when the server sends %s before CONNACK [v3 MQTT-4.8.0-1]', (_name, packet) => {
    const bench = new SessionBench({ version });
    bench.open();
    bench.receive(packet, connack());
    const end = bench.expectClosedBy(0x82);
    expect(end).toMatchObject({ wasConnected: false, answered: true });
    expect(bench.connections).toEqual([]);
    expect(bench.delivered).toEqual([]);
  });

  test('ends on malformed bytes with 0x81, after what came before them and before what comes after [v3 MQTT-4.8.0-1]', () => {
    const bench = new SessionBench({ version });
    bench.connect();
    const properties = version === 5 ? hex`00` : hex``;
    // QoS 0 to 'a', a packet of the reserved type 0, QoS 0 to 'b'.
    const good = (topic: string) =>
      hex`30 ${toHex(Uint8Array.of(3 + properties.length))} 0001 ${topic} ${toHex(properties)}`;
    bench.receiveBytes(hex`${toHex(good("'a'"))} 0000 ${toHex(good("'b'"))}`);
    expect(bench.topics).toEqual(['a']);
    const end = bench.expectClosedBy(0x81);
    expect(end.error.code).toBe('malformed-packet');
  });

  test('ends when a packet is larger than we take, before it has come', () => {
    const bench = new SessionBench({ version, maximumPacketSize: 100 });
    bench.connect();
    bench.receiveBytes(hex`30 c801`);
    const end = bench.expectClosedBy(0x95);
    expect(end.error.code).toBe('packet-too-large');
  });

  test('ends when something of ours fails while a packet is worked on [v3 MQTT-4.8.0-2]', () => {
    const bench = new SessionBench({ version });
    bench.connect();
    const fault = new TypeError('a bug');
    bench.failing = fault;
    bench.receive(publish('a'), publish('b'));
    const end = bench.lastEnd();
    expect(end).toMatchObject({ by: 'us', flush: version === 5 });
    expect(end.error).toMatchObject({ code: 'lost', cause: fault });
    bench.expectFlow(...(version === 5 ? ['disconnect 0x83'] : []));
  });

  test('takes packets in chunks of any size', () => {
    const bench = new SessionBench({ version });
    bench.open();
    bench.take();
    bench.receiveBytewise(connack());
    bench.receiveBytewise(publish('a', 7, 1, { text: 'x'.repeat(300) }), publish('b'));
    bench.acknowledge(0);
    bench.expectSent(puback(7));
    expect(bench.topics).toEqual(['a', 'b']);
  });
});

describe('a refusing CONNACK', () => {
  test.each([
    [0x80, 'unspecified-error'],
    [0x84, 'unsupported-protocol-version'],
    [0x86, 'bad-user-name-or-password'],
    [0x87, 'not-authorized'],
    [0x89, 'server-busy'],
    [0x8c, 'bad-authentication-method'],
    [0x9f, 'connection-rate-exceeded'],
  ])('of MQTT 5.0 with code %i ends the link with that code and no DISCONNECT', (reasonCode, code) => {
    const bench = new SessionBench();
    bench.open();
    bench.take();
    bench.receive(connack({ reasonCode, reasonString: 'no' }));
    expect(bench.lastEnd()).toMatchObject({ by: 'server', reasonCode, flush: false, wasConnected: false });
    expect(bench.lastEnd().error).toMatchObject({ code, reasonCode });
    expect(bench.lastEnd().error.message).toContain('no');
    bench.expectNothingSent();
  });

  test('names another server', () => {
    const bench = new SessionBench();
    bench.open();
    bench.receive(connack({ reasonCode: 0x9c, serverReference: 'other:1883' }));
    expect(bench.lastEnd()).toMatchObject({ reasonCode: 0x9c, serverReference: 'other:1883' });
  });

  test.each([
    [1, 0x84],
    [2, 0x85],
    [3, 0x88],
    [4, 0x86],
    [5, 0x87],
  ])('of MQTT 3.1.1 with return code %i is told as reason code %i', (returnCode, reasonCode) => {
    for (const version of [4, 3] as const) {
      const bench = new SessionBench({ version });
      bench.open();
      bench.receive(connack({ reasonCode: returnCode }));
      expect(bench.lastEnd()).toMatchObject({ by: 'server', reasonCode });
    }
  });

  test('of two bytes to a CONNECT of MQTT 5.0 says that the server knows no MQTT 5.0', () => {
    for (const bytes of [[hex`20020001`], [hex`20`, hex`02`, hex`00`, hex`01`], [hex`200200`, hex`01ffff`]]) {
      const bench = new SessionBench();
      bench.open();
      bench.take();
      for (const chunk of bytes) bench.receiveBytes(chunk);
      expect(bench.lastEnd()).toMatchObject({ by: 'server', reasonCode: 0x84, answered: true });
      expect(bench.lastEnd().error).toBeInstanceOf(RefusedError);
      bench.expectNothingSent();
    }
  });

  test('of two bytes with any other code is no CONNACK of MQTT 5.0', () => {
    const bench = new SessionBench();
    bench.open();
    bench.receiveBytes(hex`20020005`);
    expect(bench.lastEnd()).toMatchObject({ by: 'us', reasonCode: undefined });
  });
});

test('a session expires as CONNECT asked for, unless CONNACK says otherwise', () => {
  for (const [given, expected] of [
    [undefined, 77],
    [0, 0],
  ]) {
    const bench = new SessionBench();
    bench.connect({ sessionExpiryInterval: given }, { properties: { sessionExpiryInterval: 77 } });
    expect(bench.session.limits?.sessionExpiryInterval).toBe(expected);
  }
});

test('CONNACK may come in one chunk with all that follows it', () => {
  const bench = new SessionBench({ maximumPacketSize: 10_000_000 });
  bench.open();
  // More than can be spread into the arguments of a call.
  bench.receive(connack(), publish('large', 0, 0, { text: 'x'.repeat(5_000_000) }));
  expect(bench.connections).toHaveLength(1);
  expect(bench.topics).toEqual(['large']);
});

describe('Session Present', () => {
  test('ends the link in MQTT 5.0 when there is no record of that session, and asks for a clean start [v5 MQTT-3.2.2-4]', () => {
    const bench = new SessionBench();
    bench.open();
    bench.accept({ sessionPresent: true });
    const end = bench.expectClosedBy(0x82);
    expect(end.cleanStart).toBe(true);
    expect(bench.connections).toEqual([]);
  });

  test('goes on in MQTT 3.1.1 when there is no record of that session', () => {
    const bench = new SessionBench({ version: 4 });
    bench.connect({ sessionPresent: true });
    expect(bench.connections).toMatchObject([{ sessionPresent: true, sessionLost: false }]);
  });

  test('ends the link when a clean session was asked for', () => {
    for (const version of [5, 4] as const) {
      const bench = new SessionBench({ version });
      bench.connect({}, { clean: true });
      bench.cut();
      bench.open({ clean: true });
      bench.accept({ sessionPresent: true });
      expect(bench.expectClosedBy(0x82).cleanStart).toBeUndefined();
    }
  });

  test('is known by a session that a store kept', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    bench.cut();
    bench.crash();
    expect(bench.session.record).toMatchObject({ protocolVersion: 5, clientId: 'client' });
    bench.resume();
    expect(bench.connections.at(-1)).toMatchObject({ sessionPresent: true, sessionLost: false });
  });

  test('belongs to the identifier that the server assigned', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect({ assignedClientIdentifier: 'assigned' }, { clientId: '' });
    expect(bench.session.limits?.clientId).toBe('assigned');
    expect(bench.store.list('session')).toMatchObject([{ clientId: 'assigned' }]);
  });
});

describe("the server's DISCONNECT", () => {
  test('ends the link with its code, whatever follows it [v5 MQTT-4.13.2-1]', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.receive(disconnect(0x8e, { reasonString: 'elsewhere' }), publish('after'));
    expect(bench.lastEnd()).toMatchObject({
      by: 'server',
      reasonCode: 0x8e,
      flush: false,
      wasConnected: true,
    });
    expect(bench.lastEnd().error).toMatchObject({ code: 'session-taken-over', reasonCode: 0x8e });
    expect(bench.lastEnd().error.message).toContain('elsewhere');
    bench.expectNothingSent();
    expect(bench.topics).toEqual([]);
  });

  test('with code 0 is an ordinary end', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.receive(disconnect());
    expect(bench.lastEnd()).toMatchObject({ by: 'server', reasonCode: 0 });
    expect(bench.lastEnd().error).toMatchObject({ code: 'lost' });
  });

  test('with code 0x80 is a refusal', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.receive(disconnect(0x80));
    expect(bench.lastEnd().error).toMatchObject({ code: 'unspecified-error', reasonCode: 0x80 });
  });

  test('names another server', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.receive(disconnect(0x9d, { serverReference: 'other' }));
    expect(bench.lastEnd()).toMatchObject({ reasonCode: 0x9d, serverReference: 'other' });
  });

  test('before CONNACK keeps its code as the cause', () => {
    const bench = new SessionBench();
    bench.open();
    bench.receive(disconnect(0x89));
    expect(bench.expectClosedBy(0x82).error.cause).toMatchObject({ reasonCode: 0x89 });
  });
});

describe('our DISCONNECT', () => {
  test('of a fault is sent in MQTT 5.0 before the link is closed [v5 MQTT-4.13.2-1]', () => {
    const bench = new SessionBench();
    bench.connect();
    bench.session.disconnect(0x83, { reasonString: 'x' }, closed);
    bench.expectSent(disconnect(0x83, { reasonString: 'x' }));
    expect(bench.lastEnd().flush).toBe(true);
  });

  test('of a fault is not sent before MQTT 5.0, where it would mean that all is well', () => {
    const bench = new SessionBench({ version: 4 });
    bench.connect();
    bench.session.disconnect(0x83, undefined, closed);
    bench.flush();
    bench.expectNothingSent();
    expect(bench.lastEnd().flush).toBe(false);
  });

  test('has no properties before MQTT 5.0', () => {
    const bench = new SessionBench({ version: 4 });
    bench.connect();
    bench.session.disconnect(0, { sessionExpiryInterval: 0 }, closed);
    bench.expectSent(disconnect());
  });

  test('leaves out its words when they make it too large for the server [v5 MQTT-3.14.2-3, v5 MQTT-3.14.2-4]', () => {
    const words = { reasonString: 'a long story', userProperties: [['more', 'words']] as const };
    for (const [maximumPacketSize, sent] of [
      [38, { sessionExpiryInterval: 7, ...words }],
      [37, { sessionExpiryInterval: 7 }],
    ] as const) {
      const bench = new SessionBench();
      bench.connect({ maximumPacketSize });
      bench.session.disconnect(4, { sessionExpiryInterval: 7, ...words }, closed);
      bench.expectSent(disconnect(4, sent));
    }
  });

  test('goes ahead of what waits for the store, and nothing follows it [v5 MQTT-3.14.4-1]', () => {
    const bench = new SessionBench({ store: 'manual' });
    bench.connect();
    bench.commit();
    bench.publish('a', 1);
    // The transport is not closed yet when the disk is done.
    bench.lingers = true;
    bench.turn(() => {
      bench.publish('b', 1);
      bench.session.disconnect(0, undefined, closed);
    });
    bench.commit();
    bench.expectSent(disconnect());
    expect(bench.store.list('publish')).toHaveLength(2);
  });

  test('goes out after what was before it where the store is done at once', () => {
    const bench = new SessionBench({ store: 'sync' });
    bench.connect();
    bench.turn(() => {
      bench.publish('a', 1);
      bench.session.disconnect(0, undefined, closed);
    });
    bench.expectFlow('publish a 1', 'disconnect');
  });

  test('may come before CONNACK', () => {
    const bench = new SessionBench();
    bench.open();
    bench.session.disconnect(0, undefined, closed);
    bench.flush();
    bench.expectFlow('connect', 'disconnect');
  });
});
