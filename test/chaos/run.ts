/** Two clients that send each other messages, each behind a proxy that makes the faults of a plan. */

import type { Client } from '../../src/client/client';
import { connect, memoryStore } from '../../src/node';
import type { SessionStore } from '../../src/store/store';
import { type RunningBroker, urlOf } from '../support/broker-kinds';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy';
import { waitFor } from '../support/wait-for';
import type { Fault, Plan, PlannedFault, Side, StoreName } from './plan';
import { type Arrival, judge, type Verdict } from './verdict';

/** Milliseconds that a run may take before what has not happened counts as never. */
const patience = 20_000;

/** Seconds; the shortest after which a dead peer is noticed in a second and a half. */
const keepAlive = 1;

/** What is behind everything else on a topic. */
const marker = 'end';

const other = { left: 'right', right: 'left' } as const;
const sides: readonly Side[] = ['left', 'right'];

/** A publish and how it ended; undefined while it has not. */
interface Sent {
  readonly qos: 1 | 2;
  outcome: 'acknowledged' | Error | undefined;
}

/** A client in a run. */
interface Party {
  readonly side: Side;
  readonly client: Client;
  readonly proxy: FaultProxy;
  readonly sent: Sent[];
  readonly arrivals: Arrival[];
  /** Attempts to connect are refused until so many were, counted from the start. */
  readonly refusals: { until: number };
  /** The last messages, by QoS. */
  readonly ended: Set<1 | 2>;
}

let runs = 0;

/** Runs a plan; the verdict says what went wrong. */
export async function runPlan(plan: Plan, broker: RunningBroker): Promise<Verdict> {
  const started = performance.now();
  runs += 1;
  const base = `chaos/${process.pid}/${runs}`;
  const deadline = started + patience;
  const parties: Party[] = [];
  let arrived = 0;
  const waiting: PlannedFault[] = [...plan.faults];

  const onArrival = () => {
    arrived += 1;
    for (let next = waiting[0]; next && next.after <= arrived; next = waiting[0]) {
      waiting.shift();
      const party = parties.find(({ side }) => side === next.side);
      if (party) apply(next.fault, party);
    }
  };
  const until = (what: string, condition: () => boolean) =>
    waitFor(condition, { what, timeout: Math.max(1, deadline - performance.now()) });

  try {
    for (const side of sides) parties.push(await openParty(plan, side, base, broker, onArrival));
    const publishing = parties.map((party) => publishAll(plan, party, base, deadline));
    try {
      await Promise.all(publishing);
      await until('all publishes', () =>
        parties.every(({ sent }) => sent.every(({ outcome }) => outcome !== undefined)),
      );
      for (const { proxy } of parties) proxy.heal();
      // Behind everything that is still on its way, be it a message that comes twice.
      for (const { client, side } of parties) {
        for (const qos of [1, 2] as const) {
          // Whether it arrives is what counts.
          client.publish(`${base}/${other[side]}/${qos}`, marker, { qos }).catch(() => undefined);
        }
      }
      await until('the last messages', () => parties.every(({ ended }) => ended.size === 2));
    } catch (error) {
      // The verdict tells what is missing.
      if (performance.now() < deadline) throw error;
    }
    return judge(
      parties.map(({ side, sent }) => {
        const receiver = parties.find((party) => party.side === other[side]);
        return {
          sent: sent.map(({ qos, outcome }) => ({ qos, outcome })),
          arrivals: receiver?.arrivals ?? [],
        };
      }),
      {
        connections: parties.reduce((sum, { client }) => sum + client.stats.connections, 0),
        milliseconds: performance.now() - started,
      },
    );
  } finally {
    for (const { client, proxy } of parties) {
      await client.close({ force: true });
      await proxy.close();
    }
  }
}

