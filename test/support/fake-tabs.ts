/**
 * Tabs of one origin in one process: what `connectShared` needs of a browser, with a Web Lock manager of its own and
 * tabs that are hidden, frozen, crashed on demand.
 */

import type { Channel, Environment } from '../../src/shared/environment';

type Granted = (lock: Lock | null) => unknown;

/** A lock that is held or asked for. */
interface Entry {
  readonly name: string;
  readonly mode: LockMode;
  readonly tab: FakeTab;
  readonly granted: Granted;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** All tabs of an origin. */
export class FakeOrigin {
  readonly #held = new Set<Entry>();
  #pending: Entry[] = [];
  /** Open ends of channels, by name. */
  readonly channels = new Map<string, Set<FakeChannel>>();
  /** Everything that was said on channels. */
  readonly said: unknown[] = [];

  /** Opens a tab. */
  open(): FakeTab {
    return new FakeTab(this);
  }

  /** `navigator.locks` of a tab. */
  locksOf(tab: FakeTab): Environment['locks'] {
    const request = (name: string, ...rest: [LockOptions, Granted] | [Granted]): Promise<unknown> => {
      const [options, granted] = rest.length === 1 ? [{}, rest[0]] : rest;
      return this.#request(tab, name, options, granted);
    };
    const info = ({ name, mode, tab: { id } }: Entry): LockInfo => ({ name, mode, clientId: id });
    return {
      request: request as Environment['locks']['request'],
      query: async () => ({ held: [...this.#held].map(info), pending: this.#pending.map(info) }),
    };
  }

  /** The tab that holds a lock. */
  holderOf(name: string): FakeTab | undefined {
    return [...this.#held].find((entry) => entry.name === name)?.tab;
  }

  /** Locks that are held or asked for, and channels that are open. */
  get left(): string[] {
    const locks = [...this.#held, ...this.#pending].map(({ name }) => `lock ${name}`);
    const channels = [...this.channels].filter(([, { size }]) => size > 0).map(([name]) => `channel ${name}`);
    return [...locks, ...channels];
  }

  /** A tab is gone: its locks are free. */
  release(tab: FakeTab): void {
    this.#pending = this.#pending.filter((entry) => entry.tab !== tab);
    for (const entry of this.#held) if (entry.tab === tab) this.#held.delete(entry);
    this.#grant();
  }

  #request(tab: FakeTab, name: string, options: LockOptions, granted: Granted): Promise<unknown> {
    const { mode = 'exclusive', ifAvailable, steal, signal } = options;
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#pending = this.#pending.filter((one) => one.resolve !== resolve);
        reject(signal?.reason);
      };
      if (signal?.aborted) {
        abort();
        return;
      }
      const entry: Entry = { name, mode, tab, granted, resolve, reject };
      if (steal) {
        for (const other of this.#held) {
          if (other.name !== name) continue;
          this.#held.delete(other);
          other.tab.run(() => other.reject(new DOMException('The lock was stolen', 'AbortError')));
        }
        this.#hold(entry);
        return;
      }
      if (ifAvailable && !this.#isFree(entry)) {
        resolve(Promise.resolve(granted(null)));
        return;
      }
      signal?.addEventListener('abort', abort);
      this.#pending.push({
        ...entry,
        granted: (lock) => {
          signal?.removeEventListener('abort', abort);
          return granted(lock);
        },
      });
      this.#grant();
    });
  }

  #isFree({ name, mode }: Entry): boolean {
    return ![...this.#held].some(
      (other) => other.name === name && (mode === 'exclusive' || other.mode === 'exclusive'),
    );
  }

  #grant(): void {
    for (const entry of [...this.#pending]) {
      const isFirst = this.#pending.find(({ name }) => name === entry.name) === entry;
      if (!isFirst || !this.#isFree(entry)) continue;
      this.#pending = this.#pending.filter((one) => one !== entry);
      this.#hold(entry);
    }
  }

  #hold(entry: Entry): void {
    this.#held.add(entry);
    const { tab, name, mode, granted, resolve, reject } = entry;
    const release = () => {
      this.#held.delete(entry);
      this.#grant();
    };
    tab.run(() => {
      Promise.resolve(granted({ name, mode } as Lock)).then(
        (value) => {
          release();
          resolve(value);
        },
        (error: unknown) => {
          release();
          reject(error);
        },
      );
    });
  }
}

