/** Every cut of every exchange on one ground, and the table of what came of it. */

import type { Direction } from '../support/fault-proxy';
import { type Exchange, exchanges, type Ground, measure, Peer, runCut } from './cuts';
import { versionOf } from './plan';
import { isFlawless, type Verdict } from './verdict';

/** Cuts under way at a time: most of their time they wait. */
const parallel = 16;

const directions: readonly Direction[] = ['up', 'down'];

/** What the cuts of one exchange in one direction led to. */
export interface CutRow {
  readonly exchange: Exchange;
  readonly direction: Direction;
  /** Bytes of the exchange. */
  readonly bytes: number;
  /** One entry a cut. */
  readonly cuts: readonly { readonly position: number; readonly verdict: Verdict }[];
}

/** Whether a cut happened, and did no harm. */
export function isHarmless({ verdict }: CutRow['cuts'][number]): boolean {
  return isFlawless(verdict) && verdict.faults === 1;
}

/**
 * Cuts every exchange at every position, or at every so manieth.
 * @param first the first position
 */
export async function* cutEverywhere(ground: Ground, step = 1, first = 0): AsyncGenerator<CutRow> {
  const peer = await Peer.open(ground);
  try {
    for (const exchange of exchanges) {
      const sizes = await measure(ground, peer, exchange);
      for (const direction of directions) {
        const bytes = sizes[direction];
        const waiting: number[] = [];
        for (let position = first; position < bytes; position += step) waiting.push(position);
        const cuts: { position: number; verdict: Verdict }[] = [];
        const work = async () => {
          for (let position = waiting.shift(); position !== undefined; position = waiting.shift()) {
            const verdict = await runCut(ground, peer, exchange, { direction, bytes: position });
            cuts.push({ position, verdict });
          }
        };
        await Promise.all(Array.from({ length: parallel }, work));
        yield { exchange, direction, bytes, cuts };
      }
    }
  } finally {
    await peer.client.close();
  }
}

const columns = [
  ['broker', 9],
  ['over', 9],
  ['MQTT', 5],
  ['exchange', 13],
  ['cut', 4],
  ['bytes', 5],
  ['cuts', 5],
  ['made', 5],
  ['lost', 4],
  ['doubled', 7],
  ['unsettled', 9],
  ['rejected', 8],
  ['stuck', 5],
  ['again', 5],
] as const;

/** The head of the table. */
export const cutHead = columns.map(([name, width]) => name.padStart(width)).join('  ');

/** One line of the table, and one for each cut that did harm. */
export function cutLines(broker: string, ground: Ground, row: CutRow): string {
  const { exchange, direction, bytes, cuts } = row;
  const sum = (of: (verdict: Verdict) => number) => cuts.reduce((all, { verdict }) => all + of(verdict), 0);
  const values = [
    broker,
    ground.transport,
    versionOf(ground),
    exchange,
    direction,
    bytes,
    cuts.length,
    sum(({ faults }) => faults),
    sum(({ lost }) => lost),
    sum(({ duplicated }) => duplicated),
    sum(({ unsettled }) => unsettled),
    sum(({ rejected }) => rejected),
    sum(({ stuck }) => (stuck === '' ? 0 : 1)),
    sum(({ again }) => again),
  ];
  const harmful = cuts
    .filter((cut) => !isHarmless(cut))
    .map(({ position, verdict: { stuck, reasons, faults } }) =>
      [
        `    ${direction} after ${position}: ${faults === 1 ? '' : `${faults} cuts `}${stuck}`,
        ...reasons,
      ].join(' '),
    );
  return [
    columns.map(([, width], index) => String(values[index]).padStart(width)).join('  '),
    ...harmful,
  ].join('\n');
}
