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
  /** Flows by identifier; undefined for one that is over, until its end is durable. */
  readonly #flows = new Map<number, Flow | undefined>();
  /** Where the search for the next one starts. */
  #last = 0;

  /** Whether a publish can have one. */
  get hasForPublish(): boolean {
    return this.#flows.size < highest - keptForSubscribe;
  }

  /** Whether SUBSCRIBE or UNSUBSCRIBE can have one. */
  get hasForSubscribe(): boolean {
    return this.#flows.size < highest;
  }

  /** The flow that an identifier belongs to, if it is live. */
  get(packetId: number): Flow | undefined {
    return this.#flows.get(packetId);
  }

  /** All live flows. */
  *[Symbol.iterator](): Generator<[packetId: number, flow: Flow]> {
    for (const [packetId, flow] of this.#flows) if (flow) yield [packetId, flow];
  }

  /**
   * Takes the next identifier; only while there is one. Going round instead of taking the lowest leaves a late answer
   * of the server without a flow to hit.
   */
  take(flow: Flow): number {
    do this.#last = (this.#last % highest) + 1;
    while (this.#flows.has(this.#last));
    this.#flows.set(this.#last, flow);
    return this.#last;
  }

  /** Gives an identifier to a restored flow. */
  claim(packetId: number, flow: Flow): void {
    this.#flows.set(packetId, flow);
  }

  /** The flow is over; the identifier is not free before `release`. */
  end(packetId: number): void {
    this.#flows.set(packetId, undefined);
  }

  /** The flow is over, and its identifier free. */
  free(packetId: number): void {
    this.#flows.delete(packetId);
  }

  /** Frees the identifier of an ended flow, unless a new session of the server has given it to another flow. */
  release(packetId: number): void {
    if (this.#flows.get(packetId) === undefined) this.#flows.delete(packetId);
  }

  /** Forgets all: the server has a new session. */
  clear(): void {
    this.#flows.clear();
  }
}
