/** Every packet that went in or out, to assert on; waits are resolved by the entry that they wait for. */

import type { Packet } from '../../src/codec/packet';

/** One packet on one connection. */
export interface LogEntry {
  /** Milliseconds of the broker's clock. */
  readonly at: number;
  /** Number of the connection, counted from 1. */
  readonly connection: number;
  /** Empty before CONNECT. */
  readonly clientId: string;
  /** As seen from the broker. */
  readonly direction: 'in' | 'out';
  readonly packet: Packet;
}

/** How long `waitFor` waits, in milliseconds, before it says what it saw instead. */
const defaultPatience = 5_000;

/** The log; entries beyond its size push the oldest out. */
export class PacketLog implements Iterable<LogEntry> {
  readonly #size: number;
  #entries: LogEntry[] = [];
  readonly #waiting = new Set<(entry: LogEntry) => void>();

  /** @param size entries that are kept */
  constructor(size: number) {
    this.#size = size;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Entries, oldest first. */
  get entries(): readonly LogEntry[] {
    return this.#entries;
  }

  /** False when nobody looks: then no entry needs to be made. */
  get active(): boolean {
    return this.#size > 0 || this.#waiting.size > 0;
  }

  add(entry: LogEntry): void {
    if (this.#size > 0) {
      this.#entries.push(entry);
      // Trimmed by halves, so that a long run costs no more than a short one.
      if (this.#entries.length >= this.#size * 2) this.#entries = this.#entries.slice(-this.#size);
    }
    for (const check of [...this.#waiting]) check(entry);
  }

  /** Entries that fit, oldest first. */
  filter(predicate: (entry: LogEntry) => boolean): LogEntry[] {
    return this.#entries.filter(predicate);
  }

  /** Packets of one direction, optionally of one type. */
  packets(direction: 'in' | 'out', type?: Packet['type']): Packet[] {
    return this.#entries
      .filter((entry) => entry.direction === direction && (type === undefined || entry.packet.type === type))
      .map(({ packet }) => packet);
  }

  clear(): void {
    this.#entries = [];
  }

  /**
   * The first entry that fits: one that is there already, else one to come.
   *
   * @param options `fresh` skips what is there already; `timeout` in milliseconds, @default 5000
   * @throws Error with the last entries when the time is over
   */
  waitFor(
    predicate: (entry: LogEntry) => boolean,
    options: { fresh?: boolean; timeout?: number } = {},
  ): Promise<LogEntry> {
    const known = options.fresh === true ? undefined : this.#entries.find(predicate);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const check = (entry: LogEntry) => {
        if (!predicate(entry)) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve(entry);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        const seen = this.#entries.slice(-20).map(describe).join('\n  ');
        reject(new Error(`No such packet in time; the last ones were:\n  ${seen}`));
      }, options.timeout ?? defaultPatience);
      this.#waiting.add(check);
    });
  }

  [Symbol.iterator](): Iterator<LogEntry> {
    return this.#entries[Symbol.iterator]();
  }
}

function describe({ connection, clientId, direction, packet }: LogEntry): string {
  return `#${connection} ${clientId} ${direction} ${JSON.stringify(packet).slice(0, 160)}`;
}
