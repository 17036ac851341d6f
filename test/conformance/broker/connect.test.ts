/** CONNECT [v5 3.1, v3 3.1]: who is let in, and what is answered to the rest. */

import { describe, expect, test } from 'vitest';
import { encode } from '../../../src/codec/encode';
import type { ConnectPacket, ProtocolVersion } from '../../../src/codec/packet';
import { Bench, hex, text } from '../../broker/bench';

const both = [5, 4] as const;
const all = [5, 4, 3] as const;

function connectPacket(version: ProtocolVersion, rest: Partial<ConnectPacket> = {}): Uint8Array {
  const base = {
    type: 'connect',
    protocolVersion: version,
    clientId: 'c',
    clean: true,
    keepAlive: 0,
  } as const;
  return encode({ ...base, ...rest }, version);
}

/** Where the connect flags stand: behind fixed header, name and level. */
const flagsAt = 2 + 6 + 1;

describe('the first packet', () => {
  test.each(all)(
    'MQTT %s: a valid CONNECT is answered by CONNACK 0 [v5 MQTT-3.1.4-5, v3 MQTT-3.1.4-4]',
    (version) => {
      const client = new Bench().dial({ version });
      expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
      expect(client.isClosed).toBe(false);
    },
  );

  test.each([
    ['PINGREQ', 'c0 00'],
    ['DISCONNECT', 'e0 00'],
    ['AUTH', 'f0 00'],
    ['PUBLISH', '30 03 0001 74'],
    ['SUBSCRIBE', '82 06 0001 0001 74 00'],
    ['CONNACK', '20 02 00 00'],
    ['HTTP', Buffer.from('GET / HTTP/1.1').toString('hex')],
  ])('%s in its place closes the connection without an answer', (_, bytes) => {
    const bench = new Bench();
    const client = bench.open();
    client.sendBytes(bytes);
    expect(client.bytes).toBe('');
    expect(client.ending).toBe('ended');
    expect(bench.errors).toEqual([]);
  });

  test('a second CONNECT is a protocol error in MQTT 5.0 [v5 MQTT-3.1.0-2, v5 MQTT-4.13.1-1]', () => {
    const client = new Bench().connect();
    client.sendBytes(connectPacket(5));
    expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
    expect(client.ending).toBe('ended');
  });

  test('a second CONNECT disconnects a 3.1.1 client [v3 MQTT-3.1.0-2, v3 MQTT-4.8.0-1]', () => {
    const client = new Bench().connect({ version: 4 });
    client.sendBytes(connectPacket(4));
    expect(client.take()).toEqual([]);
    expect(client.ending).toBe('ended');
  });

  test('a connection without CONNECT is closed after the connect timeout', () => {
    const bench = new Bench({ connectTimeout: 3_000 });
    const client = bench.open();
    bench.advance(2.9);
    expect(client.ending).toBe('open');
    bench.advance(0.1);
    expect(client.ending).toBe('ended');
  });
});

describe('protocol name and level', () => {
  test.each([
    ['MQTT 5.0', '10 0e 0004 4d515454 07 02 0000 00 0001 63', '20 03 00 84 00'],
    ['MQTT 3.1.1', '10 0d 0004 4d515454 07 02 0000 0001 63', '20 02 00 01'],
  ])(
    'an unknown level in the form of %s is refused in that form [v5 MQTT-3.1.2-2, v3 MQTT-3.1.2-2]',
    (_, sent, answer) => {
      const client = new Bench().open();
      client.sendBytes(sent);
      expect(client.bytes).toBe(answer.replaceAll(' ', ''));
      expect(client.ending).toBe('ended');
    },
  );

  test.each([
    [0, '20020001'],
    [2, '20020001'],
    [0x84, '20020001'],
  ])(
    'level %s of a 3.1.1 CONNECT is an unacceptable protocol level [v3 MQTT-3.1.2-2, v3 MQTT-3.2.2-5]',
    (level, answer) => {
      const bytes = connectPacket(4);
      bytes[8] = level;
      const client = new Bench().open(4);
      client.sendBytes(bytes);
      expect(client.bytes).toBe(answer);
      expect(client.ending).toBe('ended');
    },
  );

  test.each(both)(
    'MQTT %s: another protocol name is not served [v5 MQTT-3.1.2-1, v3 MQTT-3.1.2-1]',
    (version) => {
      const bench = new Bench();
      const bytes = connectPacket(version);
      bytes[7] = 0x58;
      const client = bench.open(version);
      client.sendBytes(bytes);
      expect(client.ending).toBe('ended');
      expect(client.take()).toEqual(
        version === 5 ? [expect.objectContaining({ type: 'connack', reasonCode: 0x84 })] : [],
      );
      expect(bench.core.sessions.size).toBe(0);
    },
  );

  test('a version that is switched off is refused in its own form', () => {
    const bench = new Bench({ protocolVersions: [4] });
    expect(bench.dial({ version: 5 }).take()).toMatchObject([{ type: 'connack', reasonCode: 0x84 }]);
    expect(bench.dial({ version: 3 }).bytes).toBe('20020001');
    expect(bench.dial({ version: 4 }).take()).toMatchObject([{ type: 'connack', reasonCode: 0 }]);
  });
});

