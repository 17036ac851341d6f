/** Properties of SUBSCRIBE as applications give them. */

import { checkObject, checkOptions } from '../check';
import { validatePublishProperties } from '../codec/publish';
import { UsageError } from '../errors';
import type { UserProperties } from '../message';
import { ownProperties } from './own-properties';

/**
 * Checks the properties of a `subscribe`.
 * @returns a copy of what they hold
 * @throws UsageError; also for a Subscription Identifier, which is mqtide's own
 */
export function ownSubscribeProperties(properties: unknown, name: string): UserProperties | undefined {
  if (properties === undefined) return undefined;
  checkObject(properties, name);
  if ('subscriptionIdentifier' in properties) {
    throw new UsageError(`${name}.subscriptionIdentifier: is chosen by mqtide; handlers are routed by it`);
  }
  checkOptions(properties, name, ['userProperties']);
  const { userProperties } = properties as { userProperties?: UserProperties };
  if (userProperties === undefined) return undefined;
  // They are the same everywhere.
  validatePublishProperties({ userProperties }, name);
  return userProperties.length === 0 ? undefined : ownProperties({ userProperties }).userProperties;
}
