/** An application as a user would write it: it must compile wherever the package's declarations must. */

import {
  type Bytes,
  type Client,
  type ClientOptions,
  type Connection,
  ConnectionError,
  connect,
  createClient,
  type Message,
  MqttError,
  memoryStore,
  type PublishResult,
  RefusedError,
  type SessionStore,
  type Status,
  type Subscription,
  type Transport,
} from 'mqtide';
import { scram } from 'mqtide/auth';
import { workerClock } from 'mqtide/clock';
import { Decoder, encode, type Packet } from 'mqtide/codec';
import { type AliyunDevice, aliyunIot, aliyunIotUrl, aliyunThing } from 'mqtide/credentials';
import { type IndexedDbOptions, indexedDbStore } from 'mqtide/indexeddb';
import { type LevelDatabase, levelStore } from 'mqtide/level';
import { connectShared, type SharedOptions } from 'mqtide/shared';

/** A keep alive that holds in a hidden tab, too. */
export const steady = (worker: Parameters<typeof workerClock>[0]): ClientOptions => ({
  keepAlive: 10,
  clock: workerClock(worker),
});

const store: SessionStore = memoryStore();
const durable: IndexedDbOptions = { durability: 'strict' };

/** A session that survives the process. */
export const inDatabase = (db: LevelDatabase): SessionStore => levelStore(db, { sync: false });

/** A session that survives the page. */
export const kept: ClientOptions = { clientId: 'kitchen', clean: false, store: indexedDbStore(durable) };

/** Options as they are often made: some of them there, some undefined. */
export function options(username: string | undefined): ClientOptions {
  return {
    protocolVersion: 5,
    clientId: undefined,
    clean: false,
    username,
    password: new Uint8Array(3),
    will: { topic: 'status', payload: 'gone', qos: 1, retain: true },
    reconnect: { minDelay: 500, maxAttempts: undefined },
    credentials: async ({ attempt, url, signal }) => {
      signal.throwIfAborted();
      return { username: `${attempt} ${url.toString()}` };
    },
    authenticate: scram({ username: 'user', password: 'pencil' }),
    store,
  };
}

/** The verbs, and what they give. */
export async function use(url: string, signal: AbortSignal): Promise<void> {
  const client: Client = createClient([new URL(url), url], options(undefined));
  const stop: () => void = client.on('status', (status: Status) => {
    if (status.type === 'reconnecting') console.log(status.delay, status.error.message);
  });

  const { sessionPresent } = await client.connect({ signal });
  const result: PublishResult = await client.publish('a/b', new Uint8Array(4), {
    qos: 1,
    retain: sessionPresent,
  });
  console.log(result.reasonCode, store);

  await client.subscribe('sensor/+id/temperature', (message) => {
    const id: string = message.params.id;
    const payload: Bytes = message.payload;
    console.log(id, message.json<{ value: number }>().value, new Blob([payload]).size);
  });
  const subscription: Subscription = await client.subscribe(['a/#', 'b'], { qos: 2, signal });
  for await (const message of subscription) {
    const text: string = message.text();
    console.log(text, message.properties.contentType);
    break;
  }
  await subscription.unsubscribe();
  stop();
  await client.close({ timeout: 100 });
}

/** A device of Alibaba Cloud IoT Platform. */
export async function report(device: AliyunDevice & { region: string }): Promise<void> {
  const client = await connect(aliyunIotUrl(device), { credentials: aliyunIot(device) });
  const thing = aliyunThing(client, device);
  await thing.onPropertySet((properties) => console.log(properties['power']));
  await thing.postProperties({ power: 1 }, { timeout: 5_000 });
  const { offset }: { offset: number } = await thing.synchronizeClock();
  console.log(offset);
}

/** A client that ends with its scope. */
export async function scoped(url: string): Promise<void> {
  await using client = await connect(url);
  await client.publish('a', 'b');
}

/** A client of one tab, over the connection of all. */
export async function share(url: string, name: string | undefined): Promise<Client> {
  const shared: SharedOptions = { ...options(undefined), name };
  const client: Client = await connectShared(url, shared);
  await client.subscribe('sensor/+id', { qos: 1 }, ({ params }) => console.log(params.id));
  return client;
}

/** Stores of the application's own may give back whatever they have. */
export const ownStore: SessionStore = {
  load: async () => [],
  write: async (key) => `${key} is written`,
  clear: async (key) => key.length,
  acquire: async () => async () => 'released',
};

/** Or nothing, later. */
export const lateStore: SessionStore = {
  ...ownStore,
  write: () =>
    new Promise((resolve) => {
      resolve();
    }),
  clear: (key) => Promise.resolve().then(() => ownStore.clear(key)),
};

/** So may methods of authentication. */
export const ownMethod: ClientOptions = {
  authenticate: {
    method: 'X',
    start: () => undefined,
    challenge: () => undefined,
    success: async () => true,
  },
};

/** What an error says. */
export function explain(error: unknown): string {
  if (error instanceof RefusedError) return `refused: ${error.code}, ${error.reasonCode}`;
  if (error instanceof ConnectionError) return error.code === 'queue-full' ? 'later' : error.message;
  return error instanceof MqttError ? error.name : 'not ours';
}

/** A transport of the application's own. */
export const transport: Transport = {
  async connect(url, { signal, protocols }): Promise<Connection> {
    throw new Error(`${url.href} ${signal.aborted} ${protocols.join()}`);
  },
};

/** Bytes to packets and back. */
export function roundTrip(packet: Packet): Uint8Array {
  const decoder = new Decoder({ protocolVersion: 5, onPacket: (decoded) => console.log(decoded.type) });
  const bytes = encode(packet, 5);
  decoder.push(bytes);
  return bytes;
}

/** A handler with a name of its own. */
export function onMessage(message: Message): void {
  console.log(message.topic, message.qos);
}
