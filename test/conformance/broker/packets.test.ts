/** Bytes of all packets: strings, lengths, flags, as the broker takes and sends them [v5 1.5, 2, v3 1.5, 2]. */

import { describe, expect, test } from 'vitest';
import { Bench, type BenchClient, hex } from '../../broker/bench';

const both = [5, 4] as const;

/** A string with its length in front, as hex. */
function field(bytes: string): string {
  const length = hex(bytes).length;
  return length.toString(16).padStart(4, '0') + bytes.replaceAll(' ', '');
}

/** A packet with its fixed header, as hex. */
function packet(first: string, body: string): string {
  return first + hex(body).length.toString(16).padStart(2, '0') + body.replaceAll(' ', '');
}

/** Strings that are no UTF-8. */
const illFormed = {
  'a lone continuation': '80',
  'a cut sequence': 'e697',
  'an overlong slash': 'c0af',
  'an encoded surrogate': 'eda080',
  'a pair of encoded surrogates': 'eda080edb080',
  'beyond U+10FFFF': 'f4908080',
  'an impossible byte': 'ff',
} as const;

/** Packets with a string in each place where a client may put one. */
const places: Readonly<Record<string, (text: string, version: 4 | 5) => string>> = {
  'the topic of PUBLISH': (text, v) => packet('30', field(text) + (v === 5 ? '00' : '')),
  'a filter of SUBSCRIBE': (text, v) => packet('82', `0001${v === 5 ? '00' : ''}${field(text)}00`),
  'a filter of UNSUBSCRIBE': (text, v) => packet('a2', `0001${v === 5 ? '00' : ''}${field(text)}`),
};

/** Fields of CONNECT, which come before the connection is accepted. */
const connectPlaces: Readonly<Record<string, (text: string, version: 4 | 5) => string>> = {
  'the client identifier': (text, v) => connect(v, '02', field(text)),
  'the user name': (text, v) => connect(v, '82', field('63') + field(text)),
  'the topic of the will': (text, v) =>
    connect(v, '06', `${field('63')}${v === 5 ? '00' : ''}${field(text)}${field('')}`),
};

function connect(version: 4 | 5, flags: string, payload: string): string {
  return packet('10', `${field('4d515454')}0${version}${flags}0000${version === 5 ? '00' : ''}${payload}`);
}

/** Properties of MQTT 5.0 that are strings, or hold them, in a PUBLISH. */
const properties: Readonly<Record<string, (text: string) => string>> = {
  'Content Type': (text) => `03${field(text)}`,
  'Response Topic': (text) => `08${field(text)}`,
  'the name of a User Property': (text) => `26${field(text)}${field('76')}`,
  'the value of a User Property': (text) => `26${field('6e')}${field(text)}`,
};

function publishWith(property: string): string {
  return packet('30', `${field('74')}${hex(property).length.toString(16).padStart(2, '0')}${property}`);
}

/** Whether the broker closed, as it must for malformed bytes. */
function expectClosed(client: BenchClient, version: 4 | 5): void {
  expect(client.ending).toBe('ended');
  expect(client.take()).toMatchObject(version === 5 ? [{ type: 'disconnect', reasonCode: 0x81 }] : []);
}

describe('a string', () => {
  test.each(both)(
    'MQTT %s: that is ill-formed UTF-8 closes the connection, wherever it stands [v5 MQTT-1.5.4-1, v3 MQTT-1.5.3-1]',
    (version) => {
      for (const text of Object.values(illFormed)) {
        for (const place of Object.values(places)) {
          const client = new Bench().connect({ version });
          client.sendBytes(place(text, version));
          expectClosed(client, version);
        }
        for (const place of Object.values(connectPlaces)) {
          const client = new Bench().open(version);
          client.sendBytes(place(text, version));
          expect(client.ending).toBe('ended');
          expect(client.take()).toMatchObject(version === 5 ? [{ type: 'connack', reasonCode: 0x81 }] : []);
        }
      }
    },
  );

  test.each(both)(
    'MQTT %s: with U+0000 closes the connection, wherever it stands [v5 MQTT-1.5.4-2, v3 MQTT-1.5.3-2]',
    (version) => {
      for (const text of ['00', '6100', '610062']) {
        for (const place of Object.values(places)) {
          const client = new Bench().connect({ version });
          client.sendBytes(place(text, version));
          expectClosed(client, version);
        }
        for (const place of Object.values(connectPlaces)) {
          const client = new Bench().open(version);
          client.sendBytes(place(text, version));
          expect(client.ending).toBe('ended');
          expect(client.take()).toMatchObject(version === 5 ? [{ type: 'connack', reasonCode: 0x81 }] : []);
        }
      }
    },
  );

  test.each(Object.keys(properties))(
    'of a property obeys the same rules: %s [v5 MQTT-1.5.4-1, v5 MQTT-1.5.4-2, v5 MQTT-1.5.7-1]',
    (name) => {
      const property = properties[name];
      for (const text of [...Object.values(illFormed), '00', '6100']) {
        const client = new Bench().connect();
        client.sendBytes(publishWith(property?.(text) ?? ''));
        expectClosed(client, 5);
      }
      const client = new Bench().connect();
      client.sendBytes(publishWith(property?.('c3bc') ?? ''));
      expect(client.isClosed).toBe(false);
    },
  );

  test.each(both)(
    'MQTT %s: keeps U+FEFF wherever it stands [v5 MQTT-1.5.4-3, v3 MQTT-1.5.3-3]',
    (version) => {
      const bench = new Bench();
      const watcher = bench.subscriber('#', 0, { version });
      const client = bench.connect({ version });
      const bom = 'efbbbf';
      client.sendBytes(places['the topic of PUBLISH']?.(`${bom}61${bom}62`, version) ?? '');
      expect(watcher.published().map(({ topic }) => topic)).toEqual(['\ufeffa\ufeffb']);
      expect(watcher.bytes).toContain(field(`${bom}61${bom}62`));
      const named = bench.open(version);
      named.sendBytes(connectPlaces['the client identifier']?.(`${bom}63`, version) ?? '');
      expect(bench.core.sessions.has('\ufeffc')).toBe(true);
      expect(bench.core.sessions.has('c')).toBe(false);
    },
  );
});