describe('the form of CONNECT', () => {
  test('the reserved flag is malformed in MQTT 5.0 [v5 MQTT-3.1.2-3, v5 MQTT-2.1.3-1]', () => {
    const bytes = connectPacket(5);
    bytes[flagsAt] = (bytes[flagsAt] ?? 0) | 1;
    const client = new Bench().open();
    client.sendBytes(bytes);
    expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: 0x81 }]);
    expect(client.ending).toBe('ended');
  });

  test('the reserved flag disconnects a 3.1.1 client without a CONNACK [v3 MQTT-3.1.2-3, v3 MQTT-3.1.4-1]', () => {
    const bytes = connectPacket(4);
    bytes[flagsAt] = (bytes[flagsAt] ?? 0) | 1;
    const client = new Bench().open(4);
    client.sendBytes(bytes);
    expect(client.bytes).toBe('');
    expect(client.ending).toBe('ended');
  });

  test.each([
    ['is cut short within the client identifier', '10 0f 0004 4d515454 05 02 0000 00 0009 6162'],
    ['has bytes behind the payload', '10 10 0004 4d515454 05 02 0000 00 0001 63 0000'],
    ['has a property that CONNECT does not have', '10 10 0004 4d515454 05 02 0000 02 2400 0001 63'],
    ['has a property twice', '10 14 0004 4d515454 05 02 0000 06 210001 210001 0001 63'],
    ['has Receive Maximum 0', '10 11 0004 4d515454 05 02 0000 03 210000 0001 63'],
    ['has Will QoS 3', '10 14 0004 4d515454 05 1e 0000 00 0001 63 00 0001 74 0001'],
    ['has Will Retain without a will', '10 0e 0004 4d515454 05 22 0000 00 0001 63'],
    ['lacks the user name that its flags promise', '10 0e 0004 4d515454 05 82 0000 00 0001 63'],
  ])('a MQTT 5.0 CONNECT that %s is refused and closed [v5 MQTT-3.1.4-1]', (_, sent) => {
    const bench = new Bench();
    const client = bench.open();
    client.sendBytes(sent);
    const [answer, ...more] = client.take();
    expect(answer).toMatchObject({ type: 'connack', sessionPresent: false });
    expect([0x81, 0x82]).toContain(answer?.type === 'connack' ? answer.reasonCode : 0);
    expect(more).toEqual([]);
    expect(client.ending).toBe('ended');
    expect(bench.core.sessions.size).toBe(0);
  });

  test.each([
    ['is cut short within the client identifier', '10 0e 0004 4d515454 04 02 0000 0009 6162'],
    ['has bytes behind the payload', '10 0f 0004 4d515454 04 02 0000 0001 63 0000'],
    ['has a password without a user name', '10 10 0004 4d515454 04 42 0000 0001 63 0001 70'],
    ['has Will QoS without a will', '10 0d 0004 4d515454 04 0a 0000 0001 63'],
  ])('a 3.1.1 CONNECT that %s is closed without a CONNACK [v3 MQTT-3.1.4-1]', (_, sent) => {
    const client = new Bench().open(4);
    client.sendBytes(sent);
    expect(client.bytes).toBe('');
    expect(client.ending).toBe('ended');
  });
});

