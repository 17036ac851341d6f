import { describe, expect, test } from 'vitest';
import { readNumbers, readString } from '../../../demo/page/figure-reader';
import { bytes, duration, preciseClock, words } from '../../../demo/page/format';
import { detail, keep, listProperties, summarize } from '../../../demo/page/packet-summary';
import { parseHex, showPayload } from '../../../demo/page/payload';

const utf8 = new TextEncoder();

describe('numbers and names for people', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [99_949, '99.9 kB'],
    [99_960, '100 kB'],
    [999_700, '1.0 MB'],
    [16e9, '16.0 GB'],
  ])('%d bytes are %s', (count, text) => {
    expect(bytes(count)).toBe(text);
  });

  test.each([
    [0, '0 s'],
    [59, '59 s'],
    [3_600, '1 h'],
    [7_265, '2 h 1 min'],
    [273_933, '3 d 4 h'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  test.each([
    ['receiveMaximum', 'Receive maximum'],
    ['maximumQoS', 'Maximum QoS'],
    ['qos0Dropped', 'QoS0 dropped'],
  ])('%s is %s', (name, text) => {
    expect(words(name)).toBe(text);
  });
});

test("the day begins at 0 o'clock", () => {
  expect(preciseClock(new Date(2026, 0, 1, 0, 5, 9, 7))).toMatch(/^0?0\D05\D09\.007$/);
});

describe('a payload', () => {
  test('is shown as JSON, as text or as hex by what it looks like', () => {
    expect(showPayload(utf8.encode('{"a": [1,2]}'), 'auto')).toBe('{"a":[1,2]}');
    expect(showPayload(utf8.encode('{no json'), 'auto')).toBe('{no json');
    expect(showPayload(utf8.encode('näh\n'), 'auto')).toBe('näh\n');
    expect(showPayload(Uint8Array.of(0xff, 0x41), 'auto')).toMatch(/^0000 {2}ff 41 +\.A$/);
    expect(showPayload(Uint8Array.of(0x41, 0), 'auto')).toMatch(/^0000 {2}41 00/);
  });

  test('is shown as asked for', () => {
    expect(showPayload(utf8.encode('AB'), 'hex')).toMatch(/^0000 {2}41 42 +AB$/);
    expect(showPayload(Uint8Array.of(0xff), 'text')).toBe('\ufffd');
    expect(showPayload(utf8.encode('{"a":1}'), 'text')).toBe('{"a":1}');
    expect(showPayload(utf8.encode('"x"'), 'json')).toBe('"x"');
  });

  test('is shown as it came when as JSON it would be another', () => {
    for (const text of ['{"a": 12345678901234567890}', '{ "a": 1, "a": 2 }', '[ 1.0, "\\u0041" ]']) {
      expect(showPayload(utf8.encode(text), 'auto')).toBe(text);
      expect(showPayload(utf8.encode(text), 'json')).toBe(text);
    }
    const long = { text: 'a "quoted  text" \\ ', list: Array.from({ length: 40 }, (_, index) => index) };
    const spaced = JSON.stringify(long).replaceAll(',', ' ,\n\t');
    expect(showPayload(utf8.encode(spaced), 'auto')).toBe(JSON.stringify(long, null, 2));
  });

  test('is cut short when it is long, also in the middle of a character', () => {
    const shown = showPayload(utf8.encode(`x${'é'.repeat(4_000)}`), 'auto');
    expect(shown).toMatch(/^xé+\n\.\.\. 3905 more bytes$/);
  });

  test('is read from hex digits, and from nothing else', () => {
    expect(parseHex('00 fF\n10')).toEqual(Uint8Array.of(0, 255, 16));
    expect(parseHex('')).toEqual(new Uint8Array());
    expect(() => parseHex('0')).toThrow('not hex');
    expect(() => parseHex('zz')).toThrow('not hex');
  });
});

describe('a figure', () => {
  test('is read when all of its numbers are there', () => {
    expect(readNumbers('{"used": 1, "total": 2, "more": "x"}', 'used', 'total')).toEqual({
      used: 1,
      total: 2,
    });
  });

  test.each([
    '',
    'null',
    '7',
    '[1]',
    '{"used": 1}',
    '{"used": 1, "total": "2"}',
    '{"used": 1, "total": 1e999}',
  ])('is not read from %s', (text) => {
    expect(readNumbers(text, 'used', 'total')).toBeUndefined();
  });

  test('does not read what every object inherits', () => {
    expect(readString('{}', 'constructor')).toBeUndefined();
    expect(readString('{"__proto__": {"id": "x"}}', 'id')).toBeUndefined();
    expect(readString('{"id": "x"}', 'id')).toBe('x');
  });
});

describe('a packet in one line', () => {
  test('tells what it is about', () => {
    expect(summarize({ type: 'connack', sessionPresent: true, reasonCode: 0 })).toBe('0x00, session resumed');
    expect(summarize({ type: 'puback', packetId: 7, reasonCode: 0x87 })).toBe('#7 0x87');
    expect(summarize({ type: 'pingreq' })).toBe('');
    expect(
      summarize({
        type: 'publish',
        topic: 'a/b',
        payload: utf8.encode('hi\nthere'),
        qos: 1,
        retain: true,
        dup: true,
        packetId: 3,
      }),
    ).toBe('a/b QoS 1 #3 dup retain hi there');
  });

  test('keeps a long payload out of the line', () => {
    const packet = { type: 'publish', topic: 't', qos: 0, retain: false, dup: false } as const;
    const line = (text: string) => summarize({ ...packet, payload: utf8.encode(text) });
    expect(line('x'.repeat(100))).toBe(`t QoS 0 ${'x'.repeat(60)} ... 40 more bytes`);
    // Also in the middle of a character.
    expect(line(`x${'é'.repeat(50)}`)).toBe(`t QoS 0 x${'é'.repeat(29)} ... 41 more bytes`);
  });

  test('shows bytes as what they hold when it is opened', () => {
    const packet = { type: 'connect', protocolVersion: 5, clientId: 'c', clean: true, keepAlive: 5 } as const;
    expect(detail(keep({ ...packet, password: utf8.encode('***') }))).toContain('"password": "***"');
  });

  test('keeps no more of a large payload than it shows', () => {
    const payload = new Uint8Array(1_000_000).fill(0x78);
    const kept = keep({ type: 'publish', topic: 't', payload, qos: 0, retain: false, dup: false });
    expect(kept.payload?.shown.buffer.byteLength).toBe(4_096);
    expect(JSON.stringify(kept.fields)).not.toContain('payload');
    expect(detail(kept)).toContain('x\\n... 995904 more bytes"');
  });

  test('lists properties one by one, and user properties under their own names', () => {
    const userProperties = [
      ['a', '1'],
      ['a', '2'],
    ] as const;
    expect(listProperties({ contentType: 'x/y', responseTopic: undefined, userProperties })).toEqual([
      'contentType: x/y',
      'a: 1',
      'a: 2',
    ]);
  });
});
