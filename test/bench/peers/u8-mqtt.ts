/** `u8-mqtt` from npm: small and modern; it has no QoS 2, and in 0.6.7 a publish at QoS 0 fails. */

import { mqtt_v4 } from 'u8-mqtt';
import { CannotDo, type Peer } from './peer';

/** Makes the peer. */
export function u8Mqtt(): Peer {
  const client = mqtt_v4();
  return {
    name: 'u8-mqtt',
    async connect(url) {
      if (/^wss?:/.test(url)) client.with_websock(url);
      else client.with_tcp(url);
      await client.connect({ client_id: `u8${Math.random().toString(36).slice(2)}` });
    },
    async publish(topic, payload, qos, count) {
      if (qos === 2) throw new CannotDo('it has no QoS 2');
      // The sink's orders leave as QoS 1: a QoS 0 publish of 0.6.7 rejects before anything is sent.
      if (qos === 0 && count > 1) throw new CannotDo('its QoS 0 publishes fail');
      const promises: Promise<unknown>[] = [];
      for (let index = 0; index < count; index += 1)
        promises.push(client.publish({ topic, payload, qos: 1 }));
      await Promise.all(promises);
    },
    async subscribe(topic, qos, _length, onMessage) {
      client.subscribe_topic(topic, { qos }, (packet) => onMessage(packet.payload.length));
      await client.on_live;
    },
    async close() {
      await client.disconnect();
    },
  };
}
