/** What is wrong with a topic filter [v5 4.7, 4.8.2]. */

import { MalformedPacketError, UsageError } from '../../src/errors';
import { checkTopicFilter, parseSharedFilter } from '../../src/topic/topic-filter';

/**
 * Refuses wildcards in wrong places [v5 MQTT-4.7.1-1, v5 MQTT-4.7.1-2, v3 MQTT-4.7.1-2, v3 MQTT-4.7.1-3]. The name of a
 * shared subscription is another matter, see {@link isNotShareable}.
 *
 * @throws MalformedPacketError
 */
export function checkWildcards(filter: string): void {
  try {
    checkTopicFilter(unshared(filter), 'filter');
  } catch (error) {
    if (error instanceof UsageError) throw new MalformedPacketError(error.message, { cause: error });
    throw error;
  }
}

/** Whether a filter begins like a shared one, but has no proper name or nothing behind it [v5 MQTT-4.8.2-1, v5 MQTT-4.8.2-2]. */
export function isNotShareable(filter: string): boolean {
  return filter.startsWith('$share/') && parseSharedFilter(filter) === undefined;
}

export function hasWildcard(filter: string): boolean {
  return filter.includes('+') || filter.includes('#');
}

/** What is behind the prefix of a shared filter, whatever its name is. */
function unshared(filter: string): string {
  if (!filter.startsWith('$share/')) return filter;
  const end = filter.indexOf('/', '$share/'.length);
  const rest = end === -1 ? '' : filter.slice(end + 1);
  return rest === '' ? '$share' : rest;
}
