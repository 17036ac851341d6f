/**
 * Faults to order: what a connection does wrong on purpose. A plan is given to one connection, to the next few, or to
 * all; `live` changes the plan of connections that are open.
 */

import type { Packet, PacketType } from '../../src/codec/packet';

/** What shall go wrong on one connection. Everything is optional; members combine. */
export interface FaultPlan {
  /** Close as soon as the connection is there. */
  closeOnAccept?: boolean | undefined;
  /** Take everything and answer nothing, not even CONNACK. */
  silent?: boolean | undefined;
  /** Answer CONNECT, then nothing any more. */
  silentAfterConnect?: boolean | undefined;
  /** Refuse CONNECT with this reason code of MQTT 5.0; 3.1.1 gets the return code of that meaning, or this below 6. */
  refuseConnect?: number | undefined;
  /** Accompanies a refusal or a disconnect with 0x9C or 0x9D. */
  serverReference?: string | undefined;
  /** Answer every filter of SUBSCRIBE with this code. */
  refuseSubscribe?: number | undefined;
  /** Answer every filter of UNSUBSCRIBE with this code. */
  refuseUnsubscribe?: number | undefined;
  /** Answer PUBLISH with QoS 1 or 2 with this code, and do not forward. */
  refusePublish?: number | undefined;
  /** Packets of these types are held back until `release`. */
  withhold?: readonly PacketType[] | undefined;
  /** Packets of a type are collected until there are `count`, then sent in reverse. */
  reorder?: { type: PacketType; count: number } | undefined;
  /** Drop the connection when the broker is about to send the n-th packet of a type, counted from 1. */
  dropBefore?: { type: PacketType; count?: number } | undefined;
  /** Drop the connection right after the broker has sent the n-th packet of a type. */
  dropAfter?: { type: PacketType; count?: number } | undefined;
  /** Drop the connection right after the broker has got the n-th packet of a type, which is not handled. */
  dropOn?: { type: PacketType; count?: number } | undefined;
  /** Drop the connection when this many bytes came in; what is beyond is not read. */
  dropAfterBytesIn?: number | undefined;
  /** Drop the connection when this many bytes went out; what is beyond is not sent. */
  dropAfterBytesOut?: number | undefined;
  /** Milliseconds by which output is late; its order stays. */
  delay?: number | undefined;
  /** Largest piece of output, in bytes: each goes out on its own, on a WebSocket in a frame of its own. */
  chunk?: number | undefined;
  /** Milliseconds for which output is gathered, to leave in one piece. */
  merge?: number | undefined;
  /** The connection is left half open: when it would close, nothing is closed. */
  neverClose?: boolean | undefined;
  /** Changes a packet on its way out: another packet, several, or undefined for none. */
  outgoing?: ((packet: Packet) => Packet | readonly Packet[] | undefined) | undefined;
  /** Sees a packet before it is handled: undefined swallows it. */
  incoming?: ((packet: Packet) => Packet | undefined) | undefined;
  /** Raw bytes that are sent as soon as the connection is there. */
  greeting?: Uint8Array | undefined;
  /** Raw bytes that are sent in place of CONNACK. */
  insteadOfConnack?: Uint8Array | undefined;
  /** What the WebSocket handshake selects, null for nothing; @default what MQTT demands */
  subprotocol?: string | null | undefined;
}

/** Fault plans for connections to come. */
export class Faults {
  #always: FaultPlan = {};
  readonly #next: FaultPlan[] = [];

  /** Every connection from now on, beside what `next` says. */
  always(plan: FaultPlan): void {
    this.#always = plan;
  }

  /** The next connections, one after the other. */
  next(plan: FaultPlan, count = 1): void {
    for (let at = 0; at < count; at += 1) this.#next.push(plan);
  }

  /** Connections to come are served faithfully again. */
  clear(): void {
    this.#always = {};
    this.#next.length = 0;
  }

  /** The plan of a connection that has just come. */
  take(): FaultPlan {
    return { ...this.#always, ...this.#next.shift() };
  }

  /** The plan that the next connection will take, for what is decided before it is there. */
  peek(): FaultPlan {
    return { ...this.#always, ...this.#next[0] };
  }
}
