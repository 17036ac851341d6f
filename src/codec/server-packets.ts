/** The decoder for clients: it reads what servers send, and carries no code for the rest. */

import { ProtocolError } from '../errors';
import { ackReader } from './acks';
import { readConnack } from './connect';
import { pingReader, readAuth, readDisconnect } from './control';
import { type DecoderOptions, PacketDecoder, type PacketReader, type PacketReaders } from './packet-decoder';
import { readPublish } from './publish';
import { subscribeAckReader } from './subscribe';

const readers: PacketReaders = [
  undefined,
  clientOnly('CONNECT'),
  readConnack,
  readPublish,
  ackReader('puback'),
  ackReader('pubrec'),
  ackReader('pubrel'),
  ackReader('pubcomp'),
  clientOnly('SUBSCRIBE'),
  subscribeAckReader('suback'),
  clientOnly('UNSUBSCRIBE'),
  subscribeAckReader('unsuback'),
  clientOnly('PINGREQ'),
  pingReader('pingresp'),
  readDisconnect,
  readAuth,
];

function clientOnly(name: string): PacketReader {
  return () => {
    throw new ProtocolError(`The server sent ${name}, which it must not`);
  };
}

/** Makes a decoder for what a server sends. */
export function serverPacketDecoder(options: DecoderOptions): PacketDecoder {
  return new PacketDecoder(options, readers);
}
