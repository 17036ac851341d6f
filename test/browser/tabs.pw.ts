import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@playwright/test';
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
