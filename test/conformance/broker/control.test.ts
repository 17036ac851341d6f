/** PINGREQ, DISCONNECT, AUTH, and errors in general [v5 3.12 to 3.15, 4.12, 4.13, v3 3.12, 3.14, 4.8]. */

import { describe, expect, test } from 'vitest';
import type { AuthPacket, DisconnectPacket } from '../../../src/codec/packet';
import { packetSize } from '../../../src/codec/writer';
import type { AuthExchange } from '../../broker';
import { Bench, type BenchClient, hex } from '../../broker/bench';

const both = [5, 4] as const;

/** The Disconnect Reason Codes [v5 table 3-10]. */
const disconnectCodes = [
  0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, 0x8b, 0x8d, 0x8e, 0x8f, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97,
  0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2,
];
/** Those of them that a client may send. */
const clientCodes = [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99];

describe('PINGREQ', () => {
  test.each([5, 4, 3] as const)(
    'MQTT %s: is answered by PINGRESP, each time [v5 MQTT-3.12.4-1, v3 MQTT-3.12.4-1]',
    (version) => {
      const client = new Bench().connect({ version });
      const before = client.bytes.length;
      client.send({ type: 'pingreq' }, { type: 'pingreq' });
      expect(client.bytes.slice(before)).toBe('d000d000');
    },
  );
});

describe('DISCONNECT of the broker', () => {
  /** Everything that makes the broker disconnect a client that is connected. */
  const causes: Readonly<Record<string, (bench: Bench, client: BenchClient) => void>> = {
    'malformed bytes': (_, client) => client.sendBytes('00 00'),
    'a protocol error': (_, client) => client.sendBytes('20 03 00 00 00'),
    'a take-over': (bench) => bench.connect({ clientId: 'x' }),
    'keep alive': (bench) => bench.advance(100),
    'a wrong alias': (_, client) => client.sendBytes('30 07 0001 74 03 230000'),
    'the operator': (_, client) => client.connection.disconnect(0x98, 'by order'),
    'a server that moved': (_, client) => client.connection.disconnect(0x9d, 'moved', 'elsewhere'),
    'an own failure': (_, client) => {
      client.connection.wire.plan = {
        incoming: () => {
          throw new Error('boom');
        },
      };
      client.send({ type: 'pingreq' });
    },
  };

  test.each(Object.keys(causes))(
    'because of %s has a code of the table, no Session Expiry, nothing behind it, and closes [v5 MQTT-3.14.2-1, v5 MQTT-3.14.2-2, v5 MQTT-3.14.4-1, v5 MQTT-3.14.4-2, v5 MQTT-4.13.2-1]',
    (cause) => {
      const bench = new Bench();
      const properties = { sessionExpiryInterval: 100, receiveMaximum: 1 };
      const client = bench.subscriber('t', 1, { clientId: 'x', clean: false, keepAlive: 10, properties });
      const publisher = bench.connect();
      // One is in flight, one waits for quota.
      for (const _ of [1, 2]) publisher.publish('t', 'x', { qos: 1 });
      client.take();
      causes[cause]?.(bench, client);
      publisher.publish('t', 'x', { qos: 0 });
      client.sendBytes('40 02 0001 c0 00');
      const [packet, ...more] = client.take();
      expect(packet?.type).toBe('disconnect');
      const { reasonCode, properties: said } = packet as DisconnectPacket;
      expect(disconnectCodes).toContain(reasonCode);
      expect(said?.sessionExpiryInterval).toBeUndefined();
      expect(more).toEqual([]);
      expect(client.ending).toBe('ended');
    },
  );

  test('does not come before an accepting CONNACK, nor behind a refusing one [v5 MQTT-3.14.0-1]', () => {
    const bench = new Bench({ refusedClientIds: ['bad'] });
    const refused = bench.dial({ clientId: 'bad' });
    const malformed = bench.open();
    malformed.sendBytes('10 0e 0004 4d515454 05 03 0000 00 0001 63');
    const early = bench.open();
    early.sendBytes('c0 00');
    const other = bench.open();
    other.sendBytes('ff ff ff ff ff');
    for (const client of [refused, malformed, early, other]) {
      expect(client.take().filter(({ type }) => type === 'disconnect')).toEqual([]);
      expect(client.ending).toBe('ended');
    }
  });

  test.each(['reasonString', 'userProperties'] as const)(
    'leaves %s out when it would be too large [v5 MQTT-3.14.2-3, v5 MQTT-3.14.2-4]',
    (left) => {
      const end = (maximumPacketSize?: number): DisconnectPacket => {
        const client = new Bench({ diagnostics: 'full' }).dial({ properties: { maximumPacketSize } });
        client.take();
        client.sendBytes('00 00');
        return client.next('disconnect');
      };
      const full = end();
      expect(full.properties).toMatchObject({
        reasonString: expect.any(String),
        userProperties: expect.any(Array),
      });
      const { userProperties: _user, ...rest } = full.properties ?? {};
      const size =
        left === 'userProperties' ? packetSize(full, 5) : packetSize({ ...full, properties: rest }, 5);
      expect(end(size).properties?.[left]).toBeDefined();
      expect(end(size - 1).properties?.[left]).toBeUndefined();
      expect(end(size - 1).reasonCode).toBe(0x81);
    },
  );

  test('does not exist in 3.1.1', () => {
    for (const [name, cause] of Object.entries(causes)) {
      // 3.1.1 has no aliases: the bytes are a message there.
      if (name === 'a wrong alias') continue;
      const bench = new Bench();
      const client = bench.connect({ version: 4, clientId: 'x', keepAlive: 10 });
      cause(bench, client);
      expect(client.take()).toEqual([]);
      expect(client.ending).toBe('ended');
    }
  });
});

