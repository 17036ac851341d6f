/** A TCP proxy in the test process that makes the faults of a network: the same for every client and every browser. */

import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';

/** Seen from the client: `'up'` is from client to server. */
export type Direction = 'up' | 'down';

/** The proxy. Its faults hold for all present and, unless said otherwise, all future connections. */
export interface FaultProxy {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
  /** Connections that are open now, those to a dead peer included. */
  readonly connections: number;
  /** Connections that were accepted since it started; refused ones do not count. */
  readonly accepted: number;
  /** Connections that were refused since it started. */
  readonly refused: number;
  /** Cuts that were made, see {@link FaultProxy.cutAfter}. */
  readonly cuts: number;
  /** Bytes that were passed on since it started. */
  readonly passed: Readonly<Record<Direction, number>>;
  /** Holds all bytes, both ways or one way, and everybody's FIN; nothing is lost and nothing closed. */
  pause(direction?: Direction): void;
  /**
   * A dead peer: throws away all bytes from now on, and everybody's FIN. Present connections stay dead after
   * {@link heal}, since bytes are missing.
   * @param future whether it holds for future connections, too. @default true
   */
  stall(future?: boolean): void;
  /** Passes bytes on in pieces of at most this size; 0 ends it. */
  split(size: number): void;
  /** Passes bytes on this many milliseconds after they came; 0 ends it. */
  delay(milliseconds: number): void;
  /**
   * Resets a connection when this many more bytes have passed in a direction, counted over all connections; exactly
   * those bytes are delivered first. Once.
   */
  cutAfter(cut: { direction: Direction; bytes: number }): void;
  /** Resets new connections as soon as they are made, like a load balancer whose server is down. */
  refuse(on: boolean): void;
  /** Ends pause, stall, split, delay, cut and refusal; what was held goes on. */
  heal(): void;
  /** Resets all connections (RST), both sides. */
  reset(): void;
  /** Ends all connections in an orderly way (FIN), both sides; what was held is delivered first. */
  end(): void;
  /** Resets all connections and stops listening. */
  close(): Promise<void>;
}

/** What holds for all connections. */
interface Faults {
  readonly paused: Record<Direction, boolean>;
  stalled: boolean;
  piece: number;
  delay: number;
  cut: { direction: Direction; left: number } | undefined;
  cuts: number;
  readonly passed: Record<Direction, number>;
}

/** Starts a proxy in front of a port of 127.0.0.1, on a free port of 127.0.0.1. */
export async function startFaultProxy(targetPort: number): Promise<FaultProxy> {
  const faults: Faults = {
    paused: { up: false, down: false },
    stalled: false,
    piece: 0,
    delay: 0,
    cut: undefined,
    cuts: 0,
    passed: { up: 0, down: 0 },
  };
  const links = new Set<Link>();
  let refusing = false;
  let accepted = 0;
  let refused = 0;

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (refusing) {
      refused++;
      reset(client);
      return;
    }
    accepted++;
    const link = new Link(client, targetPort, faults, () => links.delete(link));
    links.add(link);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });

  const pump = () => {
    for (const link of [...links]) link.pump();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return links.size;
    },
    get accepted() {
      return accepted;
    },
    get refused() {
      return refused;
    },
    get cuts() {
      return faults.cuts;
    },
    passed: faults.passed,
    pause(direction) {
      if (direction !== 'down') faults.paused.up = true;
      if (direction !== 'up') faults.paused.down = true;
    },
    stall(future = true) {
      faults.stalled ||= future;
      for (const link of links) link.kill();
    },
    split(size) {
      faults.piece = size;
    },
    delay(milliseconds) {
      faults.delay = milliseconds;
    },
    cutAfter({ direction, bytes }) {
      faults.cut = { direction, left: bytes };
      pump();
    },
    refuse(on) {
      refusing = on;
    },
    heal() {
      faults.paused.up = false;
      faults.paused.down = false;
      faults.stalled = false;
      faults.piece = 0;
      faults.delay = 0;
      faults.cut = undefined;
      refusing = false;
      pump();
    },
    reset() {
      for (const link of [...links]) link.reset();
    },
    end() {
      for (const link of [...links]) link.end();
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const link of [...links]) link.reset();
      await closed;
    },
  };
}

/** A connection through the proxy: two sockets, and a lane each way. */
class Link {
  readonly #sockets: readonly Socket[];
  readonly #lanes: readonly Lane[];
  readonly #gone: () => void;
  #open = true;

  constructor(client: Socket, targetPort: number, faults: Faults, gone: () => void) {
    const target = connectTcp({ host: '127.0.0.1', port: targetPort, noDelay: true, allowHalfOpen: true });
    const cut = () => this.reset();
    this.#gone = gone;
    this.#sockets = [client, target];
    this.#lanes = [
      new Lane('up', client, target, faults, cut),
      new Lane('down', target, client, faults, cut),
    ];
    for (const socket of this.#sockets) socket.on('close', () => this.#closed());
  }