async function openParty(
  plan: Plan,
  side: Side,
  base: string,
  broker: RunningBroker,
  onArrival: () => void,
): Promise<Party> {
  const { store, maxInflight, receiveMaximum, handlerTurns } = plan.clients[side];
  const proxy = await startFaultProxy(broker.port(plan.transport));
  const client = await connect(urlOf(plan.transport, proxy.port), {
    protocolVersion: plan.protocolVersion,
    clean: false,
    clientId: `${base}/${side}`,
    keepAlive,
    maxInflight,
    // Earlier versions cannot tell the server.
    properties: plan.protocolVersion === 5 ? { receiveMaximum } : undefined,
    reconnect: { minDelay: 1, maxDelay: 10 },
    store: storeOf(store),
  });
  const party: Party = {
    side,
    client,
    proxy,
    sent: [],
    arrivals: [],
    refusals: { until: 0 },
    ended: new Set(),
  };
  client.on('reconnecting', () => relent(party));
  await client.subscribe(`${base}/${side}/+`, { qos: 2 }, async (message) => {
    for (let turn = 0; turn < handlerTurns; turn++) await new Promise(setImmediate);
    const qos = message.topic.endsWith('/1') ? 1 : 2;
    const text = new TextDecoder().decode(message.payload.subarray(0, 3));
    if (text === marker) {
      party.ended.add(qos);
      return;
    }
    const index = Number(text);
    const isFirst = !party.arrivals.some((arrival) => arrival.index === index);
    const padding = message.payload.subarray(text.length);
    const isWhole =
      padding.length === plan.clients[other[side]].messages[index]?.padding &&
      padding.every((byte) => byte === index);
    party.arrivals.push({ qos, index, isWhole });
    if (isFirst) onArrival();
  });
  return party;
}

/** Publishes all messages of a party, as many at a time as its window allows. */
async function publishAll(plan: Plan, party: Party, base: string, deadline: number): Promise<void> {
  const { messages, window } = plan.clients[party.side];
  let open = 0;
  for (const [index, { qos, padding }] of messages.entries()) {
    if (open >= window) {
      await waitFor(() => open < window, { timeout: Math.max(1, deadline - performance.now()) });
    }
    const payload = new Uint8Array(3 + padding).fill(index);
    payload.set(new TextEncoder().encode(String(index).padStart(3, '0')));
    const sent: Sent = { qos, outcome: undefined };
    party.sent.push(sent);
    open += 1;
    party.client
      .publish(`${base}/${other[party.side]}/${qos}`, payload, { qos })
      .then(
        () => {
          sent.outcome = 'acknowledged';
        },
        (error: unknown) => {
          sent.outcome = error instanceof Error ? error : new Error(String(error));
        },
      )
      .finally(() => {
        open -= 1;
      });
  }
}

/** Makes a fault, beside those that are there already. */
function apply(fault: Fault, { proxy, refusals }: Party): void {
  proxy.split(0);
  if (fault.kind === 'cut') proxy.cutAfter(fault);
  else if (fault.kind === 'split') proxy.split(fault.size);
  else if (fault.kind === 'end') proxy.end();
  else if (fault.kind === 'reset') proxy.reset();
  else if (fault.kind === 'stall') {
    proxy.stall();
    proxy.heal();
    if (refusals.until > proxy.refused) proxy.refuse(true);
  } else {
    refusals.until = Math.max(refusals.until, proxy.refused) + fault.attempts;
    proxy.refuse(true);
    proxy.reset();
  }
}

/** Ends refusals that have been enough; called at each attempt to connect that failed. */
function relent({ proxy, refusals }: Party): void {
  if (proxy.refused >= refusals.until) proxy.refuse(false);
}

function storeOf(name: StoreName): SessionStore | undefined {
  if (name === 'none') return undefined;
  return name === 'memory' ? memoryStore() : slowStore();
}

/** A store that takes a few turns for each write, like a disk. */
function slowStore(): SessionStore {
  const store = memoryStore();
  let last = Promise.resolve();
  return {
    load: (key) => store.load(key),
    write(key, operations) {
      last = last.then(async () => {
        for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
        await store.write(key, operations);
      });
      return last;
    },
    clear: (key) => store.clear(key),
  };
}
