/** mqtide. */

import type { Client, ClientOptions, connect as Connect } from '../../../src/index';
import type { Peer } from './peer';

/** Makes the peer. @param connect of the built files @param options beside those that all peers have */
export function mqtide(connect: typeof Connect, options: ClientOptions = {}): Peer {
  let client: Client;
  return {
    name: 'mqtide',
    async connect(url) {
      client = await connect(url, { protocolVersion: 4, reconnect: false, ...options });
    },
    async publish(topic, payload, qos, count) {
      if (qos === 0) {
        // They share one promise a flush.
        let last: Promise<unknown> | undefined;
        for (let index = 0; index < count; index += 1) last = client.publish(topic, payload);
        await last;
        return;
      }
      const options = { qos };
      const promises: Promise<unknown>[] = [];
      for (let index = 0; index < count; index += 1) promises.push(client.publish(topic, payload, options));
      await Promise.all(promises);
    },
    async subscribe(topic, qos, _length, onMessage) {
      await client.subscribe(topic, { qos }, (message) => onMessage(message.payload.length));
    },
    close: () => client.close(),
  };
}
