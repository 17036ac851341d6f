/** Time and chance that a case has for itself: timers, both clocks and Math.random, so that a case can be replayed. */

import { Random } from './random';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** What a fake timer looks like to its owner. */
interface Handle {
  ref(): Handle;
  unref(): Handle;
  hasRef(): boolean;
}

const startOfWall = 1_700_000_000_000;

/** The event loop as it is, also while it is faked. */
const nextTurn = setImmediate;

/** See the head of this file. */
export class FakeTime {
  #monotonic = 1_000;
  #wall = startOfWall;
  #order = 0;
  readonly #timers = new Map<Handle, Timer>();
  readonly #random: Random;
  #restore: (() => void) | undefined;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Takes the place of the real ones, until {@link uninstall}. */
  install(): void {
    const { setTimeout, clearTimeout } = globalThis;
    const { now } = Date;
    const { random } = Math;
    const fakeSetTimeout = (callback: () => void, delay = 0): Handle => {
      const handle: Handle = { ref: () => handle, unref: () => handle, hasRef: () => true };
      this.#order += 1;
      this.#timers.set(handle, { at: this.#monotonic + Math.max(0, delay), order: this.#order, callback });
      return handle;
    };
    const fakeClearTimeout = (handle: Handle): void => {
      this.#timers.delete(handle);
    };
    Object.assign(globalThis, { setTimeout: fakeSetTimeout, clearTimeout: fakeClearTimeout });
    Date.now = () => Math.floor(this.#wall);
    Math.random = () => this.#random.uint32() / 2 ** 32;
    Object.defineProperty(performance, 'now', { configurable: true, value: () => this.#monotonic });
    this.#restore = () => {
      Object.assign(globalThis, { setTimeout, clearTimeout });
      Date.now = now;
      Math.random = random;
      Reflect.deleteProperty(performance, 'now');
    };
  }

  /** Gives the real ones back. */
  uninstall(): void {
    this.#restore?.();
    this.#restore = undefined;
    this.#timers.clear();
  }

  /** All timers are gone: with the page that set them. */
  forget(): void {
    this.#timers.clear();
  }

  /** Lets so many milliseconds pass; timers that are due run in their order, and what they cause. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#monotonic + milliseconds;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      const [handle, timer] = next;
      this.#timers.delete(handle);
      this.#pass(Math.max(0, timer.at - this.#monotonic));
      timer.callback();
      await settled();
    }
    this.#pass(end - this.#monotonic);
  }

  /** The wall clock jumps: the machine slept, or somebody set it. */
  jump(milliseconds: number): void {
    this.#wall += milliseconds;
  }

  #pass(milliseconds: number): void {
    this.#monotonic += milliseconds;
    this.#wall += milliseconds;
  }

  #next(end: number): [Handle, Timer] | undefined {
    let first: [Handle, Timer] | undefined;
    for (const entry of this.#timers) {
      const [, { at, order }] = entry;
      if (at > end) continue;
      if (first === undefined || at < first[1].at || (at === first[1].at && order < first[1].order))
        first = entry;
    }
    return first;
  }
}

/** Resolves when microtasks, and what the client does at the end of a task, are over. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => nextTurn(resolve));
}
