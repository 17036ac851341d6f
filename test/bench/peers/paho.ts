/** Eclipse Paho: `paho-mqtt` from npm; browsers only. */

import Paho from 'paho-mqtt';
import type { Peer } from './peer';

/** Makes the peer. */
export function paho(): Peer {
  let client: Paho.Client;
  const handlers = new Map<string, (length: number) => void>();
  /** For each call of `publish` in order: how many acknowledgements are left. */
  const waiting: { left: number; resolve: () => void }[] = [];
  return {
    name: 'paho',
    connect(url) {
      client = new Paho.Client(url, `paho${Math.random().toString(36).slice(2)}`);
      client.onMessageArrived = (message) =>
        handlers.get(message.destinationName)?.(message.payloadBytes.length);
      client.onMessageDelivered = () => {
        const first = waiting[0];
        if (!first) return;
        first.left -= 1;
        if (first.left === 0) {
          waiting.shift();
          first.resolve();
        }
      };
      return new Promise((resolve, reject) =>
        client.connect({
          onSuccess: () => resolve(),
          onFailure: ({ errorMessage }) => reject(new Error(errorMessage)),
        }),
      );
    },
    publish(topic, payload, qos, count) {
      return new Promise((resolve) => {
        // It tells of QoS 0 messages too.
        waiting.push({ left: count, resolve });
        for (let index = 0; index < count; index += 1) client.send(topic, payload, qos, false);
      });
    },
    subscribe(topic, qos, _length, onMessage) {
      handlers.set(topic, onMessage);
      return new Promise((resolve, reject) =>
        client.subscribe(topic, { qos, onSuccess: () => resolve(), onFailure: reject }),
      );
    },
    async close() {
      client.disconnect();
    },
  };
}
