import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

/** As the edge runtime of Next.js has both. */
function throwing(): never {
  throw new Error('A Node.js API is used which is not supported in the Edge Runtime');
}

test.each([
  ['setImmediate', {}],
  ['a MessageChannel', { setImmediate: undefined }],
  ['a MessageChannel where setImmediate throws', { setImmediate: throwing }],
  ['a timer where there is neither', { setImmediate: undefined, MessageChannel: undefined }],
  ['a timer where both throw', { setImmediate: throwing, MessageChannel: throwing }],
])('calls back after the microtasks of the task, by %s', async (_, globals) => {
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
  const { atEndOfTask } = await import('../../../src/client/end-of-task');
  const steps: string[] = [];
  await new Promise<void>((resolve) => {
    atEndOfTask(() => steps.push('end of the task'));
    atEndOfTask(resolve);
    void Promise.resolve().then(() => steps.push('microtask'));
  });
  expect(steps).toEqual(['microtask', 'end of the task']);
});
