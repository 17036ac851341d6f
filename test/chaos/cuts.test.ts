import { describe, expect, test } from 'vitest';
import { brokerKinds } from '../support/broker-kinds';
import { isThorough } from '../support/thoroughness';
import { useBroker } from '../support/use-broker';
import { type CutRow, cutEverywhere, cutLines, isHarmless } from './cut-table';
import { exchanges } from './cuts';

const [inRepo] = brokerKinds;
if (!inRepo) throw new Error('there is no broker');

/** A slice of what `npm run chaos -- --cuts` does: every so manieth position, on each ground from another one on. */
const step = isThorough ? 29 : 71;

const grounds = [
  { transport: 'TCP', protocolVersion: 4, first: 0 },
  { transport: 'TCP', protocolVersion: 5, first: 1 },
  { transport: 'WebSocket', protocolVersion: 4, first: 2 },
  { transport: 'WebSocket', protocolVersion: 5, first: 3 },
] as const;

describe('a cut at a byte of an exchange', () => {
  const broker = useBroker(inRepo);

  test.each(grounds)(
    'loses and doubles nothing over $transport with version $protocolVersion',
    async ({ first, ...ground }) => {
      const rows: CutRow[] = [];
      for await (const row of cutEverywhere({ ...ground, broker: broker() }, step, first)) {
        rows.push(row);
        expect(row.cuts.length).toBe(Math.ceil((row.bytes - first) / step));
        expect(row.cuts.every(isHarmless), cutLines(inRepo.name, { ...ground, broker: broker() }, row)).toBe(
          true,
        );
      }
      expect(rows.length).toBe(2 * exchanges.length);
    },
    60_000,
  );
});
