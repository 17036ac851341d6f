/** The codec beside `mqtt-packet`, in Node or in a page. */

import mqttPacket from 'mqtt-packet';
import type * as Codec from '../../src/codec';
import { Output } from '../../src/codec/output';
import type { Packet, PublishPacket } from '../../src/codec/packet';
import { writePublishPacket } from '../../src/codec/publish';
import type { ProtocolVersion } from '../../src/message';
import { interleave, keep, type Timed } from './interleave';
import { type Table, verdict } from './report';
import { geometricMean, ratio, withSpread } from './statistics';

const { Decoder, encode }: typeof Codec = await import(new URL('../../dist/codec.js', import.meta.url).href);

/** A row of the table. */
interface Row {
  readonly name: string;
  readonly goal: number;
  readonly functions: { readonly mqtide: Timed; readonly peer: Timed };
}

function publish(size: number, properties: boolean): PublishPacket {
  return {
    type: 'publish',
    topic: 'site/7/line/3/temperature',
    payload: new Uint8Array(size).fill(0x2a),
    qos: 1,
    retain: false,
    dup: false,
    packetId: 4_711,
    properties: properties
      ? {
          contentType: 'application/json',
          messageExpiryInterval: 3_600,
          responseTopic: 'answers/1',
          correlationData: Uint8Array.of(1, 2, 3, 4),
          userProperties: [['source', 'bench']],
        }
      : undefined,
  };
}

/** The same packet as `mqtt-packet` wants it. */
function peerPublish(size: number, properties: boolean): mqttPacket.Packet {
  return {
    cmd: 'publish',
    topic: 'site/7/line/3/temperature',
    payload: Buffer.alloc(size, 0x2a),
    qos: 1,
    retain: false,
    dup: false,
    messageId: 4_711,
    ...(properties && {
      properties: {
        contentType: 'application/json',
        messageExpiryInterval: 3_600,
        responseTopic: 'answers/1',
        correlationData: Buffer.from([1, 2, 3, 4]),
        userProperties: { source: 'bench' },
      },
    }),
  };
}

/** A chunk of about 64 KiB of one packet. */
function stream(packet: Uint8Array): { readonly chunk: Uint8Array; readonly packets: number } {
  const packets = Math.max(1, Math.floor(65_536 / packet.length));
  const chunk = new Uint8Array(packet.length * packets);
  for (let index = 0; index < packets; index += 1) chunk.set(packet, index * packet.length);
  return { chunk, packets };
}

/** Decodes so many packets that lie one behind the other in chunks. */
function decoding(packet: Packet, version: ProtocolVersion, cut?: number): Row['functions'] {
  const { chunk, packets } = stream(encode(packet, version));
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < chunk.length; at += cut ?? chunk.length)
    pieces.push(chunk.subarray(at, at + (cut ?? chunk.length)));
  const buffers = pieces.map((piece) => Buffer.from(piece));
  let ours = 0;
  const decoder = new Decoder({
    protocolVersion: version,
    onPacket: () => {
      ours += 1;
    },
  });
  let theirs = 0;
  const parser = mqttPacket.parser({ protocolVersion: version });
  parser.on('packet', () => {
    theirs += 1;
  });
  parser.on('error', (error: Error) => {
    throw error;
  });
  const run = (feed: () => void, seen: () => number) => (count: number) => {
    const before = seen();
    for (let done = 0; done < count; done += packets) feed();
    const found = seen() - before;
    if (found < count) throw new Error(`only ${found} of ${count} packets were decoded`);
    // More than asked for: the loop ends at whole chunks.
    return found;
  };
  return {
    mqtide: run(
      () => {
        for (const piece of pieces) decoder.push(piece);
      },
      () => ours,
    ),
    peer: run(
      () => {
        for (const buffer of buffers) parser.parse(buffer);
      },
      () => theirs,
    ),
  };
}

/** A socket that takes what `writeToStream` writes; it costs next to nothing. */
class Nowhere {
  bytes = 0;
  write(chunk: Uint8Array): boolean {
    this.bytes += chunk.length;
    return true;
  }
  cork(): void {}
  uncork(): void {}
  on(): void {}
  once(): void {}
  emit(): void {}
  destroy(): void {}
}

