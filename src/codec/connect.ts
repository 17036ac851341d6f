/** CONNECT and CONNACK [v5 3.1, 3.2; v3 3.1, 3.2]. */

import { MalformedPacketError, ProtocolError, UsageError } from '../errors';
import {
  checkBoolean,
  checkBytes,
  checkInteger,
  checkObject,
  checkQoS,
  maximumUint16,
  needsMqtt5,
} from './fields';
import type { ConnackPacket, ConnectPacket, ProtocolVersion, QoS, WillPacket } from './packet';
import { checkProperties, readProperties, writeProperties } from './properties';
import { readQoS } from './publish';
import type { Reader } from './reader';
import { checkReasonCode, knownReasonCode } from './reason-codes';
import { beginPacket, type PacketWriter, writeBinary, writeUint16 } from './sink';
import { checkText, writeText } from './text';

/** Bits of the Connect Flags [v5 3.1.2.3]. */
const usernameFlag = 0x80;
const passwordFlag = 0x40;
const willRetainFlag = 0x20;
const willQoSShift = 3;
const willQoSFlags = 3 << willQoSShift;
const willFlag = 0x04;
const cleanFlag = 0x02;
const reservedFlag = 0x01;

/** [v5 MQTT-3.1.2-1, v3 MQTT-3.1.2-1] and the name that MQTT 3.1 had. */
function protocolName(version: ProtocolVersion): string {
  return version === 3 ? 'MQIsdp' : 'MQTT';
}

/** Writes CONNECT. */
export const connect: PacketWriter<ConnectPacket> = {
  measure(packet, version) {
    const { protocolVersion, clientId, clean, keepAlive, username, password, will, properties } = packet;
    if (protocolVersion !== version) {
      throw new UsageError('protocolVersion must be the version that the packet is encoded for');
    }
    checkBoolean(clean, 'clean');
    checkInteger(keepAlive, 'keepAlive', 0, maximumUint16);
    // Texts and binary fields take two bytes more, for their length.
    let size = 2 + protocolName(version).length + 4 + checkProperties(properties, 'connect', version);
    size += 2 + checkText(clientId, 'clientId');
    if (will !== undefined) size += measureWill(will, version);
    if (username !== undefined) size += 2 + checkText(username, 'username');
    if (password !== undefined) {
      // [v3 MQTT-3.1.2-22]
      if (username === undefined && version < 5) throw needsMqtt5('password without username');
      size += 2 + checkBytes(password, 'password');
    }
    return size;
  },

  write(out, packet, version, remaining) {
    const { clientId, clean, keepAlive, username, password, will, properties } = packet;
    let at = beginPacket(out, 0x10, remaining);
    const { bytes } = out;
    at = writeText(bytes, at, protocolName(version));
    bytes[at++] = version;
    // Without a will its QoS and RETAIN stay 0 [v5 MQTT-3.1.2-11, MQTT-3.1.2-13]
    let flags = clean ? cleanFlag : 0;
    if (will !== undefined)
      flags |= willFlag | (will.qos << willQoSShift) | (will.retain ? willRetainFlag : 0);
    if (username !== undefined) flags |= usernameFlag;
    if (password !== undefined) flags |= passwordFlag;
    bytes[at++] = flags;
    at = writeUint16(bytes, at, keepAlive);
    at = writeProperties(bytes, at, properties, 'connect', version);
    // [v5 MQTT-3.1.3-1, v3 MQTT-3.1.3-1] the order of the payload
    at = writeText(bytes, at, clientId);
    if (will !== undefined) {
      at = writeProperties(bytes, at, will.properties, 'will', version);
      at = writeText(bytes, at, will.topic);
      at = writeBinary(bytes, at, will.payload);
    }
    if (username !== undefined) at = writeText(bytes, at, username);
    if (password !== undefined) writeBinary(bytes, at, password);
  },
};

function measureWill(will: WillPacket, version: ProtocolVersion): number {
  checkObject(will, 'will');
  checkQoS(will.qos, 'will.qos');
  checkBoolean(will.retain, 'will.retain');
  const properties = checkProperties(will.properties, 'will', version, 'will.properties');
  const topic = checkText(will.topic, 'will.topic', false);
  // [v5 MQTT-4.7.3-1, v3 MQTT-4.7.3-1]
  if (topic === 0) throw new UsageError('will.topic must not be empty');
  return properties + 2 + topic + 2 + checkBytes(will.payload, 'will.payload');
}

/**
 * Reads CONNECT; from its protocol level on, the reader has its version.
 *
 * @throws MalformedPacketError
 * @throws ProtocolError `'unsupported-protocol-version'` for a name and level that are not MQTT as we know it
 */
