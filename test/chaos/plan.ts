/** What one seed stands for: how two clients are set up, what they send, and which faults come when. */

import { Random } from '../fuzz/random';
import type { TransportName } from '../support/broker-kinds';
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
  /** Everything comes in pieces of this size, until the next fault of this side. */
  | { readonly kind: 'split'; readonly size: number }
  /** The link is reset, and so are the next attempts. */
  | { readonly kind: 'refuse'; readonly attempts: number };

/** A fault and when it comes. */
export interface PlannedFault {
  /** It comes when so many messages have arrived, both ways together. */
  readonly after: number;
  readonly side: Side;
  readonly fault: Fault;
}

/** A message to publish. */
export interface PlannedMessage {
  readonly qos: 1 | 2;
  /** Bytes of payload beyond the number. */
  readonly padding: number;
}

/** How a client keeps its session: in itself, in a store that answers at once, in one that takes its time. */
export type StoreName = 'none' | 'memory' | 'slow';

/** One client. */
export interface PlannedClient {
  readonly store: StoreName;
  readonly maxInflight: number;
  readonly receiveMaximum: number;
  /** Publishes that are under way at a time. */
  readonly window: number;
  readonly messages: readonly PlannedMessage[];
  /** Turns of the event loop that a handler takes. */
  readonly handlerTurns: number;
}

/** All of it. */
export interface Plan {
  readonly seed: number;
  readonly transport: TransportName;
  readonly protocolVersion: 4 | 5;
  readonly clients: Readonly<Record<Side, PlannedClient>>;
  readonly faults: readonly PlannedFault[];
}

/** What may be fixed, whatever the seed says. */
export interface PlanLimits {
  readonly transport?: TransportName | undefined;
  readonly protocolVersion?: 4 | 5 | undefined;
  /** For a broker that does not keep to a Receive Maximum: none that it could exceed. */
  readonly exceedsReceiveMaximum?: boolean | undefined;
}

/** Receive Maximum that no run comes near. */
const amplyReceived = 1_000;

/** Messages of a run, half of them each way. */
export const messagesPerRun = 200;

/** Faults of a run, at least and at most. */
const fewestFaults = 5;
const mostFaults = 10;

/** The plan of a seed; limits change nothing else of it. */
export function planOf(seed: number, limits: PlanLimits = {}): Plan {
  const random = new Random(seed);
  const transport = random.pick(['TCP', 'WebSocket'] as const);
  const protocolVersion = random.pick([4, 5] as const);
  const planned = { left: planClient(random), right: planClient(random) };
  const ample = limits.exceedsReceiveMaximum ? { receiveMaximum: amplyReceived } : {};
  const clients = { left: { ...planned.left, ...ample }, right: { ...planned.right, ...ample } };
  return {
    seed,
    transport: limits.transport ?? transport,
    protocolVersion: limits.protocolVersion ?? protocolVersion,
    clients,
    faults: planFaults(random),
  };
}

function planClient(random: Random): PlannedClient {
  return {
    store: random.pick(['none', 'memory', 'slow'] as const),
    maxInflight: random.pick([1, 3, 20, 1_000]),
    receiveMaximum: random.pick([1, 3, 20, 256]),
    window: random.pick([1, 5, 20, 100]),
    handlerTurns: random.pick([0, 0, 1, 3]),
    messages: random.list(messagesPerRun / 2, () => ({
      qos: random.pick([1, 2] as const),
      padding: random.chance(0.1) ? random.int(1_000, 30_000) : random.size(100),
    })),
  };
}

function planFaults(random: Random): PlannedFault[] {
  // A dead link costs a second and a half: one a run is enough.
  let stalls = random.chance(0.5) ? 1 : 0;
  const faults = random.list(random.int(fewestFaults, mostFaults), (): PlannedFault => {
    const kinds = [
      'cut',
      'cut',
      'cut',
      'reset',
      'end',
      'refuse',
      'split',
      stalls > 0 ? 'stall' : 'cut',
    ] as const;
    const kind = random.pick(kinds);
    if (kind === 'stall') stalls -= 1;
    return {
      after: random.int(0, messagesPerRun - 20),
      side: random.pick(['left', 'right'] as const),
      fault: planFault(random, kind),
    };
  });
  return faults.sort((a, b) => a.after - b.after);
}

function planFault(random: Random, kind: Fault['kind']): Fault {
  switch (kind) {
    case 'cut':
      return { kind, direction: random.pick(['up', 'down'] as const), bytes: random.size(4_000) };
    case 'split':
      // Smaller ones take longer than the keep alive for a large message.
      return { kind, size: random.int(20, 400) };
    case 'refuse':
      return { kind, attempts: random.int(1, 4) };
    default:
      return { kind };
  }
}

/** A fault in a few words. */
export function describeFault({ after, side, fault }: PlannedFault): string {
  const details = {
    cut: () => (fault.kind === 'cut' ? ` ${fault.direction} ${fault.bytes}` : ''),
    split: () => (fault.kind === 'split' ? ` ${fault.size}` : ''),
    refuse: () => (fault.kind === 'refuse' ? ` ${fault.attempts}` : ''),
    reset: () => '',
    end: () => '',
    stall: () => '',
  };
  return `${after}: ${side} ${fault.kind}${details[fault.kind]()}`;
}
