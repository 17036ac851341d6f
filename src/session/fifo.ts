/** Places that a queue keeps when it is empty, or before its items are moved to the front. */
const mostRoom = 1_024;

/** A first-in first-out queue whose operations cost the same at any length; an array's `shift` does not. */
export class Fifo<Item> {
  #items: (Item | undefined)[];
  /** Where the next item lies. */
  #head = 0;
  /** Where the next one goes. Places behind it are room that is kept: most queues are empty again and again. */
  #tail: number;

  /** @param items the first ones; the array is the queue's from here on */
  constructor(items: Item[] = []) {
    this.#items = items;
    this.#tail = items.length;
  }

  /** Number of items. */
  get length(): number {
    return this.#tail - this.#head;
  }

  /** Appends. */
  push(item: Item): void {
    this.#items[this.#tail++] = item;
  }

  /** The item that comes next. */
  peek(): Item | undefined {
    return this.#items[this.#head];
  }

  /** Takes the item that comes next. */
  shift(): Item | undefined {
    const items = this.#items;
    const head = this.#head;
    if (head === this.#tail) return undefined;
    const item = items[head];
    items[head] = undefined;
    this.#head = head + 1;
    if (head + 1 === this.#tail) {
      if (this.#tail > mostRoom) this.#items = [];
      this.#head = 0;
      this.#tail = 0;
    } else if (head >= mostRoom && head * 2 > this.#tail) {
      this.#items = this.drain();
      this.#tail = this.#items.length;
    }
    return item;
  }

  /** The items, oldest first. */
  *[Symbol.iterator](): Generator<Item> {
    for (let index = this.#head; index < this.#tail; index += 1) yield this.#items[index] as Item;
  }

  /** Takes all items. */
  drain(): Item[] {
    const items = this.#items.slice(this.#head, this.#tail) as Item[];
    this.#items = [];
    this.#head = 0;
    this.#tail = 0;
    return items;
  }
}
