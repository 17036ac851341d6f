/**
 * One tab's place among the tabs of a shared connection: its channels and locks, the hub while it is this tab's, and the
 * look at whether a hub elsewhere still answers.
 *
 *   lock NAME            held by the tab that has the hub; see election.ts
 *   lock NAME tab ID     held by each tab while it lives; the hub waits for it
 *   channel NAME         announcements, for all
 *   channel NAME tab ID  between that tab and the hub
 *
 * A hub has an epoch, later than that of every hub before it. What another epoch says is not listened to: a tab that was
 * frozen may still believe that the hub is its own.
 */

import { UsageError } from '../errors';
import { type Client, type ClientOptions, type CloseOptions, createClient } from '../index';
import { Election } from './election';
import type { Channel, Environment } from './environment';
import { fencedStore, type Tenure } from './fenced-store';
import { Hub } from './hub';
import { differences } from './options';
import { Port } from './port';
import type { Announcement, Envelope, Fingerprint, State, ToHub, ToTab } from './wire';
import { toWireError } from './wire-error';

/** What a room needs to know. */
export interface RoomSetup {
  readonly environment: Environment;
  readonly name: string;
  readonly fingerprint: Fingerprint;
  readonly urls: Parameters<typeof createClient>[0];
  readonly options: ClientOptions;
}

/** What the room tells its tab. */
export interface RoomHost {
  /** What the last hub told. */
  state(): State | undefined;
  /** The hub says something. */
  receive(item: ToTab): void;
  /** It cannot be said to the hub. */
  unspeakable(item: ToHub, error: unknown): void;
}

/** How often a visible tab looks whether the hub answers, in milliseconds. */
const lookInterval = 1_000;

/** How long the hub may be silent until its lock is stolen, in milliseconds: more than a busy page needs. */
const silenceAllowed = 4_000;

/** How long the hub may take to hear that a tab leaves, in milliseconds. */
const farewellPatience = 500;

/** How names of locks and channels begin. */
const prefix = 'mqtide shared ';

/** See above. */
export class Room {
  readonly #setup: RoomSetup;
  readonly #host: RoomHost;
  /** This tab's name among the others. */
  readonly id = crypto.randomUUID();
  readonly #name: string;
  readonly #common: Channel;
  readonly #own: Channel;
  /** Lets go of the lock by which the hub knows that this tab lives. */
  #die: () => void = () => {};
  #election: Election | undefined;
  /** While this tab has the connection. */
  #hub: Hub | undefined;
  /** Ends the hub's waits for the locks of tabs. */
  #watches = new AbortController();
  /** Channels of the hub to its guests. */
  readonly #guestChannels = new Map<string, Channel>();
  /** The newest epoch that was heard of. */
  #epoch = 0;
  /** To the hub; undefined until it said welcome. */
  #port: Port<ToHub> | undefined;
  /** Counts the hubs, and the times with one, so that an answer to an old hello is not taken for a new one. */
  #visit = 1;
  /** When the hub was heard last, in monotonic milliseconds. */
  #heardAt = 0;
  #lookedAt = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #stops: (() => void)[] = [];
  #isOver = false;
  /** Ends the wait for the hub's answer to our leave. */
  #farewell: (() => void) | undefined;