function encoding(size: number, properties: boolean, by: 'generate' | 'writeToStream'): Row['functions'] {
  const version = properties ? 5 : 4;
  const packet = publish(size, properties);
  const theirs = peerPublish(size, properties);
  const options = { protocolVersion: version };
  const same = Buffer.compare(encode(packet, version), mqttPacket.generate(theirs, options)) === 0;
  // Properties may stand in another order; then the length has to be the same.
  if (!same && encode(packet, version).length !== mqttPacket.generate(theirs, options).length)
    throw new Error('the encoders disagree');
  const nowhere = new Nowhere();
  if (by === 'writeToStream') {
    // As the client writes: into its output, which is handed to the transport a frame at a time.
    return {
      mqtide: (count) => {
        let bytes = 0;
        const output = new Output();
        for (let index = 0; index < count; index += 1) {
          writePublishPacket(output, packet, version);
          if (output.length >= 65_536) for (const frame of output.take()) bytes += frame.length;
        }
        keep(bytes);
        return count;
      },
      peer: (count) => {
        for (let index = 0; index < count; index += 1) {
          mqttPacket.writeToStream(theirs, nowhere as unknown as NodeJS.WritableStream, options);
        }
        keep(nowhere.bytes);
        return count;
      },
    };
  }
  return {
    mqtide: (count) => {
      let bytes = 0;
      for (let index = 0; index < count; index += 1) bytes += encode(packet, version).length;
      keep(bytes);
      return count;
    },
    peer: (count) => {
      let bytes = 0;
      for (let index = 0; index < count; index += 1) bytes += mqttPacket.generate(theirs, options).length;
      keep(bytes);
      return count;
    },
  };
}

const puback: Packet = { type: 'puback', packetId: 4_711, reasonCode: 0 };

/** Measures. @param where it runs, for the title */
export function codecTable(where: string, rounds: number): Table {
  const rows: readonly Row[] = [
    { name: 'decode PUBLISH 20 B, 3.1.1', goal: 5, functions: decoding(publish(20, false), 4) },
    { name: 'decode PUBLISH 20 B, 5.0', goal: 5, functions: decoding(publish(20, false), 5) },
    {
      name: 'decode PUBLISH 200 B with properties, 5.0',
      goal: 5,
      functions: decoding(publish(200, true), 5),
    },
    { name: 'decode PUBACK', goal: 15, functions: decoding(puback, 4) },
    { name: 'decode 1-byte chunks', goal: 4, functions: decoding(publish(20, false), 4, 1) },
    { name: 'encode PUBLISH 20 B, 3.1.1', goal: 4, functions: encoding(20, false, 'generate') },
    { name: 'encode PUBLISH 256 B, 3.1.1', goal: 4, functions: encoding(256, false, 'generate') },
    {
      name: 'encode PUBLISH 4 KiB, 3.1.1, beside writeToStream',
      goal: 1,
      functions: encoding(4_096, false, 'writeToStream'),
    },
    { name: 'encode PUBLISH 20 B with properties, 5.0', goal: 4, functions: encoding(20, true, 'generate') },
    {
      name: 'encode PUBLISH 256 B with properties, 5.0',
      goal: 4,
      functions: encoding(256, true, 'generate'),
    },
  ];
  const ratios: number[] = [];
  const table = rows.map(({ name, goal, functions }) => {
    const { mqtide, peer } = interleave(functions, rounds);
    const over = peer.median / mqtide.median;
    ratios.push(over);
    return [
      name,
      withSpread(mqtide, (value) => value.toFixed(0)),
      withSpread(peer, (value) => value.toFixed(0)),
      ratio(over),
      `${goal}x`,
      verdict(over >= goal),
    ];
  });
  return {
    title: `Codec in ${where}`,
    about: `Nanoseconds a packet, median of ${rounds} rounds (lowest to highest), beside mqtt-packet's parser and \`generate\`. Geometric mean: ${ratio(geometricMean(ratios))}.`,
    head: ['work', 'mqtide', 'mqtt-packet', 'times as fast', 'goal', 'reached'],
    rows: table,
  };
}
