/** Bytes that a decoder must refuse, written by hand, with the class of the error and its reason code. */

import type { ProtocolVersion } from '../../../src/codec';
import { hex } from '../../support/hex';

/** Which error, see {@link expectation}. */
export type FaultKind = 'malformed' | 'protocol' | 'alias' | 'version';

/** Bytes of one bad packet. */
export interface Fault {
  name: string;
  versions: readonly ProtocolVersion[];
  bytes: Uint8Array;
  kind: FaultKind;
}

/** The error of each kind. */
export const expectation = {
  malformed: { name: 'MalformedPacketError', code: 'malformed-packet', reasonCode: 0x81 },
  protocol: { name: 'ProtocolError', code: 'protocol-error', reasonCode: 0x82 },
  alias: { name: 'ProtocolError', code: 'topic-alias-invalid', reasonCode: 0x94 },
  version: { name: 'ProtocolError', code: 'unsupported-protocol-version', reasonCode: 0x84 },
} as const;

const all = [3, 4, 5] as const;
const v3 = [3, 4] as const;
const v311 = [4] as const;
const v5 = [5] as const;
const strict = [4, 5] as const;

const fault =
  (kind: FaultKind) =>
  (versions: readonly ProtocolVersion[], name: string, bytes: Uint8Array): Fault => ({
    name,
    versions,
    bytes,
    kind,
  });
const malformed = fault('malformed');
const protocol = fault('protocol');
const alias = fault('alias');
const version = fault('version');

