/** What happens to a session: a list of steps, made without a look at the session, so that any of them may be left out. */

import type { ConnackProperties, ProtocolVersion, QoS } from '../../src/codec/index';
import { serverTypes } from './packets';
import type { Random } from './random';
import { stream } from './streams';

/** One step. `pick` chooses among what is there then, by its remainder; a step that finds nothing to do does nothing. */
export type Step =
  // The application
  | {
      readonly do: 'publish';
      readonly qos: QoS;
      readonly topic: string;
      readonly size: number;
      readonly retain: boolean;
      /** Seconds. */
      readonly expiry: number | undefined;
    }
  | { readonly do: 'publishNow'; readonly topic: string }
  | { readonly do: 'withdraw'; readonly pick: number }
  | { readonly do: 'subscribe' | 'unsubscribe'; readonly filters: readonly string[]; readonly qos: QoS }
  | { readonly do: 'withdrawRequest'; readonly pick: number }
  | { readonly do: 'acknowledge'; readonly pick: number; readonly reasonCode: number }
  | { readonly do: 'disconnect' }
  | { readonly do: 'reauthenticate' }
  // Transport, store, clock
  | { readonly do: 'close'; readonly orderly: boolean }
  | { readonly do: 'commit'; readonly count: number }
  | { readonly do: 'failCommit' }
  | { readonly do: 'crash' }
  | { readonly do: 'tick'; readonly monotonic: number; readonly wall: number }
  // The server; each of these first opens a connection, if there is none
  | { readonly do: 'connack'; readonly connack: Connack }
  /** Answers what the client sent, as a server does; from the oldest, or from anywhere. */
  | {
      readonly do: 'answer';
      readonly pick: number;
      readonly count: number;
      readonly inOrder: boolean;
      readonly refuse: boolean;
    }
  | {
      readonly do: 'send';
      readonly qos: QoS;
      readonly id: number;
      readonly dup: boolean;
      readonly topic: string;
      readonly alias: number;
    }
  /** An acknowledgement that may answer nothing. */
  | {
      readonly do: 'ack';
      readonly type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp' | 'suback' | 'unsuback';
      readonly id: number;
      readonly reasonCode: number;
    }
  | { readonly do: 'bytes'; readonly bytes: Uint8Array };

/** How the server answers CONNECT. */
export interface Connack {
  /** Whether it says what is true of its session; else the opposite. */
  readonly truthful: boolean;
  /** Whether it has forgotten the session. */
  readonly forgets: boolean;
  /** 0, or a refusal. */
  readonly reasonCode: number;
  readonly properties: ConnackProperties;
}

/** A whole case. */
export interface Script {
  readonly protocolVersion: ProtocolVersion;
  /** Whether CONNECT asks for a clean session: always, at first, or never. */
  readonly clean: 'always' | 'first' | 'never';
  readonly recording: boolean;
  /** Whether the store takes its time: then batches wait for `commit` steps. */
  readonly slowStore: boolean;
  readonly authentication: boolean;
  /** Whether takers settle within the call that hands them a message. */
  readonly handledAtOnce: boolean;
  readonly maxInflight: number;
  readonly maxMessages: number;
  readonly overflow: 'reject' | 'drop-oldest';
  readonly sessionLost: 'resend' | 'reject';
  readonly topicAliases: boolean;
  /** Our Receive Maximum. */
  readonly receiveMaximum: number;
  readonly steps: readonly Step[];
  /** Whether the last server, which is a good one, still has the session. */
  readonly endResumed: boolean;
}

export const topics = ['a', 'long/topic', 'another/topic', 'sensor/1'];
const filters = ['a', '#', 'sensor/+', '$share/g/a', 'long/topic'];
const mostSteps = 40;

/** Makes a script. */
export function script(random: Random): Script {
  const protocolVersion = random.pick([3, 4, 5, 5, 5] as const);
  // Without hostile steps deeper states are reached, and more must hold.
  const hostile = random.chance(0.5);
  const recording = random.chance(0.6);
  return {
    protocolVersion,
    clean: random.pick(['always', 'first', 'never', 'never'] as const),
    recording,
    slowStore: recording && random.chance(0.6),
    authentication: protocolVersion === 5 && random.chance(0.15),
    handledAtOnce: random.chance(0.5),
    maxInflight: random.pick([1, 2, 3, 1_000]),
    maxMessages: random.pick([2, 5, 1_000, 1_000]),
    overflow: random.pick(['reject', 'drop-oldest'] as const),
    sessionLost: random.pick(['resend', 'reject'] as const),
    topicAliases: random.chance(0.5),
    receiveMaximum: random.pick([1, 2, 256]),
    steps: random.list(random.int(3, mostSteps), () => step(random, protocolVersion, hostile)),
    endResumed: random.chance(0.5),
  };
}

type Maker = (random: Random, version: ProtocolVersion) => Step;

/** Steps of what is around any client: transport, store, clock and server. */
export type OuterStep = Extract<
  Step,
  {
    do:
      | 'reauthenticate'
      | 'close'
      | 'commit'
      | 'failCommit'
      | 'tick'
      | 'connack'
      | 'answer'
      | 'send'
      | 'ack'
      | 'bytes';
  }
>;

type OuterMaker = (random: Random, version: ProtocolVersion) => OuterStep;

