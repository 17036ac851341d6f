/** Cases that the fuzzer found, each as small as it was found, so that they stay found. */

import { describe, expect, test } from 'vitest';
import type { ApplicationScript } from './application/script';
import type { ClientScript } from './client-script';
import type { Script } from './session-script';
import { applicationTarget } from './targets/application';
import { clientTarget } from './targets/client';
import { type DecoderInput, decoderTarget } from './targets/decoder';
import { sessionTarget } from './targets/session';

/** A session with a store that takes its time; each case says what differs. */
const session: Script = {
  protocolVersion: 5,
  clean: 'never',
  recording: true,
  slowStore: true,
  authentication: false,
  handledAtOnce: true,
  maxInflight: 1_000,
  maxMessages: 1_000,
  overflow: 'reject',
  sessionLost: 'resend',
  topicAliases: false,
  receiveMaximum: 256,
  steps: [],
  endResumed: true,
};

const client: ClientScript = {
  protocolVersion: 5,
  clean: true,
  store: 'slow',
  ack: 'handled',
  reconnect: { minDelay: 1_000, maxDelay: 2_000, initial: true },
  authentication: 'none',
  maxInflight: 1_000,
  maxMessages: 1_000,
  qos0: 'queue',
  overflow: 'reject',
  sessionLost: 'resend',
  topicAliases: 'off',
  receiveMaximum: 256,
  maxUnread: 1_000,
  compare: false,
  steps: [],
};

const application: ApplicationScript = {
  seed: 1,
  hosts: ['a.test'],
  protocolVersion: 5,
  clean: true,
  store: 'default',
  ack: 'handled',
  reconnect: { minDelay: 1_000, maxDelay: 2_000, initial: true },
  maxInflight: 1_000,
  connectTimeout: 5_000,
  qos0: 'queue',
  maxUnread: 1_000,
  keepAlive: 60,
  topicAliases: 'off',
  sessionLost: 'resend',
  receiveMaximum: 256,
  credentials: false,
  poison: false,
  server: {
    receiveMaximum: 256,
    subscriptionIdentifierAvailable: true,
    qos2Delivery: 'receipt',
    topicAliasMaximum: 0,
  },
  reactions: [],
  steps: [],
};

const hex = (digits: string) => Uint8Array.from(Buffer.from(digits, 'hex'));
const accept = {
  do: 'connack',
  connack: { truthful: true, forgets: false, reasonCode: 0, properties: {} },
} as const;
const forgets = { ...accept, connack: { ...accept.connack, forgets: true } };
const publish = (qos: 0 | 1 | 2) =>
  ({ do: 'publish', qos, topic: 'sensor/1', size: 0, retain: false, expiry: undefined }) as const;
const send = (qos: 0 | 1 | 2, id: number, dup = false) =>
  ({ do: 'send', qos, id, dup, topic: 'a', alias: 0 }) as const;
