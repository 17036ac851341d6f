/** A QoS 1 or 2 message of the server between its arrival and its acknowledgement. */

import type { DecodedPublishPacket } from '../codec/packet';
import type { Link } from './link';

/** Handle with which the takers' decision comes back: `incoming.acknowledge(message, reasonCode)`. */
export class IncomingMessage {
  readonly packet: DecodedPublishPacket;
  /** Its identifier, which is this message's own until the flow ends. */
  readonly packetId: number;
  /** The link that its acknowledgement goes to; undefined once it cannot go to any. */
  link: Link | undefined;
  /** The takers' reason code, -1 while they have not decided. */
  decision = -1;
  /** The server has forgotten it, or given its identifier to another one: it will not send it again. */
  isLost = false;

  constructor(packet: DecodedPublishPacket, packetId: number) {
    this.packet = packet;
    this.packetId = packetId;
  }

  /** Whether nobody can acknowledge it, now or later: what is left of it is here. */
  get isStray(): boolean {
    return this.isLost && this.decision < 0 && this.link?.state !== 'connected';
  }
}
