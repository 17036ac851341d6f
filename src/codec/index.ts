/** Entry `mqtide/codec`: bytes to packets and back, without a connection. */

export { MalformedPacketError, MqttError, PeerError, ProtocolError, UsageError } from '../errors';
export type { Bytes } from '../message';
export { Decoder, type DecoderOptions } from './decoder';
export { encode } from './encode';
export type * from './packet';
