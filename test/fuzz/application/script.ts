/** What happens to an application, its network and its server, step by step; each part of it made by chance. */

import type { PacketType } from '../../../src/codec/packet';
import type { ReconnectOptions } from '../../../src/index';
import type { FaultPlan } from '../../broker/faults';
import type { Random } from '../random';

/** The names of the server; all are doors to one broker, as those of a cluster are. */
export const hostNames = ['a.test', 'b.test', 'c.test'] as const;
export type HostName = (typeof hostNames)[number];

/** What somebody who connects to a host meets. `old` knows 3.1.1 and hangs up on 5.0. */
export type HostMode = 'up' | 'refuses' | 'hangs' | 'hangs-up' | 'old';

/** A publish to it makes a server of a world with poison hang up. */
export const poisonTopic = 'poison/p';
/** A subscribe to it does, too. */
export const poisonFilter = 'bad/f';

/** Topics that everybody may publish to. */
export const topics = ['t/a', 't/b', 'u/x', 'u/x/y', 't/c/d', 'v'] as const;
const filters = ['t/a', 't/+', '#', 't/b', 't/+x', 'u/#', 't/#rest'];
const churned = ['t/a', 't/+', 'u/#'];

export type Qos = 0 | 1 | 2;

/** What takes the messages of a Subscription: a handler, of which `acts` calls the client, or a loop. */
export type Taker = 'at-once' | 'slow' | 'throws' | 'rejects' | 'acts' | 'loop' | 'leaves' | 'lingers';

/** A call of the application; `pick` chooses among what is there then. */
export type Action =
  | {
      readonly do: 'publish';
      readonly qos: Qos;
      readonly topic: string;
      readonly keyed: boolean;
      /** Chooses an earlier key. */
      readonly again?: number | undefined;
      readonly until: 'stored' | 'acknowledged';
      readonly abortable: boolean;
      readonly timeout: number | undefined;
    }
  | {
      readonly do: 'subscribe';
      readonly filters: readonly string[];
      readonly qos: Qos;
      readonly taker: Taker;
      readonly abortable: boolean;
      readonly timeout: number | undefined;
    }
  | { readonly do: 'endSubscription'; readonly pick: number }
  | { readonly do: 'unsubscribe'; readonly filters: readonly string[]; readonly abortable: boolean }
  | { readonly do: 'connect'; readonly abortable: boolean }
  | { readonly do: 'close'; readonly force: boolean; readonly timeout: number }
  | { readonly do: 'abort'; readonly pick: number };

/** What happens around the application. */
export type Happening =
  /** Somebody else publishes. */
  | { readonly do: 'witness'; readonly topic: string; readonly qos: Qos }
  /** The link is lost for those who are named; what was on its way may still arrive. */
  | {
      readonly do: 'cut';
      readonly noticedBy: 'both' | 'client' | 'server';
      readonly upArrives: boolean;
      readonly downArrives: boolean;
      readonly reset: boolean;
    }
  /** The server loses all sessions. */
  | { readonly do: 'forget' }
  /** The server drops all connections. */
  | { readonly do: 'restart' }
  | { readonly do: 'host'; readonly host: HostName; readonly mode: HostMode }
  /** What goes wrong on the next connections to a host. */
  | { readonly do: 'plan'; readonly host: HostName; readonly plan: FaultPlan; readonly count: number }
  /** The server says goodbye. */
  | { readonly do: 'dismiss'; readonly reasonCode: number; readonly reference: string | undefined }
  /** What the server withheld leaves. */
  | { readonly do: 'release'; readonly order: 'kept' | 'reversed' };

/** One step; between two waits all happens in one task. */
export type Step = Action | Happening | { readonly do: 'wait'; readonly milliseconds: number };

/** A call from within a listener or handler: the so-manieth time that one of them is called. */
export interface Reaction {
  readonly at: number;
  readonly action: Action;
}

/** A whole case. */
export interface ApplicationScript {
  /** Of what the script leaves open: latencies, and how long the store and handlers take. */
  readonly seed: number;
  readonly hosts: readonly HostName[];
  readonly protocolVersion: 'auto' | 3 | 4 | 5;
  readonly clean: boolean;
  readonly store: 'default' | 'memory' | 'slow';
  readonly ack: 'handled' | 'received' | 'manual';
  readonly reconnect: false | ReconnectOptions;
  readonly maxInflight: number;
  readonly connectTimeout: number;
  readonly qos0: 'drop' | 'queue';
  readonly maxUnread: number;
  readonly keepAlive: number;
  readonly topicAliases: 'auto' | 'off';
  readonly sessionLost: 'resend' | 'reject';
  readonly receiveMaximum: number;
  /** Whether credentials are asked for, which takes time. */
  readonly credentials: boolean;
  /** Whether the server hangs up on some packets, whoever sends them and however often. */
  readonly poison: boolean;
  readonly server: {
    readonly receiveMaximum: number;
    readonly subscriptionIdentifierAvailable: boolean;
    readonly qos2Delivery: 'release' | 'receipt';
    readonly topicAliasMaximum: number;
  };
  readonly reactions: readonly Reaction[];
  readonly steps: readonly Step[];
}

