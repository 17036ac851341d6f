import { describe, expect, test } from 'vitest';
import { brokerKinds } from '../support/broker-kinds';
import { isThorough } from '../support/thoroughness';
import { useBroker } from '../support/use-broker';
import { describeFault, fewestFaults, messagesPerRun, type Plan, planOf, wordsOf } from './plan';
import { runPlan } from './run';
import { slopes } from './slope';
import { tableDetails } from './table';
import { hasEnoughFaults, isFlawless, judge } from './verdict';

/** The first seeds that have all of these words, as `--only` would find them. */
function seedsOf(count: number, ...words: readonly string[]): number[] {
  const seeds: number[] = [];
  for (let seed = 0; seeds.length < count; seed++) {
    const has = wordsOf(planOf(seed));
    if (words.every((word) => has.includes(word))) seeds.push(seed);
  }
  return seeds;
}

/** Slow handlers, which take their time. */
const slowSlice = ['in-repo', 'ws', '5.0', 'both', 'max20', '200ms'];

/** A slice of what `npm run chaos` runs, with both transports and both versions. */
const slice = [
  ['tcp', '3.1.1', 'both', 'max20', '0ms'],
  ['tcp', '5.0', 'both', 'max2', '0ms'],
  ['ws', '3.1.1', 'both', 'max20', '0ms'],
  ['ws', '5.0', 'both', 'max20', '0ms'],
  ['tcp', '5.0', 'forgotten', 'max20', '0ms'],
  ['ws', '3.1.1', 'forgotten', 'max2', '0ms'],
];

describe.each(brokerKinds)('chaos with $name', (kind) => {
  const broker = useBroker(kind, kind.name === 'in-repo' ? { receiveMaximum: 20 } : undefined);
  const seeds = [...slice.map((words) => [kind.name.toLowerCase(), ...words]), slowSlice]
    .filter(([name]) => name === kind.name.toLowerCase())
    .flatMap((words) => seedsOf(1, ...words))
    .filter((_, index) => isThorough || index % 2 === 0);

  test.concurrent.each(seeds)(
    'loses, doubles and reorders nothing with seed %i',
    async (seed) => {
      const plan = planOf(seed);
      const verdict = await runPlan(plan, broker());
      expect(verdict.messages).toBe(messagesPerRun);
      expect(verdict, tableDetails(plan, verdict)).toSatisfy(isFlawless);
      expect(verdict).toSatisfy(hasEnoughFaults);
    },
    60_000,
  );
});

describe('the plan of a seed', () => {
  test('is the same each time', () => {
    expect(planOf(7)).toEqual(planOf(7));
    expect(planOf(8).faults).not.toEqual(planOf(7).faults);
  });

  test('plans more faults than must happen, and every kind among a few', () => {
    const plans = Array.from({ length: 200 }, (_, seed) => planOf(seed));
    const kindsOf = ({ faults }: Plan) => faults.map(({ fault }) => fault.kind);
    for (const plan of plans) {
      expect(kindsOf(plan).filter((kind) => kind !== 'slow').length).toBeGreaterThan(fewestFaults);
    }
    const kinds = new Set(plans.flatMap(kindsOf));
    expect([...kinds].sort()).toEqual([
      'cut',
      'end',
      'forget',
      'handshake',
      'refuse',
      'reset',
      'slow',
      'stall',
    ]);
    expect(plans.flatMap(({ faults }) => faults).map(describeFault)).not.toContain(
      expect.stringContaining('undefined'),
    );
  });

  test('counts through the matrix, so that a range covers it evenly', () => {
    const cells = new Map<string, number>();
    const size = 2 ** 4 * 3 * 4;
    for (let seed = 1; seed <= 2 * size; seed++) {
      const words = wordsOf(planOf(seed)).join(' ');
      cells.set(words, (cells.get(words) ?? 0) + 1);
    }
    // Three scenarios of four are the same.
    expect([...new Set(cells.values())].sort()).toEqual([2, 6]);
    expect(cells.size).toBe(2 ** 4 * 3 * 2);
  });

  test('never lets three faults in a row come without a message getting across', () => {
    for (let seed = 0; seed < 200; seed++) {
      const { faults } = planOf(seed);
      for (const side of ['left', 'right']) {
        const soon = faults
          .filter((planned) => planned.side === side && planned.fault.kind !== 'slow')
          .map((planned) => planned.soon);
        expect(soon.some((isSoon, index) => isSoon && soon[index + 1] === true)).toBe(false);
      }
    }
  });
});

test('the verdict counts what is lost, doubled, out of order, unsettled, rejected and damaged', () => {
  const acknowledged = (qos: 0 | 1 | 2, resent = false) => ({ qos, topic: 0, outcome: { resent } });
  const arrived = (qos: 0 | 1 | 2, index: number, isWhole = true) => ({ qos, topic: 0, index, isWhole });
  const circumstances = {
    faults: 5,
    forgotten: 1,
    early: 0,
    unmarked: undefined,
    connections: 3,
    milliseconds: 4,
    stuck: '',
  };
  const verdict = judge(
    [
      {
        sent: [
          acknowledged(2),
          acknowledged(2),
          acknowledged(2),
          { qos: 1, topic: 0, outcome: undefined },
          { qos: 2, topic: 0, outcome: new Error('no') },
          acknowledged(0),
          acknowledged(2, true),
          acknowledged(2),
          acknowledged(0),
          acknowledged(0),
          { qos: 0, topic: 0, outcome: new Error('dropped, which is its right') },
        ],
        arrivals: [
          arrived(2, 1),
          arrived(2, 0),
          arrived(2, 0),
          arrived(1, 3, false),
          arrived(1, 3),
          arrived(2, 7),
          arrived(2, 6),
          arrived(2, 6),
          arrived(0, 8),
          arrived(0, 5),
          arrived(0, 5),
        ],
      },
    ],
    circumstances,
  );
  expect(verdict).toEqual({
    ...circumstances,
    lost: 1,
    duplicated: 2,
    outOfOrder: 2,
    unsettled: 1,
    rejected: 1,
    damaged: 1,
    again: 2,
    resent: 1,
    messages: 7,
    reasons: ['no'],
  });
});

test('the soak tells growth from noise', () => {
  const samples = [0, 1, 2, 3].map((minutes) => ({ minutes, grows: 5 + 2 * minutes, swings: minutes % 3 }));
  const slope = slopes(samples, ({ minutes }) => minutes);
  expect(slope(({ grows }) => grows)).toBeCloseTo(2);
  expect(slope(({ swings }) => swings)).toBeCloseTo(0.1);
});
