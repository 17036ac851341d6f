/** The work that is measured, the same for every peer, in Node and in a page. */

import type { Peer, QoS } from './peers/peer';

/** One piece of work. */
export type Work =
  | { readonly kind: 'publish'; readonly qos: QoS; readonly size: number; readonly count: number }
  | {
      readonly kind: 'receive';
      readonly qos: QoS;
      readonly size: number;
      readonly count: number;
      /** Packets in 64 KiB frames, or one packet a frame. */
      readonly framing: 'batched' | 'single';
    }
  | { readonly kind: 'round-trip'; readonly size: number; readonly count: number }
  /** Publishes what it is subscribed to itself, until all of it has come; for real brokers. */
  | { readonly kind: 'echo'; readonly qos: QoS; readonly size: number; readonly count: number };

/** What was measured. */
export interface Measured {
  readonly milliseconds: number;
  /** Milliseconds of each round trip, in the middle. */
  readonly median?: number;
}

/** What a message asks the sink to send: the work, and where to. */
export interface Blast {
  readonly topic: string;
  readonly qos: QoS;
  readonly size: number;
  readonly count: number;
  readonly framing: 'batched' | 'single';
}

/** Topic at which the sink takes a {@link Blast}. */
export const blastTopic = 'bench/blast';

/** Messages that are published in one turn of the event loop. */
const turn = 500;

/** The rest of the event loop gets its turn, as between two events of an application. */
const nextTurn: () => Promise<void> = (() => {
  const { port1, port2 } = new MessageChannel();
  const resolves: (() => void)[] = [];
  port1.onmessage = () => resolves.shift()?.();
  (port1 as { unref?: () => void }).unref?.();
  return () =>
    new Promise<void>((resolve) => {
      resolves.push(resolve);
      (port1 as { ref?: () => void }).ref?.();
      port2.postMessage(0);
    }).finally(() => (port1 as { unref?: () => void }).unref?.());
})();

/** Subscribes. @returns waits until so many messages have come; it throws when any had another length */
async function expected(
  peer: Peer,
  topic: string,
  qos: QoS,
  size: number,
  count: number,
): Promise<() => Promise<void>> {
  let seen = 0;
  let bad = 0;
  let done: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  await peer.subscribe(topic, qos, size, (length) => {
    if (length !== size) bad += 1;
    seen += 1;
    if (seen === count) done();
  });
  return async () => {
    await all;
    if (bad > 0) throw new Error(`${bad} payloads of a wrong length`);
  };
}

let rounds = 0;

/** Does it once, on an open connection. */
export async function doWork(peer: Peer, work: Work): Promise<Measured> {
  const payload = new Uint8Array(work.size).fill(0x2a);
  rounds += 1;
  if (work.kind === 'publish') {
    const { qos, count } = work;
    const start = performance.now();
    if (qos === 0) {
      for (let sent = 0; sent < count; sent += turn) {
        await peer.publish('bench/publish', payload, 0, Math.min(turn, count - sent));
        await nextTurn();
      }
      // The sink answers in order: with this it has all of them.
      await peer.publish('bench/end', payload, 1, 1);
    } else {
      // Two strands: one publishes while the other's acknowledgements are on their way.
      const strand = async (share: number): Promise<void> => {
        for (let sent = 0; sent < share; sent += turn) {
          await peer.publish('bench/publish', payload, qos, Math.min(turn, share - sent));
          await nextTurn();
        }
      };
      const half = Math.ceil(count / 2);
      await Promise.all([strand(half), strand(count - half)]);
    }
    return { milliseconds: performance.now() - start };
  }
  if (work.kind === 'receive') {
    const { qos, size, count, framing } = work;
    const topic = `bench/receive/${String(rounds).padStart(4, '0')}`;
    const all = await expected(peer, topic, qos, size, count);
    const blast: Blast = { topic, qos, size, count, framing };
    const start = performance.now();
    await peer.publish(blastTopic, new TextEncoder().encode(JSON.stringify(blast)), 0, 1);
    await all();
    return { milliseconds: performance.now() - start };
  }
  if (work.kind === 'echo') {
    const { qos, size, count } = work;
    const topic = `bench/echo/${String(rounds).padStart(4, '0')}`;
    const all = await expected(peer, topic, qos, size, count);
    const start = performance.now();
    for (let sent = 0; sent < count; sent += turn) {
      await peer.publish(topic, payload, qos, Math.min(turn, count - sent));
      await nextTurn();
    }
    await all();
    return { milliseconds: performance.now() - start };
  }
  const times: number[] = [];
  for (let index = 0; index < work.count; index += 1) {
    const start = performance.now();
    await peer.publish('bench/publish', payload, 1, 1);
    times.push(performance.now() - start);
  }
  const sorted = [...times].sort((a, b) => a - b);
  return {
    milliseconds: times.reduce((sum, time) => sum + time, 0),
    median: sorted[sorted.length >> 1] ?? 0,
  };
}
