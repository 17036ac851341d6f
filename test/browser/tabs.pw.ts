import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
import { connect } from '../../src/node';
import { startBroker } from '../broker';
import { root } from '../support/built-package';
import { bundlePages, distPath } from '../support/page-bundle';
import { serveFolders } from '../support/static-server';
import { describeTabs, isFlawless, runTabs } from './tabs/run';

/** A slice of what `npm run tabs` runs. */
test('tabs share one connection, and another one takes over when the one that holds it ends', async ({
  browser,
  browserName,
}) => {
  test.setTimeout(60_000);
  // Nothing that drives Firefox can crash a tab of it.
  const ends = browserName === 'chromium' ? (['crash', 'close'] as const) : (['close', 'close'] as const);
  const verdict = await runTabs({ browser, tabs: 3, ends, store: 'indexeddb' });
  expect(isFlawless(verdict), describeTabs(verdict)).toBe(true);
  expect(verdict.connections).toBe(3);
});

test('a tab and a shared worker share one connection', async ({ page }) => {
  const path = (name: string) => fileURLToPath(new URL(`tabs/${name}`, import.meta.url));
  const pages = await bundlePages([path('worker-page.ts'), path('shared-worker.ts')], [path('worker.html')]);
  const server = await serveFolders({ '/': pages.folder, [distPath]: join(root, 'dist') });
  const broker = await startBroker();
  try {
    await page.goto(`${server.url}/worker.html?${encodeURIComponent(broker.wsUrl)}`);
    await expect(page.locator('body')).toHaveText('hello from the worker');
    expect([...broker.core.sessions.keys()]).toHaveLength(1);
  } finally {
    await page.close();
    await server.close();
    await broker.close();
    pages.remove();
  }
});

// Firefox throws away what a page sends as it goes.
test('the will is not published when the user closes the tab with the connection and others stay', {
  tag: '@chromium',
}, async ({ context }) => {
  const path = (name: string) => fileURLToPath(new URL(`tabs/${name}`, import.meta.url));
  const server = await serveFolders({ '/': path('.'), [distPath]: join(root, 'dist') });
  const broker = await startBroker();
  const wills: string[] = [];
  const observer = await connect(broker.url);
  try {
    await observer.subscribe('will', (message) => wills.push(message.text()));
    const open = async () => {
      const page = await context.newPage();
      await page.goto(`${server.url}/worker.html`);
      await page.evaluate(
        async ([entry, url]) => {
          const shared = (await import(entry as string)) as typeof import('mqtide/shared');
          const will = { topic: 'will', payload: 'gone' };
          Object.assign(globalThis, { client: await shared.connectShared(url as string, { will }) });
        },
        [`${server.url}${distPath}/shared.js`, broker.wsUrl],
      );
      return page;
    };
    const [first, second] = [await open(), await open()];
    await first.close({ runBeforeUnload: true });
    await expect.poll(() => broker.core.statistics.socketsOpened).toBe(3);
    await second.evaluate(async () => {
      const { client } = globalThis as unknown as { client: import('mqtide').Client };
      await client.publish('will', 'not so', { qos: 1 });
    });
    await expect.poll(() => wills.length).toBeGreaterThan(0);
    expect(wills).toEqual(['not so']);
  } finally {
    await observer.close();
    await context.close();
    await server.close();
    await broker.close();
  }
});
