/** What the broker does with each packet of a client: one table, indexed by packet type. */

import type { Packet, PacketType } from '../../../src/codec/packet';
import { ProtocolError } from '../../../src/errors';
import type { Connection } from '../connection';
import { onPuback, onPubcomp, onPubrec, onPubrel } from './acknowledge';
import { onAuth } from './auth';
import { onConnect } from './connect';
import { onDisconnect } from './disconnect';
import { onPublish } from './publish';
import { onSubscribe } from './subscribe';
import { onUnsubscribe } from './unsubscribe';

/** A handler of some type of packet; methods are bivariant, which is what a table of them needs. */
type Handler = { handle(connection: Connection, packet: Packet): void }['handle'];

/** For packets that only a server sends. */
function refuse(_connection: Connection, packet: Packet): never {
  throw new ProtocolError(`A client does not send ${packet.type.toUpperCase()}`);
}

/** Before CONNECT was accepted nothing else is allowed [v5 MQTT-3.1.0-1, v3 MQTT-3.1.0-1]. */
function connected<P extends Packet>(handler: (connection: Connection, packet: P) => void) {
  return (connection: Connection, packet: P) => {
    if (connection.state !== 'connected') {
      throw new ProtocolError(`${packet.type.toUpperCase()} came before the connection was accepted`);
    }
    handler(connection, packet);
  };
}

/** Each entry is only ever called with its own type of packet. */
export const handlers: Readonly<Record<PacketType, Handler>> = {
  connect: onConnect,
  connack: refuse,
  publish: connected(onPublish),
  puback: connected(onPuback),
  pubrec: connected(onPubrec),
  pubrel: connected(onPubrel),
  pubcomp: connected(onPubcomp),
  subscribe: connected(onSubscribe),
  suback: refuse,
  unsubscribe: connected(onUnsubscribe),
  unsuback: refuse,
  pingreq: connected((connection) => connection.send({ type: 'pingresp' })),
  pingresp: refuse,
  disconnect: onDisconnect,
  auth: onAuth,
};