/** Waits in a script. */
const mostWaits = 40;

/** Makes a script. */
export function applicationScript(random: Random): ApplicationScript {
  const poison = random.chance(0.3);
  const reacts = random.chance(0.5);
  const begin: Step[] = random.chance(0.8) ? [{ do: 'connect', abortable: false }] : [];
  return {
    seed: random.uint32(),
    hosts: hostNames.slice(0, random.int(1, 3)),
    protocolVersion: random.pick(['auto', 'auto', 4, 4, 5, 5, 3] as const),
    clean: random.chance(0.4),
    store: random.pick(['default', 'memory', 'slow'] as const),
    ack: random.pick(['handled', 'handled', 'received', 'manual'] as const),
    reconnect:
      // Without reconnecting, who poisons is never found out.
      !poison && random.chance(0.1)
        ? false
        : {
            minDelay: random.pick([1, 1_000]),
            maxDelay: 2_000,
            initial: random.chance(0.5),
            stableAfter: random.pick([0, 100, 30_000]),
          },
    maxInflight: random.pick([1, 2, 1_000]),
    connectTimeout: random.pick([300, 5_000]),
    qos0: random.pick(['queue', 'drop'] as const),
    maxUnread: random.pick([1, 1_000]),
    keepAlive: random.pick([0, 10, 60]),
    topicAliases: random.pick(['auto', 'off'] as const),
    sessionLost: random.pick(['resend', 'resend', 'reject'] as const),
    receiveMaximum: random.pick([1, 2, 256]),
    credentials: random.chance(0.3),
    poison,
    server: {
      receiveMaximum: random.pick([1, 3, 256]),
      subscriptionIdentifierAvailable: random.chance(0.8),
      qos2Delivery: random.pick(['release', 'receipt'] as const),
      topicAliasMaximum: random.pick([0, 10]),
    },
    reactions: reacts
      ? random.list(random.int(1, 12), () => ({ at: random.int(0, 80), action: action(random, poison) }))
      : [],
    steps: [...begin, ...random.list(random.int(5, mostWaits), () => steps(random, poison)).flat()],
  };
}

/** What happens in one task or a few, and a wait. */
function steps(random: Random, poison: boolean): Step[] {
  const burst = random
    .list(random.pick([1, 1, 2, 5]), (): Step[] => {
      if (random.chance(0.35)) return [happening(random)];
      return random.chance(0.1) ? churn(random, poison) : [action(random, poison)];
    })
    .flat();
  return [...burst, { do: 'wait', milliseconds: random.pick([0, 0, 1, 3, 20, 100, 700, 2_500, 15_000]) }];
}

type Maker<T> = (random: Random, poison: boolean) => T;

const publish: Maker<Action> = (random, poison) => {
  const qos = random.pick([0, 1, 1, 2, 2] as const);
  return {
    do: 'publish',
    qos,
    topic: random.pick(poison ? [...topics, poisonTopic] : topics),
    keyed: qos > 0 && random.chance(0.3),
    again: random.maybe(() => random.int(0, 100), 0.3),
    until: qos > 0 && random.chance(0.2) ? 'stored' : 'acknowledged',
    abortable: random.chance(0.15),
    timeout: random.maybe(() => random.pick([1, 500]), 0.1),
  };
};

const subscribe: Maker<Action> = (random, poison) => ({
  do: 'subscribe',
  filters: someFilters(random, poison, 3),
  qos: random.pick([0, 1, 2] as const),
  taker: random.chance(0.05)
    ? random.pick(['throws', 'rejects'] as const)
    : random.pick(['at-once', 'at-once', 'at-once', 'slow', 'acts', 'loop', 'leaves', 'lingers'] as const),
  abortable: random.chance(0.2),
  timeout: random.maybe(() => random.pick([1, 500]), 0.1),
});

function someFilters(random: Random, poison: boolean, most: number): string[] {
  const known = poison ? [...filters, poisonFilter] : filters;
  const count = random.chance(0.5) ? 1 : random.int(1, most);
  return [...new Set(random.list(count, () => random.pick(known)))];
}

