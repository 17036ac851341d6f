/** Patterns: topic filters whose wildcards may have names, `sensor/+id/temperature`, `log/#rest`. */

import { UsageError } from '../errors';
import { quote } from './quote';
import { checkTopicFilter, shareLength } from './topic-filter';

/** A pattern, ready to subscribe with and to read params with. */
export interface Pattern {
  /** As the user wrote it. */
  readonly pattern: string;
  /** The topic filter for the wire: the names stripped, a `$share` prefix kept. */
  readonly filter: string;
  /**
   * What the named wildcards stand for in a topic that the filter matches; a new object each time, but for a pattern
   * without names. `#rest` gives the remaining levels joined by `/`, `''` when there is none.
   */
  readonly params: (topic: string) => Readonly<Record<string, string>>;
}

/** A wildcard with a name. */
interface Slot {
  /** Its level, counted from 0 behind a `$share` prefix. */
  readonly level: number;
  readonly name: string;
  /** Whether it is `#`: takes all levels from its own on. */
  readonly rest: boolean;
}

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What every pattern without names yields; frozen, because it is handed out again and again. */
export const noParams: Readonly<Record<string, string>> = Object.freeze({});

const unnamed = () => noParams;

/**
 * Validates and compiles a pattern.
 *
 * @param argument how the caller's argument is called, e.g. `'filter'`; it begins the message
 * @throws UsageError for an ill-formed filter, a name that is no identifier, and a name used twice
 */
export function compilePattern(pattern: string, argument = 'filter'): Pattern {
  // Only a wildcard at the head of a level may have a name; checkTopicFilter finds all others.
  const filter = typeof pattern === 'string' ? pattern.replace(/(^|\/)([+#])[^/+#]+/g, '$1$2') : pattern;
  checkTopicFilter(filter, argument, pattern);
  if (filter === pattern) return { pattern, filter, params: unnamed };

  const slots: Slot[] = [];
  const levels = pattern.slice(shareLength(pattern)).split('/');
  levels.forEach((text, level) => {
    const wildcard = text.charAt(0);
    const name = text.slice(1);
    if ((wildcard !== '+' && wildcard !== '#') || name === '') return;
    // `__proto__` would be lost: as a property of an object it is its prototype.
    if (!identifier.test(name) || name === '__proto__') {
      throw new UsageError(
        `${argument}: ${quote(name)} cannot name a wildcard: names are letters, digits and _, no digit first: ${quote(pattern)}`,
      );
    }
    if (slots.some((slot) => slot.name === name)) {
      throw new UsageError(`${argument}: the name ${quote(name)} is used twice: ${quote(pattern)}`);
    }
    slots.push({ level, name, rest: wildcard === '#' });
  });
  return { pattern, filter, params: (topic) => readParams(slots, topic) };
}

/** Walks a topic once and reads what the slots, which are in order, stand for. */
function readParams(slots: readonly Slot[], topic: string): Record<string, string> {
  const params: Record<string, string> = {};
  let level = 0;
  let start = 0;
  for (const slot of slots) {
    for (; level < slot.level; level++) {
      const end = topic.indexOf('/', start);
      // Only "#" may stand for no level at all.
      start = end === -1 ? topic.length : end + 1;
    }
    const end = slot.rest ? -1 : topic.indexOf('/', start);
    params[slot.name] = topic.slice(start, end === -1 ? undefined : end);
  }
  return params;
}
