/**
 * What one seed stands for: how two clients are set up, what they send, and which faults come when.
 *
 * The matrix (broker, transport, version, Receive Maximum, handler time, scenario) is counted through by the seed, so
 * that a range of seeds covers it evenly; everything else is drawn.
 */

import { Random } from '../fuzz/random';
import type { BrokerKind, TransportName } from '../support/broker-kinds';
import type { Direction } from '../support/fault-proxy';

/** One of the two clients, each behind a proxy of its own. */
export type Side = 'left' | 'right';

/** A fault on the network of one client. */
export type Fault =
  /** The link is reset when so many more bytes have passed. */
  | { readonly kind: 'cut'; readonly direction: Direction; readonly bytes: number }
  | { readonly kind: 'reset' }
  | { readonly kind: 'end' }
  /** The link goes dead; the next one works. */
  | { readonly kind: 'stall' }
  /** The link is reset, and so are the next attempts. */
  | { readonly kind: 'refuse'; readonly attempts: number }
  /** The link is reset, and the next one so many bytes before the end of CONNECT (up) or CONNACK (down). */
  | { readonly kind: 'handshake'; readonly direction: Direction; readonly missing: number }
  /**
   * The link is reset, and the server forgets the session before the next one. On the side that subscribes it comes
   * when nothing is on its way, and nothing is published until the subscriptions are back: the server would drop it.
   */
  | { readonly kind: 'forget' }
  /** Everything comes in pieces of this size, and so many milliseconds late; nothing breaks. */
  | { readonly kind: 'slow'; readonly piece: number; readonly delay: number };

/** A fault and when it comes. */
export interface PlannedFault {
  /** It comes when so many messages were published, both ways together. */
  readonly after: number;
  readonly side: Side;
  readonly fault: Fault;
  /** True: as soon as the last fault is over. False: once what was in flight then is settled. */
  readonly soon: boolean;
}

/** A message to publish. */
export interface PlannedMessage {
  readonly qos: 0 | 1 | 2;
  /** Number of its topic; each QoS has topics of its own. */
  readonly topic: number;
  /** Bytes of payload beyond the number. */
  readonly padding: number;
}

/** How a client keeps its session: in itself, in a store that answers at once, in one that takes its time. */
export type StoreName = 'none' | 'memory' | 'slow';

/** One client. */
export interface PlannedClient {
  readonly store: StoreName;
  readonly ack: 'handled' | 'received';
  /** What becomes of QoS 0 while there is no connection. */
  readonly qos0: 'drop' | 'queue';
  /** Whether one Subscription takes everything, or each topic has its own. */
  readonly subscriptions: 'one' | 'each';
  /** Publishes that are under way at a time. */
  readonly window: number;
  readonly messages: readonly PlannedMessage[];
}

/** Publishing both ways; or one way, while the server forgets sessions now and then. */
export type Scenario = 'both ways' | 'forgotten';

/** All of it. */
export interface Plan {
  readonly seed: number;
  readonly broker: BrokerKind['name'];
  readonly transport: TransportName;
  readonly protocolVersion: 4 | 5;
  readonly scenario: Scenario;
  /** QoS 1 and 2 messages that may be on their way at a time. */
  readonly receiveMaximum: number;
  /** Milliseconds that a handler takes. */
  readonly handlerTime: number;
  /** The option: MQTT 3.1.1 resumes only without it. */
  readonly clean: boolean;
  /** Messages that may be published while a fault is not over. */
  readonly lead: number;
  /** Topics of each QoS in each direction. */
  readonly topics: number;
  readonly clients: Readonly<Record<Side, PlannedClient>>;
  readonly faults: readonly PlannedFault[];
}

/** QoS 1 and 2 messages of a run; those with QoS 0 come on top. */
export const messagesPerRun = 200;

/** Faults that must really have happened for a run to count; those that only slow down are not among them. */
export const fewestFaults = 5;

/** Planned: a few may find nothing to break. */
const plannedFaults = { least: 7, most: 10 };

/** Bytes; more than a TCP segment and a WebSocket frame of two length bytes. */
const largestPadding = 12_000;

/** Messages of QoS 0 for each with QoS 1 or 2. */
const shareOfQos0 = 0.1;

const scenarios = ['both ways', 'both ways', 'both ways', 'forgotten'] as const;

/** The plan of a seed. */
export function planOf(seed: number): Plan {
  const random = new Random(seed);
  let rest = seed;
  const next = <T>(values: readonly T[]): T => {
    const value = values[rest % values.length] as T;
    rest = Math.floor(rest / values.length);
    return value;
  };
  const transport = next<TransportName>(['TCP', 'WebSocket']);
  const protocolVersion = next<4 | 5>([4, 5]);
  const broker = next<BrokerKind['name']>(['in-repo', 'Mosquitto']);
  const handlerTime = next([0, 200]);
  const receiveMaximum = next([1, 2, 20]);
  const scenario = next<Scenario>(scenarios);
  const topics = random.int(1, 3);
  const counts =
    scenario === 'both ways'
      ? { left: messagesPerRun / 2, right: messagesPerRun / 2 }
      : { left: messagesPerRun, right: 0 };
  return {
    seed,
    broker,
    transport,
    protocolVersion,
    scenario,
    receiveMaximum,
    handlerTime,
    clean: protocolVersion === 5 && random.chance(0.5),
    lead: random.pick([1, 10, 40]),
    topics,
    clients: {
      left: planClient(random, counts.left, topics),
      right: planClient(random, counts.right, topics),
    },
    faults: planFaults(random, scenario),
  };
}

