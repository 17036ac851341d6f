/** What can be told of a CONNECT that cannot be decoded, and how each version is refused. */

import type { ProtocolVersion } from '../../src/codec/packet';

/** The version in which to answer, and whether the broker knows the one that was asked for. */
export interface ConnectVersion {
  readonly version: ProtocolVersion;
  readonly supported: boolean;
}

/** Bytes that are kept of a first packet. */
const headLimit = 65_536;

/** The first bytes of a connection, kept to tell the version of a CONNECT that cannot be decoded. */
export class ConnectHead {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  add(chunk: Uint8Array): void {
    if (this.#length >= headLimit) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  version(): ConnectVersion | undefined {
    return versionOfConnect(Buffer.concat(this.#chunks));
  }
}

const names: ReadonlyMap<string, readonly number[]> = new Map([
  ['MQIsdp', [3]],
  ['MQTT', [4, 5]],
]);

/** Reads protocol name and level from the first bytes of a connection; undefined when they are not there. */
function versionOfConnect(head: Uint8Array): ConnectVersion | undefined {
  if (head[0] !== 0x10) return undefined;
  let at = 1;
  while (at < 4 && ((head[at] ?? 0) & 0x80) !== 0) at += 1;
  at += 1;
  const length = ((head[at] ?? 0) << 8) | (head[at + 1] ?? 0);
  const name = new TextDecoder().decode(head.subarray(at + 2, at + 2 + length));
  const level = head[at + 2 + length];
  const levels = names.get(name);
  if (level === undefined || levels === undefined)
    return level === 5 ? { version: 5, supported: true } : undefined;
  if (level === 3 || level === 4 || level === 5) {
    return { version: level, supported: levels.includes(level) };
  }
  // An unknown level: the answer has the form of the version that the rest of the packet has.
  const body = head.subarray(at + 2 + length + 1);
  return { version: looksLikeVersion5(body) ? 5 : 4, supported: false };
}

/** Whether properties and client identifier stand where MQTT 5.0 has them; `body` begins with the connect flags. */
function looksLikeVersion5(body: Uint8Array): boolean {
  const properties = body[3] ?? 0;
  const at = 4 + properties;
  const length = ((body[at] ?? 0) << 8) | (body[at + 1] ?? 0);
  const payload = body.length - at - 2;
  const withoutMore = (body[0] ?? 0) & 0xc4 ? payload >= length : payload === length;
  return properties < 0x80 && payload >= 0 && withoutMore;
}

/** Return codes of MQTT 3.1.1 by the reason code of the same meaning [v3 3.2.2.3]. */
const returnCodes: ReadonlyMap<number, number> = new Map([
  [0x00, 0x00],
  [0x84, 0x01],
  [0x85, 0x02],
  [0x88, 0x03],
  [0x89, 0x03],
  [0x97, 0x03],
  [0x86, 0x04],
  [0x87, 0x05],
]);

/** The return code that says the same in 3.1.1; undefined where there is none [v3 MQTT-3.2.2-6]. */
export function returnCodeOf(reasonCode: number): number | undefined {
  return reasonCode < 0x80 ? reasonCode : returnCodes.get(reasonCode);
}
