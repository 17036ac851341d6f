/**
 * Kills the page, cuts the link, refuses a write between every two steps of every scenario.
 *
 *   npm run kill-points -- [--every-order] [--pairs] [--only WORDS]
 *
 * Without `--every-order` each scenario is played in one order of its steps. `--pairs` tries two faults in a run, at
 * every pair of places of the short scenarios. Exit codes: 0 no harm was done, 1 some was (printed), 2 wrong use.
 */

import { parseArgs } from 'node:util';
import { describeHarm, newTally, playAll } from './enumerate';
import { everyPart, isPaired, pairedFaults, singleFaults } from './plan';

/** Harms that are printed of each kind of fault. */
const mostShown = 5;

async function main(): Promise<number> {
  let values: { 'every-order': boolean; pairs: boolean; only: string };
  try {
    ({ values } = parseArgs({
      options: {
        'every-order': { type: 'boolean', default: false },
        pairs: { type: 'boolean', default: false },
        only: { type: 'string', default: '' },
      },
    }));
  } catch (error) {
    console.error(`kill-points: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  let unhandled = 0;
  process.on('unhandledRejection', (error) => {
    unhandled += 1;
    console.error('unhandled rejection:', error);
  });
  const parts = everyPart(values['every-order'])
    .filter(({ scenario }) => scenario.name.includes(values.only))
    .filter(({ scenario }) => !values.pairs || isPaired(scenario));
  const columns = (name: unknown, ...numbers: unknown[]) =>
    String(name).padEnd(36) + numbers.map((number) => String(number).padStart(12)).join('');
  console.log(columns('fault', 'scenarios', 'places', 'harms', 'seconds'));
  let harms = 0;
  for (const kinds of values.pairs ? pairedFaults : singleFaults) {
    const tally = newTally();
    const started = performance.now();
    for (const { scenario, order } of parts) await playAll(scenario, order, kinds, tally);
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    console.log(columns(kinds.name, parts.length, tally.runs, tally.harms.length, seconds));
    for (const harm of tally.harms.slice(0, mostShown)) console.log(describeHarm(harm));
    harms += tally.harms.length;
  }
  return harms + unhandled === 0 ? 0 : 1;
}

process.exitCode = await main();