describe('DISCONNECT of a client', () => {
  test.each(both)('MQTT %s: ends the connection', (version) => {
    const client = new Bench().connect({ version });
    client.disconnect();
    expect(client.take()).toEqual([]);
    expect(client.ending).toBe('ended');
  });

  test('with flags is malformed: 0x81 and closed [v5 MQTT-3.14.1-1]', () => {
    for (const first of ['e1', 'e2', 'e8']) {
      const client = new Bench().connect();
      client.sendBytes(`${first} 00`);
      expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x81 }]);
      expect(client.ending).toBe('ended');
    }
  });

  test('with flags closes a 3.1.1 connection, and its will is published [v3 MQTT-3.14.1-1]', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('will');
    const client = bench.connect({
      version: 4,
      will: { topic: 'will', payload: hex('61'), qos: 0, retain: false },
    });
    client.sendBytes('e1 00');
    expect(client.ending).toBe('ended');
    expect(watcher.messages()).toEqual(['will=a']);
  });

  test('has one of the codes that a client may send [v5 MQTT-3.14.2-1]', () => {
    for (let code = 0; code < 256; code += 1) {
      const client = new Bench().connect();
      client.sendBytes(new Uint8Array([0xe0, 1, code]));
      const answers = client.take().map((packet) => packet.type === 'disconnect' && packet.reasonCode);
      const wrong = answers[0] === 0x81 || answers[0] === 0x82;
      expect([code, answers.length === 0 ? 'taken' : wrong && 'refused']).toEqual([
        code,
        clientCodes.includes(code) ? 'taken' : 'refused',
      ]);
      expect(client.ending).toBe('ended');
    }
  });

  test('has no Server Reference', () => {
    const client = new Bench().connect();
    client.sendBytes('e0 06 00 04 1c 0001 61');
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
  });
});

