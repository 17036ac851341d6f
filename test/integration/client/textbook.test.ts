/** What every introduction to MQTT shows in a table, on real sockets. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../../src/index';
import { connect, UsageError } from '../../../src/node';
import { type Broker, startBroker } from '../../broker/index';
import { waitFor } from '../../support/wait-for';

let broker: Broker;
const clients: Client[] = [];

beforeAll(async () => {
  broker = await startBroker({ sysInterval: 1 });
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close({ force: true })));
  await broker.close();
});

async function open(protocolVersion: 4 | 5): Promise<Client> {
  const client = await connect(broker.url, { protocolVersion });
  clients.push(client);
  return client;
}

describe.each([4, 5] as const)('with version %i', (protocolVersion) => {
  test('a message arrives with the lower of the published and the subscribed QoS [v5 MQTT-3.8.4-8, v3 MQTT-3.8.4-6]', async () => {
    const client = await open(protocolVersion);
    const arrived: number[] = [];
    for (const published of [0, 1, 2] as const) {
      for (const subscribed of [0, 1, 2] as const) {
        const topic = `table/${protocolVersion}/${published}/${subscribed}`;
        const count = arrived.length;
        await client.subscribe(topic, { qos: subscribed }, ({ qos }) => void arrived.push(qos));
        await client.publish(topic, '', { qos: published });
        await waitFor(() => arrived.length > count);
      }
    }
    expect(arrived).toEqual([0, 0, 0, 0, 1, 1, 0, 1, 2]);
  });

  test.each([
    ['a/+', ['a/x'], ['a', 'a/x/y', 'b/x']],
    ['a/#', ['a', 'a/x', 'a/b/c/d'], ['b', 'ab', 'b/a']],
    ['+/x', ['a/x', '/x'], ['x', 'a/b/x', '$SYS/x']],
    ['#', ['a', 'a/x', '/'], ['$SYS/x', '$other']],
  ])('%s matches %j and not %j', async (filter, matching, others) => {
    const client = await open(protocolVersion);
    const seen: string[] = [];
    await client.subscribe(filter, ({ topic }) => void seen.push(topic));
    for (const topic of [...matching, ...others]) {
      if (!topic.startsWith('$')) await client.publish(topic, '', { qos: 1 });
      else broker.publish(topic, '');
    }
    await waitFor(() => matching.every((topic) => seen.includes(topic)));
    await client.unsubscribe(filter);
    expect(seen.filter((topic) => others.includes(topic))).toEqual([]);
  });

  test('$SYS is told to those who ask for it by name', async () => {
    const client = await open(protocolVersion);
    const versions: string[] = [];
    await client.subscribe('$SYS/broker/version', (message) => void versions.push(message.text()));
    await waitFor(() => versions.length > 0);
  });

  test.each(['a/+', 'a/#', '#', '+'])('publishing to %s is refused at the call', async (topic) => {
    const client = await open(protocolVersion);
    const sent = client.stats.bytesSent;
    await expect(client.publish(topic, '')).rejects.toBeInstanceOf(UsageError);
    expect(client.stats.bytesSent).toBe(sent);
  });
});
