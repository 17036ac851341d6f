/** Reason strings and user properties on what the broker answers, and when they are left out. */

import type { Packet, ProtocolVersion, UserProperties } from '../../src/codec/packet';
import { packetSize } from '../../src/codec/writer';
import type { ClientLimits } from './client-limits';
import type { Settings } from './options';

/** Packets that can hold a reason string. */
type Diagnosed = Exclude<
  Packet,
  { type: 'connect' | 'publish' | 'subscribe' | 'unsubscribe' | 'pingreq' | 'pingresp' }
>;

/** What a code means here, for whoever cannot know the settings. */
const words: ReadonlyMap<number, string> = new Map([
  [0x80, 'this filter is never granted'],
  [0x87, 'the topic is not allowed for this client'],
  [0x8f, 'a shared subscription needs a name and a filter'],
  [0x91, 'the packet identifier is in use'],
  [0x97, 'there are too many already'],
  [0x99, 'the payload is not UTF-8'],
]);

/** Why some of the codes of an answer are failures. */
export function reasonFor(reasonCodes: readonly number[]): string {
  const failures = reasonCodes.filter((code) => code >= 0x80);
  const reasons = new Set(failures.map((code) => words.get(code) ?? 'refused'));
  return reasons.size === 0 ? 'done' : [...reasons].join('; ');
}

const explained: UserProperties = [['broker', 'mqtide']];

/**
 * Adds what the settings allow. With Request Problem Information 0 only CONNACK and DISCONNECT may hold it
 * [v5 MQTT-3.1.2-29].
 */
export function withDiagnostics<P extends Diagnosed>(
  packet: P,
  why: string,
  settings: Settings,
  limits: ClientLimits,
): P {
  if (settings.diagnostics === 'none') return packet;
  const always = packet.type === 'connack' || packet.type === 'disconnect';
  if (!limits.requestProblemInformation && !always) return packet;
  const properties = { ...packet.properties, reasonString: why };
  if (settings.diagnostics === 'full')
    return { ...packet, properties: { ...properties, userProperties: explained } };
  return { ...packet, properties };
}

/** The packet, without what makes it too large for the client; undefined when it is too large all the same. */
export function withinSize(packet: Packet, version: ProtocolVersion, maximum: number): Packet | undefined {
  if (maximum === Number.POSITIVE_INFINITY) return packet;
  const fits = (candidate: Packet) => packetSize(candidate, version) <= maximum;
  if (fits(packet)) return packet;
  if (!('properties' in packet) || packet.type === 'connect' || packet.type === 'publish') return undefined;
  if (packet.type === 'subscribe' || packet.type === 'unsubscribe') return undefined;
  const { userProperties: _user, ...withoutUser } = packet.properties ?? {};
  const second = { ...packet, properties: withoutUser } as Packet;
  if (fits(second)) return second;
  const { reasonString: _reason, ...bare } = withoutUser;
  const third = { ...packet, properties: bare } as Packet;
  return fits(third) ? third : undefined;
}
