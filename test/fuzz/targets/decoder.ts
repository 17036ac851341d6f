/**
 * The decoder fed with anything. Invariants:
 *
 * 1. It throws nothing but MalformedPacketError and ProtocolError, each with a reason code.
 * 2. After that it delivers nothing, whatever follows.
 * 3. How the bytes are cut makes no difference: same packets, same error.
 * 4. What it delivers can be encoded, decodes to the same again, and has the size it had: nothing was passed over.
 * 5. What the grammar allows is taken, field by field; what was made valid ends without an error.
 * 6. No packet is larger than the maximum, and none comes from where the fixed headers put none.
 * 7. It neither changes what it was given nor what it delivered.
 * 8. After `stop()` it delivers nothing.
 * 9. An announced length costs no more than one buffer before its bytes are there, and nothing is kept after its end.
 */

import {
  Decoder,
  encode,
  MalformedPacketError,
  type Packet,
  ProtocolError,
  type ProtocolVersion,
} from '../../../src/codec/index';
import { memoryInUse } from '../../support/memory';
import { type Backing, backings, concat, cutAt, frames, hex, varint } from '../bytes';
import { mustTakeAtMost } from '../memory';
import { packet } from '../packets';
import type { Random } from '../random';
import { type StreamKind, stream } from '../streams';
import { must, type Target, type Watch } from '../target';

/** One case. */
export interface DecoderInput {
  readonly kind: StreamKind | 'reduced';
  readonly protocolVersion: ProtocolVersion;
  readonly maximumPacketSize: number | undefined;
  readonly bytes: Uint8Array;
  /** Where the bytes are cut into chunks. */
  readonly cuts: readonly number[];
  /** What the chunks lie in, when cut. */
  readonly backing: Backing;
  /** `stop()` is called with this packet, counted from 1. */
  readonly stopAt: number;
  /** What the stream was made from. */
  readonly expected: readonly Packet[];
}

/** What came out of a decoder. */
interface Outcome {
  /** Packets as text, taken when they came. */
  readonly snapshots: string[];
  readonly packets: Packet[];
  /** Version that each was decoded with. */
  readonly versions: ProtocolVersion[];
  /** Class, code, reason code and message of what was thrown. */
  error: string | undefined;
}

/** Streams up to this size are also fed byte by byte. */
const bytewise = 400;

/** Heap that compilers and caches may gain while cases run. */
const slack = 4 * 2 ** 20;

/** What a decoder may take for a packet that has only begun: its own state, and one buffer of 64 KiB. */
const perDecoder = 80_000;

export const decoderTarget: Target<DecoderInput> = {
  name: 'decoder',
  generate,
  check,
  smaller,
  show,
  watch,
};

function generate(random: Random): DecoderInput {
  const protocolVersion = random.pick([3, 4, 5, 5] as const);
  const connect = random.chance(0.15) ? [packet(random, protocolVersion, ['connect'])] : [];
  const { kind, bytes, packets } = stream(random, protocolVersion, undefined, connect);
  return {
    kind,
    // A CONNECT sets the version itself.
    protocolVersion: connect.length > 0 && kind === 'valid' ? random.pick([3, 4, 5]) : protocolVersion,
    maximumPacketSize: kind === 'valid' ? undefined : random.maybe(() => random.int(1, 400), 0.2),
    bytes,
    cuts: random.list(random.size(12), () => random.int(0, bytes.length)),
    backing: random.pick(backings),
    stopAt: random.int(1, 4),
    expected: packets,
  };
}

function check(input: DecoderInput): void {
  const { bytes } = input;
  const whole = decode(input, [bytes.slice()]);
  mustBeTheSame(whole, decode(input, cutAt(bytes, input.cuts, input.backing)), 'cut elsewhere');
  if (bytes.length <= bytewise) {
    mustBeTheSame(whole, decode(input, cutAt(bytes, [...bytes.keys()])), 'cut into single bytes');
  }
  mustFitTheFrames(input, whole);
  mustStop(input, whole);
  const found = frames(bytes);
  for (const [index, decoded] of whole.packets.entries()) {
    const { start = 0, end = 0 } = found[index] ?? {};
    mustSurviveEncoding(decoded, whole.versions[index] ?? input.protocolVersion, end - start);
  }
  if (input.kind !== 'valid') return;
  must(whole.error === undefined, () => `a valid stream ends with ${whole.error}`);
  const expected = input.expected.map(snapshot);
  must(
    whole.snapshots.length === expected.length,
    () => `${expected.length} valid packets gave ${whole.snapshots.length}`,
  );
  for (const [index, text] of expected.entries()) {
    must(
      whole.snapshots[index] === text,
      () => `a valid packet was read as "${whole.snapshots[index]}"\n${text}`,
    );
  }
}

