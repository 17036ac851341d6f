/** The life of a tab, in a Chromium whose tabs are hidden, frozen and cached as a user's are. */

import { expect, type Page, test } from '@playwright/test';
import { RealTabs } from './tab-life/real-tabs';
import type { TabReport } from './tab-life/tab-report';
import { TabHouse, WitnessedTab } from './tab-life/witnessed-tab';

let tabs: RealTabs;
let house: TabHouse;
let page: Page;
let tab: WitnessedTab;

test.beforeAll(async () => {
  house = await TabHouse.open();
  tabs = await RealTabs.start();
});

test.afterAll(async () => {
  await tabs?.close();
  await house?.close();
});

test.beforeEach(async () => {
  house.proxy.heal();
  page = await tabs.open(house.urlOf('page.html'));
  tab = await WitnessedTab.open(page, house);
});

test.afterEach(() => tab.close());

const intact = { lost: 0, twice: 0, arrived: expect.any(Number) };

/** Everything arrived, at QoS 2 once, and nobody waited for a delay. */
async function expectRecovery(sign: string): Promise<void> {
  const sent = tab.sent;
  await expect.poll(() => tab.sent).toBeGreaterThan(sent + 3);
  const { up1, up2, down1, down2 } = await tab.stop();
  expect([up1.lost, up2, down1.lost, down2]).toEqual([0, intact, 0, intact]);
  const report = await tab.report();
  expect(report.rejected).toEqual([]);
  expect(new Set(report.delays)).toEqual(new Set([0]));
  console.log(`${sign}: connected again ${timeToRecover(report, sign)} ms after it`);
}

/** Milliseconds from the last sign of a kind to the connection that followed. */
function timeToRecover({ signs }: TabReport, sign: string): number {
  const index = signs.map(([name]) => name.startsWith(sign)).lastIndexOf(true);
  const connected = signs.slice(index).find(([name]) => name === 'connect');
  return (connected?.[1] ?? Number.NaN) - (signs[index]?.[1] ?? Number.NaN);
}

test('a tab that is hidden for real asks for the server when it is seen again', async () => {
  const other = await tabs.open(house.urlOf('other.html'));
  await tab.until('the tab to be hidden', ({ hidden }) => hidden);
  const pings = house.packets('pingreq').length;
  await page.bringToFront();
  await expect.poll(() => house.packets('pingreq').length).toBe(pings + 1);
  expect((await tab.report()).ends).toEqual([]);
  await other.close();
});

test('a link that died while the tab was hidden is made again when it is seen', async () => {
  const other = await tabs.open(house.urlOf('other.html'));
  await tab.until('the tab to be hidden', ({ hidden }) => hidden);
  await tab.start();
  await expect.poll(() => tab.sent).toBeGreaterThan(3);
  // Nobody is told: what is sent on this link is thrown away. New ones are fine.
  house.proxy.stall();
  const sent = tab.sent;
  await expect.poll(() => tab.sent).toBeGreaterThan(sent + 5);
  house.proxy.heal();
  expect((await tab.report()).ends).toEqual([]);
  await page.bringToFront();
  await tab.until('the end of the dead link', ({ ends }) => ends.length > 0);
  await expectRecovery('visibilitychange visible');
  expect((await tab.report()).ends).toEqual(['keep-alive']);
  await other.close();
});

test('a tab that was frozen goes on when it is thawed', async () => {
  const other = await tabs.open(house.urlOf('other.html'));
  await tab.until('the tab to be hidden', ({ hidden }) => hidden);
  await tab.start();
  await expect.poll(() => tab.sent).toBeGreaterThan(3);
  await tabs.lifecycle(page, 'frozen');
  house.proxy.stall();
  const sent = tab.sent;
  await expect.poll(() => tab.sent).toBeGreaterThan(sent + 10);
  house.proxy.heal();
  await tabs.lifecycle(page, 'active');
  await tab.until('the end of the dead link', ({ ends }) => ends.length > 0);
  await expectRecovery('resume');
  await other.close();
});

test('a page out of the back/forward cache goes on with its session', async () => {
  await tab.start();
  await expect.poll(() => tab.sent).toBeGreaterThan(3);
  const { born } = await tab.report();
  await page.goto(house.urlOf('other.html'));
  const sent = tab.sent;
  await expect.poll(() => tab.sent).toBeGreaterThan(sent + 5);
  await page.evaluate(() => void setTimeout(() => history.back()));
  await expect.poll(() => house.packets('connect').length).toBe(2);
  tab.page = await tabs.find(house.urlOf('page.html'));
  const report = await tab.until(
    'the connection',
    ({ status, ends }) => status === 'connected' && ends.length > 0,
  );
  expect(report.born).toBe(born);
  await expectRecovery('pageshow');
  expect(house.packets('disconnect')).toEqual([]);
});

test('a network gap of which the browser tells is over with the next link', async () => {
  await tab.start();
  await expect.poll(() => tab.sent).toBeGreaterThan(3);
  house.proxy.stall();
  const sent = tab.sent;
  await expect.poll(() => tab.sent).toBeGreaterThan(sent + 5);
  house.proxy.heal();
  await page.evaluate(() => dispatchEvent(new Event('online')));
  await tab.until('the end of the dead link', ({ ends }) => ends.length > 0);
  await expectRecovery('online');
});

test('a machine that slept for an hour is noticed by what the page sends next', async () => {
  await tab.start();
  await expect.poll(() => tab.sent).toBeGreaterThan(3);
  house.proxy.stall();
  const sent = tab.sent;
  await expect.poll(() => tab.sent).toBeGreaterThan(sent + 3);
  house.proxy.heal();
  expect((await tab.report()).ends).toEqual([]);
  await tab.sleep(3_600_000);
  await tab.until('the end of the dead link', ({ ends }) => ends.length > 0);
  await expectRecovery('');
});

test('a page that is left for good ends its session at the server, and has its will published', async () => {
  await page.reload();
  await expect.poll(() => house.packets('disconnect').length).toBe(1);
  expect(house.packets('disconnect')[0]?.packet).toMatchObject({
    reasonCode: 0,
    properties: { sessionExpiryInterval: 0 },
  });
  await tab.close();
  page = await tabs.open(house.urlOf('page.html'));
  tab = await WitnessedTab.open(page, house, { will: { topic: 'up/1', payload: '-1' } });
  house.broker.log.clear();
  await page.reload();
  await expect
    .poll(() => house.packets('disconnect').map(({ packet }) => packet))
    .toMatchObject([{ reasonCode: 4 }]);
});
