import { expect, test } from '@playwright/test';
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
