import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { breaches, type Sources } from '../support/architecture';

const src = fileURLToPath(new URL('../../src', import.meta.url));
const sources: Sources = new Map(
  readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => [name.replaceAll('\\', '/'), readFileSync(`${src}/${name}`, 'utf8')]),
);

/** A small tree that keeps the rules. */
const kept = {
  'errors.ts': "import { name } from './reason-code';",
  'reason-code.ts': 'export const name = 1;',
  'message.ts': '',
  'topic/match.ts': "import { UsageError } from '../errors';",
  'codec/packet.ts': "import type { QoS } from '../message';",
  'session/session.ts': "import type { Packet } from '../codec/packet';",
  'store/store.ts': "import type { State } from '../session/session';",
  'transport/transport.ts': '',
  'transport/tcp.ts': "import { connect } from 'node:net'; import type { Transport } from './transport';",
  'transport/node-websocket.ts': "const { WebSocket } = await import('ws');",
  'client/client.ts':
    "import { Session } from '../session/session'; import type { Store } from '../store/store';",
  'index.ts': "export { Client } from './client/client';",
  'node.ts': "import { tcp } from './transport/tcp'; export * from './index';",
  'auth/index.ts': "import { UsageError } from '../errors'; import type { EnhancedAuth } from '../index';",
  'script.ts': "export * from './index'; export * from './auth/index';",
};

/** What is wrong with the small tree after a change of some of its files. */
function breachesAfter(changes: Readonly<Record<string, string>>): string[] {
  return breaches(new Map(Object.entries({ ...kept, ...changes })));
}

describe('the rooms of src', () => {
  test('keep the rules of the architecture', () => {
    expect(sources.size).toBeGreaterThan(5);
    expect(breaches(sources)).toEqual([]);
  });
});

describe('the check of the rooms', () => {
  test('finds nothing in a tree that keeps the rules', () => {
    expect(breachesAfter({})).toEqual([]);
  });

  test.each([
    ['codec -> session', 'codec/packet.ts', "import { a } from '../session/session';"],
    ['session -> client', 'session/session.ts', "import { a } from '../client/client';"],
    ['session -> client, a type', 'session/session.ts', "import type { a } from '../client/client';"],
    ['session -> client, inline', 'session/session.ts', "export type A = import('../client/client').A;"],
    ['session -> client, re-export', 'session/session.ts', "export * from '../client/client';"],
    ['session -> client, dynamic', 'session/session.ts', "void import('../client/client');"],
    ['session -> store', 'session/session.ts', "import type { a } from '../store/store';"],
    ['store -> client', 'store/store.ts', "import type { a } from '../client/client';"],
    ['transport -> session', 'transport/transport.ts', "import type { a } from '../session/session';"],
    ['transport -> topic', 'transport/transport.ts', "import type { a } from '../topic/match';"],
    ['message -> errors', 'message.ts', "import { a } from './errors';"],
    ['topic -> codec', 'topic/match.ts', "import type { a } from '../codec/packet';"],
    ['client -> entry', 'client/client.ts', "import { a } from '../index';"],
    ['auth -> session', 'auth/index.ts', "import type { a } from '../session/session';"],
    ['auth -> client', 'auth/index.ts', "import type { a } from '../client/client';"],
  ])('reports the upward import %s', (_arrow, file, text) => {
    expect(breachesAfter({ [file]: text }).join('\n')).toMatch(new RegExp(`${file} imports`));
  });

  test('lets a store import types of the session only', () => {
    expect(breachesAfter({ 'store/store.ts': "import { State } from '../session/session';" })).toEqual([
      'store/store.ts imports session/session.ts: store may import only types of session',
    ]);
    expect(breachesAfter({ 'store/store.ts': "import { type State } from '../session/session';" })).toEqual(
      [],
    );
  });

  test('reports an import ring, one of types too', () => {
    expect(
      breachesAfter({
        'codec/packet.ts': "import { a } from './reader';",
        'codec/reader.ts': "import type { b } from './packet';",
      }),
    ).toEqual(['import ring: codec/packet.ts -> codec/reader.ts -> codec/packet.ts']);
    expect(breachesAfter({ 'message.ts': "import type { a } from './message';" })).toEqual([
      'import ring: message.ts -> message.ts',
    ]);
  });

  test('reports built-in modules of Node outside their files, and packages', () => {
    expect(breachesAfter({ 'client/random.ts': "import { randomBytes } from 'node:crypto';" })).toEqual([
      'client/random.ts imports node:crypto',
    ]);
    expect(breachesAfter({ 'client/random.ts': "import { randomBytes } from 'crypto';" })).toEqual([
      'client/random.ts imports crypto',
    ]);
    expect(breachesAfter({ 'client/socket.ts': "await import('ws');" })).toEqual([
      'client/socket.ts imports ws',
    ]);
  });

  test('reports a file for Node that an entry for browsers reaches', () => {
    expect(breachesAfter({ 'client/client.ts': "import { tcp } from '../transport/tcp';" })).toEqual([
      'transport/tcp.ts imports node:net, and an entry for browsers reaches it',
    ]);
    expect(breachesAfter({ 'client/client.ts': "import type { tcp } from '../transport/tcp';" })).toEqual([]);
  });

  test.each([
    'Buffer.from([])',
    'Date.now()',
    'globalThis.Date.now()',
    "Date['now']()",
    'const { now } = Date;',
    'setTimeout(() => {}, 1)',
    'globalThis.setTimeout(() => {}, 1)',
    "globalThis['setTimeout'](() => {}, 1)",
    'const { setTimeout: later } = globalThis;',
    'const later = setTimeout;',
    'setInterval(() => {}, 1)',
    'Math.random()',
    'new Promise(() => {})',
    'Promise.resolve()',
    'type Later = Promise<void>;',
    'queueMicrotask(() => {})',
    'performance.now()',
  ])('reports %s in the codec and in the session', (text) => {
    expect(breachesAfter({ 'codec/packet.ts': text })).toHaveLength(1);
    expect(breachesAfter({ 'session/session.ts': text })).toHaveLength(1);
    expect(breachesAfter({ 'client/client.ts': text })).toEqual([]);
  });

  test.each([
    '// Buffer, Promise and setTimeout are not for here',
    "const words = 'Promise';",
    'const packet = { performance: 1, process: 2 };',
    'clock.performance; clock.now(); timer.setTimeout();',
    'interface Later { process(): void; Promise: number }',
    'new Date(0); Math.max(1, 2);',
  ])('does not mind %s there', (text) => {
    expect(breachesAfter({ 'session/session.ts': text })).toEqual([]);
  });

  test('reports a room that it does not know, and an import that leads nowhere', () => {
    expect(breachesAfter({ 'utils/index.ts': '' })).toEqual([
      'utils/index.ts: utils is no room that the rules know',
    ]);
    expect(breachesAfter({ 'client/client.ts': "import { a } from '../../test/support/wait-for';" })).toEqual(
      ['client/client.ts imports ../../test/support/wait-for, which is no file of src'],
    );
  });
});
