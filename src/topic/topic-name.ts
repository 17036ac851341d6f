/** Validates topic names [v5 4.7.3, v3 4.7.3]. */

import { UsageError } from '../errors';
import { alwaysFits, flawIn, quote } from './text';

const plus = 0x2b;
const hash = 0x23;

/**
 * Makes sure that a value can be published to.
 *
 * @param argument how the caller's argument is called, e.g. `'topic'`; it begins the message
 * @throws UsageError naming the argument and the rule it breaks
 */
export function checkTopicName(topic: unknown, argument: string): asserts topic is string {
  if (typeof topic !== 'string') throw new UsageError(`${argument}: must be a string`);
  if (topic === '') throw new UsageError(`${argument}: must not be empty`); // [v5 MQTT-4.7.3-1]
  let plain = topic.length <= alwaysFits;
  for (let index = 0; index < topic.length; index++) {
    const unit = topic.charCodeAt(index);
    // [v5 MQTT-3.3.2-2, MQTT-4.7.0-1]
    if (unit === plus || unit === hash) {
      throw new UsageError(
        `${argument}: must not contain + or #, the wildcards of subscriptions: ${quote(topic)}`,
      );
    }
    if (unit > 0x7f || unit === 0) plain = false;
  }
  if (plain) return;
  const flaw = flawIn(topic);
  if (flaw !== undefined) throw new UsageError(`${argument}: ${flaw}`);
}
