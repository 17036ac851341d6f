import { UsageError } from '../errors';
import type { Output } from './output';
import type { AckPacket, AckProperties, Packet, ProtocolVersion, PublishProperties, QoS } from './packet';

/** Appends a packet; nothing is appended when it throws. @throws UsageError */
export function writePacket(_out: Output, _packet: Packet, _protocolVersion: ProtocolVersion): void {
  throw new UsageError('writePacket is not there yet', 'unsupported');
}

/** Size of a packet with its fixed header; checks the packet. @throws UsageError */
export function packetSize(_packet: Packet, _protocolVersion: ProtocolVersion): number {
  throw new UsageError('packetSize is not there yet', 'unsupported');
}

/** Appends a PUBLISH whose topic and properties were validated. */
export function writePublish(
  _out: Output,
  _topic: string,
  _payload: Uint8Array,
  _qos: QoS,
  _retain: boolean,
  _dup: boolean,
  _packetId: number,
  _properties: PublishProperties | undefined,
  _protocolVersion: ProtocolVersion,
): void {
  throw new UsageError('writePublish is not there yet', 'unsupported');
}

/** Size of the PUBLISH that {@link writePublish} would append. */
export function publishSize(
  _topic: string,
  _payload: Uint8Array,
  _qos: QoS,
  _properties: PublishProperties | undefined,
  _protocolVersion: ProtocolVersion,
): number {
  throw new UsageError('publishSize is not there yet', 'unsupported');
}

/** Checks properties that an application gives to a PUBLISH. @throws UsageError */
export function validatePublishProperties(
  _properties: PublishProperties | undefined,
  _where = 'properties',
): void {
  throw new UsageError('validatePublishProperties is not there yet', 'unsupported');
}

/** Appends an acknowledgement; before MQTT 5.0 without reason code and properties. */
export function writeAck(
  _out: Output,
  _type: AckPacket['type'],
  _packetId: number,
  _reasonCode: number,
  _protocolVersion: ProtocolVersion,
  _properties?: AckProperties,
): void {
  throw new UsageError('writeAck is not there yet', 'unsupported');
}