  pump(): void {
    for (const lane of this.#lanes) lane.pump();
  }

  kill(): void {
    for (const lane of this.#lanes) lane.kill();
  }

  end(): void {
    for (const lane of this.#lanes) lane.finish();
  }

  /** Both sides see a reset. */
  reset(): void {
    if (!this.#open) return;
    for (const socket of this.#sockets) reset(socket);
    this.#close();
  }

  #closed(): void {
    if (
      this.#open &&
      this.#sockets.every((socket) => socket.destroyed) &&
      !this.#lanes.some(({ dead }) => dead)
    ) {
      this.#close();
    }
  }

  #close(): void {
    this.#open = false;
    this.kill();
    this.#gone();
  }
}

/** A reset that comes before the bytes in front of it were read looks like a FIN to many, or hides those bytes; in milliseconds. */
const timeToRead = 5;

/** One direction of a connection. */
class Lane {
  readonly #direction: Direction;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #faults: Faults;
  /** Resets the connection. */
  readonly #cut: () => void;
  /** Everything is thrown away. */
  #dead: boolean;
  /** What came and was not passed on, with the time from which it may be. */
  readonly #held: { bytes: Uint8Array; due: number }[] = [];
  /** How the sender ended, which is passed on behind the last bytes. */
  #end: 'none' | 'fin' | 'reset' | 'passed' = 'none';
  /** When to go on. */
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;

  constructor(direction: Direction, from: Socket, to: Socket, faults: Faults, cut: () => void) {
    this.#direction = direction;
    this.#from = from;
    this.#to = to;
    this.#faults = faults;
    this.#cut = cut;
    this.#dead = faults.stalled;
    from.on('data', (bytes) => {
      if (this.#dead) return;
      this.#held.push({ bytes, due: performance.now() + faults.delay });
      this.pump();
    });
    from.on('end', () => {
      if (this.#end === 'none') this.#end = 'fin';
      this.pump();
    });
    from.on('error', () => {
      this.#end = 'reset';
      this.pump();
    });
    to.on('drain', () => this.pump());
    this.pump();
  }

  get dead(): boolean {
    return this.#dead;
  }

  kill(): void {
    this.#dead = true;
    this.#held.length = 0;
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#from.resume();
  }

  /** Lets a FIN follow what is held, whatever faults there are. */
  finish(): void {
    for (const { bytes } of this.#held.splice(0)) this.#write(bytes);
    this.#end = 'passed';
    this.#to.end();
  }

  /** Passes on what may be passed on now, and reads on when there is room. */
  pump(): void {
    if (this.#dead) return;
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    const paused = this.#faults.paused[this.#direction];
    if (!paused) this.#passOn();
    // What is not read fills the sender's buffers, as in a real network.
    if (paused || this.#to.writableNeedDrain) this.#from.pause();
    else this.#from.resume();
  }

  #passOn(): void {
    for (let next = this.#held[0]; next !== undefined; next = this.#held[0]) {
      const wait = this.#faults.delay > 0 ? next.due - performance.now() : 0;
      if (wait > 0) {
        this.#timer = setTimeout(() => this.pump(), wait);
        return;
      }
      const { piece } = this.#faults;
      const cut = this.#faults.cut?.direction === this.#direction ? this.#faults.cut : undefined;
      const size = Math.min(next.bytes.length, piece || Infinity, cut?.left ?? Infinity);
      if (cut !== undefined) {
        cut.left -= size;
        if (cut.left === 0) {
          this.#faults.cut = undefined;
          this.#faults.cuts += 1;
          this.#dead = true;
          // What is behind the cut must not follow, even if somebody ends the connection before the reset.
          this.#held.length = 0;
          this.#write(next.bytes.subarray(0, size), () => {
            this.#timer = setTimeout(this.#cut, timeToRead);
          });
          return;
        }
      }
      this.#write(next.bytes.subarray(0, size));
      if (size === next.bytes.length) this.#held.shift();
      else next.bytes = next.bytes.subarray(size);
      if (piece > 0 && this.#held.length > 0) {
        // Time for a look at the sockets between the pieces, or the receiver reads several as one.
        this.#turn = setImmediate(() => {
          this.#turn = setImmediate(() => this.pump());
        });
        return;
      }
    }
    if (this.#end === 'fin') {
      this.#end = 'passed';
      this.#to.end();
    } else if (this.#end === 'reset') {
      this.#cut();
    }
  }

  #write(bytes: Uint8Array, done?: () => void): void {
    this.#faults.passed[this.#direction] += bytes.length;
    this.#to.write(bytes, done);
  }
}

/** Sends a reset and nothing before it: Node's own `resetAndDestroy` sends a FIN first, behind which many never look. */
function reset(socket: Socket): void {
  socket.removeAllListeners();
  socket.on('error', () => undefined);
  // While a FIN is about to leave, a reset fails, and the socket would never be closed.
  const isEnding = socket.writableEnded && !socket.writableFinished;
  if (!socket.connecting && !isEnding) Object.assign(socket, { resetAndClosing: true });
  socket.destroy();
}
