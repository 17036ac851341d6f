/** SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK [v5 3.8 to 3.11, v3 3.8 to 3.11]. */

import { MalformedPacketError, ProtocolError, UsageError } from '../errors';
import {
  checkArray,
  checkBoolean,
  checkInteger,
  checkList,
  checkObject,
  checkPacketId,
  checkQoS,
  needsMqtt5,
} from './fields';
import type {
  ProtocolVersion,
  SubscribeAckPacket,
  SubscribePacket,
  SubscriptionEntry,
  UnsubscribePacket,
} from './packet';
import { checkProperties, readProperties, writeProperties } from './properties';
import { readQoS } from './publish';
import type { Reader } from './reader';
import { checkReasonCode, knownReasonCode } from './reason-codes';
import { beginPacket, type PacketWriter, writeUint16 } from './sink';
import { checkText, writeText } from './text';

/** Bits of the Subscription Options [v5 3.8.3.1]. */
const noLocalFlag = 0x04;
const retainAsPublishedFlag = 0x08;
const retainHandlingShift = 4;

const sharePrefix = '$share/';

/** Writes SUBSCRIBE. */
export const subscribe: PacketWriter<SubscribePacket> = {
  measure({ packetId, subscriptions, properties }, version) {
    checkPacketId(packetId);
    // [v5 MQTT-3.8.3-2, v3 MQTT-3.8.3-3]
    checkList(subscriptions, 'subscriptions');
    let size = 2 + checkProperties(properties, 'subscribe', version);
    subscriptions.forEach((entry, index) => {
      size += measureSubscription(entry, `subscriptions[${index}]`, version);
    });
    return size;
  },

  write(out, { packetId, subscriptions, properties }, version, remaining) {
    let at = beginPacket(out, 0x82, remaining);
    const { bytes } = out;
    at = writeUint16(bytes, at, packetId);
    at = writeProperties(bytes, at, properties, 'subscribe', version);
    for (const { filter, qos, noLocal, retainAsPublished, retainHandling = 0 } of subscriptions) {
      at = writeText(bytes, at, filter);
      bytes[at++] =
        qos |
        (noLocal ? noLocalFlag : 0) |
        (retainAsPublished ? retainAsPublishedFlag : 0) |
        (retainHandling << retainHandlingShift);
    }
  },
};

function measureSubscription(entry: SubscriptionEntry, where: string, version: ProtocolVersion): number {
  checkObject(entry, where);
  // From JavaScript the three options of MQTT 5.0 may be missing.
  const { filter, qos, noLocal = false, retainAsPublished = false, retainHandling = 0 } = entry;
  checkQoS(qos, `${where}.qos`);
  checkBoolean(noLocal, `${where}.noLocal`);
  checkBoolean(retainAsPublished, `${where}.retainAsPublished`);
  checkInteger(retainHandling, `${where}.retainHandling`, 0, 2);
  if (version < 5 && (noLocal || retainAsPublished || retainHandling !== 0)) {
    throw needsMqtt5(`${where} with noLocal, retainAsPublished or retainHandling`);
  }
  const size = checkFilter(filter, `${where}.filter`);
  // [v5 MQTT-3.8.3-4]
  if (noLocal && filter.startsWith(sharePrefix)) {
    throw new UsageError(`${where}.noLocal must be false for a shared subscription`);
  }
  return size + 1;
}

/** Checks a filter as far as bytes are concerned; returns its size with the length. */
function checkFilter(filter: unknown, where: string): number {
  const size = checkText(filter, where);
  // [v5 MQTT-4.7.3-1, v3 MQTT-4.7.3-1]
  if (size === 0) throw new UsageError(`${where} must not be empty`);
  return 2 + size;
}

/** Reads SUBSCRIBE. */
export function readSubscribe(reader: Reader): SubscribePacket {
  const packetId = reader.packetId();
  const properties = readProperties(reader, 'subscribe');
  const subscriptions: SubscriptionEntry[] = [];
  do {
    subscriptions.push(readSubscription(reader));
  } while (reader.offset < reader.end);
  return { type: 'subscribe', packetId, subscriptions, properties };
}

