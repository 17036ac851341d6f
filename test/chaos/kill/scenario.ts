/** What the application does, in which world, and what goes wrong where. */

/** One thing that the application, or somebody else who publishes to it, does. */
export type Action =
  | { readonly do: 'connect' }
  | { readonly do: 'publish'; readonly number: number; readonly qos: 1 | 2; readonly topic: string }
  | { readonly do: 'subscribe' | 'unsubscribe'; readonly filter: string }
  /** The server gets a message for the client, once that has subscribed. */
  | { readonly do: 'send'; readonly number: number; readonly qos: 1 | 2 };

/** A small world in which everything that happens is one step after the other. */
export interface Scenario {
  readonly name: string;
  readonly version: 5 | 4;
  readonly actions: readonly Action[];
  /** `slow`: each write is one step until it is durable and one until that is known; `sync`: it is durable at the call. */
  readonly store: 'slow' | 'sync';
  /**
   * What the application does in a new page: `asks again` for everything, under its keys; `goes on` with what it has
   * not begun, and does not subscribe again to what was granted.
   */
  readonly application: 'asks again' | 'goes on';
  /** As in `publish`. @default 'acknowledged' */
  readonly until?: 'stored' | 'acknowledged';
  /** As in ClientOptions. @default 'handled' */
  readonly ack?: 'handled' | 'received' | 'manual';
  /** Whether handlers take a step, or settle at once. @default 'slow' */
  readonly handlers?: 'slow' | 'immediate';
  /** The server's. @default 20 */
  readonly receiveMaximum?: number;
  /** The client's. @default 20 */
  readonly clientReceiveMaximum?: number;
  /** As in QueueOptions. @default 1_000 */
  readonly maxUnread?: number;
  /** As in ClientOptions. @default 'resend' */
  readonly sessionLost?: 'resend' | 'reject';
  /** Whether the server disconnects with this code, each time, when a message to `poison` arrives. */
  readonly poison?: number;
  /** When the server forwards a message of QoS 2; both are allowed [v5 4.3.3]. @default 'release' */
  readonly qos2Delivery?: 'release' | 'receipt';
}

/** Kinds of steps. */
export type Lane =
  | 'load'
  | 'durable'
  | 'confirm'
  | 'up'
  | 'down'
  | 'closed'
  | 'handler'
  | 'application'
  | 'server';

/** Which step goes first when several could. */
export interface Order {
  readonly name: string;
  /** These go last, in this order; the others as they arose. */
  readonly last: readonly Lane[];
  /** Whether packets that wait in one direction arrive together, in one chunk. */
  readonly chunks?: boolean;
}

/** Orders that differ in what is slow. */
export const orders: readonly Order[] = [
  { name: 'as it arises', last: [] },
  { name: 'slow disk', last: ['confirm', 'durable'] },
  { name: 'slow network', last: ['down', 'up'] },
  { name: 'slow handlers', last: ['handler'] },
  { name: 'patient application', last: ['application', 'server'] },
  { name: 'hasty application', last: ['handler', 'down', 'up', 'confirm', 'durable'] },
  { name: 'large chunks', last: ['down', 'up'], chunks: true },
];

/** Something goes wrong. */
export interface Fault {
  /**
   * `kill`: the page dies, and what its store has not made durable is lost; `cut`: the connection ends and the page
   * lives; `fail`: the store refuses the write that is due, once.
   */
  readonly kind: 'kill' | 'cut' | 'fail';
  /** How many steps are done since the start, or since the fault before. */
  readonly at: number;
  /** Whether what the client has written still reaches the server. */
  readonly arrives: boolean;
  /** Whether a write of the store that is under way becomes durable all the same. */
  readonly durable: boolean;
  /** Whether the server forgets the session. */
  readonly forgets: boolean;
}
