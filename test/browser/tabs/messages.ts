/** What the test and its tabs tell each other, as JSON. */

/** From the test. */
export type Order =
  | { readonly type: 'welcome'; readonly page: number; readonly brokerUrl: string; readonly store: StoreName }
  /** Publish nothing new, and say when all is answered. */
  | { readonly type: 'stop' };

/** From a tab. */
export type Report =
  /** It is connected and subscribed; `lockClient` is its name among the holders of Web Locks. */
  | { readonly type: 'started'; readonly lockClient: string }
  /** A message was acknowledged. */
  | { readonly type: 'accepted'; readonly id: string }
  /** A message was handled. */
  | { readonly type: 'got'; readonly id: string }
  | { readonly type: 'trouble'; readonly reason: string }
  | { readonly type: 'done' };

/** Where the session is kept. */
export type StoreName = 'indexeddb' | 'memory';

/** The client that all tabs are. */
export const sharedClientId = 'tabs';

/** The name of their connection. */
export const connectionName = 'tabs';
