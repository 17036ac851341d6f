/**
 * What must hold in every engine and in every context of it: the same code runs in pages and in workers of all kinds.
 * A scenario resolves when everything went as it must, and throws with what did not.
 */

import { type Client, type ClientOptions, connect, createClient, type Message } from 'mqtide';
import { indexedDbStore } from 'mqtide/indexeddb';
import { type Here, order } from './here';

/** Milliseconds after which what has not happened never will. */
const patience = 15_000;

/** Scenarios by name. */
export const scenarios = {
  'QoS 0': (here) => exchange(here, 0),
  'QoS 1': (here) => exchange(here, 1),
  'QoS 2': (here) => exchange(here, 2),

  async retained(here) {
    const topic = `${here.name}/retained`;
    const publisher = await connect(here.brokerUrl);
    await publisher.publish(topic, 'kept', { qos: 1, retain: true });
    const reader = await connect(here.brokerUrl);
    const inbox = new Inbox();
    await reader.subscribe(topic, { qos: 1 }, inbox.take);
    const [message] = await inbox.first(1);
    equal([message?.text(), message?.retain], ['kept', true]);
    await publisher.publish(topic, '', { qos: 1, retain: true });
    await closeAll(publisher, reader);
  },

  async will(here) {
    const topic = `${here.name}/will`;
    const clientId = `${here.name}-mortal`;
    const watcher = await connect(here.brokerUrl);
    const inbox = new Inbox();
    await watcher.subscribe(topic, { qos: 1 }, inbox.take);
    const mortal = await connect(here.brokerUrl, {
      clientId,
      reconnect: false,
      will: { topic, payload: 'gone', qos: 1 },
    });
    await order(here, 'kill', clientId);
    equal(texts(await inbox.first(1)), ['gone']);
    await closeAll(watcher, mortal);
  },

  async 'binary payloads'(here) {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const inbox = new Inbox();
    const client = await connect(here.brokerUrl);
    await client.subscribe(`${here.name}/binary`, { qos: 1 }, inbox.take);
    const payloads = [
      all,
      all.buffer,
      new DataView(all.buffer, 100, 3),
      all.subarray(250),
      new Uint8Array(),
      '\u{1f30a}\ufeff',
    ];
    for (const payload of payloads) await client.publish(`${here.name}/binary`, payload, { qos: 1 });
    equal(
      (await inbox.first(payloads.length)).map(({ payload }) => [...payload]),
      [
        [...all],
        [...all],
        [100, 101, 102],
        [250, 251, 252, 253, 254, 255],
        [],
        [...new TextEncoder().encode('\u{1f30a}\ufeff')],
      ],
    );
    await client.close();
  },

  async '1 MiB payloads'(here) {
    const payload = new Uint8Array(1_048_576);
    for (let at = 0; at < payload.length; at += 1) payload[at] = (at * 31 + (at >> 8)) & 0xff;
    const inbox = new Inbox();
    const client = await connect(here.brokerUrl);
    await client.subscribe(`${here.name}/large`, { qos: 2 }, inbox.take);
    for (const qos of [0, 1, 2] as const) await client.publish(`${here.name}/large`, payload, { qos });
    for (const { payload: received } of await inbox.first(3)) {
      equal(received.length, payload.length);
      equal(
        received.findIndex((byte, at) => byte !== payload[at]),
        -1,
      );
    }
    await client.close();
  },

  async reconnect(here) {
    const inbox = new Inbox();
    const client = await connect(here.proxyUrl, { reconnect: { minDelay: 10, maxDelay: 100 } });
    await client.subscribe(`${here.name}/+kind`, { qos: 2 }, inbox.take);
    await order(here, 'cut');
    const waiting = [1, 2].map((qos) =>
      client.publish(`${here.name}/own`, `QoS ${qos}`, { qos: qos as 1 | 2, until: 'acknowledged' }),
    );
    await order(here, 'publish', `${here.name}/other`);
    const back = event(client, 'connect');
    await order(here, 'heal');
    equal((await back).sessionPresent, true);
    await Promise.all(waiting);
    equal(texts(await inbox.first(3)).sort(), ['QoS 1', 'QoS 2', 'from the test']);
    await client.close();
  },

  async 'refused subprotocol'(here) {
    const error = await failure(connect(here.bareUrl, { reconnect: false }));
    equal(error.name, 'ConnectionError');
    // Chromium does not let the page know why.
    if (error.code !== 'subprotocol') equal(error.code, 'unreachable');
    includes(error.message, 'subprotocol');
  },

  async 'text frame'(here) {
    const clientId = `${here.name}-told`;
    const client = await connect(here.brokerUrl, { clientId, reconnect: false });
    const gone = event(client, 'disconnect');
    await order(here, 'text', clientId);
    const { error } = await gone;
    equal(error?.name, 'MalformedPacketError');
    includes(error?.message ?? '', 'text frame');
    equal(client.status.type, 'closed');
  },

  async 'IndexedDB store'(here) {
    const first = await leaveStored(here);
    await first.close({ force: true });
    await findStored(here);
  },

  async abort(here) {
    const clientId = `${here.name}-aborted`;
    const connecting = new AbortController();
    const client = createClient(here.brokerUrl, { clientId });
    const attempt = client.connect({ signal: connecting.signal });
    connecting.abort(new Error('changed my mind'));
    equal((await failure(attempt)).message, 'changed my mind');
    equal(client.status, { type: 'closed' });

    const publishing = new AbortController();
    const other = createClient(here.brokerUrl, { clientId });
    const publish = other.publish(`${here.name}/never`, 'x', { qos: 1, signal: publishing.signal });
    publishing.abort(new Error('not this'));
    equal((await failure(publish)).message, 'not this');
    await other.connect();
    await other.close();
    equal(await order(here, 'packets', clientId), ['connect', 'disconnect']);
  },

  async close(here) {
    const clientId = `${here.name}-closing`;
    const client = await connect(here.brokerUrl, { clientId });
    const publish = client.publish(`${here.name}/last`, 'x', { qos: 1 });
    await client.close();
    await publish;
    await client.close();
    equal(client.status, { type: 'closed' });
    equal((await failure(client.publish(`${here.name}/late`, 'x'))).code, 'closed');
    equal(await order(here, 'packets', clientId), ['connect', 'publish', 'disconnect']);
  },
} satisfies Record<string, (here: Here) => Promise<void>>;

