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

/** Hands out identifiers that are not in use. */
export class PacketIds<Flow extends object> {
  /** Flows by identifier: undefined where it is free, null for one that is over, until its end is durable. */
  readonly flows: (Flow | null | undefined)[] = [];
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

  /**
   * Takes the next identifier; only while there is one. Going round instead of taking the lowest leaves a late answer
   * of the server without a flow to hit.
   */
  take(flow: Flow): number {
    do this.#last = (this.#last % highest) + 1;
    while (this.flows[this.#last] !== undefined);
    this.claim(this.#last, flow);
    return this.#last;
  }

  /** Gives an identifier to a restored flow. */
  claim(packetId: number, flow: Flow): void {
    if (this.flows[packetId] === undefined) this.#size += 1;
    this.flows[packetId] = flow;
  }

  /** The flow is over; the identifier is not free before `release`. */
  end(packetId: number): void {
    this.flows[packetId] = null;
  }

  /** The flow is over, and its identifier free. */
  free(packetId: number): void {
    this.flows[packetId] = undefined;
    this.#size -= 1;
  }

  /** Frees the identifier of an ended flow, unless a new session of the server has given it to another flow. */
  release(packetId: number): void {
    if (this.flows[packetId] === null) this.free(packetId);
  }

  /** Forgets all: the server has a new session. */
  clear(): void {
    // It stays as long as it is: what is set far beyond the end of an array makes it a hash table.
    this.flows.fill(undefined);
    this.#size = 0;
  }
}
