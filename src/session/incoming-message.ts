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

  constructor(packet: DecodedPublishPacket, packetId: number) {
    this.packet = packet;
    this.packetId = packetId;
  }
}
