/** Packet identifiers: one allocator for PUBLISH, SUBSCRIBE and UNSUBSCRIBE [v5 2.2.1]. */

const highest = 65_535;

/** Identifiers that publishes leave alone, so that a SUBSCRIBE is never starved by a full window. */
const keptForSubscribe = 16;

/** Hands out identifiers that are not in use. */
export class PacketIds {
  /** Identifiers of unfinished flows, and those whose end is not durable yet. */
  readonly #used = new Set<number>();
  /** Where the search for the next one starts. */
  #last = 0;

  /** Whether a publish can have one. */
  get hasForPublish(): boolean {
    return this.#used.size < highest - keptForSubscribe;
  }

  /** Takes an identifier for a publish; only while there is one. */
  takeForPublish(): number {
    return this.#take();
  }

  /**
   * Takes an identifier for SUBSCRIBE or UNSUBSCRIBE.
   * @returns 0 when none is left
   */
  takeForSubscribe(): number {
    return this.#used.size >= highest ? 0 : this.#take();
  }

  /** Marks the identifier of a restored flow as taken. */
  claim(packetId: number): void {
    this.#used.add(packetId);
  }

  /** Gives an identifier back. */
  release(packetId: number): void {
    this.#used.delete(packetId);
  }

  /** Forgets all: the server has a new session. */
  clear(): void {
    this.#used.clear();
  }

  // Going round instead of taking the lowest leaves a late answer of the server without a flow to hit.
  #take(): number {
    let packetId = this.#last;
    do packetId = packetId === highest ? 1 : packetId + 1;
    while (this.#used.has(packetId));
    this.#last = packetId;
    this.#used.add(packetId);
    return packetId;
  }
}
