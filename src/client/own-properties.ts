/** Copies of the caller's properties, which may wait for long. */

import type { UserProperties } from '../message';

/** What can be changed in place. */
interface Changeable {
  readonly correlationData?: Uint8Array | undefined;
  readonly userProperties?: UserProperties | undefined;
}

/** A copy of checked properties, with all that is in them; they may be proxies, as frameworks make them of state. */
export function ownProperties<Properties extends Changeable>(properties: Properties): Properties {
  const { correlationData, userProperties } = properties;
  return {
    ...properties,
    ...(correlationData && { correlationData: new Uint8Array(correlationData) }),
    ...(userProperties && { userProperties: userProperties.map(([key, value]) => [key, value]) }),
  };
}
