/**
 * What tabs and the hub say to each other. The hub lives in the tab that holds the connection; every tab, that one
 * too, is its guest.
 *
 * Everything here is cloned on its way: no functions, no errors (see `wire-error.ts`), and no secrets.
 */

import type { ClientEvents, ConnectResult, Grant, PublishResult, ServerLimits, Status } from '../index';
import type { Message } from '../message';
import type { Wired, WireError } from './wire-error';

/** On the channel of all tabs. */
export type Announcement =
  /** A tab wants to be a guest, for the `visit`-th time. */
  | {
      readonly type: 'hello';
      readonly tab: string;
      readonly visit: number;
      readonly fingerprint: Fingerprint;
    }
  /** There is a new hub: be its guests. */
  | { readonly type: 'hub'; readonly epoch: number };

/** On the channel between one tab and the hub: what was said in one turn, to or from the hub of this epoch. */
export interface Envelope<Item> {
  readonly epoch: number;
  readonly items: readonly Item[];
}

/** A digest for each option that was given, by its name. */
export type Fingerprint = Readonly<Record<string, string>>;

/** What a tab asks the hub's client for; the arguments are as the application gave them. */
export type Call =
  | { readonly method: 'connect' | 'reauthenticate' }
  | {
      readonly method: 'publish';
      readonly topic: string;
      readonly payload: unknown;
      readonly options: object | undefined;
    }
  | {
      readonly method: 'subscribe';
      readonly subscription: number;
      readonly filters: unknown;
      readonly options: object | undefined;
      /** An earlier hub had it already. */
      readonly again: boolean;
    }
  /** Ends one Subscription of this tab. */
  | { readonly method: 'end'; readonly subscription: number }
  /** Ends all Subscriptions of this tab with these filters. */
  | { readonly method: 'unsubscribe'; readonly filters: unknown };

/** What the hub answers. */
export interface Answers {
  connect: ConnectResult;
  reauthenticate: undefined;
  publish: PublishResult;
  subscribe: readonly Wired<Grant>[];
  end: undefined;
  unsubscribe: undefined;
}

/** What became of a message in a tab: all takers have settled, one of them failed, there were none. */
export type Outcome = 'handled' | 'failed' | 'unclaimed';

/** From a tab to the hub. */
export type ToHub =
  /** `id` is the tab's, for the answer; what has a limit of its own may be aborted. */
  | { readonly type: 'call'; readonly id: number; readonly call: Call; readonly limited: boolean }
  /** The tab waits no longer for the answer. */
  | { readonly type: 'abort'; readonly id: number }
  /** This tab is done with a QoS 1 or 2 message; with `ack: 'manual'` only when nobody took it. */
  | { readonly type: 'settled'; readonly delivery: number; readonly outcome: Outcome }
  /** `message.ack()` */
  | { readonly type: 'ack'; readonly delivery: number; readonly reasonCode: number }
  /** QoS 0 messages of this weight have arrived. */
  | { readonly type: 'arrived'; readonly weight: number }
  /** Whether the tab wants to see packets. */
  | { readonly type: 'packets'; readonly wanted: boolean }
  /** All that the tab was subscribed to, it has asked for again. */
  | { readonly type: 'ready' }
  /** Are you there? */
  | { readonly type: 'ping' }
  /** I am here. */
  | { readonly type: 'pong' }
  /** The tab leaves. */
  | { readonly type: 'bye' };

/** From the hub to a tab. */
export type ToTab =
  /** The tab is a guest: it says now what it has under way. */
  | { readonly type: 'welcome'; readonly visit: number }
  /** The tab is no guest: it gave other options. */
  | { readonly type: 'refused'; readonly error: WireError }
  | { readonly type: 'ping' }
  | { readonly type: 'pong' }
  /** The tab is no guest any more, since it did not answer for long. */
  | { readonly type: 'forgotten' }
  /** The tab may go: the hub has heard that it leaves. */
  | { readonly type: 'farewell' }
  | { readonly type: 'state'; readonly state: State }
  /** With an error, or a value. */
  | {
      readonly type: 'answer';
      readonly id: number;
      readonly value?: Answers[keyof Answers];
      readonly error?: WireError;
    }
  | { readonly type: 'message'; readonly delivery: WireDelivery }
  /** The server will not send this message again: its identifier is free. */
  | { readonly type: 'released'; readonly packetId: number }
  /** No hub will hand this message out again (`ack: 'received'`). */
  | { readonly type: 'done'; readonly delivery: number }
  /** A Subscription came to its end. */
  | { readonly type: 'ended'; readonly subscription: number; readonly error: WireError }
  | { readonly type: 'event'; readonly name: keyof ClientEvents; readonly event: unknown };

/** What tabs show of the connection. */
export interface State {
  readonly status: Wired<Status>;
  readonly clientId: string;
  readonly protocolVersion: 3 | 4 | 5 | undefined;
  readonly server: ServerLimits | undefined;
  readonly stats: Counters;
  /** Filters that any tab is subscribed to, as they are on the wire: for the hub that comes next. Undefined: as before. */
  readonly filters: readonly string[] | undefined;
}

/** See `ClientStats`. */
export type Counters = Readonly<Record<(typeof counters)[number], number>>;

/** Names of the counters; the first {@link growing} only grow. */
export const counters = [
  'messagesSent',
  'messagesReceived',
  'bytesSent',
  'bytesReceived',
  'publishesFailed',
  'unreadDropped',
  'connections',
  'queued',
  'queuedBytes',
  'inFlight',
  'unacknowledged',
] as const;

/** How many counters only grow; the others tell what waits now. */
export const growing = 7;

/** A message, without what is a function, or differs from taker to taker. */
export type WireMessage = Omit<Message, 'params' | 'text' | 'json' | 'ack'>;

/** A message on its way to the takers in one tab. */
export interface WireDelivery {
  /** Counts from 1; 0 for QoS 0, which nobody waits for. */
  readonly id: number;
  /** Packet identifier of the server; undefined where it is not known. */
  readonly packetId: number | undefined;
  /** The tab may have had it before, though the server has sent it once. */
  readonly again: boolean;
  readonly message: WireMessage;
  readonly targets: readonly Target[];
}

/** A Subscription of the tab, and what its named wildcards matched. */
export interface Target {
  readonly subscription: number;
  /** Its filters, as they were given. */
  readonly pattern: string;
  readonly params: Readonly<Record<string, string>>;
}
