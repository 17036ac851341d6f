import { beforeEach, describe, expect, test, vi } from 'vitest';
import { UsageError } from '../../../src/index';
import { connectIn } from '../../../src/shared/connect';
import type { Environment } from '../../../src/shared/environment';
import { FakeServer } from '../../support/fake-server';
import { FakeOrigin } from '../../support/fake-tabs';
import { closeTabsAfterEach, SharedTabs, url } from '../../support/shared-tabs';
import { waitFor } from '../../support/wait-for';

let server: FakeServer;
let tabs: SharedTabs;

beforeEach(() => {
  server = new FakeServer();
  tabs = new SharedTabs(url, { transport: server });
});

closeTabsAfterEach(() => tabs);

test('a connect that close() overtakes is rejected', async () => {
  const { client } = await tabs.open();
  await client.close();
  const connecting = client.connect();
  await client.close();
  await expect(connecting).rejects.toMatchObject({ code: 'closed' });
  await client.connect();
  expect(client.status.type).toBe('connected');
});

test('a connect that events tell of, or that close() ends, needs no handler', async () => {
  const unhandled = vi.fn();
  process.on('unhandledRejection', unhandled);
  tabs = new SharedTabs(url, { transport: server, reconnect: false });
  const { client } = await tabs.open();
  await client.close();
  void client.connect();
  await client.close();
  server.unreachable = new Error('no');
  const off = client.on('close', () => {});
  void client.connect();
  await waitFor(() => client.status.type === 'closed' && client.status.error);
  await new Promise((resolve) => setTimeout(resolve));
  expect(unhandled).not.toHaveBeenCalled();
  off();
  void client.connect();
  await waitFor(() => unhandled.mock.calls.length > 0);
  process.off('unhandledRejection', unhandled);
  expect(unhandled.mock.calls.map(([reason]) => reason)).toMatchObject([{ code: 'unreachable' }]);
});

test('a Subscription whose caller gave up while the answer was on its way is given back', async () => {
  await tabs.open();
  const { client } = await tabs.open();
  const abort = new AbortController();
  const subscribed = client.subscribe('a', { signal: abort.signal }, () => {});
  const isAnswered = () =>
    tabs.origin.said.some((said) => JSON.stringify(said).includes('"filter":"a","qos"'));
  // The answer takes a turn to come: this looks before.
  while (!isAnswered()) await new Promise((resolve) => setImmediate(resolve));
  const reason = new Error('enough');
  abort.abort(reason);
  await expect(subscribed).rejects.toBe(reason);
  await waitFor(() => server.link.types.includes('unsubscribe'));
});

describe('a page that the browser keeps from the others', () => {
  const denied = () => new DOMException('Not for you', 'SecurityError');
  const { environment } = new FakeOrigin().open();

  test.each<[string, Environment]>([
    [
      'by its locks',
      { ...environment, locks: { ...environment.locks, request: () => Promise.reject(denied()) } },
    ],
    [
      'by its channels',
      {
        ...environment,
        openChannel: () => {
          throw denied();
        },
      },
    ],
  ])('hears what to do: %s', async (_how, environment) => {
    const error: unknown = await connectIn(environment, url, { transport: server }).catch((reason) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ code: 'unsupported', cause: { name: 'SecurityError' } });
    expect(server.links).toEqual([]);
  });
});

test('a tab that could not join may try again', async () => {
  const tab = tabs.origin.open();
  let isDenied = false;
  const { environment } = tab;
  const request: Environment['locks']['request'] = (...args: unknown[]) =>
    isDenied
      ? Promise.reject(new DOMException('Not for you', 'SecurityError'))
      : (environment.locks.request as (...args: unknown[]) => Promise<never>)(...args);
  const locks = { ...environment.locks, request };
  const client = await connectIn({ ...environment, locks }, url, { transport: server });
  await client.close();
  isDenied = true;
  await expect(client.connect()).rejects.toBeInstanceOf(UsageError);
  await expect(client.publish('a', 'b')).rejects.toMatchObject({ code: 'closed' });
  isDenied = false;
  await client.connect();
  await client.close();
});
