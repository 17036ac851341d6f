/** Validates and matches topic filters [v5 4.7, 4.8.2]. */

import { checkText } from '../check';
import { UsageError } from '../errors';
import { quote } from './quote';
import { checkFilled } from './topic-name';

const plus = 0x2b;
const hash = 0x23;
const slash = 0x2f;
const dollar = 0x24;

/** What a shared subscription's filter begins with [v5 MQTT-4.8.2-1]. */
const sharePrefix = '$share/';

/** The parts of a shared subscription's filter, `$share/group/filter` [v5 4.8.2]. */
export interface SharedFilter {
  /** The share name. */
  readonly group: string;
  /** What it subscribes to. */
  readonly filter: string;
}

/**
 * Makes sure that a value can be subscribed to. Named wildcards are none of MQTT: see `compilePattern`.
 *
 * @param argument how the caller's argument is called, e.g. `'filter'`; it begins the message
 * @param given what the caller gave, when the filter was made from it; it ends the message
 * @throws UsageError naming the argument and the rule it breaks
 */
export function checkTopicFilter(
  filter: unknown,
  argument: string,
  given?: string,
): asserts filter is string {
  checkText(filter, argument);
  checkFilled(filter, argument);
  const flaw = flawIn(filter);
  if (flaw) throw new UsageError(`${argument}: ${flaw}: ${quote(given ?? filter)}`);
}

/** What forbids a filter: the rule that it breaks. */
function flawIn(filter: string): string | undefined {
  // [v5 MQTT-4.7.1-1]
  if (/#.|[^/]#/s.test(filter)) return '# must be the whole of the last level';
  // [v5 MQTT-4.7.1-2]
  if (/\+[^/]|[^/]\+/.test(filter)) return '+ must be the whole of a level';
  // [v5 MQTT-4.8.2-1, MQTT-4.8.2-2]
  if (filter.startsWith(sharePrefix) && !parseSharedFilter(filter))
    return 'a shared subscription is $share/name/filter, its name without wildcards, neither part empty';
  return undefined;
}

/** Takes a shared subscription's filter apart; undefined for any other filter, and for an ill-formed one. */
export function parseSharedFilter(filter: string): SharedFilter | undefined {
  if (!filter.startsWith(sharePrefix)) return undefined;
  const end = filter.indexOf('/', sharePrefix.length);
  if (end === -1 || end === filter.length - 1) return undefined;
  const group = filter.slice(sharePrefix.length, end);
  if (group === '' || group.includes('+') || group.includes('#')) return undefined;
  return { group, filter: filter.slice(end + 1) };
}

/** Where a filter begins that is matched against topics: behind the prefix of a shared subscription. */
export function shareLength(filter: string): number {
  if (filter.charCodeAt(0) !== dollar || !filter.startsWith(sharePrefix)) return 0;
  return filter.indexOf('/', sharePrefix.length) + 1;
}

/** Whether a valid filter, shared or not, matches a topic name [v5 4.7.1]. */
export function matches(filter: string, topic: string): boolean {
  let at = shareLength(filter);
  // A wildcard in front does not match what belongs to the server [v5 MQTT-4.7.2-1].
  if (topic.charCodeAt(0) === dollar && filter.charCodeAt(at) !== dollar) return false;
  let index = 0;
  for (; at < filter.length; at++) {
    const unit = filter.charCodeAt(at);
    if (unit === hash) return true;
    if (unit === plus) {
      while (index < topic.length && topic.charCodeAt(index) !== slash) index++;
    } else if (index < topic.length && topic.charCodeAt(index) === unit) {
      index++;
    } else {
      // What is left may be "/#", which matches the level above it too.
      return index === topic.length && unit === slash && filter.charCodeAt(at + 1) === hash;
    }
  }
  return index === topic.length;
}