function planClient(random: Random, count: number, topics: number): PlannedClient {
  const message = (qos: 0 | 1 | 2): PlannedMessage => ({
    qos,
    topic: random.int(0, topics - 1),
    padding: random.chance(0.1) ? random.int(1_000, largestPadding) : random.size(100),
  });
  return {
    store: random.pick(['none', 'memory', 'slow']),
    ack: random.pick(['handled', 'handled', 'handled', 'received']),
    qos0: random.pick(['drop', 'queue']),
    subscriptions: random.pick(['one', 'each', 'each']),
    window: random.pick([1, 5, 20, 100]),
    messages: random
      .list(count, () => [message(random.pick([1, 2])), ...(random.chance(shareOfQos0) ? [message(0)] : [])])
      .flat(),
  };
}

function planFaults(random: Random, scenario: Scenario): PlannedFault[] {
  const count = random.int(plannedFaults.least, plannedFaults.most);
  // A dead link costs some seconds: one a run is enough.
  let stalls = random.chance(0.5) ? 1 : 0;
  const wasSoon = { left: false, right: false };
  const faults = random.list(count, (): Omit<PlannedFault, 'after'> => {
    const kind = random.pick([
      'cut',
      'cut',
      'cut',
      'reset',
      'end',
      'refuse',
      'handshake',
      'handshake',
      stalls > 0 ? 'stall' : 'cut',
    ] as const);
    if (kind === 'stall') stalls -= 1;
    // A third in a row would look like a message that the server cannot stand.
    const side = random.pick(['left', 'right'] as const);
    const soon = !wasSoon[side] && random.chance(0.4);
    wasSoon[side] = soon;
    return { side, fault: planFault(random, kind), soon };
  });
  if (scenario === 'forgotten') {
    // What comes right after it could take away the news that the session is gone.
    const fault = { kind: 'forget' } as const;
    for (const side of ['left', 'left', random.pick(['left', 'right'] as const), 'right'] as const) {
      faults.splice(random.int(0, faults.length), 0, { side, fault, soon: false });
    }
  }
  const slow = random.list(
    random.int(0, 2),
    (): PlannedFault => ({
      after: random.int(0, messagesPerRun),
      side: random.pick(['left', 'right'] as const),
      fault: planFault(random, 'slow'),
      soon: true,
    }),
  );
  // None so late that everything has arrived before it.
  const last = messagesPerRun * 0.75;
  const at = faults.map(() => random.int(0, last)).sort((a, b) => a - b);
  return [...faults.map((fault, index) => ({ ...fault, after: at[index] ?? 0 })), ...slow].sort(
    (a, b) => a.after - b.after,
  );
}

function planFault(random: Random, kind: Exclude<Fault['kind'], 'forget'>): Fault {
  switch (kind) {
    case 'cut':
      return { kind, direction: random.pick(['up', 'down'] as const), bytes: random.size(2_000) };
    case 'refuse':
      return { kind, attempts: random.int(1, 4) };
    case 'handshake': {
      const direction = random.pick(['up', 'down', 'down'] as const);
      return { kind, direction, missing: random.int(1, direction === 'up' ? 30 : 4) };
    }
    case 'slow':
      // More pieces of the largest message could take longer than the keep alive on a busy machine.
      return { kind, piece: random.maybe(() => random.int(150, 2_000)) ?? 0, delay: random.int(0, 5) };
    default:
      return { kind };
  }
}

/** Broker, transport and version in the words that `--only` takes. */
export function wordsOfGround(plan: Pick<Plan, 'broker' | 'transport' | 'protocolVersion'>): string[] {
  return [plan.broker.toLowerCase(), plan.transport === 'TCP' ? 'tcp' : 'ws', versionOf(plan)];
}

/** What a plan is, in the words that `--only` takes. */
export function wordsOf(plan: Plan): string[] {
  return [
    ...wordsOfGround(plan),
    plan.scenario === 'forgotten' ? 'forgotten' : 'both',
    `max${plan.receiveMaximum}`,
    `${plan.handlerTime}ms`,
  ];
}

/** The version of a plan as people write it. */
export function versionOf({ protocolVersion }: Pick<Plan, 'protocolVersion'>): string {
  return protocolVersion === 5 ? '5.0' : '3.1.1';
}

/** A fault in a few words. */
export function describeFault({ after, side, fault, soon }: PlannedFault): string {
  const { kind, ...rest } = fault;
  const details = Object.entries(rest).map(([name, value]) => ` ${name} ${value}`);
  return `${after}: ${side} ${kind}${details.join('')}${soon ? ' (soon)' : ''}`;
}
