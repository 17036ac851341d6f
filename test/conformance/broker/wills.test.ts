/** Wills [v5 3.1.2.5, v3 3.1.2.5]. */

import { describe, expect, test } from 'vitest';
import type { WillProperties } from '../../../src/codec/packet';
import { Bench, type ConnectOptions } from '../../broker/bench';

const both = [5, 4] as const;

function will(
  payload = 'gone',
  properties: WillProperties = {},
  rest: { qos?: 0 | 1 | 2; retain?: boolean } = {},
) {
  return {
    topic: 'will',
    payload: new TextEncoder().encode(payload),
    qos: 1,
    retain: false,
    properties,
    ...rest,
  } as const;
}

const keptFor = (seconds: number) => ({
  clientId: 'x',
  clean: false,
  properties: { sessionExpiryInterval: seconds },
});
const plain = ({ properties: _properties, ...rest }: ReturnType<typeof will>) => rest;
const willOf = (version: 4 | 5, options: ConnectOptions = {}): ConnectOptions => ({
  version,
  will: version === 5 ? will() : plain(will()),
  ...options,
});

describe('a will', () => {
  test.each(both)(
    'MQTT %s: is kept from CONNECT and delivered after an abrupt end [v5 MQTT-3.1.2-7, v5 MQTT-3.1.2-8, v3 MQTT-3.1.2-8]',
    (version) => {
      const bench = new Bench();
      const watcher = bench.subscriber('will');
      const client = bench.connect(willOf(version));
      expect(watcher.take()).toEqual([]);
      client.drop();
      expect(watcher.published()).toMatchObject([{ topic: 'will', qos: 1, retain: false, dup: false }]);
    },
  );

  test.each(both)('MQTT %s: is published when the broker closes for a protocol error', (version) => {
    const bench = new Bench();
    const watcher = bench.subscriber('will');
    bench.connect(willOf(version)).sendBytes('00 00');
    expect(watcher.messages()).toEqual(['will=gone']);
  });

  test.each(both)('MQTT %s: is dropped by DISCONNECT [v5 MQTT-3.14.4-3, v3 MQTT-3.14.4-3]', (version) => {
    const bench = new Bench();
    const watcher = bench.subscriber('will');
    const client = bench.connect(willOf(version));
    client.send({ type: 'disconnect', reasonCode: 0 });
    client.drop();
    bench.advance(100);
    expect(watcher.take()).toEqual([]);
  });

  test.each([0x04, 0x80, 0x81, 0x98])('is published after DISCONNECT %s [v5 MQTT-3.1.2-8]', (reasonCode) => {
    const bench = new Bench();
    const watcher = bench.subscriber('will');
    bench.connect(willOf(5)).disconnect(reasonCode);
    expect(watcher.messages()).toEqual(['will=gone']);
  });

  test.each(both)(
    'MQTT %s: that was published or dropped is never published again [v5 MQTT-3.1.2-10, v3 MQTT-3.1.2-10]',
    (version) => {
      const bench = new Bench();
      const watcher = bench.subscriber('will');
      const properties = version === 5 ? { sessionExpiryInterval: 60 } : undefined;
      const options: ConnectOptions = { version, clientId: 'x', clean: false, properties };
      bench.connect({ ...willOf(version), ...options }).drop();
      expect(watcher.messages()).toEqual(['will=gone']);
      bench.connect(options).drop();
      bench.connect({ ...willOf(version), ...options }).disconnect();
      bench.connect(options).drop();
      bench.advance(1_000);
      expect(watcher.take()).toEqual([]);
    },
  );

  test.each(both)('MQTT %s: that nobody gave is not published [v3 MQTT-3.1.2-12]', (version) => {
    const bench = new Bench();
    const watcher = bench.subscriber('#');
    bench.connect({ version }).drop();
    expect(watcher.take()).toEqual([]);
  });

  test.each(both)(
    'MQTT %s: without Will Retain is not kept for later subscribers [v5 MQTT-3.1.2-14, v3 MQTT-3.1.2-16]',
    (version) => {
      const bench = new Bench();
      bench.connect(willOf(version)).drop();
      expect(bench.subscriber('will').take()).toEqual([]);
    },
  );

  test.each(both)(
    'MQTT %s: with Will Retain is kept for later subscribers [v5 MQTT-3.1.2-15, v3 MQTT-3.1.2-17]',
    (version) => {
      const bench = new Bench();
      const retained = will('gone', {}, { retain: true });
      bench.connect({ version, will: version === 5 ? retained : plain(retained) }).drop();
      expect(bench.subscriber('will').published()).toMatchObject([{ topic: 'will', retain: true }]);
    },
  );

  test('arrives with its properties, User Properties in order, without its delay [v5 MQTT-3.1.3-10]', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('will');
    const userProperties = [
      ['b', '1'],
      ['a', '2'],
      ['b', '1'],
      ['b', '0'],
    ] as const;
    const properties: WillProperties = {
      payloadFormatIndicator: 1,
      messageExpiryInterval: 9,
      contentType: 'text/plain',
      responseTopic: 'answer',
      correlationData: new Uint8Array([1, 2]),
      userProperties,
    };
    bench.connect({ will: will('gone', { ...properties, willDelayInterval: 0 }) }).drop();
    expect(watcher.published()[0]?.properties).toEqual(properties);
  });
});

