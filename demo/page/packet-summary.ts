/** A packet in one line, and in full. */

import type { Packet } from 'mqtide';
import { hexCode, plain } from './format';
import { showPayload } from './payload';

/** Bytes of a payload that fit in the line. */
const previewLength = 60;

/** What matters about a packet, beside its type. */
export function summarize(packet: Packet): string {
  switch (packet.type) {
    case 'connect':
      return `${packet.clientId}, ${packet.clean ? 'clean start' : 'resume'}, keep alive ${packet.keepAlive} s`;
    case 'connack':
      return `${hexCode(packet.reasonCode)}, session ${packet.sessionPresent ? 'resumed' : 'new'}`;
    case 'publish': {
      const id = packet.packetId === undefined ? '' : ` #${packet.packetId}`;
      const flags = `${packet.dup ? ' dup' : ''}${packet.retain ? ' retain' : ''}`;
      const topic = packet.topic === '' ? `(alias ${packet.properties?.topicAlias ?? '?'})` : packet.topic;
      return `${topic} QoS ${packet.qos}${id}${flags} ${preview(packet.payload)}`;
    }
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      return `#${packet.packetId} ${hexCode(packet.reasonCode)}`;
    case 'subscribe':
      return `#${packet.packetId} ${packet.subscriptions.map(({ filter, qos }) => `${filter} QoS ${qos}`).join(', ')}`;
    case 'unsubscribe':
      return `#${packet.packetId} ${packet.filters.join(', ')}`;
    case 'suback':
    case 'unsuback':
      return `#${packet.packetId} ${packet.reasonCodes.map(hexCode).join(' ')}`;
    case 'pingreq':
    case 'pingresp':
      return '';
    case 'disconnect':
    case 'auth':
      return `${hexCode(packet.reasonCode)} ${packet.properties?.reasonString ?? ''}`.trim();
  }
}

/** All fields of a packet as text; bytes are shown as what they hold. */
export function detail(packet: Packet): string {
  return JSON.stringify(
    packet,
    (_, value: unknown) => (value instanceof Uint8Array ? showPayload(value, 'auto') : value),
    2,
  );
}

/** The properties that a message came with, one a line. */
export function listProperties(properties: object): string[] {
  return Object.entries(properties).flatMap(([name, value]: [string, unknown]) => {
    if (value === undefined) return [];
    if (name === 'userProperties' && Array.isArray(value)) {
      return value.map((pair: unknown) => (Array.isArray(pair) ? `${pair[0]}: ${pair[1]}` : plain(pair)));
    }
    if (value instanceof Uint8Array) return [`${name}: ${showPayload(value, 'auto')}`];
    return [`${name}: ${plain(value)}`];
  });
}

function preview(payload: Uint8Array): string {
  const text = showPayload(payload.subarray(0, previewLength), 'auto').replace(/\s+/g, ' ');
  return payload.length > previewLength ? `${text}...` : text;
}
