/** Says things to the other side of a channel: all of one turn in one post. */

import type { Channel } from './environment';
import type { Envelope } from './wire';

/** See above. */
export class Port<Item> {
  readonly #channel: Pick<Channel, 'postMessage'>;
  /** The hub that it is from or for. */
  readonly #epoch: number;
  #items: Item[] = [];
  #isClosed = false;

  constructor(channel: Pick<Channel, 'postMessage'>, epoch: number) {
    this.#channel = channel;
    this.#epoch = epoch;
  }

  /** Says it at the end of the turn. What it says can be cloned. */
  post(item: Item): void {
    if (this.#items.length === 0) queueMicrotask(() => this.flush());
    this.#items.push(item);
  }

  /** Says nothing more. */
  close(): void {
    this.#isClosed = true;
  }

  /** Says at once what there is to say. */
  flush(): void {
    const items = this.#items;
    this.#items = [];
    if (this.#isClosed || items.length === 0) return;
    try {
      this.#channel.postMessage({ epoch: this.#epoch, items } satisfies Envelope<Item>);
    } catch {
      // The channel is closed: nobody is there any more.
    }
  }
}
