/** A packet in one line, and in full. */

import type { Packet } from 'mqtide';
import { hexCode, plain } from './format';
import { type Excerpt, excerptOf, showExcerpt, showPayload } from './payload';

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

/** A packet as it is kept: without a payload that may be large. */
export interface KeptPacket {
  readonly type: Packet['type'];
  readonly summary: string;
  /** All its fields but the payload of a PUBLISH. */
  readonly fields: object;
  readonly payload: Excerpt | undefined;
}

/** What is kept of a packet. */
export function keep(packet: Packet): KeptPacket {
  const { type } = packet;
  const summary = summarize(packet);
  if (type !== 'publish') return { type, summary, fields: packet, payload: undefined };
  const { payload, ...fields } = packet;
  return { type, summary, fields, payload: excerptOf(payload) };
}

/** All fields of a packet as text; bytes are shown as what they hold. */
export function detail({ fields, payload }: KeptPacket): string {
  const all = payload === undefined ? fields : { ...fields, payload: showExcerpt(payload, 'auto') };
  return JSON.stringify(
    all,
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
  return showExcerpt(excerptOf(payload, previewLength), 'auto').replace(/\s+/g, ' ');
}
