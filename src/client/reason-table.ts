/** What to do about each refusal and disconnect of a server: one table for all versions. */

/**
 * - `stop`: trying again cannot help, or would fight
 * - `credentials`: worth one more attempt when `credentials` can give others
 * - `redirect`: another server is the one to use
 * - `retry`: later, with back-off
 */
export type Reaction = 'stop' | 'credentials' | 'redirect' | 'retry';

/** Reactions to reason codes in CONNACK and DISCONNECT [v5 3.2.2.2, 3.14.2.1]; 3.1.1 codes are mapped onto them. */
const reactions: Readonly<Record<number, Reaction>> = {
  132: 'stop', // unsupported protocol version, after the fallback
  133: 'stop', // client identifier not valid
  134: 'credentials', // bad user name or password
  135: 'credentials', // not authorized
  138: 'stop', // banned
  140: 'stop', // bad authentication method
  142: 'stop', // session taken over: coming back would be a fight
  156: 'redirect', // use another server
  157: 'redirect', // server moved
};

/**
 * Codes that concern one packet. In CONNACK that is CONNECT, which would be the same again; in DISCONNECT that packet
 * is dealt with as poison.
 */
const aboutOnePacket: ReadonlySet<number> = new Set([
  0x81, // malformed packet
  0x82, // protocol error
  0x90, // topic name invalid: the will's
  0x95, // packet too large
  0x99, // payload format invalid: the will's
  0x9a, // retain not supported: the will's
  0x9b, // QoS not supported: the will's
]);

/**
 * The reaction to a reason code.
 * @param wasConnected true for DISCONNECT, false for CONNACK
 */
export function reactionTo(reasonCode: number, wasConnected: boolean): Reaction {
  if (aboutOnePacket.has(reasonCode)) return wasConnected ? 'retry' : 'stop';
  return reactions[reasonCode] ?? 'retry';
}
