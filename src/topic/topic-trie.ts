/** The trie that routes: from a topic name to the values of all filters that match it. */

/**
 * Values by topic filter. A pair of filter and value is held once; a shared subscription's prefix is stripped.
 * Filters are taken as valid.
 */
export class TopicTrie<Value> {
  /** Pairs of filter and value held. */
  get size(): number {
    return 0;
  }

  /** Adds a value to a filter; nothing changes when it is there already. */
  add(filter: string, value: Value): void {
    void filter;
    void value;
  }

  /** Removes a value from a filter; false when it was not there. */
  remove(filter: string, value: Value): boolean {
    void filter;
    void value;
    return false;
  }

  /**
   * Visits the values of all filters that match, a value that was added to several of them once for each.
   * `visit` must not change the trie.
   */
  match(topic: string, visit: (value: Value) => void): void {
    void topic;
    void visit;
  }
}
