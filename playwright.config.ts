import { defineConfig } from '@playwright/test';
import { describeBrowser, engines, findBrowser, parseEngines } from './test/support/browsers';
import { isThorough } from './test/support/thoroughness';

// MQTIDE_REQUIRE_BROWSERS names engines that must be there and are all used; without it one is enough.
const required = parseEngines(process.env['MQTIDE_REQUIRE_BROWSERS']);
const candidates = (required.length > 0 ? required : engines).map((engine) => ({
  engine,
  found: findBrowser(engine),
}));
// A test with Playwright's own page cannot use a WebDriver, so an engine that has nothing else is none to rely on.
const usable = candidates.filter(({ found }) =>
  required.length > 0 ? found !== undefined : found?.launch !== undefined,
);
const used = required.length > 0 ? usable : usable.slice(0, 1);

/** Tests that run in any engine, by whatever drives it. */
const engineTests = '**/engines.pw.ts';
const engineTable = ['./test/browser/engine-table.ts'] as const;

const isWorker = process.env['TEST_WORKER_INDEX'] !== undefined;
if (!isWorker)
  for (const { engine, found } of used) console.log(`Browser: ${describeBrowser(engine, found)}`);

if (used.length === 0 || used.length < required.length) {
  const missing = candidates.filter((candidate) => !used.includes(candidate));
  const lines = missing.map(({ engine, found }) => `  ${describeBrowser(engine, found)}`);
  console.error(
    `The browser tests cannot run. Missing${required.length > 0 ? '' : ', any one will do'}:\n${lines.join('\n')}`,
  );
  process.exit(1);
}

export default defineConfig({
  testDir: 'test',
  testMatch: '**/*.pw.ts',
  // Tabs that are hidden for real take their time, and a machine that has nothing else to do.
  testIgnore: isThorough ? [] : '**/tab-life.chromium.pw.ts',
  outputDir: 'test-results/playwright',
  globalSetup: './test/browser/setup.ts',
  timeout: 30_000,
  globalTimeout: 15 * 60_000,
  forbidOnly: process.env['CI'] !== undefined,
  // In .ci/run other work goes on beside.
  workers: isThorough ? 1 : 2,
  // .ci/run reads the counts from the file.
  reporter: process.env['CI']
    ? [['list'], engineTable, ['json', { outputFile: 'test-results/playwright.json' }]]
    : [['list'], engineTable],
  projects: used.map(({ engine, found }) => ({
    name: engine,
    ...(found?.launch === undefined && { testMatch: engineTests }),
    // What only Chromium can do.
    ...(engine !== 'chromium' && { grepInvert: /@chromium/, testIgnore: '**/*.chromium.pw.ts' }),
    use: { browserName: engine, launchOptions: found?.launch ?? {} },
  })),
});