describe('client identifiers', () => {
  const alphabet = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
  const names = ['a', ...(alphabet.match(/.{1,23}/g) ?? []), 'a'.repeat(23)];

  test.each(all)(
    'MQTT %s: 1 to 23 letters and digits are accepted [v5 MQTT-3.1.3-5, v3 MQTT-3.1.3-5]',
    (version) => {
      const bench = new Bench();
      for (const clientId of names) {
        expect(bench.dial({ version, clientId }).next('connack').reasonCode).toBe(0);
      }
      expect(bench.core.clientCount).toBe(names.length);
    },
  );

  test('longer ones and ones with other characters are accepted too', () => {
    const bench = new Bench();
    for (const clientId of ['x'.repeat(300), 'über/client +#', 'clean retained']) {
      expect(bench.dial({ version: 4, clientId }).next('connack').reasonCode).toBe(0);
    }
  });

  test('an empty one is replaced by a new one, which CONNACK tells [v5 MQTT-3.1.3-6, v5 MQTT-3.1.3-7, v5 MQTT-3.2.2-16]', () => {
    const taken = ['one', 'one', 'two', 'two', 'three'];
    const bench = new Bench({ assignClientId: () => taken.shift() ?? 'more' });
    const options = { clientId: '', properties: { sessionExpiryInterval: 60 } };
    const first = bench.dial(options);
    const second = bench.dial(options);
    expect(first.next('connack').properties?.assignedClientIdentifier).toBe('one');
    // "one" is the name of a session: the next name is tried.
    expect(second.next('connack').properties?.assignedClientIdentifier).toBe('two');
    expect([first.isClosed, second.isClosed]).toEqual([false, false]);
    first.subscribe('t');
    first.drop();
    const again = bench.dial({ ...options, clientId: 'one', clean: false });
    expect(again.next('connack')).toMatchObject({ sessionPresent: true });
  });

  test('one that the client brought is not told back', () => {
    expect(new Bench().dial().next('connack').properties?.assignedClientIdentifier).toBeUndefined();
  });

  test('empty ones of 3.1.1 with a clean session do not take each other over [v3 MQTT-3.1.3-6]', () => {
    const bench = new Bench();
    const clients = [1, 2].map(() => bench.connect({ version: 4, clientId: '' }));
    expect(clients.map(({ isClosed }) => isClosed)).toEqual([false, false]);
    expect(new Set(bench.core.sessions.keys()).size).toBe(2);
  });

  test('an empty one of 3.1.1 without a clean session is rejected [v3 MQTT-3.1.3-8, v3 MQTT-3.2.2-5]', () => {
    const client = new Bench().dial({ version: 4, clientId: '', clean: false });
    expect(client.bytes).toBe('20020002');
    expect(client.ending).toBe('ended');
  });

  test('an empty one of MQTT 3.1 is rejected', () => {
    expect(new Bench().dial({ version: 3, clientId: '' }).bytes).toBe('20020002');
  });

  test.each(both)(
    'MQTT %s: one that the broker does not want is rejected [v5 MQTT-3.1.3-8, v3 MQTT-3.1.3-9]',
    (version) => {
      const client = new Bench({ refusedClientIds: ['bad'] }).dial({ version, clientId: 'bad' });
      expect(client.bytes).toBe(version === 5 ? '2003008500' : '20020002');
      expect(client.ending).toBe('ended');
    },
  );

  test.each(both)(
    'MQTT %s: state is kept under it, and under no other [v5 MQTT-3.1.3-2, v3 MQTT-3.1.3-2]',
    (version) => {
      const bench = new Bench();
      const options = {
        version,
        clean: false,
        properties: version === 5 ? { sessionExpiryInterval: 60 } : undefined,
      };
      bench.subscriber('t', 1, { ...options, clientId: 'a' }).drop();
      bench.connect().publish('t', 'kept', { qos: 1 });
      const other = bench.dial({ ...options, clientId: 'A' });
      expect(other.next('connack').sessionPresent).toBe(false);
      expect(other.messages()).toEqual([]);
      const same = bench.dial({ ...options, clientId: 'a' });
      expect(same.next('connack').sessionPresent).toBe(true);
      expect(same.messages()).toEqual(['t=kept']);
    },
  );
});

