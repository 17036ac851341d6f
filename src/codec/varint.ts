/** Variable Byte Integers [v5 1.5.5], which also carry the Remaining Length of every packet [v3 2.2.3]. */

/** Largest value, and so the largest Remaining Length. */
export const maximumVarint = 268_435_455;

/** How many bytes the value takes: always the fewest possible [v5 MQTT-1.5.5-1]. */
export function varintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4;
}

/** Writes the value and returns the offset behind it. */
export function writeVarint(bytes: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest > 0x7f) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}
