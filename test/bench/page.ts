/** Runs in the page of the browser bench: one peer and its work. */

import { mqtide } from './peers/mqtide';
import { mqttJs } from './peers/mqtt-js';
import { paho } from './peers/paho';
import type { Peer } from './peers/peer';
import { type BareSocket, raw } from './peers/raw';
import { u8Mqtt } from './peers/u8-mqtt';
import { doWork, type Measured, type Work } from './work';

/** Peers that run in a page. */
export type PagePeer = 'mqtide' | 'mqtide, stored' | 'MQTT.js' | 'paho' | 'u8-mqtt' | 'raw';

/** What the page offers to the bench. */
export interface BenchPage {
  connect(name: PagePeer, url: string): Promise<void>;
  work(work: Work): Promise<Measured>;
  /** Stores so many messages of QoS 1 in IndexedDB, without a connection. @returns the milliseconds that it took */
  store(count: number): Promise<number>;
}

/** The browser's WebSocket. */
function browserSocket(): BareSocket {
  let socket: WebSocket;
  return {
    open(url, onData) {
      socket = new WebSocket(url, 'mqtt');
      socket.binaryType = 'arraybuffer';
      socket.onmessage = ({ data }) => onData(new Uint8Array(data));
      return new Promise((resolve, reject) => {
        socket.onopen = () => resolve();
        socket.onerror = reject;
      });
    },
    write: (bytes) => socket.send(bytes as BufferSource),
    async drained() {
      while (socket.bufferedAmount > 512 * 1_024) await new Promise((resolve) => setTimeout(resolve, 1));
    },
    close: () => socket.close(),
  };
}

/** The built files, as a page without a bundler imports them. */
async function built() {
  const [file, storeFile] = ['/dist/index.js', '/dist/indexeddb.js'];
  const { connect, createClient }: typeof import('../../src/index') = await import(file);
  const { indexedDbStore }: typeof import('../../src/store/indexeddb') = await import(storeFile);
  return { connect, createClient, indexedDbStore };
}

const makers: Record<PagePeer, () => Promise<Peer>> = {
  mqtide: async () => mqtide((await built()).connect),
  'mqtide, stored': async () => {
    const { connect, indexedDbStore } = await built();
    // A session of its own: what the page before left behind is none of ours.
    return mqtide(connect, { clientId: crypto.randomUUID(), clean: false, store: indexedDbStore() });
  },
  'MQTT.js': async () => mqttJs(),
  paho: async () => paho(),
  'u8-mqtt': async () => u8Mqtt(),
  raw: async () => raw(browserSocket()),
};

let peer: Peer | undefined;

const page: BenchPage = {
  async connect(name, url) {
    peer = await makers[name]();
    await peer.connect(url);
  },
  work(work) {
    if (!peer) throw new Error('connect first');
    return doWork(peer, work);
  },
  async store(count) {
    const { createClient, indexedDbStore } = await built();
    const client = createClient('ws://127.0.0.1', {
      clientId: crypto.randomUUID(),
      clean: false,
      store: indexedDbStore(),
      queue: { maxMessages: count },
    });
    const payload = new Uint8Array(20).fill(0x2a);
    const options = { qos: 1, until: 'stored' } as const;
    const start = performance.now();
    for (let done = 0; done < count; done += 500)
      await Promise.all(Array.from({ length: 500 }, () => client.publish('bench/stored', payload, options)));
    const milliseconds = performance.now() - start;
    await client.close({ force: true });
    return milliseconds;
  },
};
Object.assign(globalThis, { bench: page });