describe('a code point that strings should not have', () => {
  /** The first and last of each range, and non-characters of two planes. */
  const disallowed = ['01', '1f', '7f', 'c280', 'c29f', 'efb790', 'efb7af', 'efbfbe', 'efbfbf', 'f09fbfbf'];

  test.each(both)('MQTT %s: closes the connection, wherever it stands [v5 1.5.4, v3 1.5.3]', (version) => {
    for (const text of disallowed) {
      for (const place of Object.values(places)) {
        const client = new Bench().connect({ version });
        client.sendBytes(place(`61${text}`, version));
        expectClosed(client, version);
      }
      for (const place of Object.values(connectPlaces)) {
        const client = new Bench().open(version);
        client.sendBytes(place(`61${text}`, version));
        expect(client.ending).toBe('ended');
        expect(client.take()).toMatchObject(version === 5 ? [{ type: 'connack', reasonCode: 0x81 }] : []);
      }
    }
  });

  test.each(both)('MQTT %s: passes where the broker is told to take it', (version) => {
    for (const text of disallowed) {
      const bench = new Bench({ disallowedCodePoints: 'taken' });
      const watcher = bench.subscriber('#', 0, { version });
      const client = bench.open(version);
      client.sendBytes(connectPlaces['the client identifier']?.(text, version) ?? '');
      client.sendBytes(places['the topic of PUBLISH']?.(text, version) ?? '');
      expect(watcher.published()).toHaveLength(1);
      expect(watcher.bytes).toContain(field(text));
    }
  });
});

describe('a packet that only a server sends', () => {
  const serverOnly = [
    ['CONNACK', '20 03 00 00 00', '20 00'],
    ['SUBACK', '90 04 0001 00 00', '90 00'],
    ['UNSUBACK', 'b0 04 0001 00 00', 'b0 00'],
    ['PINGRESP', 'd0 00', 'd0 01 00'],
  ] as const;

  test.each(serverOnly)('is a protocol error, whatever is in it: %s [v5 MQTT-4.13.1-1]', (_, good, bad) => {
    for (const bytes of [good, bad]) {
      const client = new Bench().connect();
      client.sendBytes(bytes);
      expect(client.take()).toMatchObject([{ type: 'disconnect', reasonCode: 0x82 }]);
      expect(client.ending).toBe('ended');
    }
  });
});

describe('lengths', () => {
  test.each([
    ['Remaining Length', 'c0 80 00'],
    ['Remaining Length in four bytes', 'c0 80 80 80 00'],
    ['Property Length', packet('30', `${field('74')}8000`)],
    ['Subscription Identifier', packet('82', `0001 04 0b818000 ${field('74')} 00`)],
  ])('in more bytes than needed are malformed: %s [v5 MQTT-1.5.5-1]', (_, bytes) => {
    const client = new Bench().connect();
    client.sendBytes(bytes);
    expectClosed(client, 5);
  });

  test.each([
    [127, '7f'],
    [128, '8001'],
    [16_383, 'ff7f'],
    [16_384, '808001'],
    [2_097_151, 'ffff7f'],
    [2_097_152, '80808001'],
  ])('of %s bytes are sent in as few bytes as can be [v5 MQTT-1.5.5-1]', (length, expected) => {
    const bench = new Bench();
    const watcher = bench.subscriber('t', 0);
    const before = watcher.writes.length;
    bench.connect().publish('t', new Uint8Array(length - 4));
    const sent = Buffer.concat(watcher.writes.slice(before));
    expect(sent.subarray(1, 1 + expected.length / 2).toString('hex')).toBe(expected);
    expect(sent.length).toBe(1 + expected.length / 2 + length);
  });

  test('of no properties are one zero byte [v5 MQTT-2.2.2-1]', () => {
    const bench = new Bench({ receiveMaximum: 65_535, topicAliasMaximum: 0 });
    const client = bench.dial();
    expect(client.bytes).toBe('2003000000');
    client.subscribe('t', { qos: 0 });
    client.unsubscribe('u');
    bench.connect().publish('t', 'x');
    expect(client.bytes).toBe(
      '2003000000' + '9004000100' + '00' + 'b004000200' + '11' + '3005000174' + '00' + '78',
    );
  });
});

