/** Delivery: the flows of QoS 0, 1 and 2 in both directions, resends, order, quota [v5 4.3 to 4.6, 4.9, v3 4.3 to 4.6]. */

import { describe, expect, test } from 'vitest';
import type { Packet } from '../../../src/codec/packet';
import { Bench, type BenchClient, type ConnectOptions, hex, text } from '../../broker/bench';

const both = [5, 4] as const;

function kept(version: 4 | 5 = 5, properties = {}): ConnectOptions {
  const v5 = { sessionExpiryInterval: 1_000, ...properties };
  return { version, clientId: 'x', clean: false, properties: version === 5 ? v5 : undefined };
}

/** Packets in short: type, identifier, and what they carry. */
function brief(packets: Packet[]): string[] {
  return packets.map((packet) => {
    if (packet.type === 'publish') {
      return `publish ${packet.packetId ?? '-'} qos${packet.qos}${packet.dup ? ' dup' : ''} ${text(packet.payload)}`;
    }
    return 'packetId' in packet ? `${packet.type} ${packet.packetId}` : packet.type;
  });
}

/** Publishes texts with one QoS. */
function publishAll(client: BenchClient, qos: 0 | 1 | 2, ...texts: string[]): void {
  for (const text of texts) client.publish('t', text, { qos });
  client.take();
}

describe('QoS 0 to a client', () => {
  test.each(both)(
    'MQTT %s: leaves once, without DUP and identifier [v5 MQTT-4.3.1-1, v5 MQTT-3.3.1-2, v5 MQTT-2.2.1-2, v3 MQTT-4.3.1-1, v3 MQTT-3.3.1-2, v3 MQTT-2.3.1-5]',
    (version) => {
      const bench = new Bench();
      const client = bench.subscriber('t', 2, kept(version));
      const before = client.bytes.length;
      publishAll(bench.connect(), 0, 'x');
      expect(client.bytes.slice(before)).toBe(version === 5 ? '300500017400'.concat('78') : '300400017478');
      client.take();
      client.drop();
      expect(brief(bench.connect(kept(version)).take())).toEqual([]);
    },
  );
});

describe('QoS 1 to a client', () => {
  test.each(both)(
    'MQTT %s: leaves with a free identifier and without DUP [v5 MQTT-4.3.2-1, v5 MQTT-4.3.2-2, v5 MQTT-2.2.1-4, v3 MQTT-4.3.2-1, v3 MQTT-2.3.1-4, v3 MQTT-2.3.1-1]',
    (version) => {
      const bench = new Bench();
      const client = bench.subscriber('t', 1, { version });
      publishAll(bench.connect(), 1, 'a', 'b', 'c');
      const packets = client.published();
      expect(packets.map(({ qos, dup }) => [qos, dup])).toEqual([
        [1, false],
        [1, false],
        [1, false],
      ]);
      const ids = packets.map(({ packetId }) => packetId ?? 0);
      expect(new Set(ids).size).toBe(3);
      expect(Math.min(...ids)).toBeGreaterThan(0);
    },
  );

  test.each(both)(
    'MQTT %s: is pending until its own PUBACK comes [v5 MQTT-4.3.2-3, v3 MQTT-4.3.2-1]',
    (version) => {
      const bench = new Bench();
      const client = bench.subscriber('t', 1, kept(version));
      publishAll(bench.connect(), 1, 'a', 'b');
      const [a, b] = client.published();
      client.ack('puback', a?.packetId ?? 0);
      client.ack('puback', 999);
      client.ack('pubcomp', b?.packetId ?? 0);
      client.drop();
      expect(brief(bench.connect(kept(version)).take())).toEqual([`publish ${b?.packetId} qos1 dup b`]);
    },
  );

  test('identifiers go round without touching those in use, and begin at 1 again', () => {
    const bench = new Bench();
    const client = bench.subscriber('t', 1);
    const publisher = bench.connect();
    publishAll(publisher, 1, 'pending');
    expect(client.published()[0]?.packetId).toBe(1);
    const seen: number[] = [];
    for (let round = 0; round < 65_540; round += 1) {
      publisher.publish('t', '', { qos: 1, packetId: 1 });
      publisher.inbox.length = 0;
      const [packet] = client.inbox.splice(0);
      const id = packet?.type === 'publish' ? (packet.packetId ?? 0) : 0;
      seen.push(id);
      client.ack('puback', id);
    }
    expect(seen.slice(65_530, 65_540)).toEqual([65_532, 65_533, 65_534, 65_535, 2, 3, 4, 5, 6, 7]);
  });
});