export const faults: readonly Fault[] = [
  // Fixed header [v5 2.1, v3 2.2]
  malformed(all, 'packet type 0', hex`00 00`),
  malformed(v3, 'packet type 15 before MQTT 5.0', hex`f0 00`),
  malformed(strict, 'CONNECT with flags', hex`11 00`),
  malformed(strict, 'CONNACK with flags', hex`21 02 00 00`),
  malformed(strict, 'PUBACK with flags', hex`42 02 0001`),
  malformed(strict, 'PUBREC with flags', hex`58 02 0001`),
  malformed(strict, 'PUBREL without its flag', hex`60 02 0001`),
  malformed(strict, 'PUBREL with DUP', hex`6a 02 0001`),
  malformed(strict, 'PUBCOMP with flags', hex`72 02 0001`),
  malformed(strict, 'SUBSCRIBE without its flag', hex`80 06 0001 0001 'a' 00`),
  malformed(strict, 'SUBACK with flags', hex`91 03 0001 00`),
  malformed(strict, 'UNSUBSCRIBE without its flag', hex`a0 05 0001 0001 'a'`),
  malformed(strict, 'UNSUBACK with flags', hex`b4 02 0001`),
  malformed(strict, 'PINGREQ with flags', hex`c1 00`),
  malformed(strict, 'PINGRESP with flags', hex`d8 00`),
  malformed(strict, 'DISCONNECT with flags', hex`e2 00`),
  malformed(v5, 'AUTH with flags', hex`f1 00`),
  malformed(all, 'a remaining length of five bytes', hex`30 80808080 01`),
  malformed(all, 'a remaining length that begins a fifth byte', hex`30 ffffffff`),
  malformed(all, 'a remaining length of 0 in two bytes', hex`c0 8000`),
  malformed(all, 'a remaining length of 127 in two bytes', hex`30 ff00`),
  malformed(all, 'a remaining length of 5 in four bytes', hex`30 85808000 0003 'a/b'`),

  // Strings [v5 1.5.4, v3 1.5.3]
  malformed(v3, 'a topic with U+0000', hex`30 05 0003 'a' 00 'b'`),
  malformed(v3, 'a topic with a byte that is no UTF-8', hex`30 03 0001 ff`),
  malformed(v3, 'a topic that ends inside a character', hex`30 04 0002 'a' c3`),
  malformed(v3, 'a topic with a lone continuation byte', hex`30 03 0001 80`),
  malformed(v3, 'a topic with an overlong slash', hex`30 04 0002 c0af`),
  malformed(v3, 'a topic with an overlong U+0000', hex`30 04 0002 c080`),
  malformed(v3, 'a topic with an overlong euro sign', hex`30 06 0004 f08282ac`),
  malformed(v3, 'a topic with a high surrogate', hex`30 05 0003 eda080`),
  malformed(v3, 'a topic with a low surrogate', hex`30 05 0003 edbfbf`),
  malformed(v3, 'a topic with a surrogate pair in six bytes', hex`30 08 0006 eda081edb080`),
  malformed(v3, 'a topic with a code point above U+10FFFF', hex`30 06 0004 f4908080`),
  malformed(v3, 'a long topic with U+0000 at its end', hex`30 2b 0029 ${'61'.repeat(40)} 00`),
  malformed(v5, 'a user property with a name that is no UTF-8', hex`30 0b 0001 'a' 07 26 0001 ff 0001 'v'`),
  malformed(v5, 'a user property with U+0000 in its value', hex`30 0b 0001 'a' 07 26 0001 'k' 0001 00`),
  malformed(v5, 'a content type that is no UTF-8', hex`30 08 0001 'a' 04 03 0001 fe`),
  malformed(v5, 'a response topic that is no UTF-8', hex`30 08 0001 'a' 04 08 0001 c3`),
  malformed(v5, 'a reason string with a surrogate', hex`40 0a 0001 80 06 1f 0003 edb080`),
  malformed(v3, 'a client identifier that is no UTF-8', hex`10 0d 0004 'MQTT' 04 02 003c 0001 ff`),
  malformed(v3, 'a user name with U+0000', hex`10 0f 0004 'MQTT' 04 82 003c 0000 0001 00`),
  malformed(v3, 'a will topic that is no UTF-8', hex`10 11 0004 'MQTT' 04 06 003c 0000 0001 a0 0000`),
  malformed(v3, 'a filter in SUBSCRIBE that is no UTF-8', hex`82 06 0001 0001 ff 00`),
  malformed(v3, 'a filter in UNSUBSCRIBE with U+0000', hex`a2 05 0001 0001 00`),

  // CONNECT [v5 3.1, v3 3.1]
  malformed(all, 'CONNECT that is empty', hex`10 00`),
  version(all, 'CONNECT with another protocol name', hex`10 0c 0004 'MQTZ' 04 02 003c 0000`),
  version(all, 'CONNECT with the name in lower case', hex`10 0c 0004 'mqtt' 04 02 003c 0000`),
  version(all, 'CONNECT with protocol version 6', hex`10 0d 0004 'MQTT' 06 02 003c 00 0000`),
  version(all, 'CONNECT with protocol version 3 and the name of 4', hex`10 0c 0004 'MQTT' 03 02 003c 0000`),
  version(all, 'CONNECT with protocol version 4 and the name of 3', hex`10 0e 0006 'MQIsdp' 04 02 003c 0000`),
  version(all, 'CONNECT with a bridge bit in its version', hex`10 0c 0004 'MQTT' 84 02 003c 0000`),
  malformed(all, 'CONNECT with the reserved flag', hex`10 0c 0004 'MQTT' 04 03 003c 0000`),
  malformed(all, 'CONNECT of MQTT 5.0 with the reserved flag', hex`10 0d 0004 'MQTT' 05 03 003c 00 0000`),
  malformed(all, 'CONNECT with a will QoS and no will', hex`10 0c 0004 'MQTT' 04 0a 003c 0000`),
  malformed(
    all,
    'CONNECT of MQTT 5.0 with a will QoS and no will',
    hex`10 0d 0004 'MQTT' 05 12 003c 00 0000`,
  ),
  malformed(all, 'CONNECT with will retain and no will', hex`10 0c 0004 'MQTT' 04 22 003c 0000`),
  malformed(
    all,
    'CONNECT of MQTT 5.0 with will retain and no will',
    hex`10 0d 0004 'MQTT' 05 22 003c 00 0000`,
  ),
  malformed(all, 'CONNECT with will QoS 3', hex`10 11 0004 'MQTT' 04 1e 003c 0000 0001 'w' 0000`),
  malformed(all, 'CONNECT with a password and no user name', hex`10 0e 0004 'MQTT' 04 42 003c 0000 0000`),
  malformed(all, 'CONNECT without the will that it has a flag for', hex`10 0c 0004 'MQTT' 04 06 003c 0000`),
  malformed(
    all,
    'CONNECT without the user name that it has a flag for',
    hex`10 0c 0004 'MQTT' 04 82 003c 0000`,
  ),
  malformed(
    all,
    'CONNECT without the password that it has a flag for',
    hex`10 0e 0004 'MQTT' 04 c2 003c 0000 0000`,
  ),
  malformed(
    all,
    'CONNECT with a user name that it has no flag for',
    hex`10 0e 0004 'MQTT' 04 02 003c 0000 0000`,
  ),
  malformed(all, 'CONNECT without a client identifier', hex`10 0a 0004 'MQTT' 04 02 003c`),
  malformed(all, 'CONNECT of MQTT 5.0 without properties', hex`10 0a 0004 'MQTT' 05 02 003c`),
  malformed(
    all,
    'CONNECT with a wildcard in the will topic',
    hex`10 11 0004 'MQTT' 04 06 003c 0000 0001 '#' 0000`,
  ),
  protocol(all, 'CONNECT with an empty will topic', hex`10 10 0004 'MQTT' 04 06 003c 0000 0000 0000`),
  malformed(
    all,
    'CONNECT of MQTT 5.0 with a will and no will properties',
    hex`10 0d 0004 'MQTT' 05 06 003c 00 0000`,
  ),
  protocol(all, 'CONNECT with Receive Maximum 0', hex`10 10 0004 'MQTT' 05 02 003c 03 21 0000 0000`),
  protocol(all, 'CONNECT with Maximum Packet Size 0', hex`10 12 0004 'MQTT' 05 02 003c 05 27 00000000 0000`),
  protocol(
    all,
    'CONNECT with Request Problem Information 2',
    hex`10 0f 0004 'MQTT' 05 02 003c 02 17 02 0000`,
  ),
  protocol(
    all,
    'CONNECT with Request Response Information 255',
    hex`10 0f 0004 'MQTT' 05 02 003c 02 19 ff 0000`,
  ),
  protocol(
    all,
    'CONNECT with Session Expiry Interval twice',
    hex`10 17 0004 'MQTT' 05 02 003c 0a 11 00000001 11 00000001 0000`,
  ),
  protocol(
    all,
    'CONNECT with Authentication Data and no method',
    hex`10 11 0004 'MQTT' 05 02 003c 04 16 0001 2a 0000`,
  ),
  malformed(
    all,
    'CONNECT with a property of the will',
    hex`10 12 0004 'MQTT' 05 02 003c 05 18 00000001 0000`,
  ),
  malformed(all, 'CONNECT with a property of CONNACK', hex`10 0f 0004 'MQTT' 05 02 003c 02 24 01 0000`),
  malformed(
    all,
    'a will with a property of CONNECT',
    hex`10 17 0004 'MQTT' 05 06 003c 00 0000 03 21 0001 0001 'w' 0001 'x'`,
  ),

  // CONNACK [v5 3.2, v3 3.2]
  malformed(strict, 'CONNACK with reserved flags', hex`20 02 02 00`),
  malformed(all, 'CONNACK of one byte', hex`20 01 00`),
  malformed(v3, 'CONNACK of three bytes', hex`20 03 00 00 00`),
  malformed(v5, 'CONNACK without properties', hex`20 02 00 00`),
  protocol(v3, 'CONNACK with return code 6', hex`20 02 00 06`),
  protocol(v5, 'CONNACK with reason code 1', hex`20 03 00 01 00`),
  protocol(v5, 'CONNACK of MQTT 3.1.1 that refuses with a session', hex`20 02 01 01`),
  protocol(v5, 'CONNACK with a reason code of DISCONNECT', hex`20 03 00 8e 00`),
  protocol(v311, 'CONNACK that refuses with a session', hex`20 02 01 05`),
  protocol(v5, 'CONNACK of MQTT 5.0 that refuses with a session', hex`20 03 01 87 00`),
  protocol(v5, 'CONNACK with Maximum QoS 2', hex`20 05 00 00 02 24 02`),
  protocol(v5, 'CONNACK with Retain Available 2', hex`20 05 00 00 02 25 02`),
  protocol(v5, 'CONNACK with Wildcard Subscription Available 2', hex`20 05 00 00 02 28 02`),
  protocol(v5, 'CONNACK with Subscription Identifier Available 3', hex`20 05 00 00 02 29 03`),
  protocol(v5, 'CONNACK with Shared Subscription Available 128', hex`20 05 00 00 02 2a 80`),
  protocol(v5, 'CONNACK with Receive Maximum 0', hex`20 06 00 00 03 21 0000`),
  protocol(v5, 'CONNACK with Maximum Packet Size 0', hex`20 08 00 00 05 27 00000000`),
  protocol(v5, 'CONNACK with Server Keep Alive twice', hex`20 09 00 00 06 13 0001 13 0001`),
  protocol(v5, 'CONNACK with Retain Available twice', hex`20 07 00 00 04 25 00 25 00`),
  malformed(v5, 'CONNACK with a property of PUBLISH', hex`20 05 00 00 02 01 01`),
  malformed(v5, 'CONNACK with an unknown property', hex`20 05 00 00 02 7e 01`),
  malformed(v5, 'CONNACK with property 0', hex`20 05 00 00 02 00 01`),
  malformed(v5, 'CONNACK with a property identifier of two bytes', hex`20 06 00 00 03 a400 01`),
  malformed(v5, 'CONNACK with properties beyond its end', hex`20 05 00 00 05 13 00`),
  malformed(v5, 'CONNACK with a property beyond the properties', hex`20 06 00 00 02 13 000a`),
  malformed(v5, 'CONNACK with bytes behind its properties', hex`20 04 00 00 00 00`),

  // PUBLISH [v5 3.3, v3 3.3]
  malformed(all, 'PUBLISH with QoS 3', hex`36 05 0001 'a' 0001`),
  malformed(strict, 'PUBLISH with DUP and QoS 0', hex`38 03 0001 'a'`),
  malformed(all, 'PUBLISH that is empty', hex`30 00`),
  malformed(all, 'PUBLISH with a topic that is longer than the packet', hex`30 04 0003 'ab'`),
  malformed(all, 'PUBLISH of QoS 1 without a packet identifier', hex`32 03 0001 'a'`),
  malformed(all, 'PUBLISH of QoS 1 with half a packet identifier', hex`32 04 0001 'a' 00`),
  protocol(all, 'PUBLISH of QoS 1 with packet identifier 0', hex`32 05 0001 'a' 0000`),
  protocol(all, 'PUBLISH of QoS 2 with packet identifier 0', hex`34 05 0001 'a' 0000`),
  malformed(v5, 'PUBLISH without properties', hex`30 03 0001 'a'`),
  malformed(v5, 'PUBLISH with a Property Length in too many bytes', hex`30 05 0001 'a' 8000`),
  malformed(v5, 'PUBLISH with a Property Length of five bytes', hex`30 08 0001 'a' 8080808001`),
  malformed(all, 'PUBLISH with + in the topic', hex`30 05 0003 'a/+'`),
  malformed(all, 'PUBLISH with # in the topic', hex`30 03 0001 '#'`),
  malformed(v5, 'PUBLISH with a wildcard in the response topic', hex`30 08 0001 'a' 04 08 0001 '+'`),
  protocol(v3, 'PUBLISH with an empty topic', hex`30 02 0000`),
  protocol(v5, 'PUBLISH with an empty topic and no alias', hex`30 03 0000 00`),
  alias(v5, 'PUBLISH with Topic Alias 0', hex`30 07 0001 'a' 03 23 0000`),
  alias(v5, 'PUBLISH with Topic Alias 0 in place of the topic', hex`30 06 0000 03 23 0000`),
  protocol(v5, 'PUBLISH with Topic Alias twice', hex`30 0a 0001 'a' 06 23 0001 23 0001`),
  protocol(v5, 'PUBLISH with Subscription Identifier 0', hex`30 06 0001 'a' 02 0b 00`),
  malformed(v5, 'PUBLISH with an overlong Subscription Identifier', hex`30 07 0001 'a' 03 0b 8100`),
  protocol(v5, 'PUBLISH with Payload Format Indicator 2', hex`30 06 0001 'a' 02 01 02`),
  protocol(v5, 'PUBLISH with Payload Format Indicator twice', hex`30 08 0001 'a' 04 01 00 01 00`),
  protocol(v5, 'PUBLISH with Content Type twice', hex`30 0a 0001 'a' 06 03 0000 03 0000`),
  protocol(v5, 'PUBLISH with Correlation Data twice', hex`30 0a 0001 'a' 06 09 0000 09 0000`),
  malformed(v5, 'PUBLISH with a Reason String', hex`30 07 0001 'a' 03 1f 0000`),
  malformed(v5, 'PUBLISH with half a Message Expiry Interval', hex`30 07 0001 'a' 03 02 0000`),

  // PUBACK, PUBREC, PUBREL, PUBCOMP [v5 3.4 to 3.7, v3 3.4 to 3.7]
  malformed(all, 'PUBACK that is empty', hex`40 00`),
  malformed(all, 'PUBACK of one byte', hex`40 01 00`),
  protocol(all, 'PUBACK with packet identifier 0', hex`40 02 0000`),
  malformed(v3, 'PUBACK with a reason code before MQTT 5.0', hex`40 03 0001 00`),
  protocol(v5, 'PUBACK with reason code 1', hex`40 03 0001 01`),
  protocol(v5, 'PUBACK with a reason code of PUBREL', hex`40 03 0001 92`),
  protocol(v5, 'PUBREC with reason code 2', hex`50 03 0001 02`),
  protocol(v5, 'PUBREL with a reason code of PUBACK', hex`62 03 0001 10`),
  protocol(v5, 'PUBCOMP with a reason code of PUBREC', hex`70 03 0001 91`),
  protocol(v5, 'PUBACK with a Reason String twice', hex`40 0a 0001 00 06 1f 0000 1f 0000`),
  malformed(v5, 'PUBACK with a Content Type', hex`40 07 0001 00 03 03 0000`),
  malformed(v5, 'PUBACK with bytes behind its properties', hex`40 05 0001 00 00 00`),

  // SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK [v5 3.8 to 3.11, v3 3.8 to 3.11]
  protocol(all, 'SUBSCRIBE with packet identifier 0', hex`82 06 0000 0001 'a' 00`),
  protocol(v3, 'SUBSCRIBE without a filter', hex`82 02 0001`),
  protocol(v5, 'SUBSCRIBE of MQTT 5.0 without a filter', hex`82 03 0001 00`),
  malformed(v3, 'SUBSCRIBE without options', hex`82 05 0001 0001 'a'`),
  malformed(v3, 'SUBSCRIBE with an empty filter', hex`82 05 0001 0000 00`),
  malformed(v3, 'SUBSCRIBE with QoS 3', hex`82 06 0001 0001 'a' 03`),
  protocol(v5, 'SUBSCRIBE of MQTT 5.0 with QoS 3', hex`82 07 0001 00 0001 'a' 03`),
  malformed(v311, 'SUBSCRIBE with reserved bits', hex`82 06 0001 0001 'a' 04`),
  malformed(v5, 'SUBSCRIBE of MQTT 5.0 with reserved bit 6', hex`82 07 0001 00 0001 'a' 40`),
  malformed(v5, 'SUBSCRIBE of MQTT 5.0 with reserved bit 7', hex`82 07 0001 00 0001 'a' 80`),
  protocol(v5, 'SUBSCRIBE with Retain Handling 3', hex`82 07 0001 00 0001 'a' 30`),
  protocol(v5, 'SUBSCRIBE with No Local on a shared subscription', hex`82 10 0001 00 000a '$share/g/a' 04`),
  protocol(v5, 'SUBSCRIBE with Subscription Identifier 0', hex`82 09 0001 02 0b 00 0001 'a' 00`),
  protocol(v5, 'SUBSCRIBE with two Subscription Identifiers', hex`82 0b 0001 04 0b 01 0b 02 0001 'a' 00`),
  malformed(v5, 'SUBSCRIBE with a Reason String', hex`82 0a 0001 03 1f 0000 0001 'a' 00`),
  protocol(v3, 'SUBACK with packet identifier 0', hex`90 03 0000 00`),
  protocol(v3, 'SUBACK without a return code', hex`90 02 0001`),
  protocol(v5, 'SUBACK without a reason code', hex`90 03 0001 00`),
  protocol(v3, 'SUBACK with return code 3', hex`90 03 0001 03`),
  protocol(v3, 'SUBACK with return code 0x81', hex`90 03 0001 81`),
  protocol(v5, 'SUBACK with reason code 3', hex`90 04 0001 00 03`),
  protocol(all, 'UNSUBSCRIBE with packet identifier 0', hex`a2 05 0000 0001 'a'`),
  protocol(v3, 'UNSUBSCRIBE without a filter', hex`a2 02 0001`),
  protocol(v5, 'UNSUBSCRIBE of MQTT 5.0 without a filter', hex`a2 03 0001 00`),
  malformed(v3, 'UNSUBSCRIBE with an empty filter', hex`a2 04 0001 0000`),
  malformed(v5, 'UNSUBSCRIBE with a Subscription Identifier', hex`a2 08 0001 02 0b 01 0001 'a'`),
  malformed(v3, 'UNSUBACK with reason codes before MQTT 5.0', hex`b0 03 0001 00`),
  protocol(v5, 'UNSUBACK without a reason code', hex`b0 03 0001 00`),
  protocol(v5, 'UNSUBACK with a reason code of SUBACK', hex`b0 04 0001 00 01`),

  // PINGREQ, PINGRESP, DISCONNECT, AUTH [v5 3.12 to 3.15, v3 3.12 to 3.14]
  malformed(all, 'PINGREQ with a payload', hex`c0 01 00`),
  malformed(all, 'PINGRESP with a payload', hex`d0 01 00`),
  malformed(v3, 'DISCONNECT with a reason code before MQTT 5.0', hex`e0 01 00`),
  protocol(v5, 'DISCONNECT with reason code 1', hex`e0 01 01`),
  protocol(v5, 'DISCONNECT with a reason code of CONNACK', hex`e0 01 84`),
  malformed(v5, 'DISCONNECT with a Receive Maximum', hex`e0 05 00 03 21 0001`),
  protocol(v5, 'DISCONNECT with Server Reference twice', hex`e0 08 9d 06 1c 0000 1c 0000`),
  malformed(v5, 'DISCONNECT with bytes behind its properties', hex`e0 03 00 00 00`),
  protocol(v5, 'AUTH with reason code 1', hex`f0 06 01 04 15 0001 'm'`),
  malformed(v5, 'AUTH with a reason code alone', hex`f0 01 18`),
  protocol(v5, 'AUTH that goes on without a method', hex`f0 02 18 00`),
  protocol(v5, 'AUTH with a Reason String and no method', hex`f0 05 00 03 1f 0000`),
  protocol(v5, 'AUTH with Authentication Data and no method', hex`f0 05 18 03 16 0000`),
  protocol(v5, 'AUTH with Authentication Method twice', hex`f0 08 18 06 15 0000 15 0000`),
  malformed(v5, 'AUTH with a Server Reference', hex`f0 05 18 03 1c 0000`),
];
