/**
 * Checks of what JavaScript callers of `encode` may get wrong, beside the fields that are checked where they are
 * written: a client, which makes its packets itself, needs none of these.
 */

import {
  boolean,
  checkArray,
  checkBytes,
  checkInteger,
  checkObject,
  checkText,
  maximumUint16,
  wrong,
} from '../check';
import { UsageError } from '../errors';
import { checkFilled } from '../topic/topic-name';
import { scratch } from './body';
import { needsMqtt5 } from './needs-mqtt-5';
import type { AuthProperties, Packet, PacketType, ProtocolVersion } from './packet';
import { ofPublish, writeProperties } from './properties';
import { type CodedPacketType, checkReasonCode } from './reason-codes';

type Checks = {
  readonly [Type in PacketType]: (packet: Packet & { readonly type: Type }, version: ProtocolVersion) => void;
};

const coded = (
  { type, reasonCode }: { type: CodedPacketType; reasonCode: number },
  version: ProtocolVersion,
): void => checkReasonCode(reasonCode, type, version);

const checks: Checks = {
  connect({ protocolVersion, clean, will, properties }, version) {
    if (protocolVersion !== version) {
      throw new UsageError('protocolVersion: must be the version that the packet is encoded for');
    }
    checkBoolean(clean, 'clean');
    checkMethod(properties, version);
    if (will === undefined) return;
    checkObject(will, 'will');
    checkQoS(will.qos, 'will.qos');
    checkBoolean(will.retain, 'will.retain');
  },
  connack(packet, version) {
    const { sessionPresent, reasonCode, properties } = packet;
    checkBoolean(sessionPresent, 'sessionPresent');
    coded(packet, version);
    // [v5 MQTT-3.2.2-6, v3 MQTT-3.2.2-4]
    if (sessionPresent && (reasonCode !== 0 || version === 3)) {
      throw new UsageError('sessionPresent: must be false in a refusal, and in MQTT 3.1');
    }
    checkMethod(properties, version);
  },
  publish({ topic, payload, qos, retain, dup, packetId, properties }, version) {
    checkQoS(qos, 'qos');
    checkBoolean(retain, 'retain');
    checkBoolean(dup, 'dup');
    checkBytes(payload, 'payload');
    if (qos > 0) {
      checkInteger(packetId, 'packetId', 1, maximumUint16);
    } else if (packetId !== undefined || dup) {
      // [v5 MQTT-2.2.1-2, MQTT-3.3.1-2, v3 MQTT-2.3.1-5, MQTT-3.3.1-2]
      throw new UsageError(`${dup ? 'dup: must be false' : 'packetId: must not be given'} with QoS 0`);
    }
    // [v5 MQTT-4.7.3-1, v3 MQTT-4.7.3-1]
    if (topic === '' && properties?.topicAlias === undefined) {
      throw new UsageError('topic: must not be empty without properties.topicAlias');
    }
    // Refuses any, which the writer does not look at.
    if (version < 5) writeProperties(scratch.clear(), properties, ofPublish, version);
  },
  puback: coded,
  pubrec: coded,
  pubrel: coded,
  pubcomp: coded,
  subscribe({ subscriptions }, version) {
    // [v5 MQTT-3.8.3-2, v3 MQTT-3.8.3-3]
    checkEntries(subscriptions, 'subscriptions', (entry, where) => {
      checkObject(entry, where);
      const { filter, qos, noLocal = false, retainAsPublished = false, retainHandling = 0 } = entry;
      checkFilter(filter, `${where}.filter`);
      checkQoS(qos, `${where}.qos`);
      checkBoolean(noLocal, `${where}.noLocal`);
      checkBoolean(retainAsPublished, `${where}.retainAsPublished`);
      checkInteger(retainHandling, `${where}.retainHandling`, 0, 2);
      // [v5 MQTT-3.8.3-4]
      if (noLocal && String(filter).startsWith('$share/')) {
        throw new UsageError(`${where}.noLocal: must be false for a shared subscription`);
      }
      if (version < 5 && (noLocal || retainAsPublished || retainHandling !== 0)) {
        throw needsMqtt5(`${where} with more than a QoS`);
      }
    });
  },
  suback: checkCodes,
  unsubscribe({ filters }) {
    // [v5 MQTT-3.10.3-2, v3 MQTT-3.10.3-2]
    checkEntries(filters, 'filters', checkFilter);
  },
  unsuback(packet, version) {
    // UNSUBACK has no reason codes before MQTT 5.0.
    if (version === 5) checkCodes(packet, version);
    else {
      checkArray(packet.reasonCodes, 'reasonCodes');
      if (packet.reasonCodes.length > 0) throw needsMqtt5('an UNSUBACK with reasonCodes');
    }
  },
  pingreq() {},
  pingresp() {},
  disconnect: coded,
  auth(packet, version) {
    if (version < 5) throw needsMqtt5('AUTH');
    coded(packet, version);
    checkMethod(packet.properties, version);
  },
};

/** @throws UsageError for what no packet is, or none of this version */
export function checkPacket(packet: Packet, protocolVersion: ProtocolVersion): void {
  checkObject(packet, 'packet');
  checkInteger(protocolVersion, 'protocolVersion', 3, 5);
  // From JavaScript the type may be anything, 'constructor' too.
  if (!Object.hasOwn(checks, packet.type)) {
    throw new UsageError('type: must be the type of an MQTT packet');
  }
  // A check takes the packets of its own type.
  const check = checks[packet.type] as (packet: Packet, version: ProtocolVersion) => void;
  check(packet, protocolVersion);
}

function checkCodes(
  { type, reasonCodes }: { type: 'suback' | 'unsuback'; reasonCodes: number[] },
  version: ProtocolVersion,
): void {
  checkEntries(reasonCodes, 'reasonCodes', (code, where) => checkReasonCode(code, type, version, where));
}

/** Checks each entry of a list of at least one, holes included. */
function checkEntries<Entry>(
  list: readonly Entry[],
  where: string,
  check: (entry: Entry, where: string) => void,
): void {
  checkArray(list, where);
  if (list.length === 0) throw new UsageError(`${where}: must hold at least one entry`);
  for (let index = 0; index < list.length; index++) check(list[index] as Entry, `${where}[${index}]`);
}

function checkBoolean(value: unknown, where: string): void {
  if (boolean(value, where) === undefined) throw wrong(value, where, 'true or false');
}

function checkFilter(filter: string, where: string): void {
  checkFilled(filter, where);
  checkText(filter, where);
}

/** Authentication Data needs a method [v5 3.1.2.11.10]; before MQTT 5.0 there are no properties at all. */
function checkMethod(properties: AuthProperties | undefined, version: ProtocolVersion): void {
  if (version < 5 || properties?.authenticationData === undefined) return;
  if (properties.authenticationMethod === undefined) {
    throw new UsageError('properties.authenticationData: needs authenticationMethod');
  }
}

/** [v5 MQTT-3.3.1-4] */
function checkQoS(value: unknown, where: string): void {
  checkInteger(value, where, 0, 2);
}
