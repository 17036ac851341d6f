/** MQTT.js, the incumbent: `mqtt` from npm. */

import mqtt, { type MqttClient } from 'mqtt';
import type { Peer } from './peer';

/** Makes the peer. */
export function mqttJs(): Peer {
  let client: MqttClient;
  const handlers = new Map<string, (length: number) => void>();
  return {
    name: 'MQTT.js',
    async connect(url) {
      client = await mqtt.connectAsync(url, { protocolVersion: 4, reconnectPeriod: 0 });
      client.on('message', (topic, payload) => handlers.get(topic)?.(payload.length));
    },
    publish(topic, payload, qos, count) {
      // Its type asks for a Buffer; a browser has only what it makes of a Uint8Array.
      const content = payload as unknown as Parameters<MqttClient['publish']>[1];
      const options = { qos };
      return new Promise((resolve, reject) => {
        let left = count;
        const done = (error?: Error | null) => {
          left -= 1;
          if (error) reject(error);
          else if (left === 0) resolve();
        };
        for (let index = 0; index < count; index += 1) client.publish(topic, content, options, done);
      });
    },
    async subscribe(topic, qos, _length, onMessage) {
      handlers.set(topic, onMessage);
      await client.subscribeAsync(topic, { qos });
    },
    close: () => client.endAsync(true),
  };
}
