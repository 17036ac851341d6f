/** PUBLISH [v5 3.3, v3 3.3], the packet that everything else is there for: the hot path of both directions. */

import { ProtocolError, UsageError } from '../errors';
import { scratch } from './body';
import { encodedTopic } from './encoded-topics';
import type { DecodedPublishPacket, ProtocolVersion, PublishPacket, PublishProperties, QoS } from './packet';
import { ofPublish, readProperties, writeProperties } from './properties';
import type { Reader } from './reader';
import { appendPayload, beginPacket, packetTotal, type Sink } from './sink';

export function writePublishPacket(
  out: Sink,
  { topic, payload, qos, retain, dup, packetId, properties }: PublishPacket,
  version: ProtocolVersion,
): void {
  writePublish(out, topic, payload, qos, retain, dup, packetId ?? 0, properties, version);
}

/**
 * Appends a PUBLISH. From `referenceFrom` bytes on the payload is referenced, not copied: it must not change until
 * it is sent.
 *
 * @param topic may be empty together with a topic alias
 * @param packetId ignored with QoS 0
 * @param properties ignored before MQTT 5.0
 * @throws UsageError for a topic or properties that cannot be written, or a packet that is too long for MQTT; then
 * nothing is appended
 */
export function writePublish(
  out: Sink,
  topic: string,
  payload: Uint8Array,
  qos: QoS,
  retain: boolean,
  dup: boolean,
  packetId: number,
  properties: PublishProperties | undefined,
  protocolVersion: ProtocolVersion,
): void {
  const encoded = encodedTopic(topic);
  const block = propertyBlock(properties, protocolVersion);
  const size = encoded.length + (qos > 0 ? 2 : 0) + block.length;
  const first = 0x30 | (dup ? 0x08 : 0) | (qos << 1) | (retain ? 0x01 : 0);
  let at = beginPacket(out, first, size, payload);
  const { bytes } = out;
  bytes.set(encoded, at);
  at += encoded.length;
  if (qos > 0) {
    bytes[at++] = packetId >> 8;
    bytes[at++] = packetId & 0xff;
  }
  // A call for one byte or none costs as much as one for twenty.
  if (block.length > 1) bytes.set(block, at);
  else if (block.length > 0) bytes[at] = 0;
  appendPayload(out, at + block.length, payload);
}

const noBlock = new Uint8Array(0);
const emptyBlock = Uint8Array.of(0);

/** Property Length and properties; only valid until the next packet is written. */
function propertyBlock(properties: PublishProperties | undefined, version: ProtocolVersion): Uint8Array {
  if (version !== 5) return noBlock;
  if (properties === undefined) return emptyBlock;
  const body = scratch.clear();
  writeProperties(body, properties, ofPublish, version);
  return body.bytes.subarray(0, body.length);
}

/**
 * Size of the PUBLISH that {@link writePublish} would append, with its fixed header.
 *
 * @throws UsageError as that does
 */
export function publishSize(
  topic: string,
  payload: Uint8Array,
  qos: QoS,
  properties: PublishProperties | undefined,
  protocolVersion: ProtocolVersion,
): number {
  const block = propertyBlock(properties, protocolVersion);
  return packetTotal(encodedTopic(topic).length + (qos > 0 ? 2 : 0) + block.length + payload.length);
}

/**
 * Checks the properties that an application gives to a PUBLISH which a client sends.
 *
 * @param where the argument that holds them, for the message; @default 'properties'
 * @throws UsageError; also for subscription identifiers, which only servers send [v5 MQTT-3.3.4-6]
 */
export function validatePublishProperties(
  properties: PublishProperties | undefined,
  where = 'properties',
): void {
  writeProperties(scratch.clear(), properties, ofPublish, 5, where);
  if (properties?.subscriptionIdentifiers !== undefined) {
    throw new UsageError(`${where}.subscriptionIdentifiers: must not be given: only servers send them`);
  }
}

export function readPublish(reader: Reader, first: number): DecodedPublishPacket {
  const topic = reader.topic();
  // The fixed header was refused with a QoS of 3.
  const qos = ((first >> 1) & 3) as QoS;
  const packetId = qos > 0 ? reader.packetId() : undefined;
  const properties = readProperties(reader, ofPublish);
  // [v5 3.3.2.1, v3 MQTT-4.7.3-1]
  if (topic === '' && properties?.topicAlias === undefined) {
    throw new ProtocolError('PUBLISH has neither a topic nor a topic alias');
  }
  const payload = reader.payload();
  const retain = (first & 0x01) !== 0;
  // Written out: members that are added later, or spread, cost as much as all else here.
  if (packetId === undefined) {
    // MQTT 3.1 gives DUP no meaning with QoS 0; later versions do not get here.
    return properties === undefined
      ? { type: 'publish', topic, payload, qos, retain, dup: false }
      : { type: 'publish', topic, payload, qos, retain, dup: false, properties };
  }
  const dup = (first & 0x08) !== 0;
  return properties === undefined
    ? { type: 'publish', topic, payload, qos, retain, dup, packetId }
    : { type: 'publish', topic, payload, qos, retain, dup, packetId, properties };
}
