/**
 * The trie that routes: from a topic name to the values of all filters that match it.
 *
 * Filters without wildcards lie in one map, so that a topic finds them in one look, without being split. Only filters
 * with wildcards make nodes, one for each level. Each node is visited at most once for a topic, whatever the topic.
 */

import { shareLength } from './topic-filter';

/** Where the filters with the same first levels meet. */
class Node<Value> {
  /** Level that leads to {@link child}; only while there is exactly one, which spares most nodes a map. */
  key: string | undefined;
  child: Node<Value> | undefined;
  /** Nodes by level, once there have been two. */
  children: Map<string, Node<Value>> | undefined;
  /** Node behind a `+`. */
  plus: Node<Value> | undefined;
  /** Values of the filter that ends here. */
  values: Value[] | undefined;
  /** Values of the filter that ends here with a `#`, one level below. */
  hash: Value[] | undefined;

  /** The node behind a level. */
  get(level: string): Node<Value> | undefined {
    if (this.children !== undefined) return this.children.get(level);
    return this.key === level ? this.child : undefined;
  }

  /** The node behind a level of a filter. */
  step(level: string): Node<Value> | undefined {
    return level === '+' ? this.plus : this.get(level);
  }

  /** Makes the node behind a level of a filter. */
  create(level: string): Node<Value> {
    const node = new Node<Value>();
    if (level === '+') {
      this.plus = node;
    } else if (this.children !== undefined) {
      this.children.set(level, node);
    } else if (this.key === undefined || this.child === undefined) {
      this.key = level;
      this.child = node;
    } else {
      this.children = new Map([
        [this.key, this.child],
        [level, node],
      ]);
      this.key = undefined;
      this.child = undefined;
    }
    return node;
  }

  /** Removes the node behind a level of a filter. */
  delete(level: string): void {
    if (level === '+') {
      this.plus = undefined;
    } else if (this.children === undefined) {
      this.key = undefined;
      this.child = undefined;
    } else {
      this.children.delete(level);
      if (this.children.size === 0) this.children = undefined;
    }
  }

  /** Whether nothing begins or ends here. */
  get empty(): boolean {
    return (
      this.values === undefined &&
      this.hash === undefined &&
      this.plus === undefined &&
      this.child === undefined &&
      this.children === undefined
    );
  }
}

/**
 * Values by topic filter. A pair of filter and value is held once; the prefix of a shared subscription is stripped.
 * Filters are taken as valid.
 */
export class TopicTrie<Value> {
  /** Values by filter, of the filters without wildcards. */
  readonly #exact = new Map<string, Value[]>();
  /** Root of the filters with wildcards. */
  readonly #root = new Node<Value>();

  /** Adds a value to a filter; nothing changes when it is there already. */
  add(filter: string, value: Value): void {
    const { wire, levels, end } = parsed(filter);
    // Made with what is added: an array that grows has room for 17.
    let values = this.#exact.get(wire) ?? [value];
    if (levels) {
      let node = this.#root;
      for (const level of levels) node = node.step(level) ?? node.create(level);
      node[end] ??= values;
      values = node[end];
    } else this.#exact.set(wire, values);
    if (!values.includes(value)) values.push(value);
  }

  /** Removes a value from a filter; false when it was not there. */
  remove(filter: string, value: Value): boolean {
    const { wire, levels, end } = parsed(filter);
    const path: Node<Value>[] = [this.#root];
    for (const level of levels ?? []) {
      const next = path.at(-1)?.step(level);
      if (!next) return false;
      path.push(next);
    }
    const node = path.at(-1);
    const values = levels ? node?.[end] : this.#exact.get(wire);
    const index = values?.indexOf(value) ?? -1;
    if (!values || !node || index < 0) return false;
    values.splice(index, 1);
    if (values.length > 0) return true;
    if (!levels) return this.#exact.delete(wire);
    node[end] = undefined;
    for (let depth = levels.length; path[depth]?.empty; depth--) {
      path[depth - 1]?.delete(levels[depth - 1] ?? '');
    }
    return true;
  }

  /**
   * Visits the values of all filters that match, a value that was added to several of them once for each.
   * `visit` must not change the trie.
   */
  match(topic: string, visit: (value: Value) => void): void {
    const exact = this.#exact.get(topic);
    if (exact !== undefined) visitAll(exact, visit);
    if (!this.#root.empty) this.#walk(topic, visit);
  }

  /** Visits the values of the filters with wildcards, depth first. */
  #walk(topic: string, visit: (value: Value) => void): void {
    /** Nodes to go on from, with the place in the topic where their next level begins; behind its end: none. */
    const nodes: Node<Value>[] = [];
    const places: number[] = [];
    const beyond = topic.length + 1;
    let node: Node<Value> | undefined = this.#root;
    let start = 0;
    // A wildcard in front does not match what belongs to the server [v5 MQTT-4.7.2-1].
    let wild = topic.charCodeAt(0) !== 0x24;
    while (node !== undefined) {
      if (wild && node.hash !== undefined) visitAll(node.hash, visit);
      let next: Node<Value> | undefined;
      if (start === beyond) {
        if (node.values !== undefined) visitAll(node.values, visit);
      } else {
        const slash = topic.indexOf('/', start);
        const end = slash === -1 ? topic.length : slash;
        if (node.child !== undefined || node.children !== undefined) next = node.get(topic.slice(start, end));
        start = end + 1;
        if (wild && node.plus !== undefined) {
          if (next === undefined) {
            next = node.plus;
          } else {
            nodes.push(node.plus);
            places.push(start);
          }
        }
      }
      wild = true;
      if (next === undefined) {
        next = nodes.pop();
        start = places.pop() ?? beyond;
      }
      node = next;
    }
  }
}

/** A filter without the prefix of a shared subscription, and where its values lie: without levels among the exact. */
function parsed(filter: string) {
  const wire = filter.slice(shareLength(filter));
  const levels = /[+#]/.test(wire) ? wire.split('/') : undefined;
  const rest = levels?.at(-1) === '#' && levels.pop() !== undefined;
  return { wire, levels, end: rest ? ('hash' as const) : ('values' as const) };
}

function visitAll<Value>(values: readonly Value[], visit: (value: Value) => void): void {
  for (const value of values) visit(value);
}
