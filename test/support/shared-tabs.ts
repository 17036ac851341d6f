/** Shared connections in fake tabs: a tab that crashes takes its sockets and its half of a store with it. */

import { afterEach, vi } from 'vitest';
import type { Client, ServerUrls, SessionStore, Transport } from '../../src/index';
import { connectIn } from '../../src/shared/connect';
import type { SharedOptions } from '../../src/shared/options';
import { turn } from './fake-server';
import { FakeOrigin, type FakeTab } from './fake-tabs';

/** Where the tests' server is. */
export const url = 'ws://broker.example/mqtt';

/** Closes, after each test, the tabs that it had last. */
export function closeTabsAfterEach(tabs: () => SharedTabs): void {
  afterEach(async () => {
    vi.useRealTimers();
    await tabs().close();
  });
}

/** Fakes the timers that tabs use. */
export function fakeTabTimers(): void {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'performance'] });
}

/** Lets seconds pass, with all that tabs say to each other meanwhile. */
export async function seconds(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await vi.advanceTimersByTimeAsync(1_000);
    await turn();
  }
}

const never = new Promise<never>(() => {});

/** A transport as one tab has it. */
function transportOf(tab: FakeTab, transport: Transport): Transport {
  return {
    async connect(url, options) {
      if (tab.state === 'crashed') return never;
      const connection = await transport.connect(url, options);
      tab.onCrash.push(() => connection.destroy());
      return connection;
    },
  };
}

/** A store as one tab has it. */
function storeOf(tab: FakeTab, store: SessionStore): SessionStore {
  const alive = <Value>(value: () => Value) => (tab.state === 'crashed' ? never : value());
  return {
    load: (key) => alive(() => store.load(key)),
    write: (key, operations) => alive(() => store.write(key, operations)),
    clear: (key) => alive(() => store.clear(key)),
  };
}

/** Tabs of one origin, and what they have open. */
export class SharedTabs {
  readonly origin = new FakeOrigin();
  readonly #url: ServerUrls;
  readonly #options: SharedOptions & { transport: Transport };
  readonly #open: { tab: FakeTab; client: Client }[] = [];

  constructor(url: ServerUrls, options: SharedOptions & { transport: Transport }) {
    this.#url = url;
    this.#options = options;
  }

  /** Opens a tab and connects in it. */
  async open(
    changes: SharedOptions = {},
    prepare: (tab: FakeTab) => void = () => {},
  ): Promise<{ tab: FakeTab; client: Client }> {
    const tab = this.origin.open();
    prepare(tab);
    const { transport = this.#options.transport, ...others } = changes;
    const options = { ...this.#options, ...others };
    const client = await connectIn(tab.environment, this.#url, {
      ...options,
      transport: transportOf(tab, transport),
      store: options.store && storeOf(tab, options.store),
    });
    const opened = { tab, client };
    this.#open.push(opened);
    return opened;
  }

  /** The tab that holds the connection. */
  get owner(): FakeTab | undefined {
    return this.origin.holderOf(this.lock);
  }

  /** Name of the lock. */
  get lock(): string {
    const url = new URL([this.#url].flat()[0] as string);
    const name = this.#options.name ?? `${url.protocol}//${url.host}${url.pathname}`;
    return `mqtide shared ${JSON.stringify(name)}`;
  }

  /** Closes what is open. */
  async close(): Promise<void> {
    for (const { tab, client } of this.#open.reverse()) {
      if (tab.state === 'frozen') tab.thaw();
      if (tab.state !== 'crashed') await client.close({ force: true });
    }
  }
}
