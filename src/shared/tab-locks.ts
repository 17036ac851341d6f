/**
 * Web Locks by which tabs know each other:
 *
 *   lock NAME            held by the tab that has the hub; see election.ts
 *   lock NAME tab ID     held by each tab while it lives; the hub waits for it
 */

import type { Environment } from './environment';

/** See above. */
export class TabLocks {
  readonly #locks: Environment['locks'];
  readonly #name: string;
  readonly #tab: string;
  /** Lets go of the lock by which the hub knows that this tab lives. */
  die: () => void = () => {};

  constructor(locks: Environment['locks'], name: string, tab: string) {
    this.#locks = locks;
    this.#name = name;
    this.#tab = tab;
  }

  /** Name of a tab's lock, and of the channel between it and the hub. */
  nameOf(tab: string): string {
    return `${this.#name} tab ${tab}`;
  }

  /** Takes this tab's lock, until it dies. */
  live(): Promise<void> {
    return new Promise((resolve, reject) => {
      const hold = () => {
        resolve();
        return new Promise<void>((die) => {
          this.die = die;
        });
      };
      this.#locks.request(this.nameOf(this.#tab), hold).catch(reject);
    });
  }

  /** Calls back when another tab is gone, until it is aborted. */
  watch(tab: string, signal: AbortSignal, gone: () => void): void {
    this.#locks.request(this.nameOf(tab), { signal }, gone).catch(() => {});
  }

  /** Whether this tab holds the lock of the hub. */
  async haveHub(): Promise<boolean> {
    const { held = [] } = await this.#locks.query();
    const clientOf = (name: string) => held.find((lock) => lock.name === name)?.clientId;
    const holder = clientOf(this.#name);
    return holder !== undefined && holder === clientOf(this.nameOf(this.#tab));
  }

  /** All tabs that live. */
  async tabs(): Promise<string[]> {
    const prefix = this.nameOf('');
    const { held = [] } = await this.#locks.query();
    return held.flatMap(({ name = '' }) => (name.startsWith(prefix) ? name.slice(prefix.length) : []));
  }
}
