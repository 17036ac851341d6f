import { expect, test } from 'vitest';
import { isAnnouncement, isEnvelope } from '../../../src/shared/wire-checks';
import { FakeServer, turn } from '../../support/fake-server';
import { SharedTabs } from '../../support/shared-tabs';

/** What is none of ours. */
const strange: unknown[] = [
  undefined,
  null,
  7,
  'hub',
  [],
  {},
  { type: 'hub' },
  { type: 'hub', epoch: Infinity },
  { type: 'hub', epoch: 2 ** 53 },
  { type: 'hub', epoch: '1' },
  { type: 'hello', tab: 'x', visit: 1 },
  { type: 'hello', tab: 'x', visit: 1, fingerprint: null },
  { type: 'hello', tab: 7, visit: 1, fingerprint: {} },
  { type: 'other', epoch: 1 },
  { epoch: 1 },
  { epoch: Number.NaN, items: [] },
  { epoch: 1, items: {} },
  { epoch: 1, items: [null] },
];

test.each(strange)('%j is neither an announcement nor an envelope', (data) => {
  expect(isAnnouncement(data)).toBe(false);
  expect(isEnvelope(data)).toBe(false);
});

test('what strange scripts say on the channels of tabs is not listened to', async () => {
  const server = new FakeServer();
  const tabs = new SharedTabs('ws://broker.example/mqtt', { transport: server });
  const [one, two] = [await tabs.open(), await tabs.open()];
  const script = tabs.origin.open();
  const names = [...tabs.origin.channels.keys()];
  expect(names).toHaveLength(3);
  for (const name of names) {
    const channel = script.environment.openChannel(name, () => {});
    for (const data of strange) channel.postMessage(data);
    channel.postMessage({ epoch: Number.MAX_SAFE_INTEGER + 1, items: [{ type: 'forgotten' }] });
    channel.close();
  }
  await turn();
  await one.client.publish('a', 'b', { qos: 1 });
  await two.client.publish('a', 'c', { qos: 1 });
  one.tab.crash();
  await two.client.publish('a', 'd', { qos: 1 });
  expect(server.links).toHaveLength(2);
  await tabs.close();
});
