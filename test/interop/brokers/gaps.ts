/** What brokers do not have: why, and the proof, seen by a client. */

import { once } from 'node:events';
import { expect, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { encode } from '../../../src/codec/index';
import { ConnectionError, ProtocolError, RefusedError } from '../../../src/errors';
import { waitFor } from '../../support/wait-for';
import { collect, freshTopic, makeClient } from '../clients';
import { type Feature, open, retainedAt, urlAt } from './features';

/** Something that a broker does not have. */
export interface Gap {
  /** For the table. */
  readonly reason: string;
  /** Fails when the broker has it after all, or when the client tells it otherwise. */
  readonly shows: Feature;
}

/** A client that comes back at once. */
const persistent = { reconnect: { minDelay: 1, maxDelay: 10 } };

/** By what the broker does. */
export const gaps = {
  connack1: {
    reason: "refuses this version with CONNACK 1: RefusedError 'unsupported-protocol-version'",
    async shows(place) {
      const refused = makeClient(urlAt(place), { protocolVersion: place.protocolVersion }).connect();
      await expect(refused).rejects.toBeInstanceOf(RefusedError);
      await expect(refused).rejects.toMatchObject({ code: 'unsupported-protocol-version', reasonCode: 0x84 });
    },
  },
  closes: {
    reason: "closes the connection after a CONNECT of this version: ConnectionError 'lost'",
    async shows(place) {
      const refused = makeClient(urlAt(place), { protocolVersion: place.protocolVersion }).connect();
      await expect(refused).rejects.toBeInstanceOf(ConnectionError);
      await expect(refused).rejects.toMatchObject({ code: 'lost' });
    },
  },
  noSubprotocol: {
    reason: "does not select the subprotocol of this version, mqttv3.1: ConnectionError 'subprotocol'",
    async shows(place) {
      const refused = makeClient(urlAt(place), { protocolVersion: place.protocolVersion }).connect();
      await expect(refused).rejects.toBeInstanceOf(ConnectionError);
      await expect(refused).rejects.toMatchObject({ code: 'subprotocol' });
    },
  },
  grantsOne: {
    reason: 'grants QoS 1 where 2 was asked for: so says the Subscription, and messages come with QoS 1',
    async shows(place) {
      const topic = freshTopic();
      const client = await open(place);
      const received = await collect(client, topic, { qos: 2 });
      expect(received.subscription.qos).toBe(1);
      expect(received.subscription.grants).toEqual([{ filter: topic, qos: 1 }]);
      await client.publish(topic, 'x', { qos: 1 });
      await received.count(1);
      expect(received.messages).toMatchObject([{ topic, qos: 1 }]);
    },
  },
  exceedsGranted: {
    reason:
      'sends QoS 2 for a filter with wildcards, though it granted QoS 1: so it comes, and is acknowledged',
    async shows(place) {
      const topic = freshTopic();
      const client = await open(place);
      const received = await collect(client, `${topic}/#`, { qos: 1 });
      expect(received.subscription.qos).toBe(1);
      for (const text of ['1', '2']) await client.publish(`${topic}/x`, text, { qos: 2 });
      await received.count(2);
      expect(received.messages).toMatchObject([{ qos: 2 }, { qos: 2 }]);
      expect(received.texts).toEqual(['1', '2']);
      await waitFor(() => client.stats.unacknowledged === 0);
    },
  },
  answersPuback: {
    reason:
      'answers a PUBLISH of QoS 2 with PUBACK: ProtocolError for that message, once, and the client goes on',
    async shows(place) {
      const client = await open(place, persistent);
      const refused = client.publish(freshTopic(), 'x', { qos: 2 });
      await expect(refused).rejects.toBeInstanceOf(ProtocolError);
      await expect(refused).rejects.toThrow('it has no QoS 2');
      await client.publish(freshTopic(), 'x', { qos: 1 });
      expect(client.stats.connections).toBe(2);
    },
  },
  disconnects: {
    reason:
      "closes the connection at a PUBLISH of QoS 2: RefusedError 'poison' for that message, and the client goes on",
    async shows(place) {
      const client = await open(place, persistent);
      await expectPoison(client.publish(freshTopic(), 'x', { qos: 2 }));
      await client.publish(freshTopic(), 'x', { qos: 1 });
      expect(client.stats.connections).toBe(4);
    },
  },
  refusesSpaces: {
    reason: "closes the connection at a Topic Name with a space: RefusedError 'poison' for that message",
    async shows(place) {
      const client = await open(place, persistent);
      await expectPoison(client.publish(`${freshTopic()}/two words`, 'x', { qos: 1 }));
      await client.publish(freshTopic(), 'x', { qos: 1 });
    },
  },
  retainsByTopic: {
    reason: 'finds retained messages for a filter without wildcards only',
    async shows(place) {
      const base = freshTopic();
      const topic = `${base}/kept`;
      const publisher = await open(place);
      await publisher.publish(topic, 'kept', { qos: 1, retain: true });
      await waitFor(async () => (await retainedAt(place, publisher, topic)).length === 1);
      expect(await retainedAt(place, publisher, `${base}/#`)).toEqual([]);
      expect(await retainedAt(place, publisher, `${base}/+`)).toEqual([]);
      await publisher.publish(topic, '', { qos: 1, retain: true });
    },
  },
  alwaysWill: {
    reason: 'publishes the will over WebSocket after DISCONNECT, too; even of a bare socket that stays open',
    async shows(place) {
      const topic = freshTopic();
      const received = await collect(await open(place), topic, { qos: 1 });
      const polite = await open(place, { will: { topic, payload: 'closed', qos: 1 } });
      await polite.close();
      await received.until('closed');

      const version = place.expectedVersion;
      const socket = new WebSocket(urlAt(place), version === 3 ? 'mqttv3.1' : 'mqtt');
      onTestFinished(() => socket.terminate());
      await once(socket, 'open');
      const will = { topic, payload: new TextEncoder().encode('bare'), qos: 1, retain: false } as const;
      socket.send(
        encode(
          { type: 'connect', protocolVersion: version, clientId: 'bare', clean: true, keepAlive: 0, will },
          version,
        ),
      );
      await once(socket, 'message');
      socket.send(encode({ type: 'disconnect', reasonCode: 0 }, version));
      await received.until('bare');
    },
  },
  sharesLiterally: {
    reason: 'knows no shared subscriptions, and takes $share for a level like any other: nothing comes',
    async shows(place) {
      const topic = freshTopic();
      const members = [await open(place), await open(place)];
      const others = await open(place);
      const shared = await Promise.all(
        members.map((member) => collect(member, `$share/group/${topic}`, { qos: 1 })),
      );
      const direct = await Promise.all(members.map((member) => collect(member, `${topic}/end`, { qos: 1 })));
      const own = await collect(others, topic, { qos: 1 });
      await others.publish(topic, 'shared', { qos: 1 });
      await own.count(1);
      await others.publish(`${topic}/end`, 'end', { qos: 1 });
      // In order of publication, so that 'shared' would have come before.
      await Promise.all(direct.map((one) => one.until('end')));
      await waitFor(() => members.every(({ stats }) => stats.unacknowledged === 0));
      expect(shared.map(({ texts }) => texts)).toEqual([[], []]);
    },
  },
} as const satisfies Readonly<Record<string, Gap>>;

async function expectPoison(publish: Promise<unknown>): Promise<void> {
  await expect(publish).rejects.toBeInstanceOf(RefusedError);
  await expect(publish).rejects.toMatchObject({ code: 'poison' });
}