function readSubscription(reader: Reader): SubscriptionEntry {
  const { version } = reader;
  const filter = readFilter(reader, 'SUBSCRIBE');
  const options = reader.byte();
  // [v5 MQTT-3.8.3-5, v3 MQTT-3.8.3-4]; MQTT 3.1 does not use these bits
  if (options >= (version === 5 ? 0x40 : 0x04) && version !== 3) {
    throw new MalformedPacketError('SUBSCRIBE sets reserved bits of the subscription options');
  }
  // [v5 3.8.3.1] gives 0x82 for what [v3 MQTT-3.8.3-4] calls malformed
  if ((options & 3) === 3 && version === 5) throw new ProtocolError('SUBSCRIBE asks for QoS 3 [v5 3.8.3.1]');
  const qos = readQoS(options);
  if (version !== 5) return { filter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 };
  const noLocal = (options & noLocalFlag) !== 0;
  const retainHandling = options >> retainHandlingShift;
  if (retainHandling === 3) throw new ProtocolError('SUBSCRIBE asks for retain handling 3 [v5 3.8.3.1]');
  if (noLocal && filter.startsWith(sharePrefix)) {
    throw new ProtocolError('SUBSCRIBE sets noLocal on a shared subscription [v5 MQTT-3.8.3-4]');
  }
  return {
    filter,
    qos,
    noLocal,
    retainAsPublished: (options & retainAsPublishedFlag) !== 0,
    retainHandling: retainHandling === 0 ? 0 : retainHandling === 1 ? 1 : 2,
  };
}

/** Reads a filter; the first one must be there. */
function readFilter(reader: Reader, type: string): string {
  if (reader.offset === reader.end) {
    throw new ProtocolError(
      `${type} has no topic filter [v5 MQTT-3.8.3-2, MQTT-3.10.3-2, v3 MQTT-3.8.3-3, MQTT-3.10.3-2]`,
    );
  }
  const filter = reader.text();
  if (filter === '')
    throw new ProtocolError(`${type} has an empty topic filter [v5 MQTT-4.7.3-1, v3 MQTT-4.7.3-1]`);
  return filter;
}

/** Writes UNSUBSCRIBE. */
export const unsubscribe: PacketWriter<UnsubscribePacket> = {
  measure({ packetId, filters, properties }, version) {
    checkPacketId(packetId);
    // [v5 MQTT-3.10.3-2, v3 MQTT-3.10.3-2]
    checkList(filters, 'filters');
    let size = 2 + checkProperties(properties, 'unsubscribe', version);
    filters.forEach((filter, index) => {
      size += checkFilter(filter, `filters[${index}]`);
    });
    return size;
  },

  write(out, { packetId, filters, properties }, version, remaining) {
    let at = beginPacket(out, 0xa2, remaining);
    at = writeUint16(out.bytes, at, packetId);
    at = writeProperties(out.bytes, at, properties, 'unsubscribe', version);
    for (const filter of filters) at = writeText(out.bytes, at, filter);
  },
};

/** Reads UNSUBSCRIBE. */
export function readUnsubscribe(reader: Reader): UnsubscribePacket {
  const packetId = reader.packetId();
  const properties = readProperties(reader, 'unsubscribe');
  const filters: string[] = [];
  do {
    filters.push(readFilter(reader, 'UNSUBSCRIBE'));
  } while (reader.offset < reader.end);
  return { type: 'unsubscribe', packetId, filters, properties };
}

/** Writes SUBACK and UNSUBACK. */
export const subscribeAck: PacketWriter<SubscribeAckPacket> = {
  measure({ type, packetId, reasonCodes, properties }, version) {
    checkPacketId(packetId);
    const block = checkProperties(properties, 'ack', version);
    if (hasCodes(type, version)) {
      checkList(reasonCodes, 'reasonCodes');
      reasonCodes.forEach((code, index) => {
        checkReasonCode(code, type, version, `reasonCodes[${index}]`);
      });
    } else {
      checkArray(reasonCodes, 'reasonCodes');
      if (reasonCodes.length > 0) throw needsMqtt5('an UNSUBACK with reasonCodes');
    }
    return 2 + block + reasonCodes.length;
  },

  write(out, { type, packetId, reasonCodes, properties }, version, remaining) {
    let at = beginPacket(out, type === 'suback' ? 0x90 : 0xb0, remaining);
    at = writeUint16(out.bytes, at, packetId);
    at = writeProperties(out.bytes, at, properties, 'ack', version);
    out.bytes.set(reasonCodes, at);
  },
};

/** UNSUBACK has no reason codes before MQTT 5.0. */
function hasCodes(type: SubscribeAckPacket['type'], version: ProtocolVersion): boolean {
  return type === 'suback' || version === 5;
}

/** Makes the reader of one of the two. */
function reads(type: SubscribeAckPacket['type']): (reader: Reader) => SubscribeAckPacket {
  return (reader) => {
    const { version } = reader;
    const packetId = reader.packetId();
    const properties = readProperties(reader, 'ack');
    const reasonCodes: number[] = [];
    if (hasCodes(type, version)) {
      while (reader.offset < reader.end) reasonCodes.push(knownReasonCode(reader.byte(), type, version));
      // [v5 MQTT-3.9.3-1, MQTT-3.11.3-1, v3 MQTT-3.9.3-1] one for each filter, of which there is at least one
      if (reasonCodes.length === 0) throw new ProtocolError(`${type.toUpperCase()} has no reason code`);
    }
    return { type, packetId, reasonCodes, properties };
  };
}

export const readSuback = reads('suback');
export const readUnsuback = reads('unsuback');
