import { UsageError } from '../errors';
import type { DecodedPacket, ProtocolVersion } from './packet';

/** What a {@link Decoder} needs to know. */
export interface DecoderOptions {
  /** Version to decode with until a CONNECT sets it; @default 4 */
  protocolVersion?: ProtocolVersion | undefined;
  /** Bytes of the largest packet to take, fixed header included; @default no limit but that of MQTT, 268,435,460 */
  maximumPacketSize?: number | undefined;
  /** Called with each packet, in order. */
  onPacket: (packet: DecodedPacket) => void;
}

/** Cuts a stream of bytes into packets. */
export class Decoder {
  /** Version to decode with; a CONNECT sets it. */
  protocolVersion: ProtocolVersion;

  constructor(options: DecoderOptions) {
    this.protocolVersion = options.protocolVersion ?? 4;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @throws MalformedPacketError
   * @throws ProtocolError
   */
  push(_chunk: Uint8Array): void {
    throw new UsageError('the decoder is not there yet', 'unsupported');
  }

  /** Delivers nothing any more, not even the rest of the current chunk. */
  stop(): void {}
}
