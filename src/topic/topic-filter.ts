/** Validates and matches topic filters [v5 4.7, 4.8.2]. */

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
 * @throws UsageError naming the argument and the rule it breaks
 */
export function checkTopicFilter(filter: unknown, argument: string): asserts filter is string {
  void filter;
  void argument;
}

/** Takes a shared subscription's filter apart; undefined for any other filter, and for an ill-formed one. */
export function parseSharedFilter(filter: string): SharedFilter | undefined {
  void filter;
  return undefined;
}

/** Whether a filter, shared or not, matches a topic name [v5 4.7.1]. */
export function matches(filter: string, topic: string): boolean {
  return filter === topic;
}
