/** What each cell of the matrix does: the same client code, whatever the broker, the transport and the version. */

import { expect } from 'vitest';
import type { ProtocolVersion, PublishProperties } from '../../src/message';
import { type TransportName, urlOf } from '../support/broker-kinds';
import { startFaultProxy } from '../support/fault-proxy';
import { waitFor } from '../support/wait-for';
import { allBytes, collect, fingerprint, freshTopic, noise, openClient } from './clients';

/** Where a cell runs. */
export interface Place {
  readonly transport: TransportName;
  /** Port of the broker. */
  readonly port: number;
  readonly protocolVersion: ProtocolVersion;
}

/** One feature. */
export type Cell = (place: Place) => Promise<void>;

/** By the name in the table. */
export const cells = {
  'QoS 0': (place: Place) => publishes(place, 0),
  'QoS 1': (place: Place) => publishes(place, 1),
  'QoS 2': (place: Place) => publishes(place, 2),
  retained: retains,
  will: leavesWill,
} as const satisfies Readonly<Record<string, Cell>>;

/** Empty, every byte there is, and more than one frame or segment holds. */
const payloads: readonly Uint8Array[] = [new Uint8Array(), allBytes, noise(100 * 1_024)];

/** Topics with all that they may hold beside plain letters. */
const levels = ['plain', 'two words', 'äöü/日本/🌊', '/$x/'];

const properties: PublishProperties = {
  payloadFormatIndicator: 0,
  contentType: 'application/octet-stream',
  responseTopic: 'answer/here',
  correlationData: allBytes,
  userProperties: [
    ['b', '2'],
    ['a', '1'],
    ['b', '3'],
  ],
};

function open(place: Place, options = {}) {
  const { transport, port, protocolVersion } = place;
  return openClient(urlOf(transport, port), { protocolVersion, ...options });
}

/** Each payload on each topic arrives as it was sent, in order. */
async function publishes(place: Place, qos: 0 | 1 | 2): Promise<void> {
  const isV5 = place.protocolVersion === 5;
  const base = freshTopic();
  const subscriber = await open(place);
  const publisher = await open(place);
  expect(subscriber.protocolVersion).toBe(place.protocolVersion);
  const received = await collect(subscriber, `${base}/#`);
  const got: PublishProperties[] = [];
  subscriber.on('message', (message) => got.push(message.properties));
  expect(received.subscription.grants).toEqual([{ filter: `${base}/#`, qos: 2 }]);

  const sent = levels.flatMap((level) => payloads.map((payload) => ({ topic: `${base}/${level}`, payload })));
  const options = { qos, ...(isV5 ? { properties } : {}) };
  const results = await Promise.all(
    sent.map(({ topic, payload }) => publisher.publish(topic, payload, options)),
  );
  expect(results.map(({ reasonCode }) => reasonCode)).toEqual(sent.map(() => 0));
  await received.count(sent.length);
  expect(received.messages).toEqual(
    sent.map(({ topic, payload }) => ({ topic, payload: fingerprint(payload), qos, retain: false })),
  );
  for (const properties of got) {
    if (isV5) expect(properties).toMatchObject(propertiesOnArrival);
    else expect(properties).toEqual({});
  }
  await waitFor(() => subscriber.stats.unacknowledged === 0);
}

/** Binary data is handed out as plain bytes; 0 for the format indicator is what its absence means. */
const { payloadFormatIndicator: _, ...propertiesOnArrival } = properties;

/** A retained message is there for those who come later, until an empty one takes its place. */
async function retains(place: Place): Promise<void> {
  const base = freshTopic();
  const filter = `${base}/#`;
  const publisher = await open(place);
  const early = await open(place);
  const live = await collect(early, filter);
  const sent = [
    { topic: `${base}/0`, payload: new Uint8Array([0]), qos: 0 },
    { topic: `${base}/1`, payload: allBytes, qos: 1 },
    { topic: `${base}/2`, payload: noise(100 * 1_024), qos: 2 },
  ] as const;
  for (const { topic, payload, qos } of sent) await publisher.publish(topic, payload, { qos, retain: true });
  const seen = (retain: boolean) =>
    sent.map(({ topic, payload, qos }) => ({ topic, payload: fingerprint(payload), qos, retain }));
  await live.count(sent.length);
  expect(live.messages).toEqual(seen(false));

  const late = await open(place);
  const kept = await collect(late, filter);
  await kept.count(sent.length);
  expect([...kept.messages].sort((a, b) => a.qos - b.qos)).toEqual(seen(true));

  for (const { topic } of sent) await publisher.publish(topic, '', { qos: 1, retain: true });
  const tooLate = await open(place);
  const none = await collect(tooLate, filter);
  await publisher.publish(`${base}/end`, 'end', { qos: 1 });
  await none.count(1);
  expect(none.texts).toEqual(['end']);
}

/** A will is published when the socket is destroyed, and only then. */
async function leavesWill(place: Place): Promise<void> {
  const base = freshTopic();
  const heir = await open(place);
  const received = await collect(heir, `${base}/#`);
  const will = { payload: allBytes, qos: 2, retain: true } as const;

  const polite = await open(place, { will: { ...will, topic: `${base}/polite` } });
  await polite.close();

  const proxy = await startFaultProxy(place.port);
  try {
    const killed = await open({ ...place, port: proxy.port }, { will: { ...will, topic: `${base}/killed` } });
    const ended = new Promise((resolve) => killed.on('close', resolve));
    proxy.reset();
    await ended;
    await received.count(1);
  } finally {
    await proxy.close();
  }
  const left = { topic: `${base}/killed`, payload: fingerprint(allBytes), qos: 2 };
  expect(received.messages).toEqual([{ ...left, retain: false }]);

  const late = await open(place);
  const kept = await collect(late, `${base}/#`);
  await kept.count(1);
  expect(kept.messages).toEqual([{ ...left, retain: true }]);
  await late.publish(`${base}/killed`, '', { qos: 1, retain: true });
}