  constructor(setup: RoomSetup, host: RoomHost) {
    this.#setup = setup;
    this.#host = host;
    this.#name = prefix + setup.name;
    const { environment } = setup;
    this.#common = environment.openChannel(this.#name, (data) => this.#announced(data as Announcement));
    this.#own = environment.openChannel(this.#nameOfTab(this.id), (data) =>
      this.#heard(data as Envelope<ToTab>),
    );
  }

  /** Joins the others. */
  async join(): Promise<void> {
    const { environment } = this.#setup;
    this.#stops.push(
      environment.onVisibility(() => this.#lookOrNot()),
      environment.onFreeze(() => this.#frozen()),
      environment.onRestore(() => this.#restored()),
    );
    await this.#enter();
    if (!this.#isOver) this.#lookOrNot();
  }

  async #enter(): Promise<void> {
    const { environment } = this.#setup;
    await new Promise<void>((resolve, reject) => {
      environment.locks
        .request(this.#nameOfTab(this.id), () => {
          resolve();
          return new Promise<void>((die) => {
            this.#die = die;
          });
        })
        .catch(reject);
    });
    if (this.#isOver) {
      this.#die();
      return;
    }
    this.#heardAt = performance.now();
    this.#election = new Election(environment, this.#name, {
      elected: () => this.#elected(),
      deposed: () => this.#deposed(),
    });
    this.#sayHello();
  }

  /** Says something to the hub. @returns false while this tab is nobody's guest */
  post(item: ToHub): boolean {
    this.#port?.post(item);
    return this.#port !== undefined;
  }

  /** Leaves the others. The connection ends with the last tab. */
  async leave(options: CloseOptions | undefined, timeout: number): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const stop of this.#stops) stop();
    clearInterval(this.#timer);
    const hub = this.#hub;
    try {
      // The hub's own tab just goes: with the last tab the session keeps its subscriptions, as with any client.
      if (!hub) await this.#sayGoodbye();
      this.#port = undefined;
      if (hub?.hasOthers(this.id)) await hub.handOver(timeout);
      else await hub?.close(options);
    } finally {
      this.#watches.abort();
      this.#election?.end();
      this.#die();
      for (const channel of [this.#common, this.#own, ...this.#guestChannels.values()]) channel.close();
    }
  }

  /** So that the hub does not take it for a tab that is reloading. */
  async #sayGoodbye(): Promise<void> {
    const port = this.#port;
    if (!port) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, farewellPatience);
      this.#farewell = () => {
        clearTimeout(timer);
        resolve();
      };
      port.post({ type: 'bye' });
    });
  }

  #nameOfTab(id: string): string {
    return `${this.#name} tab ${id}`;
  }

  // --- as a guest

  #sayHello(): void {
    const { fingerprint } = this.#setup;
    const hello: Announcement = { type: 'hello', tab: this.id, visit: this.#visit, fingerprint };
    this.#common.postMessage(hello);
  }

  #announced(announcement: Announcement): void {
    if (this.#isOver) return;
    if (announcement.type === 'hello') {
      this.#admit(announcement.tab, announcement.visit, announcement.fingerprint);
      return;
    }
    if (announcement.epoch <= this.#epoch) return;
    this.#epoch = announcement.epoch;
    this.#part();
    this.#heardAt = performance.now();
    // Its lock is not ours any more, whether we have heard of that or not.
    if (this.#hub) this.#deposed();
    this.#sayHello();
  }

  #heard({ epoch, items }: Envelope<ToTab>): void {
    if (epoch < this.#epoch) return;
    this.#epoch = epoch;
    this.#heardAt = performance.now();
    let messages = 0;
    for (const item of items) {
      if (item.type === 'farewell') this.#farewell?.();
      if (this.#isOver) continue;
      if (item.type === 'ping') this.post({ type: 'pong' });
      if (item.type === 'forgotten' && this.#port) {
        this.#part();
        this.#sayHello();
      }
      if (item.type === 'welcome') {
        // An answer to an earlier hello: the hub was not ours any more before it came.
        if (item.visit !== this.#visit) return;
        this.#port = this.#portToHub(epoch);
      }
      if (item.type === 'message' && item.delivery.id === 0) messages += 1;
      this.#host.receive(item);
    }
    if (messages > 0) this.post({ type: 'arrived', count: messages });
  }

  /** The hub is not ours any more. */
  #part(): void {
    this.#port?.close();
    this.#port = undefined;
    this.#visit += 1;
  }

  #portToHub(epoch: number): Port<ToHub> {
    const hub = this.#hub;
    const channel = hub && {
      postMessage: (data: unknown) => {
        for (const item of (data as Envelope<ToHub>).items) hub.receive(this.id, item);
      },
    };
    return new Port(channel ?? this.#own, epoch, (unsaid, error) => this.#host.unspeakable(unsaid, error));
  }

  // --- a hub that does not answer

  #lookOrNot(): void {
    const { environment } = this.#setup;
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (environment.isHidden()) return;
    this.#lookedAt = performance.now();
    this.#heardAt = this.#lookedAt;
    this.#timer = setInterval(() => this.#look(), lookInterval);
  }

  #look(): void {
    const time = performance.now();
    // We may have slept ourselves: then the hub's answer waits behind this.
    const hasSlept = time - this.#lookedAt > 2 * lookInterval;
    this.#lookedAt = time;
    if (hasSlept || this.#hub) this.#heardAt = time;
    const silence = time - this.#heardAt;
    if (silence < lookInterval) return;
    if (silence > silenceAllowed) {
      this.#heardAt = time;
      this.#election?.steal().catch(() => {});
    } else if (!this.post({ type: 'ping' })) this.#sayHello();
  }

  /** The browser stops this tab: another one has to hold the connection. */
  #frozen(): void {
    if (!this.#hub?.hasOthers(this.id)) return;
    this.#endHub();
    this.#election?.yield();
  }

  /** The page was left and is shown again: the others have gone on without it. */
  #restored(): void {
    this.#election?.end();
    this.#die();
    if (this.#hub) this.#endHub();
    else this.#part();
    // Should it fail, the page has been left again.
    this.#enter().catch(() => {});
  }

  // --- as the tab with the hub

  #elected(): void {
    const { options, urls } = this.#setup;
    const before = this.#host.state();
    this.#epoch = Math.max(Date.now(), this.#epoch + 1);
    const epoch = this.#epoch;
    let isOurs = true;
    this.#watches = new AbortController();
    this.#watches.signal.addEventListener('abort', () => {
      isOurs = false;
    });
    const hub = new Hub({
      client: makeClient(urls, options, before, {
        isOurs: () => isOurs,
        look: () => this.#holdsLock(),
        takesOver: before !== undefined || this.#election?.hasStolen === true,
      }),
      options,
      before,
    });
    this.#hub = hub;
    if (this.#election?.hasStolen) hub.contested();
    this.#part();
    // Its own tab comes first, without a channel.
    const port = new Port<ToTab>(
      { postMessage: (data) => queueMicrotask(() => this.#heard(data as Envelope<ToTab>)) },
      epoch,
      () => {},
    );
    hub.admit(this.id, this.#visit, (item) => port.post(item));
    this.#common.postMessage({ type: 'hub', epoch } satisfies Announcement);
    void this.#tabs().then((tabs) => hub.takeOver(tabs));
  }

  /** Looks whether the lock is this tab's still; if not, it acts accordingly. */
  async #holdsLock(): Promise<boolean> {
    const { held = [] } = await this.#setup.environment.locks.query();
    const [holder, self] = [this.#name, this.#nameOfTab(this.id)].map((name) =>
      held.find((lock) => lock.name === name),
    );
    const isOurs = holder !== undefined && holder.clientId === self?.clientId;
    if (!isOurs && this.#hub) this.#deposed();
    return isOurs;
  }

  /** All tabs that live. */
  async #tabs(): Promise<string[]> {
    const prefix = this.#nameOfTab('');
    const { held = [] } = await this.#setup.environment.locks.query();
    return held.flatMap(({ name = '' }) => (name.startsWith(prefix) ? name.slice(prefix.length) : []));
  }

  #deposed(): void {
    this.#endHub();
    this.#sayHello();
  }

  /** The connection is another tab's. */
  #endHub(): void {
    const hub = this.#hub;
    this.#hub = undefined;
    this.#watches.abort();
    hub?.abandon();
    this.#part();
    for (const channel of this.#guestChannels.values()) channel.close();
    this.#guestChannels.clear();
  }

  #admit(tab: string, visit: number, fingerprint: Fingerprint): void {
    const { name, fingerprint: own } = this.#setup;
    const hub = this.#hub;
    if (!hub || tab === this.id || hub.greet(tab, visit)) return;
    const differing = differences(own, fingerprint);
    if (differing !== '') {
      this.#refuse(tab, differs(name, differing));
      return;
    }
    const channel = this.#guestChannels.get(tab) ?? this.#openGuestChannel(hub, tab);
    const port = new Port<ToTab>(channel, this.#epoch, () => {});
    hub.admit(tab, visit, (item) => port.post(item));
  }

  #refuse(tab: string, error: UsageError): void {
    const channel = this.#setup.environment.openChannel(this.#nameOfTab(tab), () => {});
    const port = new Port<ToTab>(channel, this.#epoch, () => {});
    port.post({ type: 'refused', error: toWireError(error) });
    port.flush();
    channel.close();
  }

  #openGuestChannel(hub: Hub, tab: string): Channel {
    const epoch = this.#epoch;
    const channel = this.#setup.environment.openChannel(this.#nameOfTab(tab), (data) => {
      const envelope = data as Envelope<ToHub>;
      if (envelope.epoch !== epoch) return;
      if (envelope.items.every((item) => hub.receive(tab, item))) return;
      channel.postMessage({ epoch, items: [{ type: 'forgotten' }] } satisfies Envelope<ToTab>);
    });
    this.#guestChannels.set(tab, channel);
    this.#watch(hub, tab, channel);
    return channel;
  }

  /** Waits for a tab's end. */
  #watch(hub: Hub, tab: string, channel: Channel): void {
    this.#setup.environment.locks
      .request(this.#nameOfTab(tab), { signal: this.#watches.signal }, () => {
        hub.lost(tab);
        channel.close();
        if (this.#guestChannels.get(tab) === channel) this.#guestChannels.delete(tab);
      })
      .catch(() => {});
  }
}

function differs(name: string, options: string): UsageError {
  return new UsageError(
    `connectShared: another tab shares '${name}' with other options: ${options}. Give the same ones (what changes, such as a token or a signed URL, belongs into the option credentials), or another name; after an update of the page, close its other tabs`,
  );
}

/** The client of a hub; one that takes over goes on with what was before. */
function makeClient(
  urls: RoomSetup['urls'],
  options: ClientOptions,
  before: State | undefined,
  tenure: Tenure,
): Client {
  const { reconnect, store } = options;
  const goesOn = before !== undefined && before.status.type !== 'closed';
  return createClient(urls, {
    ...options,
    clientId: options.clientId ?? before?.clientId,
    // `message.ack()` is the hub's, which knows when all tabs have settled.
    ack: options.ack === 'received' ? 'received' : 'manual',
    reconnect: goesOn && reconnect !== false ? { ...reconnect, initial: true } : reconnect,
    store: store && fencedStore(store, tenure),
  });
}
