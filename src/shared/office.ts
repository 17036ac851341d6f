/** The hub while it is this tab's: its client, its channels to the other tabs, and the wait for their ends. */

import { UsageError } from '../errors';
import { type ClientOptions, createClient } from '../index';
import type { Channel, Environment } from './environment';
import { fencedStore } from './fenced-store';
import { Hub } from './hub';
import { differences } from './options';
import { Port } from './port';
import type { TabLocks } from './tab-locks';
import type { Announcement, Envelope, Fingerprint, State, ToHub, ToTab } from './wire';
import { isEnvelope } from './wire-checks';
import { toWireError } from './wire-error';

/** What a shared connection is made from, in one tab. */
export interface RoomSetup {
  readonly environment: Environment;
  readonly name: string;
  readonly fingerprint: Fingerprint;
  readonly urls: Parameters<typeof createClient>[0];
  readonly options: ClientOptions;
}

/** Reason code of DISCONNECT by which the server says that [v5 3.14.2.1]. */
const sessionTakenOver = 0x8e;

/** See above. */
export class Office {
  readonly hub: Hub;
  readonly #setup: RoomSetup;
  readonly #locks: TabLocks;
  readonly #epoch: number;
  /** Channels to guests. */
  readonly #channels = new Map<string, Channel>();
  /** Ends the waits for the locks of tabs. */
  readonly #watches = new AbortController();
  /** What the hub says while nobody may hear it, in order. */
  #held: (() => void)[] | undefined;

  /**
   * @param before what the last hub told, if there was one
   * @param takesOver whether another tab may have the session still
   * @param look looks whether the lock is this tab's still
   * @param takenOver called when another client has taken the session over, before any tab hears of that
   */
  constructor(
    setup: RoomSetup,
    locks: TabLocks,
    epoch: number,
    before: State | undefined,
    takesOver: boolean,
    look: () => Promise<boolean>,
    takenOver: () => void,
  ) {
    const { options, urls } = setup;
    const { reconnect, store } = options;
    this.#setup = setup;
    this.#locks = locks;
    this.#epoch = epoch;
    const goesOn = before !== undefined && before.status.type !== 'closed' && reconnect !== false;
    const isOurs = () => !this.#watches.signal.aborted;
    const client = createClient(urls, {
      ...options,
      clientId: options.clientId ?? before?.clientId,
      // `message.ack()` is the hub's, which knows when all tabs have settled.
      ack: options.ack === 'received' ? 'received' : 'manual',
      // Each tab times its own handlers; its loops may take as long as they like.
      handlerTimeout: Infinity,
      reconnect: goesOn ? { ...reconnect, initial: true } : reconnect,
      store: store && fencedStore(store, { isOurs, look, takesOver }),
    });
    client.on('status', (status) => {
      if (status.type === 'closed' && status.error?.reasonCode === sessionTakenOver) takenOver();
    });
    this.hub = new Hub(client, options, before);
  }

  /** A tab says hello. */
  admit({ tab, visit, fingerprint: given }: Announcement & { type: 'hello' }): void {
    const { name, fingerprint } = this.#setup;
    const differing = differences(fingerprint, given);
    const channel = this.#channels.get(tab) ?? this.#open(tab);
    const port = new Port<ToTab>(channel, this.#epoch);
    if (differing === '') this.welcome(tab, visit, port);
    else port.post({ type: 'refused', error: toWireError(differs(name, differing)) });
  }

  /** Takes a tab as a guest. */
  welcome(tab: string, visit: number, port: Port<ToTab>): void {
    this.hub.admit(tab, visit, (item) => {
      if (this.#held) this.#held.push(() => port.post(item));
      else port.post(item);
    });
  }

  /** Whether the hub is this tab's at all is in doubt: what it says waits for `speak`, or is not said. */
  hush(): void {
    this.#held ??= [];
  }

  /** Says what waited. */
  speak(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const say of held) say();
  }

  /** Serves nobody any more. */
  close(): void {
    this.#watches.abort();
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  #open(tab: string): Channel {
    const channel = this.#setup.environment.openChannel(this.#locks.nameOf(tab), (data) => {
      if (!isEnvelope<ToHub>(data) || data.epoch !== this.#epoch) return;
      const { epoch, items } = data;
      if (items.every((item) => this.hub.receive(tab, item))) return;
      channel.postMessage({ epoch, items: [{ type: 'forgotten' }] } satisfies Envelope<ToTab>);
    });
    this.#channels.set(tab, channel);
    this.#locks.watch(tab, this.#watches.signal, () => {
      this.hub.lost(tab);
      channel.close();
      this.#channels.delete(tab);
    });
    return channel;
  }
}

function differs(name: string, options: string): UsageError {
  return new UsageError(
    `connectShared: another tab shares '${name}' with other options: ${options}. Give the same ones (what changes, such as a token, belongs into credentials), or another name; after an update of the page, close its other tabs`,
  );
}
