/**
 * The crash runner: a page with a durable store publishes without a pause while it is reloaded, its tab crashes and
 * its browser is killed, and every message is accounted for.
 *
 *   npm run crashes -- [--browser chromium|firefox] [--reloads 50] [--crashes 20] [--kills 10] [--version 4|5]
 *                      [--seed 1] [--store indexeddb|memory]
 *
 * `--store memory` shows that losses are seen. Exit codes: 0 nothing went wrong, 1 something did, 2 wrong use.
 */

import { parseArgs } from 'node:util';
import { largestSeed } from '../../fuzz/random';
import { describeBrowser, type FoundBrowser, findBrowser, parseEngines } from '../../support/browsers';
import { ensureBuilt } from '../../support/built-package';
import type { StoreName } from './messages';
import { type FaultCounts, planOf } from './plan';
import { runCrashes } from './run';
import { describeVerdict } from './table';
import { isFlawless } from './verdict';

interface Wanted {
  readonly browser: FoundBrowser;
  readonly seed: number;
  readonly counts: FaultCounts;
  readonly versions: readonly (4 | 5)[];
  readonly store: StoreName;
}

/** @throws Error with a message for people when the arguments are wrong */
function readArguments(): Wanted {
  const { values } = parseArgs({
    options: {
      browser: { type: 'string', default: 'chromium' },
      reloads: { type: 'string', default: '50' },
      crashes: { type: 'string' },
      kills: { type: 'string', default: '10' },
      version: { type: 'string' },
      seed: { type: 'string', default: '1' },
      store: { type: 'string', default: 'indexeddb' },
    },
  });
  const [engine] = parseEngines(values.browser);
  if (engine === undefined || engine === 'webkit') throw new Error('--browser takes chromium or firefox');
  const browser = findBrowser(engine);
  if (browser?.launch === undefined) throw new Error(describeBrowser(engine, browser));
  if (values.store !== 'indexeddb' && values.store !== 'memory') {
    throw new Error(`--store takes indexeddb or memory, not ${values.store}`);
  }
  if (values.version !== undefined && values.version !== '4' && values.version !== '5') {
    throw new Error(`--version takes 4 or 5, not ${values.version}`);
  }
  return {
    browser,
    seed: count('--seed', values.seed),
    counts: {
      reload: count('--reloads', values.reloads),
      crash: count('--crashes', values.crashes ?? (engine === 'chromium' ? '20' : '0')),
      kill: count('--kills', values.kills),
    },
    versions: values.version === undefined ? [5, 4] : [values.version === '5' ? 5 : 4],
    store: values.store,
  };
}

function count(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > largestSeed || text === '') {
    throw new Error(`${option} takes a whole number, not ${text}`);
  }
  return value;
}

async function main(): Promise<number> {
  let wanted: Wanted;
  try {
    wanted = readArguments();
  } catch (error) {
    console.error(`crashes: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  const { browser, seed, counts, versions, store } = wanted;
  ensureBuilt();
  console.log(describeBrowser(browser.engine, browser));
  let isGood = true;
  for (const protocolVersion of versions) {
    const faults = planOf(seed, counts);
    const verdict = await runCrashes({
      browser,
      faults,
      protocolVersion,
      store,
      onFault: ({ kind }, done) => {
        if (process.stdout.isTTY) process.stdout.write(`\r${done} of ${faults.length}: ${kind}   `);
      },
    });
    if (process.stdout.isTTY) process.stdout.write('\r');
    const version = protocolVersion === 5 ? '5.0' : '3.1.1';
    console.log(
      `\nMQTT ${version}, seed ${seed}, store ${store}: ${counts.reload} reloads, ${counts.crash} tab crashes, ${counts.kill} kills of the browser`,
    );
    console.log(describeVerdict(verdict));
    isGood &&= isFlawless(verdict);
  }
  return isGood ? 0 : 1;
}

process.exitCode = await main();
