/**
 * One tab's place among the tabs of a shared connection: a guest of the hub, which may be its own.
 *
 *   channel NAME         announcements, for all
 *   channel NAME tab ID  between that tab and the hub
 *
 * A hub has an epoch, later than that of every hub before it. What another epoch says is not listened to: a tab that was
 * frozen may still believe that the hub is its own.
 */

import type { CloseOptions } from '../index';
import { Election } from './election';
import { Endings } from './endings';
import type { Channel } from './environment';
import { Lookout } from './lookout';
import { weightOf } from './message';
import { Office, type RoomSetup } from './office';
import { Port } from './port';
import { TabLocks } from './tab-locks';
import type { Announcement, Envelope, State, ToHub, ToTab } from './wire';
import { isAnnouncement, isEnvelope } from './wire-checks';

/** What the room tells its tab. */
export interface RoomHost {
  /** What the last hub told. */
  state(): State | undefined;
  /** The hub says something. */
  receive(item: ToTab): void;
}

/** How long the hub may take to hear that a tab leaves, in milliseconds. */
const farewellPatience = 500;

/** After a steal the one that was stolen from may come back for a moment, in milliseconds: then we insist. */
const contestedFor = 60_000;

/** How names of locks and channels begin. In quotes: one connection may be called `x`, another `x visible`. */
const commonName = (name: string) => `mqtide shared ${JSON.stringify(name)}`;

/** See above. */
export class Room {
  readonly #setup: RoomSetup;
  readonly #host: RoomHost;
  /** This tab's name among the others. */
  readonly id = crypto.randomUUID();
  readonly #locks: TabLocks;
  readonly #common: Channel;
  readonly #own: Channel;
  readonly #lookout: Lookout;
  readonly #endings = new Endings();
  #election: Election | undefined;
  /** While this tab has the hub. */
  #office: Office | undefined;
  /** Monotonic time until which another client on our session is the one whose lock was stolen. */
  #contestedUntil = 0;
  /** The newest epoch that was heard of. */
  #epoch = 0;
  /** To the hub; undefined until it said welcome. */
  #port: Port<ToHub> | undefined;
  /** Counts the hubs, and the times with one, so that an answer to an old hello is not taken for a new one. */
  #visit = 1;
  #isOver = false;
  /** Ends the wait for the hub's answer to our leave. */
  #farewell: (() => void) | undefined;