describe('QoS 2 to a client', () => {
  test.each(both)(
    'MQTT %s: goes PUBLISH, PUBREC, PUBREL, PUBCOMP under one identifier [v5 MQTT-4.3.3-1, v5 MQTT-4.3.3-2, v5 MQTT-4.3.3-4, v5 MQTT-2.2.1-5, v3 MQTT-4.3.3-1, v3 MQTT-2.3.1-6]',
    (version) => {
      const bench = new Bench();
      const client = bench.subscriber('t', 2, { version });
      publishAll(bench.connect(), 2, 'a', 'b');
      const [a, b] = client.published();
      expect([a, b]).toMatchObject([
        { qos: 2, dup: false },
        { qos: 2, dup: false },
      ]);
      expect(a?.packetId).not.toBe(b?.packetId);
      const id = b?.packetId ?? 0;
      client.ack('pubrec', id);
      expect(client.take()).toMatchObject([{ type: 'pubrel', packetId: id, reasonCode: 0 }]);
      expect(bench.core.sessions.get(client.connection.clientId)?.outbound.packetIds.get(id)).toBe('pubcomp');
      client.ack('pubcomp', id);
      expect(client.take()).toEqual([]);
      expect([
        ...(bench.core.sessions.get(client.connection.clientId)?.outbound.packetIds.keys() ?? []),
      ]).toEqual([a?.packetId]);
    },
  );

  test.each(both)(
    'MQTT %s: without PUBREC the PUBLISH goes out again after a resume [v5 MQTT-4.3.3-3, v3 MQTT-4.3.3-1]',
    (version) => {
      const bench = new Bench();
      const client = bench.subscriber('t', 2, kept(version));
      publishAll(bench.connect(), 2, 'a');
      const [a] = client.published();
      client.drop();
      expect(brief(bench.connect(kept(version)).take())).toEqual([`publish ${a?.packetId} qos2 dup a`]);
    },
  );

  test.each(both)(
    'MQTT %s: without PUBCOMP the PUBREL goes out again, never the PUBLISH [v5 MQTT-4.3.3-5, v5 MQTT-4.3.3-6, v3 MQTT-4.3.3-1]',
    (version) => {
      const bench = new Bench();
      const client = bench.subscriber('t', 2, kept(version));
      publishAll(bench.connect(), 2, 'a');
      const id = client.published()[0]?.packetId ?? 0;
      client.ack('pubrec', id);
      for (let round = 0; round < 2; round += 1) {
        client.drop();
        const back = bench.connect(kept(version));
        expect(brief(back.take())).toEqual([`pubrel ${id}`]);
        // The identifier is still taken.
        publishAll(bench.connect(), 1, 'b');
        const [b] = back.published();
        expect(b?.packetId).not.toBe(id);
        back.ack('puback', b?.packetId ?? 0);
        back.drop();
      }
      const last = bench.connect(kept(version));
      last.ack('pubcomp', id);
      last.drop();
      expect(brief(bench.connect(kept(version)).take())).toEqual([]);
    },
  );

  test.each(both)('MQTT %s: a PUBREC that comes again is answered again', (version) => {
    const bench = new Bench();
    const client = bench.subscriber('t', 2, { version });
    publishAll(bench.connect(), 2, 'a');
    const id = client.published()[0]?.packetId ?? 0;
    for (const _ of [1, 2]) client.ack('pubrec', id);
    expect(client.take()).toMatchObject([
      { type: 'pubrel', packetId: id, reasonCode: 0 },
      { type: 'pubrel', packetId: id, reasonCode: 0 },
    ]);
  });

  test('an unknown PUBREC is told so', () => {
    const client = new Bench().connect();
    client.ack('pubrec', 7);
    expect(client.take()).toMatchObject([{ type: 'pubrel', packetId: 7, reasonCode: 0x92 }]);
    const older = new Bench().connect({ version: 4 });
    older.ack('pubrec', 7);
    expect(older.bytes.slice(8)).toBe('62020007');
  });

  test('is not dropped when its expiry passes after the first send [v5 MQTT-4.3.3-7]', () => {
    const bench = new Bench();
    const client = bench.subscriber('t', 2, kept());
    bench.connect().publish('t', 'x', { qos: 2, properties: { messageExpiryInterval: 5 } });
    const [sent] = client.published();
    client.drop();
    bench.advance(100);
    const back = bench.connect(kept());
    expect(back.published()).toEqual([{ ...sent, dup: true }]);
    back.ack('pubrec', sent?.packetId ?? 0);
    bench.advance(100);
    back.ack('pubcomp', sent?.packetId ?? 0);
    expect(brief(back.take())).toEqual([`pubrel ${sent?.packetId}`]);
  });

  test.each(['puback', 'pubrec'] as const)('a %s of the wrong kind is a protocol error', (type) => {
    const bench = new Bench();
    const client = bench.subscriber('t', 2, kept());
    publishAll(bench.connect(), type === 'puback' ? 2 : 1, 'x');
    const id = client.published()[0]?.packetId ?? 0;
    client.ack(type, id);
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
    expect(brief(bench.connect(kept()).take())).toHaveLength(1);
  });

  test.each([
    ['PUBCOMP for a PUBLISH with QoS 1', 1, ['pubcomp']],
    ['PUBCOMP for a PUBLISH with QoS 2', 2, ['pubcomp']],
    ['PUBACK for a PUBREL', 2, ['pubrec', 'puback']],
  ] as const)(
    'a %s is a protocol error, and settles nothing [v5 MQTT-4.3.3-5, v3 MQTT-4.3.3-1]',
    (_, qos, acks) => {
      const bench = new Bench();
      const client = bench.subscriber('t', 2, kept());
      publishAll(bench.connect(), qos, 'x');
      const id = client.published()[0]?.packetId ?? 0;
      for (const type of acks) client.ack(type, id);
      expect(client.take().at(-1)).toMatchObject({ type: 'disconnect', reasonCode: 0x82 });
      expect(client.ending).toBe('ended');
      expect(brief(bench.connect(kept()).take())).toHaveLength(1);
    },
  );
});

