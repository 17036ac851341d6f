/** CONNACK [v5 3.2, v3 3.2]. */

import { describe, expect, test } from 'vitest';
import { packetSize } from '../../../src/codec/writer';
import { Bench, type ConnectOptions, hex } from '../../broker/bench';
import type { BrokerOptions } from '../../broker/options';

const both = [5, 4] as const;
const kept = { sessionExpiryInterval: 60 };

/** Every way in which a client of the broker can be refused. */
const refusals: readonly (readonly [
  string,
  BrokerOptions,
  ConnectOptions,
  v5: number,
  v3: number | undefined,
])[] = [
  ['a client identifier', { refusedClientIds: ['x'] }, { clientId: 'x' }, 0x85, 2],
  ['an anonymous client', { allowAnonymous: false }, {}, 0x87, 5],
  ['a user', { users: [{ username: 'a', password: 'b' }] }, { username: 'a' }, 0x86, 4],
  ['a version', { protocolVersions: [3] }, {}, 0x84, 1],
  ['one too many', { maximumConnections: 0 }, {}, 0x97, 3],
  ['the QoS of a will', { maximumQoS: 1 }, { will: will({ qos: 2 }) }, 0x9b, undefined],
  ['a retained will', { retainAvailable: false }, { will: will({ retain: true }) }, 0x9a, undefined],
  ['a will by the rules', { authorization: { publish: { deny: ['t'] } } }, { will: will({}) }, 0x87, 5],
  ['by order', {}, { faults: { refuseConnect: 0x89 } }, 0x89, 3],
  ['a ban', {}, { faults: { refuseConnect: 0x8a } }, 0x8a, undefined],
];

function will(rest: { qos?: 2; retain?: true }) {
  return { topic: 't', payload: hex('00'), qos: 0, retain: false, ...rest } as const;
}

/** The Connect Reason Codes [v5 table 3-1] and return codes [v3 table 3.1]. */
const tables = {
  5: [
    0, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8c, 0x90, 0x95, 0x97, 0x99, 0x9a,
    0x9b, 0x9c, 0x9d, 0x9f,
  ],
  4: [0, 1, 2, 3, 4, 5],
} as const;

describe('a refusal', () => {
  test.each(refusals)(
    'of %s has a code of the table and Session Present 0, and closes [v5 MQTT-3.2.2-6, v5 MQTT-3.2.2-7, v5 MQTT-3.2.2-8, v5 MQTT-4.13.2-1]',
    (_, options, connect, code) => {
      const client = new Bench(options).dial(connect);
      const packet = client.next('connack');
      expect(packet).toMatchObject({ reasonCode: code, sessionPresent: false });
      expect(tables[5]).toContain(packet.reasonCode);
      expect(client.ending).toBe('ended');
    },
  );

  test.each(refusals)(
    'of %s in 3.1.1 has a return code, or closes without one [v3 MQTT-3.2.2-4, v3 MQTT-3.2.2-5, v3 MQTT-3.2.2-6]',
    (_, options, connect, _v5, code) => {
      const client = new Bench(options).dial({ ...connect, version: 4 });
      expect(client.bytes).toBe(code === undefined ? '' : `200200${code.toString(16).padStart(2, '0')}`);
      expect(client.ending).toBe('ended');
    },
  );

  test.each(both)(
    'MQTT %s: says Session Present 0 although there is a session, and leaves it [v5 MQTT-3.2.2-6, v3 MQTT-3.2.2-4]',
    (version) => {
      const bench = new Bench();
      const properties = version === 5 ? kept : undefined;
      bench.subscriber('t', 1, { version, clientId: 'x', clean: false, properties }).drop();
      const refused = bench.dial({ version, clientId: 'x', clean: false, faults: { refuseConnect: 0x88 } });
      expect(refused.next('connack').sessionPresent).toBe(false);
      expect(bench.core.sessions.has('x')).toBe(true);
    },
  );
});

