import { describe, expect, test } from 'vitest';
import { planOf } from './plan';
import { type Evidence, isFlawless, judge } from './verdict';

/** Two messages each way, over two pages; the second page got one of them again. */
const flawless: Evidence = {
  accepted: new Set(['1/1/1', '1/2/2']),
  arrivals: ['1/1/1', '1/2/2', '1/1/1', '1/3/1'],
  firstSends: new Map([
    ['1/1/1', 1],
    ['1/2/2', 1],
  ]),
  sent: ['0/1/1', '0/2/2'],
  deliveries: [
    { id: '0/1/1', page: 1, redelivered: false },
    { id: '0/2/2', page: 1, redelivered: false },
    { id: '0/2/2', page: 2, redelivered: true },
  ],
  handled: new Set(['0/1/1', '0/2/2']),
  acknowledgedAt: new Map([
    ['0/1/1', 10],
    ['0/2/2', 30],
  ]),
  loadedAt: [0, 20],
  troubles: [],
};

describe('the verdict on crashes', () => {
  test('finds nothing wrong with a QoS 1 message that arrives again, and counts what the page did not tell', () => {
    const verdict = judge(flawless);
    expect(verdict).toSatisfy(isFlawless);
    expect(verdict).toMatchObject({
      accepted: 2,
      untold: 1,
      again: 1,
      handled: 2,
      redelivered: 1,
      details: [],
    });
  });

  test.each<[keyof ReturnType<typeof judge>['failures'], Partial<Evidence>]>([
    ['lost', { arrivals: ['1/1/1'] }],
    ['duplicated', { arrivals: ['1/1/1', '1/2/2', '1/2/2'] }],
    ['outOfOrder', { arrivals: ['1/3/1', '1/1/1', '1/2/2'] }],
    ['sentAnew', { firstSends: new Map([['1/1/1', 2]]) }],
    ['neverHandled', { handled: new Set(['0/1/1']) }],
    [
      'unflagged',
      { deliveries: flawless.deliveries.map((delivery) => ({ ...delivery, redelivered: false })) },
    ],
    ['afterAcknowledgement', { acknowledgedAt: new Map([['0/2/2', 15]]) }],
    ['twiceOnOnePage', { deliveries: [...flawless.deliveries, { id: '0/1/1', page: 1, redelivered: true }] }],
    ['troubles', { troubles: ['page 1: 1/1/1 rejected'] }],
  ])('counts %s', (name, change) => {
    const verdict = judge({ ...flawless, ...change });
    expect(verdict).not.toSatisfy(isFlawless);
    expect(verdict.failures).toEqual({ ...judge(flawless).failures, [name]: 1 });
    expect(verdict.details).toHaveLength(1);
  });
});

test('the plan of crashes has as many of each as were asked for, the same for a seed each time', () => {
  const counts = { reload: 20, crash: 5, kill: 3 };
  const plan = planOf(7, counts);
  expect(planOf(7, counts)).toEqual(plan);
  expect(planOf(8, counts)).not.toEqual(plan);
  const kinds = plan.map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'reload')).toHaveLength(20);
  expect(kinds.filter((kind) => kind === 'crash')).toHaveLength(5);
  expect(kinds.filter((kind) => kind === 'kill')).toHaveLength(3);
  expect(new Set(plan.map(({ when }) => when))).toEqual(new Set(['hello', 'accepted', 'got']));
});
