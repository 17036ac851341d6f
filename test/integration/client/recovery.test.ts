import { afterAll, describe, expect, test } from 'vitest';
import type { Client } from '../../../src/client/client';
import { connect } from '../../../src/node';
import { brokerKinds, type TransportName, urlOf } from '../../support/broker-kinds';
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy';
import { useBroker } from '../../support/use-broker';
import { waitFor } from '../../support/wait-for';

/** Messages each way at each QoS. */
const messages = 60;

/** Seconds; the shortest after which a dead peer is noticed in a second and a half. */
const keepAlive = 1;

/** Who is cut, and after how many messages: the one side, the other, both at once. */
type Cuts = readonly (readonly [after: number, names: readonly string[]])[];

const eachAndBoth: Cuts = [
  [10, ['left']],
  [25, ['right']],
  [40, ['left', 'right']],
];

/** Ways in which a link ends, and how often; it takes seconds to notice a dead one. */
const faults: readonly (readonly [what: string, cut: (proxy: FaultProxy) => void, cuts: Cuts])[] = [
  ['is reset', (proxy) => proxy.reset(), eachAndBoth],
  ['ends in an orderly way', (proxy) => proxy.end(), eachAndBoth],
  [
    'goes dead',
    (proxy) => {
      proxy.stall();
      // What is there stays dead; what comes is served.
      proxy.heal();
    },
    [[20, ['left', 'right']]],
  ],
];

/** Messages that came, by topic. */
type Inbox = Map<string, string[]>;

/** A client behind a proxy of its own. */
interface Peer {
  readonly name: string;
  readonly client: Client;
  readonly proxy: FaultProxy;
  readonly inbox: Inbox;
  readonly settled: PromiseSettledResult<unknown>[];
}

const texts = Array.from({ length: messages }, (_, index) => `${index}`);

/** In the order in which each came first. */
const unique = (all: readonly string[]) => [...new Set(all)];

const count = (inbox: Inbox, qos: 1 | 2) => unique(inbox.get(`${qos}`) ?? []).length;

describe.each(brokerKinds)('$name', (kind) => {
  const broker = useBroker(kind);
  const open: Peer[] = [];
  let runs = 0;

  afterAll(async () => {
    for (const { client, proxy } of open) {
      await client.close({ force: true });
      await proxy.close();
    }
  });

  async function openPeer(
    name: string,
    run: string,
    transport: TransportName,
    protocolVersion: 4 | 5,
  ): Promise<Peer> {
    const proxy = await startFaultProxy(broker().port(transport));
    const client = await connect(urlOf(transport, proxy.port), {
      protocolVersion,
      clean: false,
      clientId: `${run}-${name}`,
      keepAlive,
      reconnect: { minDelay: 1, maxDelay: 20 },
    });
    const peer: Peer = { name, client, proxy, inbox: new Map(), settled: [] };
    open.push(peer);
    await client.subscribe(`${run}/to/${name}/+qos`, { qos: 2 }, async (message) => {
      // Handlers are under way while the link is cut.
      await new Promise(setImmediate);
      const qos = message.params['qos'] ?? '';
      peer.inbox.set(qos, [...(peer.inbox.get(qos) ?? []), message.text()]);
    });
    return peer;
  }

  /** Publishes everything, a few at a time, so that some are always on their way. */
  async function publishAll(peer: Peer, to: string): Promise<void> {
    for (const text of texts) {
      const sent = ([1, 2] as const).map((qos) => peer.client.publish(`${to}/${qos}`, text, { qos }));
      const settled = Promise.allSettled(sent).then((results) => peer.settled.push(...results));
      if (Number(text) % 5 === 4) await settled;
    }
  }

  const transports: readonly TransportName[] = ['TCP', 'WebSocket'];
  const versions = [
    ['3.1.1', 4],
    ['5.0', 5],
  ] as const;
  const cases = faults.flatMap(([what, cut, cuts]) =>
    transports.flatMap((transport) =>
      versions.map(
        ([version, protocolVersion]) => [what, transport, version, { cut, cuts, protocolVersion }] as const,
      ),
    ),
  );

  test.concurrent.each(cases)(
    'loses nothing, doubles no QoS 2 message and keeps the order when the link %s, over %s in MQTT %s',
    async (_what, transport, _version, { cut, cuts, protocolVersion }) => {
      runs += 1;
      const run = `recovery/${kind.name}/${runs}`;
      const [left, right] = await Promise.all([
        openPeer('left', run, transport, protocolVersion),
        openPeer('right', run, transport, protocolVersion),
      ]);
      const published = [publishAll(left, `${run}/to/right`), publishAll(right, `${run}/to/left`)];

      for (const [after, names] of cuts) {
        const peers = [left, right].filter(({ name }) => names.includes(name));
        await waitFor(() => count(left.inbox, 2) >= after && count(right.inbox, 1) >= after, {
          timeout: 10_000,
        });
        const before = peers.map(({ client }) => client.stats.connections);
        for (const { proxy } of peers) cut(proxy);
        await waitFor(() =>
          peers.every(({ client }, index) => client.stats.connections > (before[index] ?? 0)),
        );
      }

      await Promise.all(published);
      await waitFor(
        () =>
          [left, right].every(({ inbox }) => count(inbox, 1) === messages && count(inbox, 2) === messages),
        { timeout: 10_000 },
      );
      // Behind everything that may still be on its way.
      for (const [from, to] of [
        [left, right],
        [right, left],
      ] as const) {
        for (const qos of [1, 2] as const) {
          await from.client.publish(`${run}/to/${to.name}/${qos}`, 'end', { qos });
          await waitFor(() => to.inbox.get(`${qos}`)?.includes('end'));
        }
        expect(to.inbox.get('2')).toEqual([...texts, 'end']);
        expect(unique(to.inbox.get('1') ?? [])).toEqual([...texts, 'end']);
        expect(from.settled).toHaveLength(2 * messages);
        expect(from.settled.filter(({ status }) => status === 'rejected')).toEqual([]);
        await waitFor(() => from.client.stats.unacknowledged === 0 && from.client.stats.inFlight === 0);
        expect(from.client.status).toMatchObject({ type: 'connected', sessionPresent: true });
      }
    },
    30_000,
  );
});
