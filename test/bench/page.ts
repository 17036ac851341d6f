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

const makers: Record<PagePeer, () => Promise<Peer>> = {
  // The built files, as a page without a bundler imports them.
  mqtide: async () => {
    const file = '/dist/index.js';
    const { connect }: typeof import('../../src/index') = await import(file);
    return mqtide(connect);
  },
  'mqtide, stored': async () => {
    const [file, storeFile] = ['/dist/index.js', '/dist/indexeddb.js'];
    const { connect }: typeof import('../../src/index') = await import(file);
    const { indexedDbStore }: typeof import('../../src/store/indexeddb') = await import(storeFile);
    return mqtide(connect, { clientId: 'bench', clean: false, store: indexedDbStore() });
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
};
Object.assign(globalThis, { bench: page });
