/** Says things to the other side of a channel: all of one turn in one post. */

import type { Channel } from './environment';
import type { Envelope } from './wire';

/** See above. */
export class Port<Item> {
  readonly #channel: Pick<Channel, 'postMessage'>;
  /** The hub that it is from or for. */
  readonly #epoch: number;
  /** Takes what cannot be cloned. */
  readonly #unspeakable: (item: Item, error: unknown) => void;
  #items: Item[] = [];
  #isClosed = false;

  constructor(
    channel: Pick<Channel, 'postMessage'>,
    epoch: number,
    unspeakable: (item: Item, error: unknown) => void,
  ) {
    this.#channel = channel;
    this.#epoch = epoch;
    this.#unspeakable = unspeakable;
  }

  /** Says it at the end of the turn. */
  post(item: Item): void {
    if (this.#items.length === 0) queueMicrotask(() => this.flush());
    this.#items.push(item);
  }

  /** Says it now. */
  flush(): void {
    const items = this.#items;
    if (items.length === 0 || this.#isClosed) return;
    this.#items = [];
    try {
      this.#send(items);
    } catch {
      for (const item of items) {
        try {
          this.#send([item]);
        } catch (error) {
          this.#unspeakable(item, error);
        }
      }
    }
  }

  /** Says nothing more. */
  close(): void {
    this.#isClosed = true;
  }

  #send(items: readonly Item[]): void {
    this.#channel.postMessage({ epoch: this.#epoch, items } satisfies Envelope<Item>);
  }
}