export type ScenarioName = keyof typeof scenarios;

/** Stores messages that cannot be sent. */
export async function leaveStored(here: Here): Promise<Client> {
  const client = await connect(here.proxyUrl, durable(here));
  await order(here, 'cut');
  for (const qos of [1, 2] as const) {
    await client.publish(`${here.name}/stored`, `QoS ${qos}`, { qos, key: `key ${qos}`, until: 'stored' });
  }
  return client;
}

/** Another client finds what {@link leaveStored} has left; what it asks for again arrives no second time. */
export async function findStored(here: Here): Promise<void> {
  const inbox = new Inbox();
  const reader = await connect(here.brokerUrl);
  await reader.subscribe(`${here.name}/#`, { qos: 2 }, inbox.take);
  // Who left them stays cut off, so that nobody but this one can send them.
  const client = createClient(here.brokerUrl, durable(here, 'wait'));
  const keys: (string | undefined)[] = [];
  const settled = new Promise<void>((resolve) => {
    client.on('settled', ({ key }) => {
      keys.push(key);
      if (keys.length === 2) resolve();
    });
  });
  await client.connect();
  await client.publish(`${here.name}/stored`, 'QoS 2', { qos: 2, key: 'key 2' });
  await soon(settled, 'two settled messages');
  await client.publish(`${here.name}/end`, 'end', { qos: 2 });
  equal(
    [keys.sort(), texts(await inbox.until('end')).sort()],
    [
      ['key 1', 'key 2'],
      ['QoS 1', 'QoS 2', 'end'],
    ],
  );
  await closeAll(reader, client);
}

/** Wants the session that {@link leaveStored} has open elsewhere, and returns the code of the error. */
export async function wantStored(here: Here): Promise<string | undefined> {
  return (await failure(connect(here.brokerUrl, durable(here)))).code;
}

/** Options of a client whose session outlives it. */
function durable({ name }: Here, inUse?: 'wait'): ClientOptions {
  return {
    clientId: `${name}-durable`,
    clean: false,
    reconnect: { minDelay: 10, maxDelay: 100 },
    store: indexedDbStore({ name: `${name}-database`, inUse }),
  };
}

/** Messages go round once, in order, each exactly once. */
async function exchange(here: Here, qos: 0 | 1 | 2): Promise<void> {
  const client = await connect(here.brokerUrl);
  const inbox = new Inbox();
  const { qos: granted } = await client.subscribe(`${here.name}/+room`, { qos }, inbox.take);
  equal(granted, qos);
  const sent = Array.from({ length: 50 }, (_, index) => `message ${index}`);
  await Promise.all(sent.map((text) => client.publish(`${here.name}/kitchen`, text, { qos })));
  await client.publish(`${here.name}/kitchen`, 'end', { qos });
  const messages = await inbox.until('end');
  equal(texts(messages), [...sent, 'end']);
  equal([messages[0]?.qos, messages[0]?.params['room'], client.protocolVersion], [qos, 'kitchen', 5]);
  await client.close();
}

/** Collects messages. */
class Inbox {
  readonly #messages: Message[] = [];
  #look: () => void = () => undefined;

  /** A handler. */
  readonly take = (message: Message): void => {
    this.#messages.push(message);
    this.#look();
  };

  /** Waits for so many messages. */
  first(count: number): Promise<Message[]> {
    return this.#when(() => this.#messages.length >= count, `${count} messages`);
  }

  /** Waits for a message with this text. */
  until(text: string): Promise<Message[]> {
    return this.#when(() => this.#messages.at(-1)?.text() === text, JSON.stringify(text));
  }

  #when(condition: () => boolean, what: string): Promise<Message[]> {
    const there = new Promise<Message[]>((resolve) => {
      this.#look = () => {
        if (condition()) resolve(this.#messages);
      };
      this.#look();
    });
    return soon(there, what);
  }
}

function texts(messages: readonly Message[]): string[] {
  return messages.map((message) => message.text());
}

async function closeAll(...clients: Client[]): Promise<void> {
  await Promise.all(clients.map((client) => client.close()));
}

/** The next event of a name. */
function event<Name extends 'connect' | 'disconnect'>(client: Client, name: Name) {
  return soon(
    new Promise<Parameters<Parameters<typeof client.on<Name>>[1]>[0]>((resolve) => {
      client.on(name, resolve, { once: true });
    }),
    name,
  );
}

/** What a promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome && outcome.error instanceof Error) return outcome.error;
  throw new Error(`expected an error, got ${JSON.stringify(outcome)}`);
}

/** Rejects when a promise takes too long. */
async function soon<Value>(promise: Promise<Value>, what: string): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), patience);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Compares as JSON. */
export function equal(actual: unknown, expected: unknown): void {
  const [is, must] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== must) throw new Error(`expected ${must}, got ${is}`);
}

/** Looks for words in a message. */
export function includes(text: string, words: string): void {
  if (!text.includes(words)) throw new Error(`expected ${JSON.stringify(words)} in ${JSON.stringify(text)}`);
}
