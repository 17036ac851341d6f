import { describe, expect, test } from 'vitest';
import { isThorough } from '../../support/thoroughness';
import { describeHarm, newTally, playAll } from './enumerate';
import { everyPart, type Part, pairedFaults, pairedParts, singleFaults, slice } from './plan';

/** Plays the parts and complains about each harm. @returns how many places were tried */
async function play(parts: readonly Part[], kinds: (typeof singleFaults)[number]): Promise<number> {
  const tally = newTally();
  for (const { scenario, order } of parts) await playAll(scenario, order, kinds, tally);
  expect(tally.harms.map(describeHarm).slice(0, 3)).toEqual([]);
  return tally.runs;
}

describe('a fault between every two steps of store and wire', () => {
  // A slice of what `npm run kill-points` tries.
  test.each(singleFaults.map((kinds, turn) => ({ ...kinds, turn })))(
    'loses, doubles and reorders nothing, and leaves nothing unsettled: $name',
    async ({ turn, ...kinds }) => {
      const every = (kinds.name === 'page killed' ? 3 : 6) * (isThorough ? 1 : 2);
      const parts = slice(turn).filter((_, index) => index % every === turn % every);
      const fewest = (kinds.kind === 'fail' ? 50 : 120) / (isThorough ? 1 : 3);
      expect(await play(parts, kinds)).toBeGreaterThan(fewest);
    },
    60_000,
  );

  test.each(pairedFaults.map((kinds, turn) => ({ ...kinds, turn })))(
    'does so at every pair of places: $name',
    async ({ turn, ...kinds }) => {
      const [, part] = pairedParts(turn);
      expect(await play(part ? [part] : [], kinds)).toBeGreaterThan(100);
    },
    60_000,
  );
});

test('every story is in the slice, and every one has a short name of its own', () => {
  const names = everyPart(false).map(({ scenario }) => scenario.name);
  expect(new Set(names).size).toBe(names.length);
  expect(slice(0)).toHaveLength(slice(1).length);
});
