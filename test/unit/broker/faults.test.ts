import { describe, expect, test } from 'vitest';
import { Bench, hex } from '../../broker/bench';

/** A bench whose next client is served as the plan says. */
function served(plan: Parameters<Bench['faults']['next']>[0], count = 1): Bench {
  const bench = new Bench();
  bench.faults.next(plan, count);
  return bench;
}

describe('fault plans', () => {
  test('are for the next connections, one each, beside the one for all', () => {
    const bench = new Bench();
    bench.faults.always({ refuseSubscribe: 0x83 });
    bench.faults.next({ refusePublish: 0x97 }, 2);
    const plans = [1, 2, 3].map(() => bench.faults.take());
    expect(plans).toEqual([
      { refuseSubscribe: 0x83, refusePublish: 0x97 },
      { refuseSubscribe: 0x83, refusePublish: 0x97 },
      { refuseSubscribe: 0x83 },
    ]);
    bench.faults.clear();
    expect(bench.faults.take()).toEqual({});
  });

  test('may be changed while the connection is open', () => {
    const client = new Bench().connect();
    client.connection.wire.plan = { refuseSubscribe: 0x87 };
    expect(client.subscribe('a')).toEqual([0x87]);
    client.connection.wire.plan = {};
    expect(client.subscribe('a')).toEqual([2]);
  });
});

describe('refusals by order', () => {
  test.each([
    [5, 0x88, '2003008800'],
    [4, 0x88, '20020003'],
    [4, 3, '20020003'],
    [3, 0x87, '20020005'],
  ] as const)('CONNECT of MQTT %s with code %s', (version, refuseConnect, bytes) => {
    const client = served({ refuseConnect }).dial({ version });
    expect(client.bytes).toBe(bytes);
    expect(client.ending).toBe('ended');
  });

  test('CONNECT with a Server Reference', () => {
    const client = served({ refuseConnect: 0x9d, serverReference: 'there:1883' }).dial();
    expect(client.next('connack')).toMatchObject({
      reasonCode: 0x9d,
      properties: { serverReference: 'there:1883' },
    });
  });

  test('SUBSCRIBE, UNSUBSCRIBE and PUBLISH', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('#');
    const client = bench.connect({
      faults: { refuseSubscribe: 0x97, refuseUnsubscribe: 0x83, refusePublish: 0x99 },
    });
    expect(client.subscribe(['a', 'b'])).toEqual([0x97, 0x97]);
    expect(client.unsubscribe('a')).toEqual([0x83]);
    for (const qos of [1, 2] as const) client.publish('a', 'x', { qos, packetId: 1 });
    expect(client.take()).toMatchObject([{ reasonCode: 0x99 }, { reasonCode: 0x99 }]);
    expect(watcher.take()).toEqual([]);
  });
});

describe('silence', () => {
  test('from the start', () => {
    const bench = served({ silent: true });
    const client = bench.dial();
    bench.advance(1_000);
    expect(client.bytes).toBe('');
    expect(client.isClosed).toBe(false);
  });

  test('after CONNACK', () => {
    const client = served({ silentAfterConnect: true }).dial();
    expect(client.next('connack').reasonCode).toBe(0);
    client.send({ type: 'pingreq' });
    client.publish('a', '', { qos: 1 });
    expect(client.take()).toEqual([]);
  });

  test('of a server that only sends its own bytes', () => {
    const bench = new Bench();
    const client = bench.dial({ faults: { greeting: hex('d0 00'), insteadOfConnack: hex('20 02 00 01') } });
    expect(client.bytes).toBe('d00020020001');
  });
});

