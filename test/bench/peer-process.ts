/** One peer in a process of its own, so that no peer pays for another's garbage or code. */

import { mqtide } from './peers/mqtide';
import { mqttJs } from './peers/mqtt-js';
import { tcpSocket, webSocket } from './peers/node-sockets';
import type { Peer } from './peers/peer';
import { raw } from './peers/raw';
import { u8Mqtt } from './peers/u8-mqtt';
import { doWork, type Measured, type Work } from './work';

/** Peers that run in Node. */
export type NodePeer = 'mqtide' | 'MQTT.js' | 'u8-mqtt' | 'raw';

/** What the process is asked. */
export type Question =
  | { readonly type: 'connect'; readonly peer: NodePeer; readonly url: string }
  | { readonly type: 'work'; readonly work: Work }
  | { readonly type: 'heap' };

/** What it answers. */
export type Answer =
  | { readonly type: 'connected' }
  | {
      readonly type: 'measured';
      readonly measured: Measured;
      /** User and system time of the process, in milliseconds. */
      readonly cpu: number;
    }
  | { readonly type: 'heap'; readonly bytes: number }
  | { readonly type: 'failed'; readonly reason: string };

// As an application imports it; there are no types before the first build.
const { connect }: typeof import('../../src/node') = await import(
  new URL('../../dist/node.js', import.meta.url).href
);

const makers: Record<NodePeer, (url: string) => Peer> = {
  mqtide: () => mqtide(connect),
  'MQTT.js': mqttJs,
  'u8-mqtt': u8Mqtt,
  raw: (url) => raw(url.startsWith('ws') ? webSocket() : tcpSocket()),
};

let peer: Peer | undefined;

async function answer(question: Question): Promise<Answer> {
  if (question.type === 'connect') {
    peer = makers[question.peer](question.url);
    await peer.connect(question.url);
    return { type: 'connected' };
  }
  if (question.type === 'heap') {
    for (let index = 0; index < 4; index += 1) globalThis.gc?.();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    return { type: 'heap', bytes: heapUsed + external + arrayBuffers };
  }
  if (!peer) throw new Error('connect first');
  const before = process.cpuUsage();
  const measured = await doWork(peer, question.work);
  const { user, system } = process.cpuUsage(before);
  return { type: 'measured', measured, cpu: (user + system) / 1_000 };
}

process.on('message', (question: Question) => {
  answer(question).then(
    (value) => process.send?.(value),
    (error: unknown) => process.send?.({ type: 'failed', reason: String(error) } satisfies Answer),
  );
});
process.on('disconnect', () => process.exit());
// u8-mqtt tells the console what it does.
console.log = () => undefined;
console.info = () => undefined;
