/** What each cell of the matrix does: the same client code, whatever the broker, the transport and the version. */

import { expect } from 'vitest';
import type { Client } from '../../../src/client/client';
import type { ClientOptions } from '../../../src/client/options';
import type { ProtocolVersion } from '../../../src/message';
import { type TransportName, urlOf } from '../../support/broker-kinds';
import { startFaultProxy } from '../../support/fault-proxy';
import { waitFor } from '../../support/wait-for';
import {
  allBytes,
  collect,
  fingerprint,
  freshTopic,
  makeClient,
  noise,
  openClient,
  type Seen,
} from '../clients';

/** Where a cell runs. */
export interface Place {
  readonly transport: TransportName;
  /** Port of the broker. */
  readonly port: number;
  /** Path of its WebSockets. */
  readonly path: string;
  /** What the client is told. */
  readonly protocolVersion: 'auto' | ProtocolVersion;
  /** What it must come to. */
  readonly expectedVersion: ProtocolVersion;
}

/** One feature. */
export type Feature = (place: Place) => Promise<void>;

/** URL of a place. */
export const urlAt = ({ transport, port, path }: Place): string => urlOf(transport, port, path);

/** Connects a client that ends with the running test. */
export function open(place: Place, options: ClientOptions = {}): Promise<Client> {
  return openClient(urlAt(place), { protocolVersion: place.protocolVersion, ...options });
}

/** By the name in the table. */
export const features = {
  connect: connects,
  'QoS 0': (place: Place) => carries(place, 0, 0),
  'QoS 1': (place: Place) => carries(place, 1, 1),
  'publish QoS 2': (place: Place) => carries(place, 2, 0),
  'receive QoS 2': (place: Place) => carries(place, 2, 2),
  'QoS 2 to QoS 1': (place: Place) => carries(place, 2, 1),
  'spaces in topics': (place: Place) => carries(place, 1, 1, ['two words']),
  retained: (place: Place) => retains(place, 'kept'),
  'retained, by #': (place: Place) => retains(place, '#'),
  will: leavesWill,
  'no will after close': leavesNoWill,
  'persistent session': keepsSession,
  'shared subscription': shares,
  '1 MiB': carriesMuch,
} as const satisfies Readonly<Record<string, Feature>>;

/** Name of a feature. */
export type FeatureName = keyof typeof features;

/** Empty, every byte there is, and more than one frame or segment holds. */
const payloads: readonly Uint8Array[] = [new Uint8Array(), allBytes, noise(100 * 1_024)];

/** The version that was asked for, or the right one found at the first call, and a clean end. */
async function connects(place: Place): Promise<void> {
  const client = makeClient(urlAt(place), { protocolVersion: place.protocolVersion });
  await client.connect();
  expect(client.status.type).toBe('connected');
  expect(client.protocolVersion).toBe(place.expectedVersion);
  await client.close();
  expect(client.status).toEqual({ type: 'closed' });
}

/** Each payload on each topic arrives as it was sent, in order. */
async function carries(
  place: Place,
  publishQos: 0 | 1 | 2,
  subscribeQos: 0 | 1 | 2,
  levels: readonly string[] = ['plain', 'äöü/日本/🌊', '/$x/'],
): Promise<void> {
  const base = freshTopic();
  const subscriber = await open(place);
  const publisher = await open(place);
  const received = await collect(subscriber, `${base}/#`, { qos: subscribeQos });
  expect(received.subscription.grants).toEqual([{ filter: `${base}/#`, qos: subscribeQos }]);
  const sent = levels.flatMap((level) => payloads.map((payload) => ({ topic: `${base}/${level}`, payload })));
  const results = await Promise.all(
    sent.map(({ topic, payload }) => publisher.publish(topic, payload, { qos: publishQos })),
  );
  expect(results.map(({ reasonCode }) => reasonCode)).toEqual(sent.map(() => 0));
  await received.count(sent.length);
  const qos = Math.min(publishQos, subscribeQos);
  expect(received.messages).toEqual(
    sent.map(({ topic, payload }) => ({ topic, payload: fingerprint(payload), qos, retain: false })),
  );
  await waitFor(() => subscriber.stats.unacknowledged === 0);
}

/** A retained message is there for those who come later, until an empty one takes its place. */
async function retains(place: Place, level: 'kept' | '#'): Promise<void> {
  const base = freshTopic();
  const topic = `${base}/kept`;
  const payload = noise(100 * 1_024);
  const publisher = await open(place);
  /** What a newcomer gets. Brokers may store a message some time after their PUBACK, so that one is not enough. */
  const until = (expected: readonly Seen[]) =>
    waitFor(async () => {
      expect(await retainedAt(place, publisher, `${base}/${level}`)).toEqual(expected);
      return true;
    });
  await publisher.publish(topic, payload, { qos: 1, retain: true });
  await until([{ topic, payload: fingerprint(payload), qos: 1, retain: true }]);
  await publisher.publish(topic, '', { qos: 1, retain: true });
  await until([]);
}

