/** The examples of the README do what it says, in a page that has nothing but the package. */

import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { build } from 'esbuild';
import { startBroker } from '../broker';
import { type Consumer, installPackage } from '../support/built-package';
import { type ExampleName, readmeExamples } from '../support/readme-examples';
import { type StaticServer, serveFolders } from '../support/static-server';
import { waitFor } from '../support/wait-for';

let consumer: Consumer;
let server: StaticServer;
let broker: Awaited<ReturnType<typeof startBroker>>;

test.beforeAll(async () => {
  consumer = installPackage();
  server = await serveFolders({ '/': consumer.folder });
});

test.beforeEach(async () => {
  broker = await startBroker();
});

test.afterEach(() => broker?.close());

test.afterAll(async () => {
  await server?.close();
  consumer?.remove();
});

/** Opens a page that runs an example and the lines after it, and collects what it tells the console. */
async function run(page: Page, name: ExampleName, after = ''): Promise<string[]> {
  const lines: string[] = [];
  page.on('console', (message) => lines.push(message.text()));
  page.on('pageerror', (error) => lines.push(`uncaught: ${error.message}`));
  const readersOwn = `const url = '${broker.wsUrl}';
    const receipt = 'receipt'; const userId = 7; const show = (message) => console.log('shown', message.text());
    const fetchToken = async ({ anew }) => (anew ? 'new' : 'old');`;
  await build({
    stdin: {
      contents: `${readersOwn}\n${readmeExamples().get(name)?.code(broker.wsUrl)}\n${after}`,
      loader: 'ts',
      resolveDir: consumer.folder,
    },
    outfile: join(consumer.folder, 'example.js'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    logLevel: 'warning',
  });
  copyFileSync(
    join(consumer.folder, 'node_modules/mqtide/dist/clock-worker.js'),
    join(consumer.folder, 'clock.js'),
  );
  writeFileSync(
    join(consumer.folder, 'example.html'),
    '<!doctype html><title>example</title><script type="module" src="example.js"></script>',
  );
  await page.goto(`${server.url}/example.html`);
  return lines;
}

/** Packets of one type that came from clients. */
const received = (type: string) =>
  broker.log.filter(({ direction, packet }) => direction === 'in' && packet.type === type);

test('connecting, subscribing, publishing, iterating', async ({ page }) => {
  const lines = await run(page, 'sensor/+id');
  await waitFor(() => lines.includes('kitchen 21.5'));
  await waitFor(() => received('subscribe').length === 2);
  broker.publish('alarm/door', '{"open":true}', { qos: 2 });
  await waitFor(() => lines.some((line) => line.includes('open')));
  expect(lines.filter((line) => line.startsWith('uncaught'))).toEqual([]);
});

test('a clock in a worker', async ({ page }) => {
  const lines = await run(page, 'workerClock');
  // Within the ten seconds of its keep alive.
  await waitFor(() => received('pingreq').length > 0, { timeout: 15_000 });
  expect(lines).toEqual([]);
});

test('a message that survives the page', async ({ page }) => {
  const lines = await run(page, "until: 'stored'");
  await waitFor(() => received('pubrel').length > 0);
  expect(received('publish').map(({ packet }) => packet)).toMatchObject([{ topic: 'sales', qos: 2 }]);
  expect(received('connect').map(({ packet }) => packet)).toMatchObject([
    { clientId: 'till-7', clean: false },
  ]);
  expect(lines).toEqual([]);
});

test('a message that is stored while the server is away, and arrives when it is there', async ({ page }) => {
  await broker.close();
  const lines = await run(page, "until: 'stored'", "console.log('stored');");
  await waitFor(() => lines.includes('stored'));
  broker = await startBroker({ wsPort: Number(new URL(broker.wsUrl).port) });
  await waitFor(() => received('pubrel').length > 0, { timeout: 15_000 });
  expect(received('publish').map(({ packet }) => packet)).toMatchObject([{ topic: 'sales', qos: 2 }]);
});

test('presence', async ({ page }) => {
  const lines = await run(page, 'presence/');
  await waitFor(() => lines.includes('7 here'));
  const [packet] = received('connect').map((entry) => entry.packet);
  broker.kill(packet?.type === 'connect' ? packet.clientId : '');
  await waitFor(() => lines.slice(-2).join() === '7 away,7 here');
});

test('presence of a client that is closed with its will', async ({ page }) => {
  await run(page, 'presence/', 'await client.close({ reasonCode: 4 });');
  await waitFor(() => {
    const retained = broker.retained.get('presence/7');
    return retained !== undefined && new TextDecoder().decode(retained.payload) === 'away';
  });
});

test('questions and answers', async ({ page }) => {
  const lines = await run(
    page,
    'correlationData',
    `await client.subscribe('double', { qos: 1 }, (message) => {
      const { responseTopic, correlationData } = message.properties;
      const answer = JSON.stringify(message.json() * 2);
      client.publish(responseTopic, answer, { qos: 1, properties: { correlationData } });
    });
    console.log(...(await Promise.all([ask('double', 1), ask('double', 2)])));`,
  );
  await waitFor(() => lines.includes('2 4'));
});

test('a token that is refused, and the next one', async ({ page }) => {
  await broker.close();
  broker = await startBroker({ users: [{ username: 'user-7', password: 'new' }] });
  const lines = await run(page, 'fetchToken', 'console.log(client.status.type);');
  await waitFor(() => lines.includes('connected'));
  const passwords = received('connect').map(({ packet }) =>
    packet.type === 'connect' ? new TextDecoder().decode(packet.password) : '',
  );
  expect(passwords).toEqual(['old', 'new']);
});

test('one connection for all tabs', async ({ page }) => {
  const lines = await run(page, 'connectShared');
  await waitFor(() => received('subscribe').length === 1);
  expect(received('connect').map(({ packet }) => packet)).toMatchObject([{ clientId: 'user-7' }]);
  broker.publish('orders/1', 'paid', { qos: 1 });
  await waitFor(() => lines.length > 0);
  expect(lines).toEqual(['shown paid']);
});
