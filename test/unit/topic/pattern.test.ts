import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/errors';
import { compilePattern } from '../../../src/topic/pattern';
import { matches } from '../../../src/topic/topic-filter';

/** The error that a pattern gives. */
function errorOf(pattern: unknown): UsageError {
  try {
    compilePattern(pattern as string, 'filter');
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error(`compiled: ${String(pattern)}`);
}

describe('a pattern', () => {
  test('strips the names for the wire and remembers them in order', () => {
    const pattern = 'sensor/+id/temperature/+unit/#rest';
    const compiled = compilePattern(pattern);
    expect(compiled).toMatchObject({ pattern, filter: 'sensor/+/temperature/+/#' });
    expect(Object.keys(compiled.params('sensor/7/temperature/K/a/b'))).toEqual(['id', 'unit', 'rest']);
  });

  test.each([
    ['a/b', 'a/b'],
    ['#', '#'],
    ['#all', '#'],
    ['+all', '+'],
    ['/+a', '/+'],
    ['+a/', '+/'],
    ['$share/group/+id/#rest', '$share/group/+/#'],
    ['$SYS/+name', '$SYS/+'],
  ])('%j is %j on the wire', (pattern, filter) => {
    expect(compilePattern(pattern).filter).toBe(filter);
  });

  test.each([
    ['sensor/+id/temperature', 'sensor/7/temperature', { id: '7' }],
    ['+a/+b', '/', { a: '', b: '' }],
    ['+a/+b', 'x/y', { a: 'x', b: 'y' }],
    ['a/+/+c/+', 'a/b/c/d', { c: 'c' }],
    ['log/#rest', 'log/a/b/c', { rest: 'a/b/c' }],
    ['log/#rest', 'log/', { rest: '' }],
    ['log/#rest', 'log', { rest: '' }],
    ['log/+level/#rest', 'log/warn', { level: 'warn', rest: '' }],
    ['#rest', 'a/b', { rest: 'a/b' }],
    ['$share/group/+id/x', '7/x', { id: '7' }],
    ['$share/group/#rest', 'a/b', { rest: 'a/b' }],
    ['+_a1/+Z', '🌊/é', { _a1: '🌊', Z: 'é' }],
    ['a/+/#', 'a/b/c', {}],
    ['a/b', 'a/b', {}],
  ])('%j reads the params of %j', (pattern, topic, params) => {
    expect(compilePattern(pattern).params(topic)).toEqual(params);
  });

  test('gives each message params of its own', () => {
    const { params } = compilePattern('+id');
    expect(params('a')).not.toBe(params('a'));
  });

  test('may use names that every object has, and they are ordinary params', () => {
    const params = compilePattern('+constructor/+toString/+hasOwnProperty').params('a/b/c');
    expect(Object.entries(params)).toEqual([
      ['constructor', 'a'],
      ['toString', 'b'],
      ['hasOwnProperty', 'c'],
    ]);
  });

  test('cannot use the name __proto__, which an object would swallow', () => {
    expect(errorOf('+__proto__').message).toMatch(/cannot name a wildcard/);
    expect(errorOf('#__proto__').message).toMatch(/cannot name a wildcard/);
  });

  test.each(['+1', 'a/+a-b', '+ä', '+a b', '#a.b', '+🌊', '$share/g/+1'])(
    'has identifiers as names: %j has not',
    (pattern) => {
      expect(errorOf(pattern).message).toMatch(/^filter: .*cannot name a wildcard/);
    },
  );

  test.each(['+id/+id', '+id/a/#id', '$share/g/+a/+a'])('uses each name once: %j does not', (pattern) => {
    expect(errorOf(pattern).message).toMatch(/^filter: .*used twice/);
  });

  test.each([
    '',
    'a+b',
    'a#',
    '#rest/a',
    '+a+b',
    '+a#',
    '#a+b',
    '++a',
    '##a',
    '#+a',
    '$share/+g/a',
    '$share/g',
    '$share/g/',
    'a\0',
    '\ud800/+id',
    undefined,
    7,
  ])('is a valid filter without its names: %j is not', (pattern) => {
    expect(errorOf(pattern).message).toMatch(/^filter: /);
  });

  test.each(['x/#r/b', '+a/b+', '+id/#r/', '$share/+g/+a'])('is quoted as it was given: %s', (pattern) => {
    expect(errorOf(pattern).message).toContain(`: "${pattern}"`);
  });

  test('gives back what was put in for the names', () => {
    const text = fc
      .string({ unit: fc.constantFrom('a', 'b', '$', '+', '#', '.', 'é') })
      .filter((s) => s !== '');
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), text), { minLength: 1, maxLength: 6 }), (levels) => {
        const pattern = levels.map(([named], index) => (named ? `+n${index}` : `l${index}`)).join('/');
        const topic = levels.map(([named, value], index) => (named ? value : `l${index}`)).join('/');
        const compiled = compilePattern(pattern);
        fc.pre(matches(compiled.filter, topic));
        const expected = levels.flatMap(([named, value], index) => (named ? [[`n${index}`, value]] : []));
        expect(compiled.params(topic)).toEqual(Object.fromEntries(expected));
      }),
    );
  });
});
