import { expect, test } from 'vitest';
import { resultTable } from './results';

test('the table of the brokers says what became of each cell, and numbers the reasons', () => {
  const closes = { reason: 'closes the connection' };
  const rows = [
    { name: 'a', cells: ['passed', 'FAILED', closes] },
    { name: 'b', cells: [{ reason: 'grants less' }, 'not run', closes] },
  ] as const;
  expect(resultTable(['x', 'y', 'z'], rows)).toBe(
    [
      '|   | x      | y       | z      |',
      '|---|--------|---------|--------|',
      '| a | passed | FAILED  | no (1) |',
      '| b | no (2) | not run | no (1) |',
      '',
      '1. It closes the connection.',
      '2. It grants less.',
      '',
      '6 cells: 1 passed, 1 FAILED, 3 verified as not there, 1 not run.',
    ].join('\n'),
  );
});
