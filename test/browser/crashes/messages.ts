/** What the page and the test say to each other, as JSON over a WebSocket that outlives no page. */

/** What a page is told when it says hello. */
export interface Welcome {
  readonly type: 'welcome';
  /** Counts pages from 1. */
  readonly page: number;
  readonly brokerUrl: string;
  readonly protocolVersion: 4 | 5;
  readonly store: StoreName;
  /** Messages that the page before this one was told are accepted: it asks for them again, by their keys. */
  readonly askAgain: readonly string[];
}

/** Where the page keeps its session; `'memory'` shows that the test sees what is lost. */
export type StoreName = 'indexeddb' | 'memory';

/** From the page to the test. */
export type Report =
  /** The client is there, and publishes. */
  | { readonly type: 'started' }
  /** A promise of `publish` with `until: 'stored'` has resolved. */
  | { readonly type: 'accepted'; readonly id: string }
  /** A publish was rejected. */
  | { readonly type: 'rejected'; readonly id: string; readonly reason: string }
  /** A handler was called. */
  | { readonly type: 'got'; readonly id: string; readonly redelivered: boolean }
  /** The handler is done; its promise resolves when this is noted. */
  | { readonly type: 'handled'; readonly id: string }
  /** A message of an earlier page came to its end. */
  | { readonly type: 'settled'; readonly key: string | undefined; readonly reason: string | undefined }
  /** Something went wrong that no promise tells. */
  | { readonly type: 'trouble'; readonly reason: string }
  /** It was told to stop, and everything that was accepted is acknowledged. */
  | { readonly type: 'done' };

/** From the test to the page. */
export type Order =
  | Welcome
  /** A `'handled'` has arrived. */
  | { readonly type: 'noted'; readonly id: string }
  | { readonly type: 'stop' };

/** The client identifier of the page, and so the name of its session. */
export const pageClientId = 'crashing-page';

/** Name of a message of the page: its topic, payload and key. */
export interface MessageName {
  /** The page that published it first. */
  readonly page: number;
  /** Its place among the messages of this page. */
  readonly index: number;
  readonly qos: 1 | 2;
}

/** A name as text: `3/17/2` is the 17th message of page 3, with QoS 2. */
export function idOf({ page, index, qos }: MessageName): string {
  return `${page}/${index}/${qos}`;
}

/** Reads what {@link idOf} wrote. */
export function nameOf(id: string): MessageName {
  const [page = 0, index = 0, qos] = id.split('/').map(Number);
  return { page, index, qos: qos === 2 ? 2 : 1 };
}
