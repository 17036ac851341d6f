/** PUBLISH [v5 3.3, v3 3.3], the packet that everything else is there for: the hot path of both directions. */

import { MalformedPacketError, ProtocolError, UsageError } from '../errors';
import { encodedTopic } from './encoded-topics';
import { checkBoolean, checkBytes, checkPacketId, checkQoS } from './fields';
import { referenceFrom } from './output';
import type { DecodedPublishPacket, ProtocolVersion, PublishPacket, PublishProperties, QoS } from './packet';
import { blockSize, checkProperties, propertiesSize, readProperties, writeProperties } from './properties';
import type { Reader } from './reader';
import { beginPacket, type PacketWriter, packetTotal, type Sink, writeUint16 } from './sink';
import { checkText, textSize, writeText } from './text';
import { maximumVarint } from './varint';

/** Writes PUBLISH. */
export const publish: PacketWriter<PublishPacket> = {
  measure({ topic, payload, qos, retain, dup, packetId, properties }, version) {
    checkQoS(qos, 'qos');
    checkBoolean(retain, 'retain');
    checkBoolean(dup, 'dup');
    if (qos > 0) {
      checkPacketId(packetId);
    } else {
      // [v5 MQTT-2.2.1-2, v3 MQTT-2.3.1-5]
      if (packetId !== undefined) throw new UsageError('packetId must not be given with QoS 0');
      // [v5 MQTT-3.3.1-2, v3 MQTT-3.3.1-2]
      if (dup) throw new UsageError('dup must be false with QoS 0');
    }
    const topicSize = encodedTopic(topic)?.length ?? 2 + checkText(topic, 'topic', false);
    const block = checkProperties(properties, 'publish', version);
    // [v5 MQTT-4.7.3-1, v3 MQTT-4.7.3-1]
    if (topicSize === 2 && properties?.topicAlias === undefined) {
      throw new UsageError('topic must not be empty without properties.topicAlias');
    }
    return topicSize + (qos > 0 ? 2 : 0) + block + checkBytes(payload, 'payload', maximumVarint);
  },

  write(out, { topic, payload, qos, retain, dup, packetId = 0, properties }, version, remaining) {
    const size = version === 5 ? propertiesSize(properties, 'publish') : 0;
    append(out, firstByte(qos, retain, dup), remaining, topic, payload, packetId, properties, version, size);
  },
};

/**
 * Appends a PUBLISH whose topic and properties were checked before ({@link validatePublishProperties}). From
 * {@link referenceFrom} bytes on the payload is referenced, not copied: it must not change until it is sent.
 *
 * @param packetId ignored with QoS 0
 * @param properties ignored before MQTT 5.0
 * @throws UsageError when the packet is too long for MQTT; then nothing is appended
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
  const size = protocolVersion === 5 ? propertiesSize(properties, 'publish') : 0;
  const topicSize = encodedTopic(topic)?.length ?? 2 + textSize(topic);
  const remaining = topicSize + (qos > 0 ? 2 : 0) + blockSize(size, protocolVersion) + payload.length;
  const first = firstByte(qos, retain, dup);
  append(out, first, remaining, topic, payload, packetId, properties, protocolVersion, size);
}

function firstByte(qos: QoS, retain: boolean, dup: boolean): number {
  return 0x30 | (dup ? 0x08 : 0) | (qos << 1) | (retain ? 0x01 : 0);
}

/** Appends a PUBLISH that was measured: `remaining` is the whole of it, `size` its properties. */
function append(
  out: Sink,
  first: number,
  remaining: number,
  topic: string,
  payload: Uint8Array,
  packetId: number,
  properties: PublishProperties | undefined,
  version: ProtocolVersion,
  size: number,
): void {
  const { length } = payload;
  const referenced = length >= referenceFrom;
  let at = beginPacket(out, first, remaining, referenced ? length : 0);
  const { bytes } = out;
  at = writeTopic(bytes, at, topic);
  if ((first & 0x06) !== 0) at = writeUint16(bytes, at, packetId);
  at = writeProperties(bytes, at, properties, 'publish', version, size);
  if (referenced) out.reference(payload);
  else bytes.set(payload, at);
}

function writeTopic(bytes: Uint8Array, offset: number, topic: string): number {
  const encoded = encodedTopic(topic);
  if (encoded === undefined) return writeText(bytes, offset, topic);
  bytes.set(encoded, offset);
  return offset + encoded.length;
}

/**
 * Size of the PUBLISH that {@link writePublish} would append.
 *
 * @throws UsageError when the packet is too long for MQTT
 */
export function publishSize(
  topic: string,
  payload: Uint8Array,
  qos: QoS,
  properties: PublishProperties | undefined,
  protocolVersion: ProtocolVersion,
): number {
  const block = protocolVersion === 5 ? blockSize(propertiesSize(properties, 'publish'), 5) : 0;
  return packetTotal(2 + textSize(topic) + (qos > 0 ? 2 : 0) + block + payload.length);
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
  checkProperties(properties, 'publish', 5, where);
  if (properties?.subscriptionIdentifiers !== undefined) {
    throw new UsageError(`${where}.subscriptionIdentifiers must not be given: only servers send them`);
  }
}

/** Reads PUBLISH. */
export function readPublish(reader: Reader, first: number): DecodedPublishPacket {
  const topic = reader.topic();
  const qos = readQoS(first >> 1);
  const packetId = qos > 0 ? reader.packetId() : undefined;
  const properties = readProperties(reader, 'publish');
  if (topic === '' && properties?.topicAlias === undefined) {
    throw new ProtocolError('PUBLISH has neither a topic nor a topic alias [v5 3.3.2.1, v3 MQTT-4.7.3-1]');
  }
  return {
    type: 'publish',
    topic,
    payload: reader.payload(),
    qos,
    retain: (first & 0x01) !== 0,
    // MQTT 3.1 gives DUP no meaning with QoS 0; later versions do not get here.
    dup: (first & 0x08) !== 0 && qos > 0,
    packetId,
    properties,
  };
}

/** @throws MalformedPacketError for 3 [v5 MQTT-3.3.1-4, v3 MQTT-3.3.1-4] */
export function readQoS(bits: number): QoS {
  const qos = bits & 3;
  if (qos === 3) throw new MalformedPacketError('the QoS is 3');
  return qos === 0 ? 0 : qos === 1 ? 1 : 2;
}
