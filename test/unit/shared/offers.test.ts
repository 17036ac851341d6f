import { expect, test, vi } from 'vitest';
import type { Deliveries } from '../../../src/shared/deliveries';
import { Guest } from '../../../src/shared/guest';
import { HubCore } from '../../../src/shared/hub-core';
import { offers } from '../../../src/shared/offers';
import { compilePattern } from '../../../src/topic/pattern';
import { idle } from '../../support/fake-client';

test('a message for many Subscriptions of one tab is put together without a new list for each', async () => {
  const { client, server } = idle();
  const core = new HubCore(client, {}, undefined);
  const deliver = vi.fn<Deliveries['deliver']>();
  const take = offers(core, { deliver } as unknown as Deliveries);
  const guest = new Guest('tab', 1, () => {}, core.holdings);
  const patterns = [compilePattern('a')];
  for (let id = 0; id < 1_000; id += 1)
    guest.hold({ id, patterns, options: {}, real: undefined, retained: new Set() });
  let made = 0;
  await client.connect();
  await client.subscribe('a', (message) => {
    const lists = vi.spyOn(Map.prototype, 'set');
    for (const held of guest.subscriptions.values()) take(guest, held, message);
    made = lists.mock.calls.filter(([key]) => key === guest).length;
    lists.mockRestore();
  });
  server.link.publish('a', 'x');
  expect(deliver.mock.calls.map(([, targets]) => targets?.get(guest)?.length)).toEqual([1_000]);
  expect(made).toBe(1);
  core.endings.end();
});
