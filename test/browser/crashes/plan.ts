/** What is done to the page, and when: all of it from one seed. */

import { Random } from '../../fuzz/random';

/** The page is loaded again, its tab crashes, or the whole browser is killed and started again on the same profile. */
export const faultKinds = ['reload', 'crash', 'kill'] as const;

export type FaultKind = (typeof faultKinds)[number];

/** How many of each. */
export type FaultCounts = Readonly<Record<FaultKind, number>>;

/** A fault and when it comes. */
export interface PlannedFault {
  readonly kind: FaultKind;
  /** What the page has to report: that it says hello, or that so many publishes are accepted, or messages received. */
  readonly when: 'hello' | 'accepted' | 'got';
  /** How many of these reports since the page was loaded. */
  readonly count: number;
}

/** All faults, in the order in which they come. */
export function planOf(seed: number, counts: FaultCounts): PlannedFault[] {
  const random = new Random(seed);
  const kinds = faultKinds.flatMap((kind) => random.list(counts[kind], () => kind));
  // Fisher-Yates.
  for (let index = kinds.length - 1; index > 0; index -= 1) {
    const other = random.int(0, index);
    [kinds[index], kinds[other]] = [kinds[other] as FaultKind, kinds[index] as FaultKind];
  }
  return kinds.map((kind) => {
    const draw = random.int(1, 10);
    // Some come before the client is there: while it reads its store, connects, or sends again.
    if (draw === 1) return { kind, when: 'hello', count: 1 };
    if (draw <= 6) return { kind, when: 'accepted', count: 1 + random.size(200) };
    return { kind, when: 'got', count: 1 + random.size(30) };
  });
}