/** What a newcomer gets for a filter before a message that is published then. */
export async function retainedAt(place: Place, publisher: Client, filter: string): Promise<Seen[]> {
  const newcomer = await open(place);
  const received = await collect(newcomer, filter, { qos: 1 });
  const end = freshTopic();
  const marker = await collect(newcomer, end, { qos: 1 });
  await publisher.publish(end, 'end', { qos: 1 });
  await marker.count(1);
  await newcomer.close();
  return received.messages;
}

/** A will is published when the socket is destroyed. */
async function leavesWill(place: Place): Promise<void> {
  const topic = freshTopic();
  const received = await collect(await open(place), topic, { qos: 1 });
  const proxy = await startFaultProxy(place.port);
  try {
    const will = { topic, payload: allBytes, qos: 1 } as const;
    const killed = await open({ ...place, port: proxy.port }, { will });
    const ended = new Promise((resolve) => killed.on('close', resolve));
    proxy.reset();
    await ended;
    await received.count(1);
  } finally {
    await proxy.close();
  }
  expect(received.messages).toEqual([{ topic, payload: fingerprint(allBytes), qos: 1, retain: false }]);
}

/** A will is not published after `close()`: that of a client which is killed later comes alone. */
async function leavesNoWill(place: Place): Promise<void> {
  const topic = freshTopic();
  const received = await collect(await open(place), topic, { qos: 1 });
  const polite = await open(place, { will: { topic, payload: 'polite', qos: 1 } });
  await polite.close();
  const proxy = await startFaultProxy(place.port);
  try {
    await open({ ...place, port: proxy.port }, { will: { topic, payload: 'killed', qos: 1 } });
    proxy.reset();
    await received.until('killed');
  } finally {
    await proxy.close();
  }
  expect(received.texts).toEqual(['killed']);
}

/** What is published while the client is away is there when it comes back, once and in order. */
async function keepsSession(place: Place): Promise<void> {
  const topic = freshTopic();
  const session = { clean: false, clientId: `away${topic.replaceAll(/\D/g, '')}` };
  const client = await open(place, session);
  await client.subscribe(`${topic}/+`, { qos: 1 }, () => {});
  await client.close();

  const texts = Array.from({ length: 30 }, (_, index) => `${index}`);
  const publisher = await open(place);
  await Promise.all(texts.map((text) => publisher.publish(`${topic}/x`, text, { qos: 1 })));

  const got: string[] = [];
  client.on('message', (message) => got.push(message.text()));
  const { sessionPresent } = await client.connect();
  // MQTT 3.1 has no such flag.
  if (place.expectedVersion !== 3) expect(sessionPresent).toBe(true);
  await waitFor(() => got.length >= texts.length, { what: 'what was published meanwhile' });
  await publisher.publish(`${topic}/x`, 'end', { qos: 1 });
  await waitFor(() => got.at(-1) === 'end');
  expect(got).toEqual([...texts, 'end']);
}

/** Each message goes to one of those who share. */
async function shares(place: Place): Promise<void> {
  const topic = freshTopic();
  const members = [await open(place), await open(place)];
  const received = await Promise.all(
    members.map((member) => collect(member, `$share/group/${topic}`, { qos: 1 })),
  );
  const publisher = await open(place);
  const texts = Array.from({ length: 40 }, (_, index) => `${index}`.padStart(2, '0'));
  for (const text of texts) await publisher.publish(topic, text, { qos: 1 });
  const parts = received.map((one) => one.texts);
  await waitFor(() => parts.flat().length >= texts.length);
  expect(parts.flat().sort()).toEqual(texts);
  for (const part of parts) expect(part.length).toBeGreaterThan(0);
}

/** A payload of 1 MiB, there and back. */
async function carriesMuch(place: Place): Promise<void> {
  const topic = freshTopic();
  const received = await collect(await open(place), topic, { qos: 1 });
  const payload = noise(1_048_576);
  const publisher = await open(place);
  for (const qos of [0, 1] as const) await publisher.publish(topic, payload, { qos });
  await received.count(2);
  const expected = { topic, payload: fingerprint(payload), retain: false };
  expect(received.messages).toEqual([0, 1].map((qos) => ({ ...expected, qos })));
}