describe('the flags', () => {
  test.each(both)(
    'MQTT %s: are 0 or 1, as sessions are found [v5 MQTT-3.2.2-1, v5 MQTT-3.2.2-3, v3 MQTT-3.2.2-2, v3 MQTT-3.2.2-3]',
    (version) => {
      const bench = new Bench();
      const properties = version === 5 ? kept : undefined;
      const options = { version, clientId: 'x', clean: false, properties };
      const first = bench.dial(options);
      expect(first.writes[0]?.slice(2, 4)).toEqual(hex('00 00'));
      first.drop();
      expect(bench.dial(options).writes[0]?.slice(2, 4)).toEqual(hex('01 00'));
    },
  );

  test.each(both)(
    'MQTT %s: are 0 after a clean start over a stored session [v5 MQTT-3.2.2-2, v3 MQTT-3.2.2-1]',
    (version) => {
      const bench = new Bench();
      const properties = version === 5 ? kept : undefined;
      bench.dial({ version, clientId: 'x', clean: false, properties }).drop();
      const client = bench.dial({ version, clientId: 'x', clean: true, properties });
      expect(client.next('connack')).toMatchObject({ sessionPresent: false, reasonCode: 0 });
    },
  );

  test('MQTT 3.1 has none', () => {
    const bench = new Bench();
    bench.dial({ version: 3, clientId: 'x', clean: false }).drop();
    expect(bench.dial({ version: 3, clientId: 'x', clean: false }).bytes).toBe('20020000');
  });
});

describe('its place', () => {
  test.each(both)(
    'MQTT %s: is before everything that waited for the client [v5 MQTT-3.2.0-1, v3 MQTT-3.2.0-1]',
    (version) => {
      const bench = new Bench();
      const properties = version === 5 ? kept : undefined;
      const options = { version, clientId: 'x', clean: false, properties };
      bench.subscriber('t', 2, options).drop();
      for (const qos of [1, 2] as const) bench.connect().publish('t', 'waiting', { qos });
      expect(
        bench
          .dial(options)
          .take()
          .map(({ type }) => type),
      ).toEqual(['connack', 'publish', 'publish']);
    },
  );

  test('is taken once only [v5 MQTT-3.2.0-2]', () => {
    const bench = new Bench();
    const client = bench.dial({ clientId: 'x' });
    client.send({ type: 'connect', protocolVersion: 5, clientId: 'x', clean: true, keepAlive: 0 });
    expect(client.take().filter(({ type }) => type === 'connack')).toHaveLength(1);
    const bytes = new Bench().open();
    bytes.sendBytes('10 0e 0004 4d515454 05 03 0000 00 0001 63 10 0e 0004 4d515454 05 02 0000 00 0001 63');
    expect(bytes.take()).toMatchObject([{ type: 'connack', reasonCode: 0x81 }]);
  });
});