describe('acknowledgements', () => {
  test('are withheld until they are released, in order or reversed', () => {
    for (const order of ['kept', 'reversed'] as const) {
      const client = new Bench().connect({ faults: { withhold: ['puback'] } });
      for (const packetId of [1, 2, 3]) client.publish('a', '', { qos: 1, packetId });
      client.send({ type: 'pingreq' });
      expect(client.take()).toEqual([{ type: 'pingresp' }]);
      client.connection.release(order);
      const ids = client.take().map((packet) => 'packetId' in packet && packet.packetId);
      expect(ids).toEqual(order === 'kept' ? [1, 2, 3] : [3, 2, 1]);
    }
  });

  test('that are withheld keep the quota of the client in use', () => {
    const client = new Bench({ receiveMaximum: 2 }).connect({ faults: { withhold: ['puback'] } });
    for (const packetId of [1, 2, 3]) client.publish('a', '', { qos: 1, packetId });
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x93 }]);
  });

  test('of one type are reversed in groups', () => {
    const client = new Bench().connect({ faults: { reorder: { type: 'puback', count: 2 } } });
    for (const packetId of [1, 2, 3]) client.publish('a', '', { qos: 1, packetId });
    expect(client.take().map((packet) => 'packetId' in packet && packet.packetId)).toEqual([2, 1]);
  });

  test('and any other packet may be changed, doubled or dropped', () => {
    const bench = new Bench();
    const client = bench.connect({
      faults: {
        outgoing: (packet) => {
          if (packet.type === 'puback') return { ...packet, packetId: 99 };
          if (packet.type === 'pingresp') return [packet, packet];
          return packet.type === 'suback' ? undefined : packet;
        },
        incoming: (packet) => (packet.type === 'publish' && packet.topic === 'lost' ? undefined : packet),
      },
    });
    client.publish('a', '', { qos: 1 });
    client.publish('lost', '', { qos: 1 });
    client.send({ type: 'pingreq' });
    client.send({
      type: 'subscribe',
      packetId: 7,
      subscriptions: [{ filter: 'a', qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
    });
    expect(client.take()).toMatchObject([
      { type: 'puback', packetId: 99 },
      { type: 'pingresp' },
      { type: 'pingresp' },
    ]);
  });
});

describe('drops', () => {
  test('at once', () => {
    const client = new Bench().open(5, { closeOnAccept: true });
    expect(client.ending).toBe('ended');
  });

  test('before, after and on the n-th packet of a type', () => {
    const pings = (plan: Parameters<Bench['faults']['next']>[0]) => {
      const client = new Bench().connect({ faults: plan });
      for (let at = 0; at < 3; at += 1) if (!client.isClosed) client.send({ type: 'pingreq' });
      return [client.take().length, client.ending];
    };
    expect(pings({ dropBefore: { type: 'pingresp', count: 2 } })).toEqual([1, 'ended']);
    expect(pings({ dropAfter: { type: 'pingresp', count: 2 } })).toEqual([2, 'ended']);
    expect(pings({ dropOn: { type: 'pingreq', count: 2 } })).toEqual([1, 'destroyed']);
    expect(pings({ dropOn: { type: 'pingreq' } })).toEqual([0, 'destroyed']);
  });

  test('publish the will, as any loss does', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('will');
    const will = { topic: 'will', payload: hex('61'), qos: 0, retain: false } as const;
    bench.connect({ will, faults: { dropOn: { type: 'pingreq' } } }).send({ type: 'pingreq' });
    expect(watcher.messages()).toEqual(['will=a']);
  });

  test('after n bytes in: the rest is not seen', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('#', 0);
    const client = bench.open(4, { dropAfterBytesIn: 14 + 6 });
    client.sendBytes('10 0d 0004 4d515454 04 02 0000 0001 63'.replace('0d', '0d'));
    const rest = 14 + 6 - 15;
    client.sendBytes('30 03 0001 61'.concat('30 03 0001 62'));
    expect(rest).toBe(5);
    expect(watcher.published().map(({ topic }) => topic)).toEqual(['a']);
    expect(client.ending).toBe('destroyed');
  });

  test('after n bytes out: the rest is not sent', () => {
    const client = new Bench().dial({ version: 4, faults: { dropAfterBytesOut: 3 } });
    expect(client.bytes).toBe('200200');
    expect(client.ending).toBe('ended');
  });
});

describe('output', () => {
  test('in pieces of one byte', () => {
    const client = new Bench().dial({ version: 4, faults: { chunk: 1 } });
    expect(client.writes.map(({ length }) => length)).toEqual([1, 1, 1, 1]);
    expect(client.bytes).toBe('20020000');
  });

  test('that is late keeps its order, and its end comes after it', () => {
    const bench = new Bench();
    const client = bench.dial({ version: 4, faults: { delay: 1_000 } });
    client.send({ type: 'pingreq' });
    client.send({ type: 'disconnect', reasonCode: 0 });
    expect(client.bytes).toBe('');
    expect(client.ending).toBe('open');
    bench.advance(1);
    expect(client.bytes).toBe('20020000d000');
    expect(client.ending).toBe('ended');
  });

  test('that is gathered leaves in one piece', () => {
    const bench = new Bench();
    const client = bench.connect();
    client.connection.wire.plan = { merge: 500 };
    for (let at = 0; at < 3; at += 1) client.send({ type: 'pingreq' });
    expect(client.take()).toEqual([]);
    bench.advance(0.5);
    expect(client.take()).toHaveLength(3);
  });

  test('of a connection that never closes goes on', () => {
    const client = new Bench().connect({ faults: { neverClose: true } });
    client.sendBytes('00 00');
    expect(client.take()).toMatchObject([{ type: 'disconnect' }]);
    expect(client.ending).toBe('open');
  });
});