test('identifiers follow the order of the messages, those that expired or are too large included [v5 MQTT-2.2.1-4]', () => {
  const bench = new Bench();
  bench.subscriber('t', 1, kept()).drop();
  const sender = bench.connect();
  sender.publish('t', 'late', { qos: 1, properties: { messageExpiryInterval: 1 } });
  sender.publish('t', 'x'.repeat(100), { qos: 1 });
  sender.publish('t', 'good', { qos: 1 });
  bench.advance(2);
  const back = bench.connect(kept(5, { maximumPacketSize: 50 }));
  expect(brief(back.published())).toEqual(['publish 3 qos1 good']);
});

describe('a refusal by the client', () => {
  test.each([
    [1, 'puback'],
    [2, 'pubrec'],
  ] as const)('of QoS %s in its %s settles the message [v5 MQTT-4.4.0-2, v5 MQTT-4.3.3-4]', (qos, type) => {
    const bench = new Bench();
    const client = bench.subscriber('t', 2, kept(5, { receiveMaximum: 1 }));
    publishAll(bench.connect(), qos, 'a', 'b');
    const [a] = client.published();
    client.ack(type, a?.packetId ?? 0, 0x97);
    // No PUBREL, the quota is free again, and nothing is sent twice.
    const [b, ...more] = client.take();
    expect(b).toMatchObject({ type: 'publish', payload: new TextEncoder().encode('b') });
    expect(more).toEqual([]);
    client.drop();
    expect(bench.connect(kept()).messages()).toEqual(['t=b']);
  });
});

