/** Packet identifiers, and the flow that each of them belongs to [v5 2.2.1]. */

import type { AckPacket, SubscribeAckPacket } from '../codec/packet';
import { ProtocolError } from '../errors';

const highest = 65_535;

/** Identifiers that publishes leave alone, so that a SUBSCRIBE is never starved by a full window. */
const keptForSubscribe = 16;

/** The error for an answer that is not the one due to the flow of its identifier. */
export function wrongAnswer({ type, packetId }: AckPacket | SubscribeAckPacket): ProtocolError {
  return new ProtocolError(
    `The server answered packet ${packetId} with ${type.toUpperCase()}, which is not the answer due [v5 4.3]`,
  );
}

/** Identifiers of a block: two to this power. */
const blockBits = 8;
const inBlock = (1 << blockBits) - 1;

/** What identifiers of a block stand for: undefined for a free one, null for one that is over, until that is durable. */
interface Block<Flow> {
  readonly flows: (Flow | null | undefined)[];
  /** How many are not free. */
  used: number;
}

/**
 * Hands out identifiers that are not in use. They are kept in blocks, of which only those in use take memory: a map
 * takes its time, and an array as long as the highest identifier is more than an idle client should hold.
 */
export class PacketIds<Flow extends object> {
  readonly #blocks: (Block<Flow> | undefined)[] = [];
  /** One without identifiers in use: the next to be needed. */
  #spare: Block<Flow> | undefined;
  /** Identifiers in use. */
  #size = 0;
  /** Where the search for the next one starts. */
  #last = 0;

  /** Whether a publish can have one. */
  get hasForPublish(): boolean {
    return this.#size < highest - keptForSubscribe;
  }

  /** Whether SUBSCRIBE or UNSUBSCRIBE can have one. */
  get hasForSubscribe(): boolean {
    return this.#size < highest;
  }

  /** The flow that an identifier belongs to, null for one that is over, undefined where it is free. */
  get(packetId: number): Flow | null | undefined {
    return this.#blocks[packetId >> blockBits]?.flows[packetId & inBlock];
  }

  /** All live flows, by identifier. */
  *[Symbol.iterator](): Generator<[packetId: number, flow: Flow]> {
    for (let packetId = 1; packetId < this.#blocks.length << blockBits; packetId += 1) {
      const flow = this.get(packetId);
      if (flow) yield [packetId, flow];
    }
  }

  /**
   * Takes the next identifier; only while there is one. Going round instead of taking the lowest leaves a late answer
   * of the server without a flow to hit.
   */
  take(flow: Flow): number {
    do this.#last = (this.#last % highest) + 1;
    while (this.get(this.#last) !== undefined);
    this.claim(this.#last, flow);
    return this.#last;
  }

  /** Gives an identifier to a restored flow. */
  claim(packetId: number, flow: Flow): void {
    const index = packetId >> blockBits;
    let block = this.#blocks[index];
    if (!block) {
      block = this.#spare ?? { flows: new Array(inBlock + 1).fill(undefined), used: 0 };
      this.#spare = undefined;
      this.#blocks[index] = block;
    }
    if (block.flows[packetId & inBlock] === undefined) {
      block.used += 1;
      this.#size += 1;
    }
    block.flows[packetId & inBlock] = flow;
  }

  /** The flow is over; the identifier is not free before `release`. */
  end(packetId: number): void {
    const block = this.#blocks[packetId >> blockBits];
    if (block) block.flows[packetId & inBlock] = null;
  }

  /** The flow is over, and its identifier free. */
  free(packetId: number): void {
    const index = packetId >> blockBits;
    const block = this.#blocks[index];
    if (!block) return;
    block.flows[packetId & inBlock] = undefined;
    block.used -= 1;
    this.#size -= 1;
    if (block.used > 0) return;
    this.#blocks[index] = undefined;
    this.#spare = block;
  }

  /** Frees the identifier of an ended flow, unless a new session of the server has given it to another flow. */
  release(packetId: number): void {
    if (this.get(packetId) === null) this.free(packetId);
  }

  /** Forgets all: the server has a new session. */
  clear(): void {
    this.#blocks.length = 0;
    this.#size = 0;
  }
}
