import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matches } from '../../../src/topic/topic-filter';
import { TopicTrie } from '../../../src/topic/topic-trie';
import { memoryInUse } from '../../support/memory';
import { examples } from './filter-examples';

/** What a topic visits, in a stable order. */
function visited<Value>(trie: TopicTrie<Value>, topic: string): Value[] {
  const values: Value[] = [];
  trie.match(topic, (value) => values.push(value));
  return values.sort();
}

const level = fc.constantFrom('', 'a', 'b', '$', '$SYS', '__proto__', 'constructor');
const topics = fc
  .array(level, { minLength: 1, maxLength: 5 })
  .map((levels) => levels.join('/'))
  .filter((topic) => topic !== '');
const filters = fc
  .tuple(
    fc.constantFrom('', '', '', '$share/g/'),
    fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }),
    fc.boolean(),
  )
  .map(
    ([share, levels, rest]) => share + [...levels, ...(rest || levels.length === 0 ? ['#'] : [])].join('/'),
  )
  .filter((filter) => filter !== '' && filter !== '$share/g/');

describe('the trie', () => {
  test.each(examples)('%j matches what it should, and nothing else', (filter, yes, no) => {
    const trie = new TopicTrie<string>();
    trie.add(filter, 'value');
    for (const topic of yes) expect(visited(trie, topic), topic).toEqual(['value']);
    for (const topic of no) expect(visited(trie, topic), topic).toEqual([]);
  });

  test('finds all filters that match', () => {
    const trie = new TopicTrie<string>();
    const matching = ['a/b/c', 'a/b/+', 'a/+/c', '+/b/c', '+/+/+', 'a/b/c/#', 'a/b/#', 'a/#', '#', '+/#'];
    for (const filter of [...matching, 'a/b', 'a/b/c/d', '+', 'a/c/#', '$SYS/#']) trie.add(filter, filter);
    expect(visited(trie, 'a/b/c')).toEqual(matching.sort());
  });

  test('holds a pair of filter and value once', () => {
    const trie = new TopicTrie<string>();
    for (const filter of ['a/b', 'a/+']) {
      trie.add(filter, 'x');
      trie.add(filter, 'x');
      trie.add(filter, 'y');
    }
    expect(visited(trie, 'a/b')).toEqual(['x', 'x', 'y', 'y']);
  });

  test('removes the one pair that is named, and says whether it was there', () => {
    const trie = new TopicTrie<string>();
    for (const filter of ['a', '+', '#', 'a/+/b']) {
      trie.add(filter, 'x');
      trie.add(filter, 'y');
      expect(trie.remove(filter, 'z')).toBe(false);
      expect(trie.remove(filter, 'x')).toBe(true);
      expect(trie.remove(filter, 'x')).toBe(false);
    }
    expect(trie.remove('none', 'y')).toBe(false);
    expect(trie.remove('none/+', 'y')).toBe(false);
    expect(trie.remove('a/#', 'y')).toBe(false);
    expect(trie.remove('a/+', 'y')).toBe(false);
    expect(visited(trie, 'a')).toEqual(['y', 'y', 'y']);
    expect(visited(trie, 'a/c/b')).toEqual(['y', 'y']);
  });

  test('holds many values of one filter', () => {
    const trie = new TopicTrie<number>();
    for (const filter of ['a', 'a/+', 'a/#']) {
      for (let value = 0; value < 100; value++) trie.add(filter, value);
      for (let value = 0; value < 100; value++) trie.add(filter, value);
    }
    expect(visited(trie, 'a')).toHaveLength(200);
    for (const filter of ['a', 'a/+', 'a/#']) {
      for (let value = 0; value < 100; value++) expect(trie.remove(filter, value)).toBe(true);
      expect(trie.remove(filter, 0)).toBe(false);
    }
    expect(visited(trie, 'a')).toEqual([]);
  });

  test('agrees with matches() whatever is added and removed', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), filters, fc.constantFrom('x', 'y')), { maxLength: 40 }),
        fc.array(topics, { minLength: 1, maxLength: 10 }),
        (steps, looks) => {
          const trie = new TopicTrie<string>();
          const model = new Map<string, [filter: string, value: string]>();
          for (const [add, filter, value] of steps) {
            const key = `${filter.replace('$share/g/', '')} ${value}`;
            if (add) trie.add(filter, value);
            else expect(trie.remove(filter, value)).toBe(model.has(key));
            if (add) model.set(key, [filter, value]);
            else model.delete(key);
          }
          for (const topic of looks) {
            const expected = [...model.values()].filter(([filter]) => matches(filter, topic));
            expect(visited(trie, topic)).toEqual(expected.map(([, value]) => value).sort());
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('knows no names but those that were added', () => {
    const trie = new TopicTrie<string>();
    trie.add('a/+', 'x');
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'children', 'plus']) {
      expect(visited(trie, name)).toEqual([]);
      expect(visited(trie, `${name}/${name}`)).toEqual([]);
      trie.add(`${name}/+`, name);
      expect(visited(trie, `${name}/${name}`)).toEqual([name]);
    }
  });

  test('takes filters and topics of 65,535 levels', () => {
    const trie = new TopicTrie<string>();
    const deep = '/'.repeat(65_533);
    trie.add(`${deep}+`, 'deep');
    trie.add('#', 'all');
    trie.add(`${'+/'.repeat(32_767)}#`, 'wild');
    expect(visited(trie, deep)).toEqual(['all', 'deep', 'wild']);
    expect(visited(trie, '/'.repeat(65_535))).toEqual(['all', 'wild']);
    expect(trie.remove(`${deep}+`, 'deep')).toBe(true);
    expect(visited(trie, deep)).toEqual(['all', 'wild']);
  });

  test('keeps nothing of the filters that were removed', () => {
    const trie = new TopicTrie<number>();
    const round = (count: number) => {
      for (let index = 0; index < count; index++) trie.add(`a/${index}/+/b/#`, index);
      const indexes = Array.from({ length: count }, (_, index) => index);
      expect(indexes.filter((index) => !trie.remove(`a/${index}/+/b/#`, index))).toEqual([]);
    };
    round(100);
    const before = memoryInUse();
    round(20_000);
    // Nodes that stayed would take some 8 MB.
    expect(memoryInUse() - before).toBeLessThan(2_000_000);
    expect(visited(trie, 'a/1/x/b')).toEqual([]);
  });

  test('looks at a topic no further than its filters reach', () => {
    const trie = new TopicTrie<string>();
    trie.add('a/+', 'x');
    const topic = '/'.repeat(65_535);
    // So many walks over all levels would take minutes, longer than a test may.
    for (let round = 0; round < 100_000; round++) trie.match(topic, () => expect.unreachable());
  });
});
