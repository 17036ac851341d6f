/** Topic aliases of one connection, each direction on its own [v5 3.3.2.3.4]. */

import { ProtocolError } from '../errors';

/** Topics shorter than this cost less than the alias property. */
const shortestAliased = 6;

/** Aliases that we use at most: to find the least recently used, a Map walks over what was removed before it. */
const mostAliases = 256;

/** The aliases that we give, for the topics used last. */
export class OutboundAliases {
  /** Alias by topic; the least recently used comes first. */
  readonly #aliases = new Map<string, number>();
  readonly #maximum: number;
  /** The topic used last: it comes last already. */
  #last = '';

  /** @param maximum the server's Topic Alias Maximum, at least 1 */
  constructor(maximum: number) {
    this.#maximum = Math.min(maximum, mostAliases);
  }

  /**
   * Finds or makes the alias of a topic.
   *
   * @returns 0 without an alias, the alias when the server knows it, and the negated alias when the packet has to
   * carry the topic too
   */
  use(topic: string): number {
    if (topic.length < shortestAliased) return 0;
    const aliases = this.#aliases;
    const known = aliases.get(topic);
    if (known !== undefined && topic === this.#last) return known;
    this.#last = topic;
    let alias = known ?? aliases.size + 1;
    let leaves = topic;
    if (alias > this.#maximum) for ([leaves, alias] of aliases) break;
    aliases.delete(leaves);
    aliases.set(topic, alias);
    return known ?? -alias;
  }
}

/** The aliases that the server gives. */
export class InboundAliases {
  readonly #topics = new Map<number, string>();
  readonly #maximum: number;

  /** @param maximum the Topic Alias Maximum that we announced */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /**
   * Resolves the topic of a PUBLISH that carries an alias.
   *
   * @throws ProtocolError 0x94 for an alias above our maximum, 0x82 for one that was never set
   */
  resolve(alias: number, topic: string): string {
    if (alias > this.#maximum) {
      throw new ProtocolError(
        `The server used topic alias ${alias}; the maximum announced is ${this.#maximum} [MQTT-3.1.2-26]`,
        'topic-alias-invalid',
        0x94,
      );
    }
    if (topic !== '') {
      this.#topics.set(alias, topic);
      return topic;
    }
    const known = this.#topics.get(alias);
    if (known === undefined) {
      throw new ProtocolError(`The server used topic alias ${alias}, which it never set [v5 3.3.4]`);
    }
    return known;
  }
}
