/** A TCP proxy in the test process that makes the faults of a network: the same for every client and every browser. */

/** Seen from the client: `'up'` is client to server. */
export type Direction = 'up' | 'down';

/** The proxy; its faults hold for all present and, unless said otherwise, future connections. */
export interface FaultProxy {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
  /** Connections open now. */
  readonly connections: number;
  /** Connections accepted since it started. */
  readonly accepted: number;
  /** Holds all bytes, both ways or one way, without closing anything; nothing is lost. */
  pause(direction?: Direction): void;
  /** Ends pause, stall, refusal, delay, splitting and cuts; what was held goes on. */
  heal(): void;
  /** Resets all connections (RST). */
  reset(): void;
  /** Ends all connections in an orderly way (FIN), on the client's side. */
  end(): void;
  /** Refuses new connections by a reset right after they are accepted. */
  refuse(on: boolean): void;
  /** Resets a connection once this many more bytes have passed in a direction; the bytes up to there are delivered. */
  cutAfter(cut: { direction: Direction; bytes: number }): void;
  /** Throws away all bytes from now on, both ways, and keeps the connections open: a dead peer. */
  stall(): void;
  /** Passes bytes on in pieces of at most this size; 0 ends it. */
  split(size: number): void;
  /** Passes bytes on this many milliseconds later; 0 ends it. */
  delay(milliseconds: number): void;
  /** Resets all connections and stops listening. */
  close(): Promise<void>;
}

/** Starts a proxy on a free port of 127.0.0.1. */
export function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  return Promise.reject(new Error(`not there yet: ${targetPort}`));
}