describe('QoS 1 from a client', () => {
  test.each(both)(
    'MQTT %s: is handed on and answered by PUBACK with its identifier [v5 MQTT-4.3.2-4, v5 MQTT-2.2.1-5, v3 MQTT-4.3.2-2, v3 MQTT-2.3.1-6]',
    (version) => {
      const bench = new Bench();
      const watcher = bench.subscriber('t', 2);
      const client = bench.connect({ version });
      client.publish('t', 'x', { qos: 1, packetId: 4_711 });
      expect(client.take()).toMatchObject([{ type: 'puback', packetId: 4_711, reasonCode: 0 }]);
      expect(watcher.messages()).toEqual(['t=x']);
    },
  );

  test.each(both)(
    'MQTT %s: the same identifier is a new message after PUBACK, DUP or not [v5 MQTT-4.3.2-5, v3 MQTT-4.3.2-2]',
    (version) => {
      const bench = new Bench();
      const watcher = bench.subscriber('t', 2);
      const client = bench.connect({ version });
      for (const dup of [false, true, false]) client.publish('t', 'x', { qos: 1, packetId: 1, dup });
      expect(watcher.messages()).toEqual(['t=x', 't=x', 't=x']);
    },
  );
});

describe('QoS 2 from a client', () => {
  test.each(both)(
    'MQTT %s: is answered by PUBREC and PUBCOMP, and handed on once [v5 MQTT-4.3.3-8, v5 MQTT-4.3.3-10, v5 MQTT-4.3.3-11, v3 MQTT-4.3.3-2]',
    (version) => {
      const bench = new Bench();
      const watcher = bench.subscriber('t', 2);
      const client = bench.connect(kept(version));
      client.publish('t', 'x', { qos: 2, packetId: 7 });
      client.publish('t', 'x', { qos: 2, packetId: 7, dup: true });
      client.publish('t', 'x', { qos: 2, packetId: 7 });
      expect(brief(client.take())).toEqual(['pubrec 7', 'pubrec 7', 'pubrec 7']);
      client.drop();
      const back = bench.connect(kept(version));
      back.publish('t', 'x', { qos: 2, packetId: 7, dup: true });
      back.ack('pubrel', 7);
      expect(back.take()).toMatchObject([
        { type: 'pubrec', packetId: 7 },
        { type: 'pubcomp', packetId: 7, reasonCode: 0 },
      ]);
      expect(watcher.messages()).toEqual(['t=x']);
    },
  );

  test.each(both)(
    'MQTT %s: after PUBCOMP the identifier is that of a new message [v5 MQTT-4.3.3-12, v3 MQTT-4.3.3-2]',
    (version) => {
      const bench = new Bench();
      const watcher = bench.subscriber('t', 2);
      const client = bench.connect({ version });
      for (const dup of [false, true]) {
        client.publish('t', 'x', { qos: 2, packetId: 7, dup });
        client.ack('pubrel', 7);
      }
      expect(watcher.messages()).toEqual(['t=x', 't=x']);
    },
  );

  test.each([
    ['release', [], ['t=x']],
    ['receipt', ['t=x'], []],
  ] as const)('is forwarded on %s', (qos2Delivery, first, then) => {
    const bench = new Bench({ qos2Delivery });
    const watcher = bench.subscriber('t', 2);
    const client = bench.connect();
    client.publish('t', 'x', { qos: 2, packetId: 7 });
    expect(watcher.messages()).toEqual(first);
    client.ack('pubrel', 7);
    expect(watcher.messages()).toEqual(then);
  });

  test('that was not released ends with its session', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('t', 2);
    bench.connect().publish('t', 'x', { qos: 2, packetId: 7 });
    for (const { connection } of [...bench.core.sessions.values()])
      if (connection?.clientId === 'client2') connection.closed();
    expect(watcher.messages()).toEqual([]);
  });

  test('after a PUBREC that refused, the identifier is that of a new message [v5 MQTT-4.3.3-9]', () => {
    const bench = new Bench({ authorization: { publish: { deny: ['no'] } } });
    const watcher = bench.subscriber('#', 2);
    const client = bench.connect();
    client.publish('no', 'x', { qos: 2, packetId: 7 });
    client.publish('yes', 'x', { qos: 2, packetId: 7, dup: true });
    client.ack('pubrel', 7);
    expect(client.take()).toMatchObject([
      { type: 'pubrec', reasonCode: 0x87 },
      { type: 'pubrec', reasonCode: 0 },
      { type: 'pubcomp', reasonCode: 0 },
    ]);
    expect(watcher.messages()).toEqual(['yes=x']);
  });

  test('is completed although the message has expired meanwhile [v5 MQTT-4.3.3-13]', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('t', 0);
    const client = bench.connect();
    client.publish('t', 'x', { qos: 2, packetId: 7, properties: { messageExpiryInterval: 1 } });
    bench.advance(60);
    client.ack('pubrel', 7);
    expect(watcher.take()).toEqual([]);
    expect(client.take()).toMatchObject([
      { type: 'pubrec', packetId: 7 },
      { type: 'pubcomp', packetId: 7, reasonCode: 0 },
    ]);
  });

  test.each(both)(
    'MQTT %s: a PUBREL that nobody knows is answered all the same [v5 MQTT-4.3.3-11, v3 MQTT-4.3.3-2]',
    (version) => {
      const client = new Bench().connect({ version });
      client.ack('pubrel', 9);
      expect(client.take()).toMatchObject([
        { type: 'pubcomp', packetId: 9, reasonCode: version === 5 ? 0x92 : 0 },
      ]);
    },
  );
});

