/**
 * Writes packets from the grammar, by code of its own: without faults what it writes must be taken, field by field;
 * with faults each field goes wrong now and then, in the ways in which fields of its kind go wrong.
 */

import type { Packet, ProtocolVersion } from '../../src/codec/index';
import { concat, varint } from './bytes';
import type { Random } from './random';

/** Packet types on the wire. */
const typeNumbers: Readonly<Record<Packet['type'], number>> = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
};

type PropertyKind = 'byte' | 'uint16' | 'uint32' | 'varint' | 'text' | 'binary' | 'pair';

/** Properties [v5 2.2.2.2]; the order of this table is none that the specification asks for. */
const properties: Readonly<Record<string, readonly [id: number, kind: PropertyKind]>> = {
  userProperties: [0x26, 'pair'],
  payloadFormatIndicator: [0x01, 'byte'],
  messageExpiryInterval: [0x02, 'uint32'],
  contentType: [0x03, 'text'],
  responseTopic: [0x08, 'text'],
  correlationData: [0x09, 'binary'],
  subscriptionIdentifier: [0x0b, 'varint'],
  subscriptionIdentifiers: [0x0b, 'varint'],
  sessionExpiryInterval: [0x11, 'uint32'],
  assignedClientIdentifier: [0x12, 'text'],
  serverKeepAlive: [0x13, 'uint16'],
  authenticationData: [0x16, 'binary'],
  authenticationMethod: [0x15, 'text'],
  requestProblemInformation: [0x17, 'byte'],
  willDelayInterval: [0x18, 'uint32'],
  requestResponseInformation: [0x19, 'byte'],
  responseInformation: [0x1a, 'text'],
  serverReference: [0x1c, 'text'],
  reasonString: [0x1f, 'text'],
  receiveMaximum: [0x21, 'uint16'],
  topicAliasMaximum: [0x22, 'uint16'],
  topicAlias: [0x23, 'uint16'],
  maximumQoS: [0x24, 'byte'],
  retainAvailable: [0x25, 'byte'],
  maximumPacketSize: [0x27, 'uint32'],
  wildcardSubscriptionAvailable: [0x28, 'byte'],
  subscriptionIdentifierAvailable: [0x29, 'byte'],
  sharedSubscriptionAvailable: [0x2a, 'byte'],
};

/** What is no text in MQTT, or looks as if it were none. */
const strangeTexts: readonly (readonly number[])[] = [
  [0x00], // U+0000
  [0x61, 0x00, 0x62],
  [0xc0, 0x80], // U+0000, overlong
  [0xc1, 0xbf],
  [0xe0, 0x9f, 0xbf],
  [0xed, 0xa0, 0x80], // a surrogate
  [0xed, 0xbf, 0xbf],
  [0xf0, 0x8f, 0xbf, 0xbf],
  [0xf4, 0x90, 0x80, 0x80], // above U+10FFFF
  [0xf8, 0x88, 0x80, 0x80, 0x80],
  [0x80],
  [0xe2, 0x82], // cut off
  [0xff, 0xfe],
  [0xef, 0xbb, 0xbf], // U+FEFF, legal
  [0xef, 0xbf, 0xbe], // not a character, yet well-formed
  [0x23],
  [0x2b],
  [0x2f, 0x2b, 0x2f],
];

const strangeNumbers = [0, 1, 2, 3, 127, 128, 255, 256, 16_383, 16_384, 32_767, 65_534, 65_535, 0xffff_ffff];

/** Packets that carry properties at their end and may leave them out. */
type Properties = object | undefined;

/**
 * One packet on the wire.
 *
 * @param faults how likely each field is to be wrong; 0 writes what the specification says
 */
export function wirePacket(
  random: Random,
  packet: Packet,
  version: ProtocolVersion,
  faults: number,
): Uint8Array {
  return new PacketWire(random, version, faults).packet(packet);
}

class PacketWire {
  readonly #random: Random;
  readonly #version: ProtocolVersion;
  readonly #faults: number;

  constructor(random: Random, version: ProtocolVersion, faults: number) {
    this.#random = random;
    this.#version = version;
    this.#faults = faults;
  }