const actions: readonly Maker<Action>[] = [
  ...Array<Maker<Action>>(7).fill(publish),
  ...Array<Maker<Action>>(4).fill(subscribe),
  ...Array<Maker<Action>>(2).fill((random) => ({ do: 'endSubscription', pick: random.int(0, 100) })),
  ...Array<Maker<Action>>(2).fill((random, poison) => ({
    do: 'unsubscribe',
    filters: someFilters(random, poison, 2),
    abortable: random.chance(0.2),
  })),
  ...Array<Maker<Action>>(2).fill((random) => ({ do: 'connect', abortable: random.chance(0.3) })),
  (random) => ({ do: 'close', force: random.chance(0.4), timeout: random.pick([0, 10, 5_000]) }),
  ...Array<Maker<Action>>(2).fill((random) => ({ do: 'abort', pick: random.int(0, 100) })),
];

function action(random: Random, poison: boolean): Action {
  return random.pick(actions)(random, poison);
}

/** A filter is dropped, and others wanted, in the same task. */
function churn(random: Random, poison: boolean): Step[] {
  return [
    { do: 'unsubscribe', filters: [random.pick(churned)], abortable: false },
    subscribe(random, poison),
  ];
}

const witness: Maker<Happening> = (random) => ({
  do: 'witness',
  topic: random.pick(topics),
  qos: random.pick([0, 1, 2] as const),
});

const cut: Maker<Happening> = (random) => ({
  do: 'cut',
  noticedBy: random.pick(['both', 'both', 'client', 'server'] as const),
  upArrives: random.chance(0.5),
  downArrives: random.chance(0.5),
  reset: random.chance(0.5),
});

const happenings: readonly Maker<Happening>[] = [
  ...Array<Maker<Happening>>(4).fill(witness),
  ...Array<Maker<Happening>>(3).fill(cut),
  () => ({ do: 'forget' }),
  () => ({ do: 'restart' }),
  ...Array<Maker<Happening>>(2).fill((random) => ({
    do: 'host',
    host: random.pick(hostNames),
    mode: random.pick(['up', 'up', 'refuses', 'hangs', 'hangs-up', 'old'] as const),
  })),
  ...Array<Maker<Happening>>(2).fill((random) => ({
    do: 'plan',
    host: random.pick(hostNames),
    plan: faults(random),
    count: random.pick([1, 1, 2, 3]),
  })),
  (random) => ({
    do: 'dismiss',
    reasonCode: random.pick([0x8b, 0x89, 0x98, 0x81, 0x9c, 0x8e, 0x97]),
    reference: random.maybe(() => 'b.test'),
  }),
  ...Array<Maker<Happening>>(2).fill((random) => ({
    do: 'release',
    order: random.pick(['kept', 'reversed'] as const),
  })),
];

function happening(random: Random): Happening {
  return random.pick(happenings)(random, false);
}

/** Packets of a client at which a link may break. */
const fromClient: readonly PacketType[] = [
  'connect',
  'publish',
  'subscribe',
  'unsubscribe',
  'puback',
  'pubrel',
  'pubrec',
  'pubcomp',
];
/** Those of a server. */
const fromServer: readonly PacketType[] = [
  'connack',
  'suback',
  'unsuback',
  'puback',
  'pubrec',
  'pubcomp',
  'publish',
  'pubrel',
];
const answers: readonly PacketType[] = [
  'puback',
  'pubrec',
  'pubcomp',
  'suback',
  'unsuback',
  'pingresp',
  'connack',
];
const refusals = [0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x80, 0x97];

const faultMakers: readonly ((random: Random) => FaultPlan)[] = [
  (random) => ({ refuseConnect: random.pick(refusals) }),
  (random) => ({ refuseConnect: 0x9c, serverReference: random.pick([...hostNames, 'no host']) }),
  // It moves for good: to nowhere would be the end.
  (random) => ({ refuseConnect: 0x9d, serverReference: random.pick(hostNames) }),
  () => ({ silent: true }),
  () => ({ silentAfterConnect: true }),
  (random) => ({ withhold: [random.pick(answers)] }),
  (random) => ({ dropOn: { type: random.pick(fromClient) } }),
  (random) => ({ dropBefore: { type: random.pick(fromServer) } }),
  (random) => ({ dropAfter: { type: random.pick(fromServer) } }),
  () => ({ refuseSubscribe: 0x87 }),
  () => ({ chunk: 1 }),
  () => ({ delay: 30 }),
  (random) => ({ dropAfterBytesOut: random.int(1, 60) }),
  (random) => ({ dropAfterBytesIn: random.int(1, 120) }),
];

function faults(random: Random): FaultPlan {
  return random.pick(faultMakers)(random);
}
