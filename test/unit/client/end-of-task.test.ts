import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

test.each([
  ['setImmediate'],
  ['a MessageChannel', 'setImmediate'],
  ['a timer, as in jsdom, which has neither', 'setImmediate', 'MessageChannel'],
])('calls back after the microtasks of the task, by %s', async (_, ...missing) => {
  for (const name of missing) vi.stubGlobal(name, undefined);
  const { atEndOfTask } = await import('../../../src/client/end-of-task');
  const steps: string[] = [];
  await new Promise<void>((resolve) => {
    atEndOfTask(() => steps.push('end of the task'));
    atEndOfTask(resolve);
    void Promise.resolve().then(() => steps.push('microtask'));
  });
  expect(steps).toEqual(['microtask', 'end of the task']);
});