describe('errors', () => {
  test.each([
    ['a reserved packet type', '00 00', '00 00'],
    ['a packet that only a server sends', '20 03 00 00 00', '20 02 00 00'],
    ['another one', '90 04 0001 00 00', '90 03 0001 00'],
    ['another one', 'd0 00', 'd0 00'],
    ['AUTH without a method', 'f0 00', 'f0 00'],
    ['a length of five bytes', '30 ff ff ff ff 01', '30 ff ff ff ff 01'],
    ['PINGREQ with a body', 'c0 01 00', 'c0 01 00'],
    ['PUBACK that is too short', '40 01 00', '40 01 00'],
  ])('of one client end its connection and no other: %s [v5 MQTT-4.13.1-1, v3 MQTT-4.8.0-1]', (_, v5, v3) => {
    for (const version of both) {
      const bench = new Bench();
      const other = bench.subscriber('t', 0, { version });
      const client = bench.connect({ version });
      client.sendBytes(version === 5 ? v5 : v3);
      expect(client.ending).toBe('ended');
      expect(client.take().map(({ type }) => type)).toEqual(version === 5 ? ['disconnect'] : []);
      bench.connect().publish('t', 'goes on');
      expect(other.messages()).toEqual(['t=goes on']);
    }
  });

  test.each(both)(
    'MQTT %s: of the broker itself while it handles a packet end that connection only [v3 MQTT-4.8.0-2]',
    (version) => {
      const bench = new Bench();
      const other = bench.subscriber('t', 0);
      const incoming = (): never => {
        throw new Error('boom');
      };
      const client = bench.connect({ version });
      client.connection.wire.plan = { incoming };
      client.publish('t', 'lost', { qos: 1 });
      expect(client.ending).toBe('ended');
      expect(client.take()).toMatchObject(version === 5 ? [{ type: 'disconnect', reasonCode: 0x83 }] : []);
      expect(bench.errors).toHaveLength(1);
      bench.connect().publish('t', 'goes on');
      expect(other.messages()).toEqual(['t=goes on']);
    },
  );
});