/** Feeds the chunks, goes on after an error, and checks what holds for every decoder. */
function decode(input: DecoderInput, chunks: readonly Uint8Array[], stopAt = 0): Outcome {
  const outcome: Outcome = { snapshots: [], packets: [], versions: [], error: undefined };
  const decoder = new Decoder({
    protocolVersion: input.protocolVersion,
    maximumPacketSize: input.maximumPacketSize,
    onPacket: (decoded) => {
      must(outcome.error === undefined, 'a packet was delivered after the error');
      outcome.snapshots.push(snapshot(decoded));
      outcome.packets.push(decoded);
      outcome.versions.push(decoded.type === 'connect' ? decoded.protocolVersion : decoder.protocolVersion);
      if (outcome.packets.length === stopAt) decoder.stop();
    },
  });
  const before = chunks.map((chunk) => chunk.slice());
  for (const chunk of [...chunks, Uint8Array.of(0xc0, 0x00), Uint8Array.of(0xd0, 0x00)]) {
    // The two PINGs at the end are for a decoder that is dead; one that lives takes them for the rest of a packet.
    if (chunk.length === 2 && !chunks.includes(chunk) && outcome.error === undefined && stopAt === 0)
      continue;
    try {
      decoder.push(chunk);
    } catch (error) {
      const declared = error instanceof MalformedPacketError || error instanceof ProtocolError;
      if (!declared) throw error;
      must(error.reasonCode >= 0x80 && error.reasonCode <= 0xa2, `${error.name} has no reason code`);
      outcome.error ??= `${error.name} ${error.code} ${error.reasonCode} ${error.message}`;
    }
  }
  for (const [index, chunk] of chunks.entries()) {
    must(Buffer.compare(chunk, before[index] ?? chunk) === 0, 'the decoder changed a chunk');
  }
  for (const [index, decoded] of outcome.packets.entries()) {
    must(snapshot(decoded) === outcome.snapshots[index], 'a packet changed after it was delivered');
  }
  return outcome;
}

function mustBeTheSame(one: Outcome, other: Outcome, how: string): void {
  must(
    one.error === other.error,
    () => `the stream ends otherwise when ${how}: "${one.error}" / "${other.error}"`,
  );
  must(
    one.snapshots.length === other.snapshots.length,
    () => `${one.snapshots.length} packets become ${other.snapshots.length} when ${how}`,
  );
  for (const [index, text] of one.snapshots.entries()) {
    must(text === other.snapshots[index], () => `a packet differs when ${how}: "${text}"`);
  }
}

/** The fixed headers alone say where packets are, and how many at most. */
function mustFitTheFrames(input: DecoderInput, { packets }: Outcome): void {
  const found = frames(input.bytes);
  const { maximumPacketSize = Number.POSITIVE_INFINITY } = input;
  for (const [index, decoded] of packets.entries()) {
    const frame = found[index];
    must(frame !== undefined && frame.end <= input.bytes.length, 'a packet came before its last byte');
    must(frame.end - frame.start <= maximumPacketSize, 'a packet is larger than the maximum');
    must(
      (input.bytes[frame.start] ?? 0) >> 4 === typeNumber(decoded),
      'a packet is of another type than sent',
    );
    if (decoded.type !== 'publish') continue;
    const { byteLength } = decoded.payload.buffer;
    must(byteLength <= input.bytes.length + 65_536, `a payload keeps ${byteLength} bytes alive`);
  }
}

function mustStop(input: DecoderInput, { snapshots }: Outcome): void {
  if (snapshots.length < input.stopAt) return;
  for (const chunks of [[input.bytes.slice()], cutAt(input.bytes, input.cuts, input.backing)]) {
    const stopped = decode(input, chunks, input.stopAt);
    must(stopped.snapshots.length === input.stopAt, () => `stopped at ${input.stopAt}, yet more came`);
    must(stopped.error === undefined, () => `a stopped decoder throws ${stopped.error}`);
  }
}

/** Types whose reason code and Property Length may be left out, and are, when they say nothing [v5 3.4.2.1]. */
const shortForms: ReadonlySet<Packet['type']> = new Set([
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'disconnect',
  'auth',
] as const);

function mustSurviveEncoding(decoded: Packet, version: ProtocolVersion, size: number): void {
  const encoded = encode(decoded, version);
  // A server that does not know MQTT 5.0 answers in the form of 3.1.1, without properties.
  const older = version === 5 && decoded.type === 'connack' && decoded.reasonCode === 0x84 && size === 4;
  const spared = older ? 0 : size - encoded.length;
  const mostSpared = version === 5 && shortForms.has(decoded.type) ? 2 : 0;
  must(
    spared >= 0 && spared <= mostSpared,
    () => `${decoded.type} of ${size} bytes takes ${encoded.length} when encoded`,
  );
  const again: Packet[] = [];
  new Decoder({ protocolVersion: version, onPacket: (one) => again.push(one) }).push(encoded.slice());
  const [one] = again;
  must(again.length === 1 && one !== undefined, () => `an encoded packet decodes to ${again.length}`);
  const [before, after] = [snapshot(decoded), snapshot(one)];
  must(before === after, () => `a packet changes on its way: "${before}"\n${after}`);
  must(Buffer.compare(encode(one, version), encoded) === 0, 'the same packet is encoded in two ways');
}

