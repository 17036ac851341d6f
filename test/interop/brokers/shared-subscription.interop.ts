import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FaultProxy } from '../../support/fault-proxy';
import { startFaultProxy } from '../../support/fault-proxy';
import { type Mosquitto, startMosquitto } from '../../support/mosquitto';
import { waitFor } from '../../support/wait-for';
import { collect, freshTopic, openClient } from '../clients';

/** Messages before one consumer is killed, and after. */
const half = 150;

describe('a shared subscription of three consumers on Mosquitto', () => {
  let mosquitto: Mosquitto;
  const proxies: FaultProxy[] = [];
  beforeAll(async () => {
    mosquitto = await startMosquitto({ config: ['max_queued_messages 10000'] });
    for (let count = 0; count < 3; count++) proxies.push(await startFaultProxy(mosquitto.port));
  });
  afterAll(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await mosquitto?.close();
  });

  test.each([
    ['3.1.1', 4],
    ['5.0', 5],
  ] as const)('loses nothing when one of them is killed, in MQTT %s', async (version, protocolVersion) => {
    const topic = freshTopic();
    const consumers = await Promise.all(
      proxies.map(async (proxy, index) => {
        const client = await openClient(`mqtt://127.0.0.1:${proxy.port}`, {
          protocolVersion,
          clean: false,
          clientId: `shares${protocolVersion}${index}`,
          reconnect: { minDelay: 5, maxDelay: 20 },
        });
        return { client, ...(await collect(client, `$share/group/${topic}`, { qos: 1 })) };
      }),
    );
    const [killed, ...others] = consumers;
    const [proxy] = proxies;
    if (!killed || !proxy) throw new Error('no consumer');
    const publisher = await openClient(mosquitto.url, { protocolVersion });
    const texts = Array.from({ length: 2 * half }, (_, index) => `${index}`);
    const publishes = (part: readonly string[]) =>
      Promise.all(part.map((text) => publisher.publish(topic, text, { qos: 1 })));

    // Cut off with messages on their way to it.
    const first = publishes(texts.slice(0, half));
    await waitFor(() => killed.texts.length > 0);
    proxy.refuse(true);
    proxy.reset();
    await first;
    await waitFor(() => killed.client.status.type === 'reconnecting');
    const before = others.map((other) => other.texts.length);
    await publishes(texts.slice(half));
    await waitFor(() => others.every((other, index) => other.texts.length > (before[index] ?? 0)));
    const meanwhile = killed.texts.length;

    // What was its own waits for it.
    proxy.refuse(false);
    await waitFor(() => new Set(consumers.flatMap((consumer) => consumer.texts)).size === texts.length, {
      what: 'all messages',
    });
    const all = consumers.flatMap((consumer) => consumer.texts);
    const shares = consumers.map((consumer) => consumer.texts.length).join(', ');
    console.log(
      `MQTT ${version}: ${texts.length} messages, shares ${shares}; ${meanwhile} with the killed one before it ` +
        `came back; ${all.length - texts.length} came twice`,
    );
    expect([...new Set(all)].sort()).toEqual([...texts].sort());
    for (const other of others) expect(new Set(other.texts).size).toBe(other.texts.length);
  });
});
