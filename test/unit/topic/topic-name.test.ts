import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/errors';
import { checkTopicName } from '../../../src/topic/topic-name';

/** The error that a topic name gives, undefined for a good one. */
function errorOf(topic: unknown): UsageError | undefined {
  try {
    checkTopicName(topic, 'will.topic');
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  return undefined;
}

describe('a topic name', () => {
  test.each([
    'a',
    '/',
    '//',
    ' ',
    '/finance',
    'sport/tennis/',
    '$SYS/broker',
    'a b',
    'größe/°C',
    '🌊/𝒳',
    '\u0001',
    '\ufeffa',
    '\uffff',
  ])('may be %j', (topic) => {
    expect(errorOf(topic)).toBeUndefined();
  });

  test('names the argument in its error', () => {
    expect(errorOf('')?.message).toMatch(/^will\.topic: /);
    expect(errorOf('')?.code).toBe('invalid-argument');
  });

  test.each([undefined, null, 7, {}, ['a'], new Uint8Array(1), Symbol('a')])(
    'must be a string: %s',
    (topic) => {
      expect(errorOf(topic)?.message).toMatch(/must be a string/);
    },
  );

  test('is at least one character long [v5 MQTT-4.7.3-1, v3 MQTT-4.7.3-1]', () => {
    expect(errorOf('')?.message).toMatch(/must not be empty/);
  });

  test.each(['+', '#', 'a/+', 'a/#', 'a+b', 'ü/#', '+id'])(
    'has no wildcard: %j [v5 MQTT-3.3.2-2, v5 MQTT-4.7.0-1, v3 MQTT-3.3.2-2, v3 MQTT-4.7.1-1]',
    (topic) => {
      expect(errorOf(topic)?.message).toMatch(/must not contain \+ or #/);
    },
  );

  test.each(['\0', 'a\0b', 'ü\0'])(
    'has no null character: %j [v5 MQTT-4.7.3-2, v3 MQTT-4.7.3-2]',
    (topic) => {
      expect(errorOf(topic)?.message).toMatch(/U\+0000/);
    },
  );

  test.each(['\ud800', '\udc00', 'a\ud83d', '\ud83dx', '\udf0a\ud83c', '\ud83c\ud83c\udf0a'])(
    'has no half of a surrogate pair: %j [v5 MQTT-1.5.4-1, v3 MQTT-1.5.3-1]',
    (topic) => {
      expect(errorOf(topic)?.message).toMatch(/surrogate/);
    },
  );

  test.each([
    ['one byte', 'a', 65_535],
    ['two bytes', 'ü', 32_767],
    ['three bytes', '€', 21_845],
    ['four bytes', '🌊', 16_383],
  ])(
    'takes at most 65,535 bytes of UTF-8, of %s each [v5 MQTT-4.7.3-3, v3 MQTT-4.7.3-3]',
    (_, letter, most) => {
      expect(errorOf(letter.repeat(most))).toBeUndefined();
      expect(errorOf(letter.repeat(most + 1))?.message).toMatch(/65535 bytes/);
    },
  );

  test('is not repeated whole in an error when it is long', () => {
    expect(errorOf(`${'a'.repeat(60_000)}#`)?.message.length).toBeLessThan(250);
  });
});
