/**
 * A session and a server that does what MQTT says, joined by a connection that breaks at any packet. Stories are made
 * from a seed, which is named when one goes wrong.
 */

import { describe, expect, test } from 'vitest';
import { type Published, SessionBench } from '../../support/session-bench';
import { ModelServer } from './model-server';

/** Numbers that look random and are the same for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface World {
  readonly version: 4 | 5;
  /** Whether the server may lose the session. */
  readonly forgets: boolean;
  /** Whether the page may die; the store holds what it was told. */
  readonly crashes: boolean;
  readonly store: 'none' | 'sync' | 'manual';
}

/** A message of the application. */
interface Sent {
  readonly number: number;
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly published: Published;
  /** The page that sent it is gone. */
  orphan: boolean;
}

const stepsPerStory = 120;

/** Plays one story and checks how it ends. */
function play(seed: number, { version, forgets, crashes, store }: World): void {
  const next = random(seed);
  const below = (limit: number) => Math.floor(next() * limit);
  const bench = new SessionBench({ version, store, maxInflight: 4, maxMessages: 1_000 });
  const server = new ModelServer(version);
  const sent: Sent[] = [];
  /** Messages of the server that the session has to deliver. */
  const offered = new Map<number, 1 | 2>();
  /** Messages of the server whose takers decided, as often as they did. */
  const handled: number[] = [];
  let unhandled: number[] = [];
  let isOpen = false;
  let isLost = false;
  let number = 0;

  const open = () => {
    if (forgets && next() < 0.2) {
      isLost = true;
      server.forget();
    }
    // As the client does it when the server resumed a session that it did not know.
    const clean = bench.ends.at(-1)?.cleanStart ?? false;
    bench.open({ clean, properties: version === 5 ? { receiveMaximum: 10 } : undefined });
    isOpen = true;
  };
  const cut = () => {
    isOpen = false;
    server.cut();
    // A while after the last packet, so that no message is blamed for it.
    bench.cut();
    bench.wire = [];
  };
  const toServer = () => {
    const packet = bench.wire.shift();
    if (packet) server.handle(packet);
    return packet !== undefined;
  };
  const toClient = () => {
    const packet = server.wire.shift();
    if (!packet) return false;
    const before = bench.delivered.length;
    bench.receive(packet);
    for (let index = before; index < bench.delivered.length; index += 1) unhandled.push(index);
    return true;
  };
  const handle = (at: number) => {
    const [index] = unhandled.splice(at, 1);
    const delivered = index === undefined ? undefined : bench.delivered[index];
    if (index === undefined || !delivered) return;
    handled.push(Number(new TextDecoder().decode(delivered.packet.payload)));
    bench.acknowledge(index);
  };
  const steps = [
    () => {
      const qos = ([0, 1, 1, 2, 2] as const)[below(5)] ?? 1;
      const topic = `out/${below(2)}`;
      number += 1;
      const published = bench.publish(topic, qos, { text: String(number), key: String(number) });
      sent.push({ number, topic, qos, published, orphan: false });
    },
    () => {
      number += 1;
      const qos = next() < 0.5 ? 1 : 2;
      if (server.publish(number, qos)) offered.set(number, qos);
    },
    () => {
      if (!isOpen) open();
      else if (next() < 0.3) cut();
    },
    () => handle(below(Math.max(1, unhandled.length))),
    () => {
      if (store === 'manual') bench.commit(1 + below(3));
    },
    () => {
      for (let count = below(6); count > 0 && toServer(); count -= 1) {}
    },
    () => {
      for (let count = below(6); count > 0 && toClient(); count -= 1) {}
    },
    () => {
      if (!crashes || next() < 0.8) return;
      for (const one of sent) one.orphan = true;
      unhandled = [];
      isOpen = false;
      server.cut();
      bench.crash();
    },
  ];
  for (let count = 0; count < stepsPerStory; count += 1) steps[below(steps.length)]?.();

  // A good end: everything is handed over until nothing moves any more.
  for (let round = 0; round < 3; round += 1) {
    if (isOpen) cut();
    bench.commit();
    open();
    for (let moved = true; moved; ) {
      bench.commit();
      moved = toServer() || toClient() || unhandled.length > 0;
      if (unhandled.length > 0) handle(0);
    }
  }

  const taken = new Map<number, number>();
  for (const one of server.taken) taken.set(one.number, (taken.get(one.number) ?? 0) + 1);
  for (const { number: name, qos, published, orphan } of sent) {
    const times = taken.get(name) ?? 0;
    const what = `message ${name} of QoS ${qos}`;
    if (qos === 0) expect(times, what).toBeLessThanOrEqual(1);
    else if (!orphan || published.accepted) expect(times, what).toBeGreaterThanOrEqual(1);
    // Exactly once, as long as the server keeps the session; without a store a page that dies takes it along.
    if (qos === 2 && !isLost) expect(times, what).toBeLessThanOrEqual(1);
    if (!orphan) expect(published.outcome, what).toMatch(/^acknowledged/);
  }
  for (const topic of ['out/0', 'out/1']) {
    for (const qos of [0, 1, 2]) {
      const firsts = server.taken
        .filter((one) => one.topic === topic && one.qos === qos)
        .map((one) => one.number);
      const inOrder = [...new Set(firsts)];
      expect(inOrder, `order of QoS ${qos} to ${topic}`).toEqual([...inOrder].sort((a, b) => a - b));
    }
  }
  for (const [name, qos] of offered) {
    if (server.lost.has(name)) continue;
    const times = handled.filter((one) => one === name).length;
    expect(times, `incoming ${name} of QoS ${qos}`).toBeGreaterThanOrEqual(1);
    // A page that dies between the handler's end and the disk is asked again.
    if (qos === 2 && !isLost && !crashes) expect(times, `incoming ${name} of QoS 2`).toBe(1);
  }
  expect(server.isDone).toBe(true);

  // Nothing is left: no message, no slot, no identifier, no record.
  expect(bench.session.counts).toEqual({ queued: 0, queuedBytes: 0, inFlight: 0, unacknowledged: 0 });
  const left = [...bench.session.records()].filter(({ kind }) => kind !== 'session');
  expect(left).toEqual([]);
  if (store !== 'none') expect(bench.store.all()).toEqual([...bench.session.records()]);
  const quota = version === 5 ? 3 : 4;
  bench.take();
  bench.publishAll(...Array<string>(10).fill('x1'));
  bench.commit();
  expect(bench.take()).toHaveLength(quota);
}

const seeds = Array.from({ length: 150 }, (_, index) => index);

describe.each([5, 4] as const)('a session over a connection that breaks, protocol level %i', (version) => {
  test.each<[string, Omit<World, 'version'>]>([
    [
      'delivers QoS 1 and 2 in order, QoS 2 once, while the server keeps the session',
      { forgets: false, crashes: false, store: 'none' },
    ],
    [
      'delivers QoS 1 and 2 in order though the server loses the session',
      { forgets: true, crashes: false, store: 'none' },
    ],
    ['does so with a store that takes its time', { forgets: true, crashes: false, store: 'manual' }],
    [
      'loses nothing and doubles nothing when the page dies',
      { forgets: false, crashes: true, store: 'sync' },
    ],
    [
      'loses nothing and doubles nothing when the page dies and the store takes its time',
      { forgets: false, crashes: true, store: 'manual' },
    ],
    [
      'loses nothing when the page dies and the server loses the session',
      { forgets: true, crashes: true, store: 'manual' },
    ],
  ])('%s', (_name, world) => {
    for (const seed of seeds) {
      try {
        play(seed, { version, ...world });
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
  });
});
