/** The decoder for tools and servers: it reads what clients send and what servers send. */

import { checkInteger, checkObject, checkOptions } from '../check';
import { UsageError } from '../errors';
import { ackReader } from './acks';
import { readConnack, readConnect } from './connect';
import { pingReader, readAuth, readDisconnect } from './control';
import type { ProtocolVersion } from './packet';
import { type DecoderOptions, PacketDecoder, type PacketReaders } from './packet-decoder';
import { readPublish } from './publish';
import { readSubscribe, readUnsubscribe, subscribeAckReader } from './subscribe';

export type { DecoderOptions } from './packet-decoder';

const readers: PacketReaders = [
  undefined,
  readConnect,
  readConnack,
  readPublish,
  ackReader('puback'),
  ackReader('pubrec'),
  ackReader('pubrel'),
  ackReader('pubcomp'),
  readSubscribe,
  subscribeAckReader('suback'),
  readUnsubscribe,
  subscribeAckReader('unsuback'),
  pingReader('pingreq'),
  pingReader('pingresp'),
  readDisconnect,
  readAuth,
];

/**
 * Decodes what clients and servers send. A payload is never overwritten: it is a view of the chunk it came in where
 * that keeps no more than 8 KiB or four times its own size alive, else a copy. A packet has no member for what it does
 * not hold: no `packetId` with QoS 0, no `properties` when there are none.
 */
export class Decoder extends PacketDecoder {
  /** @throws UsageError for a wrong option */
  constructor(options: DecoderOptions) {
    checkObject(options as unknown, 'options');
    checkOptions(options, 'options', ['protocolVersion', 'maximumPacketSize', 'onPacket']);
    const { maximumPacketSize, onPacket, protocolVersion = 4 } = options;
    if (maximumPacketSize !== undefined) {
      checkInteger(maximumPacketSize, 'maximumPacketSize', 1, Number.MAX_SAFE_INTEGER);
    }
    if (typeof onPacket !== 'function') throw new UsageError('onPacket: must be a function');
    checkVersion(protocolVersion);
    super(options, readers);
  }

  /** Version to decode by. A CONNECT sets it; it may also be set between packets. */
  get protocolVersion(): ProtocolVersion {
    return this.reader.version;
  }

  /** @throws UsageError for what is no version */
  set protocolVersion(version: ProtocolVersion) {
    checkVersion(version);
    this.reader.version = version;
  }
}

function checkVersion(version: unknown): void {
  checkInteger(version, 'protocolVersion', 3, 5);
}
