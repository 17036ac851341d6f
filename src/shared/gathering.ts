/**
 * A hub connects once all tabs that live have said what they are subscribed to: what the server has for them would else
 * be handed out to the first ones only, and so would what its store has received. One that takes over does so by itself,
 * another one when a tab asks for it.
 */

import type { HubCore } from './hub-core';

/** How long tabs may take to say it, in milliseconds. */
const gatheringTime = 500;

/** What tells a gathering. */
export interface Gathering {
  /** Waits for these tabs. */
  begin(tabs: readonly string[]): void;
  /** A tab has said what it wants, or is gone. */
  ready(tab: string): void;
}

/** See above. */
export function gathering(core: HubCore): Gathering {
  const { takesOver, before, client, ghostTime, endings } = core;
  let gathered = () => {};
  core.gathered = new Promise((resolve) => {
    gathered = resolve;
  });
  /** Tabs that are ready. */
  const ready = new Set<string>();
  /** Those that live; undefined before they are known, and once the hub has connected. */
  let awaited: readonly string[] | undefined;

  const connect = () => {
    if (awaited && core.state === 'open') {
      core.gathered = undefined;
      gathered();
      if (takesOver) client.connect().catch(() => {});
    }
    awaited = undefined;
  };
  const look = () => {
    if (awaited?.every((tab) => ready.has(tab))) connect();
  };
  return {
    begin(tabs) {
      // By then, what only tabs wanted that are gone is not wanted any more.
      endings.later(ghostTime, () => {
        const unused = before?.filters?.filter((filter) => !core.holdings.has(filter)) ?? [];
        if (unused.length > 0) client.unsubscribe(unused).catch(() => {});
      });
      awaited = tabs;
      endings.later(gatheringTime, connect);
      look();
    },
    ready(tab) {
      ready.add(tab);
      look();
    },
  };
}
