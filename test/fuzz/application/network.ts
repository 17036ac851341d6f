/** Links between a client and the broker's core: bytes take their time, and either side may be the only one to know of an end. */

import { ConnectionError } from '../../../src/errors';
import { BaseConnection } from '../../../src/transport/base-connection';
import type { Connection } from '../../broker/connection';
import type { BrokerCore } from '../../broker/core';
import type { FaultPlan } from '../../broker/faults';
import type { Random } from '../random';
import type { Happening } from './script';

/** How a link is lost. */
export type Cut = Omit<Extract<Happening, { do: 'cut' }>, 'do'>;

/** One link. */
export class Link {
  readonly client: ClientEnd;
  readonly #server: Connection;
  /** Milliseconds that bytes take, in either direction. */
  readonly #latency: number;
  /** False once bytes arrive nowhere any more. */
  #isOpen = true;
  /** On their way to the server. */
  #up: Uint8Array[] = [];
  /** On their way to the client; undefined is the end. */
  #down: (Uint8Array | undefined)[] = [];

  /** @param faults what goes wrong on this link, by the server's will */
  constructor(core: BrokerCore, random: Random, faults: (link: Link) => FaultPlan) {
    this.#latency = random.pick([0, 1, 5, 30]);
    this.client = new ClientEnd(this, random.chance(0.5));
    const end = () => this.#send(undefined);
    this.#server = core.opened(
      {
        kind: 'memory',
        remoteAddress: 'fuzz',
        bufferedAmount: 0,
        write: (chunks) => {
          for (const chunk of chunks) this.#send(chunk.slice());
        },
        writeText: () => {},
        end,
        destroy: end,
      },
      faults(this),
    );
  }

  /** Whether the client has it for open. */
  get isOpenToClient(): boolean {
    return this.client.isOpen;
  }

  /** Takes bytes of the client. */
  take(chunks: readonly Uint8Array[]): void {
    if (!this.#isOpen) return;
    const isFirst = this.#up.length === 0;
    for (const chunk of chunks) this.#up.push(chunk.slice());
    if (isFirst) setTimeout(() => this.#isOpen && this.#arriveAtServer(), this.#latency);
  }

  /** The client is done: what it wrote arrives, then the end. */
  finish(ended: () => void): void {
    setTimeout(() => {
      if (this.#isOpen) this.#arriveAtServer();
      this.#isOpen = false;
      this.#server.closed();
      ended();
    }, this.#latency);
  }

  /** The client has let go of it. */
  abandon(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    setTimeout(() => this.#server.closed(), this.#latency);
  }

  /** The link is lost. */
  cut({ noticedBy, upArrives, downArrives, reset }: Cut): void {
    if (!this.#isOpen) return;
    if (noticedBy !== 'client' && upArrives) this.#arriveAtServer();
    if (downArrives) this.#arriveAtClient();
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (noticedBy !== 'server') this.client.end(reset ? new ConnectionError('lost', 'reset') : undefined);
    if (noticedBy !== 'client') this.#server.closed();
  }

  /** A client that did not hear of the end hears of it now. */
  reveal(): void {
    this.#isOpen = false;
    this.client.end(undefined);
  }

  /** Takes bytes of the server, or its end. */
  #send(chunk: Uint8Array | undefined): void {
    if (!this.#isOpen) return;
    this.#down.push(chunk);
    if (this.#down.length === 1) setTimeout(() => this.#arriveAtClient(), this.#latency);
  }

  #arriveAtServer(): void {
    const chunks = this.#up;
    this.#up = [];
    for (const chunk of chunks) this.#server.received(chunk);
  }

  #arriveAtClient(): void {
    const chunks = this.#down;
    this.#down = [];
    for (const chunk of chunks) {
      if (!this.#isOpen) return;
      if (chunk === undefined) this.reveal();
      else this.client.feed(chunk);
    }
  }
}

/** The client's end of a link. */
export class ClientEnd extends BaseConnection {
  readonly bufferedAmount = 0;
  readonly delayedAcks: boolean;
  readonly zeroCopy: boolean;
  isOpen = true;
  readonly #link: Link;

  constructor(link: Link, delayedAcks: boolean) {
    super();
    this.#link = link;
    this.delayedAcks = delayedAcks;
    // As TCP has both.
    this.zeroCopy = delayedAcks;
  }

  write(chunks: readonly Uint8Array[]): void {
    if (this.isOpen) this.#link.take(chunks);
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#link.finish(() => this.ended());
  }

  destroy(): void {
    if (this.isOpen) this.#link.abandon();
    this.isOpen = false;
    this.silenced();
  }

  feed(bytes: Uint8Array): void {
    if (this.isOpen) this.received(bytes);
  }

  end(error: Error | undefined): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.ended(error);
  }
}
