/**
 * The page that is reloaded, crashed and killed: it publishes without a pause and handles what comes, and tells the
 * test of each step as soon as it is done. Its query string is the address of the test.
 */

import { type Client, createClient, memoryStore } from 'mqtide';
import { indexedDbStore } from 'mqtide/indexeddb';
import { idOf, nameOf, type Order, pageClientId, type Report, type Welcome } from './messages';

/** Publishes that wait for the store at a time. */
const window = 8;
/** Messages on their way to the server, above which the page waits. */
const mostUnderWay = 500;

const control = new WebSocket(decodeURIComponent(location.search.slice(1)));
let stopping = false;
/** Handlers that wait for the test to know that they are done. */
const untold = new Map<string, () => void>();

control.onmessage = ({ data }: MessageEvent<string>) => {
  const order = JSON.parse(data) as Order;
  if (order.type === 'stop') stopping = true;
  else if (order.type === 'noted') untold.get(order.id)?.();
  else run(order).catch((error: unknown) => report({ type: 'trouble', reason: reasonOf(error) }));
};

async function run(welcome: Welcome): Promise<void> {
  const client = createClient(welcome.brokerUrl, {
    clientId: pageClientId,
    clean: false,
    protocolVersion: welcome.protocolVersion,
    store: welcome.store === 'indexeddb' ? indexedDbStore() : memoryStore(),
    reconnect: { initial: true, minDelay: 10, maxDelay: 100 },
  });
  client.on('settled', ({ key, error }) =>
    report({ type: 'settled', key, reason: error && reasonOf(error) }),
  );
  client.on('error', (error) => report({ type: 'trouble', reason: reasonOf(error) }));
  client.on('unclaimed', ({ topic }) => report({ type: 'trouble', reason: `nobody took ${topic}` }));
  client.on('close', ({ error }) => report({ type: 'trouble', reason: `closed: ${reasonOf(error)}` }));

  const handled = client.subscribe('down/+qos', { qos: 2 }, async (message) => {
    const id = message.text();
    report({ type: 'got', id, redelivered: message.redelivered });
    await pause(nameOf(id).index % 10);
    // A report may be lost with the page: nothing is acknowledged that the test does not know.
    const noted = new Promise<void>((resolve) => untold.set(id, resolve));
    report({ type: 'handled', id });
    await noted;
    untold.delete(id);
  });
  await client.connect();
  await handled;
  report({ type: 'started' });
  await publishWithoutPause(client, welcome);
}

async function publishWithoutPause(client: Client, { page, askAgain }: Welcome): Promise<void> {
  const underWay = new Set<Promise<void>>();
  const publish = (id: string) => {
    const { page: author, qos } = nameOf(id);
    const promise = client
      .publish(`up/${author}/${qos}`, id, { qos, key: id, until: 'stored' })
      .then(
        () => report({ type: 'accepted', id }),
        (error: unknown) => report({ type: 'rejected', id, reason: reasonOf(error) }),
      )
      .finally(() => underWay.delete(promise));
    underWay.add(promise);
  };
  const isBusy = () => client.stats.queued + client.stats.inFlight > 0;

  // As an application does that does not know how far it got.
  for (const id of askAgain) publish(id);
  for (let index = 1; !stopping; index += 1) {
    while (underWay.size >= window) await Promise.race(underWay);
    while (client.stats.queued + client.stats.inFlight > mostUnderWay) await pause(1);
    publish(idOf({ page, index, qos: index % 2 === 0 ? 2 : 1 }));
  }
  await Promise.all(underWay);
  while (isBusy()) await pause(1);
  report({ type: 'done' });
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
