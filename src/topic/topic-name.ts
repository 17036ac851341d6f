/** Validates topic names [v5 4.7.3, v3 4.7.3]. */

/**
 * Makes sure that a value can be published to.
 *
 * @param argument how the caller's argument is called, e.g. `'topic'`; it begins the message
 * @throws UsageError naming the argument and the rule it breaks
 */
export function checkTopicName(topic: unknown, argument: string): asserts topic is string {
  void topic;
  void argument;
}