describe('resending', () => {
  test.each(both)(
    'MQTT %s: happens after a resume, with the first identifiers and DUP, and never before [v5 MQTT-4.4.0-1, v5 MQTT-3.3.1-1, v3 MQTT-4.4.0-1, v3 MQTT-3.3.1-1, v3 MQTT-2.3.1-4]',
    (version) => {
      const bench = new Bench();
      const client = bench.subscriber('t', 2, kept(version));
      const publisher = bench.connect();
      publishAll(publisher, 2, 'released');
      const released = client.published()[0]?.packetId ?? 0;
      client.ack('pubrec', released);
      publishAll(publisher, 1, 'one');
      publishAll(publisher, 2, 'two');
      client.take();
      bench.advance(100_000);
      client.send({ type: 'pingreq' });
      expect(brief(client.take())).toEqual(['pingresp']);
      client.drop();
      const back = bench.connect(kept(version));
      expect(brief(back.take())).toEqual([
        `pubrel ${released}`,
        'publish 2 qos1 dup one',
        'publish 3 qos2 dup two',
      ]);
      back.send({ type: 'pingreq' });
      expect(brief(back.take())).toEqual(['pingresp']);
    },
  );

  test.each(both)('MQTT %s: what was never sent goes out without DUP', (version) => {
    const bench = new Bench();
    bench.subscriber('t', 1, kept(version)).drop();
    publishAll(bench.connect(), 1, 'queued');
    expect(brief(bench.connect(kept(version)).take())).toEqual(['publish 1 qos1 queued']);
  });

  test('is not for a session that begins', () => {
    const bench = new Bench();
    const client = bench.subscriber('t', 1, kept());
    publishAll(bench.connect(), 1, 'a');
    client.drop();
    expect(bench.connect({ ...kept(), clean: true }).take()).toEqual([]);
  });
});