/** One end of a channel. */
class FakeChannel implements Channel {
  readonly #origin: FakeOrigin;
  readonly #tab: FakeTab;
  readonly #name: string;
  readonly #receive: (data: unknown) => void;

  constructor(tab: FakeTab, name: string, receive: (data: unknown) => void) {
    this.#origin = tab.origin;
    this.#tab = tab;
    this.#name = name;
    this.#receive = receive;
    this.#peers.add(this);
  }

  postMessage(data: unknown): void {
    const clone = structuredClone(data);
    // What a frozen tab has to say, its timers make it say: they go on here.
    this.#tab.run(() => {
      this.#origin.said.push(clone);
      for (const peer of this.#peers) if (peer !== this) peer.#deliver(clone);
    });
  }

  close(): void {
    this.#peers.delete(this);
  }

  belongsTo(tab: FakeTab): boolean {
    return this.#tab === tab;
  }

  get #peers(): Set<FakeChannel> {
    const { channels } = this.#origin;
    const peers = channels.get(this.#name) ?? new Set();
    channels.set(this.#name, peers);
    return peers;
  }

  #deliver(data: unknown): void {
    setImmediate(() =>
      this.#tab.run(() => {
        if (this.#peers.has(this)) this.#receive(structuredClone(data));
      }),
    );
  }
}

/** A tab. */
export class FakeTab {
  readonly origin: FakeOrigin;
  readonly id = crypto.randomUUID();
  state: 'visible' | 'hidden' | 'frozen' | 'crashed' = 'visible';
  readonly #visibility = new Set<() => void>();
  readonly #freeze = new Set<() => void>();
  readonly #restore = new Set<() => void>();
  readonly #gone = new Set<() => void>();
  /** What happened while it was frozen. */
  readonly #later: (() => void)[] = [];
  /** What else goes with it. */
  readonly onCrash: (() => void)[] = [];

  constructor(origin: FakeOrigin) {
    this.origin = origin;
  }

  /** What `connectShared` gets. */
  get environment(): Environment {
    const listen = (listeners: Set<() => void>) => (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    };
    return {
      locks: this.origin.locksOf(this),
      openChannel: (name, receive) => new FakeChannel(this, name, receive),
      isHidden: () => this.state === 'hidden',
      onVisibility: listen(this.#visibility),
      onFreeze: listen(this.#freeze),
      onRestore: listen(this.#restore),
      onGone: listen(this.#gone),
    };
  }

  /** Runs what happens to it, once its clock goes. */
  run(task: () => void): void {
    if (this.state === 'frozen') this.#later.push(task);
    else if (this.state !== 'crashed') task();
  }

  hide(): void {
    this.state = 'hidden';
    for (const listener of this.#visibility) listener();
  }

  show(): void {
    this.state = 'visible';
    for (const listener of this.#visibility) listener();
  }

  /** Stops its clock; a browser tells it, unless it just hangs. */
  freeze(tell = false): void {
    if (tell) for (const listener of this.#freeze) listener();
    this.state = 'frozen';
  }

  /** Its clock goes again. */
  thaw(): void {
    this.state = 'visible';
    for (const task of this.#later.splice(0)) this.run(task);
  }

  /** Its page is left and kept, as for the back button: its locks are gone. */
  leave(): void {
    this.state = 'frozen';
    this.origin.release(this);
  }

  /** Its page is shown again. */
  restore(): void {
    this.thaw();
    for (const listener of this.#restore) listener();
  }

  /** Closes it, as its user does. */
  close(): void {
    for (const listener of this.#gone) listener();
    this.crash();
  }

  /** Ends it without a word. */
  crash(): void {
    this.state = 'crashed';
    for (const end of this.onCrash.splice(0)) end();
    for (const peers of this.origin.channels.values())
      for (const channel of peers) if (channel.belongsTo(this)) peers.delete(channel);
    this.origin.release(this);
  }
}
