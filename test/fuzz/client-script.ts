/** What happens to a client: like session-script.ts, from the outside. */

import type { Random } from './random';
import { type OuterStep, outerStep, type Script, topics } from './session-script';

/** What takes the messages of a Subscription. */
export type Taker = 'at-once' | 'later' | 'throws' | 'rejects' | 'iterator' | 'nobody';

/** One step; `pick` chooses among what is there then. */
export type ClientStep =
  | OuterStep
  | { readonly do: 'connect'; readonly abortable: boolean }
  | {
      readonly do: 'offer';
      readonly qos: 0 | 1 | 2;
      readonly topic: string;
      readonly size: number;
      readonly retain: boolean;
      readonly until: 'stored' | 'acknowledged';
      readonly abortable: boolean;
      readonly timeout: number | undefined;
      readonly expiry: number | undefined;
    }
  | {
      readonly do: 'listen';
      readonly filters: readonly string[];
      readonly qos: 0 | 1 | 2;
      readonly taker: Taker;
      readonly abortable: boolean;
    }
  | { readonly do: 'unlisten'; readonly filters: readonly string[] }
  | { readonly do: 'endSubscription'; readonly pick: number }
  /** A taker that takes its time is done. */
  | { readonly do: 'settle'; readonly pick: number }
  | { readonly do: 'abort'; readonly pick: number }
  | { readonly do: 'closeClient'; readonly force: boolean; readonly timeout: number }
  /** What the next connections meet. */
  | { readonly do: 'network'; readonly mode: 'up' | 'refuses' | 'hangs' }
  /** The transport cannot keep up, or can again. */
  | { readonly do: 'congest'; readonly bytes: number };

/** A whole case. */
export interface ClientScript {
  readonly protocolVersion: 'auto' | 3 | 4 | 5;
  readonly clean: boolean;
  readonly store: 'default' | 'slow';
  readonly ack: 'handled' | 'received' | 'manual';
  readonly reconnect:
    | false
    | { readonly minDelay: number; readonly maxDelay: number; readonly initial: boolean };
  /** Enhanced authentication: with a method that works, or fails at one of its steps. */
  readonly authentication: 'none' | 'works' | 'start' | 'challenge' | 'success';
  readonly maxInflight: number;
  readonly maxMessages: number;
  readonly qos0: 'drop' | 'queue';
  readonly overflow: Script['overflow'];
  readonly sessionLost: Script['sessionLost'];
  readonly topicAliases: 'auto' | 'off';
  readonly receiveMaximum: number;
  readonly maxUnread: number;
  /** Whether it is played a second time with the server's bytes one by one, which must make no difference. */
  readonly compare: boolean;
  readonly steps: readonly ClientStep[];
}

const filters = ['a', '#', 'sensor/+', '$share/g/a', 'long/topic', 'sensor/+id', '+/topic'];
const mostSteps = 30;

/** Makes a script. */
export function clientScript(random: Random): ClientScript {
  const protocolVersion = random.pick(['auto', 3, 4, 5, 5] as const);
  const hostile = random.chance(0.5);
  return {
    protocolVersion,
    clean: random.chance(0.5),
    store: random.pick(['default', 'slow'] as const),
    ack: random.pick(['handled', 'handled', 'received', 'manual'] as const),
    reconnect: random.chance(0.15)
      ? false
      : { minDelay: random.pick([1, 1_000]), maxDelay: 2_000, initial: random.chance(0.5) },
    authentication:
      protocolVersion === 5 && random.chance(0.2)
        ? random.pick(['works', 'works', 'start', 'challenge', 'success'] as const)
        : 'none',
    maxInflight: random.pick([1, 2, 1_000]),
    maxMessages: random.pick([2, 1_000, 1_000]),
    qos0: random.pick(['drop', 'queue'] as const),
    overflow: random.pick(['reject', 'drop-oldest'] as const),
    sessionLost: random.pick(['resend', 'reject'] as const),
    topicAliases: random.pick(['auto', 'off'] as const),
    receiveMaximum: random.pick([1, 2, 256]),
    maxUnread: random.pick([1, 1_000]),
    compare: random.chance(0.25),
    steps: [
      { do: 'connect', abortable: false },
      ...random.list(random.int(3, mostSteps), () => step(random, protocolVersion, hostile)),
    ],
  };
}

type Maker = (random: Random, version: 3 | 4 | 5) => ClientStep;

const offer: Maker = (random, version) => ({
  do: 'offer',
  qos: random.pick([0, 1, 1, 2, 2] as const),
  topic: random.pick(topics),
  size: random.chance(0.05) ? random.int(100, 5_000) : random.int(0, 20),
  retain: random.chance(0.1),
  until: random.pick(['stored', 'acknowledged', 'acknowledged'] as const),
  abortable: random.chance(0.2),
  timeout: random.maybe(() => random.pick([1, 1_000]), 0.1),
  expiry: version === 5 ? random.maybe(() => random.int(1, 20), 0.1) : undefined,
});

const makers: readonly Maker[] = [
  offer,
  offer,
  offer,
  (random) => ({ do: 'connect', abortable: random.chance(0.5) }),
  (random) => ({
    do: 'listen',
    filters: random.list(random.int(1, 3), () => random.pick(filters)),
    qos: random.pick([0, 1, 2] as const),
    taker: random.pick(['at-once', 'later', 'throws', 'rejects', 'iterator', 'nobody'] as const),
    abortable: random.chance(0.2),
  }),
  (random) => ({ do: 'unlisten', filters: [random.pick(filters)] }),
  (random) => ({ do: 'endSubscription', pick: random.int(0, 100) }),
  (random) => ({ do: 'settle', pick: random.int(0, 100) }),
  (random) => ({ do: 'settle', pick: random.int(0, 100) }),
  (random) => ({ do: 'abort', pick: random.int(0, 100) }),
  (random) => ({ do: 'closeClient', force: random.chance(0.5), timeout: random.pick([0, 10, 5_000]) }),
  (random) => ({ do: 'network', mode: random.pick(['up', 'up', 'refuses', 'hangs'] as const) }),
  (random) => ({ do: 'congest', bytes: random.pick([0, 0, 1_000_000]) }),
];

function step(random: Random, version: 'auto' | 3 | 4 | 5, hostile: boolean): ClientStep {
  const assumed = version === 'auto' ? 5 : version;
  if (random.chance(0.5)) return random.pick(makers)(random, assumed);
  return outerStep(random, assumed, hostile);
}

/** CONNACK of a good server. */
export const goodConnack = { truthful: true, forgets: false, reasonCode: 0, properties: {} } as const;