describe('order', () => {
  test.each(both)(
    'MQTT %s: one publisher, one topic, one QoS: in the order of publishing [v5 MQTT-4.6.0-5, v5 MQTT-4.6.0-6, v3 MQTT-4.6.0-5, v3 MQTT-4.6.0-6]',
    (version) => {
      const bench = new Bench();
      const texts = Array.from({ length: 50 }, (_, at) => `${at}`);
      for (const qos of [0, 1, 2] as const) {
        const client = bench.subscriber('t', 2, {
          ...kept(version),
          properties: version === 5 ? { receiveMaximum: 3, sessionExpiryInterval: 100 } : undefined,
        });
        const seen: string[] = [];
        const publisher = bench.connect();
        for (const [at, text] of texts.entries()) {
          publisher.publish('t', text, { qos, packetId: at + 1 });
          if (qos === 2) publisher.ack('pubrel', at + 1);
        }
        for (let round = 0; round < 200; round += 1) {
          for (const packet of client.take()) {
            if (packet.type === 'publish') {
              seen.push(text(packet.payload));
              if (packet.qos > 0) client.ack(packet.qos === 1 ? 'puback' : 'pubrec', packet.packetId ?? 0);
            }
            if (packet.type === 'pubrel') client.ack('pubcomp', packet.packetId);
          }
        }
        expect(seen).toEqual(texts);
        client.disconnect();
        bench.connect({ ...kept(version), clean: true }).drop();
      }
    },
  );

  test.each(both)(
    'MQTT %s: holds for resends, those queued behind them included [v3 MQTT-4.6.0-6, v5 MQTT-4.6.0-5]',
    (version) => {
      const bench = new Bench();
      const client = bench.subscriber('t', 1, kept(version));
      publishAll(bench.connect(), 1, 'a', 'b', 'c');
      const ids = client.published().map(({ packetId }) => packetId ?? 0);
      client.ack('puback', ids[1] ?? 0);
      client.drop();
      publishAll(bench.connect(), 1, 'd');
      expect(bench.connect(kept(version)).messages()).toEqual(['t=a', 't=c', 't=d']);
    },
  );

  test('PUBREL goes out again in the order of the PUBRECs', () => {
    const bench = new Bench();
    const client = bench.subscriber('t', 2, kept());
    publishAll(bench.connect(), 2, 'a', 'b', 'c');
    const [a = 0, b = 0, c = 0] = client.published().map(({ packetId }) => packetId);
    for (const id of [c, a, b]) client.ack('pubrec', id);
    client.drop();
    expect(brief(bench.connect(kept()).take())).toEqual([`pubrel ${c}`, `pubrel ${a}`, `pubrel ${b}`]);
  });
});

describe('the quota of the client', () => {
  test('is its Receive Maximum, 65,535 without one [v5 MQTT-4.9.0-1, v5 MQTT-3.3.4-9]', () => {
    const bench = new Bench();
    const small = bench.subscriber('t', 2, { properties: { receiveMaximum: 2 } });
    const one = bench.subscriber('t', 2, { properties: { receiveMaximum: 1 } });
    const large = bench.subscriber('t', 2);
    const publisher = bench.connect();
    for (let at = 0; at < 300; at += 1) publisher.publish('t', '', { qos: 1 });
    expect(small.published()).toHaveLength(2);
    expect(one.published()).toHaveLength(1);
    expect(large.published()).toHaveLength(300);
  });

  test('at zero holds PUBLISH back until PUBACK, PUBCOMP or a refusing PUBREC [v5 MQTT-4.9.0-2, v5 MQTT-3.3.4-9]', () => {
    const bench = new Bench();
    const client = bench.subscriber('t', 2, { properties: { receiveMaximum: 2 } });
    const publisher = bench.connect();
    publishAll(publisher, 2, 'a', 'b');
    publishAll(publisher, 1, 'c', 'd');
    publishAll(publisher, 2, 'e');
    const [a = 0, b = 0] = client.published().map(({ packetId }) => packetId);
    client.ack('pubrec', a);
    expect(brief(client.take())).toEqual([`pubrel ${a}`]);
    client.ack('pubcomp', a);
    const [c] = client.published();
    expect(text(c?.payload ?? hex(''))).toBe('c');
    client.ack('pubrec', b, 0x83);
    const [d] = client.published();
    expect(text(d?.payload ?? hex(''))).toBe('d');
    client.ack('puback', c?.packetId ?? 0);
    expect(client.messages()).toEqual(['t=e']);
    // An unknown acknowledgement gives nothing back.
    publishAll(publisher, 1, 'f');
    client.ack('puback', 60_000);
    expect(client.take()).toEqual([]);
  });

  test('at zero holds nothing else back [v5 MQTT-3.3.4-10, v5 MQTT-4.9.0-3]', () => {
    const bench = new Bench();
    const client = bench.subscriber('t', 1, { properties: { receiveMaximum: 1 } });
    publishAll(bench.connect(), 1, 'a', 'b');
    client.take();
    client.send({ type: 'pingreq' });
    client.publish('u', '', { qos: 1, packetId: 9 });
    client.publish('u', '', { qos: 2, packetId: 10 });
    client.ack('pubrel', 10);
    expect(brief(client.take())).toEqual(['pingresp', 'puback 9', 'pubrec 10', 'pubcomp 10']);
    expect(client.subscribe('u')).toEqual([2]);
    expect(client.unsubscribe('u')).toEqual([0]);
    publishAll(bench.connect(), 0, 'zero');
    expect(client.messages()).toEqual(['t=zero']);
  });

  test('holds for resends, and counts what waits for PUBCOMP', () => {
    const bench = new Bench();
    const client = bench.subscriber('t', 2, kept());
    publishAll(bench.connect(), 2, 'a', 'b', 'c');
    const [a = 0] = client.published().map(({ packetId }) => packetId);
    client.ack('pubrec', a);
    client.drop();
    const back = bench.connect(kept(5, { receiveMaximum: 2 }));
    expect(brief(back.take())).toEqual([`pubrel ${a}`, 'publish 2 qos2 dup b']);
    back.ack('pubcomp', a);
    expect(brief(back.take())).toEqual(['publish 3 qos2 dup c']);
  });
});

