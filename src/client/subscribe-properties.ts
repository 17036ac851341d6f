/** Properties of SUBSCRIBE as applications give them. */

import { validatePublishProperties } from '../codec/publish';
import { UsageError } from '../errors';
import type { UserProperties } from '../message';
import { checkOptions } from './check';
import type { SubscribeOptions } from './options';

/**
 * Checks the properties of a `subscribe`.
 * @returns a copy of what they hold
 * @throws UsageError; also for a Subscription Identifier, which is mqtide's own
 */
export function ownSubscribeProperties(
  properties: SubscribeOptions['properties'],
): UserProperties | undefined {
  if (properties === undefined) return undefined;
  if (typeof properties === 'object' && properties !== null && 'subscriptionIdentifier' in properties) {
    throw new UsageError(
      'options.properties.subscriptionIdentifier: is chosen by mqtide; handlers are routed by it',
    );
  }
  checkOptions(properties, 'options.properties', ['userProperties']);
  const { userProperties } = properties;
  if (userProperties === undefined) return undefined;
  // They are the same everywhere.
  validatePublishProperties({ userProperties }, 'options.properties');
  return userProperties.length === 0
    ? undefined
    : userProperties.map(([name, value]) => [name, value] as const);
}
