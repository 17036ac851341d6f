/**
 * Packet identifiers of the server's messages, which messages do not tell. By them a tab knows a message that comes
 * again from the next hub.
 */

import type { Message } from '../message';
import type { HubCore } from './hub-core';

/** What of a PUBLISH names its message. */
interface Packet {
  readonly packetId?: number | undefined;
  readonly topic: string;
}

/** Tells tabs which identifiers are free again. @returns tells that of a message, if it is known */
export function packetIds(core: HubCore): (message: Message) => number | undefined {
  const packets = new WeakMap<Uint8Array, Packet>();
  const stop = core.client.on('packet', ({ direction, packet }) => {
    if (direction === 'in' && packet.type === 'publish') packets.set(packet.payload, packet);
    // The server will not send it again once it had PUBACK, or answered PUBREC.
    if (packet.type === (direction === 'out' ? 'puback' : 'pubrel'))
      core.broadcast({ type: 'released', packetId: packet.packetId });
  });
  core.endings.add(stop);
  return ({ payload, topic }) => {
    const packet = packets.get(payload);
    // All empty payloads are one object: then it is that of the last packet. An alias stands for any topic.
    return packet && (packet.topic || topic) === topic ? packet.packetId : undefined;
  };
}