describe('the quota of the broker', () => {
  test('is exceeded by one message too many: 0x93', () => {
    const bench = new Bench({ receiveMaximum: 3 });
    const client = bench.connect();
    for (let id = 1; id <= 3; id += 1) client.publish('t', '', { qos: 2, packetId: id });
    client.publish('t', '', { qos: 2, packetId: 3, dup: true });
    client.publish('t', '', { qos: 0 });
    expect(brief(client.take())).toEqual(['pubrec 1', 'pubrec 2', 'pubrec 3', 'pubrec 3']);
    client.ack('pubrel', 1);
    client.publish('t', '', { qos: 2, packetId: 4 });
    expect(brief(client.take())).toEqual(['pubcomp 1', 'pubrec 4']);
    client.publish('t', '', { qos: 1, packetId: 5 });
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x93 }]);
    expect(client.ending).toBe('ended');
  });

  test('is given back by PUBACK, PUBCOMP and a refusing PUBREC', () => {
    const client = new Bench({ receiveMaximum: 1, authorization: { publish: { deny: ['no'] } } }).connect();
    for (const topic of ['yes', 'no']) client.publish(topic, '', { qos: 1, packetId: 1 });
    client.publish('no', '', { qos: 2, packetId: 2 });
    client.publish('yes', '', { qos: 2, packetId: 3 });
    client.ack('pubrel', 3);
    client.publish('yes', '', { qos: 2, packetId: 4 });
    expect(client.isClosed).toBe(false);
    client.publish('yes', '', { qos: 2, packetId: 5 });
    expect(client.isClosed).toBe(true);
  });

  test('is no rule of 3.1.1', () => {
    const client = new Bench({ receiveMaximum: 1 }).connect({ version: 4 });
    for (let id = 1; id <= 5; id += 1) client.publish('t', '', { qos: 2, packetId: id });
    expect(client.take()).toHaveLength(5);
  });

  test('begins anew with each connection', () => {
    const bench = new Bench({ receiveMaximum: 1 });
    bench.connect(kept()).publish('t', '', { qos: 2, packetId: 1 });
    const back = bench.connect(kept());
    back.publish('t', '', { qos: 2, packetId: 2 });
    expect(back.take()).toMatchObject([{ type: 'pubrec', packetId: 2 }]);
  });
});

describe('a client that reads slowly', () => {
  test('gets its QoS 1 messages once it reads again, and loses QoS 0 when it floods', () => {
    const bench = new Bench();
    const client = bench.subscriber('t', 1);
    client.bufferedAmount = 2_000_000;
    publishAll(bench.connect(), 1, 'a', 'b');
    publishAll(bench.connect(), 0, 'zero');
    expect(client.messages()).toEqual(['t=zero']);
    client.bufferedAmount = 20_000_000;
    publishAll(bench.connect(), 0, 'lost');
    expect(client.messages()).toEqual([]);
    client.bufferedAmount = 0;
    client.connection.drained();
    expect(client.messages()).toEqual(['t=a', 't=b']);
  });
});
