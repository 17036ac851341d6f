/**
 * `npm run hidden-tab -- --minutes 10`: a tab that is hidden behind another one in Chromium for so long, with that
 * browser's real throttling, and quiet enough to live on its pings. The last line says how it went.
 */

import { parseArgs } from 'node:util';
import { ensureBuilt } from '../../support/built-package';
import { RealTabs } from './real-tabs';
import { clockUrl, TabHouse, WitnessedTab } from './witnessed-tab';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    'keep-alive': { type: 'string', default: '60' },
    'worker-clock': { type: 'boolean', default: false },
  },
});
const minutes = Number(values.minutes);
const keepAlive = Number(values['keep-alive']);
if (!(minutes > 0) || !(keepAlive > 0)) {
  console.error('Usage: npm run hidden-tab -- [--minutes 10] [--keep-alive 60] [--worker-clock]');
  process.exit(2);
}

/** Longer than any keep alive that is tried, so that packets do not stand in for pings; in milliseconds. */
const pause = 200_000;

ensureBuilt();
const house = await TabHouse.open();
const tabs = await RealTabs.start();
let failed = true;
try {
  const page = await tabs.open(house.urlOf('page.html'));
  const tab = await WitnessedTab.open(
    page,
    house,
    { keepAlive },
    values['worker-clock'] ? clockUrl : undefined,
  );
  await tab.start(pause);
  await tabs.open(house.urlOf('other.html'));
  const { ticks } = await tab.until('the tab to be hidden', ({ hidden }) => hidden);
  for (let minute = 1; minute <= minutes; minute += 1) {
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    const report = await tab.report();
    const pings = house.packets('pingreq').length;
    console.log(
      `minute ${minute}: hidden ${report.hidden}, timers of 1 s fired ${report.ticks - ticks} times, pings ${pings}, disconnects ${report.ends.length}`,
    );
  }
  const { ends, hidden } = await tab.report();
  const traffic = await tab.stop();
  const flows = Object.values(traffic);
  const lost = flows.reduce((sum, flow) => sum + flow.lost, 0);
  const arrived = flows.reduce((sum, flow) => sum + flow.arrived, 0);
  failed = ends.length + lost + traffic.up2.twice + traffic.down2.twice > 0 || !hidden;
  console.log(
    `hidden tab, ${minutes} minutes, keep alive ${keepAlive} s${values['worker-clock'] ? ', worker clock' : ''}: ${ends.length} disconnects, ${arrived} messages arrived, ${lost} lost`,
  );
  await tab.close();
} finally {
  await tabs.close();
  await house.close();
}
process.exit(failed ? 1 : 0);
