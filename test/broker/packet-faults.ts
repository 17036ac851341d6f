/** What a fault plan does to whole packets: swallows, changes, holds back, reorders, and says when to drop. */

import type { Packet } from '../../src/codec/packet';
import type { FaultPlan } from './faults';

/** What becomes of a packet. */
export type Fate =
  | { type: 'pass'; packets: readonly Packet[] }
  | { type: 'raw'; bytes: Uint8Array }
  | { type: 'drop' };

const nothing: Fate = { type: 'pass', packets: [] };
const drop: Fate = { type: 'drop' };

/** The packet faults of one connection. */
export class PacketFaults {
  /** Held back until they are released. */
  #withheld: Packet[] = [];
  /** Gathered to be reversed. */
  #reordered: Packet[] = [];
  /** Packets so far, by side and type, for faults that count. */
  readonly #counts = new Map<string, number>();

  /** A packet of the client. */
  incoming(plan: FaultPlan, packet: Packet, connected: boolean): Fate {
    if (this.#isTime('in', plan.dropOn, packet)) return drop;
    if (plan.silent === true || (plan.silentAfterConnect === true && connected)) return nothing;
    const seen = plan.incoming === undefined ? packet : plan.incoming(packet);
    return seen === undefined ? nothing : { type: 'pass', packets: [seen] };
  }

  /** What leaves in place of a packet of the broker. */
  replaced(plan: FaultPlan, packet: Packet): readonly Packet[] {
    const changed = plan.outgoing === undefined ? packet : plan.outgoing(packet);
    if (changed === undefined) return [];
    return 'type' in changed ? [changed] : changed;
  }

  /** A packet that is about to leave. */
  outgoing(plan: FaultPlan, packet: Packet): Fate {
    const { withhold, reorder, dropBefore, insteadOfConnack } = plan;
    const { type } = packet;
    if (type === 'connack' && insteadOfConnack !== undefined) return { type: 'raw', bytes: insteadOfConnack };
    if (this.#isTime('out', dropBefore, packet)) return drop;
    if (withhold?.includes(type) === true) {
      this.#withheld.push(packet);
      return nothing;
    }
    if (reorder?.type !== type) return { type: 'pass', packets: [packet] };
    this.#reordered.push(packet);
    if (this.#reordered.length < reorder.count) return nothing;
    return { type: 'pass', packets: this.#reordered.splice(0).reverse() };
  }

  /** Whether the connection ends now that a packet has left. */
  endsAfter(plan: FaultPlan, packet: Packet): boolean {
    return this.#isTime('after', plan.dropAfter, packet);
  }

  /** Gives up what was held back. */
  release(order: 'kept' | 'reversed'): Packet[] {
    const packets = this.#withheld;
    this.#withheld = [];
    return order === 'kept' ? packets : packets.reverse();
  }

  #isTime(side: 'in' | 'out' | 'after', fault: FaultPlan['dropOn'], { type }: Packet): boolean {
    if (fault === undefined || fault.type !== type) return false;
    const count = (this.#counts.get(side + type) ?? 0) + 1;
    this.#counts.set(side + type, count);
    return count === (fault.count ?? 1);
  }
}
