/**
 * The bare socket: sends and receives the bytes that a client would, encoded before, in one write a turn. It knows
 * just enough of MQTT to count.
 */

import { type Packets, publishPackets } from '../packets';
import type { Peer, QoS } from './peer';

/** A socket as `raw` needs it. */
export interface BareSocket {
  open(url: string, onData: (bytes: Uint8Array) => void): Promise<void>;
  write(bytes: Uint8Array): void;
  /** Resolves when the buffer has room again. */
  drained(): Promise<void> | undefined;
  close(): void;
}

/** CONNECT of MQTT 3.1.1: clean session, client identifier `raw`. */
const connectBytes = Uint8Array.of(16, 15, 0, 4, 77, 81, 84, 84, 4, 2, 0, 0, 0, 3, 114, 97, 119);

/** Makes the peer over a socket. */
export function raw(socket: BareSocket): Peer {
  /** Batches by what they hold; the bytes of a turn are always the same, but for identifiers that nobody looks at. */
  const batches = new Map<string, Packets>();
  /** For each call that waits, in order: how many PUBACK, PUBCOMP, SUBACK, CONNACK are left. */
  const waiting: { left: number; resolve: () => void }[] = [];
  /** From `subscribe` on only messages of one size come. */
  let received:
    | { size: number; qos: QoS; length: number; onMessage: (length: number) => void; part: number }
    | undefined;

  const answered = (count: number): void => {
    let rest = count;
    while (rest > 0 && waiting[0]) {
      const taken = Math.min(rest, waiting[0].left);
      waiting[0].left -= taken;
      rest -= taken;
      if (waiting[0].left === 0) waiting.shift()?.resolve();
    }
  };
  const wait = (left: number): Promise<void> =>
    new Promise((resolve) => {
      waiting.push({ left, resolve });
    });

  /** Bytes of a packet that go on in the next chunk. */
  let skip = 0;
  const onData = (bytes: Uint8Array): void => {
    if (received) {
      // Whole packets of one known size: no more than a count.
      received.part += bytes.length;
      const count = Math.floor(received.part / received.size);
      received.part -= count * received.size;
      if (received.qos === 1 && count > 0) socket.write(repeat(Uint8Array.of(64, 2, 0, 1), count));
      for (let index = 0; index < count; index += 1) received.onMessage(received.length);
      return;
    }
    let offset = skip;
    let answers = 0;
    let releases = 0;
    while (offset < bytes.length) {
      const type = (bytes[offset] ?? 0) >> 4;
      if (type === 5) releases += 1;
      else answers += 1;
      offset += type === 9 ? 5 : 4;
    }
    skip = offset - bytes.length;
    if (releases > 0) socket.write(repeat(Uint8Array.of(98, 2, 0, 1), releases));
    if (answers > 0) answered(answers);
  };

  return {
    name: 'raw',
    async connect(url) {
      await socket.open(url, onData);
      const connected = wait(1);
      socket.write(connectBytes);
      await connected;
    },
    async publish(topic, payload, qos, count) {
      const key = `${topic} ${payload.length} ${qos} ${count}`;
      const batch = batches.get(key) ?? publishPackets(topic, payload, qos, count);
      // A single message is no batch, and its payload may be another one next time.
      if (count > 1) batches.set(key, batch);
      const done = qos === 0 ? undefined : wait(count);
      socket.write(batch.bytes);
      await (done ?? socket.drained());
    },
    async subscribe(topic, qos, length, onMessage) {
      const name = new TextEncoder().encode(topic);
      received = undefined;
      const granted = wait(1);
      socket.write(Uint8Array.of(130, 5 + name.length, 0, 1, 0, name.length, ...name, qos));
      await granted;
      const size = publishPackets(topic, new Uint8Array(length), qos, 1).bytes.length;
      received = { size, qos, length, onMessage, part: 0 };
    },
    async close() {
      socket.close();
    },
  };
}

function repeat(bytes: Uint8Array, count: number): Uint8Array {
  const all = new Uint8Array(bytes.length * count);
  for (let index = 0; index < count; index += 1) all.set(bytes, index * bytes.length);
  return all;
}
