/** Topic aliases of one network connection, both directions [v5 3.3.2.3.4]. */

import { ProtocolError } from '../../src/errors';

/** Aliases that the client has set; they die with the connection [v5 MQTT-3.3.2-7]. */
export class InboundAliases {
  readonly #topics = new Map<number, string>();
  readonly #maximum: number;

  /** @param maximum Topic Alias Maximum that was announced in CONNACK */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /**
   * The topic of a PUBLISH, with its alias resolved or learned.
   *
   * @throws ProtocolError 0x94 for an alias out of range, 0x82 for one that was never set
   */
  resolve(topic: string, alias: number | undefined): string {
    if (alias === undefined) {
      if (topic === '') throw new ProtocolError('A PUBLISH has neither a topic nor an alias');
      return topic;
    }
    if (alias === 0 || alias > this.#maximum) {
      const limit = `allowed are 1 to ${this.#maximum}`;
      throw new ProtocolError(`Topic alias ${alias} is out of range: ${limit}`, 'topic-alias-invalid', 0x94);
    }
    if (topic !== '') {
      this.#topics.set(alias, topic);
      return topic;
    }
    const known = this.#topics.get(alias);
    if (known === undefined) throw new ProtocolError(`Topic alias ${alias} was never set on this connection`);
    return known;
  }
}

/** Aliases that the broker sets at most, however many a client allows. */
const outboundLimit = 1_024;

/** Aliases that the broker has set for the client. */
export class OutboundAliases {
  readonly #aliases = new Map<string, number>();
  readonly #maximum: number;

  /** @param maximum Topic Alias Maximum of CONNECT; 0 turns aliases off [v5 MQTT-3.1.2-27] */
  constructor(maximum: number) {
    this.#maximum = Math.min(maximum, outboundLimit);
  }

  /** The alias of a topic, and whether the client knows it already; undefined when none is free. */
  take(topic: string): { alias: number; known: boolean } | undefined {
    const known = this.#aliases.get(topic);
    if (known !== undefined) return { alias: known, known: true };
    if (this.#aliases.size >= this.#maximum) return undefined;
    return { alias: this.#aliases.size + 1, known: false };
  }

  /** Notes that the client was told. */
  set(topic: string, alias: number): void {
    this.#aliases.set(topic, alias);
  }
}