export function readConnect(reader: Reader): ConnectPacket {
  const name = reader.text();
  const level = reader.byte();
  if ((level !== 3 && level !== 4 && level !== 5) || name !== protocolName(level)) {
    throw new ProtocolError(
      'CONNECT asks for a protocol that is not MQTT 3.1, 3.1.1 or 5.0',
      'unsupported-protocol-version',
      0x84,
    );
  }
  reader.version = level;
  const flags = reader.byte();
  // [v5 MQTT-3.1.2-3, v3 MQTT-3.1.2-3]; MQTT 3.1 does not use the bit
  if ((flags & reservedFlag) !== 0 && level !== 3) {
    throw new MalformedPacketError('CONNECT sets its reserved flag');
  }
  const hasWill = (flags & willFlag) !== 0;
  const willQoS = (flags & willQoSFlags) >> willQoSShift;
  // [v5 MQTT-3.1.2-11, MQTT-3.1.2-13, v3 MQTT-3.1.2-13, MQTT-3.1.2-15]
  if (!hasWill && (flags & (willQoSFlags | willRetainFlag)) !== 0) {
    throw new MalformedPacketError('CONNECT has the QoS or RETAIN of a will, but no will');
  }
  // [v3 MQTT-3.1.2-22]
  if ((flags & (usernameFlag | passwordFlag)) === passwordFlag && level !== 5) {
    throw new MalformedPacketError('CONNECT has a password without a user name');
  }
  const keepAlive = reader.uint16();
  const properties = readProperties(reader, 'connect');
  const clientId = reader.text();
  const will = hasWill ? readWill(reader, readQoS(willQoS), (flags & willRetainFlag) !== 0) : undefined;
  // MQTT 3.1: a flag may be set although its field is missing at the end
  const present = (flag: number) => (flags & flag) !== 0 && (level !== 3 || reader.offset < reader.end);
  const username = present(usernameFlag) ? reader.text() : undefined;
  const password = present(passwordFlag) ? reader.binary() : undefined;
  return {
    type: 'connect',
    protocolVersion: level,
    clientId,
    clean: (flags & cleanFlag) !== 0,
    keepAlive,
    username,
    password,
    will,
    properties,
  };
}

function readWill(reader: Reader, qos: QoS, retain: boolean): WillPacket {
  const properties = readProperties(reader, 'will');
  const topic = reader.topic();
  // [v5 MQTT-4.7.3-1, v3 MQTT-4.7.3-1]
  if (topic === '') throw new ProtocolError('CONNECT has a will with an empty topic');
  return { topic, payload: reader.binary(), qos, retain, properties };
}

/** Writes CONNACK. */
export const connack: PacketWriter<ConnackPacket> = {
  measure({ sessionPresent, reasonCode, properties }, version) {
    checkBoolean(sessionPresent, 'sessionPresent');
    checkReasonCode(reasonCode, 'connack', version);
    if (sessionPresent && version === 3) throw new UsageError('sessionPresent does not exist in MQTT 3.1');
    // [v5 MQTT-3.2.2-6, v3 MQTT-3.2.2-4]
    if (sessionPresent && reasonCode !== 0) throw new UsageError('sessionPresent must be false in a refusal');
    return 2 + checkProperties(properties, 'connack', version);
  },

  write(out, { sessionPresent, reasonCode, properties }, version, remaining) {
    const at = beginPacket(out, 0x20, remaining);
    out.bytes[at] = sessionPresent ? 1 : 0;
    out.bytes[at + 1] = reasonCode;
    writeProperties(out.bytes, at + 2, properties, 'connack', version);
  },
};

/** Reads CONNACK. */
export function readConnack(reader: Reader): ConnackPacket {
  const { version } = reader;
  const flags = reader.byte();
  // [v5 MQTT-3.2.2-1]; MQTT 3.1 does not use the byte
  if (flags > 1 && version !== 3) throw new MalformedPacketError('CONNACK sets reserved flags');
  const sessionPresent = flags === 1 && version !== 3;
  const code = reader.byte();
  // A server that knows only MQTT 3.1.1 answers with two bytes and return code 1 [v3 MQTT-3.1.2-2]: 0x84 in ours.
  if (version === 5 && code === 1 && !sessionPresent && reader.offset === reader.end) {
    return { type: 'connack', sessionPresent, reasonCode: 0x84, properties: undefined };
  }
  const reasonCode = knownReasonCode(code, 'connack', version);
  // [v5 MQTT-3.2.2-6, v3 MQTT-3.2.2-4]
  if (sessionPresent && reasonCode !== 0) throw new ProtocolError('CONNACK refuses, yet has a session');
  return { type: 'connack', sessionPresent, reasonCode, properties: readProperties(reader, 'connack') };
}