describe('what it announces', () => {
  test('is nothing that the protocol assumes anyway', () => {
    const bench = new Bench({ receiveMaximum: 65_535, topicAliasMaximum: 0 });
    expect(bench.dial().bytes).toBe('2003000000');
    expect(bench.dial({ version: 4 }).bytes).toBe('20020000');
  });

  test('are all limits that differ', () => {
    const bench = new Bench({
      maximumQoS: 1,
      receiveMaximum: 7,
      maximumPacketSize: 5_000,
      topicAliasMaximum: 3,
      retainAvailable: false,
      wildcardSubscriptionAvailable: false,
      sharedSubscriptionAvailable: false,
      subscriptionIdentifierAvailable: false,
      sessionExpiryMaximum: 30,
      serverKeepAlive: 9,
    });
    expect(bench.dial({ properties: kept }).next('connack').properties).toEqual({
      maximumQoS: 1,
      receiveMaximum: 7,
      maximumPacketSize: 5_000,
      topicAliasMaximum: 3,
      retainAvailable: false,
      wildcardSubscriptionAvailable: false,
      sharedSubscriptionAvailable: false,
      subscriptionIdentifierAvailable: false,
      sessionExpiryInterval: 30,
      serverKeepAlive: 9,
    });
  });

  test.each([0, 1] as const)(
    'includes Maximum QoS %s, beyond which a PUBLISH is 0x9B [v5 MQTT-3.2.2-9]',
    (maximumQoS) => {
      const bench = new Bench({ maximumQoS });
      const client = bench.dial();
      expect(client.next('connack').properties?.maximumQoS).toBe(maximumQoS);
      client.publish('t', '', { qos: 2 });
      expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x9b }]);
      expect(new Bench().dial().next('connack').properties?.maximumQoS).toBeUndefined();
    },
  );

  test.each([0, 1] as const)(
    'with Maximum QoS %s, subscriptions of every QoS are granted that [v5 MQTT-3.2.2-10]',
    (maximumQoS) => {
      const client = new Bench({ maximumQoS }).connect();
      const codes = ([0, 1, 2] as const).map((qos) => client.subscribe(`t/${qos}`, { qos })[0]);
      expect(codes).toEqual([0, 1, 2].map((qos) => Math.min(qos, maximumQoS)));
    },
  );

  test('with Maximum QoS 1, a will of QoS 2 is refused with 0x9B and closed [v5 MQTT-3.2.2-12]', () => {
    const bench = new Bench({ maximumQoS: 1 });
    const client = bench.dial({ will: will({ qos: 2 }) });
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x9b }]);
    expect(client.ending).toBe('ended');
    expect(bench.dial({ will: will({}) }).next('connack').reasonCode).toBe(0);
  });

  test('without retained messages, a retained will is refused with 0x9A and closed [v5 MQTT-3.2.2-13]', () => {
    const bench = new Bench({ retainAvailable: false });
    const client = bench.dial({ will: will({ retain: true }) });
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x9a }]);
    expect(client.ending).toBe('ended');
    expect(bench.dial({ will: will({}) }).next('connack').reasonCode).toBe(0);
  });
});

describe('its size', () => {
  const explained = { reasonString: 'welcome', userProperties: [['broker', 'mqtide']] };
  const sizes = () => {
    const full = new Bench({ diagnostics: 'full' }).dial().next('connack');
    const { userProperties: _user, ...withoutUser } = full.properties ?? {};
    const { reasonString: _reason, ...bare } = withoutUser;
    return {
      full: packetSize(full, 5),
      withoutUser: packetSize({ ...full, properties: withoutUser }, 5),
      bare: packetSize({ ...full, properties: bare }, 5),
    };
  };
  const answerTo = (maximumPacketSize: number) =>
    new Bench({ diagnostics: 'full' }).dial({ properties: { maximumPacketSize } });

  test('lets both explanations in when they fit', () => {
    expect(answerTo(sizes().full).next('connack').properties).toMatchObject(explained);
  });

  test('leaves User Properties out when they would not fit [v5 MQTT-3.2.2-20]', () => {
    const packet = answerTo(sizes().full - 1).next('connack');
    expect(packet.properties).toMatchObject({ reasonString: 'welcome' });
    expect(packet.properties?.userProperties).toBeUndefined();
  });

  test('leaves Reason String out when it would not fit [v5 MQTT-3.2.2-19]', () => {
    const packet = answerTo(sizes().withoutUser - 1).next('connack');
    expect(packet.reasonCode).toBe(0);
    expect(packet.properties?.reasonString).toBeUndefined();
  });

  test('closes the connection when the rest does not fit either', () => {
    const client = answerTo(sizes().bare - 1);
    expect(client.bytes).toBe('');
    expect(client.ending).toBe('ended');
  });

  test('of a refusal keeps to the same limit', () => {
    const bench = new Bench({ diagnostics: 'full', refusedClientIds: ['x'] });
    const client = bench.dial({ clientId: 'x', properties: { maximumPacketSize: 6 } });
    expect(client.bytes).toBe('2003008500');
  });
});
