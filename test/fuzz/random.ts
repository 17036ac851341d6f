/** Pseudo-random numbers from a seed: the same seed gives the same numbers on every machine and in every version. */

/** Seeds are whole numbers from 0 to here. */
export const largestSeed = 2 ** 48 - 1;

/** xoshiro128** [Blackman, Vigna], seeded by splitmix32. */
export class Random {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    let mixed = (seed >>> 0) ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b9);
    for (let index = 0; index < 4; index++) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      let word = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
      word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
      this.#state[index] = word ^ (word >>> 15);
    }
  }

  /** 0 to 4,294,967,295. */
  uint32(): number {
    const state = this.#state;
    const [a = 0, b = 0, c = 0, d = 0] = state;
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const mixed = c ^ a;
    const carried = d ^ b;
    state[1] = b ^ mixed;
    state[0] = a ^ carried;
    state[2] = mixed ^ (b << 9);
    state[3] = (carried << 11) | (carried >>> 21);
    return result;
  }

  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return least + Math.floor((this.uint32() / 2 ** 32) * (most - least + 1));
  }

  /** A size from 0 to `most`: small ones are much more likely than large ones. */
  size(most: number): number {
    return this.int(0, Math.min(most, 2 ** this.int(0, Math.ceil(Math.log2(most + 1)))));
  }

  /** True once in `1 / probability` calls. */
  chance(probability: number): boolean {
    return this.uint32() / 2 ** 32 < probability;
  }

  /** One of the values, each as likely as the others. */
  pick<T>(values: readonly [T, ...T[]] | readonly T[]): T {
    const value = values[this.int(0, values.length - 1)];
    if (value === undefined && values.length === 0) throw new RangeError('nothing to pick from');
    return value as T;
  }

  /** `make()` so many times. */
  list<T>(count: number, make: () => T): T[] {
    return Array.from({ length: count }, make);
  }

  /** The value of `make()`, or undefined as often as not. */
  maybe<T>(make: () => T, probability = 0.5): T | undefined {
    return this.chance(probability) ? make() : undefined;
  }

  /** Random bytes. */
  bytes(count: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(count);
    for (let index = 0; index < count; index++) bytes[index] = this.uint32() >>> 24;
    return bytes;
  }
}

/** A seed that nobody chose. */
export function randomSeed(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high & 0xffff) * 2 ** 32 + low;
}
