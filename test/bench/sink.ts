/**
 * A server that only acknowledges, in a process of its own, so that the client is what is measured. It speaks
 * just enough MQTT 3.1.1: acknowledgements leave in one write for each chunk that came in; messages are counted and
 * dropped; on demand it blasts messages at a subscriber.
 *
 * It tells its parent its ports, and answers `count` with what came since it was asked last.
 */

import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { publishPackets } from './packets';
import { type Blast, blastTopic } from './work';

/** Where the sink listens. */
export interface SinkPorts {
  readonly tcp: number;
  readonly webSocket: number;
}

/** What came since the last question. */
export interface SinkCounts {
  /** PUBLISH packets, those at `bench/blast` and `bench/end` left out. */
  readonly messages: number;
  /** Their bytes. */
  readonly bytes: number;
  /** WebSocket frames, or chunks that TCP made. */
  readonly frames: number;
}

/** One way out. */
interface Out {
  write(bytes: Uint8Array): void;
  /** Bytes that wait. */
  readonly buffered: number;
}

let messages = 0;
let bytes = 0;
let frames = 0;

const text = new TextDecoder();

function connection(out: Out): (chunk: Uint8Array) => void {
  /** The packet that is not whole yet, in the chunks that brought it: joined once, however large it is. */
  let parts: Uint8Array[] = [];
  let held = 0;
  /** Its size, as far as that is known. */
  let needed = 0;
  return (chunk) => {
    frames += 1;
    parts.push(chunk);
    held += chunk.length;
    if (held < needed) return;
    const input = parts.length === 1 ? chunk : Buffer.concat(parts, held);
    // Acknowledgements of this chunk.
    let answers = new Uint8Array(1_024);
    let length = 0;
    const answer = (...values: number[]): void => {
      if (length + values.length > answers.length) {
        const larger = new Uint8Array(answers.length * 2);
        larger.set(answers);
        answers = larger;
      }
      for (const value of values) {
        answers[length] = value;
        length += 1;
      }
    };
    let offset = 0;
    for (;;) {
      let at = offset + 1;
      let remaining = 0;
      let shift = 0;
      let byte = 0x80;
      while (byte & 0x80 && at < input.length) {
        byte = input[at] ?? 0;
        remaining += (byte & 0x7f) * 2 ** shift;
        shift += 7;
        at += 1;
      }
      const end = at + remaining;
      needed = byte & 0x80 ? 0 : end - offset;
      if (byte & 0x80 || end > input.length) break;
      const first = input[offset] ?? 0;
      const type = first >> 4;
      if (type === 3) {
        const qos = (first >> 1) & 3;
        const topicLength = ((input[at] ?? 0) << 8) | (input[at + 1] ?? 0);
        const id = at + 2 + topicLength;
        if (qos > 0) answer(qos === 1 ? 0x40 : 0x50, 2, input[id] ?? 0, input[id + 1] ?? 0);
        // The topics of the bench itself are told apart by their length and last letter alone.
        const last = input[id - 1];
        if (topicLength === blastTopic.length && last === 116) {
          blast(JSON.parse(text.decode(input.subarray(qos > 0 ? id + 2 : id, end))), out);
        } else if (last !== 100) {
          messages += 1;
          bytes += end - offset;
        }
      } else if (type === 6) answer(0x70, 2, input[at] ?? 0, input[at + 1] ?? 0);
      else if (type === 1) answer(0x20, 2, 0, 0);
      else if (type === 8) answer(0x90, 3, input[at] ?? 0, input[at + 1] ?? 0, (input[end - 1] ?? 0) & 3);
      else if (type === 10) answer(0xb0, 2, input[at] ?? 0, input[at + 1] ?? 0);
      else if (type === 12) answer(0xd0, 0);
      else if (type === 5) answer(0x62, 2, input[at] ?? 0, input[at + 1] ?? 0);
      offset = end;
    }
    held = input.length - offset;
    parts = held > 0 ? [input.slice(offset)] : [];
    if (length > 0) out.write(answers.subarray(0, length));
  };
}

/** Bytes in one frame of a batch. */
const batchBytes = 64 * 1_024;

/** Bytes that may wait in the socket. */
const highWater = 1_024 * 1_024;

function blast({ topic, qos, size, count, framing }: Blast, out: Out): void {
  const perFrame =
    framing === 'single'
      ? 1
      : Math.max(1, Math.floor(batchBytes / publishPackets(topic, new Uint8Array(size), qos, 1).size));
  const payload = new Uint8Array(size).fill(0x2a);
  // An identifier comes again when all others have been used.
  const kinds = qos === 0 ? 1 : Math.floor(0xffff / perFrame);
  const ring = Array.from({ length: kinds }, (_, index) =>
    publishPackets(topic, payload, qos, perFrame, 1 + index * perFrame),
  );
  let sent = 0;
  let left = count;
  const more = (): void => {
    while (left > 0 && out.buffered < highWater) {
      const frame = ring[sent % kinds]!;
      sent += 1;
      const taken = Math.min(perFrame, left);
      out.write(taken === perFrame ? frame.bytes : frame.bytes.subarray(0, taken * frame.size));
      left -= taken;
    }
    if (left > 0) setImmediate(more);
  };
  more();
}

const tcp = createServer((socket: Socket) => {
  socket.setNoDelay(true);
  const receive = connection({
    write: (chunk) => socket.write(chunk),
    get buffered() {
      return socket.writableLength;
    },
  });
  socket.on('data', receive);
  socket.on('error', () => socket.destroy());
});

const webSockets = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  perMessageDeflate: false,
  handleProtocols: () => 'mqtt',
});
webSockets.on('connection', (socket: WebSocket) => {
  const receive = connection({
    write: (chunk) => socket.send(chunk),
    get buffered() {
      return socket.bufferedAmount;
    },
  });
  socket.on('message', (data: RawData) => receive(data as Buffer));
  socket.on('error', () => socket.terminate());
});

tcp.listen(0, '127.0.0.1', () => {
  const ports: SinkPorts = {
    tcp: (tcp.address() as AddressInfo).port,
    webSocket: (webSockets.address() as AddressInfo).port,
  };
  process.send?.(ports);
});

process.on('message', () => {
  const counts: SinkCounts = { messages, bytes, frames };
  messages = 0;
  bytes = 0;
  frames = 0;
  process.send?.(counts);
});
process.on('disconnect', () => process.exit());
