/** `connectShared` in a given environment. */

import { type Client, createClient, type ServerUrls } from '../index';
import { isOptions } from './arguments';
import type { Environment } from './environment';
import { fingerprintOf, nameOf, ownOptions, type SharedOptions, urlsOf } from './options';
import { SharedClient } from './shared-client';

/** See `connectShared`. */
export async function connectIn(
  environment: Environment,
  url: ServerUrls,
  options?: SharedOptions,
): Promise<Client> {
  const { name: givenName, ...given } = Object(options) as SharedOptions;
  // It opens nothing, and says what is wrong: a hub elsewhere would not.
  const model = createClient(url, isOptions(options) ? given : options);
  const clientOptions = ownOptions(given);
  const name = nameOf(url, givenName);
  const fingerprint = await fingerprintOf(name, url, clientOptions);
  const client = new SharedClient(
    { environment, name, fingerprint, urls: urlsOf(url), options: clientOptions },
    model,
  );
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.close({ force: true });
    throw error;
  }
}
