/**
 * One of the tabs that share a connection: it publishes at QoS 1 and 2 without a pause and handles what comes. Its query
 * string is the address of the test.
 */

import type { Client } from 'mqtide';
import { indexedDbStore } from 'mqtide/indexeddb';
import { connectShared } from 'mqtide/shared';
import { connectionName, type Order, type Report, sharedClientId } from './messages';

/** Publishes without an answer at a time. */
const window = 4;
/** Between two publishes, in milliseconds. */
const pace = 20;

const control = new WebSocket(decodeURIComponent(location.search.slice(1)));
let isStopping = false;

control.onmessage = ({ data }: MessageEvent<string>) => {
  const order = JSON.parse(data) as Order;
  if (order.type === 'stop') isStopping = true;
  else run(order).catch((error: unknown) => report({ type: 'trouble', reason: reasonOf(error) }));
};

/** For tests that make the tab hang. */
Object.assign(globalThis, {
  hang(milliseconds: number) {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
  },
});

async function run({ page, brokerUrl, store }: Order & { type: 'welcome' }): Promise<void> {
  const client = await connectShared(brokerUrl, {
    name: connectionName,
    clientId: sharedClientId,
    clean: false,
    store: store === 'indexeddb' ? indexedDbStore({ name: 'tabs' }) : undefined,
    reconnect: { minDelay: 10, maxDelay: 200 },
  });
  client.on('error', (error) => report({ type: 'trouble', reason: reasonOf(error) }));
  client.on('unclaimed', ({ topic }) => report({ type: 'trouble', reason: `nobody took ${topic}` }));
  client.on('close', ({ error }) => report({ type: 'trouble', reason: `closed: ${reasonOf(error)}` }));
  Object.assign(globalThis, { client });
  for (const qos of [1, 2] as const)
    await client.subscribe(`down/${qos}`, { qos }, async (message) => {
      await pause(1);
      report({ type: 'got', id: message.text() });
    });
  report({ type: 'started', lockClient: await lockClient() });
  await publish(client, page);
  report({ type: 'done' });
}

async function publish(client: Client, page: number): Promise<void> {
  const underWay = new Set<Promise<void>>();
  for (let index = 1; !isStopping; index += 1) {
    const qos = index % 2 === 0 ? 2 : 1;
    const id = `${page}-${index}-${qos}`;
    const promise = client
      .publish(`up/${qos}`, id, { qos })
      .then(
        () => report({ type: 'accepted', id }),
        (error: unknown) => report({ type: 'trouble', reason: `${id}: ${reasonOf(error)}` }),
      )
      .finally(() => underWay.delete(promise));
    underWay.add(promise);
    await pause(pace);
    while (underWay.size >= window) await Promise.race(underWay);
  }
  await Promise.all(underWay);
}

/** The name under which this tab holds locks. */
async function lockClient(): Promise<string> {
  const name = `probe ${crypto.randomUUID()}`;
  return navigator.locks.request(name, async () => {
    const { held = [] } = await navigator.locks.query();
    return held.find((lock) => lock.name === name)?.clientId ?? '';
  });
}

function report(message: Report): void {
  control.send(JSON.stringify(message));
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.name} ${'code' in error ? error.code : ''}: ${error.message}`;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
