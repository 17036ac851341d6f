import { describe, expect, test } from 'vitest';
import { brokerKinds } from '../support/broker-kinds';
import { useBroker } from '../support/use-broker';
import { messagesPerRun, planOf } from './plan';
import { runPlan } from './run';
import { tableDetails } from './table';
import { isFlawless, judge } from './verdict';

/** A slice of what `npm run chaos` runs: both transports and both versions are among them. */
const seeds = [1, 2, 3, 4, 5, 6];

describe.each(brokerKinds)('chaos with $name', (kind) => {
  const broker = useBroker(kind);

  test.concurrent.each(seeds)(
    'loses, doubles and reorders nothing with seed %i',
    async (seed) => {
      const plan = planOf(seed, { exceedsReceiveMaximum: kind.exceedsReceiveMaximum });
      expect(plan.faults.length).toBeGreaterThanOrEqual(5);
      const verdict = await runPlan(plan, broker());
      expect(verdict.messages).toBe(messagesPerRun);
      expect(verdict, tableDetails(plan, verdict, kind.name.toLowerCase())).toSatisfy(isFlawless);
    },
    30_000,
  );
});

describe('the plan of a seed', () => {
  test('is the same each time, and its limits change nothing else', () => {
    const { transport, ...rest } = planOf(7);
    expect(planOf(7)).toEqual({ transport, ...rest });
    const fixed = planOf(7, { transport: transport === 'TCP' ? 'WebSocket' : 'TCP' });
    expect(fixed).toMatchObject(rest);
    expect(fixed.transport).not.toBe(transport);
    expect(planOf(8).faults).not.toEqual(rest.faults);
  });

  test('has every kind of fault, transport and version among a few', () => {
    const plans = Array.from({ length: 30 }, (_, seed) => planOf(seed));
    const kinds = new Set(plans.flatMap(({ faults }) => faults.map(({ fault }) => fault.kind)));
    expect([...kinds].sort()).toEqual(['cut', 'end', 'refuse', 'reset', 'split', 'stall']);
    expect(new Set(plans.map((plan) => `${plan.transport} ${plan.protocolVersion}`)).size).toBe(4);
  });
});

test('the verdict counts what is lost, doubled, out of order, unsettled, rejected and damaged', () => {
  const acknowledged = { qos: 2, outcome: 'acknowledged' } as const;
  const verdict = judge(
    [
      {
        sent: [
          acknowledged,
          acknowledged,
          acknowledged,
          { qos: 1, outcome: undefined },
          { qos: 2, outcome: new Error('no') },
        ],
        arrivals: [
          { qos: 2, index: 1, isWhole: true },
          { qos: 2, index: 0, isWhole: true },
          { qos: 2, index: 0, isWhole: true },
          { qos: 1, index: 3, isWhole: false },
          { qos: 1, index: 3, isWhole: true },
        ],
      },
    ],
    { connections: 3, milliseconds: 4 },
  );
  expect(verdict).toEqual({
    lost: 1,
    duplicated: 1,
    outOfOrder: 1,
    unsettled: 1,
    rejected: 1,
    damaged: 1,
    again: 1,
    messages: 5,
    connections: 3,
    milliseconds: 4,
    reasons: ['no'],
  });
});