test('a Response Topic of the will is not empty [v5 MQTT-4.7.3-1]', () => {
  const client = new Bench().dial({ will: will('gone', { responseTopic: '' }) });
  expect(client.bytes).toBe('2003008200');
  expect(client.ending).toBe('ended');
});

describe('the Will Delay Interval', () => {
  test('holds the will back until it is over [v5 MQTT-3.1.2-8]', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('will');
    bench.connect({ ...keptFor(100), will: will('late', { willDelayInterval: 10 }) }).drop();
    bench.advance(9.9);
    expect(watcher.take()).toEqual([]);
    bench.advance(0.1);
    expect(watcher.messages()).toEqual(['will=late']);
    bench.advance(1_000);
    expect(watcher.take()).toEqual([]);
  });

  test('cancels the will when the client is back before its end [v5 MQTT-3.1.3-9, v5 MQTT-3.1.2-8]', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('will');
    bench.connect({ ...keptFor(100), will: will('late', { willDelayInterval: 10 }) }).drop();
    bench.advance(9.9);
    const back = bench.connect(keptFor(100));
    bench.advance(50);
    back.drop();
    bench.advance(50);
    expect(watcher.take()).toEqual([]);
  });

  test('ends with the session when that ends first', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('will');
    bench.connect({ ...keptFor(5), will: will('late', { willDelayInterval: 10 }) }).drop();
    bench.advance(4.9);
    expect(watcher.take()).toEqual([]);
    bench.advance(0.1);
    expect(watcher.messages()).toEqual(['will=late']);
  });

  test('is nothing when the session ends with the connection', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('will');
    bench.connect({ clientId: 'x', will: will('now', { willDelayInterval: 10 }) }).drop();
    expect(watcher.messages()).toEqual(['will=now']);
  });

  test('ends when a clean start ends the session', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('will');
    bench.connect({ ...keptFor(100), will: will('late', { willDelayInterval: 10 }) }).drop();
    bench.connect({ clientId: 'x', clean: true });
    expect(watcher.messages()).toEqual(['will=late']);
  });

  test('of a client that is taken over cancels the will, without a delay it is published', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('will');
    bench.connect({ ...keptFor(100), will: will('late', { willDelayInterval: 10 }) });
    bench.connect({ ...keptFor(100), will: will('now') });
    bench.connect(keptFor(100));
    bench.advance(100);
    expect(watcher.messages()).toEqual(['will=now']);
  });

  test('does not count towards the message expiry of the will', () => {
    const bench = new Bench();
    const watcher = bench.subscriber('will');
    const properties = { willDelayInterval: 10, messageExpiryInterval: 5 };
    bench.connect({ ...keptFor(100), will: will('late', properties) }).drop();
    bench.advance(10);
    expect(watcher.published()[0]?.properties?.messageExpiryInterval).toBe(5);
  });
});
