import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memoryStore } from '../../../src/node';
import { type NatsCluster, startNatsCluster } from '../../support/nats-cluster';
import { waitFor } from '../../support/wait-for';
import { openClient } from '../clients';

/** Kills of the server that holds the connection. */
const kills = 10;

/** Milliseconds between two messages of one direction. */
const pace = 20;

/** Milliseconds for what waits for elections. */
const patience = 60_000;

/** Milliseconds in which two servers of three go on without the third, when they can at all. */
const elections = 20_000;

describe('a cluster of three NATS servers', () => {
  let cluster: NatsCluster;
  beforeAll(async () => {
    cluster = await startNatsCluster();
  });
  afterAll(() => cluster?.close());

  test('keeps session and messages of both ways when the server that holds the connection is killed', async () => {
    /** A client that publishes to one topic and hears the other. */
    async function openSide(clientId: string, hears: string) {
      const client = await openClient([...cluster.urls], {
        protocolVersion: 4,
        clean: false,
        clientId,
        store: memoryStore(),
        connectTimeout: 10_000,
        // Servers that have just met refuse until they have elected who keeps the sessions.
        reconnect: { minDelay: 10, maxDelay: 500, initial: true },
      });
      const heard: string[] = [];
      const times: number[] = [];
      const sessions: boolean[] = [];
      /** What each connection carried to the server. */
      const links: number[][] = [[]];
      /** What came from it. */
      const arrived: string[] = [];
      client.on('connect', ({ sessionPresent }) => {
        sessions.push(sessionPresent);
        links.push([]);
      });
      client.on('packet', ({ direction, packet }) => {
        if (packet.type !== 'publish') return;
        const text = new TextDecoder().decode(packet.payload);
        if (direction === 'in') arrived.push(text);
        else links.at(-1)?.push(Number(text));
      });
      await client.subscribe(hears, { qos: 1 }, (message) => {
        heard.push(message.text());
        times.push(performance.now());
      });
      return { client, heard, times, sessions, links, arrived };
    }
    const a = await openSide('sideA', 'to/a');
    const b = await openSide('sideB', 'to/b');

    const sent: string[] = [];
    const outcomes: Promise<unknown>[] = [];
    const failures: unknown[] = [];
    const ticking = setInterval(() => {
      const text = `${sent.length}`;
      sent.push(text);
      for (const [side, topic] of [[a, 'to/b'] as const, [b, 'to/a'] as const]) {
        outcomes.push(side.client.publish(topic, text, { qos: 1 }).catch((error) => failures.push(error)));
      }
    }, pace);
    const gaps: { kill: number; connected: number; silent: number }[] = [];
    /** Kills after which the servers left had no majority for a stream or consumer: up to some 2.9, replicas lag. */
    const stalls: number[] = [];
    try {
      for (let kill = 1; kill <= kills; kill++) {
        await waitFor(() => a.client.status.type === 'connected' && b.client.status.type === 'connected', {
          timeout: patience,
        });
        const { status } = a.client;
        if (status.type !== 'connected') throw new Error('not connected');
        const connections = a.client.stats.connections;
        const since = performance.now();
        await cluster.kill(status.url);
        await waitFor(() => a.client.stats.connections > connections, { timeout: patience, what: 'a move' });
        const connected = performance.now() - since;
        const [heardA, heardB] = [a.heard.length, b.heard.length];
        const isFlowing = () => a.heard.length > heardA && b.heard.length > heardB;
        await waitFor(isFlowing, { timeout: elections }).catch(() => stalls.push(kill));
        if (!isFlowing()) {
          // Nothing may be lost then either.
          await cluster.restart(status.url);
          await cluster.healthy();
          await waitFor(isFlowing, { timeout: elections, what: 'messages both ways' }).catch(() =>
            cluster.restartAll(),
          );
          await waitFor(isFlowing, { timeout: patience, what: 'messages both ways' });
        }
        const silent = Math.max(
          ...[a, b].map(({ times }) => {
            const after = times.filter((time) => time >= since - pace);
            return Math.max(...after.map((time, index) => time - (after[index - 1] ?? since)));
          }),
        );
        gaps.push({ kill, connected: Math.round(connected), silent: Math.round(silent) });
        if (!stalls.includes(kill)) await cluster.restart(status.url);
        await cluster.healthy();
      }
    } finally {
      clearInterval(ticking);
    }
    await Promise.all(outcomes);
    await waitFor(() => [a, b].every(({ heard }) => sent.every((text) => new Set(heard).has(text))), {
      timeout: patience,
      what: 'all messages',
    });
    const duplicates = [a, b].map(({ heard }) => heard.length - new Set(heard).size);
    console.log(
      `${kills} kills, ${stalls.length} of them stalled the servers left; ` +
        `${sent.length} messages each way, none lost, ${duplicates.join(' and ')} came twice\n` +
        gaps
          .map((gap) => `kill ${gap.kill}: connected after ${gap.connected} ms, silent for ${gap.silent} ms`)
          .join('\n'),
    );
    expect(failures).toEqual([]);
    expect(stalls.length).toBeLessThan(kills / 2);
    // It went over with its session each time.
    expect(a.sessions.length).toBeGreaterThanOrEqual(kills);
    expect([...a.sessions, ...b.sessions]).not.toContain(false);
    for (const { heard, arrived, links } of [a, b]) {
      // The order is ours to keep on each connection and from there on; NATS sends what it missed behind the rest.
      for (const carried of links) expect(carried).toEqual([...carried].sort((x, y) => x - y));
      expect(heard).toEqual(arrived);
    }
  }, 600_000);
});