  packet(packet: Packet): Uint8Array {
    const body = concat(this.#body(packet));
    const random = this.#random;
    const type = this.#fault() ? random.int(0, 15) : typeNumbers[packet.type];
    const flags = this.#fault() ? random.int(0, 15) : flagsOf(packet);
    const strange = [body.length - 1, body.length + 1, body.length * 2, 0, 127, 128, 2 ** 28 - 1];
    const size = this.#fault() ? Math.max(0, random.pick(strange)) : body.length;
    const length = this.#fault()
      ? random.pick([varint(size, 5), varint(size, random.int(1, 4)), []])
      : varint(size);
    return concat([Uint8Array.of((type << 4) | flags, ...length), body]);
  }

  #body(packet: Packet): Uint8Array[] {
    switch (packet.type) {
      case 'connect':
        return this.#connect(packet);
      case 'connack':
        return [
          this.#byte(packet.sessionPresent ? 1 : 0),
          this.#byte(packet.reasonCode),
          ...this.#properties(packet.properties),
        ];
      case 'publish':
        return [
          this.#text(packet.topic),
          ...(packet.packetId === undefined || this.#fault() ? [] : [this.#uint16(packet.packetId)]),
          ...this.#properties(packet.properties),
          packet.payload,
        ];
      case 'puback':
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
        return [this.#uint16(packet.packetId), ...this.#reason(packet.reasonCode, packet.properties)];
      case 'subscribe':
        return [
          this.#uint16(packet.packetId),
          ...this.#properties(packet.properties),
          ...packet.subscriptions.flatMap((entry) => [
            this.#text(entry.filter),
            this.#byte(
              entry.qos |
                (entry.noLocal ? 4 : 0) |
                (entry.retainAsPublished ? 8 : 0) |
                (entry.retainHandling << 4),
            ),
          ]),
        ];
      case 'suback':
      case 'unsuback':
        return [
          this.#uint16(packet.packetId),
          ...this.#properties(packet.properties),
          ...packet.reasonCodes.map((code) => this.#byte(code)),
        ];
      case 'unsubscribe':
        return [
          this.#uint16(packet.packetId),
          ...this.#properties(packet.properties),
          ...packet.filters.map((filter) => this.#text(filter)),
        ];
      case 'pingreq':
      case 'pingresp':
        return this.#fault() ? [this.#random.bytes(this.#random.int(1, 4))] : [];
      case 'disconnect':
        return this.#reason(packet.reasonCode, packet.properties);
      case 'auth':
        // [v5 3.15.2.1] it has both or neither
        if (packet.reasonCode === 0 && packet.properties === undefined) return [];
        return [this.#byte(packet.reasonCode), ...this.#properties(packet.properties)];
    }
  }

  #connect(packet: Extract<Packet, { type: 'connect' }>): Uint8Array[] {
    const { will, username, password } = packet;
    const flags =
      (packet.clean ? 2 : 0) |
      (will === undefined ? 0 : 4 | (will.qos << 3) | (will.retain ? 32 : 0)) |
      (password === undefined ? 0 : 64) |
      (username === undefined ? 0 : 128);
    return [
      this.#text(packet.protocolVersion === 3 ? 'MQIsdp' : 'MQTT'),
      this.#byte(packet.protocolVersion),
      this.#byte(flags),
      this.#uint16(packet.keepAlive),
      ...this.#properties(packet.properties),
      this.#text(packet.clientId),
      ...(will === undefined
        ? []
        : [...this.#properties(will.properties), this.#text(will.topic), this.#binary(will.payload)]),
      ...(username === undefined ? [] : [this.#text(username)]),
      ...(password === undefined ? [] : [this.#binary(password)]),
    ];
  }

  /** Reason code and properties, each of which may be left out when it says nothing [v5 3.4.2.1]. */
  #reason(reasonCode: number, properties: Properties): Uint8Array[] {
    if (this.#version < 5 && !this.#fault()) return [];
    const short = properties === undefined && this.#random.chance(0.5);
    if (short && reasonCode === 0 && this.#random.chance(0.5)) return [];
    if (short) return [this.#byte(reasonCode)];
    return [this.#byte(reasonCode), ...this.#properties(properties)];
  }

  #properties(values: Properties): Uint8Array[] {
    if (this.#version < 5 && !this.#fault()) return [];
    const random = this.#random;
    const parts: Uint8Array[] = [];
    for (const [name, value] of Object.entries(values ?? {})) {
      const [id, kind] = properties[name] ?? [];
      if (id === undefined || kind === undefined || value === undefined) continue;
      const many = name === 'userProperties' || name === 'subscriptionIdentifiers';
      for (const entry of many ? (value as unknown[]) : [value]) {
        parts.push(Uint8Array.of(id), this.#value(kind, entry));
      }
    }
    if (this.#fault() && parts.length > 0) parts.push(...parts.slice(0, 2)); // twice
    if (this.#fault()) {
      const [id, kind] = random.pick(Object.values(properties));
      parts.push(Uint8Array.of(id), this.#value(kind, random.pick(strangeNumbers)));
    }
    if (this.#fault()) parts.push(random.bytes(random.int(1, 6)));
    const size = parts.reduce((sum, part) => sum + part.length, 0);
    let length = varint(size);
    if (this.#fault()) {
      length = varint(random.pick([0, size + 1, Math.max(0, size - 1), 2 ** 21]), random.int(1, 5));
    }
    return [Uint8Array.from(length), ...parts];
  }

  #value(kind: PropertyKind, value: unknown): Uint8Array {
    if (kind === 'pair') {
      const [name, content] = Array.isArray(value) ? value : [value, value];
      return concat([this.#text(String(name)), this.#text(String(content))]);
    }
    if (kind === 'text') return this.#text(String(value));
    if (kind === 'binary') return this.#binary(value instanceof Uint8Array ? value : Uint8Array.of(1));
    const number = Number(value);
    if (kind === 'byte') return this.#byte(number);
    if (kind === 'uint16') return this.#uint16(number);
    if (kind === 'varint') return Uint8Array.from(varint(number, this.#fault() ? this.#random.int(2, 5) : 1));
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, this.#number(number));
    return bytes;
  }

  #byte(value: number): Uint8Array {
    return Uint8Array.of(this.#number(value));
  }

  #uint16(value: number): Uint8Array {
    const number = this.#number(value);
    return Uint8Array.of(number >> 8, number);
  }

  #number(value: number): number {
    if (!this.#fault()) return value;
    return this.#random.pick([...strangeNumbers, value + 1, this.#random.uint32()]);
  }

  #text(value: string): Uint8Array {
    const strange = this.#fault();
    return this.#binary(
      strange ? Uint8Array.from(this.#random.pick(strangeTexts)) : new TextEncoder().encode(value),
    );
  }

  #binary(value: Uint8Array): Uint8Array {
    return concat([this.#uint16(value.length), value]);
  }

  #fault(): boolean {
    return this.#faults > 0 && this.#random.chance(this.#faults);
  }
}

/** The lower half of the first byte. */
function flagsOf(packet: Packet): number {
  if (packet.type === 'publish') return (packet.dup ? 8 : 0) | (packet.qos << 1) | (packet.retain ? 1 : 0);
  return packet.type === 'pubrel' || packet.type === 'subscribe' || packet.type === 'unsubscribe' ? 2 : 0;
}