describe('an existing connection with the same client identifier', () => {
  test('gets DISCONNECT 0x8E and is closed [v5 MQTT-3.1.4-3]', () => {
    const bench = new Bench();
    const first = bench.connect({ clientId: 'x' });
    const second = bench.connect({ clientId: 'x' });
    expect(first.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x8e }]);
    expect(first.ending).toBe('ended');
    expect(second.ending).toBe('open');
  });

  test('is closed in 3.1.1 [v3 MQTT-3.1.4-2]', () => {
    const bench = new Bench();
    const first = bench.connect({ version: 4, clientId: 'x' });
    const second = bench.connect({ version: 4, clientId: 'x' });
    expect(first.take()).toEqual([]);
    expect(first.ending).toBe('ended');
    expect(second.ending).toBe('open');
  });

  test.each(both)(
    'MQTT %s: hands its session over, unless a clean one is wanted [v5 MQTT-3.1.4-4, v3 MQTT-3.1.4-3]',
    (version) => {
      const bench = new Bench();
      const properties = version === 5 ? { sessionExpiryInterval: 60 } : undefined;
      const options = { version, clientId: 'x', clean: false, properties };
      bench.subscriber('t', 1, options);
      const second = bench.dial(options);
      expect(second.next('connack').sessionPresent).toBe(true);
      bench.connect().publish('t', 'for the second', { qos: 1 });
      expect(second.messages()).toEqual(['t=for the second']);
      const third = bench.dial({ ...options, clean: true });
      expect(third.next('connack').sessionPresent).toBe(false);
      bench.connect().publish('t', 'for nobody', { qos: 1 });
      expect(third.messages()).toEqual([]);
    },
  );
});

describe('authentication', () => {
  const users = [{ username: 'ann', password: 'secret' }];
  const password = (word: string) => new TextEncoder().encode(word);

  test.each(both)('MQTT %s: who is known is let in', (version) => {
    const bench = new Bench({ users });
    expect(
      bench.dial({ version, username: 'ann', password: password('secret') }).next('connack').reasonCode,
    ).toBe(0);
  });

  test.each([
    ['a wrong password', { username: 'ann', password: password('wrong') }, 0x86, 4],
    ['no password', { username: 'ann' }, 0x86, 4],
    ['an unknown name', { username: 'bob', password: password('secret') }, 0x86, 4],
    ['no name', {}, 0x87, 5],
  ])('%s is refused and closed [v5 MQTT-3.1.4-2, v5 MQTT-3.2.2-7, v3 MQTT-3.2.2-5]', (_, login, v5, v3) => {
    for (const [version, code] of [
      [5, v5],
      [4, v3],
    ] as const) {
      const client = new Bench({ users }).dial({ version, ...login });
      expect(client.take()).toMatchObject([{ type: 'connack', reasonCode: code, sessionPresent: false }]);
      expect(client.ending).toBe('ended');
    }
  });

  test.each(both)(
    'MQTT %s: nothing behind a refused CONNECT has an effect [v5 MQTT-3.1.4-6, v3 MQTT-3.1.4-5]',
    (version) => {
      const bench = new Bench({ users, allowAnonymous: true });
      const watcher = bench.subscriber('#', 0);
      const client = bench.open(version);
      const publish = {
        type: 'publish',
        topic: 't',
        payload: hex('00'),
        qos: 0,
        retain: true,
        dup: false,
      } as const;
      const connect = {
        type: 'connect',
        protocolVersion: version,
        clientId: 'x',
        clean: true,
        keepAlive: 0,
      } as const;
      const subscription = {
        filter: 't',
        qos: 0,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
      } as const;
      client.send({ ...connect, username: 'bob' }, publish, {
        type: 'subscribe',
        packetId: 1,
        subscriptions: [subscription],
      });
      client.send(publish);
      expect(client.take()).toMatchObject([{ type: 'connack' }]);
      expect(watcher.take()).toEqual([]);
      expect(bench.core.retained.size).toBe(0);
      expect(bench.core.subscriptions.count).toBe(1);
    },
  );

  test('the will of a refused CONNECT is never published', () => {
    const bench = new Bench({ users, allowAnonymous: true });
    const watcher = bench.subscriber('#', 0);
    const will = { topic: 'will', payload: hex('00'), qos: 0, retain: false } as const;
    bench.dial({ username: 'bob', will }).drop();
    expect(watcher.take()).toEqual([]);
  });

  test('a programmed login decides with any code', () => {
    const bench = new Bench({ login: ({ clientId }) => (clientId === 'ok' ? true : 0x8a) });
    expect(bench.dial({ clientId: 'ok' }).next('connack').reasonCode).toBe(0);
    expect(bench.dial({ clientId: 'ko' }).next('connack').reasonCode).toBe(0x8a);
    // 3.1.1 has no code for it.
    expect(bench.dial({ version: 4, clientId: 'ko' }).bytes).toBe('');
  });
});

