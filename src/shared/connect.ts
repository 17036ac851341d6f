/** `connectShared` in a given environment. */

import { type Client, createClient, type ServerUrls } from '../index';
import type { Environment } from './environment';
import { fingerprintOf, nameOf, type SharedOptions } from './options';
import { SharedClient } from './shared-client';

/** See `connectShared`. */
export async function connectIn(
  environment: Environment,
  url: ServerUrls,
  options: SharedOptions = {},
): Promise<Client> {
  const { name: givenName, ...clientOptions } = options;
  // It opens nothing, and says what is wrong: a hub elsewhere would not.
  const model = createClient(url, clientOptions);
  const name = nameOf(url, givenName);
  const fingerprint = await fingerprintOf(name, url, clientOptions);
  const client = new SharedClient(
    { environment, name, fingerprint, urls: url, options: clientOptions },
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
