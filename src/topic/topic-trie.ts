/**
 * The trie that routes: from a topic name to the values of all filters that match it.
 *
 * Filters without wildcards lie in one map, so that a topic finds them in one look, without being split. Only filters
 * with wildcards make nodes, one for each level. Each node is visited at most once for a topic, whatever the topic.
 */

import { shareLength } from './topic-filter';

/** The values of one filter: few as an array, which is small; many as a set, from which they are removed quickly. */
type Values<Value> = Value[] | Set<Value>;

/** From this number on values are held in a set. */
const manyValues = 16;

/** Where the filters with the same first levels meet. */
class Node<Value> {
  /** Level that leads to {@link child}; only while there is exactly one, which spares most nodes a map. */
  key: string | undefined = undefined;
  child: Node<Value> | undefined = undefined;
  /** Nodes by level, once there have been two. */
  children: Map<string, Node<Value>> | undefined = undefined;
  /** Node behind a `+`. */
  plus: Node<Value> | undefined = undefined;
  /** Values of the filter that ends here. */
  values: Values<Value> | undefined = undefined;
  /** Values of the filter that ends here with a `#`, one level below. */
  hash: Values<Value> | undefined = undefined;

  /** The node behind a level. */
  get(level: string): Node<Value> | undefined {
    if (this.children !== undefined) return this.children.get(level);
    return this.key === level ? this.child : undefined;
  }

  /** Makes the node behind a level. */
  create(level: string): Node<Value> {
    const node = new Node<Value>();
    if (this.children !== undefined) {
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

  /** Removes the node behind a level, `+` included. */
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
  readonly #exact = new Map<string, Values<Value>>();
  /** Root of the filters with wildcards. */
  readonly #root = new Node<Value>();
  /** See {@link size}. */
  #size = 0;

  /** Pairs of filter and value held. */
  get size(): number {
    return this.#size;
  }

  /** Adds a value to a filter; nothing changes when it is there already. */
  add(filter: string, value: Value): void {
    const wire = filter.slice(shareLength(filter));
    if (!hasWildcard(wire)) {
      const values = this.#exact.get(wire);
      const changed = this.#with(values, value);
      if (changed !== values) this.#exact.set(wire, changed);
      return;
    }
    let node = this.#root;
    const levels = wire.split('/');
    const rest = levels.at(-1) === '#' && levels.pop() !== undefined;
    for (const level of levels) {
      if (level === '+') {
        node.plus ??= new Node<Value>();
        node = node.plus;
      } else {
        node = node.get(level) ?? node.create(level);
      }
    }
    if (rest) node.hash = this.#with(node.hash, value);
    else node.values = this.#with(node.values, value);
  }

  /** Removes a value from a filter; false when it was not there. */
  remove(filter: string, value: Value): boolean {
    const wire = filter.slice(shareLength(filter));
    const before = this.#size;
    if (!hasWildcard(wire)) {
      if (this.#without(this.#exact.get(wire), value) === undefined) this.#exact.delete(wire);
      return this.#size < before;
    }
    const levels = wire.split('/');
    const rest = levels.at(-1) === '#' && levels.pop() !== undefined;
    const path: Node<Value>[] = [this.#root];
    let node = this.#root;
    for (const level of levels) {
      const next = level === '+' ? node.plus : node.get(level);
      if (next === undefined) return false;
      path.push(next);
      node = next;
    }
    if (rest) node.hash = this.#without(node.hash, value);
    else node.values = this.#without(node.values, value);
    for (let depth = levels.length; depth > 0 && path[depth]?.empty === true; depth--) {
      path[depth - 1]?.delete(levels[depth - 1] ?? '');
    }
    return this.#size < before;
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

  /** The values with one more. */
  #with(values: Values<Value> | undefined, value: Value): Values<Value> {
    if (values === undefined) {
      this.#size++;
      return [value];
    }
    if (!Array.isArray(values)) {
      if (!values.has(value)) this.#size++;
      return values.add(value);
    }
    if (values.includes(value)) return values;
    this.#size++;
    if (values.length >= manyValues) return new Set(values).add(value);
    values.push(value);
    return values;
  }

  /** The values with one less; undefined when none is left. */
  #without(values: Values<Value> | undefined, value: Value): Values<Value> | undefined {
    if (values === undefined) return undefined;
    if (!Array.isArray(values)) {
      if (values.delete(value)) this.#size--;
      return values.size === 0 ? undefined : values;
    }
    const index = values.indexOf(value);
    if (index === -1) return values;
    this.#size--;
    values.splice(index, 1);
    return values.length === 0 ? undefined : values;
  }
}

function hasWildcard(filter: string): boolean {
  return filter.includes('+') || filter.includes('#');
}

function visitAll<Value>(values: Values<Value>, visit: (value: Value) => void): void {
  for (const value of values) visit(value);
}
