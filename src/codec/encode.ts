import { UsageError } from '../errors';
import type { Bytes } from '../message';
import type { Packet, ProtocolVersion } from './packet';

/**
 * Encodes one packet.
 *
 * @throws UsageError for what cannot be written; the message names the field and the rule
 */
export function encode(_packet: Packet, _protocolVersion: ProtocolVersion): Bytes {
  throw new UsageError('encode is not there yet', 'unsupported');
}