describe('AUTH', () => {
  const bytes = (word: string) => new TextEncoder().encode(word);

  /** A method of two questions: the answers are "one" and "two". */
  function quiz(): AuthExchange {
    const answers = ['one', 'two'];
    return {
      next(data) {
        if (data !== undefined && new TextDecoder().decode(data) !== answers.shift()) {
          return { type: 'failure', reasonCode: 0x87, why: 'wrong answer' };
        }
        if (answers.length > 0) return { type: 'continue', data: bytes(`question ${3 - answers.length}`) };
        return { type: 'success', data: bytes('well done'), username: undefined };
      },
    };
  }

  const options = { authenticationMethods: new Map([['quiz', quiz]]) } as const;
  const method = { authenticationMethod: 'quiz' };
  const answer = (word: string, reasonCode = 0x18, authenticationMethod = 'quiz'): AuthPacket => ({
    type: 'auth',
    reasonCode,
    properties: { authenticationMethod, authenticationData: bytes(word) },
  });

  /** A client that has authenticated itself. */
  function authenticated(bench: Bench): BenchClient {
    const client = bench.dial({ properties: method });
    client.send(answer('one'));
    client.send(answer('two'));
    client.take();
    return client;
  }

  test('goes to and fro with 0x18 until CONNACK, each with the method of CONNECT [v5 MQTT-4.12.0-2, v5 MQTT-4.12.0-5, v5 MQTT-3.2.0-1]', () => {
    const client = new Bench(options).dial({ properties: method });
    expect(client.next('auth')).toEqual({
      type: 'auth',
      reasonCode: 0x18,
      properties: { ...method, authenticationData: bytes('question 1') },
    });
    client.send(answer('one'));
    expect(client.next('auth')).toEqual({
      type: 'auth',
      reasonCode: 0x18,
      properties: { ...method, authenticationData: bytes('question 2') },
    });
    client.send(answer('two'));
    expect(client.next('connack')).toMatchObject({
      reasonCode: 0,
      properties: { ...method, authenticationData: bytes('well done') },
    });
    client.send({ type: 'pingreq' });
    expect(client.take()).toEqual([{ type: 'pingresp' }]);
  });

  test('that fails midway is refused in CONNACK and closed [v5 MQTT-4.12.0-4, v5 MQTT-3.2.2-7]', () => {
    const bench = new Bench(options);
    const client = bench.dial({ properties: method });
    client.take();
    client.send(answer('wrong'));
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x87 }]);
    expect(client.ending).toBe('ended');
    expect(bench.core.sessions.size).toBe(0);
  });

  test('by a method that is not supported is refused with 0x8C and closed [v5 MQTT-4.12.0-1]', () => {
    for (const authenticationMethod of ['other', 'SCRAM-SHA-256']) {
      const client = new Bench(options).dial({ properties: { authenticationMethod } });
      expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x8c }]);
      expect(client.ending).toBe('ended');
    }
  });

  test('is not sent, and its method not named, where CONNECT has none [v5 MQTT-4.12.0-6]', () => {
    const client = new Bench(options).dial();
    const [connack, ...more] = client.take();
    expect(more).toEqual([]);
    expect(connack).toMatchObject({ type: 'connack', reasonCode: 0 });
    const { properties } = connack as { properties?: object };
    expect(properties).not.toHaveProperty('authenticationMethod');
    client.send({ type: 'auth', reasonCode: 0x19, properties: method });
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
  });

  test('must keep to the method of CONNECT [v5 MQTT-4.12.0-5]', () => {
    const client = new Bench(options).dial({ properties: method });
    client.take();
    client.send(answer('one', 0x18, 'other'));
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x82 }]);
    expect(client.ending).toBe('ended');
  });

  test('may come again while the connection goes on', () => {
    const bench = new Bench(options);
    const client = authenticated(bench);
    client.send({ type: 'auth', reasonCode: 0x19, properties: method });
    expect(client.next('auth').reasonCode).toBe(0x18);
    client.send({ type: 'pingreq' });
    expect(client.take()).toEqual([{ type: 'pingresp' }]);
    client.send(answer('one'));
    expect(client.next('auth').reasonCode).toBe(0x18);
    client.send(answer('two'));
    expect(client.next('auth')).toMatchObject({
      reasonCode: 0,
      properties: { ...method, authenticationData: bytes('well done') },
    });
    expect(client.isClosed).toBe(false);
  });

  test('that fails the second time ends the connection with DISCONNECT [v5 MQTT-4.12.1-2]', () => {
    const bench = new Bench(options);
    const client = authenticated(bench);
    client.send(answer('wrong', 0x19));
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x87 }]);
    expect(client.ending).toBe('ended');
  });

  test.each([[0x00], [0x18]])(
    'with code %s out of turn is a protocol error [v5 MQTT-3.15.2-1]',
    (reasonCode) => {
      const client = authenticated(new Bench(options));
      client.send(answer('one', reasonCode));
      expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
    },
  );

  test('with a code that it does not have ends the connection, and the broker sends only those it has [v5 MQTT-3.15.2-1]', () => {
    const client = authenticated(new Bench(options));
    client.sendBytes('f0 09 01 07 15 0004 7175697a');
    expect(client.take()).toMatchObject([{ type: 'disconnect' }]);
    const sent: number[] = [];
    const talker = new Bench(options).dial({ properties: method });
    const collect = () =>
      sent.push(...talker.take().flatMap((one) => (one.type === 'auth' ? [one.reasonCode] : [])));
    for (const packet of [answer('one'), answer('two'), answer('one', 0x19), answer('two')]) {
      collect();
      talker.send(packet);
    }
    collect();
    expect(sent).toEqual([0x18, 0x18, 0x18, 0x00]);
  });

  test('with flags is malformed and closes the connection [v5 MQTT-3.15.1-1]', () => {
    for (const first of ['f1', 'f2', 'f8']) {
      const client = authenticated(new Bench(options));
      client.sendBytes(`${first} 09 19 07 15 0004 7175697a`);
      expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x81 }]);
      expect(client.ending).toBe('ended');
    }
    const first = new Bench(options).dial({ properties: method }).writes[0]?.[0];
    expect(first).toBe(0xf0);
  });

  test.each(['reasonString', 'userProperties'] as const)(
    'leaves %s out when it would be too large [v5 MQTT-3.15.2-2, v5 MQTT-3.15.2-3]',
    (left) => {
      const ask = (maximumPacketSize?: number): AuthPacket =>
        new Bench({ ...options, diagnostics: 'full' })
          .dial({ properties: { ...method, maximumPacketSize } })
          .next('auth');
      const full = ask();
      expect(full.properties).toMatchObject({
        reasonString: expect.any(String),
        userProperties: expect.any(Array),
      });
      const { userProperties: _user, ...rest } = full.properties ?? {};
      const size =
        left === 'userProperties' ? packetSize(full, 5) : packetSize({ ...full, properties: rest }, 5);
      expect(ask(size).properties?.[left]).toBeDefined();
      const smaller = ask(size - 1);
      expect(smaller.properties?.[left]).toBeUndefined();
      expect(smaller.properties?.authenticationData).toBeDefined();
    },
  );

  test('leaves room for nothing but AUTH before CONNACK', () => {
    const bench = new Bench(options);
    const client = bench.dial({ properties: method });
    client.take();
    client.publish('t', 'too early', { retain: true });
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x82 }]);
    expect(bench.core.retained.size).toBe(0);
  });
});
