/** Counters of the broker, published below `$SYS`. */

import type { Packet, PacketType } from '../../src/codec/packet';

/** What both sides send. */
const both: readonly PacketType[] = [
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'disconnect',
  'auth',
];
const ofClients: readonly PacketType[] = ['connect', 'subscribe', 'unsubscribe', 'pingreq', ...both];
const ofServers: readonly PacketType[] = ['connack', 'suback', 'unsuback', 'pingresp', ...both];

/** Nothing yet of each type, so that each has its figure from the start. */
function none(types: readonly PacketType[]): Map<PacketType, number> {
  return new Map(types.map((type) => [type, 0]));
}

/** Packets, application messages and bytes since the start. */
export class Statistics {
  /** When the broker started, in milliseconds of its clock. */
  readonly startedAt: number;
  bytesReceived = 0;
  bytesSent = 0;
  packetsReceived = 0;
  packetsSent = 0;
  publishReceived = 0;
  publishSent = 0;
  publishBytesReceived = 0;
  publishBytesSent = 0;
  /** Messages dropped for a full queue or a full buffer. */
  publishDropped = 0;
  socketsOpened = 0;
  clientsMaximum = 0;
  readonly receivedByType = none(ofClients);
  readonly sentByType = none(ofServers);

  constructor(startedAt: number) {
    this.startedAt = startedAt;
  }

  received(packet: Packet): void {
    this.packetsReceived += 1;
    this.receivedByType.set(packet.type, (this.receivedByType.get(packet.type) ?? 0) + 1);
    if (packet.type !== 'publish') return;
    this.publishReceived += 1;
    this.publishBytesReceived += packet.payload.length;
  }

  sent(packet: Packet): void {
    this.packetsSent += 1;
    this.sentByType.set(packet.type, (this.sentByType.get(packet.type) ?? 0) + 1);
    if (packet.type !== 'publish') return;
    this.publishSent += 1;
    this.publishBytesSent += packet.payload.length;
  }
}
