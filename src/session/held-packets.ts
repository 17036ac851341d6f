/** What arrives between an accepting CONNACK and the proof that the server is who it should be. */

import type { ConnackPacket, Packet } from '../codec/packet';
import { ProtocolError } from '../errors';

/** Packets that a server may send ahead of its proof: more is an attack on our memory. */
const maximumHeld = 1_024;

/** An accepting CONNACK and the packets that follow it. */
export class HeldPackets {
  readonly connack: ConnackPacket;
  readonly packets: Packet[] = [];

  constructor(connack: ConnackPacket) {
    this.connack = connack;
  }

  /** @throws ProtocolError when there are too many */
  push(packet: Packet): void {
    if (this.packets.length >= maximumHeld) {
      throw new ProtocolError('The server sent too many packets while its authentication was verified');
    }
    this.packets.push(packet);
  }
}
