/** Somebody who subscribes at the server, and sees every message once for each time that it is forwarded. */

import { Decoder } from '../../../src/codec/decoder';
import { encode } from '../../../src/codec/encode';
import type { BrokerCore } from '../../broker/core';

export class Observer {
  constructor(core: BrokerCore, filter: string, onMessage: (payload: Uint8Array, topic: string) => void) {
    const decoder = new Decoder({
      protocolVersion: 5,
      onPacket: (packet) => {
        if (packet.type === 'publish') onMessage(packet.payload, packet.topic);
      },
    });
    const connection = core.opened({
      kind: 'memory',
      remoteAddress: 'observer',
      bufferedAmount: 0,
      write: (chunks) => {
        for (const chunk of chunks) decoder.push(chunk.slice());
      },
      writeText: () => {},
      end: () => {},
      destroy: () => {},
    });
    const hello = {
      type: 'connect',
      protocolVersion: 5,
      clientId: 'observer',
      clean: true,
      keepAlive: 0,
    } as const;
    connection.received(encode(hello, 5));
    // QoS 0, so that it owes no answers.
    const subscriptions = [
      { filter, qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 },
    ] as const;
    connection.received(encode({ type: 'subscribe', packetId: 1, subscriptions: [...subscriptions] }, 5));
  }
}
