/** Lets a fault strike at every place of a scenario, and finds out where it did harm. */

import { FakeTime } from '../../fuzz/fake-time';
import type { Fault, Order, Scenario } from './scenario';
import { World } from './world';

/** Faults to try. */
export interface Kinds {
  readonly kind: Fault['kind'];
  /** Whether the server forgets the session when the first of them strikes. */
  readonly forgets: boolean;
  /** How many strike in one run: with two, at every pair of places. */
  readonly count: 1 | 2;
}

/** What went wrong, and how to see it again. */
export interface Harm {
  readonly scenario: Scenario;
  readonly order: Order;
  readonly faults: readonly Fault[];
  readonly complaints: readonly string[];
}

/** What was tried. */
export interface Tally {
  runs: number;
  steps: number;
  readonly harms: Harm[];
}

export function newTally(): Tally {
  return { runs: 0, steps: 0, harms: [] };
}

/** Plays one run. */
export async function playOnce(
  scenario: Scenario,
  order: Order,
  faults: readonly Fault[],
  tally: Tally,
): Promise<World> {
  const time = new FakeTime(1);
  time.install();
  try {
    const world = new World(scenario, order, faults, time);
    await world.play();
    tally.runs += 1;
    const { complaints } = world.ledger;
    if (complaints.length > 0) tally.harms.push({ scenario, order, faults, complaints });
    return world;
  } finally {
    time.uninstall();
  }
}

/** Tries every place. */
export async function playAll(
  scenario: Scenario,
  order: Order,
  kinds: Kinds,
  tally: Tally,
  before: readonly Fault[] = [],
): Promise<void> {
  const { kind, forgets, count } = kinds;
  const isLast = before.length + 1 >= count;
  const play = async (variant: Pick<Fault, 'at' | 'arrives' | 'durable'>) => {
    const faults = [...before, { kind, forgets: forgets && before.length === 0, ...variant }];
    const world = await playOnce(scenario, order, faults, tally);
    if (world.struck === faults.length && !isLast) await playAll(scenario, order, kinds, tally, faults);
    return world;
  };
  for (let at = 0; ; at += 1) {
    const { struck, met } = await play({ at, arrives: false, durable: false });
    if (struck <= before.length) {
      // The run without this fault: it says nothing new.
      tally.runs -= 1;
      return;
    }
    const isKill = kind === 'kill';
    if (met.flight && kind !== 'fail') await play({ at, arrives: true, durable: false });
    if (met.writing && isKill) await play({ at, arrives: false, durable: true });
    if (met.writing && met.flight && isKill) await play({ at, arrives: true, durable: true });
  }
}

/** A harm for people. */
export function describeHarm({ scenario, order, faults, complaints }: Harm): string {
  const what = faults
    .map(({ kind, at, arrives, durable, forgets }) =>
      [
        kind,
        `after step ${at}`,
        arrives && 'bytes arrive',
        durable && 'write durable',
        forgets && 'server forgets',
      ]
        .filter(Boolean)
        .join(', '),
    )
    .join('; ');
  return [`${scenario.name} (${order.name}): ${what}`, ...complaints.map((line) => `    ${line}`)].join('\n');
}
