/** `connect` and `createClient` for one environment. */

import type { Client, ConnectResult } from './client';
import { MqttClient, type Platform } from './mqtt-client';
import type { ClientOptions, ServerUrls } from './options';

/** The two ways to a client. */
export interface Factory {
  createClient(url: ServerUrls, options?: ClientOptions): Client;
  connect(url: ServerUrls, options?: ClientOptions): Promise<Client>;
}

/** Makes both for what an environment can connect with. */
export function factoryFor(platform: Platform): Factory {
  const createClient = (url: ServerUrls, options?: ClientOptions): Client =>
    new MqttClient(url, options, platform);
  return {
    createClient,
    async connect(url, options) {
      const client = createClient(url, options);
      const opening: Promise<ConnectResult> = client.connect();
      await opening;
      return client;
    },
  };
}
