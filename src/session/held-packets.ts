/** What arrives between an accepting CONNACK and the proof that the server is who it should be. */

import type { ConnackPacket, Packet } from '../codec/packet';
import { ProtocolError } from '../errors';

/** Bytes that a server may send ahead of its proof: more is an attack on our memory. */
const mostHeldBytes = 1_048_576;

/** An accepting CONNACK that waits for the server's proof, and what came after it. */
export class HeldPackets {
  readonly connack: ConnackPacket;
  readonly packets: Packet[] = [];
  #bytes = 0;

  constructor(connack: ConnackPacket) {
    this.connack = connack;
  }

  /** A chunk arrives. @throws ProtocolError when that is too much */
  count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= mostHeldBytes) return;
    throw new ProtocolError('The server sent too much while its authentication was verified');
  }
}
