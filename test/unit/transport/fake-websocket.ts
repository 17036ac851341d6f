/** A W3C WebSocket whose server is the test. */

/** Makes a class of sockets that remembers those it made. */
export function fakeWebSockets() {
  const sockets: FakeWebSocket[] = [];
  class Remembered extends FakeWebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      sockets.push(this);
    }
  }
  return {
    Constructor: Remembered,
    sockets,
    /** The newest socket. */
    get socket(): FakeWebSocket {
      const socket = sockets.at(-1);
      if (socket === undefined) throw new Error('no socket was made');
      return socket;
    },
  };
}

/** See {@link fakeWebSockets}. */
export class FakeWebSocket {
  binaryType = 'blob';
  /** What `binaryType` was when it opened. */
  binaryTypeAtOpen: string | undefined;
  readyState = 0;
  protocol = '';
  bufferedAmount: number | undefined = 0;
  readonly sent: Uint8Array[] = [];
  /** Arguments of the calls of `close`. */
  readonly closes: unknown[][] = [];
  readonly #listeners = new Map<string, Set<(event: object) => void>>();

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}

  addEventListener(type: string, listener: (event: never) => void): void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener as (event: object) => void));
  }

  removeEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.get(type)?.delete(listener as (event: object) => void);
  }

  send(data: Uint8Array): void {
    this.sent.push(data);
  }

  close(...args: unknown[]): void {
    this.closes.push(args);
    this.readyState = Math.max(this.readyState, 2);
  }

  /** The handshake succeeds. */
  opens(protocol = this.protocols[0] ?? ''): void {
    this.protocol = protocol;
    this.readyState = 1;
    this.binaryTypeAtOpen = this.binaryType;
    this.#emit('open', {});
  }

  /** A frame comes. */
  receives(data: unknown): void {
    this.#emit('message', { data });
  }

  /** What browsers do when a handshake or connection fails. */
  fails(event: object = {}): void {
    this.readyState = 3;
    this.#emit('error', event);
    this.#emit('close', { code: 1006, reason: '', wasClean: false });
  }

  /** What Chromium and WebKit do when a policy of the page forbids the connection: no close follows. */
  isForbidden(): void {
    this.readyState = 3;
    this.#emit('error', {});
  }

  /** The connection ends. */
  ends(code: number, reason = '', wasClean = true): void {
    this.readyState = 3;
    this.#emit('close', { code, reason, wasClean });
  }

  #emit(type: string, event: object): void {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) listener(event);
  }
}
