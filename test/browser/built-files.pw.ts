import { expect, test } from '@playwright/test';
import { startBroker } from '../broker';
import { type Consumer, installPackage } from '../support/built-package';
import { type StaticServer, serveFolders } from '../support/static-server';
import { buildWithVite } from '../support/vite-application';

let consumer: Consumer;
let server: StaticServer;
let broker: Awaited<ReturnType<typeof startBroker>>;

test.beforeAll(async () => {
  consumer = installPackage();
  const bundled = await buildWithVite(consumer.folder);
  server = await serveFolders({ '/': consumer.folder, '/bundled': bundled.folder });
  broker = await startBroker();
});

test.afterAll(async () => {
  await broker?.close();
  await server?.close();
  consumer?.remove();
});

for (const [how, path] of [
  ['a page with <script src=mqtide.min.js>', '/pages/script.html'],
  ['a page that imports dist/index.js without a bundler', '/pages/module.html'],
  ['a page bundled by Vite', '/bundled/bundled.html'],
] as const)
  test(`${how} connects, subscribes, publishes and receives`, async ({ page }) => {
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
    });

    await page.goto(`${server.url}${path}?${encodeURIComponent(broker.wsUrl)}`);
    await expect(page.locator('body')).toHaveText('kitchen hello');
    await expect(page).toHaveTitle('done');
    expect(problems).toEqual([]);
  });