describe('keep alive', () => {
  test.each(all)(
    'MQTT %s: one and a half intervals of silence end the connection, its will is published [v5 MQTT-3.1.2-22, v3 MQTT-3.1.2-24]',
    (version) => {
      const bench = new Bench();
      const watcher = bench.subscriber('will');
      const will = {
        topic: 'will',
        payload: new TextEncoder().encode('gone'),
        qos: 0,
        retain: false,
      } as const;
      const client = bench.connect({ version, keepAlive: 10, will });
      bench.advance(14.9);
      expect(client.isClosed).toBe(false);
      client.send({ type: 'pingreq' });
      bench.advance(14.9);
      expect(client.take()).toEqual([{ type: 'pingresp' }]);
      expect(client.isClosed).toBe(false);
      bench.advance(0.1);
      expect(client.take()).toMatchObject(version === 5 ? [{ type: 'disconnect', reasonCode: 0x8d }] : []);
      expect(client.ending).toBe('ended');
      expect(watcher.messages()).toEqual(['will=gone']);
    },
  );

  test.each(both)('MQTT %s: any packet counts, half of one does not', (version) => {
    const bench = new Bench();
    const client = bench.connect({ version, keepAlive: 10 });
    bench.advance(14);
    client.publish('t', 'alive');
    bench.advance(14);
    client.sendBytes('30');
    bench.advance(1);
    expect(client.isClosed).toBe(true);
  });

  test.each(both)('MQTT %s: 0 turns it off', (version) => {
    const bench = new Bench();
    const client = bench.connect({ version, keepAlive: 0 });
    bench.advance(100_000);
    expect(client.isClosed).toBe(false);
  });

  test('without Server Keep Alive in CONNACK that of CONNECT holds [v5 MQTT-3.2.2-22]', () => {
    const bench = new Bench();
    const client = bench.dial({ keepAlive: 42 });
    expect(client.next('connack').properties?.serverKeepAlive).toBeUndefined();
    bench.advance(62.9);
    expect(client.isClosed).toBe(false);
    bench.advance(0.1);
    expect(client.isClosed).toBe(true);
  });

  test('a longer one than the broker wants is replaced, in MQTT 5.0', () => {
    const bench = new Bench();
    const client = bench.dial({ keepAlive: 120 });
    expect(client.next('connack').properties?.serverKeepAlive).toBe(60);
    bench.advance(90);
    expect(client.isClosed).toBe(true);
    const older = bench.connect({ version: 4, keepAlive: 120 });
    bench.advance(179);
    expect(older.isClosed).toBe(false);
  });

  test('Server Keep Alive replaces any, none included', () => {
    const bench = new Bench({ serverKeepAlive: 5 });
    const client = bench.dial({ keepAlive: 0 });
    expect(client.next('connack').properties?.serverKeepAlive).toBe(5);
    bench.advance(7.5);
    expect(client.isClosed).toBe(true);
  });
});

describe('what the client asks for', () => {
  test('Response Information comes only on request [v5 MQTT-3.1.2-28]', () => {
    const bench = new Bench({ responseInformation: 'answers/%c' });
    const informationFor = (requestResponseInformation: boolean | undefined) =>
      bench.dial({ clientId: 'me', properties: { requestResponseInformation } }).next('connack').properties
        ?.responseInformation;
    expect(informationFor(true)).toBe('answers/me');
    expect(informationFor(false)).toBeUndefined();
    expect(informationFor(undefined)).toBeUndefined();
  });

  test('without problem information no reason string leaves on anything but CONNACK and DISCONNECT [v5 MQTT-3.1.2-29]', () => {
    const bench = new Bench({ diagnostics: 'full' });
    const talkTo = (requestProblemInformation: boolean | undefined) => {
      const client = bench.dial({ properties: { requestProblemInformation } });
      client.subscribe('t');
      client.unsubscribe('t');
      client.subscribe('t');
      client.publish('t', 'x', { qos: 2, properties: { userProperties: [['mine', 'kept']] } });
      const publish = client.inbox.find((packet) => packet.type === 'publish');
      expect(publish?.properties?.userProperties).toEqual([['mine', 'kept']]);
      const packets = client.inbox.filter((packet) => packet.type !== 'publish' && packet.type !== 'connack');
      return packets.map((packet) => 'properties' in packet && packet.properties !== undefined);
    };
    expect(talkTo(true)).toEqual([true, true]);
    expect(talkTo(undefined)).toEqual([true, true]);
    expect(talkTo(false)).toEqual([false, false]);
  });
});

describe('CONNECT in pieces', () => {
  test('arrives byte by byte like in one piece', () => {
    const client = new Bench().open();
    for (const byte of connectPacket(5, { clientId: 'slow' })) client.sendBytes(new Uint8Array([byte]));
    expect(client.next('connack').reasonCode).toBe(0);
    expect(text(new TextEncoder().encode(client.connection.clientId))).toBe('slow');
  });
});
