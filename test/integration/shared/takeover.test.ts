import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Client } from '../../../src/index';
import { memoryStore } from '../../../src/index';
import { tcpTransport } from '../../../src/transport/tcp';
import { type Broker, startBroker } from '../../broker';
import type { FakeTab } from '../../support/fake-tabs';
import { SharedTabs } from '../../support/shared-tabs';
import { waitFor } from '../../support/wait-for';

/** Tabs that are open at a time. */
const count = 10;

/** Owners that are killed in a row. */
const kills = 8;

interface Opened {
  readonly tab: FakeTab;
  readonly client: Client;
  /** Messages that came, by topic. */
  readonly came: Map<string, string[]>;
}

let broker: Broker;
let tabs: SharedTabs;
let outside: SharedTabs;

beforeEach(async () => {
  broker = await startBroker();
  const url = `mqtt://127.0.0.1:${broker.port}`;
  tabs = new SharedTabs(url, {
    transport: tcpTransport(),
    clean: false,
    clientId: 'tabs',
    store: memoryStore(),
    reconnect: { minDelay: 10, maxDelay: 50 },
  });
  outside = new SharedTabs(url, {
    transport: tcpTransport(),
    clean: false,
    clientId: 'outside',
    name: 'outside',
  });
});

afterEach(async () => {
  await tabs.close();
  await outside.close();
  await broker.close();
  expect(broker.errors).toEqual([]);
});

async function open(protocolVersion: 4 | 5): Promise<Opened> {
  const { tab, client } = await tabs.open({ protocolVersion });
  const came = new Map<string, string[]>();
  for (const qos of [1, 2] as const)
    await client.subscribe(`down/${qos}`, { qos }, async ({ topic, text, ...message }) => {
      await null;
      void text;
      const list = came.get(topic) ?? [];
      came.set(topic, [...list, new TextDecoder().decode(message.payload)]);
    });
  return { tab, client, came };
}

/** What was published in vain, and what came twice. */
function verdict(sent: readonly string[], came: readonly string[]) {
  return {
    lost: sent.filter((text) => !came.includes(text)),
    doubled: came.filter((text, index) => came.indexOf(text) !== index),
  };
}

describe('when the tab with the connection is killed, again and again, with messages both ways', () => {
  test.each([5, 4] as const)(
    'nothing is lost, QoS 2 is not doubled, and the broker sees one client, with version %s',
    async (protocolVersion) => {
      const opened: Opened[] = [];
      for (let index = 0; index < count; index += 1) opened.push(await open(protocolVersion));
      const { client: peer } = await outside.open();
      const up = new Map<string, string[]>([1, 2].map((qos) => [`up/${qos}`, []]));
      await peer.subscribe('up/+qos', { qos: 2 }, (message) => up.get(message.topic)?.push(message.text()));

      const sent = new Map<string, string[]>();
      const published: Promise<unknown>[] = [];
      const publish = (client: Client, topic: string, text: string, qos: 1 | 2) => {
        sent.set(topic, [...(sent.get(topic) ?? []), text]);
        published.push(client.publish(topic, text, { qos }));
      };
      const survivors = opened.slice(kills);
      for (let round = 0; round < kills; round += 1) {
        const owner = tabs.owner;
        for (const [index, { client }] of survivors.entries())
          for (const qos of [1, 2] as const)
            for (let n = 0; n < 5; n += 1) publish(client, `up/${qos}`, `${round} ${index} ${n}`, qos);
        for (const qos of [1, 2] as const)
          for (let n = 0; n < 5; n += 1) publish(peer, `down/${qos}`, `${round} ${n}`, qos);
        // At another step of the exchange each time.
        for (let step = 0; step < round; step += 1) await new Promise((resolve) => setImmediate(resolve));
        owner?.crash();
        await waitFor(() => tabs.owner !== undefined && tabs.owner !== owner);
      }
      await Promise.all(published);
      for (const qos of [1, 2]) {
        const expected = sent.get(`down/${qos}`) ?? [];
        for (const { came } of survivors) {
          await waitFor(() => expected.every((text) => came.get(`down/${qos}`)?.includes(text)));
          const { lost, doubled } = verdict(expected, came.get(`down/${qos}`) ?? []);
          expect(lost).toEqual([]);
          if (qos === 2) expect(doubled).toEqual([]);
        }
        const { lost, doubled } = verdict(sent.get(`up/${qos}`) ?? [], up.get(`up/${qos}`) ?? []);
        expect(lost).toEqual([]);
        if (qos === 2) expect(doubled).toEqual([]);
      }
      expect([...broker.core.sessions.keys()].sort()).toEqual(['outside', 'tabs']);
    },
  );
});
