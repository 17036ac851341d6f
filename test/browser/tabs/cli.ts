/**
 * Tabs that share a connection: the one that holds it is closed, crashed, made to hang, again and again, with messages
 * both ways.
 *
 *   npm run tabs -- [--tabs 10] [--crashes 10] [--closes 10] [--hangs 0] [--store indexeddb|memory]
 *
 * Exit codes: 0 nothing went wrong, 1 something did, 2 wrong use.
 */

import { parseArgs } from 'node:util';
import { chromium } from '@playwright/test';
import { describeBrowser, findBrowser } from '../../support/browsers';
import { ensureBuilt } from '../../support/built-package';
import { describeTabs, type End, isFlawless, runTabs } from './run';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      tabs: { type: 'string', default: '10' },
      crashes: { type: 'string', default: '10' },
      closes: { type: 'string', default: '10' },
      hangs: { type: 'string', default: '0' },
      store: { type: 'string', default: 'indexeddb' },
    },
  });
  const { store } = values;
  const found = findBrowser('chromium');
  const counts = [values.tabs, values.crashes, values.closes, values.hangs].map(Number);
  const [tabs = 0, crashes = 0, closes = 0, hangs = 0] = counts;
  if (
    found === undefined ||
    (store !== 'indexeddb' && store !== 'memory') ||
    !counts.every(Number.isInteger)
  ) {
    console.error('tabs: wrong use, see test/browser/tabs/cli.ts');
    console.error(describeBrowser('chromium', found));
    return 2;
  }
  ensureBuilt();
  console.log(describeBrowser('chromium', found));
  const ends: End[] = [];
  for (let index = 0; index < Math.max(crashes, closes, hangs); index += 1) {
    if (index < crashes) ends.push('crash');
    if (index < closes) ends.push('close');
    if (index < hangs) ends.push('hang');
  }
  const browser = await chromium.launch(found.launch);
  try {
    const verdict = await runTabs({
      browser,
      tabs,
      ends,
      store,
      onEnd: (end, time) => console.log(`${end}: ${Math.round(time)} ms`),
    });
    console.log(describeTabs(verdict));
    return isFlawless(verdict) ? 0 : 1;
  } finally {
    await browser.close();
  }
}

process.exitCode = await main();
