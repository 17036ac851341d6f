/** What a page goes through while it is worked on: components mounted twice by React's StrictMode, modules replaced by Vite. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import getPort from 'get-port';
import { createServer, type ViteDevServer } from 'vite';
import { startBroker } from '../broker';
import { type Consumer, installPackage } from '../support/built-package';
import { waitFor } from '../support/wait-for';

let consumer: Consumer;
let server: ViteDevServer;
let port: number;
let broker: Awaited<ReturnType<typeof startBroker>>;

test.beforeAll(async () => {
  broker = await startBroker();
  consumer = installPackage(['react', 'react-dom', 'scheduler']);
  port = await getPort({ host: '127.0.0.1' });
  write('strict.html', page('strict.js'));
  write('strict.js', component());
  write('replaced.html', page('replaced.js'));
  write('replaced.js', module('first'));
  server = await createServer({
    root: consumer.folder,
    configFile: false,
    logLevel: 'error',
    server: { host: '127.0.0.1', port, strictPort: true },
    // Else the first page that needs them is loaded a second time.
    optimizeDeps: { include: ['mqtide', 'react', 'react-dom/client'] },
  });
  await server.listen();
});

test.afterAll(async () => {
  await server?.close();
  await broker?.close();
  consumer?.remove();
});

function write(name: string, text: string): void {
  mkdirSync(consumer.folder, { recursive: true });
  writeFileSync(join(consumer.folder, name), text);
}

const page = (script: string) =>
  `<!doctype html><title>-</title><link rel="icon" href="data:," /><div id="root"></div><script type="module" src="/${script}"></script>`;

/** A component that has a client for as long as it is mounted. */
const component = () => `
  import { createElement, StrictMode, useEffect, useState } from 'react';
  import { createRoot } from 'react-dom/client';
  import { createClient } from 'mqtide';

  function Room() {
    const [text, setText] = useState('');
    useEffect(() => {
      const client = createClient('${broker.wsUrl}', { clientId: 'room' });
      client.subscribe('room', { qos: 1 }, (message) => setText(message.text())).catch(() => {});
      client.connect().catch(() => {});
      return () => void client.close();
    }, []);
    return createElement('p', {}, text);
  }

  const root = createRoot(document.getElementById('root'));
  root.render(createElement(StrictMode, {}, createElement(Room)));
  globalThis.unmount = () => root.unmount();
`;

/** A module with a client, which may be replaced while the page stays. */
const module = (title: string) => `
  import { connect } from 'mqtide';

  const connecting = connect('${broker.wsUrl}', { clientId: 'module ${title}' });
  connecting.then(() => {
    document.title = '${title}';
  });
  import.meta.hot.accept();
  import.meta.hot.dispose(async () => (await connecting).close());
`;

const packetsOf = (type: string, clientId: string) =>
  broker.log.filter(
    ({ direction, packet, ...entry }) =>
      direction === 'in' && packet.type === type && entry.clientId === clientId,
  );

test("a component that React's StrictMode mounts twice has one connection, and none once it is gone", async ({
  page,
}) => {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  await page.goto(`http://127.0.0.1:${port}/strict.html`);
  await waitFor(() => packetsOf('subscribe', 'room').length > 0);
  broker.publish('room', 'hello', { qos: 1 });
  await expect(page.locator('p')).toHaveText('hello');
  expect(broker.clients).toEqual(['room']);

  await page.evaluate(() => (globalThis as unknown as { unmount(): void }).unmount());
  await waitFor(() => broker.clients.length === 0);
  expect(packetsOf('connect', 'room')).toHaveLength(1);
  expect(packetsOf('disconnect', 'room')).toHaveLength(1);
  expect(problems).toEqual([]);
});

test('a module that Vite replaces leaves its connection to the next one', async ({ page }) => {
  await page.goto(`http://127.0.0.1:${port}/replaced.html`);
  await expect(page).toHaveTitle('first');
  await page.evaluate(() => Object.assign(globalThis, { isTheSamePage: true }));
  write('replaced.js', module('second'));
  await expect(page).toHaveTitle('second');
  await waitFor(() => broker.clients.length === 1);
  expect(broker.clients).toEqual(['module second']);
  expect(packetsOf('disconnect', 'module first')).toHaveLength(1);
  expect(await page.evaluate(() => 'isTheSamePage' in globalThis)).toBe(true);
});
