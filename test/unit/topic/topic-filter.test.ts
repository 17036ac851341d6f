import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/errors';
import { checkTopicFilter, matches, parseSharedFilter } from '../../../src/topic/topic-filter';
import { examples } from './filter-examples';

/** The error that a topic filter gives, undefined for a good one. */
function errorOf(filter: unknown): UsageError | undefined {
  try {
    checkTopicFilter(filter, 'filters[1]');
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  return undefined;
}

describe('a topic filter', () => {
  test.each([
    '#',
    '+',
    '/',
    '/+',
    '+/',
    '+/+',
    '//#',
    'a/#',
    '+/#',
    'a/+/b/#',
    '$SYS/#',
    'ü/+',
    '$share',
    '$shared/a',
    '$share/g/a',
    '$share/g/#',
    '$share/g//',
    '$share/g/+/+',
  ])('may be %j', (filter) => {
    expect(errorOf(filter)).toBeUndefined();
  });

  test('names the argument in its error', () => {
    expect(errorOf('a#')?.message).toMatch(/^filters\[1\]: /);
  });

  test.each([undefined, null, 7, {}, ['a']])('must be a string: %j', (filter) => {
    expect(errorOf(filter)?.message).toMatch(/must be a string/);
  });

  test('is at least one character long [v5 MQTT-4.7.3-1, v3 MQTT-4.7.3-1]', () => {
    expect(errorOf('')?.message).toMatch(/must not be empty/);
  });

  test.each(['a#', '#/', '#/a', 'a/#/b', '##', '/#b', '+#', 'a/b#'])(
    'has # only as the whole of the last level: %j [v5 MQTT-4.7.1-1, v3 MQTT-4.7.1-2]',
    (filter) => {
      expect(errorOf(filter)?.message).toMatch(/# must be/);
    },
  );

  test.each(['a+', '+a', '++', '/+a/', 'a/b+/c', '+id/b'])(
    'has + only as the whole of a level: %j [v5 MQTT-4.7.1-2, v3 MQTT-4.7.1-3]',
    (filter) => {
      expect(errorOf(filter)?.message).toMatch(/\+ must be/);
    },
  );

  test('has no null character [v5 MQTT-4.7.3-2, v3 MQTT-4.7.3-2]', () => {
    expect(errorOf('a/\0/#')?.message).toMatch(/U\+0000/);
  });

  test('has no half of a surrogate pair [v5 MQTT-1.5.4-1, v3 MQTT-1.5.3-1]', () => {
    expect(errorOf('a/\ud800/#')?.message).toMatch(/surrogate/);
  });

  test('takes at most 65,535 bytes of UTF-8 [v5 MQTT-4.7.3-3, v3 MQTT-4.7.3-3]', () => {
    expect(errorOf('a'.repeat(65_535))).toBeUndefined();
    expect(errorOf('a'.repeat(65_536))?.message).toMatch(/65535 bytes/);
    expect(errorOf('€'.repeat(21_846))?.message).toMatch(/65535 bytes/);
  });

  test.each(['$share/', '$share//', '$share/g', '$share/g/', '$share//a', '$share/+/a', '$share/#'])(
    'that shares a subscription has a name without wildcards and a filter: %j [v5 MQTT-4.8.2-1, v5 MQTT-4.8.2-2]',
    (filter) => {
      expect(errorOf(filter)?.message).toMatch(/shared subscription/);
      expect(parseSharedFilter(filter)).toBeUndefined();
    },
  );

  test.each(['$share/g+/a', '$share/#/a', '$share/g#/a'])('has no wildcard in a share name: %j', (filter) => {
    expect(errorOf(filter)).toBeInstanceOf(UsageError);
    expect(parseSharedFilter(filter)).toBeUndefined();
  });
});

describe('parseSharedFilter', () => {
  test('takes a shared subscription apart [v5 MQTT-4.8.2-1]', () => {
    expect(parseSharedFilter('$share/group/a/+/#')).toEqual({ group: 'group', filter: 'a/+/#' });
    expect(parseSharedFilter('$share/group//')).toEqual({ group: 'group', filter: '/' });
  });

  test('leaves other filters alone', () => {
    expect(parseSharedFilter('a/b')).toBeUndefined();
    expect(parseSharedFilter('$share')).toBeUndefined();
    expect(parseSharedFilter('/$share/group/a')).toBeUndefined();
  });
});

describe('matches', () => {
  test.each(examples)('%j matches what it should, and nothing else', (filter, yes, no) => {
    for (const topic of yes) expect(matches(filter, topic), topic).toBe(true);
    for (const topic of no) expect(matches(filter, topic), topic).toBe(false);
  });

  test('a filter that begins with a wildcard does not match a topic that begins with $ [v5 MQTT-4.7.2-1, v3 MQTT-4.7.2-1]', () => {
    expect(matches('#', '$SYS/a')).toBe(false);
    expect(matches('+/a', '$SYS/a')).toBe(false);
    expect(matches('$share/group/+/a', '$SYS/a')).toBe(false);
    expect(matches('$SYS/+', '$SYS/a')).toBe(true);
  });

  test('normalizes nothing [v5 MQTT-4.7.3-4, v3 MQTT-4.7.3-4]', () => {
    expect(matches('\u00e9', 'e\u0301')).toBe(false);
    expect(matches('ACCOUNTS', 'Accounts')).toBe(false);
    expect(matches('a', '\ufeffa')).toBe(false);
  });

  test('agrees with the definition, level by level', () => {
    const level = fc.constantFrom('', 'a', 'b', 'ab', '$', '$a');
    const topics = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join('/'));
    const filters = fc
      .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.boolean())
      .map(([levels, rest]) => [...levels, ...(rest || levels.length === 0 ? ['#'] : [])].join('/'));
    fc.assert(
      fc.property(filters, topics, (filter, topic) => {
        fc.pre(topic !== '' && filter !== '');
        expect(matches(filter, topic)).toBe(matchesByDefinition(filter.split('/'), topic.split('/')));
      }),
      { numRuns: 2_000 },
    );
  });
});

/** The text of [v5 4.7.1] as a program: slow and plain. */
function matchesByDefinition(filter: readonly string[], topic: readonly string[]): boolean {
  if (topic[0]?.startsWith('$') && (filter[0] === '+' || filter[0] === '#')) return false;
  const rest = filter.at(-1) === '#';
  const fixed = rest ? filter.slice(0, -1) : filter;
  if (rest ? topic.length < fixed.length : topic.length !== fixed.length) return false;
  return fixed.every((level, index) => level === '+' || level === topic[index]);
}
