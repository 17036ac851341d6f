/** CONNECT and CONNACK [v5 3.1, 3.2; v3 3.1, 3.2]. */

import { MalformedPacketError, ProtocolError } from '../errors';
import { checkFilled } from '../topic/topic-name';
import type { Body } from './body';
import { needsMqtt5 } from './needs-mqtt-5';
import type { ConnackPacket, ConnectPacket, ProtocolVersion, QoS, WillPacket } from './packet';
import { ofConnack, ofConnect, ofWill, readProperties, writeProperties } from './properties';
import { type Reader, toQoS } from './reader';
import { readReasonCode } from './reason-codes';

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

export function writeConnect(body: Body, packet: ConnectPacket, version: ProtocolVersion): number {
  const { clientId, clean, keepAlive, username, password, will, properties } = packet;
  // Without a will its QoS and RETAIN stay 0 [v5 MQTT-3.1.2-11, MQTT-3.1.2-13]
  let flags = clean ? cleanFlag : 0;
  if (will !== undefined) {
    flags |= willFlag | (will.qos << willQoSShift) | (will.retain ? willRetainFlag : 0);
  }
  if (username !== undefined) flags |= usernameFlag;
  if (password !== undefined) {
    flags |= passwordFlag;
    // [v3 MQTT-3.1.2-22]
    if (username === undefined && version < 5) throw needsMqtt5('password without username');
  }
  body.text(protocolName(version), '');
  body.byte(version);
  body.byte(flags);
  body.uint16(keepAlive, 'keepAlive');
  writeProperties(body, properties, ofConnect, version);
  // [v5 MQTT-3.1.3-1, v3 MQTT-3.1.3-1] the order of the payload
  body.text(clientId, 'clientId');
  if (will !== undefined) {
    writeProperties(body, will.properties, ofWill, version, 'will.properties');
    checkFilled(will.topic, 'will.topic');
    body.topic(will.topic, 'will.topic');
    body.binary(will.payload, 'will.payload');
  }
  if (username !== undefined) body.text(username, 'username');
  if (password !== undefined) body.binary(password, 'password');
  return 0x10;
}

/** Reads CONNECT; from its protocol level on, the reader has its version. */
export function readConnect(reader: Reader): ConnectPacket {
  const name = reader.text();
  const level = reader.byte();
  if ((level !== 3 && level !== 4 && level !== 5) || name !== protocolName(level)) {
    throw new ProtocolError(
      'CONNECT is not that of MQTT 3.1, 3.1.1 or 5.0',
      'unsupported-protocol-version',
      0x84,
    );
  }
  reader.version = level;
  const flags = reader.byte();
  // [v5 MQTT-3.1.2-3, v3 MQTT-3.1.2-3]; MQTT 3.1 does not use the bit
  const reserved = (flags & reservedFlag) !== 0 && level !== 3;
  const hasWill = (flags & willFlag) !== 0;
  // [v5 MQTT-3.1.2-11, MQTT-3.1.2-13, v3 MQTT-3.1.2-13, MQTT-3.1.2-15]
  const willFlagsAlone = !hasWill && (flags & (willQoSFlags | willRetainFlag)) !== 0;
  // [v3 MQTT-3.1.2-22]
  const passwordAlone = (flags & (usernameFlag | passwordFlag)) === passwordFlag && level !== 5;
  if (reserved || willFlagsAlone || passwordAlone) throw new MalformedPacketError('CONNECT has wrong flags');
  const keepAlive = reader.uint16();
  const properties = readProperties(reader, ofConnect);
  const clientId = reader.text();
  const willQoS = toQoS(flags >> willQoSShift);
  const will = hasWill ? readWill(reader, willQoS, (flags & willRetainFlag) !== 0) : undefined;
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
    ...(username !== undefined && { username }),
    ...(password && { password }),
    ...(will && { will }),
    ...(properties && { properties }),
  };
}

function readWill(reader: Reader, qos: QoS, retain: boolean): WillPacket {
  const properties = readProperties(reader, ofWill);
  const topic = reader.topic();
  // [v5 MQTT-4.7.3-1, v3 MQTT-4.7.3-1]
  if (topic === '') throw new ProtocolError('CONNECT has a will with an empty topic');
  return { topic, payload: reader.binary(), qos, retain, ...(properties && { properties }) };
}

export function writeConnack(
  body: Body,
  { sessionPresent, reasonCode, properties }: ConnackPacket,
  version: ProtocolVersion,
): number {
  body.byte(Number(sessionPresent));
  body.byte(reasonCode);
  writeProperties(body, properties, ofConnack, version);
  return 0x20;
}

export function readConnack(reader: Reader): ConnackPacket {
  const { version } = reader;
  const flags = reader.byte();
  // [v5 MQTT-3.2.2-1]; MQTT 3.1 does not use the byte
  if (flags > 1 && version !== 3) throw new MalformedPacketError('CONNACK has wrong flags');
  const sessionPresent = flags === 1 && version !== 3;
  // A server that knows only MQTT 3.1.1 answers with two bytes and return code 1 [v3 MQTT-3.1.2-2]: 0x84 in ours.
  const alone = reader.end - reader.offset === 1 && !sessionPresent;
  if (version === 5 && alone && reader.bytes[reader.offset] === 1) {
    reader.offset++;
    return { type: 'connack', sessionPresent: false, reasonCode: 0x84 };
  }
  const reasonCode = readReasonCode(reader, 'connack');
  // [v5 MQTT-3.2.2-6, v3 MQTT-3.2.2-4]
  if (sessionPresent && reasonCode !== 0) throw new ProtocolError('CONNACK refuses, yet has a session');
  const properties = readProperties(reader, ofConnack);
  return { type: 'connack', sessionPresent, reasonCode, ...(properties && { properties }) };
}