  constructor(setup: RoomSetup, host: RoomHost) {
    const { environment } = setup;
    const name = commonName(setup.name);
    this.#setup = setup;
    this.#host = host;
    this.#locks = new TabLocks(environment.locks, name, this.id);
    this.#common = environment.openChannel(name, (data) => {
      if (isAnnouncement(data)) this.#announced(data);
    });
    this.#own = environment.openChannel(this.#locks.nameOf(this.id), (data) => {
      if (isEnvelope<ToTab>(data)) this.#heard(data);
    });
    this.#lookout = new Lookout(
      environment,
      () => this.post({ type: 'ping' }) || this.#sayHello(),
      () => this.#election?.steal().catch(() => {}),
    );
  }

  /** Joins the others. */
  async join(): Promise<void> {
    const { environment } = this.#setup;
    this.#endings.add(
      environment.onVisibility(() => this.#lookout.start()),
      environment.onFreeze(() => this.#frozen()),
      environment.onRestore(() => this.#restored()),
      environment.onGone(() => this.#gone()),
      () => this.#lookout.stop(),
    );
    await this.#enter();
    if (!this.#isOver) this.#lookout.start();
  }

  /** Says something to the hub. @returns false while this tab is nobody's guest */
  post(item: ToHub): boolean {
    this.#port?.post(item);
    return this.#port !== undefined;
  }

  /**
   * Leaves the others. The connection ends with the last tab. A second call ends the wait of the first.
   *
   * @param said called once what was asked of the hub is, or is not, in the hands of one that outlives this tab's share
   */
  async leave(
    options: CloseOptions | undefined,
    timeout: number,
    said: (isInHands: boolean) => void = () => {},
  ): Promise<void> {
    const office = this.#office;
    if (this.#isOver) {
      await office?.hub.close({ force: true });
      return;
    }
    this.#isOver = true;
    this.#endings.end();
    try {
      this.#port?.flush();
      // The hub's own tab just goes: with the last tab the session keeps its subscriptions, as with any client.
      // What its client has in memory goes with it.
      if (office) said(this.#setup.options.store !== undefined);
      else {
        // Else it could be elected while it says goodbye.
        this.#election?.end();
        said(await this.#sayGoodbye());
      }
      this.#port = undefined;
      if (office?.hub.hasOthers(this.id)) await office.hub.handOver(timeout);
      else await office?.hub.close(options);
    } finally {
      office?.close();
      this.#election?.end();
      this.#locks.die();
      this.#common.close();
      this.#own.close();
    }
  }

  async #enter(): Promise<void> {
    await this.#locks.live();
    if (this.#isOver) {
      this.#locks.die();
      return;
    }
    const { environment, name } = this.#setup;
    this.#lookout.heard();
    this.#election = new Election(environment, commonName(name), {
      elected: (hasStolen) => {
        if (hasStolen) this.#contestedUntil = performance.now() + contestedFor;
        this.#takeOffice();
      },
      deposed: () => this.#deposed(),
    });
    this.#sayHello();
  }

  // --- as a guest

  #sayHello(): void {
    const { fingerprint } = this.#setup;
    const hello: Announcement = { type: 'hello', tab: this.id, visit: this.#visit, fingerprint };
    this.#common.postMessage(hello);
  }

  /** So that the hub does not take it for a tab that is reloading. @returns whether the hub has answered */
  async #sayGoodbye(): Promise<boolean> {
    if (!this.post({ type: 'bye' })) return false;
    return new Promise((resolve) => {
      const stop = this.#endings.later(farewellPatience, () => resolve(false));
      this.#farewell = () => {
        stop();
        resolve(true);
      };
    });
  }

  #announced(announcement: Announcement): void {
    if (this.#isOver) return;
    if (announcement.type === 'hello') {
      if (announcement.tab !== this.id) this.#office?.admit(announcement);
      return;
    }
    // The clock was set back, and a tab that knew no hub has begun one: it has to hear of the epoch that was.
    if (announcement.epoch < this.#epoch) this.#announce();
    if (announcement.epoch <= this.#epoch) return;
    const hadHub = this.#office !== undefined;
    this.#epoch = announcement.epoch;
    this.#lookout.heard();
    this.#endOffice();
    this.#part();
    this.#sayHello();
    if (hadHub) this.#insist().catch(() => {});
  }

  /** Somebody has announced a hub though it was ours: who has the lock is right, others may have hung and lost it. */
  async #insist(): Promise<void> {
    const isOurs = await this.#locks.haveHub();
    if (isOurs && !this.#office && !this.#isOver) this.#takeOffice();
  }

  #heard({ epoch, items }: Envelope<ToTab>): void {
    if (epoch < this.#epoch) return;
    this.#epoch = epoch;
    this.#lookout.heard();
    let weight = 0;
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
      if (item.type === 'message' && item.delivery.id === 0) weight += weightOf(item.delivery.message);
      this.#host.receive(item);
    }
    if (weight > 0) this.post({ type: 'arrived', weight });
  }

  /** The hub is not ours any more. */
  #part(): void {
    this.#port?.close();
    this.#port = undefined;
    this.#visit += 1;
  }

  #portToHub(epoch: number): Port<ToHub> {
    const hub = this.#office?.hub;
    const channel = hub && {
      postMessage: (data: unknown) => {
        for (const item of (data as Envelope<ToHub>).items) hub.receive(this.id, item);
      },
    };
    return new Port(channel ?? this.#own, epoch);
  }

  // --- as the tab with the hub

  /** Makes the hub, also anew. */
  #takeOffice(): void {
    this.#endOffice();
    const before = this.#host.state();
    this.#epoch = Math.max(Date.now(), this.#epoch + 1);
    const epoch = this.#epoch;
    const office = new Office(
      this.#setup,
      this.#locks,
      epoch,
      before,
      before !== undefined || this.#isContested,
      () => this.#look(),
      () => (this.#isContested ? this.#takeOffice() : this.#doubt()),
    );
    this.#office = office;
    this.#part();
    // Its own tab comes first, without a channel.
    const port = new Port<ToTab>(
      { postMessage: (data) => queueMicrotask(() => this.#heard(data as Envelope<ToTab>)) },
      epoch,
    );
    office.welcome(this.id, this.#visit, port);
    this.#announce();
    // Should it fail, the page is about to go.
    this.#locks
      .tabs()
      .catch(() => [])
      .then((tabs) => office.hub.takeOver(tabs));
  }

  #announce(): void {
    this.#common.postMessage({ type: 'hub', epoch: this.#epoch } satisfies Announcement);
  }

  get #isContested(): boolean {
    return performance.now() < this.#contestedUntil;
  }

  /** Looks whether the lock is this tab's still; if not, it acts accordingly. */
  async #look(): Promise<boolean> {
    const isOurs = await this.#locks.haveHub();
    if (!isOurs && this.#office) this.#deposed();
    return isOurs;
  }

  /**
   * Another client has our session. It is the next hub's when this tab hung and was robbed of the lock, which it may not
   * have heard yet: then this is not the end of the connection.
   */
  #doubt(): void {
    const office = this.#office;
    office?.hush();
    this.#look()
      .catch(() => {})
      .then(() => {
        if (this.#office === office) office?.speak();
      });
  }

  #deposed(): void {
    this.#endOffice();
    this.#sayHello();
  }

  /** The connection is another tab's. */
  #endOffice(): void {
    const office = this.#office;
    if (!office) return;
    this.#office = undefined;
    office.close();
    office.hub.abandon();
    this.#part();
  }

  /** The browser stops this tab: another one has to hold the connection. */
  #frozen(): void {
    if (!this.#office?.hub.hasOthers(this.id)) return;
    this.#endOffice();
    this.#election?.yield();
  }

  /** The page goes for good, and the connection goes on: its will is not due, as it were without a DISCONNECT. */
  #gone(): void {
    const hub = this.#office?.hub;
    if (hub?.hasOthers(this.id)) hub.handOver(0).catch(() => {});
  }

  /** The page was left and is shown again: the others have gone on without it. */
  #restored(): void {
    this.#election?.end();
    this.#locks.die();
    if (this.#office) this.#endOffice();
    else this.#part();
    // Should it fail, the page has been left again.
    this.#enter().catch(() => {});
  }
}