/** A packet as text, without members that say nothing; order within lists counts, order of members does not. */
function snapshot(decoded: Packet): string {
  return JSON.stringify(decoded, function (this: Readonly<Record<string, unknown>>, key, value: unknown) {
    // Not `value`: a Buffer has turned itself into something else by now.
    const member = this[key];
    if (member instanceof Uint8Array) {
      must(
        member.constructor === Uint8Array,
        () => `${key} is a ${member.constructor.name}, not a Uint8Array`,
      );
      return `bytes ${hex(member, Number.POSITIVE_INFINITY)}`;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const members = Object.entries(value).filter(([, member]) => member !== undefined && !isEmpty(member));
    return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** Empty properties are no properties. */
function isEmpty(member: unknown): boolean {
  if (typeof member !== 'object' || member === null || Array.isArray(member)) return false;
  if (member instanceof Uint8Array) return false;
  return Object.values(member).every((value) => value === undefined);
}

const typeOrder: readonly Packet['type'][] = [
  'connect',
  'connack',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'subscribe',
  'suback',
  'unsubscribe',
  'unsuback',
  'pingreq',
  'pingresp',
  'disconnect',
  'auth',
];

function typeNumber(decoded: Packet): number {
  return typeOrder.indexOf(decoded.type) + 1;
}

/** Without one packet, without a run of bytes, with fewer cuts. */
function* smaller(input: DecoderInput): Iterable<DecoderInput> {
  const found = frames(input.bytes).filter(({ end }) => end <= input.bytes.length);
  for (const [index, { start, end }] of found.entries()) {
    const bytes = concat([input.bytes.subarray(0, start), input.bytes.subarray(end)]);
    // A valid stream stays one only packet by packet.
    yield { ...input, bytes, expected: input.expected.filter((_, other) => other !== index) };
  }
  const reduced = { ...input, kind: 'reduced' as const };
  for (let size = input.bytes.length >> 1; size >= 1; size >>= 1) {
    for (let start = 0; start + size <= input.bytes.length; start += size) {
      const bytes = concat([input.bytes.subarray(0, start), input.bytes.subarray(start + size)]);
      yield { ...reduced, bytes };
    }
  }
  for (const cut of input.cuts) yield { ...input, cuts: input.cuts.filter((other) => other !== cut) };
  if (input.backing !== 'own') yield { ...input, backing: 'own' };
  if (input.maximumPacketSize !== undefined) yield { ...input, maximumPacketSize: undefined };
}

function show({
  kind,
  protocolVersion,
  maximumPacketSize,
  bytes,
  cuts,
  backing,
  stopAt,
}: DecoderInput): string {
  return `${kind}, version ${protocolVersion}, maximumPacketSize ${maximumPacketSize}, cuts [${cuts}] ${backing}, stopAt ${stopAt}, ${hex(bytes)}`;
}

/** Invariant 9. */
function watch(): Watch {
  let warmBytes = 0;
  return {
    warm() {
      warmBytes = memoryInUse();
      announcedLengths();
    },
    end() {
      const gained = memoryInUse() - warmBytes;
      must(gained < slack, `${gained} bytes were kept from one case to the next`);
    },
  };
}

/** Decoders that are promised the largest packet of MQTT, and get a little of it. */
function announcedLengths(): void {
  const header = Uint8Array.of(0x30, ...varint(268_435_455));
  const decoders = (count: number, body: readonly Uint8Array[]): Decoder[] =>
    Array.from({ length: count }, () => {
      const decoder = new Decoder({ protocolVersion: 5, onPacket: () => {} });
      for (const chunk of [header, ...body]) decoder.push(chunk.slice());
      return decoder;
    });
  mustTakeAtMost(1_000 * perDecoder, 'a header of 268,435,455 bytes, a thousand times', () =>
    decoders(1_000, [Uint8Array.of(0, 1, 0x61, 0)]),
  );
  // Growing by doubling at most: twice what came, and the chunks themselves.
  const mebibyte = Array.from({ length: 1_024 }, () => new Uint8Array(1_024));
  mustTakeAtMost(4 * 4 * 2 ** 20, 'four packets of which a mebibyte came', () => decoders(4, mebibyte));
}
