/** Filters as arguments give them, and the topics that they match. */

import { compilePattern, type Pattern } from '../topic/pattern';
import { TopicTrie } from '../topic/topic-trie';

type Params = Readonly<Record<string, string>>;

/** The filters of an argument. @throws UsageError for what is none */
export function patternsOf(argument: unknown): Pattern[] {
  const name = (index: number) => (Array.isArray(argument) ? `filter[${index}]` : 'filter');
  return [argument].flat().map((filter, index) => compilePattern(filter as string, name(index)));
}

/** Patterns as they were given. */
export function namesOf(patterns: readonly Pattern[]): string[] {
  return patterns.map(({ pattern }) => pattern);
}

/** Patterns as filters on the wire: without the names of their wildcards. */
export function wireFilters(patterns: readonly Pattern[]): Set<string> {
  return new Set(patterns.map(({ filter }) => filter));
}

/** What the named wildcards of one of the patterns stand for in a topic; undefined when none matches. */
export function paramsIn(patterns: readonly Pattern[], topic: string): Params | undefined {
  const trie = new TopicTrie<Pattern>();
  let params: Params | undefined;
  for (const pattern of patterns) trie.add(pattern.filter, pattern);
  trie.match(topic, (pattern) => {
    params = pattern.params(topic);
  });
  return params;
}
