/**
 * Reason codes by name [v5 2.4], and the CONNACK return codes of 3.1.1 mapped onto them [v3 3.2.2.3].
 * The names are the stable `code` of a {@link RefusedError}.
 */

/** Stable name of every MQTT 5.0 reason code that is a failure, from 0x80 on: the specification leaves none out. */
const refusalNames = [
  'unspecified-error',
  'malformed-packet',
  'protocol-error',
  'implementation-specific-error',
  'unsupported-protocol-version',
  'client-identifier-not-valid',
  'bad-user-name-or-password',
  'not-authorized',
  'server-unavailable',
  'server-busy',
  'banned',
  'server-shutting-down',
  'bad-authentication-method',
  'keep-alive-timeout',
  'session-taken-over',
  'topic-filter-invalid',
  'topic-name-invalid',
  'packet-identifier-in-use',
  'packet-identifier-not-found',
  'receive-maximum-exceeded',
  'topic-alias-invalid',
  'packet-too-large',
  'message-rate-too-high',
  'quota-exceeded',
  'administrative-action',
  'payload-format-invalid',
  'retain-not-supported',
  'qos-not-supported',
  'use-another-server',
  'server-moved',
  'shared-subscriptions-not-supported',
  'connection-rate-exceeded',
  'maximum-connect-time',
  'subscription-identifiers-not-supported',
  'wildcard-subscriptions-not-supported',
] as const;

/** The name of a refusal. */
export type RefusalName = (typeof refusalNames)[number];

/**
 * Names a failure reason code; a code that the specification does not know is an `'unspecified-error'`.
 */
export function refusalName(reasonCode: number): RefusalName {
  return refusalNames[reasonCode - 0x80] ?? 'unspecified-error';
}

/** CONNACK return codes of MQTT 3.1 and 3.1.1 as the reason codes of MQTT 5.0 that mean the same [v3 3.2.2.3]. */
const connectReturnCodes: readonly number[] = [0x00, 0x84, 0x85, 0x88, 0x86, 0x87];

/** Maps a CONNACK return code of MQTT 3.1.1 to the MQTT 5.0 reason code of the same meaning. */
export function reasonCodeOfReturnCode(returnCode: number): number {
  return connectReturnCodes[returnCode] ?? 0x80;
}