const ack = (type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', id: number) =>
  ({ do: 'ack', type, id, reasonCode: 0 }) as const;
const answer = (count: number) => ({ do: 'answer', pick: 0, count, inOrder: true, refuse: false }) as const;
const commit = (count: number) => ({ do: 'commit', count }) as const;
const bytes = (digits: string) => ({ do: 'bytes', bytes: hex(digits) }) as const;
const drop = { do: 'close', orderly: true } as const;
const crash = { do: 'crash' } as const;
const failCommit = { do: 'failCommit' } as const;
const disconnect = { do: 'disconnect' } as const;

describe('found in the decoder', () => {
  test('a Buffer as chunk: what is handed out is a Uint8Array, and binary data a copy', () => {
    const input: DecoderInput = {
      kind: 'reduced',
      protocolVersion: 5,
      maximumPacketSize: undefined,
      bytes: hex('101000044d5154540542fbfb000000000180'),
      cuts: [],
      backing: 'buffer',
      stopAt: 4,
      expected: [],
    };
    expect(() => decoderTarget.check(input)).not.toThrow();
  });
});

describe('found in the session', () => {
  const cases: readonly [title: string, script: Partial<Script>][] = [
    [
      'a PUBLISH is sent again on a new link although its record still waits for the store',
      { steps: [accept, publish(1), drop, accept, answer(1)] },
    ],
    [
      'PUBREC for a message that came again overtakes the save of its identifier',
      { steps: [send(2, 3), send(2, 3, true)] },
    ],
    [
      'PUBCOMP for an identifier that a new session discarded overtakes its removal',
      { protocolVersion: 4, clean: 'first', steps: [send(2, 1), commit(9), drop, forgets, ack('pubrel', 1)] },
    ],
    [
      'PUBREL for a PUBREC that came again overtakes the save of the release',
      { steps: [publish(2), commit(9), accept, commit(9), answer(1), ack('pubrec', 1), ack('pubrec', 1)] },
    ],
    [
      'a CONNECT of an unknown version from the server ends in an exception',
      { steps: [accept, bytes('1003000000')] },
    ],
    [
      'operations that failed are written after later ones, and undo them',
      { protocolVersion: 4, clean: 'always', steps: [send(2, 1), drop, commit(1), accept, failCommit] },
    ],
    [
      'what waits for a slot leaves before or after other answers, as the bytes are cut',
      {
        protocolVersion: 4,
        maxInflight: 1,
        steps: [accept, publish(1), publish(1), bytes('40020001620200ff')],
      },
    ],
    [
      'a QoS 2 message that a new limit keeps from being sent again frees an identifier that the server may hold',
      {
        slowStore: false,
        steps: [
          publish(2),
          publish(2),
          answer(1),
          disconnect,
          { ...accept, connack: { ...accept.connack, properties: { maximumQoS: 0 } } },
          crash,
          publish(1),
        ],
      },
    ],
    [
      'a message whose bytes went down with their link is sent with DUP',
      {
        protocolVersion: 4,
        steps: [accept, publish(2), drop, accept, bytes('d000e000')],
      },
    ],
    [
      'PUBREC before its PUBLISH was written, and then a store that fails, make a PUBREL with identifier 0',
      { protocolVersion: 4, steps: [accept, publish(2), ack('pubrec', 1), failCommit, accept, answer(9)] },
    ],
    [
      'two records with one identifier, after a store that failed, lose a message at the next start',
      {
        sessionLost: 'reject',
        steps: [
          publish(2),
          accept,
          commit(9),
          crash,
          { ...forgets, connack: { ...forgets.connack, properties: { maximumQoS: 1 } } },
          publish(1),
          failCommit,
          commit(1),
          crash,
        ],
      },
    ],
    [
      'PUBACK overtakes an earlier one that waits for the store with its batch',
      { steps: [accept, publish(1), commit(9), bytes('400200013206000161000100'), send(1, 2)] },
    ],
  ];

  test.each(cases)('%s: not any more', (_, script) => {
    expect(() => sessionTarget.check({ ...session, ...script })).not.toThrow();
  });
});

describe('found in the client', () => {
  const offer = {
    do: 'offer',
    qos: 2,
    topic: 'a',
    size: 0,
    retain: false,
    until: 'acknowledged',
    abortable: false,
    timeout: undefined,
    expiry: undefined,
  } as const;
  const connect = { do: 'connect', abortable: false } as const;
  const cases: readonly [title: string, script: Partial<ClientScript>][] = [
    ['a timer for the expiry of a message outlives close()', { steps: [{ ...offer, expiry: 11 }] }],
    [
      'a method of authentication that refuses the server sends a DISCONNECT that only servers may send',
      { authentication: 'success', steps: [connect, accept] },
    ],
    [
      'CONNECT waits for a store that has failed before, and DISCONNECT overtakes it',
      {
        clean: false,
        store: 'slow',
        ack: 'received',
        reconnect: { minDelay: 1, maxDelay: 2_000, initial: true },
        maxInflight: 1,
        overflow: 'drop-oldest',
        receiveMaximum: 2,
        steps: [
          connect,
          { do: 'answer', pick: 98, count: 3, inOrder: true, refuse: false },
          {
            do: 'listen',
            filters: ['long/topic', 'long/topic', '+/topic'],
            qos: 0,
            taker: 'at-once',
            abortable: false,
          },
          { do: 'tick', monotonic: 30_000, wall: 30_000 },
        ],
      },
    ],
  ];

  test.each(cases)('%s: not any more', async (_, script) => {
    await expect(clientTarget.check({ ...client, ...script })).resolves.toBeUndefined();
  });
});

describe('found in the hands of an application', () => {
  const connect = { do: 'connect', abortable: false } as const;
  const wait = (milliseconds: number) => ({ do: 'wait', milliseconds }) as const;
  const subscribe = (...filters: string[]) =>
    ({ do: 'subscribe', filters, qos: 2, taker: 'at-once', abortable: false, timeout: undefined }) as const;
  const unsubscribe = (...filters: string[]) => ({ do: 'unsubscribe', filters, abortable: false }) as const;
  const publishTo = (topic: string) =>
    ({
      do: 'publish',
      qos: 2,
      topic,
      keyed: false,
      until: 'acknowledged',
      abortable: false,
      timeout: undefined,
    }) as const;
  const withholdUnsuback = {
    do: 'plan',
    host: 'a.test',
    plan: { withhold: ['unsuback'] },
    count: 1,
  } as const;
  const cases: readonly [title: string, script: Partial<ApplicationScript>][] = [
    [
      'an UNSUBSCRIBE whose answer did not come is sent again after a later SUBSCRIBE, and undoes it',
      { steps: [withholdUnsuback, connect, unsubscribe('t/a'), subscribe('t/a'), wait(700)] },
    ],
    [
      'a subscribe that may be aborted while it waits for the store comes after a later unsubscribe',
      {
        clean: false,
        store: 'slow',
        steps: [connect, { ...subscribe('t/b', 't/+'), abortable: true }, unsubscribe('t/+')],
      },
    ],
    [
      'poison behind a QoS 2 message that each new session sends again is never found',
      {
        protocolVersion: 4,
        poison: true,
        steps: [publishTo('t/a'), publishTo('poison/p'), publishTo('t/b'), publishTo('t/c/d')],
      },
    ],
  ];

  test.each(cases)('%s: not any more', async (_, script) => {
    await expect(applicationTarget.check({ ...application, ...script })).resolves.toBeUndefined();
  });
});
