/**
 * A hub that takes over connects once all tabs that live have said what they are subscribed to: what the server has for
 * them would else be handed out to the first ones only.
 */

import type { HubCore } from './hub-core';

/** How long tabs may take to say it, in milliseconds. */
const gatheringTime = 500;

/** See above. */
export class Gathering {
  readonly #core: HubCore;
  /** Tabs that have said what they want, or are gone. */
  readonly #ready = new Set<string>();
  /** Those that live; undefined before they are known, and once the hub has connected. */
  #awaited: readonly string[] | undefined;

  constructor(core: HubCore) {
    this.#core = core;
  }

  /** Waits for these tabs, and connects. */
  begin(tabs: readonly string[]): void {
    const { takesOver, before, client, unclaimedTimeout, endings } = this.#core;
    if (!takesOver) return;
    // By then, what only tabs wanted that are gone is not wanted any more.
    endings.later(unclaimedTimeout, () => {
      const unused = before?.filters.filter((filter) => !this.#core.has(filter)) ?? [];
      if (unused.length > 0) client.unsubscribe(unused).catch(() => {});
    });
    this.#awaited = tabs;
    endings.later(gatheringTime, () => this.#connect());
    this.#look();
  }

  /** A tab has said what it wants, or is gone. */
  ready(tab: string): void {
    this.#ready.add(tab);
    this.#look();
  }

  #look(): void {
    if (this.#awaited?.every((tab) => this.#ready.has(tab))) this.#connect();
  }

  #connect(): void {
    if (!this.#awaited || this.#core.state !== 'open') return;
    this.#awaited = undefined;
    this.#core.client.connect().catch(() => {});
  }
}
