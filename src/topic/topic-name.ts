/** Validates topic names [v5 4.7.3, v3 4.7.3]. */

import { checkText } from '../check';
import { UsageError } from '../errors';
import { quote } from './quote';

/**
 * Makes sure that a value can be published to.
 *
 * @param argument how the caller's argument is called, e.g. `'topic'`; it begins the message
 * @throws UsageError naming the argument and the rule it breaks
 */
export function checkTopicName(topic: unknown, argument: string): asserts topic is string {
  checkText(topic, argument);
  checkFilled(topic, argument);
  checkPlain(topic, argument);
}

/** @throws UsageError for an empty topic or filter [v5 MQTT-4.7.3-1, v3 MQTT-4.7.3-1] */
export function checkFilled(topic: string | undefined, argument: string): void {
  if (topic === '') throw new UsageError(`${argument}: must not be empty`);
}

/** @throws UsageError for a topic name with wildcards [v5 MQTT-3.3.2-2, MQTT-4.7.0-1] */
export function checkPlain(topic: string, argument: string): void {
  if (/[+#]/.test(topic)) {
    throw new UsageError(
      `${argument}: must not contain + or #, the wildcards of subscriptions: ${quote(topic)}`,
    );
  }
}
