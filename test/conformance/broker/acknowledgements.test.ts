/** PUBACK, PUBREC, PUBREL, PUBCOMP: codes, and what they carry beside them [v5 3.4 to 3.7, v3 3.4 to 3.7]. */

import { describe, expect, test } from 'vitest';
import type { AckPacket } from '../../../src/codec/packet';
import { packetSize } from '../../../src/codec/writer';
import { Bench, type BenchClient } from '../../broker/bench';

type Ack = AckPacket['type'];

const types = ['puback', 'pubrec', 'pubrel', 'pubcomp'] as const;

/** Makes the broker send one acknowledgement to a client that takes packets of a size. */
const provoke: Readonly<Record<Ack, (client: BenchClient, bench: Bench) => void>> = {
  puback: (client) => client.publish('none', '', { qos: 1, packetId: 5 }),
  pubrec: (client) => client.publish('none', '', { qos: 2, packetId: 5 }),
  pubrel(client, bench) {
    client.subscribe('t', { qos: 2 });
    bench.connect().publish('t', '', { qos: 2 });
    const [packet] = client.published();
    client.ack('pubrec', packet?.packetId ?? 0);
  },
  pubcomp: (client) => client.ack('pubrel', 5),
};

/** The acknowledgement that a client with this Maximum Packet Size gets. */
function answer(type: Ack, maximumPacketSize?: number): AckPacket {
  const bench = new Bench({ diagnostics: 'full' });
  const client = bench.dial({ properties: { maximumPacketSize } });
  client.take();
  provoke[type](client, bench);
  return client.next(type) as AckPacket;
}

/** Its sizes with both explanations, and with the reason string only. */
function sizes(type: Ack): { full: number; withoutUser: number } {
  const full = answer(type);
  const { userProperties: _user, ...withoutUser } = full.properties ?? {};
  return { full: packetSize(full, 5), withoutUser: packetSize({ ...full, properties: withoutUser }, 5) };
}

/** All codes that the broker sent in packets of one type. */
function codesOf(client: BenchClient, type: Ack): number[] {
  return client.take().flatMap((packet) => (packet.type === type ? [(packet as AckPacket).reasonCode] : []));
}

const publishCodes = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];

describe('the size of an acknowledgement', () => {
  test.each(types)('%s explains itself when there is room', (type) => {
    expect(answer(type).properties).toMatchObject({
      reasonString: expect.any(String),
      userProperties: [['broker', 'mqtide']],
    });
    expect(answer(type, sizes(type).full).properties?.userProperties).toBeDefined();
  });

  test.each(types)(
    'leaves User Properties out that would not fit: %s [v5 MQTT-3.4.2-3, v5 MQTT-3.5.2-3, v5 MQTT-3.6.2-3, v5 MQTT-3.7.2-3]',
    (type) => {
      const { properties } = answer(type, sizes(type).full - 1);
      expect(properties?.userProperties).toBeUndefined();
      expect(properties?.reasonString).toBeDefined();
    },
  );

  test.each(types)(
    'leaves a Reason String out that would not fit: %s [v5 MQTT-3.4.2-2, v5 MQTT-3.5.2-2, v5 MQTT-3.6.2-2, v5 MQTT-3.7.2-2]',
    (type) => {
      const packet = answer(type, sizes(type).withoutUser - 1);
      expect(packet.properties?.reasonString).toBeUndefined();
      expect(packet.packetId).toBeGreaterThan(0);
    },
  );

  test('without diagnostics is as small as can be', () => {
    const client = new Bench().connect();
    const start = client.bytes.length;
    client.publish('t', '', { qos: 1, packetId: 1 });
    client.publish('t', '', { qos: 2, packetId: 2 });
    client.ack('pubrel', 2);
    client.ack('pubrel', 3);
    expect(client.bytes.slice(start)).toBe('4003000110' + '50020002' + '70020002' + '7003000392');
  });
});

describe('the reason codes of an acknowledgement', () => {
  test.each([
    ['puback', 1],
    ['pubrec', 2],
  ] as const)(
    '%s has one of its table, whatever is published [v5 MQTT-3.4.2-1, v5 MQTT-3.5.2-1]',
    (type, qos) => {
      const bench = new Bench({
        qos2Delivery: 'receipt',
        authorization: { publish: { deny: ['denied'] } },
        maximumRetained: 0,
        validatePayloadFormat: true,
      });
      bench.subscriber('seen');
      const client = bench.connect();
      for (const topic of ['seen', 'unseen', 'denied', '$SYS/x']) client.publish(topic, '', { qos });
      client.publish('seen', 'x', { qos, retain: true });
      client.publish('seen', new Uint8Array([0xff]), { qos, properties: { payloadFormatIndicator: 1 } });
      const codes = codesOf(client, type);
      expect(codes).toEqual([0, 0x10, 0x87, 0x87, 0x97, 0x99]);
      for (const code of codes) expect(publishCodes).toContain(code);
    },
  );

  test('PUBREL and PUBCOMP are 0x00, or 0x92 for an identifier that is not known [v5 MQTT-3.6.2-1, v5 MQTT-3.7.2-1]', () => {
    const bench = new Bench();
    const client = bench.subscriber('t', 2);
    bench.connect().publish('t', '', { qos: 2 });
    client.ack('pubrec', client.published()[0]?.packetId ?? 0);
    client.ack('pubrec', 999);
    expect(codesOf(client, 'pubrel')).toEqual([0, 0x92]);
    client.publish('x', '', { qos: 2, packetId: 3 });
    client.ack('pubrel', 3);
    client.ack('pubrel', 3);
    expect(codesOf(client, 'pubcomp')).toEqual([0, 0x92]);
  });

  test.each([
    ['PUBACK', '40 03 0001 05'],
    ['PUBREC', '50 03 0001 05'],
    ['PUBREL', '62 03 0001 10'],
    ['PUBCOMP', '70 03 0001 10'],
  ])(
    'a %s with a code that it does not have ends the connection [v5 MQTT-3.4.2-1, v5 MQTT-3.5.2-1, v5 MQTT-3.6.2-1, v5 MQTT-3.7.2-1]',
    (_, bytes) => {
      const client = new Bench().connect();
      client.sendBytes(bytes);
      expect(client.take()).toMatchObject([{ type: 'disconnect' }]);
      expect(client.ending).toBe('ended');
    },
  );
});
