import { test as base, expect } from '@playwright/test';
import { findBrowser, parseEngines } from '../support/browsers';
import { type EngineBrowser, startEngine, type Tab } from '../support/engine';
import { inTable } from './engine-table';
import type { BadInputName } from './engines/bad-input';
import { contexts, type PageKind } from './engines/contexts';
import type { TestPage } from './engines/page';
import { type ScenarioName, scenarios } from './engines/scenarios';
import { startWorld, type World } from './engines/world';

declare const testPage: TestPage;

const test = base.extend<object, { world: World; engine: EngineBrowser; tab: Tab }>({
  world: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the pattern
    async ({}, use) => {
      const world = await startWorld();
      await use(world);
      await world.close();
    },
    { scope: 'worker' },
  ],
  engine: [
    async ({ browserName }, use) => {
      const [engine = 'chromium'] = parseEngines(browserName);
      const found = findBrowser(engine);
      if (found === undefined) throw new Error(`${engine} is not there any more`);
      const browser = await startEngine(found);
      await use(browser);
      await browser.close();
    },
    { scope: 'worker', timeout: 60_000 },
  ],
  tab: [
    async ({ engine }, use) => {
      const tab = await engine.newTab();
      await use(tab);
      await tab.close();
    },
    { scope: 'worker' },
  ],
});

const names = Object.keys(scenarios) as ScenarioName[];

for (const context of contexts) {
  for (const scenario of names) {
    test(`in a ${context}: ${scenario}`, inTable('scenario', scenario, context), async ({ world, tab }) => {
      await tab.goto(world.pageUrl('plain'));
      await tab.evaluate((args) => testPage.run(...args), [context, scenario, world.here()] as const);
    });
  }
}

/** What shows that a page of this kind is as it says, and a scenario for each thing that a policy could forbid. */
for (const kind of ['strict policy', 'isolated'] as const) {
  for (const context of contexts) {
    test(
      `on a page of kind ${kind}, in a ${context}`,
      inTable('scenario', `${kind} page`, context),
      async ({ world, tab }) => {
        await tab.goto(world.pageUrl(kind));
        expect(await tab.evaluate(() => crossOriginIsolated, null)).toBe(kind === 'isolated');
        for (const scenario of ['reconnect', 'IndexedDB store'] as const) {
          await tab.evaluate((args) => testPage.run(...args), [context, scenario, world.here()] as const);
        }
      },
    );
  }
}

for (const [event, leave] of [
  ['reloaded', (tab: Tab) => tab.reload()],
  ['left for another', (tab: Tab) => tab.goto('about:blank')],
] as const)
  test(
    `a page that is ${event} finds what it stored`,
    inTable('life of a page', event, 'page'),
    async ({ world, tab }) => {
      const here = world.here();
      await tab.goto(world.pageUrl('plain'));
      await tab.evaluate((place) => testPage.leave(place), here);
      await leave(tab);
      await tab.goto(world.pageUrl('plain'));
      await tab.evaluate((place) => testPage.find(place), here);
    },
  );

test(
  'a tab that is closed leaves what it stored to another',
  inTable('life of a page', 'closed', 'page'),
  async ({ world, engine, tab }) => {
    const here = world.here();
    const first = await engine.newTab();
    await first.goto(world.pageUrl('plain'));
    await first.evaluate((place) => testPage.leave(place), here);
    await first.close();
    await tab.goto(world.pageUrl('plain'));
    await tab.evaluate((place) => testPage.find(place), here);
  },
);

test(
  'a session that a tab has open is refused to another, or waited for',
  inTable('life of a page', 'open in two tabs', 'page'),
  async ({ world, engine, tab }) => {
    const here = world.here();
    const first = await engine.newTab();
    for (const each of [first, tab]) await each.goto(world.pageUrl('plain'));
    await first.evaluate((place) => testPage.leave(place), here);
    expect(await tab.evaluate((place) => testPage.want(place), here)).toBe('store-in-use');
    await tab.evaluate((place) => testPage.startWaiting(place), here);
    await first.close();
    await tab.evaluate(() => testPage.waited(), null);
  },
);

/** Where each is met, and what the error has to say. */
const mistakes: Record<BadInputName, { on: PageKind; says: RegExp }> = {
  'a server without the subprotocol': {
    on: 'plain',
    says: /^ConnectionError (subprotocol|unreachable): .*subprotocol/,
  },
  'ws: from an https: page': { on: 'by https:', says: /^ConnectionError unreachable: .*may only use wss:/ },
  'a blocked port': { on: 'plain', says: /^ConnectionError unreachable: .*blocked ports/ },
  'a policy that forbids the connection': {
    on: 'closed policy',
    says: /^ConnectionError unreachable: .*Content-Security-Policy of the page \(connect-src\)/,
  },
  'a storage that is denied': { on: 'sandboxed', says: /^StoreError store-denied: .*no storage/ },
  'a server that is not there': { on: 'plain', says: /^ConnectionError unreachable: .*the server is up/ },
};

for (const [name, { on, says }] of Object.entries(mistakes) as [
  BadInputName,
  (typeof mistakes)[BadInputName],
][])
  test(`says what is wrong: ${name}`, inTable('bad input', name, 'page'), async ({ world, tab }) => {
    await tab.goto(world.pageUrl(on));
    expect(await tab.evaluate((args) => testPage.badInput(...args), [name, world.here()] as const)).toMatch(
      says,
    );
  });
