/**
 * Reason codes by name [v5 2.4], and the CONNACK return codes of 3.1.1 mapped onto them [v3 3.2.2.3].
 * The names are the stable `code` of a {@link RefusedError}.
 */

/** Stable name of every MQTT 5.0 reason code that is a failure (0x80 and above). */
export const refusalNames = {
  128: 'unspecified-error',
  129: 'malformed-packet',
  130: 'protocol-error',
  131: 'implementation-specific-error',
  132: 'unsupported-protocol-version',
  133: 'client-identifier-not-valid',
  134: 'bad-user-name-or-password',
  135: 'not-authorized',
  136: 'server-unavailable',
  137: 'server-busy',
  138: 'banned',
  139: 'server-shutting-down',
  140: 'bad-authentication-method',
  141: 'keep-alive-timeout',
  142: 'session-taken-over',
  143: 'topic-filter-invalid',
  144: 'topic-name-invalid',
  145: 'packet-identifier-in-use',
  146: 'packet-identifier-not-found',
  147: 'receive-maximum-exceeded',
  148: 'topic-alias-invalid',
  149: 'packet-too-large',
  150: 'message-rate-too-high',
  151: 'quota-exceeded',
  152: 'administrative-action',
  153: 'payload-format-invalid',
  154: 'retain-not-supported',
  155: 'qos-not-supported',
  156: 'use-another-server',
  157: 'server-moved',
  158: 'shared-subscriptions-not-supported',
  159: 'connection-rate-exceeded',
  160: 'maximum-connect-time',
  161: 'subscription-identifiers-not-supported',
  162: 'wildcard-subscriptions-not-supported',
} as const;

/** The name of a refusal, see {@link refusalNames}. */
export type RefusalName = (typeof refusalNames)[keyof typeof refusalNames];

const names: Readonly<Record<number, RefusalName>> = refusalNames;

/**
 * Names a failure reason code; a code that the specification does not know is an `'unspecified-error'`.
 */
export function refusalName(reasonCode: number): RefusalName {
  return names[reasonCode] ?? 'unspecified-error';
}

/** CONNACK return codes of MQTT 3.1 and 3.1.1 as the reason codes of MQTT 5.0 that mean the same [v3 3.2.2.3]. */
const connectReturnCodes: readonly number[] = [0x00, 0x84, 0x85, 0x88, 0x86, 0x87];

/** Maps a CONNACK return code of MQTT 3.1.1 to the MQTT 5.0 reason code of the same meaning. */
export function reasonCodeOfReturnCode(returnCode: number): number {
  return connectReturnCodes[returnCode] ?? 0x80;
}
