/** Options of `close`, checked. */

import { boolean, checkOptions, choice, milliseconds, unchecked } from '../check';
import type { ConnectPacket } from '../codec/packet';
import { UsageError } from '../errors';
import type { ProtocolVersion } from '../message';
import type { CloseOptions } from './options';
import { checkPacket } from './resolve-options';
import { type Rules, resolve } from './rules';

const rules = {
  force: [boolean, false],
  timeout: [milliseconds, 5_000],
  // Those that a client sends [v5 3.14.2.1].
  reasonCode: [choice(0, 4, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99), 0],
  properties: [unchecked<CloseOptions['properties']>],
} as const satisfies Rules<keyof CloseOptions>;

/**
 * Checks and completes the options of `close`.
 *
 * @param version that of the connection
 * @param connect the CONNECT that made it
 * @throws UsageError for what DISCONNECT cannot carry there
 */
export function resolveCloseOptions(
  options: CloseOptions | undefined,
  version: ProtocolVersion,
  connect: ConnectPacket,
) {
  const resolved = resolve(options, 'options', rules);
  const { properties } = resolved;
  checkOptions(properties, 'options.properties', ['sessionExpiryInterval', 'reasonString', 'userProperties']);
  checkPacket({ type: 'disconnect', reasonCode: 0, properties }, version);
  if (properties?.sessionExpiryInterval && !connect.properties?.sessionExpiryInterval) {
    throw new UsageError(
      'options.properties.sessionExpiryInterval: must be 0 when the option sessionExpiryInterval is 0 [v5 3.14.2.2.2]',
    );
  }
  return resolved;
}
