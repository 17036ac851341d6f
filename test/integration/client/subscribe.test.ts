import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type ClientOptions, RefusedError } from '../../../src/index';
import { connect } from '../../../src/node';
import { type Broker, startBroker } from '../../broker/index';
import { waitFor } from '../../support/wait-for';

let broker: Broker;

beforeAll(async () => {
  broker = await startBroker({ refusedFilters: ['refused/x'] });
});

afterAll(() => broker.close());

let count = 0;

/** A client, closed when the test is over. */
async function client(url: string, options: ClientOptions = {}) {
  count += 1;
  const clientId = `subscriber-${count}`;
  const connected = await connect(url, { clientId, reconnect: { minDelay: 1, maxDelay: 10 }, ...options });
  onTestFinished(() => connected.close({ force: true }));
  return connected;
}

/** Packets of one type that the broker got from a client. */
const got = (clientId: string, type: string) =>
  broker.log.filter(
    (entry) => entry.clientId === clientId && entry.direction === 'in' && entry.packet.type === type,
  );

describe.each(['tcp', 'ws'] as const)('over %s', (kind) => {
  const url = () => (kind === 'ws' ? broker.wsUrl : broker.url);

  describe.each([5, 4, 3] as const)('with version %i', (protocolVersion) => {
    test('named wildcards give params, and overlapping filters each their message', async () => {
      const subscriber = await client(url(), { protocolVersion });
      const seen: string[] = [];
      const base = `${kind}/${protocolVersion}`;
      await subscriber.subscribe(
        `${base}/+room/temperature`,
        ({ params }) => void seen.push(`one ${JSON.stringify(params)}`),
      );
      await subscriber.subscribe(
        `${base}/#path`,
        ({ params }) => void seen.push(`two ${JSON.stringify(params)}`),
      );
      broker.publish(`${base}/kitchen/temperature`, '21');
      await waitFor(() => seen.length >= 2);
      expect(new Set(seen)).toEqual(
        new Set(['one {"room":"kitchen"}', 'two {"path":"kitchen/temperature"}']),
      );
    });

    test('a loop reads, and leaving it unsubscribes', async () => {
      const subscriber = await client(url(), { protocolVersion });
      const topic = `loop/${kind}/${protocolVersion}`;
      const subscription = await subscriber.subscribe(topic, { qos: 2 });
      for (const text of ['1', '2', '3']) broker.publish(topic, text, { qos: 2 });
      const texts: string[] = [];
      for await (const message of subscription) if (texts.push(message.text()) === 3) break;
      expect(texts).toEqual(['1', '2', '3']);
      await waitFor(() => got(subscriber.clientId, 'unsubscribe').length === 1);
      await waitFor(() => got(subscriber.clientId, 'pubrec').length === 3);
    });
  });

  test.each([5, 4] as const)('a refused filter rejects (version %i)', async (protocolVersion) => {
    const subscriber = await client(url(), { protocolVersion });
    await expect(subscriber.subscribe('refused/x')).rejects.toMatchObject({ name: 'RefusedError' });
    const { grants } = await subscriber.subscribe(['refused/x', 'granted'], { qos: 1 });
    expect(grants[0]?.error).toBeInstanceOf(RefusedError);
    expect(grants[1]).toEqual({ filter: 'granted', qos: 1 });
  });

  test('one wire filter is shared until its last Subscription ends', async () => {
    const subscriber = await client(url());
    const seen: string[] = [];
    const topic = `shared/${kind}`;
    const one = await subscriber.subscribe(topic, { qos: 1 }, () => void seen.push('one'));
    const two = await subscriber.subscribe(topic, () => void seen.push('two'));
    broker.publish(topic, '', { qos: 1 });
    await waitFor(() => seen.length >= 2);
    await one.unsubscribe();
    expect(got(subscriber.clientId, 'unsubscribe')).toEqual([]);
    broker.publish(topic, '', { qos: 1 });
    await waitFor(() => seen.length >= 3);
    await two.unsubscribe();
    expect(got(subscriber.clientId, 'unsubscribe')).toHaveLength(1);
    expect(seen).toEqual(['one', 'two', 'two']);
  });

  test('subscriptions come back with a server that forgot the session', async () => {
    const subscriber = await client(url());
    const texts: string[] = [];
    const topic = `forgotten/${kind}`;
    await subscriber.subscribe(topic, { qos: 1 }, (message) => void texts.push(message.text()));
    broker.forgetSession(subscriber.clientId);
    await waitFor(() => got(subscriber.clientId, 'subscribe').length === 2);
    await waitFor(() => {
      broker.publish(topic, 'again', { qos: 1 });
      return texts.length > 0;
    });
    expect(subscriber.stats.connections).toBe(2);
  });

  test('a slow handler is acknowledged after it, once, although the connection is cut meanwhile', async () => {
    const subscriber = await client(url());
    const topic = `slow/${kind}`;
    const open: (() => void)[] = [];
    await subscriber.subscribe(topic, { qos: 1 }, () => new Promise<void>((resolve) => open.push(resolve)));
    broker.publish(topic, '', { qos: 1 });
    await waitFor(() => open.length === 1);
    broker.kill(subscriber.clientId);
    await waitFor(() => subscriber.stats.connections === 2);
    await broker.log.waitFor(
      ({ clientId, direction, packet }) =>
        clientId === subscriber.clientId && direction === 'out' && packet.type === 'publish' && packet.dup,
    );
    open[0]?.();
    await waitFor(() => got(subscriber.clientId, 'puback').length === 1);
    expect(open).toHaveLength(1);
    expect(subscriber.stats.messagesReceived).toBe(1);
  });

  test('messages that were sent while the client was away wait for its handlers', async () => {
    const options: ClientOptions = { clean: false, clientId: `away-${kind}` };
    const first = await client(url(), options);
    await first.subscribe('away/+', { qos: 2 }, () => {});
    await first.close();
    broker.publish('away/x', 'missed', { qos: 2 });
    await first.connect();
    const texts: string[] = [];
    await waitFor(() => first.stats.messagesReceived === 1);
    await first.subscribe('away/+', { qos: 2 }, (message) => void texts.push(message.text()));
    expect(texts).toEqual(['missed']);
    await waitFor(() => got(options.clientId ?? '', 'pubcomp').length === 1);
  });

  test('a shared subscription gets its share', async () => {
    const [one, two] = [await client(url()), await client(url())];
    const seen = [0, 0];
    await one.subscribe(
      `$share/group/jobs/${kind}/+id`,
      { qos: 1 },
      () => void seen.splice(0, 1, (seen[0] ?? 0) + 1),
    );
    await two.subscribe(
      `$share/group/jobs/${kind}/+id`,
      { qos: 1 },
      () => void seen.splice(1, 1, (seen[1] ?? 0) + 1),
    );
    for (let n = 0; n < 10; n += 1) broker.publish(`jobs/${kind}/${n}`, '', { qos: 1 });
    await waitFor(() => (seen[0] ?? 0) + (seen[1] ?? 0) === 10);
    expect(Math.min(...seen)).toBeGreaterThan(0);
  });

  test('a retained message comes with each subscribe that asks for it', async () => {
    const topic = `retained/${kind}`;
    broker.publish(topic, 'state', { retain: true });
    const subscriber = await client(url());
    const seen: string[] = [];
    const note = (name: string) => (message: { retain: boolean }) =>
      void seen.push(`${name} ${message.retain}`);
    await subscriber.subscribe(topic, note('one'));
    await waitFor(() => seen.length >= 1);
    await subscriber.subscribe(topic, { retainHandling: 2 }, note('two'));
    await subscriber.subscribe(topic, { retainHandling: 1 }, note('three'));
    broker.publish(topic, 'live');
    await waitFor(() => seen.length >= 4);
    expect(seen).toEqual(['one true', 'one false', 'two false', 'three false']);
  });
});

test('the broker had no trouble with any of it', () => {
  expect(broker.errors).toEqual([]);
});
