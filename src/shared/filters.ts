/** Filters as arguments give them, and as they are on the wire. */

import { compilePattern, type Pattern } from '../topic/pattern';
import { TopicTrie } from '../topic/topic-trie';

type Params = Readonly<Record<string, string>>;

/** A pattern as a filter on the wire: without the names of its wildcards. */
export function wireFilter(pattern: string): string {
  return compilePattern(pattern).filter;
}

/** The filters of an argument. @throws UsageError for what is none */
export function filtersOf(argument: unknown): string[] {
  const filters = [argument].flat() as string[];
  for (const [index, filter] of filters.entries())
    compilePattern(filter, Array.isArray(argument) ? `filter[${index}]` : 'filter');
  return filters;
}

/** What the named wildcards of one of the patterns stand for in a topic; undefined when none matches. */
export function paramsIn(patterns: readonly string[], topic: string): Params | undefined {
  const trie = new TopicTrie<Pattern>();
  let params: Params | undefined;
  for (const pattern of patterns) {
    const compiled = compilePattern(pattern);
    trie.add(compiled.filter, compiled);
  }
  trie.match(topic, (pattern) => {
    params = pattern.params(topic);
  });
  return params;
}
