/** The decoder for servers: it reads what clients send. */

import { ackReader } from '../../src/codec/acks';
import { readConnect } from '../../src/codec/connect';
import { pingReader, readAuth, readDisconnect } from '../../src/codec/control';
import {
  type DecoderOptions,
  PacketDecoder,
  type PacketReader,
  type PacketReaders,
} from '../../src/codec/packet-decoder';
import { readPublish } from '../../src/codec/publish';
import { readSubscribe, readUnsubscribe } from '../../src/codec/subscribe';
import { ProtocolError } from '../../src/errors';

/** By packet type. */
const readers: PacketReaders = [
  undefined,
  readConnect,
  serverOnly('CONNACK'),
  readPublish,
  ackReader('puback'),
  ackReader('pubrec'),
  ackReader('pubrel'),
  ackReader('pubcomp'),
  readSubscribe,
  serverOnly('SUBACK'),
  readUnsubscribe,
  serverOnly('UNSUBACK'),
  pingReader('pingreq'),
  serverOnly('PINGRESP'),
  readDisconnect,
  readAuth,
];

/** Whatever is in it: that it came is the error [v5 2.1.2, v3 2.2.1]. */
function serverOnly(name: string): PacketReader {
  return () => {
    throw new ProtocolError(`A client does not send ${name}`);
  };
}

/** Makes a decoder for what a client sends. */
export function clientPacketDecoder(options: DecoderOptions): PacketDecoder {
  return new PacketDecoder(options, readers);
}
