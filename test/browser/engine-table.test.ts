import { expect, test } from 'vitest';
import { tableOf } from './engine-table';

test('the table has a line a scenario, a column for each context of each engine, and counts what is empty', () => {
  const passed = { table: 'scenario', mark: 'passed' } as const;
  const { text, empty } = tableOf('scenario', [
    { ...passed, row: 'QoS 1', engine: 'chromium', column: 'page' },
    { ...passed, row: 'QoS 1', engine: 'chromium', column: 'worker', mark: 'FAILED' },
    { ...passed, row: 'a large one', engine: 'chromium', column: 'page' },
    { ...passed, row: 'a large one', engine: 'chromium', column: 'worker' },
    { ...passed, row: 'QoS 1', engine: 'webkit', column: 'page' },
    { ...passed, row: 'QoS 1', engine: 'webkit', column: 'worker' },
    { ...passed, row: 'a large one', engine: 'webkit', column: 'worker' },
  ]);
  expect(text.split('\n')).toEqual([
    '             chromium            webkit',
    'scenario     page      worker    page      worker',
    'QoS 1        passed    FAILED    passed    passed',
    'a large one  passed    passed    EMPTY     passed',
  ]);
  expect(empty).toBe(1);
});