describe('fixed header flags', () => {
  test.each(both)(
    'MQTT %s: of everything that the broker sends are those of the table [v5 MQTT-2.1.3-1, v3 MQTT-2.2.2-1, v5 MQTT-3.6.1-1, v3 MQTT-3.6.1-1]',
    (version) => {
      const bench = new Bench();
      const client = bench.dial({ version });
      const first: Record<string, number | undefined> = {};
      const note = (name: string) => {
        first[name] = client.writes.at(-1)?.[0];
      };
      note('connack');
      client.subscribe('t');
      note('suback');
      client.unsubscribe('u');
      note('unsuback');
      client.publish('x', '', { qos: 1, packetId: 1 });
      note('puback');
      client.publish('x', '', { qos: 2, packetId: 1 });
      note('pubrec');
      client.ack('pubrel', 1);
      note('pubcomp');
      bench.connect().publish('t', '', { qos: 2 });
      note('publish');
      client.ack('pubrec', 1);
      note('pubrel');
      client.send({ type: 'pingreq' });
      note('pingresp');
      expect(first).toEqual({
        connack: 0x20,
        suback: 0x90,
        unsuback: 0xb0,
        puback: 0x40,
        pubrec: 0x50,
        pubcomp: 0x70,
        publish: 0x34,
        pubrel: 0x62,
        pingresp: 0xd0,
      });
    },
  );

  test.each(both)(
    'MQTT %s: that are reserved and wrong close the connection [v5 MQTT-2.1.3-1, v3 MQTT-2.2.2-2]',
    (version) => {
      const none = version === 5 ? '00' : '';
      const wrong = [
        '41 02 0001',
        '52 02 0001',
        '74 02 0001',
        packet('80', `0001${none}${field('74')}00`),
        packet('a0', `0001${none}${field('74')}`),
        'c1 00',
        'e4 00',
      ];
      for (const bytes of wrong) {
        const client = new Bench().connect({ version });
        client.sendBytes(bytes);
        expectClosed(client, version);
      }
      const early = new Bench().open(version);
      early.sendBytes(connect(version, '02', field('63')).replace(/^10/, '12'));
      expect(early.ending).toBe('ended');
    },
  );

  test.each(both)(
    'MQTT %s: of PUBREL other than 2 close the connection [v5 MQTT-3.6.1-1, v3 MQTT-3.6.1-1]',
    (version) => {
      for (const first of ['60', '61', '63', '66', '6a']) {
        const client = new Bench().connect({ version });
        client.sendBytes(`${first} 02 0001`);
        expectClosed(client, version);
      }
    },
  );

  test.each(both)(
    'MQTT %s: of PUBLISH with QoS 3 close the connection [v5 MQTT-3.3.1-4, v3 MQTT-3.3.1-4]',
    (version) => {
      for (const first of ['36', '37', '3e']) {
        const client = new Bench().connect({ version });
        client.sendBytes(packet(first, `${field('74')}0001${version === 5 ? '00' : ''}`));
        expectClosed(client, version);
      }
    },
  );

  test.each(both)(
    'MQTT %s: of PUBLISH with QoS 0 and DUP close the connection [v5 MQTT-3.3.1-2, v3 MQTT-3.3.1-2]',
    (version) => {
      const client = new Bench().connect({ version });
      client.sendBytes(packet('38', `${field('74')}${version === 5 ? '00' : ''}`));
      expectClosed(client, version);
    },
  );
});

describe('packet identifiers', () => {
  test.each(both)('MQTT %s: that are 0 close the connection [v3 MQTT-2.3.1-1]', (version) => {
    const none = version === 5 ? '00' : '';
    for (const bytes of [
      packet('32', `${field('74')}0000${none}`),
      packet('34', `${field('74')}0000${none}`),
      packet('82', `0000${none}${field('74')}00`),
      packet('a2', `0000${none}${field('74')}`),
      '40 02 0000',
      '62 02 0000',
    ]) {
      const client = new Bench().connect({ version });
      client.sendBytes(bytes);
      expect(client.ending).toBe('ended');
    }
  });
});
