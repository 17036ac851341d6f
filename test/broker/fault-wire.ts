/** A wire that delivers bytes badly, as a fault plan says. */

import type { Clock } from './clock';
import type { FaultPlan } from './faults';
import type { Wire, WireKind } from './wire';

/** Sits between a connection and its network. */
export class FaultWire implements Wire {
  readonly #inner: Wire;
  readonly #clock: Clock;
  /** Changes while the connection is open, see `Broker.fault`. */
  plan: FaultPlan;
  #bytesIn = 0;
  #bytesOut = 0;
  /** Output that waits for `delay` or `merge`. */
  #waiting: Uint8Array[] = [];
  /** Steps that wait for their time; what comes later must not overtake them. */
  #pending = 0;
  #destroyed = false;

  constructor(inner: Wire, clock: Clock, plan: FaultPlan) {
    this.#inner = inner;
    this.#clock = clock;
    this.plan = plan;
  }

  get kind(): WireKind {
    return this.#inner.kind;
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }

  get bufferedAmount(): number {
    return this.#inner.bufferedAmount;
  }

  /** What the connection may see of a chunk that came in; undefined once the connection has been dropped. */
  incoming(chunk: Uint8Array): Uint8Array | undefined {
    if (this.#destroyed) return undefined;
    const limit = this.plan.dropAfterBytesIn;
    const before = this.#bytesIn;
    this.#bytesIn += chunk.length;
    if (limit === undefined || this.#bytesIn < limit) return chunk;
    return chunk.subarray(0, Math.max(0, limit - before));
  }

  /** True once as many bytes came in as the plan allows. */
  get inputExhausted(): boolean {
    return this.plan.dropAfterBytesIn !== undefined && this.#bytesIn >= this.plan.dropAfterBytesIn;
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.plan.merge !== undefined) {
      this.#waiting.push(...chunks);
      if (this.#waiting.length === chunks.length) this.#later(this.plan.merge, () => this.#flush());
      return;
    }
    this.#later(this.plan.delay ?? 0, () => this.#send(chunks));
  }

  writeText(text: string): void {
    this.#inner.writeText(text);
  }

  end(): void {
    if (this.plan.neverClose === true) return;
    this.#flush();
    this.#later(this.plan.delay ?? 0, () => this.#inner.end());
  }

  destroy(): void {
    this.#destroyed = true;
    this.#inner.destroy();
  }

  /** At once when nothing waits and nothing shall wait; else in its turn. */
  #later(delay: number, step: () => void): void {
    if (delay === 0 && this.#pending === 0) return step();
    this.#pending += 1;
    this.#clock.schedule(delay, () => {
      this.#pending -= 1;
      if (!this.#destroyed) step();
    });
  }

  #flush(): void {
    const chunks = this.#waiting;
    this.#waiting = [];
    if (chunks.length > 0) this.#send(chunks);
  }

  #send(chunks: readonly Uint8Array[]): void {
    const { dropAfterBytesOut, chunk } = this.plan;
    const total = chunks.reduce((sum, { length }) => sum + length, 0);
    const room =
      dropAfterBytesOut === undefined ? total : Math.min(total, dropAfterBytesOut - this.#bytesOut);
    this.#bytesOut += total;
    const whole = room === total && chunk === undefined ? chunks : pieces(chunks, room, chunk ?? room);
    if (whole === chunks) this.#inner.write(chunks);
    else for (const piece of whole) this.#inner.write([piece]);
    if (dropAfterBytesOut !== undefined && this.#bytesOut >= dropAfterBytesOut) {
      // What was let through must arrive: an orderly end, not a reset.
      this.#destroyed = true;
      this.#inner.end();
    }
  }
}

/** The first `room` bytes in pieces of at most `size`. */
function pieces(chunks: readonly Uint8Array[], room: number, size: number): Uint8Array[] {
  const bytes = Buffer.concat(chunks).subarray(0, Math.max(0, room));
  const result: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) result.push(bytes.subarray(at, at + size));
  return result;
}