const publish: Maker = (random, version) => ({
  do: 'publish',
  qos: random.pick([0, 1, 1, 2, 2] as const),
  topic: random.pick(topics),
  size: random.chance(0.05) ? random.int(100, 5_000) : random.int(0, 20),
  retain: random.chance(0.1),
  expiry: version === 5 ? random.maybe(() => random.int(0, 20), 0.1) : undefined,
});

/** What an application does; repeated by how often it does. */
const application: readonly Maker[] = [
  publish,
  publish,
  publish,
  publish,
  (random) => ({ do: 'publishNow', topic: random.pick(topics) }),
  (random) => ({ do: 'withdraw', pick: random.int(0, 100) }),
  (random) => ({
    do: random.pick(['subscribe', 'subscribe', 'unsubscribe'] as const),
    filters: random.list(random.int(1, 3), () => random.pick(filters)),
    qos: random.pick([0, 1, 2] as const),
  }),
  (random) => ({ do: 'withdrawRequest', pick: random.int(0, 100) }),
  (random) => ({ do: 'acknowledge', pick: random.int(0, 100), reasonCode: random.pick([0, 0, 0, 0x83]) }),
  () => ({ do: 'crash' }),
  () => ({ do: 'disconnect' }),
];

const answer: OuterMaker = (random) => ({
  do: 'answer',
  pick: random.int(0, 100),
  count: random.int(1, 6),
  inOrder: random.chance(0.8),
  refuse: random.chance(0.1),
});

const connackStep: OuterMaker = (random, version) => ({
  do: 'connack',
  connack: connack(random, version, false),
});

const commit: OuterMaker = (random) => ({ do: 'commit', count: random.int(1, 4) });

/** What happens around any client; repeated by how often it does. */
const surroundings: readonly OuterMaker[] = [
  answer,
  answer,
  answer,
  answer,
  connackStep,
  connackStep,
  commit,
  commit,
  commit,
  (random) => ({
    do: 'send',
    qos: random.pick([0, 1, 2, 2] as const),
    id: random.int(1, 4),
    dup: random.chance(0.2),
    topic: random.pick(topics),
    alias: 0,
  }),
  (random) => ({ do: 'close', orderly: random.chance(0.5) }),
  () => ({ do: 'failCommit' }),
  () => ({ do: 'reauthenticate' }),
  (random) => {
    const monotonic = random.pick([1, 1_000, 30_000, 90_000]);
    return { do: 'tick', monotonic, wall: random.chance(0.1) ? random.int(-10_000, 10_000_000) : monotonic };
  },
];

/** What only a broken or hostile server does. */
const hostilities: readonly OuterMaker[] = [
  (random, version) => ({ do: 'connack', connack: connack(random, version, true) }),
  (random) => ({
    do: 'send',
    qos: random.pick([0, 1, 2] as const),
    id: random.int(1, 65_535),
    dup: random.chance(0.5),
    topic: random.pick(['', ...topics]),
    alias: random.int(0, 4),
  }),
  (random) => ({
    do: 'ack',
    type: random.pick(['puback', 'pubrec', 'pubrel', 'pubcomp', 'suback', 'unsuback'] as const),
    id: random.chance(0.8) ? random.int(1, 6) : random.int(1, 65_535),
    reasonCode: random.pick([0, 0, 0x10, 0x80, 0x92, 0x97]),
  }),
  (random, version) => ({ do: 'bytes', bytes: stream(random, version, serverTypes).bytes }),
];

/** A step of what is around a client. */
export function outerStep(random: Random, version: ProtocolVersion, hostile: boolean): OuterStep {
  return random.pick(hostile && random.chance(0.4) ? hostilities : surroundings)(random, version);
}

function step(random: Random, version: ProtocolVersion, hostile: boolean): Step {
  return random.chance(0.45)
    ? random.pick(application)(random, version)
    : outerStep(random, version, hostile);
}

function connack(random: Random, version: ProtocolVersion, hostile: boolean): Connack {
  const refusals = version === 5 ? [0x80, 0x84, 0x87, 0x88, 0x97, 0x9c] : [1, 2, 3, 4, 5];
  const maybe = <T>(make: () => T) => random.maybe(make, 0.3);
  return {
    truthful: !hostile,
    forgets: random.chance(0.25),
    reasonCode: random.chance(0.1) ? random.pick(refusals) : 0,
    properties:
      version === 5
        ? {
            receiveMaximum: maybe(() => random.int(1, 3)),
            maximumQoS: random.maybe(() => random.pick([0, 1] as const), 0.1),
            retainAvailable: maybe(() => random.chance(0.5)),
            maximumPacketSize: random.maybe(() => random.int(24, 200), 0.1),
            topicAliasMaximum: maybe(() => random.int(1, 3)),
            wildcardSubscriptionAvailable: random.maybe(() => random.chance(0.5), 0.1),
            subscriptionIdentifierAvailable: random.maybe(() => random.chance(0.5), 0.2),
            sharedSubscriptionAvailable: random.maybe(() => random.chance(0.5), 0.1),
            serverKeepAlive: maybe(() => random.pick([0, 10, 60])),
            sessionExpiryInterval: maybe(() => random.uint32()),
            assignedClientIdentifier: hostile ? maybe(() => 'assigned') : undefined,
          }
        : {},
  };
}
