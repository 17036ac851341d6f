import { getEventListeners } from 'node:events';
import { expect, test, vi } from 'vitest';
import { whenAborted } from '../../../src/client/when-aborted';
import { connected, watch } from '../../support/fake-client';
import { FakeServer, turn } from '../../support/fake-server';

test('one listener serves all who wait for a signal, and goes with the last of them', () => {
  const { signal } = new AbortController();
  const callsOff = Array.from({ length: 20 }, () => whenAborted(signal, () => undefined));
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  const last = callsOff.pop();
  for (const callOff of [...callsOff, ...callsOff]) callOff();
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  last?.();
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  const again = whenAborted(signal, () => undefined);
  last?.();
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  again();
});

test('an abort calls all who wait, those too whom another one calls off', () => {
  const controller = new AbortController();
  const [first, second, gone] = [vi.fn(), vi.fn(), vi.fn()];
  whenAborted(controller.signal, () => {
    first();
    callOff();
  });
  const callOff = whenAborted(controller.signal, second);
  whenAborted(controller.signal, gone)();
  controller.abort();
  expect(first).toHaveBeenCalledOnce();
  expect(second).toHaveBeenCalledOnce();
  expect(gone).not.toHaveBeenCalled();
});

test('many calls and listeners with one signal bring no warning of a leak', async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on('warning', warned);
  const { client } = await connected({}, new FakeServer({ publish: () => undefined }));
  const controller = new AbortController();
  const { signal } = controller;
  const published = Array.from({ length: 20 }, () => watch(client.publish('a', 'b', { qos: 1, signal })));
  for (let count = 0; count < 20; count += 1) client.on('message', () => undefined, { signal });
  controller.abort();
  await turn();
  process.off('warning', warned);
  expect(published.map(({ state }) => state)).toEqual(published.map(() => 'rejected'));
  expect(warnings).toEqual([]);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
