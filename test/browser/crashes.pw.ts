import { expect, test } from '@playwright/test';
import { findBrowser, parseEngines } from '../support/browsers';
import { planOf } from './crashes/plan';
import { runCrashes } from './crashes/run';
import { describeVerdict } from './crashes/table';
import { isFlawless } from './crashes/verdict';

/** A slice of what `npm run crashes` runs. */
for (const protocolVersion of [5, 4] as const)
  test(`a page that is reloaded, crashed and killed keeps what was accepted, with version ${protocolVersion}`, async ({
    browserName,
  }) => {
    test.setTimeout(90_000);
    const [engine = 'chromium'] = parseEngines(browserName);
    const browser = findBrowser(engine);
    if (browser === undefined) throw new Error(`${engine} is not there any more`);
    // Nothing that drives Firefox can crash a tab of it.
    const faults = planOf(protocolVersion, { reload: 2, crash: engine === 'chromium' ? 1 : 0, kill: 1 });
    const verdict = await runCrashes({ browser, faults, protocolVersion, store: 'indexeddb' });
    expect(isFlawless(verdict), describeVerdict(verdict)).toBe(true);
    expect(verdict.accepted).toBeGreaterThan(50);
    expect(verdict.handled).toBeGreaterThan(0);
  });
